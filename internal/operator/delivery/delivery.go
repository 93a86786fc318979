// SPDX-License-Identifier: Apache-2.0

// Package delivery implements the sender's side: it builds the HTTP requests that
// Google's platform would send for an event, header by header and byte by byte,
// so that a function can be tried without the platform.
//
// Three things can happen: an [Object] changes in Cloud Storage, a [Message] is
// published, or anything else is a [CloudEvent]. Each can travel in several
// envelopes; its Request method puts it into one.
//
// The package sends nothing, makes no id and reads no clock: an event that is built
// twice from the same fields has the same bytes.
package delivery

import (
	"fmt"
	"strings"
)

// Event is what an envelope can carry: an [Object], a [Message] or a [CloudEvent].
type Event interface {
	// Request puts the event into an envelope. The error says where the platform
	// has no such envelope for it, or which field does not fit in.
	Request(as Envelope) (Request, error)
}

// Envelope is a form in which the platform delivers an event over HTTP.
type Envelope string

// The envelopes.
const (
	// Eventarc is a CloudEvent in binary mode: its attributes are headers, its data is the body.
	// https://cloud.google.com/eventarc/docs/cloudevents
	Eventarc Envelope = "eventarc"
	// Structured is a CloudEvent as one JSON document, as publishers to an Eventarc channel may send it.
	// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
	Structured Envelope = "structured"
	// Push is a Pub/Sub push: the message, its data in base64, within a JSON document. An object's
	// change travels as its notification, a CloudEvent as a message with ce- attributes.
	// https://cloud.google.com/pubsub/docs/push#receive_push
	Push Envelope = "push"
	// PushUnwrapped is a Pub/Sub push without its wrapper but with its metadata: the body is the
	// message's data, the rest are headers.
	// https://cloud.google.com/pubsub/docs/payload-unwrapping
	PushUnwrapped Envelope = "push-unwrapped"
	// Notification is what a bucket's notification configuration publishes, delivered by Push.
	// https://cloud.google.com/storage/docs/pubsub-notifications
	Notification Envelope = "notification"
	// Background is the event of a function of the first generation.
	// https://cloud.google.com/functions/1stgendocs/writing/write-event-driven-functions
	Background Envelope = "background"
	// Batch is several CloudEvents as one JSON array. Google sends none, and only a text
	// that is one travels so.
	// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#33-batched-content-mode
	Batch Envelope = "batch"
)

// Envelopes are all that the platform uses, in the order in which to offer them.
func Envelopes() []Envelope {
	return []Envelope{Eventarc, Structured, Push, PushUnwrapped, Notification, Background}
}

// Error says why an event cannot be put into an envelope, and what to do.
type Error struct{ What, Fix string }

func (e *Error) Error() string { return e.What + ": " + e.Fix }

// noEnvelope is the error for a combination that the platform does not have.
func noEnvelope(what string, as Envelope, fits ...Envelope) error {
	names := make([]string, len(fits))
	for i, e := range fits {
		names[i] = string(e)
	}
	return &Error{
		What: fmt.Sprintf("%s does not travel as %q", what, as),
		Fix:  "use one of " + strings.Join(names, ", "),
	}
}
