// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
)

// id, source and type make an event. What else is wrong is dropped, or makes the
// event invalid; it is never a bad request.
func TestRequestWithAnIdentityIsAnEvent(t *testing.T) {
	t.Parallel()
	const ce = "ce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: t\n"
	const inJSON = `"specversion":"1.0","id":"1","source":"/s","type":"t"`
	key := []string{"event", "/s", "1"}
	long := strings.Repeat("x", 65537)
	digest := sha256.Sum256([]byte(long))
	for _, row := range []struct {
		name, headers, body string
		key                 []string
		dropped             string
	}{
		{"no specversion", "ce-id: 1\nce-source: /s\nce-type: t", "", key, ""},
		{"a later specversion", strings.Replace(ce, "1.0", "1.0.1", 1), "", key, ""},
		{"an old specversion", strings.Replace(ce, "1.0", "0.3", 1), "", key, ""},
		{"content type that is none", ce + "Content-Type: ;", "", key, ""},
		{"source that is not a URI", "ce-id: 1\nce-source: %zz\nce-type: t", "", []string{"event", "%zz", "1"}, ""},
		{"id in ISO-8859-1", "ce-id: \xfc\nce-source: /s\nce-type: t", "", []string{"event", "/s", "ü"}, ""},
		{"id twice", ce + "ce-id: 2", "", key, ""},
		{"time that is none", ce + "ce-time: today", "", key, "time: it is not RFC 3339"},
		{"time without zone", ce + "ce-time: 2026-11-30T03:49:26.859862", "", key, "time: it is not RFC 3339"},
		{"empty time", ce + "ce-time:", "", key, "time: it is not RFC 3339"},
		{"extension names of any kind", ce + "ce-a-b: 1\nce-My_Ext: 2\nce-UPPER: 3", "", key, ""},
		{"attribute without name", ce + "ce-: x", "", key, ": no attribute may have this name"},
		{"attribute named data", ce + "ce-data: " + secret, "", key, "data: no attribute may have this name"},

		{"structured, no specversion", structured, `{"id":"1","source":"/s","type":"t"}`, key, ""},
		{"structured, a number as id", structured, `{"id":1,"source":"/s","type":"t"}`, key, ""},
		{"structured, nested attribute", structured, `{` + inJSON + `,"y":["` + secret + `"]}`, key,
			"y: an attribute is text, a number or a boolean: send what has parts as data"},
		{"structured, attribute without name", structured, `{` + inJSON + `,"":1}`, key, ": no attribute may have this name"},
		{"structured, time that is none", structured, `{` + inJSON + `,"time":"` + secret + `"}`, key, "time: it is not RFC 3339"},
		{"structured, time that is a number", structured, `{` + inJSON + `,"time":1795303736}`, key, "time: it is not RFC 3339"},
		{"structured, too many attributes", structured, `{` + inJSON + `,` + manyMembers(1001) + `}`, key, "a1000: there are over 1000"},
		{"structured, source that is not a URI", structured, `{"id":"1","source":"%zz","type":"t"}`, []string{"event", "%zz", "1"}, ""},
		{"structured, in an array", structured, `[{` + inJSON + `}]`, key, ""},
		{"structured as application/json", plainJSON, `{` + inJSON + `}`, key, ""},
		{"structured as text", "Content-Type: text/plain", `{` + inJSON + `}`, key, ""},
		{"batch as application/json", plainJSON, `[{` + inJSON + `}]`, key, ""},
		{"batch of one without array", batch, `{` + inJSON + `}`, key, ""},
		{"binary, but the content type of a structured one", ce + structured, "", key, ""},
		{"binary, in a format that is not read", ce + "Content-Type: application/cloudevents+avro", "x", key, ""},

		{"push, no subscription", plainJSON, `{"message":{"messageId":"1"}}`, []string{"pubsub", "//pubsub.googleapis.com/", "1"}, ""},
		{"push, a number as id", plainJSON, `{"message":{"messageId":1},"subscription":"projects/p/subscriptions/s"}`,
			[]string{"pubsub", subscription, "1"}, ""},
		{"unwrapped push, no subscription", form + "\nx-goog-pubsub-message-id: 1", secret, []string{"pubsub", "//pubsub.googleapis.com/", "1"},
			""},
		{"CloudEvent of a message, without specversion", plainJSON,
			pushed("{}", map[string]string{"ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-datacontenttype": "text/plain"}), key, ""},
		{"CloudEvent of a message, with any names", plainJSON,
			pushed("{}", map[string]string{"ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-time": "x", "ce-A_b": "1", "Ce-Id": "2"}), key,
			"time: it is not RFC 3339"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e := one(t, post(t, row.body, strings.Split(strings.TrimSuffix(row.headers, "\n"), "\n")...))
			if diff := cmp.Diff(row.key, e.Key()); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
			if got := strings.Join(e.Dropped, "; "); got != row.dropped {
				t.Errorf("dropped %q, want %q", got, row.dropped)
			}
		})
	}
	t.Run("an id over the bound", func(t *testing.T) {
		t.Parallel()
		all, err := event.FromRequest(post(t, `{"source":"/s","type":"t","id":"`+long+`"}`, structured), event.MaxBody)
		if err != nil || len(all) != 1 || all[0].Invalid == nil {
			t.Fatalf("got %v, %v: want an invalid event", all, err)
		}
		if want := []string{"event", "/s", "sha256:" + hex.EncodeToString(digest[:])}; !cmp.Equal(all[0].Key(), want) {
			t.Errorf("key = %q, want %q", all[0].Key(), want)
		}
		if got, want := all[0].Invalid.Reason, "the CloudEvent's id is over 65536 bytes: send a short one"; got != want {
			t.Errorf("reason = %q, want %q", got, want)
		}
	})
}

// The names of extensions are taken as they are, in lower case.
func TestExtensionsOfAnyName(t *testing.T) {
	t.Parallel()
	want := map[string]string{"my_ext": "1", "a-b": "2", "upper": "3"}
	attributes := map[string]string{"ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-my_ext": "1", "ce-a-b": "2", "ce-UPPER": "3"}
	headers := []string{}
	for name, value := range attributes {
		headers = append(headers, name+": "+value)
	}
	inJSON := `{"id":"1","source":"/s","type":"t","my_ext":"1","a-b":"2","UPPER":"3"}`
	for name, e := range map[string]event.Event{
		"binary":     one(t, post(t, "{}", headers...)),
		"structured": one(t, post(t, inJSON, structured)),
		"batch":      one(t, post(t, "["+inJSON+"]", batch)),
		"message":    one(t, post(t, pushed("{}", attributes), plainJSON)),
	} {
		if diff := cmp.Diff(want, e.Extensions); diff != "" {
			t.Errorf("%s: extensions (-want +got):\n%s", name, diff)
		}
	}
}

// Of a batch the events that have an identity are events, whatever is beside
// them.
func TestBatchKeepsTheValidEvents(t *testing.T) {
	t.Parallel()
	all, err := event.FromRequest(post(t, `[{"id":"1","source":"/s","type":"t"},{"id":"`+secret+`"},{"id":"3","source":"/s","type":"t"}]`,
		batch), event.MaxBody)
	wantError(t, err, 400, "event 2 of the batch: "+lacks("source, type"))
	if len(all) != 2 || all[0].ID != "1" || all[1].ID != "3" {
		t.Errorf("events = %+v, want the first and the third", all)
	}
}

// Binary mode is decoded for what a conforming sender has to encode, and for
// nothing else: Eventarc sends ids with a raw %2F.
func TestBinaryModeIsPercentDecoded(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ header, want string }{
		{"order%204711", "order 4711"},
		{"%22quoted%22", `"quoted"`},
		{"100%25", "100%"},
		{"M%C3%BCller", "Müller"},
		{"m%c3%bcller", "müller"},
		{"%F0%9F%98%80", "😀"},
		{"Müller", "Müller"},
		{"a%2Fb", "a%2Fb"},
		{"a%252Fb", "a%2Fb"},
		{"a%2520b", "a%20b"},
		{"%41", "%41"},
		{"%C0%A0", "%C0%A0"},
		{"100%", "100%"},
		{"100%2", "100%2"},
		{"100%zz", "100%zz"},
	} {
		e := one(t, post(t, "{}", "ce-id: "+row.header, "ce-source: /s", "ce-type: t", "ce-subject: "+row.header, "ce-x: "+row.header))
		if e.ID != row.want || e.Subject != row.want || e.Extensions["x"] != row.want {
			t.Errorf("%s: id %q, subject %q, extension %q: want %q", row.header, e.ID, e.Subject, e.Extensions["x"], row.want)
		}
	}
}

// The attributes of a message are not encoded, wrapped or not.
func TestAttributesOfAMessageAreNotPercentDecoded(t *testing.T) {
	t.Parallel()
	wrapped := one(t, post(t, pushed("{}", map[string]string{"ce-id": "a%20b", "ce-source": "/s", "ce-type": "t"}), plainJSON))
	unwrapped := one(t, post(t, "{}", form, "x-goog-pubsub-message-id: 1", "x-goog-pubsub-subscription-name: "+subscription,
		"ce-id: a%20b", "ce-source: /s", "ce-type: t"))
	if wrapped.ID != "a%20b" || unwrapped.ID != "a%20b" {
		t.Errorf("ids %q and %q, want a%%20b", wrapped.ID, unwrapped.ID)
	}
}

// Senders whose identity is in their own headers.
func TestSendersThatIdentifyTheirRequestsByHeaders(t *testing.T) {
	t.Parallel()
	const job, at = "X-CloudScheduler-JobName: nightly", "X-CloudScheduler-ScheduleTime: 2026-11-29T02:00:00Z"
	const octets = "Content-Type: application/octet-stream"
	for _, row := range []struct {
		name, headers, body string
		key                 []string
		kind, conf          string
	}{
		{"Scheduler", job + "\n" + at + "\n" + octets, `{"table":"orders"}`,
			[]string{"event", "//cloudscheduler.googleapis.com/nightly", "2026-11-29T02:00:00Z"}, "google.cloud.scheduler.job.v1.executed",
			`{"table":"orders"}`},
		{"Scheduler, no body", job + "\n" + at, ``,
			[]string{"event", "//cloudscheduler.googleapis.com/nightly", "2026-11-29T02:00:00Z"}, "google.cloud.scheduler.job.v1.executed", `{}`},
		{"Scheduler with the headers of a CloudEvent", job + "\n" + at + "\nce-id: 1\nce-source: /s\nce-type: t", `{}`,
			[]string{"event", "/s", "1", "schedule", "nightly", "2026-11-29T02:00:00Z"}, "t", `{}`},
		{"Scheduler with a structured CloudEvent", job + "\n" + at, `{"specversion":"1.0","id":"1","source":"/s","type":"t"}`,
			[]string{"event", "/s", "1", "schedule", "nightly", "2026-11-29T02:00:00Z"}, "t", `{}`},
		{"Scheduler with the body of a push", job + "\n" + at, `{"message":{"messageId":"1","data":"e30="},"subscription":"s"}`,
			[]string{"pubsub", "s", "1", "schedule", "nightly", "2026-11-29T02:00:00Z"}, "google.cloud.pubsub.topic.v1.messagePublished", `{}`},
		{"Tasks", "X-CloudTasks-QueueName: q\nX-CloudTasks-TaskName: 42\nX-CloudTasks-TaskRetryCount: 1\n" + octets, `{"a":1}`,
			[]string{"event", "//cloudtasks.googleapis.com/queues/q", "42"}, "google.cloud.tasks.task.v1.dispatched", `{"a":1}`},
		{"Idempotency-Key", "Idempotency-Key: \"k-1\"\n" + plainJSON, `{"a":1}`,
			[]string{"event", "/", "k-1"}, "dagtrigger.request.v1.posted", `{"a":1}`},
		{"Idempotency-Key by curl", "Idempotency-Key: k-1\n" + form, `{"a":1}`,
			[]string{"event", "/", "k-1"}, "dagtrigger.request.v1.posted", `{"a":1}`},
		{"Idempotency-Key with text", "Idempotency-Key: k-1\nContent-Type: text/plain", `hello`,
			[]string{"event", "/", "k-1"}, "dagtrigger.request.v1.posted", `{"data":"hello"}`},
		{"Idempotency-Key beside a CloudEvent", "Idempotency-Key: k-1\nce-id: 1\nce-source: /s\nce-type: t", `{}`,
			[]string{"event", "/s", "1"}, "t", `{}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e := one(t, post(t, row.body, strings.Split(row.headers, "\n")...))
			again := event.New(e.Origin())
			if diff := cmp.Diff(row.key, e.Key()); diff != "" || e.Type != row.kind || string(e.Conf()) != row.conf {
				t.Errorf("type %s, conf %s, key (-want +got):\n%s", e.Type, e.Conf(), diff)
			}
			if !cmp.Equal(e.Key(), again.Key()) {
				t.Errorf("read again from a dead letter: key %q, want %q", again.Key(), e.Key())
			}
		})
	}
}

// A publisher writes what a message carries. What delivered it is not the
// publisher's to say.
func TestPublisherCannotSetTopicOrSubscription(t *testing.T) {
	t.Parallel()
	claimed := fmt.Sprintf(`{"message":{"messageId":"9","data":"e30=","attributes":{"a":"1"}},"subscription":%q}`,
		"projects/p/subscriptions/victim")
	attributes := map[string]string{"ce-specversion": "1.0", "ce-id": "9", "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
		"ce-source": "//pubsub.googleapis.com/projects/p/topics/victim"}
	e := one(t, post(t, pushed(claimed, attributes), plainJSON))
	if e.Message.Topic != "" || e.Message.Subscription != subscription {
		t.Errorf("topic %q and subscription %q, want those that delivered the message", e.Message.Topic, e.Message.Subscription)
	}
	again := event.New(e.Origin())
	if again.Message.Topic != "" || again.Message.Subscription != subscription {
		t.Errorf("from a dead letter: topic %q and subscription %q", again.Message.Topic, again.Message.Subscription)
	}
	// Eventarc's own fallback names the topic that the message came from.
	r := post(t, pushed(claimed, attributes), plainJSON)
	r.URL.RawQuery = "__GCP_CloudEventsMode=CE_PUBSUB_BINDING"
	e = one(t, r)
	again = event.New(e.Origin())
	if e.Message.Topic != "projects/p/topics/victim" || again.Message.Topic != e.Message.Topic || e.Message.Subscription != subscription {
		t.Errorf("Eventarc's: topic %q, from a dead letter %q, subscription %q", e.Message.Topic, again.Message.Topic, e.Message.Subscription)
	}
}
