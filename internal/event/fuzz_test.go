// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/dagtrigger/internal/event"
)

// hold checks what must hold for any request at all. identified says that it has
// an identity, so that it must not end in a 400.
func hold(t *testing.T, r *http.Request, identified bool) {
	t.Helper()
	all, err := event.FromRequest(r, 1<<20)
	if err != nil {
		e, ok := errors.AsType[*event.Error](err)
		if !ok || e.Status != 400 && e.Status != 413 && e.Status != 415 {
			t.Fatalf("FromRequest: %#v", err)
		}
		if identified && e.Status == 400 {
			t.Fatalf("the request has an identity, and is refused: %v", err)
		}
	}
	for i := range all {
		e := &all[i]
		if e.ID == "" || e.Source == "" || e.Type == "" || len(e.Key()) < 3 {
			t.Fatalf("event without identity: %+v", e)
		}
		var object map[string]json.RawMessage
		if conf := e.Conf(); json.Unmarshal(conf, &object) != nil || object == nil || !utf8.Valid(conf) {
			t.Fatalf("conf is not a JSON object: %q", conf)
		}
		if e.Invalid == nil && len(e.Extensions) < 500 {
			holdInOtherEnvelopes(t, e)
		}
		if again := event.New(e.Origin()); !slices.Equal(again.Key(), e.Key()) && e.Invalid == nil {
			t.Fatalf("read again from a dead letter: key %q, want %q", again.Key(), e.Key())
		}
	}
}

// named reports whether a header names something beside blanks, encoded or not.
func named(h http.Header, name string) bool {
	return strings.ContainsAny(h.Get(name), "abcdefghijklmnopqrstuvwxyz:/._-")
}

// hasMembers reports whether body is a JSON object whose members of these names
// are texts with more than blanks.
func hasMembers(body []byte, names ...string) bool {
	var members map[string]json.RawMessage
	if !utf8.Valid(body) || json.Unmarshal(body, &members) != nil {
		return false
	}
	for _, name := range names {
		var value string
		if json.Unmarshal(members[name], &value) != nil || strings.TrimSpace(value) == "" {
			return false
		}
	}
	return true
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
		f.Add(h.Get("ce-id"), h.Get("ce-source"), h.Get("ce-type"), h.Get("ce-subject"), h.Get("ce-time"), "bucket", h.Get("ce-bucket"),
			h.Get("Content-Type"), body)
	}, "storage-", "pubsub-eventarc", "generic-")
	f.Add("1", "/s", "t", "", "", "", "x", "", []byte("{}"))
	f.Add("1", "/s", "t", "", "", "author", "M\xfcller", "", []byte("{}"))
	f.Add("1", "/s", "t", "", "", "data", "x", "application/vnd.acme+json", []byte("{}"))
	f.Fuzz(func(t *testing.T, id, source, kind, subject, at, name, value, contentType string, body []byte) {
		r := post(t, "", "ce-specversion: 1.0")
		for name, value := range map[string]string{"ce-id": id, "ce-source": source, "ce-type": kind, "ce-subject": subject,
			"ce-time": at, "ce-" + name: value, "content-type": contentType} {
			if value != "" {
				r.Header.Set(name, textproto.TrimString(value)) // as the server reads it
			}
		}
		hold(t, withBody(r, body), named(r.Header, "ce-id") && named(r.Header, "ce-source") && named(r.Header, "ce-type"))
	})
}

func FuzzStructured(f *testing.F) {
	seed(f, func(_ string, _ http.Header, body []byte) { f.Add(body) }, "storage-structured", "pubsub-eventarc-structured",
		"generic-structured")
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"mailto:a@b?c#d","type":"t","data_base64":1,"":{},"time":null,"x":1e9,"y":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		hold(t, withBody(post(t, "", structured), body), hasMembers(body, "id", "source", "type"))
	})
}

func FuzzBatch(f *testing.F) {
	seed(f, func(_ string, _ http.Header, body []byte) { f.Add(body) }, "storage-batch")
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) { hold(t, withBody(post(t, "", batch), body), false) })
}

// FuzzBody is for wrapped pushes and background events, which only the body
// distinguishes.
func FuzzBody(f *testing.F) {
	seed(f, func(_ string, _ http.Header, body []byte) { f.Add(body) }, "storage-push", "pubsub-push", "storage-background",
		"pubsub-background", "generic-background")
	f.Fuzz(func(t *testing.T, body []byte) {
		var push struct{ Message json.RawMessage }
		_ = json.Unmarshal(body, &push)
		hold(t, withBody(post(t, "", plainJSON), body), bytes.HasPrefix(body,
			[]byte(`{"message"`)) && json.Valid(body) && hasMembers(push.Message, "messageId"))
	})
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
			base64.StdEncoding.EncodeToString(data), attributes), plainJSON), json.Valid(attributes) && utf8.Valid(attributes))
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
			r.Header.Set(name, textproto.TrimString(value)) // as the server reads it
		}
		hold(t, withBody(r, body), r.Header.Get("X-Goog-Pubsub-Message-Id") != "")
	})
}
