// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
)

// hold checks what must hold for any request at all.
func hold(t *testing.T, r *http.Request) {
	t.Helper()
	ces, err := event.FromRequest(r, 1<<20)
	if err != nil {
		if e, ok := errors.AsType[*event.Error](err); !ok || e.Status != 400 && e.Status != 413 {
			t.Fatalf("FromRequest: %#v", err)
		}
		return
	}
	for _, ce := range ces {
		e, err := event.New(ce)
		if _, deep := errors.AsType[*event.Error](err); deep {
			continue
		}
		if _, bad := errors.AsType[*event.DataError](err); err != nil && !bad {
			t.Fatalf("New: %#v", err)
		}
		if e.ID == "" || e.Source == "" || e.Type == "" || len(e.Key()) < 3 {
			t.Fatalf("event without identity: %+v", e)
		}
		var object map[string]json.RawMessage
		if conf := e.Conf(); json.Unmarshal(conf, &object) != nil || object == nil || !utf8.Valid(conf) {
			t.Fatalf("conf is no JSON object: %q", conf)
		}
		if err == nil {
			holdInOtherEnvelopes(t, e)
		}
	}
}

// holdInOtherEnvelopes sends e's CloudEvent again in each way there is: it must
// be the same event, so have the same key, and start a run with the same conf.
func holdInOtherEnvelopes(t *testing.T, e event.Event) {
	t.Helper()
	for name, r := range envelopes(t, e.Origin) {
		again, err := events(r)
		if err != nil || len(again) != 1 {
			t.Fatalf("%s: %v: want %+v", name, err, e)
		}
		if diff := cmp.Diff(e.Key(), again[0].Key()); diff != "" {
			t.Fatalf("%s: key (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(string(e.Conf()), string(again[0].Conf())); diff != "" {
			t.Fatalf("%s: conf (-want +got):\n%s", name, diff)
		}
	}
}

func envelopes(t *testing.T, ce cloudevents.Event) map[string]*http.Request {
	t.Helper()
	ce.DataBase64 = true
	inJSON, err := json.Marshal(ce)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*http.Request{
		"structured":         post(t, string(inJSON), structured),
		"batch":              post(t, "["+string(inJSON)+"]", batch),
		"push of structured": post(t, pushed(string(inJSON), map[string]string{"content-type": "application/cloudevents+json"}), plainJSON),
	}
	if strings.HasPrefix(strings.ToLower(ce.DataMediaType()), "application/cloudevents") {
		return all // in binary mode it would be taken for structured
	}
	binary, attributes := post(t, "", "Accept: */*"), make(map[string]string)
	set := func(name string, value any) {
		s, err := types.Format(value)
		if err != nil {
			t.Fatal(err)
		}
		binary.Header.Set(name, s)
		attributes[strings.ToLower(name)] = s
	}
	set("ce-specversion", "1.0")
	set("ce-id", ce.ID())
	set("ce-source", ce.Source())
	set("ce-type", ce.Type())
	for name, value := range ce.Extensions() {
		set("ce-"+name, value)
	}
	if ce.DataContentType() != "" {
		set("content-type", ce.DataContentType())
	}
	all["binary"] = withBody(binary, ce.Data())
	all["push of binary"] = post(t, pushed(string(ce.Data()), attributes), plainJSON)
	unwrapped := binary.Clone(t.Context())
	unwrapped.Header.Set("X-Goog-Pubsub-Message-Id", "1")
	if ce.DataContentType() == "" {
		unwrapped.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !strings.HasPrefix(ce.DataContentType(), "application/x-www-form-urlencoded") {
		all["unwrapped push of binary"] = withBody(unwrapped, ce.Data())
	}
	return all
}

// seed calls add with the body of each fixture that has one of the prefixes.
func seed(f *testing.F, add func(name string, header http.Header, body []byte), prefixes ...string) {
	f.Helper()
	for _, name := range fixtures(f) {
		if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		r := fixture(f, name)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			f.Fatal(err)
		}
		add(name, r.Header, body)
	}
}

func FuzzBinary(f *testing.F) {
	seed(f, func(_ string, h http.Header, body []byte) {
		f.Add(h.Get("ce-id"), h.Get("ce-source"), h.Get("ce-type"), h.Get("ce-subject"), h.Get("ce-time"), "bucket", h.Get("ce-bucket"), h.Get("Content-Type"), body)
	}, "storage-", "pubsub-eventarc", "generic-")
	f.Add("1", "/s", "t", "", "", "", "x", "", []byte("{}"))
	f.Add("1", "/s", "t", "", "", "author", "M\xfcller", "", []byte("{}"))
	f.Add("1", "/s", "t", "", "", "data", "x", "application/vnd.acme+json", []byte("{}"))
	f.Fuzz(func(t *testing.T, id, source, kind, subject, at, name, value, contentType string, body []byte) {
		r := post(t, "", "ce-specversion: 1.0")
		for name, value := range map[string]string{"ce-id": id, "ce-source": source, "ce-type": kind, "ce-subject": subject,
			"ce-time": at, "ce-" + name: value, "content-type": contentType} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		hold(t, withBody(r, body))
	})
}

func FuzzStructured(f *testing.F) {
	seed(f, func(_ string, _ http.Header, body []byte) { f.Add(body) }, "storage-structured", "pubsub-eventarc-structured", "generic-structured")
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"mailto:a@b?c#d","type":"t","data_base64":1,"":{},"time":null,"x":1e9,"y":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) { hold(t, withBody(post(t, "", structured), body)) })
}

func FuzzBatch(f *testing.F) {
	seed(f, func(_ string, _ http.Header, body []byte) { f.Add(body) }, "storage-batch")
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) { hold(t, withBody(post(t, "", batch), body)) })
}

// FuzzBody is for wrapped pushes and background events, which only the body
// tells apart.
func FuzzBody(f *testing.F) {
	seed(f, func(_ string, _ http.Header, body []byte) { f.Add(body) }, "storage-push", "pubsub-push", "storage-background", "pubsub-background", "generic-background")
	f.Fuzz(func(t *testing.T, body []byte) { hold(t, withBody(post(t, "", plainJSON), body)) })
}

// FuzzMessage is for what a message may carry.
func FuzzMessage(f *testing.F) {
	seed(f, func(_ string, _ http.Header, body []byte) {
		var push struct {
			Message struct {
				Data       []byte
				Attributes json.RawMessage
			}
		}
		if err := json.Unmarshal(body, &push); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(push.Message.Attributes), push.Message.Data)
	}, "storage-push-none", "storage-push-eventarc", "storage-push-cloudevent", "pubsub-push-bytes", "pubsub-cloudevent")
	f.Fuzz(func(t *testing.T, attributes, data []byte) {
		hold(t, post(t, fmt.Sprintf(`{"message":{"messageId":"1","data":"%s","attributes":%s},"subscription":"projects/p/subscriptions/s"}`,
			base64.StdEncoding.EncodeToString(data), attributes), plainJSON))
	})
}

func FuzzUnwrapped(f *testing.F) {
	seed(f, func(_ string, h http.Header, body []byte) {
		f.Add(h.Get("X-Goog-Pubsub-Message-Id"), h.Get("X-Goog-Pubsub-Subscription-Name"), h.Get("X-Goog-Pubsub-Publish-Time"),
			h.Get("Eventtype"), h.Get("Bucketid"), h.Get("Objectid"), h.Get("Objectgeneration"), h.Get("Payloadformat"), "region", body)
	}, "storage-push-unwrapped", "pubsub-push-unwrapped")
	f.Fuzz(func(t *testing.T, id, subscription, at, kind, bucket, object, generation, format, name string, body []byte) {
		r := post(t, "", form)
		for name, value := range map[string]string{"X-Goog-Pubsub-Message-Id": id, "X-Goog-Pubsub-Subscription-Name": subscription,
			"X-Goog-Pubsub-Publish-Time": at, "eventType": kind, "bucketId": bucket, "objectId": object,
			"objectGeneration": generation, "payloadFormat": format, name: "x"} {
			r.Header.Set(name, value)
		}
		hold(t, withBody(r, body))
	})
}
