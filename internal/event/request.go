// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"example.com/dagtrigger/internal/jsonscan"
)

// MaxBody is the most bytes of a request's body that dagtrigger reads: 16 MiB.
// A Pub/Sub message has at most 10 MB, which are 13.4 MB in base64
// (https://cloud.google.com/pubsub/quotas); an Eventarc event has 512 KB.
const MaxBody = 16 << 20

// firstRead is the most bytes to set aside on the word of Content-Length
// alone: a sender that promises much and stalls holds no more than that.
const firstRead = 64 << 10

// FromRequest reads at most limit bytes of the body of r, and returns the events
// in it, each with an identity. That is one, unless r is a batch, which may be
// empty. [DecodeContent] must have undone the coding of the body. Where the body
// has a method Reserve(bytes int64) error, it is called for memory beyond the
// body's that an event keeps, and for the copy of it that is sent on or stored.
//
//   - A CloudEvent, binary or structured, and a batch of them
//     (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md).
//     Eventarc delivers in binary mode. A structured one may say that it is
//     application/json.
//   - A Pub/Sub push, wrapped (https://cloud.google.com/pubsub/docs/push#receive_push)
//     or not (https://cloud.google.com/pubsub/docs/payload-unwrapping). It is the
//     event that Eventarc makes of a message, with the subscription in the source
//     where Eventarc has the topic, unless the address that it is pushed to names
//     the topic, as Eventarc's do; or it is what the message carries.
//   - A background event of the first Cloud Functions, as the CloudEvent that
//     Eventarc sends today.
//   - A request of Cloud Scheduler or Cloud Tasks, or any with an Idempotency-Key:
//     its headers identify it, and the body is its data.
//
// No envelope is recognised by its Content-Type alone but for structured mode:
// a push carries the publisher's or a form's.
//
// The error is an [*Error]. Of a batch there may be events beside it.
func FromRequest(r *http.Request, limit int64) ([]Event, error) {
	body, err := readBody(r, limit)
	if err != nil && !errors.Is(err, errCoding) {
		return nil, err
	}
	var d decoder
	if body, ok := r.Body.(interface{ Reserve(bytes int64) error }); ok {
		d.reserve = body.Reserve
	}
	events, refused := d.request(r, body)
	for i := range events {
		d.hold(events[i].Size())
	}
	if d.failed != nil {
		unread := noEvent("%v: send the request again", d.failed)
		unread.cause = d.failed
		return nil, unread
	}
	if err != nil { // the headers may identify the event still
		for i := range events {
			events[i].Invalid = badData("%v", errCoding)
		}
		if len(events) == 0 {
			return nil, err
		}
	}
	return events, refused
}

func (d *decoder) request(r *http.Request, body []byte) ([]Event, error) {
	events, refused := d.envelope(r, body)
	if len(events) == 0 && refused != nil {
		if ce, ok := fromSender(r, body); ok {
			events, refused = []Event{d.event(ce)}, nil
		}
		if len(events) > 0 && events[0].Type == jobExecuted {
			return events, nil // the schedule is its identity
		}
	}
	if schedule := scheduleOf(r.Header); schedule != nil {
		for i := range events {
			events[i].origin.Extensions = merged(events[i].origin.Extensions, schedule)
			events[i].addSchedule(schedule)
		}
	}
	return events, refused
}

// envelope reads the envelopes that have an identity in them.
func (d *decoder) envelope(r *http.Request, body []byte) ([]Event, error) {
	if first(r.Header, messageIDHeader) != "" {
		return []Event{d.unwrapped(r, body)}, nil
	}
	media := mediaType(first(r.Header, "Content-Type"))
	text := withoutMark(body)
	var refused error
	switch {
	case media != structuredType && media != batchType:
	case jsonscan.First(text) == '[':
		events, err := d.batch(text)
		if len(events) > 0 || err == nil {
			return events, err
		}
		refused = err
	default:
		ce, err := d.structured(text)
		if err == nil {
			return []Event{d.event(ce)}, nil
		}
		refused = err
	}
	a, ok := binaryMode(r.Header, body)
	if ok {
		return []Event{d.event(a.ce)}, nil
	}
	events, err := d.body(r, text)
	if len(events) > 0 || err == nil {
		return events, err
	}
	return nil, firstError(refused, err, func() error { return notAnEvent(r, text, &a) })
}

// jsonBody is a body that may be a push, a background event or a CloudEvent.
type jsonBody struct {
	push
	context, data, eventID []byte
	isCloudEvent           bool            // it has a specversion
	identity               map[string]bool // those of id, source and type that it has
}

// hasIdentity reports whether id, source and type identify data although no
// specversion says that this is a CloudEvent.
func (b *jsonBody) hasIdentity() bool { return len(b.identity) == 3 && b.data != nil }

func (b *jsonBody) visit(name, value []byte) {
	switch string(name) {
	case "context":
		b.context = value
	case "data":
		b.data = value
	case "eventId":
		b.eventID = value
	case "specversion":
		b.isCloudEvent = true
	case "id", "source", "type":
		if b.identity == nil {
			b.identity = make(map[string]bool)
		}
		b.identity[string(name)] = true
	default:
		b.member(name, value)
	}
}

// body recognises a JSON body by its members, where no header says what it is.
// The error is nil where it is none of those.
func (d *decoder) body(r *http.Request, body []byte) ([]Event, error) {
	if jsonscan.First(body) == '[' && bytes.Contains(body, []byte(`"specversion"`)) {
		return d.batch(body)
	}
	var b jsonBody
	v := b.visitor()
	v.Visit = b.visit
	err := d.walkInto(body, maxDepth+2, v)
	if errors.Is(err, jsonscan.ErrInvalid) {
		return nil, errNotRecognised
	}
	if errors.Is(err, jsonscan.ErrTooDeep) {
		b.problem = tooDeep()
	}
	if e, ok := d.pushed(body, &b.push, addressOf(r)); ok {
		return []Event{e}, nil
	}
	var ce CloudEvent
	switch {
	case b.context != nil && b.data != nil:
		ce, err = d.background(b.context, b.data)
	case b.eventID != nil && b.data != nil:
		ce, err = d.background(body, b.data)
	case b.isCloudEvent || b.hasIdentity():
		ce, err = d.structured(body)
	default:
		return nil, errNotRecognised
	}
	if err != nil {
		return nil, err
	}
	return []Event{d.event(ce)}, nil
}

var errNotRecognised = errors.New("not recognised")

// firstError is the first error that says something of an envelope.
func firstError(a, b error, last func() error) error {
	for _, err := range []error{a, b} {
		if err != nil && !errors.Is(err, errNotRecognised) {
			return err
		}
	}
	return last()
}

func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	text, err := readAll(http.MaxBytesReader(nil, r.Body, limit), r.ContentLength)
	if over, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(over.Limit)
	}
	if err != nil {
		unread := noEvent("reading the body: %v: send the whole request again", err)
		if errors.Is(err, errCoding) {
			unread = noEvent("%v", errCoding)
		}
		unread.cause = err
		return nil, unread
	}
	return text, nil
}

// readAll reads all of r, which promises so many bytes, or -1. It sets aside no
// more than is promised, and no more than twice of what has come.
func readAll(r io.Reader, promised int64) ([]byte, error) {
	// A byte more, so that the read that meets the end need not grow it.
	data := make([]byte, 0, min(max(promised, 0), firstRead)+bytes.MinRead)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		if len(data) == cap(data) {
			more := len(data)
			if left := int(promised) - len(data); left >= 0 {
				more = min(more, left+bytes.MinRead)
			}
			data = append(make([]byte, 0, len(data)+more), data...)
		}
	}
}
