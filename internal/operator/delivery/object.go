// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// Change is what can happen to an object, in the words that end an event's type.
type Change string

// The changes.
const (
	Finalized       Change = "finalized"
	Deleted         Change = "deleted"
	Archived        Change = "archived"
	MetadataUpdated Change = "metadataUpdated"
)

// Changes are all of them.
func Changes() []Change { return []Change{Finalized, Deleted, Archived, MetadataUpdated} }

// words are a change's names in a notification and in a background event.
func (c Change) words() (notified, background string, ok bool) {
	switch c {
	case Finalized:
		return "OBJECT_FINALIZE", "google.storage.object.finalize", true
	case Deleted:
		return "OBJECT_DELETE", "google.storage.object.delete", true
	case Archived:
		return "OBJECT_ARCHIVE", "google.storage.object.archive", true
	case MetadataUpdated:
		return "OBJECT_METADATA_UPDATE", "google.storage.object.metadataUpdate", true
	default:
		return "", "", false
	}
}

// Object is a change of an object in Cloud Storage.
type Object struct {
	Change         Change // empty stands for Finalized
	Bucket         string
	Name           string
	Generation     int64 // Cloud Storage counts the microseconds since 1970
	Metageneration int64 // 0 stands for 1
	Time           time.Time
	// MessageID is the id of the event, and of the message that carries a
	// notification: one change can be published under several.
	MessageID string

	ContentType string // empty is guessed from the name
	Size        int64  // in bytes
	Metadata    map[string]string
	// Resource is the object resource of the JSON API, sent as it is; empty
	// stands for one made of the fields above.
	Resource []byte

	// WithoutPayload leaves the resource out of a notification: payloadFormat NONE.
	WithoutPayload bool
	// Subscription is the one that brings a notification; empty stands for [DefaultSubscription].
	Subscription string
}

// Request puts o into an envelope.
func (o Object) Request(as Envelope) (Request, error) {
	o, err := o.filled()
	if err != nil {
		return Request{}, err
	}
	switch as {
	case Eventarc, Structured:
		return o.cloudEvent().Request(as)
	case Push, Notification:
		return o.notification().Request(Push)
	case PushUnwrapped:
		return o.notification().Request(PushUnwrapped)
	case Background:
		return o.background()
	default:
		return Request{}, noEnvelope("an object's change", as, Envelopes()...)
	}
}

// filled is o with what stands for its empty fields.
func (o Object) filled() (Object, error) {
	if o.Change == "" {
		o.Change = Finalized
	}
	if _, _, ok := o.Change.words(); !ok {
		return o, &Error{What: fmt.Sprintf("no object is %q", o.Change), Fix: fmt.Sprintf("use one of %v", Changes())}
	}
	if o.Bucket == "" || o.Name == "" || o.Generation <= 0 || o.MessageID == "" {
		return o, &Error{What: "the object lacks a bucket, a name, a generation or an id", Fix: "give it all four: Cloud Storage always does"}
	}
	o.Metageneration = max(o.Metageneration, 1)
	if o.ContentType == "" {
		o.ContentType = contentType(o.Name)
	}
	if o.Subscription == "" {
		o.Subscription = DefaultSubscription
	}
	if len(o.Resource) > 0 {
		return o, nil
	}
	resource, err := o.resource()
	o.Resource = resource
	return o, err
}

// contentType guesses as upload tools do, for the names that events are about most.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".csv":
		return "text/csv"
	case ".json":
		return "application/json"
	case ".txt":
		return "text/plain"
	default:
		return "application/octet-stream"
	}
}

// resource is the object resource in the order in which the JSON API writes it:
// https://cloud.google.com/storage/docs/json_api/v1/objects#resource
// Its 64-bit numbers are text. Nobody holds the object's bytes, so the checksums are
// those of its id.
func (o Object) resource() ([]byte, error) {
	generation := strconv.FormatInt(o.Generation, 10)
	id := o.Bucket + "/" + o.Name + "/" + generation
	api := "/storage/v1/b/" + o.Bucket + "/o/" + url.PathEscape(o.Name)
	at := stamp(o.Time)
	sum := md5.Sum([]byte(id))
	crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(id), crc32.MakeTable(crc32.Castagnoli)))
	members := []member{
		{"kind", "storage#object"}, {"id", id}, {"selfLink", "https://www.googleapis.com" + api},
		{"name", o.Name}, {"bucket", o.Bucket},
		{"generation", generation}, {"metageneration", strconv.FormatInt(o.Metageneration, 10)},
		{"contentType", o.ContentType}, {"timeCreated", at}, {"updated", at},
	}
	if o.Change == Deleted || o.Change == Archived {
		members = append(members, member{"timeDeleted", at})
	}
	members = append(members,
		member{"storageClass", "STANDARD"}, member{"timeStorageClassUpdated", at},
		member{"size", strconv.FormatInt(o.Size, 10)},
		member{"md5Hash", sum[:]},
		member{"mediaLink", "https://storage.googleapis.com/download" + api + "?generation=" + generation + "&alt=media"},
	)
	if len(o.Metadata) > 0 {
		members = append(members, member{"metadata", o.Metadata})
	}
	return object(append(members, member{"crc32c", crc}, member{"etag", o.etag()})...)
}

// etag is a generation and a metageneration, as Cloud Storage writes the two
// into a protocol buffer's fields 1 and 2.
func (o Object) etag() string {
	b := binary.AppendUvarint([]byte{1 << 3}, uint64(o.Generation))
	b = binary.AppendUvarint(append(b, 2<<3), uint64(o.Metageneration))
	return base64.StdEncoding.EncodeToString(b)
}

// cloudEvent is o as an Eventarc trigger for Cloud Storage delivers it.
func (o Object) cloudEvent() CloudEvent {
	return CloudEvent{
		ID: o.MessageID, Source: "//storage.googleapis.com/projects/_/buckets/" + o.Bucket,
		Type: "google.cloud.storage.object.v1." + string(o.Change), Subject: "objects/" + o.Name,
		Time: o.Time, ContentType: "application/json",
		Extensions: map[string]string{"bucket": o.Bucket},
		Data:       o.Resource,
	}
}

// notification is the message that a bucket's notification configuration publishes.
func (o Object) notification() Message {
	eventType, _, _ := o.Change.words()
	m := Message{
		ID: o.MessageID, Topic: DefaultTopic, Subscription: o.Subscription, PublishTime: o.Time,
		Attributes: map[string]string{
			"bucketId": o.Bucket, "objectId": o.Name, "objectGeneration": strconv.FormatInt(o.Generation, 10),
			"eventType": eventType, "eventTime": stamp(o.Time),
			"notificationConfig": "projects/_/buckets/" + o.Bucket + "/notificationConfigs/1",
			"payloadFormat":      "JSON_API_V1",
		},
		Data: o.Resource,
	}
	if o.WithoutPayload {
		m.Attributes["payloadFormat"], m.Data = "NONE", nil
	}
	return m
}

func (o Object) background() (Request, error) {
	_, eventType, _ := o.Change.words()
	return background{
		id: o.MessageID, time: o.Time, eventType: eventType,
		service: "storage.googleapis.com", resourceType: "storage#object",
		resource: "projects/_/buckets/" + o.Bucket + "/objects/" + o.Name,
		data:     o.Resource,
	}.request()
}

// background is an event of the first generation: its context, and its data.
type background struct {
	id, eventType, service, resource, resourceType string
	time                                           time.Time
	data                                           json.RawMessage
}

func (b background) request() (Request, error) {
	resource, err := object(member{"service", b.service}, member{"name", b.resource}, member{"type", b.resourceType})
	if err != nil {
		return Request{}, fmt.Errorf("writing the resource: %w", err)
	}
	context, err := object(member{"eventId", b.id}, member{"timestamp", stamp(b.time)},
		member{"eventType", b.eventType}, member{"resource", resource})
	if err != nil {
		return Request{}, fmt.Errorf("writing the context: %w", err)
	}
	body, err := object(member{"context", context}, member{"data", b.data})
	if err != nil {
		return Request{}, fmt.Errorf("writing the event: %w", err)
	}
	r := Request{Body: body}
	r.add("Content-Type", "application/json")
	return r, nil
}

// stamp writes a time as Google's APIs do: in UTC, with milliseconds, or
// microseconds where it has them.
func stamp(t time.Time) string {
	s := t.UTC().Format("2006-01-02T15:04:05.000000Z")
	if short, ok := strings.CutSuffix(s, "000Z"); ok {
		return short + "Z"
	}
	return s
}
