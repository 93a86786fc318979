// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dagtrigger/internal/event"
)

var update = flag.Bool("update", false, "write the golden files of the normal form")

// normal is a normal form as its golden file shows it.
type normal struct {
	Key         []string          `json:"key"`
	ID          string            `json:"id"`
	Source      string            `json:"source"`
	Type        string            `json:"type"`
	Subject     string            `json:"subject,omitempty"`
	Time        time.Time         `json:"time,omitzero"`
	Extensions  map[string]string `json:"extensions,omitempty"`
	ContentType string            `json:"content_type,omitempty"`
	Object      *object           `json:"object,omitempty"`
	Message     *message          `json:"message,omitempty"`
	Origin      origin            `json:"origin"`
	Conf        json.RawMessage   `json:"conf"`
	DataIsConf  bool              `json:"data_is_conf"`
}

type object struct {
	Bucket, Name, Generation, Metageneration string
}

type message struct {
	ID, Topic, Subscription, OrderingKey string
	PublishTime                          time.Time
	Attributes                           map[string]string
}

type origin struct {
	Source string `json:"source"`
	Type   string `json:"type"`
	ID     string `json:"id"`
}

func normalOf(e event.Event) normal {
	n := normal{
		Key: e.Key(), ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Time: e.Time,
		Extensions: e.Extensions, ContentType: e.ContentType, Conf: e.Conf(),
		Origin: origin{e.Origin().Source, e.Origin().Type, e.Origin().ID},
	}
	n.DataIsConf = bytes.Equal(e.Data, n.Conf)
	if o := e.Object; o != nil {
		n.Object = &object{o.Bucket, o.Name, o.Generation, o.Metageneration}
	}
	if m := e.Message; m != nil {
		n.Message = &message{m.ID, m.Topic, m.Subscription, m.OrderingKey, m.PublishTime, m.Attributes}
	}
	return n
}

// Each envelope in testdata has its normal form, with its key and its conf,
// beside it. The key must never change: it makes the run id, so that another
// key would start events twice that are on their way during a deployment.
func TestEveryEnvelopeBecomesItsNormalForm(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := events(fixture(t, name))
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			for _, e := range all {
				if err := enc.Encode(normalOf(e)); err != nil {
					t.Fatal(err)
				}
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("normal form (-want +got):\n%s", diff)
			}
		})
	}
}

// uploads are the ways in which one upload of one object can arrive.
var uploads = []string{
	"storage-finalized", "storage-structured",
	"storage-push", "storage-push-eventarc", "storage-push-unwrapped",
	"storage-push-cloudevent", "storage-push-cloudevent-structured",
	"storage-push-unwrapped-cloudevent", "storage-push-unwrapped-structured",
	"storage-background",
}

// withoutPayload arrive with less than the whole resource, or with more.
var withoutPayload = []string{"storage-push-none", "storage-push-unwrapped-none", "storage-background-change"}

func TestUploadIsTheSameInEveryEnvelope(t *testing.T) {
	t.Parallel()
	want := one(t, fixture(t, "storage-finalized"))
	for _, name := range slices.Concat(uploads, withoutPayload) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := one(t, fixture(t, name))
			if diff := cmp.Diff(want.Key(), got.Key()); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
			ignore := cmpopts.IgnoreFields(event.Event{}, "ID", "Time", "Published", "Message")
			options := cmp.Options{ignore, cmpopts.IgnoreUnexported(event.Event{})}
			if slices.Contains(withoutPayload, name) {
				options = append(options, cmpopts.IgnoreFields(event.Event{}, "Data"),
					cmpopts.IgnoreFields(event.Object{}, "Resource", "Metageneration"))
			} else if !bytes.Equal(want.Conf(), got.Conf()) {
				t.Errorf("conf = %s, want %s", got.Conf(), want.Conf())
			}
			if diff := cmp.Diff(want, got, options); diff != "" {
				t.Errorf("normal form (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDifferentChangesHaveDifferentKeys(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, name := range []string{
		"storage-finalized", "storage-deleted", "storage-archived", "storage-metadata-updated",
		"storage-push-none-metadata-updated", "storage-numbers",
	} {
		e := one(t, fixture(t, name))
		key := strings.Join(e.Key(), "\n")
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have the key %q", name, other, key)
		}
		seen[key] = name
	}
}

func TestEventarcAndNotificationHaveTheSameKey(t *testing.T) {
	t.Parallel()
	for _, change := range []string{"deleted", "archived", "metadata-updated"} {
		eventarc, push := one(t, fixture(t, "storage-"+change)), one(t, fixture(t, "storage-push-"+change))
		if diff := cmp.Diff(eventarc.Key(), push.Key()); diff != "" {
			t.Errorf("%s: key (-eventarc +push):\n%s", change, diff)
		}
		if eventarc.Type != push.Type || eventarc.Source != push.Source || eventarc.Subject != push.Subject {
			t.Errorf("%s: %+v and %+v differ", change, eventarc, push)
		}
	}
}

// A legacy object.change stands for all that can happen to an object.
func TestObjectChangeHasItsKind(t *testing.T) {
	t.Parallel()
	const context = `"eventId":"1","eventType":"providers/cloud.storage/eventTypes/object.change",` +
		`"resource":"projects/_/buckets/b/objects/o#7"`
	for _, row := range []struct{ name, members, want string }{
		{"upload", `"metageneration":"1","resourceState":"exists"`, "finalized"},
		{"upload, no state", `"metageneration":1`, "finalized"},
		{"metadata", `"metageneration":"2","resourceState":"exists"`, "metadataUpdated"},
		{"deletion", `"metageneration":"2","resourceState":"not_exists"`, "deleted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e := one(t, post(t, `{`+context+`,"data":{"bucket":"b","name":"o","generation":7,`+row.members+`}}`, "Content-Type: application/json"))
			if want := "google.cloud.storage.object.v1." + row.want; e.Type != want {
				t.Errorf("type = %s, want %s", e.Type, want)
			}
		})
	}
}

// All types that the functions framework converts for Storage and Pub/Sub.
func TestBackgroundEventsGetTheEventarcType(t *testing.T) {
	t.Parallel()
	const object, message = `{"bucket":"b","name":"o","generation":"7","metageneration":"3"}`, `{"data":"aGk="}`
	for _, row := range []struct{ kind, data, want string }{
		{"google.storage.object.finalize", object, "google.cloud.storage.object.v1.finalized"},
		{"google.storage.object.delete", object, "google.cloud.storage.object.v1.deleted"},
		{"google.storage.object.archive", object, "google.cloud.storage.object.v1.archived"},
		{"google.storage.object.metadataUpdate", object, "google.cloud.storage.object.v1.metadataUpdated"},
		{"google.pubsub.topic.publish", message, "google.cloud.pubsub.topic.v1.messagePublished"},
		{"providers/cloud.pubsub/eventTypes/topic.publish", message, "google.cloud.pubsub.topic.v1.messagePublished"},
		{"providers/firebase.auth/eventTypes/user.create", `{"uid":"u"}`, "providers/firebase.auth/eventTypes/user.create"},
	} {
		for _, shape := range []string{
			`{"eventId":"1","eventType":%q,"resource":"projects/p/topics/t","data":%s}`,
			`{"context":{"eventId":"1","eventType":%q,"resource":{"service":"s","name":"projects/p/topics/t"}},"data":%s}`,
		} {
			if e := one(t, post(t, fmt.Sprintf(shape, row.kind, row.data), "Content-Type: application/json")); e.Type != row.want {
				t.Errorf("%s: type = %s, want %s", row.kind, e.Type, row.want)
			}
		}
	}
}

// A dead letter holds the event as it came: of a push, the body.
func TestOriginKeepsTheData(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"storage-finalized", "pubsub-eventarc", "pubsub-push", "pubsub-push-emulator", "generic-firestore"} {
		r := fixture(t, name)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		e := one(t, withBody(r, body))
		if got := e.Origin().Data; !bytes.Equal(got, body) {
			t.Errorf("%s: origin's data = %q, want %q", name, got, body)
		}
	}
}

// The age of a delivery is counted from when its message was published, whatever
// the event says of the time.
func TestPublishedIsThePublishTimeOfTheMessage(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ fixture, want string }{
		{"pubsub-push", "2026-11-22T03:00:01.647Z"}, {"storage-push", "2026-11-22T02:28:57.101Z"},
		{"storage-push-cloudevent", "2026-11-22T02:28:57.101Z"}, {"pubsub-eventarc", "2026-11-22T03:00:01.647Z"},
		{"storage-finalized", "0001-01-01T00:00:00Z"}, {"generic-json-value", "0001-01-01T00:00:00Z"},
	} {
		if got := one(t, fixture(t, row.fixture)).Published.Format(time.RFC3339Nano); got != row.want {
			t.Errorf("%s: Published = %s, want %s", row.fixture, got, row.want)
		}
	}
}

// A header in ISO-8859-1, as HTTP once had it, is read as such: what is kept must
// be UTF-8, or a dead letter would be invalid JSON.
func TestHeadersThatAreNotUTF8AreReadAsLatin1(t *testing.T) {
	t.Parallel()
	e := one(t, post(t, "{}", "ce-specversion: 1.0", "ce-id: M\xfcller", "ce-source: /s", "ce-type: t", "ce-author: M\xfcller"))
	if got := e.Extensions["author"]; got != "Müller" || e.ID != got || e.Origin().Extensions["author"] != got {
		t.Errorf("author = %q and %q, id = %q", got, e.Origin().Extensions["author"], e.ID)
	}
}
