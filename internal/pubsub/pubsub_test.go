// SPDX-License-Identifier: Apache-2.0

package pubsub_test

import (
	"net/http"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/pubsub"
	"example.com/dagtrigger/internal/rest"
)

func TestParseTopic(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"projects/acme-data/topics/runs":        "",
		"projects/acme.com:data/topics/r.un~s":  "",
		"projects/acme-data/subscriptions/runs": "names no topic",
		"projects/acme-data/topics/runs/":       "names no topic",
		"acme-data/runs":                        "names no topic",
		"projects/ACME/topics/runs":             `names a project that cannot be: "ACME" has to have 6 to 100 of a-z 0-9 : . -`,
		"projects/acme-data/topics/goog": `names a topic that cannot be: "goog" has to have ` +
			`3 to 255 of A-Z a-z 0-9 . _ ~ + % -, a letter first, not goog`,
	} {
		topic, err := pubsub.ParseTopic(name)
		if got := message(err); got != want || err == nil && topic.String() != name {
			t.Errorf("%s: %s, %s", name, topic, got)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Nothing is sent that Pub/Sub would refuse for its size.
func TestMessageOverABoundIsNotSent(t *testing.T) {
	t.Parallel()
	p := pubsub.Publisher{
		Client: &rest.Client{HTTP: &http.Client{Transport: noTransport{t}}},
		Topic:  pubsub.Topic{Project: "acme-data", ID: "runs"},
	}
	for want, m := range map[string]pubsub.Message{
		"publishing in here: it has 9983617 bytes, and a message at most 9983616; shrink it": {Data: make([]byte, pubsub.MaxData+1)},
		"publishing in here: its attribute dag_id has 1025 bytes, and a message at most 1024; shrink it": {
			Attributes: map[string]string{"dag_id": strings.Repeat("d", 1025)},
		},
	} {
		if err := p.Publish(t.Context(), m, "publishing", "here", "shrink it"); message(err) != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

type noTransport struct{ t *testing.T }

func (n noTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("%s was sent", r.URL)
	return nil, http.ErrHandlerTimeout
}
