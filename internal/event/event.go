// SPDX-License-Identifier: Apache-2.0

// Package event decodes what happened: it reads every envelope in which a cloud
// event can arrive into one normal form, and gives that form its key.
//
// [FromRequest] reads a request (CloudEvents binary, structured and batch,
// Pub/Sub push wrapped and unwrapped, legacy background events, Cloud Scheduler,
// Cloud Tasks) into the events in it. [New] does the same for a [CloudEvent] that
// was read before, such as that of a dead letter. A change of a Cloud Storage
// object has the same normal form and the same key whichever way it came.
//
// The package never decides what an event starts, and does no I/O but to read
// the body of the request.
package event

import (
	"errors"
	"time"

	"example.com/dagtrigger/internal/jsonscan"
	"example.com/dagtrigger/internal/plainjson"
)

// Event is one thing that happened, in the normal form.
type Event struct {
	ID      string // the CloudEvent's id; a redelivery keeps it
	Source  string // a URI reference, such as //storage.googleapis.com/projects/_/buckets/acme
	Type    string // such as google.cloud.storage.object.v1.finalized
	Subject string // empty where the event has none
	// Time is when it happened, as the event claims; zero where it does not say.
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
	// object resource, for a message the message's data. It must not be changed.
	Data []byte

	Object *Object // a Cloud Storage change
	// Message is the Pub/Sub message that is the event (its Type is then
	// messagePublished), or that carried it: the notification of an object's
	// change, or the message that a CloudEvent came in.
	Message *Message

	// Invalid says why Data cannot be used although the event has an identity; it
	// is nil for all events that can be decided. Object is nil then.
	Invalid *DataError
	// Dropped lists the attributes that could not be read, each with its reason:
	// they never refuse an event.
	Dropped []string

	key    []string
	origin CloudEvent
	push   *pushBody // what the data of origin is to be written of, nil where it is there
	json   []byte    // what JSON returns
	read   bool      // json is set
}

// Object names the object that a Cloud Storage change is about.
type Object struct {
	Bucket         string
	Name           string
	Generation     string // decimal, as text
	Metageneration string // empty in a notification without payload
	// Resource is the object resource of the JSON API as the event carried it,
	// unknown fields and the spelling of numbers kept. What a notification's
	// payload lacks of bucket, name and generation is added from its attributes;
	// without payload the resource is those and eventType.
	Resource []byte
}

// Message is a Pub/Sub message.
type Message struct {
	ID string
	// Topic is projects/P/topics/T and Subscription projects/P/subscriptions/S,
	// each empty where the delivery does not name it. They are always those that
	// delivered the message, never those that its publisher wrote into it.
	Topic           string
	Subscription    string
	OrderingKey     string
	PublishTime     time.Time // zero where the delivery does not say
	DeliveryAttempt int       // from 1; 0 where the subscription has no dead-letter policy
	// Attributes have their names in lower case where the push was unwrapped:
	// HTTP does not keep the case.
	Attributes map[string]string
	Data       []byte
}

// New reads the type and the data of ce, which has id, source and type.
//
// Data of a type that New knows must be what that type says. Where it is not,
// or where JSON is nested over 200 levels, the Event has Invalid set, and still
// its identity: ID, Source, Type, Time, Data as they came, and a key. Data of
// any other type may be anything.
func New(ce CloudEvent) Event {
	var d decoder
	return d.event(ce)
}

// decoder reads one request. It counts what it reads as JSON, so that a test can
// hold each envelope to the bytes that it may cost.
type decoder struct {
	scanned int
	// reserve waits for the memory of bytes that come on top of the body's; nil
	// where nobody counts them.
	reserve func(bytes int64) error
	failed  error // of reserve: the request is to be sent again
}

// hold reserves the memory of so many bytes, and reports whether there is some.
// Few are not counted.
func (d *decoder) hold(bytes int) bool {
	if d.reserve == nil || bytes < fewBytes || d.failed != nil {
		return d.failed == nil
	}
	d.failed = d.reserve(int64(bytes))
	return d.failed == nil
}

// fewBytes are too few to count.
const fewBytes = 32 << 10

func (d *decoder) walk(data []byte, depth int, visit func(name, value []byte)) error {
	return d.walkInto(data, depth, &jsonscan.Visitor{Visit: visit})
}

func (d *decoder) walkInto(data []byte, depth int, v *jsonscan.Visitor) error {
	d.scanned += len(data)
	return jsonscan.WalkInto(data, depth, v)
}

func (d *decoder) event(ce CloudEvent) Event {
	e := Event{
		ID: ce.ID, Source: ce.Source, Type: ce.Type, Subject: ce.Subject, Time: ce.Time,
		Extensions: ce.Extensions, ContentType: ce.ContentType, Data: ce.Data,
		Invalid: ce.invalid, Dropped: ce.dropped, origin: ce,
	}
	e.key = []string{"event", e.Source, e.ID}
	switch {
	case e.Invalid != nil:
	case isChange(e.Type):
		if o := d.object(&e); o != nil {
			e.setObject(e.Type, o)
		}
	case e.Type == messagePublished:
		d.readMessage(&e)
	case isDocument(&e):
		e.setDocument()
	default:
		d.checkJSON(&e)
	}
	e.addSchedule(ce.Extensions)
	return e
}

// object reads the object resource that e's data is, nil where it is not one.
func (d *decoder) object(e *Event) *Object {
	o, err := d.readObject(e.Data)
	if err == nil && !o.complete() {
		err = badData("the object resource of the Cloud Storage event lacks bucket, name or generation: " +
			"send the whole resource, as Eventarc and a notification with payload JSON_API_V1 do")
	}
	if err != nil {
		e.Invalid = err
		return nil
	}
	return o
}

// checkJSON remembers whether e's data is JSON, and refuses what is nested too
// deep for the next parser.
func (d *decoder) checkJSON(e *Event) {
	e.read = true
	isMessage := e.Message != nil // what a message carried does not come here
	if isMessage && e.Message.isBytes() || !isMessage && !plainjson.IsMediaType(e.ContentType) {
		return
	}
	data := e.Data
	if isMessage {
		var err error
		if data, err = e.Message.text(d.reserve); errors.Is(err, errNotReserved) {
			d.failed = err
			return
		} else if err != nil {
			e.Invalid = badData("%v", err)
			return
		}
	}
	data = withoutMark(data)
	if e.origin.checked {
		e.json = data
		return
	}
	switch err := d.walk(data, maxDepth, nil); {
	case err == nil:
		e.json = data
	case errors.Is(err, jsonscan.ErrTooDeep):
		e.Invalid = tooDeep()
	}
}

// Key is equal for two deliveries of one event, and for no other two. Its parts
// are compared and hashed one by one, never joined.
func (e *Event) Key() []string { return e.key }

// Origin is the CloudEvent as the envelope gave it, for a dead letter: what [New]
// reads as this event again. Its data is whatever came.
func (e *Event) Origin() CloudEvent {
	origin := e.origin
	if e.push != nil {
		origin.Data = encode(e.push)
	}
	return origin
}

// Size is how many bytes of data e carries.
func (e *Event) Size() int {
	size := len(e.Data)
	if e.Object != nil {
		size = max(size, len(e.Object.Resource))
	}
	if e.Message != nil {
		size = max(size, len(e.Message.Data))
	}
	return size
}
