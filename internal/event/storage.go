// SPDX-License-Identifier: Apache-2.0

package event

import (
	"strings"
	"time"
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

// isChange tells whether events of a type are changes of an object.
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
// (https://cloud.google.com/storage/docs/json_api/v1/objects#resource).
func readObject(resource []byte) (*Object, error) {
	o := &Object{Resource: resource}
	err := walk(resource, maxDepth, func(name, value []byte) {
		switch string(name) {
		case "bucket":
			o.Bucket = text(value)
		case "name":
			o.Name = text(value)
		case "generation":
			o.Generation = integer(value)
		case "metageneration":
			o.Metageneration = integer(value)
		}
	})
	switch {
	case err != nil || !isObject(resource):
		return nil, explain(err, badData("the data of the Cloud Storage event is no JSON object in UTF-8: "+
			"send the object resource, as Eventarc and a notification with payload JSON_API_V1 do"))
	case o.Bucket == "" || o.Name == "" || o.Generation == "":
		return nil, badData("the object resource of the Cloud Storage event lacks bucket, name or generation: " +
			"send the whole resource, as Eventarc and a notification with payload JSON_API_V1 do")
	}
	return o, nil
}

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
	e.Data, e.Object, e.Message = o.Resource, o, nil
	if e.Extensions == nil {
		e.Extensions = make(map[string]string, 1)
	}
	e.Extensions["bucket"] = o.Bucket
	change := strings.TrimPrefix(eventType, storageObject)
	switch {
	case eventType != metadataUpdated:
		e.key = []string{"storage", change, o.Bucket, o.Name, o.Generation}
	case o.Metageneration != "":
		e.key = []string{"storage", change, o.Bucket, o.Name, o.Generation, o.Metageneration}
	case e.key == nil:
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
	eventType  string // by the notification's own word
	payload    bool
	time       time.Time // zero where the attributes name none
}

// notification reads m's attributes; ok is false where m is any other message.
func (m *Message) notification() (n notification, ok bool) {
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
	n.time, _ = time.Parse(time.RFC3339, m.attribute("eventTime"))
	format := m.attribute("payloadFormat")
	n.payload = format == "JSON_API_V1"
	return n, n.kind != "" && n.bucket != "" && n.name != "" && n.generation != "" && (n.payload || format == "NONE")
}

// setNotification makes e, a message, the change that the message notifies of.
// Where there is a payload its names count: a header of an unwrapped push loses
// the spaces around a name.
func (e *Event) setNotification(n notification) error {
	o := &Object{Bucket: n.bucket, Name: n.name, Generation: n.generation}
	if n.payload {
		var err error
		if o, err = readObject(e.Data); err != nil {
			return err
		}
	} else {
		o.Resource = encode(struct {
			Bucket     string `json:"bucket"`
			Name       string `json:"name"`
			Generation string `json:"generation"`
			EventType  string `json:"eventType"`
		}{n.bucket, n.name, n.generation, n.eventType})
	}
	if !n.time.IsZero() {
		e.Time = n.time
	}
	e.setObject(n.kind, o)
	return nil
}
