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
	// Extensions are the CloudEvent's extension attributes, names in lower case.
	Extensions map[string]string
	// ContentType is the media type of Data, empty where the event does not say.
	ContentType string
	// Data is the event's data byte for byte. For a Storage change it is the
	// object resource, for a message the message's data. Nobody may change it.
	Data []byte

	Object  *Object  // a Cloud Storage change
	Message *Message // a Pub/Sub message

	// Origin is the CloudEvent as the envelope gave it, for a dead letter.
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
	Attributes   map[string]string
	Data         []byte
}

// Key tells this event from every other: two deliveries of one event have
// equal keys. Its parts are compared and hashed one by one, never joined.
func (e *Event) Key() []string { return e.key }
