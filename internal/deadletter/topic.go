// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"

	"google.golang.org/api/pubsub/v1"
)

// maxMessage is the size of a message in bytes, attributes included, with
// something left for those: https://cloud.google.com/pubsub/quotas#resource_limits
const maxMessage = 10_000_000 - 16<<10

// maxAttribute is the size of an attribute's value in bytes (same page).
const maxAttribute = 1024

// topic publishes each failure as a message.
type topic struct {
	address Address
	topics  *pubsub.ProjectsTopicsService
}

func openTopic(a Address, o Options) (*topic, error) {
	service, err := openPubSub(a, o)
	if err != nil {
		return nil, err
	}
	return &topic{address: a, topics: service.Projects.Topics}, nil
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
	message := &pubsub.PubsubMessage{Data: base64.StdEncoding.EncodeToString(body), Attributes: attributes(&r)}
	_, err = t.topics.Publish(t.address.topic(), &pubsub.PublishRequest{Messages: []*pubsub.PubsubMessage{message}}).
		Context(ctx).Do()
	if err != nil {
		return failed("storing the dead letter", t.String(), err, fixes{
			forbidden: "give this account the role roles/pubsub.publisher on the topic",
			missing:   fmt.Sprintf("make the topic: gcloud pubsub topics create %s --project=%s", t.address.name, t.address.project),
			tooLarge:  "keep dead letters in a bucket, gs://BUCKET/PREFIX",
		})
	}
	return nil
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
