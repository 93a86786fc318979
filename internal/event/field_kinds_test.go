// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
)

const mark = "\uFEFF"

func TestByteOrderMarkBeforeJSONIsIgnored(t *testing.T) {
	t.Parallel()
	const ce = `{"specversion":"1.0","id":"1","source":"//s","type":"t","datacontenttype":"application/json","data":{"a":1}}`
	for name, body := range map[string][]string{
		"binary":             {mark + `{"a":1}`, plainJSON, "ce-id: 1", "ce-source: //s", "ce-type: t"},
		"structured":         {mark + ce, structured},
		"structured as JSON": {mark + ce, plainJSON},
		"batch":              {mark + "[" + ce + "]", batch},
		"push":               {mark + pushed(`{"a":1}`, nil), plainJSON},
		"message":            {pushed(mark+`{"a":1}`, nil), plainJSON},
		"carried": {
			pushed(mark+ce, map[string]string{"content-type": "application/cloudevents+json"}), plainJSON,
		},
	} {
		e := one(t, post(t, body[0], body[1:]...))
		if got := string(e.Conf()); got != `{"a":1}` {
			t.Errorf("%s: conf %s", name, got)
		}
		if e.Message != nil && e.IsMessage() && string(e.Message.JSON()) != `{"a":1}` {
			t.Errorf("%s: message.json %s", name, e.Message.JSON())
		}
	}
}

// A transform of the subscription can remove attributes as well as payload.
func TestNotificationWithoutSomeAttributesIsTheSameChange(t *testing.T) {
	t.Parallel()
	const resource = `{"bucket":"b","name":"n","generation":"7","metageneration":"1"}`
	full := map[string]string{
		"eventType": "OBJECT_FINALIZE", "bucketId": "b", "objectId": "n", "objectGeneration": "7", "payloadFormat": "JSON_API_V1",
	}
	want := one(t, post(t, pushed(resource, full), plainJSON))
	for _, lacking := range [][]string{
		{"payloadFormat"}, {"bucketId"}, {"objectId"}, {"objectGeneration"},
		{"bucketId", "objectId", "objectGeneration", "payloadFormat"},
	} {
		attributes := make(map[string]string)
		for name, value := range full {
			attributes[name] = value
		}
		for _, name := range lacking {
			delete(attributes, name)
		}
		e := one(t, post(t, pushed(resource, attributes), plainJSON))
		if diff := cmp.Diff(want.Key(), e.Key()); diff != "" || e.Type != want.Type || string(e.Conf()) != resource {
			t.Errorf("without %v: %s %s %s", lacking, e.Type, e.Conf(), diff)
		}
	}
	delete(full, "payloadFormat")
	if e := one(t, post(t, pushed("", full), plainJSON)); !cmp.Equal(want.Key(), e.Key()) {
		t.Errorf("neither payload nor its format: %v", e.Key())
	}
	if e := one(t, post(t, pushed(`{"a":1}`, map[string]string{"eventType": "OBJECT_FINALIZE"}), plainJSON)); e.Object != nil {
		t.Errorf("a message that names no object: %+v", e.Object)
	}
}

func TestIdentityCodingChangesNothing(t *testing.T) {
	t.Parallel()
	for _, headers := range [][]string{
		{"Content-Encoding: identity, gzip"}, {"Content-Encoding: gzip, identity"},
		{"Content-Encoding: identity", "Content-Encoding: GZIP"},
	} {
		r := post(t, "", append(headers, plainJSON, "ce-id: 1", "ce-source: //s", "ce-type: t")...)
		e := one(t, withBody(r, []byte(gzipped(t, `{"a":1}`))))
		if got := string(e.Conf()); got != `{"a":1}` {
			t.Errorf("%v: conf %s", headers, got)
		}
	}
}

// Without the job's name the schedule time still distinguishes its runs.
func TestFixedIdempotencyKeyOfSchedulerIsAnEventForEachTime(t *testing.T) {
	t.Parallel()
	keys := make(map[string]bool)
	for _, at := range []string{"2026-11-29T02:00:00Z", "2026-11-30T02:00:00Z", "2026-11-30T02:00:00Z"} {
		e := one(t, post(t, `{}`, plainJSON, "Idempotency-Key: fixed", "X-CloudScheduler-ScheduleTime: "+at))
		keys[strings.Join(e.Key(), "|")] = true
	}
	if len(keys) != 2 {
		t.Errorf("keys %v, want 2", keys)
	}
}

func TestJSONWithIDSourceTypeAndDataIsACloudEvent(t *testing.T) {
	t.Parallel()
	e := one(t, post(t, `{"id":"1","source":"//s","type":"t","data":{"a":1}}`, plainJSON))
	want := one(t, post(t, `{"specversion":"1.0","id":"1","source":"//s","type":"t","data":{"a":1}}`, structured))
	if !cmp.Equal(e.Key(), want.Key()) || string(e.Conf()) != `{"a":1}` {
		t.Errorf("key %v, conf %s", e.Key(), e.Conf())
	}
	if all, err := events(post(t, `{"id":"1","source":"web","type":"order"}`, plainJSON)); err == nil {
		t.Errorf("an order without data is no CloudEvent: %+v", all)
	}
}

func TestRefusalsFitTheSender(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		body    string
		headers []string
		want    string
	}{
		{
			`[{"id":"1","eventType":"Microsoft.Storage.BlobCreated","data":{}}]`,
			[]string{plainJSON, "aeg-event-type: Notification"}, "cloudeventschemav1_0",
		},
		{`{"a":1}`, []string{plainJSON, "X-AppEngine-QueueName: q"}, "send it as an HTTP target task"},
		{`{"a":1}`, []string{form, "User-Agent: python-requests/2.31"}, "send a header Idempotency-Key"},
		{`a=1`, []string{form, "User-Agent: curl/8.5.0"}, "the request is not an event"},
		{`a=1`, []string{form, "User-Agent: CloudPubSub-Google"}, "turn writeMetadata on"},
		{
			pushed("x", nil), []string{plainJSON, "Content-Encoding: gzip"},
			"the body is not what its Content-Encoding says: send it as it is, or by gzip or deflate",
		},
	} {
		_, err := events(post(t, row.body, row.headers...))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s %v: %v, want %q", row.body, row.headers, err, row.want)
		}
	}
}

// The bytes of dead letters never change: these are the escapes that the first
// versions wrote.
func TestAttributesKeepTheirEscapes(t *testing.T) {
	t.Parallel()
	ce := event.CloudEvent{ID: "a\b\f\u2028\u2029\t\n\\b\\u2028<&>\"\x01é", Source: "s", Type: "t"}
	const want = `{"specversion":"1.0","id":"a\u0008\u000c` + "\u2028\u2029" + `\t\n\\b\\u2028<&>\"\u0001é","source":"s","type":"t"}`
	if got := string(ce.EncodeAttributes()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	again, err := event.DecodeJSON(ce.EncodeJSON())
	if err != nil || again.ID != ce.ID {
		t.Errorf("read again: %q, %v", again.ID, err)
	}
}
