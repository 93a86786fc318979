// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/jsonscan"
)

const storageService = "//storage.googleapis.com/"

// The types that Eventarc gives the changes of an object, see
// https://cloud.google.com/eventarc/docs/event-types#cloud-storage.
const (
	storageObject   = "google.cloud.storage.object.v1."
	finalized       = storageObject + "finalized"
	deleted         = storageObject + "deleted"
	archived        = storageObject + "archived"
	metadataUpdated = storageObject + "metadataUpdated"
)

// isChange reports whether events of a type are changes of an object.
func isChange(eventType string) bool {
	switch eventType {
	case finalized, deleted, archived, metadataUpdated:
		return true
	}
	return false
}

func (o *Object) source() string  { return storageService + "projects/_/buckets/" + o.Bucket }
func (o *Object) subject() string { return "objects/" + o.Name }

// readObject reads an object resource of the JSON API
// (https://cloud.google.com/storage/docs/json_api/v1/objects#resource), which may
// lack anything.
func (d *decoder) readObject(resource []byte) (*Object, *DataError) {
	resource = withoutMark(resource)
	o := &Object{Resource: resource}
	err := d.walk(resource, maxDepth, func(name, value []byte) {
		switch string(name) {
		case "bucket":
			o.Bucket = jsonscan.Text(value)
		case "name":
			o.Name = jsonscan.Text(value)
		case "generation":
			o.Generation = integer(value)
		case "metageneration":
			o.Metageneration = integer(value)
		}
	})
	switch {
	case errors.Is(err, jsonscan.ErrTooDeep):
		return nil, tooDeep()
	case err != nil || !isObject(resource):
		return nil, badData("the data of the Cloud Storage event is not a JSON object in UTF-8: " +
			"send the object resource, as Eventarc and a notification with payload JSON_API_V1 do")
	}
	return o, nil
}

func (o *Object) complete() bool { return o.Bucket != "" && o.Name != "" && o.Generation != "" }

// setObject makes e the change of an object. Its source, subject and bucket
// extension are then Eventarc's, whichever way it came.
//
// One change can arrive in several messages, so that the object makes the key,
// and the metageneration with it where one generation can change many times.
// Where none is named, as in a notification without payload, the key is that
// of the message, or else of the CloudEvent.
func (e *Event) setObject(eventType string, o *Object) {
	e.Type = eventType
	e.Source, e.Subject = o.source(), o.subject()
	e.ContentType = "application/json"
	e.Data, e.Object = o.Resource, o
	e.json, e.read = o.Resource, true
	if e.Extensions["bucket"] != o.Bucket {
		e.Extensions = merged(e.Extensions, map[string]string{"bucket": o.Bucket})
	}
	change := strings.TrimPrefix(eventType, storageObject)
	switch {
	case eventType != metadataUpdated:
		e.key = []string{"storage", change, o.Bucket, o.Name, o.Generation}
	case o.Metageneration != "":
		e.key = []string{"storage", change, o.Bucket, o.Name, o.Generation, o.Metageneration}
	case e.key[0] == "event":
		e.key = []string{"event", e.Source, e.ID}
	}
}

// notification is what the attributes of a Cloud Storage notification say
// (https://cloud.google.com/storage/docs/pubsub-notifications#attributes).
type notification struct {
	kind       string // the event type
	bucket     string
	name       string
	generation string
	eventType  string // as the notification spells it
	payload    bool
	time       time.Time // zero where the attributes name none
}

// notification reads m's attributes, and what they lack of the object's names from
// the payload; ok is false where m is any other message.
func (d *decoder) notification(m *Message) (n notification, ok bool) {
	n.eventType = m.attribute("eventType")
	switch n.eventType {
	case "OBJECT_FINALIZE":
		n.kind = finalized
	case "OBJECT_DELETE":
		n.kind = deleted
	case "OBJECT_ARCHIVE":
		n.kind = archived
	case "OBJECT_METADATA_UPDATE":
		n.kind = metadataUpdated
	}
	n.bucket, n.name = m.attribute("bucketId"), m.attribute("objectId")
	n.generation = integer([]byte(m.attribute("objectGeneration")))
	n.time, _ = parseTime(m.attribute("eventTime"))
	format := m.attribute("payloadFormat")
	n.payload = format == "JSON_API_V1" || format == ""
	if n.kind == "" || !n.payload && format != "NONE" {
		return n, false
	}
	isNamed := func() bool { return n.bucket != "" && n.name != "" && n.generation != "" }
	if n.payload && !isNamed() { // a transform has removed attributes
		if o, err := d.readObject(m.Data); err == nil {
			n.bucket, n.name, n.generation = cmp.Or(n.bucket, o.Bucket), cmp.Or(n.name, o.Name), cmp.Or(n.generation, o.Generation)
		}
	}
	return n, isNamed()
}

// setNotification makes e, a message, the change that the message notifies of.
// Where there is a payload its names count: a header of an unwrapped push loses
// the spaces around a name. What the payload lacks, because a transform of the
// subscription has cut it down, the attributes give.
func (d *decoder) setNotification(e *Event, n notification) {
	o := &Object{}
	if n.payload {
		var err *DataError
		if o, err = d.readObject(e.Data); err != nil && err.Reason == tooDeep().Reason {
			e.Invalid = err
			return
		} else if err != nil {
			o = &Object{}
		}
	}
	if !n.time.IsZero() {
		e.Time = n.time
	}
	o.complement(n)
	e.setObject(n.kind, o)
}

// complement adds to o what it lacks of what n says.
func (o *Object) complement(n notification) {
	if o.complete() {
		return
	}
	var members []byte
	add := func(field *string, name, value string) {
		if *field == "" {
			*field = value
			members = append(append(members, `,"`+name+`":`...), encode(value)...)
		}
	}
	add(&o.Bucket, "bucket", n.bucket)
	add(&o.Name, "name", n.name)
	add(&o.Generation, "generation", n.generation)
	rest := bytes.TrimRight(o.Resource, " \t\r\n")
	if len(rest) == 0 {
		members = append(append(members, `,"eventType":`...), encode(n.eventType)...)
		rest = []byte("{}")
	}
	rest = bytes.TrimRight(rest[:len(rest)-1], " \t\r\n")
	if bytes.HasSuffix(rest, []byte("{")) {
		members = members[1:] // the comma, for the object is empty
	}
	o.Resource = slices.Concat(rest, members, []byte("}"))
}
