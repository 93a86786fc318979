// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/event"
)

// carried is the event of a message that is pushed to the subscription uploads.
func carried(t *testing.T, data string, attributes map[string]string) *event.Event {
	t.Helper()
	encoded, err := json.Marshal(attributes)
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"message":{"messageId":"7","publishTime":"2026-11-22T01:02:03Z","orderingKey":"k","data":%q,"attributes":%s},`+
		`"subscription":"projects/p/subscriptions/uploads","deliveryAttempt":3}`, base64.StdEncoding.EncodeToString([]byte(data)), encoded)
	r := httptest.NewRequest(http.MethodPost, "/?__GCP_CloudEventsMode=CUSTOM_PUBSUB_projects%2Fp%2Ftopics%2Fchanges", strings.NewReader(body))
	all, err := event.FromRequest(r, event.MaxBody)
	if err != nil || len(all) != 1 || all[0].Invalid != nil {
		t.Fatalf("%+v, %v", all, err)
	}
	return &all[0]
}

// The message that carried an object's change or a CloudEvent can be matched and
// mapped as the message that is the event can.
func TestCarrierMessageIsMatchedAndMapped(t *testing.T) {
	t.Parallel()
	notified := carried(t, `{"bucket":"b","name":"a.csv","generation":"17"}`, map[string]string{
		"bucketId": "b", "objectId": "a.csv", "objectGeneration": "17", "eventType": "OBJECT_FINALIZE", "payloadFormat": "JSON_API_V1",
		"overwroteGeneration": "16", "tenant": "blue",
	})
	paid := carried(t, `{"order":1}`, map[string]string{"ce-id": "1", "ce-source": "/s", "ce-type": "paid", "ce-kind": "x", "tenant": "blue"})
	direct := object(t, "finalized", "b", "a.csv", "12")
	for _, row := range []struct {
		name string
		ev   *event.Event
		keys string
		want string // the conf, empty for none
	}{
		{"attributes", notified, "attributes: {overwroteGeneration: '*'}, conf: {was: '${message.attributes.overwroteGeneration}'}",
			`{"was":"16"}`},
		{"an attribute that is not there", notified, "attributes: {overwrittenByGeneration: '*'}", ""},
		{"topic", notified, "topic: changes, conf: {topic: '${message.topic}'}", `{"topic":"projects/p/topics/changes"}`},
		{"bucket and topic", notified, "bucket: b, topic: changes, conf: {id: '${message.id}'}", `{"id":"7"}`},
		{"another topic", notified, "topic: orders", ""},
		{"subscription", notified, "subscription: uploads, conf: {a: '${message.delivery_attempt}', k: '${message.ordering_key}', at: " +
			"'${message.publish_time}'}",
			`{"a":3,"k":"k","at":"2026-11-22T01:02:03Z"}`},
		{"no metadata", notified, "conf: {m: '${object.metadata}', t: '${object.metadata.size() == 0}'}", `{"m":{},"t":true}`},
		{"a CloudEvent's extension", paid, "attributes: {kind: x}, conf: {j: '${message.json}', d: '${data.order}'}", `{"j":{"order":1},"d":1}`},
		{"a CloudEvent's carrier", paid, "attributes: {tenant: blue}, subscription: uploads, conf: {}", `{}`},
		{"delivered by Eventarc, with a subscription", direct, "subscription: uploads", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			on := "object.finalized"
			if row.ev == paid {
				on = "paid"
			}
			d := load(t, "- {name: r, on: "+on+", dag: d, "+row.keys+"}").Decide(t.Context(), row.ev)
			if row.want == "" {
				if len(d.Plans)+len(d.Failures) > 0 {
					t.Errorf("decided %+v %v, want nothing", d.Plans, d.Failures)
				}
				return
			}
			if len(d.Plans) != 1 || string(d.Plans[0].Conf) != row.want {
				t.Errorf("decided %+v %v, want the conf %s", d.Plans, d.Failures, row.want)
			}
		})
	}
}
