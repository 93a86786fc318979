// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/operator/delivery"
)

var defaults = delivery.Defaults{
	ID: "default-id", Time: at, Topic: "projects/p/topics/t", Subscription: "projects/p/subscriptions/s",
}

// TestParseDetectsTheKindOfAFile compares what a text and a value are in an envelope.
func TestParseDetectsTheKindOfAFile(t *testing.T) {
	t.Parallel()
	older := time.Date(2020, 12, 20, 13, 37, 33, 647_000_000, time.UTC)
	resource := `{"bucket":"b","name":"a/b.csv","generation":"17","metageneration":3,"extra":1.50}`
	object := delivery.Object{
		Bucket: "b", Name: "a/b.csv", Generation: 17, Metageneration: 3, Time: at, MessageID: "default-id",
		Subscription: defaults.Subscription, Resource: []byte(resource),
	}
	archived := object
	archived.Change, archived.Time, archived.MessageID = delivery.Archived, older, "7"
	message := delivery.Message{
		ID: "5", Topic: defaults.Topic, Subscription: defaults.Subscription, OrderingKey: "k", PublishTime: older,
		Attributes: map[string]string{"a": "b"}, Data: []byte("Hello"),
	}
	pushed := message
	pushed.Subscription = "projects/q/subscriptions/s"
	young := message
	young.OrderingKey, young.PublishTime, young.Attributes = "", at, nil
	published := message
	published.Topic = "projects/q/topics/orders"
	generic := delivery.CloudEvent{
		ID: "1", Source: "/s", Type: "t", Subject: "x", Time: older, ContentType: "text/plain",
		Extensions: map[string]string{"n": "7", "b": "true"}, DataSchema: "https://acme.example/schema", Data: []byte("hi"),
	}
	const published1 = `{"data":"SGVsbG8=","attributes":{"a":"b"},"messageId":"5","orderingKey":"k","publishTime":"2020-12-20T13:37:33.647Z"}`
	rows := []struct {
		name, text string
		as         delivery.Envelope
		want       delivery.Event
	}{
		{"an object resource", resource, delivery.Background, object},
		{"an object resource as a notification", resource, delivery.Notification, object},
		{"a message", published1, delivery.Push, message},
		{"a message in the other spelling, without a time", `{"data":"SGVsbG8=","message_id":"5"}`, delivery.Push, young},
		{"a push", `{"message":` + published1 + `,"subscription":"projects/q/subscriptions/s"}`, delivery.Push, pushed},
		{"a CloudEvent", `{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"x","time":"2020-12-20T13:37:33.647Z",
			"datacontenttype":"text/plain","data":"hi","n":7,"b":true,"none":null,
			"dataschema":"https://acme.example/schema"}`, delivery.Eventarc, generic},
		{"a CloudEvent with bytes", `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"/wA="}`, delivery.Eventarc,
			delivery.CloudEvent{ID: "1", Source: "/s", Type: "t", Time: at, Data: []byte{0xff, 0}}},
		{"a CloudEvent keeps its own attributes", `{"specversion":"1.0","id":"7","source":"/mine",` +
			`"type":"google.cloud.storage.object.v1.archived","mine":"1","data":` + resource + `}`,
			delivery.Eventarc, delivery.CloudEvent{ID: "7", Source: "/mine", Type: "google.cloud.storage.object.v1.archived",
				Time: at, Extensions: map[string]string{"mine": "1"}, Data: []byte(resource)}},
		{"a CloudEvent of a change is that change", `{"specversion":"1.0","id":"7","source":"x","time":"2020-12-20T13:37:33.647Z",` +
			`"type":"google.cloud.storage.object.v1.archived","data":` + resource + `}`,
			delivery.Background, archived},
		{"a CloudEvent of a message is that message", `{"specversion":"1.0","id":"5","source":"//pubsub.googleapis.com/projects/q/topics/orders",
			"type":"google.cloud.pubsub.topic.v1.messagePublished","data":{"message":` + published1 + `}}`, delivery.Background, published},
		{"a CloudEvent whose data is not what its type says",
			`{"specversion":"1.0","id":"7","source":"x","type":"google.cloud.storage.object.v1.archived","data":{}}`,
			delivery.Structured, delivery.CloudEvent{ID: "7", Source: "x", Type: "google.cloud.storage.object.v1.archived", Time: at,
				Data: []byte("{}")}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := delivery.Parse([]byte(row.text), defaults)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parsed.Request(row.as)
			if err != nil {
				t.Fatal(err)
			}
			want, err := row.want.Request(row.as)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%s\nwant\n%s", dump(got), dump(want))
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, text, want string }{
		{"broken JSON", `x`, "the event is not a JSON object: invalid character 'x' looking for beginning of value: write a CloudEvent, an " +
			"object resource or a Pub/Sub message"},
		{"an empty list", `[]`, "the list is not a batch of CloudEvents: there is no event in it: give one or more: give one event, or a JSON " +
			"array of CloudEvents"},
		{"a list of anything", `[1, 2]`, "the list is not a batch of CloudEvents: event 1 of the batch: the event is not a CloudEvent in JSON: " +
			"send a JSON object in UTF-8, with id, source and type: give one event, or a JSON array of CloudEvents"},
		{"half a list", `[{}`, "the batch is not valid JSON: unexpected end of JSON input: write a JSON array of CloudEvents"},
		{"a background event without an id", `{"context":{"eventType":"t"},"data":{}}`,
			"the background event cannot be read: the background event lacks eventId or eventType: send both, in context or beside data: see " +
				"https://cloud.google.com/functions/1stgendocs/writing/write-event-driven-functions"},
		{"anything", `{"hello":"world"}`, "the JSON is neither a CloudEvent (no specversion), nor an object resource (no bucket and name), " +
			"nor a Pub/Sub message (no messageId), nor a background event (no context): add what is missing; " +
			"give the data of a message alone with --data"},
		{"an old CloudEvent", `{"specversion":"0.3"}`, `the CloudEvent has the specversion "0.3": write it in version 1.0`},
		{"a wrong time", `{"specversion":"1.0","time":"yesterday"}`, `"yesterday" is not a valid time: write it as 2006-01-02T15:04:05Z`},
		{"an object without generation", `{"bucket":"b","name":"n"}`,
			"the object resource has no generation: take it from `gcloud storage objects describe --raw`, or give the event as gs://BUCKET/OBJECT"},
		{"a generation that is none", `{"bucket":"b","name":"n","generation":1.5}`,
			"the object resource cannot be read: 1.5 is not a whole number of 64 bits: take it from `gcloud storage objects describe --raw`"},
		{"data that is no base64", `{"messageId":"1","data":"?"}`,
			"the message cannot be read: illegal base64 data at input byte 0: see " +
				"https://cloud.google.com/pubsub/docs/reference/rest/v1/PubsubMessage; its data is in base64"},
		{"an empty push", `{"message":null}`, "the message lacks an id, a topic or a subscription: give it all three: Pub/Sub always does"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := delivery.Parse([]byte(row.text), delivery.Defaults{})
			if err == nil {
				_, err = parsed.Request(delivery.Push)
			}
			if err == nil || err.Error() != row.want {
				t.Errorf("error = %v\nwant    %s", err, row.want)
			}
		})
	}
}

// FuzzParse holds that whatever is read can be asked for in every envelope, and
// that its structured form is read back as the same event.
func FuzzParse(f *testing.F) {
	for _, event := range []delivery.Event{upload(), message(), custom()} {
		for _, as := range []delivery.Envelope{delivery.Structured, delivery.Push, delivery.Eventarc} {
			r, err := event.Request(as)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(r.Body)
		}
	}
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"/wA=","n":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		event, err := delivery.Parse(text, defaults)
		if err != nil {
			return
		}
		for _, as := range delivery.Envelopes() {
			r, err := event.Request(as)
			if err != nil {
				continue
			}
			_ = r.Curl("http://127.0.0.1:8080")
			if as != delivery.Structured {
				continue
			}
			again, err := delivery.Parse(r.Body, defaults)
			if err != nil {
				t.Fatalf("%v in %s", err, r.Body)
			}
			back, err := again.Request(as)
			if err != nil || dump(back) != dump(r) {
				t.Fatalf("%v: read back as\n%s\nwas\n%s", err, dump(back), dump(r))
			}
		}
	})
}

// The time of a CloudEvent is when it happened, also long ago; a push says when
// its message was published.
func TestPushOfAnOldCloudEventIsPublishedNow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	e, err := delivery.Parse([]byte(`{"specversion":"1.0","id":"7","source":"/s","type":"t","time":"2026-11-27T10:00:00Z"}`),
		delivery.Defaults{Time: now})
	if err != nil {
		t.Fatal(err)
	}
	request, err := e.Request(delivery.Push)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"publishTime":"2026-11-30T09:00:00.000Z"`, `"ce-time":"2026-11-27T10:00:00.000Z"`} {
		if !strings.Contains(string(request.Body), want) {
			t.Errorf("%s lacks %s", request.Body, want)
		}
	}
}
