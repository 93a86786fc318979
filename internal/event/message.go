// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.com/dagtrigger/internal/jsonscan"
)

const (
	// messagePublished is the type that Eventarc gives a Pub/Sub message, see
	// https://cloud.google.com/eventarc/docs/event-types#cloud-pubsub.
	messagePublished = "google.cloud.pubsub.topic.v1.messagePublished"
	pubsubService    = "//pubsub.googleapis.com/"
)

// push is the body of a wrapped push while it is read.
type push struct {
	message Message
	found   bool // it has a member message that is an object
	data    []byte
	problem *DataError
}

// visitor reads the whole body in one pass: https://cloud.google.com/pubsub/docs/push#receive_push
func (p *push) visitor() *jsonscan.Visitor {
	return &jsonscan.Visitor{Visit: p.member, Into: func(name []byte) *jsonscan.Visitor {
		if string(name) != "message" {
			return nil
		}
		p.message = Message{Subscription: p.message.Subscription, DeliveryAttempt: p.message.DeliveryAttempt}
		p.data, p.problem = nil, nil
		return &jsonscan.Visitor{Visit: p.messageMember, Into: p.intoMessage}
	}}
}

func (p *push) member(name, value []byte) {
	switch string(name) {
	case "message":
		p.found = isObject(value)
	case "subscription":
		p.message.Subscription = cmp.Or(jsonscan.Text(value), p.message.Subscription)
	case "deliveryAttempt", "delivery_attempt":
		p.message.DeliveryAttempt, _ = strconv.Atoi(integer(value))
	}
}

func (p *push) messageMember(name, value []byte) {
	m := &p.message
	switch string(name) {
	case "data":
		p.data = value
	case "attributes":
		if !isNull(value) && !isObject(value) {
			p.problem = badData("the message's attributes are not a JSON object: send what Pub/Sub sends")
		}
	case "messageId", "message_id":
		m.ID = cmp.Or(jsonscan.Text(value), integer(value), m.ID)
	case "publishTime", "publish_time":
		if t, err := parseTime(jsonscan.Text(value)); err == nil {
			m.PublishTime = t
		}
	case "orderingKey", "ordering_key":
		m.OrderingKey = cmp.Or(jsonscan.Text(value), m.OrderingKey)
	}
}

func (p *push) intoMessage(name []byte) *jsonscan.Visitor {
	if string(name) != "attributes" {
		return nil
	}
	p.message.Attributes, p.problem = make(map[string]string), nil
	return &jsonscan.Visitor{Visit: p.attribute}
}

func (p *push) attribute(name, value []byte) {
	switch {
	case p.problem != nil:
	case value[0] != '"':
		p.problem = badData("the message's attribute %.80q is not text: send what Pub/Sub sends", name)
	case len(p.message.Attributes) >= maxAttributes:
		p.problem = badData("the message has over %d attributes: send what Pub/Sub sends", maxAttributes)
	default:
		p.message.Attributes[string(name)] = jsonscan.Text(value)
	}
}

// content decodes the message's data.
func (d *decoder) content(p *push) *DataError {
	if p.problem != nil || isNull(p.data) {
		return p.problem
	}
	data, ok := d.decodeBase64(p.data)
	if !ok {
		return badData("the message's data is not valid base64: send what Pub/Sub sends, RFC 4648 base64, padded")
	}
	p.message.Data = data
	return nil
}

// readMessage makes e, a CloudEvent that says it is a Pub/Sub message, that
// message.
func (d *decoder) readMessage(e *Event) {
	p := &push{}
	if resource, ok := strings.CutPrefix(e.Source, pubsubService); ok && strings.Contains(resource, "/subscriptions/") {
		p.message.Subscription = resource
	}
	err := d.walkInto(e.Data, maxDepth+2, p.visitor())
	if resource, ok := strings.CutPrefix(e.Source, pubsubService); ok && strings.Contains(resource, "/topics/") {
		p.message.Topic = resource
	}
	if !errors.Is(err, jsonscan.ErrTooDeep) && (err != nil || !p.found) {
		p.message = Message{Topic: p.message.Topic, Subscription: p.message.Subscription}
		p.problem = badData("the data of the Pub/Sub event has no message: send what Pub/Sub sends, a JSON object with message and subscription")
	}
	p.message.ID = cmp.Or(p.message.ID, e.ID)
	if errors.Is(err, jsonscan.ErrTooDeep) {
		p.problem = tooDeep()
	}
	binding := e.Extensions[modeExtension] == bindingMode
	if binding {
		e.Extensions = nil
	}
	d.setMessage(e, p, binding)
}

// setMessage makes e the message of a push, or what the message carries: the
// change of an object, or a CloudEvent. trusted says that what carries CloudEvents
// publishes no others than true ones, so that they name their topic.
func (d *decoder) setMessage(e *Event, p *push, trusted bool) {
	m := &p.message
	e.Message, e.Published = m, m.PublishTime
	e.key = []string{"pubsub", cmp.Or(m.Topic, m.Subscription, e.Source), m.ID}
	if e.Time.IsZero() {
		e.Time = m.PublishTime
	}
	if p.data != nil || p.problem != nil {
		if e.Invalid = d.content(p); e.Invalid != nil {
			e.Data = e.Origin().Data
			return
		}
	}
	e.Data, e.ContentType = m.Data, ""
	if n, ok := d.notification(m); ok {
		d.setNotification(e, n)
		return
	}
	ce, ok, err := d.carried(m)
	switch {
	case err != nil:
		e.Invalid = badData("the message says that it is a CloudEvent, but: %v", err)
	case ok:
		d.setCarried(e, ce, trusted)
	default:
		e.origin.checked = false // what was checked is the wrapper
		d.checkJSON(e)
	}
}

// setCarried makes e the CloudEvent that its message carries. This cannot go
// on for long: each message in a message is base64 again, so a quarter smaller.
//
// A publisher writes the CloudEvent, and may name any source in it. Topic and
// subscription stay those that delivered the message.
func (d *decoder) setCarried(e *Event, ce CloudEvent, trusted bool) {
	inner := d.event(ce)
	inner.origin, inner.push = e.origin, e.push
	inner.Published = e.Published
	if inner.Time.IsZero() {
		inner.Time = e.Time
	}
	switch {
	case inner.Message == nil:
		inner.Message = e.Message
	case trusted:
		inner.Message.Subscription = cmp.Or(e.Message.Subscription, inner.Message.Subscription)
	default:
		inner.Message.Topic, inner.Message.Subscription = e.Message.Topic, e.Message.Subscription
	}
	*e = inner
}

// attribute looks an attribute up without regard to case, which an unwrapped
// push does not keep.
func (m *Message) attribute(name string) string {
	if value, ok := m.Attributes[name]; ok {
		return value
	}
	for _, key := range slices.Sorted(maps.Keys(m.Attributes)) {
		if strings.EqualFold(key, name) {
			return m.Attributes[key]
		}
	}
	return ""
}

// carried reads the CloudEvent that m carries by the Pub/Sub binding
// (https://github.com/googleapis/google-cloudevents/blob/main/docs/spec/pubsub.md);
// ok is false where it names none.
func (d *decoder) carried(m *Message) (ce CloudEvent, ok bool, err error) {
	contentType := m.attribute("content-type")
	if mediaType(contentType) == structuredType {
		ce, err = d.structured(m.Data)
		return ce, true, err
	}
	var a attributes
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		if rest, found := cutPrefix(name); found {
			a.set(rest, m.Attributes[name]) // that in lower case is the last of several
		}
	}
	ce, complete := a.event()
	if !complete && a.version == "" {
		return ce, false, nil
	}
	if !complete {
		return ce, true, lacks(a.missing())
	}
	ce.Data = m.Data
	if contentType != "" {
		ce.ContentType = contentType
	}
	return ce, true, nil
}

// isBytes reports whether m's data is meant to be bytes, even where all of them
// happen to be text: a DAG must not find its conf in another form for those.
// https://cloud.google.com/pubsub/docs/schemas#encoding-types
func (m *Message) isBytes() bool {
	if strings.EqualFold(m.attribute("googclient_schemaencoding"), "BINARY") {
		return true
	}
	contentType := m.attribute("content-type")
	return contentType != "" && !isTextual(contentType)
}

// IsText reports whether m's data is text.
func (m *Message) IsText() bool { return !m.isBytes() && utf8.Valid(m.Data) }

// text is m's data, uncompressed where an attribute says that its publisher has
// compressed it by gzip, to at most MaxBody bytes. reserve may be nil.
func (m *Message) text(reserve func(int64) error) ([]byte, error) {
	coding := cmp.Or(m.attribute("contentEncoding"), m.attribute("content-encoding"))
	if !strings.EqualFold(coding, "gzip") {
		return m.Data, nil
	}
	compressed, err := gzip.NewReader(bytes.NewReader(m.Data))
	if err != nil { // a publisher that says so and does not: what it sends is there
		return m.Data, nil
	}
	data, err := io.ReadAll(&reservedReader{Reader: io.LimitReader(compressed, MaxBody+1), reserve: reserve})
	switch {
	case errors.Is(err, errNotReserved):
		return nil, err
	case err != nil:
		return nil, errors.New("the message's contentEncoding is gzip, and its data is cut off or damaged: send whole gzip data")
	case len(data) > MaxBody:
		return nil, fmt.Errorf("the message's data is over %d bytes when it is uncompressed: put the data into an object and send its name",
			MaxBody)
	}
	return data, nil
}

// errNotReserved says that the memory for a text was not to be had in time.
var errNotReserved = errors.New("no memory for the uncompressed data")

// reservedReader reserves the memory of what it reads.
type reservedReader struct {
	io.Reader
	reserve func(int64) error
}

func (r *reservedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 && r.reserve != nil {
		if failed := r.reserve(int64(n)); failed != nil {
			return 0, fmt.Errorf("%w: %w", errNotReserved, failed)
		}
	}
	return n, err
}

// maxUndeclared is the most bytes that data is uncompressed to that no attribute
// calls gzip: no memory is reserved for it.
const maxUndeclared = 2 << 20

// UndeclaredJSON is m's data uncompressed, where that is gzip and no attribute
// says so, and JSON of at most 2 MiB; else nil.
func (m *Message) UndeclaredJSON() []byte {
	compressed, err := gzip.NewReader(bytes.NewReader(m.Data))
	if err != nil {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(compressed, maxUndeclared+1))
	data = withoutMark(data)
	if err != nil || len(data) > maxUndeclared || jsonscan.Walk(data, maxDepth, nil) != nil {
		return nil
	}
	return data
}

// JSON is m's data where that is JSON, uncompressed, else nil. It must not be
// changed.
func (m *Message) JSON() []byte {
	if m.isBytes() {
		return nil
	}
	data, err := m.text(nil)
	data = withoutMark(data)
	if err != nil || jsonscan.Walk(data, maxDepth, nil) != nil {
		return nil
	}
	return data
}
