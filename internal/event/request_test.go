// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
)

const (
	structured = "Content-Type: application/cloudevents+json"
	batch      = "Content-Type: application/cloudevents-batch+json"
	form       = "Content-Type: application/x-www-form-urlencoded"
	plainJSON  = "Content-Type: application/json"
)

// secret stands for what is in a body. It must never be in an error.
const secret = "PrivateWord"

const (
	notAnEvent = "the request is not an event: it has neither the headers of a CloudEvent (ce-specversion, ce-id, ce-source, ce-type) " +
		"nor a body that is a CloudEvent in JSON, a Pub/Sub push or a background event; " +
		"send one of them, or a header Idempotency-Key with a value that is new for each event"
	notIdentified = "the JSON has no identity, without which it would start a run again each time it is sent: " +
		"send a header Idempotency-Key with a value that is new for each event, or make it a CloudEvent: " +
		"headers ce-specversion: 1.0, ce-id, ce-source and ce-type"
	notWritten = "the request looks like a Pub/Sub push without wrapping and without metadata, so that its message has no id: " +
		"turn writeMetadata on: gcloud pubsub subscriptions update SUBSCRIPTION --push-no-wrapper --push-no-wrapper-write-metadata"
	notScheduled = "the request of Cloud Scheduler has no X-CloudScheduler-ScheduleTime, without which its runs cannot be distinguished: " +
		"give the job a schedule in cron's format, or have it publish to a Pub/Sub topic: " +
		"gcloud scheduler jobs create pubsub JOB --location=LOCATION --schedule='0 2 * * *' --topic=TOPIC --message-body=TEXT"
	notTask = "the request of Cloud Tasks has no X-CloudTasks-QueueName and X-CloudTasks-TaskName: " +
		"send it as an HTTP target task, and let no proxy remove its headers"
	notWrapped = "the Pub/Sub push lacks messageId, without which its message has no identity: " +
		"send what Pub/Sub sends, with messageId and subscription"
	notStructured = "the event is not a CloudEvent in JSON: send a JSON object in UTF-8, with id, source and type"
	notBatch      = "the body is not a batch of CloudEvents: send a JSON array in UTF-8"
	noBackground  = "the background event lacks eventId or eventType: send both, in context or beside data"
	tooDeep       = "the event's JSON is nested over 200 levels, which Airflow may be unable to read: send it flatter"
)

func lacks(attributes string) string {
	return "the CloudEvent lacks " + attributes + ": send a CloudEvent of version 1.0, with id, source and type"
}

// What a request lacks is said in words that fit what it shows, with the fix for
// that sender.
func TestRequestWithoutIdentityErrors(t *testing.T) {
	t.Parallel()
	const inJSON = `"specversion":"1.0","id":"1","source":"/s","type":"t","x":"` + secret + `"`
	const curl, scheduler = "User-Agent: curl/8.9.1", "User-Agent: Google-Cloud-Scheduler"
	for _, row := range []struct{ name, headers, body, want string }{
		{"nothing", "", "", notAnEvent},
		{"text", "Content-Type: text/plain", secret, notAnEvent},
		{"JSON of another kind", plainJSON, `{"hello":"` + secret + `"}`, notIdentified},
		{"JSON by curl -d", form + "\n" + curl, `{"hello":"` + secret + `"}`, notIdentified},
		{"JSON array", plainJSON, `["` + secret + `"]`, notIdentified},
		{"broken JSON", plainJSON, `{"message":{"messageId":"` + secret, notAnEvent},
		{"not UTF-8", plainJSON, "{\"message\":{\"messageId\":\"\xff\"},\"subscription\":\"s\"}", notAnEvent},
		{"unwrapped push without metadata", form, `{"order":"` + secret + `"}`, notWritten},
		{"unwrapped notification without metadata", form +
			"\nbucketid: b\nobjectid: o\nobjectgeneration: 1\neventtype: OBJECT_FINALIZE\npayloadformat: NONE", "", notWritten},
		{"Scheduler without schedule", scheduler + "\nX-CloudScheduler: true\nContent-Type: application/octet-stream", `{"a":1}`, notScheduled},
		{"Tasks without task", "User-Agent: Google-Cloud-Tasks\nX-CloudTasks-QueueName: q", `{"a":1}`, notTask},

		{"no id", "ce-specversion: 1.0\nce-source: /s\nce-type: t", secret, lacks("id")},
		{"no id, source and type", "ce-specversion: 1.0", secret, lacks("id, source, type")},
		{"blank id", "ce-specversion: 1.0\nce-id:  \nce-source: /s\nce-type: t", secret, lacks("id")},
		{"encoded blank id", "ce-specversion: 1.0\nce-id: %20\nce-source: /s\nce-type: t", secret, lacks("id")},

		{"structured, empty", structured, "", notStructured},
		{"structured, cut off", structured, `{` + inJSON, notStructured},
		{"structured, twice", structured, `{` + inJSON + `}{}`, notStructured},
		{"structured, not UTF-8", structured, `{` + inJSON + ",\"data\":\"\xff\"}", notStructured},
		{"structured, no id", structured, `{"specversion":"1.0","source":"/s","type":"` + secret + `"}`, lacks("id")},
		{"structured, null id", structured, `{"specversion":"1.0","id":null,"source":"/s","type":"t"}`, lacks("id")},
		{"structured, nested id", structured, `{"specversion":"1.0","id":{},"source":"/s","type":"t"}`, lacks("id")},
		{"structured as application/json, no type", plainJSON, `{"specversion":"1.0","id":"` + secret + `","source":"/s"}`, lacks("type")},

		{"batch, cut off", batch, `[{` + inJSON + `}`, notBatch},
		{"batch of texts", batch, `["` + secret + `"]`, "event 1 of the batch: " + notStructured},

		{"push, no id", plainJSON, `{"message":{"data":"` + secret + `"},"subscription":"projects/p/subscriptions/s"}`, notWrapped},
		{"push, a message that is text", plainJSON, `{"message":"` + secret + `","subscription":"projects/p/subscriptions/s"}`, notIdentified},
		{"background, no id", plainJSON, `{"context":{"eventType":"t"},"data":{}}`, noBackground},
		{"background, no type", plainJSON, `{"eventId":"1","data":{"x":"` + secret + `"}}`, noBackground},
		{"background, no resource", plainJSON, `{"eventId":"1","eventType":"t","data":{}}`, lacks("source")},
		{"background, no data", plainJSON, `{"context":{"eventId":"1","eventType":"t"}}`, notIdentified},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			if row.headers != "" {
				headers = strings.Split(strings.TrimSuffix(row.headers, "\n"), "\n")
			}
			_, err := event.FromRequest(post(t, row.body, append(headers, "Accept: */*")...), event.MaxBody)
			wantError(t, err, http.StatusBadRequest, row.want)
		})
	}
}

func TestOtherCloudEventsFormatsAreUnsupported(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"avro", "protobuf", "xml"} {
		_, err := event.FromRequest(post(t, "x", "Content-Type: application/cloudevents+"+format), event.MaxBody)
		wantError(t, err, http.StatusUnsupportedMediaType,
			"CloudEvents in this format are not read: send application/cloudevents+json, or binary mode")
	}
}

func wantError(t *testing.T, err error, status int, reason string) {
	t.Helper()
	e, ok := errors.AsType[*event.Error](err)
	if !ok {
		t.Fatalf("err = %v, want an *event.Error", err)
	}
	if diff := cmp.Diff(reason, e.Error()); diff != "" {
		t.Errorf("reason (-want +got):\n%s", diff)
	}
	if e.Status != status {
		t.Errorf("status = %d, want %d", e.Status, status)
	}
	if strings.Contains(e.Error(), secret) {
		t.Error("the reason repeats the body")
	}
}

func TestBodyIsLimited(t *testing.T) {
	t.Parallel()
	const limit = 1000
	const want = "the body is over the limit of 1000 bytes: put the data into an object and send its name"
	ce := []string{"ce-specversion: 1.0", "ce-id: 1", "ce-source: /s", "ce-type: t", "Content-Type: text/plain"}
	for _, row := range []struct {
		name    string
		size    int
		chunked bool // no Content-Length
		allowed bool
	}{
		{"at the limit", limit, false, true},
		{"at the limit, chunked", limit, true, true},
		{"over it", limit + 1, false, false},
		{"over it, chunked", limit + 1, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := post(t, strings.Repeat("x", row.size), ce...)
			if row.chunked {
				r.ContentLength = -1
			}
			ces, err := event.FromRequest(r, limit)
			if !row.allowed {
				wantError(t, err, http.StatusRequestEntityTooLarge, want)
				return
			}
			if err != nil || len(ces[0].Data) != row.size {
				t.Errorf("FromRequest = %v, %v", ces, err)
			}
		})
	}
}

// A sender that announces too much is refused at once, and for one that announces
// much and sends nothing little is set aside. It is not parallel: it counts memory.
func TestContentLengthDoesNotAllocate(t *testing.T) {
	r := post(t, "", "ce-specversion: 1.0")
	r.Body = io.NopCloser(iotest.ErrReader(errors.New("read")))
	r.ContentLength = event.MaxBody + 1
	_, err := event.FromRequest(r, event.MaxBody)
	wantError(t, err, http.StatusRequestEntityTooLarge,
		"the body is over the limit of 16777216 bytes: put the data into an object and send its name")

	r.ContentLength = event.MaxBody
	got := allocated(func() { _, err = event.FromRequest(r, event.MaxBody) })
	wantError(t, err, http.StatusBadRequest, "reading the body: read: send the whole request again")
	if got > 256<<10 {
		t.Errorf("%d bytes are allocated on the word of a Content-Length", got)
	}
}

// allocated returns how many bytes f allocates in all, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// No body makes more memory than a small multiple of its size, whatever it
// says. It is not parallel: it counts memory.
func TestMemoryIsBoundedByTheBody(t *testing.T) {
	const size = 512 << 10
	fill := func(part string) string { return strings.TrimSuffix(strings.Repeat(part, size/len(part)), ",") }
	escapes := fill(`\u0041`)
	encoded := base64.StdEncoding.EncodeToString([]byte(fill("[],")))
	const ce = `"specversion":"1.0","id":"1","source":"/s","type":"t"`
	const note = `"bucketId":"b","objectId":"o","objectGeneration":"1","eventType":"OBJECT_FINALIZE","payloadFormat":"JSON_API_V1"`
	for _, row := range []struct{ name, contentType, body string }{
		{"nothing that means anything", plainJSON, "[" + fill("[],") + "]"},
		{"a body of members", plainJSON, `{"message":{},` + fill(`"a":1,`) + `}`},
		{"a body of escaped members", plainJSON, `{"message":{},` + fill(`"\n":1,`) + `}`},
		{"escaped members, nested", plainJSON, `{"message":{"x":{` + fill(`"\n":1,`) + `}}}`},
		{"open arrays", plainJSON, fill("[")},
		{"structured, nested attribute", structured, `{` + ce + `,"x":[` + fill("[],") + `]}`},
		{"structured, many attributes", structured, `{` + ce + `,` + manyMembers(size/12) + `}`},
		{"structured, escapes", structured, `{` + ce + `,"data":"` + escapes + `","datacontenttype":"text/plain"}`},
		{"structured, a long id", structured, `{"specversion":"1.0","source":"/s","type":"t","id":"` + escapes + `"}`},
		{"structured, a long source", structured, `{"specversion":"1.0","id":"1","type":"t","source":"/` + fill("ü") + `"}`},
		{"structured, base64", structured, `{` + ce + `,"data_base64":"` + encoded + `"}`},
		{"batch of nothing", batch, "[" + fill("{},") + "]"},
		{"batch of events", batch, "[" + fill("{"+ce+"},") + "]"},
		{"push, many attributes", plainJSON, `{"message":{"messageId":"1","attributes":{` + manyMembers(size/12) + `}},"subscription":"s"}`},
		{"push, text", plainJSON, pushed(fill("\x01"), nil)},
		{"push, array", plainJSON, pushed("["+fill("[],")+"]", nil)},
		{"push, notification", plainJSON, `{"message":{"messageId":"1","attributes":{` + note + `},"data":"` + encoded +
			`"},"subscription":"s"}`},
		{"background", plainJSON, `{"eventId":"1","eventType":"google.pubsub.topic.publish","resource":"r","data":{"data":"` + encoded + `"}}`},
		{"background, controls", plainJSON, `{"eventId":"1","eventType":"t","resource":"` + fill("ü") + `","data":{}}`},
	} {
		r := post(t, row.body, row.contentType)
		got := allocated(func() {
			all, _ := events(r)
			for i := range all {
				_ = all[i].Conf()
			}
		})
		// A control character is six bytes in a conf, and buffers grow twofold.
		if limit := uint64(64 * len(row.body)); got > limit {
			t.Errorf("%s: %d bytes are allocated for a body of %d", row.name, got, len(row.body))
		}
	}
}

func TestBatchIsSplitAndLimited(t *testing.T) {
	t.Parallel()
	const element = `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1}`
	of := func(n int) *http.Request {
		return post(t, "["+strings.TrimSuffix(strings.Repeat(element+",", n), ",")+"]", batch+"; charset=utf-8")
	}
	for _, n := range []int{0, 1, 1000} {
		if ces, err := event.FromRequest(of(n), event.MaxBody); err != nil || len(ces) != n {
			t.Errorf("%d events: got %d, %v", n, len(ces), err)
		}
	}
	_, err := event.FromRequest(of(1001), event.MaxBody)
	wantError(t, err, http.StatusRequestEntityTooLarge, "the batch is over the limit of 1000 events: send smaller batches")
}

// nested is an object of so many levels.
func nested(levels int) string {
	return strings.Repeat(`{"a":`, levels-1) + "{}" + strings.Repeat("}", levels-1)
}

func TestNestingIsLimitedInEveryEnvelope(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		send func(data string) *http.Request
	}{
		{"binary", func(data string) *http.Request {
			return post(t, data, "ce-specversion: 1.0", "ce-id: 1", "ce-source: /s", "ce-type: t", plainJSON)
		}},
		{"binary, no content type", func(data string) *http.Request {
			return post(t, data, "ce-specversion: 1.0", "ce-id: 1", "ce-source: /s", "ce-type: t")
		}},
		{"structured", func(data string) *http.Request {
			return post(t, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":`+data+`}`, structured)
		}},
		{"batch", func(data string) *http.Request {
			return post(t, `[{"specversion":"1.0","id":"1","source":"/s","type":"t","data":`+data+`}]`, batch)
		}},
		{"push", func(data string) *http.Request { return post(t, pushed(data, nil), plainJSON) }},
		{"push of a CloudEvent", func(data string) *http.Request {
			return post(t, pushed(data, map[string]string{"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}), plainJSON)
		}},
		{"push of a structured CloudEvent", func(data string) *http.Request {
			return post(t, pushed(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":`+data+`}`,
				map[string]string{"content-type": "application/cloudevents+json"}), plainJSON)
		}},
		{"push of a notification", func(data string) *http.Request {
			return post(t, pushed(`{"bucket":"b","name":"o","generation":"1","x":`+strings.TrimSuffix(strings.TrimPrefix(data, `{"a":`), "}")+`}`,
				map[string]string{"bucketId": "b", "objectId": "o", "objectGeneration": "1", "eventType": "OBJECT_FINALIZE",
					"payloadFormat": "JSON_API_V1"}), plainJSON)
		}},
		{"unwrapped push", func(data string) *http.Request {
			return post(t, data, form, "x-goog-pubsub-message-id: 1", "x-goog-pubsub-subscription-name: projects/p/subscriptions/s")
		}},
		{"background", func(data string) *http.Request {
			return post(t, `{"context":{"eventId":"1","eventType":"t","resource":"r"},"data":`+data+`}`, plainJSON)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := events(row.send(nested(200))); err != nil {
				t.Errorf("200 levels: %v", err)
			}
			for _, levels := range []int{201, 202, 203, 100_000} {
				_, err := events(row.send(nested(levels)))
				e, ok := errors.AsType[*event.DataError](err)
				if !ok || e.Reason != tooDeep {
					t.Errorf("%d levels: %v, want %q", levels, err, tooDeep)
				}
			}
		})
	}
	if _, err := events(post(t, nested(201), "ce-specversion: 1.0", "ce-id: 1", "ce-source: /s", "ce-type: t",
		"Content-Type: text/plain")); err != nil {
		t.Errorf("text that only looks like JSON: %v", err)
	}
}

// The attributes of an unwrapped push are the headers that are neither HTTP's
// nor the platform's. Credentials above all must not get into a conf.
func TestAttributesOfAnUnwrappedPush(t *testing.T) {
	t.Parallel()
	e := one(t, post(t, "hi", form,
		"x-goog-pubsub-message-id: 1", "x-goog-pubsub-publish-time: 2026-11-22T03:00:01.647Z",
		"x-goog-pubsub-subscription-name: projects/p/subscriptions/s", "x-goog-authenticated-user-email: e", "x-google-x: x",
		"Authorization: Bearer "+secret, "Proxy-Authorization: "+secret, "X-Serverless-Authorization: "+secret, "Cookie: "+secret,
		"Accept: */*", "Accept-Charset: x", "Accept-Encoding: gzip", "Accept-Language: en", "Cache-Control: no-cache", "Connection: close",
		"Expect: x", "Forwarded: for=1", "From: noreply@google.com", "Keep-Alive: 1", "Pragma: x", "Priority: u=1",
		"Proxy-Connection: x", "TE: trailers", "Trailer: X", "Upgrade: x", "User-Agent: APIs-Google", "Via: 1.1 google",
		"Function-Execution-Id: x", "Traceparent: 00-1-2-01", "Tracestate: x", "X-Cloud-Trace-Context: 1/2;o=1",
		"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Appengine-Country: ZZ",
		"Region: eu", "X-Own: 1", "X-Own: 2", "ce-id: not a CloudEvent without ce-specversion"))
	want := map[string]string{"region": "eu", "x-own": "1, 2", "ce-id": "not a CloudEvent without ce-specversion"}
	if diff := cmp.Diff(want, e.Message.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if strings.Contains(string(e.Conf()), secret) || strings.Contains(string(e.Origin().Data), secret) {
		t.Error("a credential is in the event")
	}
}
