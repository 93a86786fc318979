// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/json"

	"example.com/dagtrigger/internal/jsonscan"
)

// announcement is what an envelope that is not a CloudEvent says of its event.
type announcement struct {
	id, source, subject, kind, time string
	data                            []byte
}

// background makes a CloudEvent of a background event, the form of the
// first Cloud Functions
// (https://cloud.google.com/functions/1stgendocs/writing/write-event-driven-functions):
// data, and in context or beside data what happened to which resource. Storage
// and Pub/Sub events become what Eventarc sends; any other keeps its type.
func (d *decoder) background(context, data []byte) (CloudEvent, error) {
	var a announcement
	var resource []byte
	// An error is ruled out: context is part of what has been walked.
	_ = d.walk(context, maxDepth+2, func(name, value []byte) {
		switch string(name) {
		case "eventId":
			a.id = jsonscan.Text(value)
		case "eventType":
			a.kind = jsonscan.Text(value)
		case "timestamp":
			a.time = jsonscan.Text(value)
		case "resource":
			resource = value
		}
	})
	if a.id == "" || a.kind == "" {
		return CloudEvent{}, noEvent("the background event lacks eventId or eventType: send both, in context or beside data")
	}
	a.data = data
	service, name := resourceOf(resource)
	a.kind = eventarcType(a.kind, data)
	switch {
	case a.kind == messagePublished:
		a.source, a.data = pubsubService+name, wrap(a, data)
	case !isChange(a.kind):
		a.source = service + name
	default:
		a.source = storageService + name // of an object that cannot be read
		if object, err := d.readObject(data); err == nil && object.complete() {
			a.source, a.subject = object.source(), object.subject()
		}
	}
	return a.cloudEvent()
}

// cloudEvent is the CloudEvent that Eventarc would send.
func (a announcement) cloudEvent() (CloudEvent, error) {
	var all attributes
	for _, each := range []struct{ name, value string }{
		{"id", a.id}, {"source", a.source}, {"type", a.kind}, {"subject", a.subject}, {"time", a.time},
	} {
		if each.value != "" {
			all.set(each.name, each.value)
		}
	}
	ce, ok := all.event()
	if !ok {
		return ce, lacks(all.missing())
	}
	ce.ContentType, ce.Data = "application/json", a.data
	return ce, nil
}

// resourceOf returns the service, as the start of a source, and the name of a
// background event's resource, which is an object or just the name.
func resourceOf(resource []byte) (service, name string) {
	if name := jsonscan.Text(resource); name != "" {
		return "", name
	}
	_ = jsonscan.Walk(resource, maxDepth+2, func(member, value []byte) {
		switch string(member) {
		case "service":
			service = "//" + jsonscan.Text(value) + "/"
		case "name":
			name = jsonscan.Text(value)
		}
	})
	return service, name
}

// eventarcType returns Eventarc's type for a background event's, as the functions
// framework does (funcframework/events.go in functions-framework-go), but for
// object.change, which stands for uploads and for all else that happens to an
// object, and is distinguished as Google's samples did.
func eventarcType(eventType string, data []byte) string {
	switch eventType {
	case "google.pubsub.topic.publish", "providers/cloud.pubsub/eventTypes/topic.publish":
		return messagePublished
	case "google.storage.object.finalize":
		return finalized
	case "google.storage.object.delete":
		return deleted
	case "google.storage.object.archive":
		return archived
	case "google.storage.object.metadataUpdate":
		return metadataUpdated
	case "providers/cloud.storage/eventTypes/object.change":
		return changed(data)
	}
	return eventType
}

// changed returns what an object.change means: the object is gone, or it has
// been there for some metagenerations, or it is new.
func changed(data []byte) string {
	var state, metageneration string
	_ = jsonscan.Walk(data, maxDepth+2, func(name, value []byte) {
		switch string(name) {
		case "resourceState":
			state = jsonscan.Text(value)
		case "metageneration":
			metageneration = integer(value)
		}
	})
	switch {
	case state == "not_exists":
		return deleted
	case metageneration != "" && metageneration != "1":
		return metadataUpdated
	}
	return finalized
}

// wrap makes of a background event's message what Eventarc sends of one. The
// message itself has no id: the event's is the message's.
func wrap(a announcement, message []byte) []byte {
	if !isObject(message) {
		return encode(map[string]json.RawMessage{"message": message}) // New says what is wrong
	}
	m := pushMessage{MessageID: a.id, PublishTime: a.time}
	_ = jsonscan.Walk(message, maxDepth+2, func(name, value []byte) {
		switch string(name) {
		case "data":
			m.Data = value
		case "attributes":
			m.Attributes = value
		case "orderingKey":
			m.OrderingKey = jsonscan.Text(value)
		}
	})
	return encode(pushBody{Message: m})
}
