// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/operator/delivery"
)

var update = flag.Bool("update", false, "write the golden files again")

var at = time.Date(2026, 11, 22, 9, 30, 0, 250_000_000, time.UTC)

// upload is an object whose name needs every kind of escaping.
func upload() delivery.Object {
	return delivery.Object{
		Bucket: "acme-landing", Name: `sales/eu/Größe 100% "a&b".csv`, Generation: 1763803800250000,
		Time: at, MessageID: "12761621150588617", Size: 352, Metadata: map[string]string{"owner": "ana"},
	}
}

func message() delivery.Message {
	return delivery.Message{
		ID: "1096434104173400", Topic: "projects/acme/topics/orders", Subscription: "projects/acme/subscriptions/trigger",
		OrderingKey: "eu", PublishTime: at, Attributes: map[string]string{"region": "eu", "Priority": "1"},
		Data: []byte(`{"order": 4711, "note": "<b>&</b>"}`),
	}
}

func custom() delivery.CloudEvent {
	return delivery.CloudEvent{
		ID: "a-1", Source: "//acme.example/shop", Type: "example.acme.order.v1.paid", Subject: "orders/4711 (eu)",
		Time: at, ContentType: "application/json", Extensions: map[string]string{"region": "eu"},
		Data: []byte(`{"order":4711,"total":1E+2}`),
	}
}

// TestRequestsMatchThePlatform pins every request, header by header and byte by byte.
func TestRequestsMatchThePlatform(t *testing.T) {
	t.Parallel()
	bare := upload()
	bare.WithoutPayload = true
	deleted := upload()
	deleted.Change = delivery.Deleted
	formed := message()
	formed.Attributes = map[string]string{"content-type": "application/json"}
	text := custom()
	text.ContentType, text.Data = "text/plain", []byte("paid\n")
	bytes := custom()
	bytes.ContentType, bytes.Data = "application/octet-stream", []byte{0xff, 0}
	rows := []struct {
		name  string
		event delivery.Event
		as    []delivery.Envelope
	}{
		{"object", upload(), delivery.Envelopes()},
		{"object-deleted", deleted, []delivery.Envelope{delivery.Eventarc, delivery.Background}},
		{"object-without-payload", bare, []delivery.Envelope{delivery.Notification, delivery.PushUnwrapped}},
		{"message", message(), []delivery.Envelope{
			delivery.Eventarc, delivery.Structured, delivery.Push, delivery.PushUnwrapped, delivery.Background,
		}},
		{"message-with-content-type", formed, []delivery.Envelope{delivery.PushUnwrapped}},
		{"message-empty", delivery.Message{
			ID: "1", Topic: delivery.DefaultTopic, Subscription: delivery.DefaultSubscription,
		}, []delivery.Envelope{delivery.Push, delivery.PushUnwrapped, delivery.Background}},
		{"cloudevent", custom(), []delivery.Envelope{delivery.Eventarc, delivery.Structured, delivery.Push, delivery.PushUnwrapped}},
		{"cloudevent-text", text, []delivery.Envelope{delivery.Structured}},
		{"cloudevent-bytes", bytes, []delivery.Envelope{delivery.Structured}},
	}
	for _, row := range rows {
		for _, as := range row.as {
			t.Run(row.name+"."+string(as), func(t *testing.T) {
				t.Parallel()
				r, err := row.event.Request(as)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, row.name+"."+string(as)+".http", dump(r))
			})
		}
	}
}

func dump(r delivery.Request) string {
	var b strings.Builder
	for _, h := range r.Header {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
	}
	fmt.Fprintf(&b, "\n%s\n", r.Body)
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, run with -update if it is meant:\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// TestETagHasGooglesForm holds the made-up resource against the one in Google's
// events/generate/data/storage-legacy-input.json of functions-framework-conformance.
func TestETagHasGooglesForm(t *testing.T) {
	t.Parallel()
	r, err := delivery.Object{
		Bucket: "some-bucket", Name: "folder/Test.cs", Generation: 1587627537231057, MessageID: "1", Time: at,
	}.Request(delivery.Eventarc)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ ETag, ID, MediaLink string }
	if err := json.Unmarshal(r.Body, &got); err != nil {
		t.Fatal(err)
	}
	if want := "CNHZkbuF/ugCEAE="; got.ETag != want {
		t.Errorf("etag = %q, want %q", got.ETag, want)
	}
	if want := "some-bucket/folder/Test.cs/1587627537231057"; got.ID != want {
		t.Errorf("id = %q, want %q", got.ID, want)
	}
	const download = "https://storage.googleapis.com/download/storage/v1/b/some-bucket/o/folder%2FTest.cs"
	if want := download + "?generation=1587627537231057&alt=media"; got.MediaLink != want {
		t.Errorf("mediaLink = %q, want %q", got.MediaLink, want)
	}
}

func TestRequestErrors(t *testing.T) {
	t.Parallel()
	object := func(change func(*delivery.Object)) delivery.Event { o := upload(); change(&o); return o }
	attribute := func(name, value string) delivery.Event {
		m := message()
		m.Attributes = map[string]string{name: value}
		return m
	}
	event := func(change func(*delivery.CloudEvent)) delivery.Event { e := custom(); change(&e); return e }
	rows := []struct {
		name  string
		event delivery.Event
		as    delivery.Envelope
		want  string
	}{
		{"an unknown envelope", upload(), "fax",
			`an object's change does not travel as "fax": use one of eventarc, structured, push, push-unwrapped, notification, background`},
		{"a message is not notified", message(), delivery.Notification,
			`a message does not travel as "notification": use one of eventarc, structured, push, push-unwrapped, background`},
		{"another event has no background form", custom(), delivery.Background,
			`a CloudEvent of type example.acme.order.v1.paid does not travel as "background": use one of eventarc, structured, push, ` +
				`push-unwrapped`},
		{"an unknown change", object(func(o *delivery.Object) { o.Change = "eaten" }), delivery.Eventarc,
			`no object is "eaten": use one of [finalized deleted archived metadataUpdated]`},
		{"no generation", object(func(o *delivery.Object) { o.Generation = 0 }), delivery.Eventarc,
			"the object lacks a bucket, a name, a generation or an id: give it all four: Cloud Storage always does"},
		{"no message id", delivery.Message{}, delivery.Push,
			"the message lacks an id, a topic or a subscription: give it all three: Pub/Sub always does"},
		{"no source", event(func(e *delivery.CloudEvent) { e.Source = "" }), delivery.Eventarc,
			"the CloudEvent has no source: give it one: CloudEvents require id, source and type"},
		{"an extension in upper case", event(func(e *delivery.CloudEvent) { e.Extensions = map[string]string{"Region": "eu"} }),
			delivery.Eventarc,
			`the CloudEvent's extension "Region" has a name that no header may have: use lower-case letters and digits`},
		{"an attribute that is no header", attribute("a b", "c"), delivery.PushUnwrapped,
			`an unwrapped push carries attributes as headers, and "a b" can be no header's name: rename the attribute, or use push`},
		{"a line end in a header", attribute("a", "b\r\nc: d"), delivery.PushUnwrapped,
			`an unwrapped push carries attributes as headers, and the value of "a" has a control character: leave it out, or use push`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := row.event.Request(row.as)
			if err == nil || err.Error() != row.want {
				t.Errorf("error = %v\nwant    %s", err, row.want)
			}
		})
	}
}
