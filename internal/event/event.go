// SPDX-License-Identifier: Apache-2.0

// Package event owns what happened: it turns every envelope in which a cloud
// event can arrive into one normal form, and gives that form its key.
//
// Two steps lead there. [FromRequest] undoes the envelope (CloudEvents binary,
// structured and batch, Pub/Sub push wrapped and unwrapped, legacy background
// events) into CloudEvents; [New] reads a CloudEvent's type and data into an
// [Event]. A change of a Cloud Storage object has the same normal form and the
// same key whichever way it came.
//
// The package never decides what an event starts, and never does I/O beyond
// reading the request's body.
package event

import (
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/types"

	"example.com/dagtrigger/internal/plainjson"
)

// Event is one thing that happened, in the normal form.
//
// At most one of Object and Message is set: a Pub/Sub message that carries a
// Cloud Storage notification is a Storage change, and one that carries a
// CloudEvent is that CloudEvent.
type Event struct {
	ID      string // the CloudEvent's id; a redelivery keeps it
	Source  string // a URI reference, such as //storage.googleapis.com/projects/_/buckets/acme
	Type    string // such as google.cloud.storage.object.v1.finalized
	Subject string // empty where the event has none
	// Time is when it happened, by the event's own word; zero where it does not say.
	Time time.Time
	// Published is when the delivery that brought the event was published: the
	// publishTime of its Pub/Sub message. It is zero where the delivery does not
	// say, as for Eventarc's events but those of Pub/Sub. It is the clock to count
	// the age of a delivery by; Time is a claim about the business.
	Published time.Time
	// Extensions are the CloudEvent's extension attributes, names in lower case.
	Extensions map[string]string
	// ContentType is the media type of Data, empty where the event does not say.
	ContentType string
	// Data is the event's data byte for byte. For a Storage change it is the
	// object resource, for a message the message's data. Nobody may change it.
	Data []byte

	Object  *Object  // a Cloud Storage change
	Message *Message // a Pub/Sub message

	// Origin is the CloudEvent as the envelope gave it, for a dead letter. Its
	// data is whatever came: who writes it as JSON sets DataBase64 where it is
	// none.
	Origin cloudevents.Event

	key []string
}

// Object names the object that a Cloud Storage change is about.
type Object struct {
	Bucket         string
	Name           string
	Generation     string // decimal, as text
	Metageneration string // empty in a notification without payload
	// Resource is the object resource of the JSON API as the event carried it,
	// unknown fields and the spelling of numbers kept. A notification without
	// payload has one made of bucket, name, generation and eventType.
	Resource []byte
}

// Message is a Pub/Sub message.
type Message struct {
	ID           string
	Topic        string // projects/P/topics/T, empty where the envelope names none
	Subscription string // projects/P/subscriptions/S, likewise
	OrderingKey  string
	PublishTime  time.Time // zero where the envelope gives none
	// Attributes have their names in lower case where the push was unwrapped:
	// HTTP folds them.
	Attributes map[string]string
	Data       []byte
}

// New reads the type and the data of ce, which is valid: one that [FromRequest]
// gave, or one of version 1.0 that its Validate accepts.
//
// Data of a type that New knows must be what that type says. Where it is not,
// the error is a [*DataError], and the Event beside it still has its identity:
// ID, Source, Type, Time, Data as they came, and a key. Data of any other type
// may be anything. JSON nested over 200 levels is an [*Error] in both.
func New(ce cloudevents.Event) (Event, error) {
	err := ce.FieldErrors["data"] // from fromStructured
	ce.FieldErrors = nil
	e := Event{
		ID:          ce.ID(),
		Type:        ce.Type(),
		Time:        ce.Time(),
		Extensions:  extensions(ce),
		ContentType: ce.DataContentType(),
		Data:        ce.Data(),
		Origin:      ce,
	}
	if err == nil && isChange(e.Type) {
		var o *Object
		if o, err = readObject(e.Data); err == nil {
			e.setObject(e.Type, o)
			return e, nil
		}
	}
	e.Source, e.Subject = ce.Source(), ce.Subject()
	e.key = []string{"event", e.Source, e.ID}
	switch {
	case err != nil:
		return e, err
	case e.Type == messagePublished:
		err = e.setMessage()
	default:
		err = e.checkDepth()
	}
	return e, err
}

// extensions are ce's extension attributes as the text that the CloudEvents
// type system gives them.
func extensions(ce cloudevents.Event) map[string]string {
	context, ok := ce.Context.(*cloudevents.EventContextV1)
	if !ok || len(context.Extensions) == 0 {
		return nil
	}
	texts := make(map[string]string, len(context.Extensions))
	for name, value := range context.Extensions {
		texts[name], _ = types.Format(value) // of a valid event: never fails
	}
	return texts
}

// checkDepth refuses JSON that is nested too deep for whoever parses it next.
func (e *Event) checkDepth() error {
	if !plainjson.IsMediaType(e.ContentType) {
		return nil
	}
	return explain(walk(e.Data, maxDepth, nil), nil)
}

// Key tells this event from every other: two deliveries of one event have
// equal keys. Its parts are compared and hashed one by one, never joined.
func (e *Event) Key() []string { return e.key }
