// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"fmt"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
)

// keysOf are the keys of the events that the function reads in a request.
func keysOf(t *testing.T, r delivery.Request) string {
	t.Helper()
	request, err := r.HTTP(t.Context(), "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	events, err := event.FromRequest(request, event.MaxBody)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for i := range events {
		keys = append(keys, fmt.Sprint(events[i].Key()))
	}
	return strings.Join(keys, " ")
}

// Whatever the function takes as a body, a person may give to send and explain.
func TestParseTakesEveryBodyThatTheFunctionTakes(t *testing.T) {
	t.Parallel()
	const (
		resource = `{"kind":"storage#object","bucket":"acme","name":"a.csv","generation":"17","metageneration":"1"}`
		stored   = "[storage finalized acme a.csv 17]"
		sent     = "[pubsub projects/p/topics/t 77]"
		paid     = `{"specversion":"1.0","id":"7","source":"/s","type":"com.acme.paid","data":{"n":1}}`
		gcsType  = "google.storage.object.finalize"
	)
	background := func(context, data string) string { return `{"context":` + context + `,"data":` + data + `}` }
	for _, row := range []struct{ name, text, as, keys string }{
		{"a background event of a bucket", background(`{"eventId":"1","timestamp":"2020-01-01T00:00:00Z","eventType":"`+gcsType+
			`","resource":{"service":"storage.googleapis.com","name":"projects/_/buckets/acme/objects/a.csv"}}`, resource), "background", stored},
		{"one with its context in the same object as its data", `{"eventId":"1","timestamp":"2020-01-01T00:00:00Z","eventType":"` + gcsType +
			`","resource":"projects/_/buckets/acme/objects/a.csv#17","data":` + resource + `}`, "background", stored},
		{"a background event of a topic", background(`{"eventId":"77","eventType":"google.pubsub.topic.publish",`+
			`"resource":{"service":"pubsub.googleapis.com","name":"projects/p/topics/t"}}`, `{"data":"aGk="}`), "background", sent},
		{"a batch", "\n[" + paid + "," + strings.Replace(paid, `"7"`, `"8"`, 1) + "]", "batch", "[event /s 7] [event /s 8]"},
		{"a CloudEvent without a version", strings.Replace(paid, `"specversion":"1.0",`, "", 1), "structured", "[event /s 7]"},
		{"a byte order mark", "\ufeff" + paid, "eventarc", "[event /s 7]"},
		{"a list of one object", "[" + resource + "]", "eventarc", stored},
		{"a message as gcloud pulls it", `[{"ackId":"x","message":{"data":"aGk=","messageId":"77","publishTime":"2020-01-01T00:00:00Z"}}]`,
			"push", "[pubsub projects/example/subscriptions/example 77]"},
		{"a dead letter", `{"reason":"r","route":"x","dag_run_id":"y","attempts":1,"event":` + paid + `}`, "structured", "[event /s 7]"},
		{"a dead letter of a push that names no topic", `{"dag_run_id":"y","event":{"specversion":"1.0","id":"77","type":` +
			`"google.cloud.pubsub.topic.v1.messagePublished","source":"//pubsub.googleapis.com/projects/p/subscriptions/s","data":` +
			`{"subscription":"projects/p/subscriptions/s","message":{"data":"aGk=","messageId":"77"}}}}`, "structured",
			"[pubsub projects/p/subscriptions/s 77]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e, err := delivery.Parse([]byte(row.text), delivery.Defaults{
				ID: "1", Topic: delivery.DefaultTopic, Subscription: delivery.DefaultSubscription,
			})
			if err != nil {
				t.Fatal(err)
			}
			as := delivery.DefaultEnvelope(e)
			r, err := e.Request(as)
			if err != nil || string(as) != row.as {
				t.Fatalf("it is sent as %s, want %s: %v", as, row.as, err)
			}
			if got := keysOf(t, r); got != row.keys {
				t.Errorf("the function reads %s, want %s", got, row.keys)
			}
			if as == delivery.Batch {
				if _, err := e.Request(delivery.Push); err == nil || err.Error() != `a batch does not travel as "push": use one of batch` {
					t.Errorf("as a push: %v", err)
				}
			} else if r, err := e.Request(delivery.Eventarc); err != nil || keysOf(t, r) != row.keys && as != delivery.Push {
				t.Errorf("by Eventarc the function reads %s: %v", keysOf(t, r), err)
			}
		})
	}
}
