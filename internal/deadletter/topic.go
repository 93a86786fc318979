// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"example.com/dagtrigger/internal/rest"
)

// maxMessage is the size of a message in bytes, attributes included, with
// something left for those: https://cloud.google.com/pubsub/quotas#resource_limits
const maxMessage = 10_000_000 - 16<<10

// maxAttribute is the size of an attribute's value in bytes (same page).
const maxAttribute = 1024

// topic publishes each failure as a message.
type topic struct {
	address Address
	pubsub  *rest.Client
}

func openTopic(a Address, o Options) (*topic, error) {
	client, err := o.client(a, o.PubSubEmulator, "https://pubsub.googleapis.com")
	if err != nil {
		return nil, err
	}
	return &topic{address: a, pubsub: client}, nil
}

func (t *topic) String() string { return t.address.String() }

// Put implements [Store]. It returns once Pub/Sub has said that it has the message.
func (t *topic) Put(ctx context.Context, r Record) error {
	r = r.filled()
	body, err := r.Encode()
	if err != nil {
		return err
	}
	if len(body) > maxMessage {
		return &Error{
			Doing: "storing the dead letter", Place: t.String(),
			Err: fmt.Errorf("it has %d bytes, and a message at most %d", len(body), maxMessage),
			Fix: "keep dead letters in a bucket, gs://BUCKET/PREFIX",
		}
	}
	request := publishRequest{Messages: []pubsubMessage{{Data: body, Attributes: attributes(&r)}}}
	err = t.pubsub.Call(ctx, rest.Request{Method: http.MethodPost, Path: "/v1/" + t.address.topic() + ":publish"}, request, nil)
	if err != nil {
		return failed("storing the dead letter", t.String(), err, fixes{
			forbidden: "give this account the role roles/pubsub.publisher on the topic",
			missing:   fmt.Sprintf("make the topic: gcloud pubsub topics create %s --project=%s", t.address.name, t.address.project),
			tooLarge:  "keep dead letters in a bucket, gs://BUCKET/PREFIX",
		})
	}
	return nil
}

// publishRequest and pubsubMessage are of the Pub/Sub API:
// https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish
type publishRequest struct {
	Messages []pubsubMessage `json:"messages"`
}

type pubsubMessage struct {
	Data       []byte            `json:"data,omitempty"` // base64 in JSON
	Attributes map[string]string `json:"attributes,omitempty"`
	MessageID  string            `json:"messageId,omitempty"`
}

// attributes are what a subscription can filter by. One that Pub/Sub would not
// take is left out: the record has it.
func attributes(r *Record) map[string]string {
	a := map[string]string{
		"route": r.Route, "environment": r.Environment, "dag_id": r.DAGID, "dag_run_id": r.RunID,
		"content_type": "application/json",
	}
	maps.DeleteFunc(a, func(_, value string) bool { return value == "" || len(value) > maxAttribute })
	return a
}
