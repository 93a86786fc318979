// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/pull"
)

const (
	subscription = "projects/acme-prod/subscriptions/orders"
	notification = `{"bucket":"acme-landing","name":"a.csv","generation":"1","metageneration":"1","size":"7"}`
)

// text and data are attributes and data of a message.
type text = map[string]string

func message(data string, attributes text) *pubsub.Message {
	return &pubsub.Message{
		ID: "4711", Data: []byte(data), Attributes: attributes, PublishTime: time.Date(2026, 11, 22, 9, 30, 0, 123e6, time.UTC),
	}
}

func with(m *pubsub.Message, change func(*pubsub.Message)) *pubsub.Message {
	change(m)
	return m
}

// The bodies are what Pub/Sub pushes, byte for byte but for the order of the members.
func TestPulledMessageIsTheEventOfItsPush(t *testing.T) {
	t.Parallel()
	const rest = `"messageId":"4711","message_id":"4711","publishTime":"2026-11-22T09:30:00.123Z","publish_time":"2026-11-22T09:30:00.123Z"` +
		`},"subscription":"projects/acme-prod/subscriptions/orders"`
	attempt := 3
	for _, row := range []struct {
		name    string
		message *pubsub.Message
		push    string
		typ     string // of the event
	}{
		{"JSON", message(`{"order":4711}`, nil), `{"message":{"data":"eyJvcmRlciI6NDcxMX0=",` + rest + `}`, messagePublished},
		{"text", message("a<b>&\"c\" ü", nil), `{"message":{"data":"YTxiPiYiYyIgw7w=",` + rest + `}`, messagePublished},
		{"bytes", message("\xff\x00", nil), `{"message":{"data":"/wA=",` + rest + `}`, messagePublished},
		{"no data", message("", text{"a": "1"}), `{"message":{"attributes":{"a":"1"},` + rest + `}`, messagePublished},
		{
			"attributes that need quotes", message("x", text{"a\"b": "\u2028\\<é>", "": "\x01"}),
			`{"message":{"attributes":{"a\"b":"\u2028\\<é>","":"\u0001"},"data":"eA==",` + rest + `}`, messagePublished,
		},
		{
			"an ordering key", with(message("x", nil), func(m *pubsub.Message) { m.OrderingKey = "k" }),
			`{"message":{"data":"eA==","orderingKey":"k",` + rest + `}`, messagePublished,
		},
		{
			"a delivery attempt", with(message("x", nil), func(m *pubsub.Message) { m.DeliveryAttempt = &attempt }),
			`{"deliveryAttempt":3,"message":{"data":"eA==",` + rest + `}`, messagePublished,
		},
		{
			"a notification of Cloud Storage", message(notification, text{
				"eventType": "OBJECT_FINALIZE", "payloadFormat": "JSON_API_V1", "bucketId": "acme-landing", "objectId": "a.csv",
				"objectGeneration": "1",
			}), `{"message":{"attributes":{"bucketId":"acme-landing","eventType":"OBJECT_FINALIZE","objectGeneration":"1","objectId":"a.csv",` +
				`"payloadFormat":"JSON_API_V1"},"data":"eyJidWNrZXQiOiJhY21lLWxhbmRpbmciLCJuYW1lIjoiYS5jc3YiLCJnZW5lcmF0aW9uIjoiMSIsIm1ldGFnZW5l` +
				`cmF0aW9uIjoiMSIsInNpemUiOiI3In0=",` + rest + `}`, "google.cloud.storage.object.v1.finalized",
		},
		{
			"a CloudEvent in attributes", message(`{"a":1}`, text{
				"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/shop", "ce-type": "com.acme.order", "Content-Type": "application/json",
			}), `{"message":{"attributes":{"Content-Type":"application/json","ce-id":"7","ce-source":"/shop","ce-specversion":"1.0",` +
				`"ce-type":"com.acme.order"},"data":"eyJhIjoxfQ==",` + rest + `}`, "com.acme.order",
		},
		{
			"a structured CloudEvent", message(`{"specversion":"1.0","id":"7","source":"/shop","type":"com.acme.order","data":1}`, text{
				"content-type": "application/cloudevents+json",
			}), `{"message":{"attributes":{"content-type":"application/cloudevents+json"},"data":"eyJzcGVjdmVyc2lvbiI6IjEuMCIsImlkIjoiNyIs` +
				`InNvdXJjZSI6Ii9zaG9wIiwidHlwZSI6ImNvbS5hY21lLm9yZGVyIiwiZGF0YSI6MX0=",` + rest + `}`, "com.acme.order",
		},
		{
			"an invalid CloudEvent", message("{", text{"content-type": "application/cloudevents+json"}),
			`{"message":{"attributes":{"content-type":"application/cloudevents+json"},"data":"ew==",` + rest + `}`, messagePublished,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			request, err := pull.PushOf(t.Context(), subscription, "", row.message)
			if err != nil {
				t.Fatal(err)
			}
			push := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(row.push))
			push.Header.Set("Content-Type", "application/json")
			pulled, pushed := decoded(t, request), decoded(t, push)
			if pulled.Type != row.typ || !reflect.DeepEqual(pulled.Key(), pushed.Key()) {
				t.Errorf("pulled, it is %s %q; pushed %s %q", pulled.Type, pulled.Key(), pushed.Type, pushed.Key())
			}
			if diff := cmp.Diff(pushed, pulled, cmp.FilterPath(unexported, cmp.Ignore())); diff != "" {
				t.Errorf("the event differs (-pushed +pulled):\n%s", diff)
			}
		})
	}
}

const messagePublished = "google.cloud.pubsub.topic.v1.messagePublished"

// unexported are fields that keep the envelope, whose members have another order.
func unexported(p cmp.Path) bool {
	field, ok := p.Last().(cmp.StructField)
	return ok && strings.ToLower(field.Name()[:1]) == field.Name()[:1]
}

func decoded(t *testing.T, r *http.Request) *event.Event {
	t.Helper()
	events, err := event.FromRequest(r, event.MaxBody)
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	return &events[0]
}

// The body has the length that it announces, by which the function counts its memory.
func TestPushAnnouncesItsLength(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2, 3, 100_000} {
		r, err := pull.PushOf(t.Context(), subscription, "", message(strings.Repeat("x", size), nil))
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for buffer := make([]byte, 1000); ; {
			read, err := r.Body.Read(buffer)
			n += int64(read)
			if err != nil {
				break
			}
		}
		if n != r.ContentLength {
			t.Errorf("%d bytes of data: it has %d bytes and announces %d", size, n, r.ContentLength)
		}
	}
}

// Where its topic is named, a message is the event that an Eventarc trigger for the topic
// delivers: routes pick it by topic, and its run ids are the same.
func TestPulledMessageOfATopicIsTheEventOfItsTrigger(t *testing.T) {
	t.Parallel()
	const named = "projects/acme-prod/topics/orders+50%25"
	request, err := pull.PushOf(t.Context(), subscription, named, message(`{"order":4711}`, nil))
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"message":{"data":"eyJvcmRlciI6NDcxMX0=","messageId":"4711","publishTime":"2026-11-22T09:30:00.123Z"},` +
		`"subscription":"projects/acme-prod/subscriptions/orders"}`
	push := httptest.NewRequest(http.MethodPost, "/?__GCP_CloudEventsMode=CUSTOM_PUBSUB_projects%2Facme-prod%2Ftopics%2Forders%2B50%2525",
		strings.NewReader(body))
	push.Header.Set("Content-Type", "application/json")
	pulled, pushed := decoded(t, request), decoded(t, push)
	if pulled.Message.Topic == "" || !reflect.DeepEqual(pulled.Key(), pushed.Key()) {
		t.Errorf("pulled, it is %q of %s; pushed %q of %s", pulled.Key(), pulled.Message.Topic, pushed.Key(), pushed.Message.Topic)
	}
	if diff := cmp.Diff(pushed, pulled, cmp.FilterPath(unexported, cmp.Ignore())); diff != "" {
		t.Errorf("the event differs (-pushed +pulled):\n%s", diff)
	}
}
