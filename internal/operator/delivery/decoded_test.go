// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
)

// decoded is what the function makes of e in an envelope.
func decoded(t *testing.T, e delivery.Event, as delivery.Envelope) *event.Event {
	t.Helper()
	r, err := e.Request(as)
	if err != nil {
		t.Fatal(err)
	}
	req, err := r.HTTP(t.Context(), "http://127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	events, err := event.FromRequest(req, event.MaxBody)
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %d events, %v", as, len(events), err)
	}
	if events[0].Invalid != nil {
		t.Fatalf("%s: %v", as, events[0].Invalid)
	}
	return &events[0]
}

// TestOneChangeHasOneKeyInEveryEnvelope is the promise that nothing runs twice,
// seen from the sender.
func TestOneChangeHasOneKeyInEveryEnvelope(t *testing.T) {
	t.Parallel()
	for _, change := range delivery.Changes() {
		t.Run(string(change), func(t *testing.T) {
			t.Parallel()
			o := upload()
			o.Change = change
			want := decoded(t, o, delivery.Eventarc)
			for _, as := range delivery.Envelopes() {
				got := decoded(t, o, as)
				if diff := cmp.Diff(want.Key(), got.Key()); diff != "" {
					t.Errorf("%s: key (-eventarc +got):\n%s", as, diff)
				}
				if got.Type != want.Type || got.Source != want.Source || got.Subject != want.Subject || !got.Time.Equal(want.Time) {
					t.Errorf("%s: %s %s %s %s\nwant %s %s %s %s", as, got.Type, got.Source, got.Subject, got.Time, want.Type, want.Source, want.Subject,
						want.Time)
				}
				if diff := cmp.Diff(want.Object, got.Object); diff != "" {
					t.Errorf("%s: object (-eventarc +got):\n%s", as, diff)
				}
				if diff := cmp.Diff(string(want.Conf()), string(got.Conf())); diff != "" {
					t.Errorf("%s: conf (-eventarc +got):\n%s", as, diff)
				}
			}
		})
	}
}

// TestObjectWithoutPayloadHasTheSameKey leaves out metadata updates: their
// metageneration stands in the payload alone.
func TestObjectWithoutPayloadHasTheSameKey(t *testing.T) {
	t.Parallel()
	o := upload()
	want := decoded(t, o, delivery.Eventarc).Key()
	o.WithoutPayload = true
	for _, as := range []delivery.Envelope{delivery.Notification, delivery.PushUnwrapped} {
		if diff := cmp.Diff(want, decoded(t, o, as).Key()); diff != "" {
			t.Errorf("%s: key (-eventarc +got):\n%s", as, diff)
		}
	}
}

// TestOneMessageHasOneKey for each way to name where it comes from: a push
// names the subscription, the others the topic.
func TestOneMessageHasOneKey(t *testing.T) {
	t.Parallel()
	plain := message()
	plain.Attributes = map[string]string{"region": "eu", "stage": "1"} // a header has no case
	for _, same := range [][]delivery.Envelope{
		{delivery.Eventarc, delivery.Structured, delivery.Background},
		{delivery.Push, delivery.PushUnwrapped},
	} {
		want := decoded(t, plain, same[0])
		for _, as := range same {
			got := decoded(t, plain, as)
			if diff := cmp.Diff(want.Key(), got.Key()); diff != "" {
				t.Errorf("%s: key (-%s +got):\n%s", as, same[0], diff)
			}
			if string(got.Data) != string(plain.Data) || !maps.Equal(got.Message.Attributes, plain.Attributes) {
				t.Errorf("%s: data %s, attributes %v", as, got.Data, got.Message.Attributes)
			}
			if !got.Message.PublishTime.Equal(at) {
				t.Errorf("%s: published at %s, want %s", as, got.Message.PublishTime, at)
			}
		}
	}
}

// TestOneCloudEventHasOneKeyInEveryEnvelope holds also that its attributes and
// its data come through.
func TestOneCloudEventHasOneKeyInEveryEnvelope(t *testing.T) {
	t.Parallel()
	bytes := custom()
	bytes.ContentType, bytes.Data = "application/octet-stream", []byte{0xff, 0}
	text := custom()
	text.ContentType, text.Data = "text/plain; charset=utf-8", []byte("Größe\n")
	for _, e := range []delivery.CloudEvent{custom(), bytes, text} {
		e.Subject = "orders/4711" // header text that needs no escaping, which the function does not undo
		want := decoded(t, e, delivery.Eventarc)
		if diff := cmp.Diff([]string{e.Source, e.ID}, want.Key()[len(want.Key())-2:]); diff != "" {
			t.Errorf("key (-want +got):\n%s", diff)
		}
		for _, as := range []delivery.Envelope{delivery.Eventarc, delivery.Structured, delivery.Push, delivery.PushUnwrapped} {
			got := decoded(t, e, as)
			if !slices.Equal(got.Key(), want.Key()) || string(got.Data) != string(e.Data) || got.ContentType != want.ContentType ||
				got.Subject != e.Subject || got.Type != e.Type || !got.Time.Equal(at) || got.Extensions["region"] != "eu" {
				t.Errorf("%s: %+v\nwant %+v", as, got, want)
			}
		}
	}
}

// A push names only its subscription, so the same message has another run by
// Eventarc: what the file holds says which delivery is meant.
func TestBodyOfAPushIsDeliveredAsAPush(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text string
		want delivery.Envelope
	}{
		{`{"message":{"messageId":"1","data":"eA=="},"subscription":"projects/p/subscriptions/s"}`, delivery.Push},
		{`{"messageId":"1","data":"eA=="}`, delivery.Eventarc},
		{`{"specversion":"1.0","id":"1","source":"//s","type":"t"}`, delivery.Eventarc},
	} {
		e, err := delivery.Parse([]byte(row.text), delivery.Defaults{
			Time: at, Topic: "projects/p/topics/t", Subscription: "projects/p/subscriptions/other",
		})
		if err != nil {
			t.Fatal(err)
		}
		as := delivery.DefaultEnvelope(e)
		if as != row.want {
			t.Errorf("%s: %s, want %s", row.text, as, row.want)
		}
		if as != delivery.Push {
			continue
		}
		delivered, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:8080", strings.NewReader(row.text))
		if err != nil {
			t.Fatal(err)
		}
		events, err := event.FromRequest(delivered, event.MaxBody)
		if err != nil || len(events) != 1 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		if diff := cmp.Diff(events[0].Key(), decoded(t, e, as).Key()); diff != "" {
			t.Errorf("key (-delivered +built):\n%s", diff)
		}
	}
}
