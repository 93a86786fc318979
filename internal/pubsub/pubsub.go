// SPDX-License-Identifier: Apache-2.0

// Package pubsub publishes messages to Pub/Sub, one request each, and knows Google's rules
// for the names of topics. Its callers say what a message is for.
//
// It never creates a topic, and never pulls.
package pubsub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"example.com/dagtrigger/internal/rest"
)

// Root is the address of Pub/Sub.
const Root = "https://pubsub.googleapis.com"

// Pub/Sub's bounds on a message, in bytes: https://cloud.google.com/pubsub/quotas#resource_limits
const (
	// MaxData is what the data may have: a message has at most 10 MB, and some of it is
	// left for the attributes.
	MaxData = 10_000_000 - 16<<10
	// MaxAttribute is what the value of an attribute may have.
	MaxAttribute = 1024
)

// Topic is the name of a topic.
type Topic struct{ Project, ID string }

// ParseTopic reads projects/P/topics/T. Its error continues a sentence that begins with
// the name.
func ParseTopic(name string) (Topic, error) {
	project, id, err := parse(name, "topic")
	return Topic{Project: project, ID: id}, err
}

// ParseSubscription reads projects/P/subscriptions/S, and returns P and S. Its error is as
// that of [ParseTopic].
func ParseSubscription(name string) (project, id string, err error) {
	return parse(name, "subscription")
}

func parse(name, kind string) (project, id string, err error) {
	parts := strings.Split(name, "/")
	switch {
	case len(parts) != 4 || parts[0] != "projects" || parts[2] != kind+"s":
		return "", "", errors.New("names no " + kind)
	case !IsProject(parts[1]):
		return "", "", fmt.Errorf("names a project that cannot be: %.60q has to have 6 to 100 of a-z 0-9 : . -", parts[1])
	case !IsID(parts[3]):
		const want = "3 to 255 of A-Z a-z 0-9 . _ ~ + % -, a letter first, not goog"
		return "", "", fmt.Errorf("names a %s that cannot be: %.60q has to have %s", kind, parts[3], want)
	}
	return parts[1], parts[3], nil
}

// String is the topic's resource name.
func (t Topic) String() string { return "projects/" + t.Project + "/topics/" + t.ID }

const (
	lower, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	letters       = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// IsProject reports whether name can be that of a project; a project of a domain has a
// dot and a colon, as in acme.com:p. See
// https://cloud.google.com/resource-manager/docs/creating-managing-projects
func IsProject(name string) bool { return isName(name, 6, 100, lower+digits+"-.:") }

// IsID reports whether name can be that of a topic or a subscription. See
// https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
func IsID(name string) bool {
	return isName(name, 3, 255, letters+digits+"-._~+%") && strings.Contains(letters, name[:1]) && !strings.HasPrefix(name, "goog")
}

// isName reports whether name has from least to most letters, all among those allowed.
func isName(name string, least, most int, allowed string) bool {
	return len(name) >= least && len(name) <= most && strings.Trim(name, allowed) == ""
}

// Message is a message of the Pub/Sub API:
// https://cloud.google.com/pubsub/docs/reference/rest/v1/PubsubMessage
type Message struct {
	Data       []byte            `json:"data,omitempty"` // base64 in JSON
	Attributes map[string]string `json:"attributes,omitempty"`
	MessageID  string            `json:"messageId,omitempty"` // of one that was pulled
}

// Publisher publishes to a topic.
type Publisher struct {
	Client *rest.Client // of Pub/Sub, or of an emulator
	Topic  Topic
}

// TooLargeError is about a message that Pub/Sub does not take. Nothing was sent.
type TooLargeError struct {
	Doing, Place string
	What         string // such as "it has 12 bytes"
	Most         int    // in bytes
	Fix          string
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s in %s: %s, and a message at most %d; %s", e.Doing, e.Place, e.What, e.Most, e.Fix)
}

// Publish returns once Pub/Sub has said that it has the message; it sends a request again
// as [rest.Client.Send] does, so that the message may be there twice. The error is a
// [*TooLargeError] or a [*rest.Failure], which names what it was doing, and the place. smaller is
// what to do about a message that is too large.
func (p *Publisher) Publish(ctx context.Context, m Message, doing, place, smaller string) error {
	if len(m.Data) > MaxData {
		return &TooLargeError{Doing: doing, Place: place, What: fmt.Sprintf("it has %d bytes", len(m.Data)), Most: MaxData, Fix: smaller}
	}
	for name, value := range m.Attributes {
		if len(value) > MaxAttribute {
			return &TooLargeError{
				Doing: doing, Place: place, What: fmt.Sprintf("its attribute %s has %d bytes", name, len(value)), Most: MaxAttribute, Fix: smaller,
			}
		}
	}
	request := struct {
		Messages []Message `json:"messages"`
	}{[]Message{m}}
	err := p.Client.Call(ctx, rest.Request{Method: http.MethodPost, Path: "/v1/" + p.Topic.String() + ":publish"}, request, nil)
	if err == nil {
		return nil
	}
	return rest.Explain(doing, place, err, rest.Fixes{
		Forbidden: "give this account the role roles/pubsub.publisher on the topic",
		Missing:   fmt.Sprintf("make the topic: gcloud pubsub topics create %s --project=%s", p.Topic.ID, p.Topic.Project),
		TooLarge:  smaller,
	})
}
