// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"context"
	"maps"

	"example.com/dagtrigger/internal/pubsub"
)

// topic publishes each failure as a message.
type topic struct {
	address Address
	pubsub  *pubsub.Publisher
}

func openTopic(a Address, o Options) (*topic, error) {
	client, err := o.client(a, o.PubSubEmulator, pubsub.Root)
	if err != nil {
		return nil, err
	}
	return &topic{address: a, pubsub: &pubsub.Publisher{Client: client, Topic: a.topic()}}, nil
}

func (t *topic) String() string { return t.address.String() }

// Put implements [Store]. It returns once Pub/Sub has said that it has the message.
func (t *topic) Put(ctx context.Context, r Record) error {
	r = r.filled()
	body, err := r.Encode()
	if err != nil {
		return err
	}
	const fix = "keep dead letters in a bucket, gs://BUCKET/PREFIX"
	return t.pubsub.Publish(ctx, pubsub.Message{Data: body, Attributes: attributes(&r)}, "storing the dead letter", t.String(), fix)
}

// attributes are what a subscription can filter by. One that Pub/Sub would not
// take is left out: the record has it.
func attributes(r *Record) map[string]string {
	a := map[string]string{
		"route": r.Route, "environment": r.Environment, "dag_id": r.DAGID, "dag_run_id": r.RunID,
		"content_type": "application/json",
	}
	maps.DeleteFunc(a, func(_, value string) bool { return value == "" || len(value) > pubsub.MaxAttribute })
	return a
}
