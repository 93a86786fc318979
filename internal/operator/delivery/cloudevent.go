// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/dagtrigger/internal/plainjson"
)

// CloudEvent is an event in the CloudEvents form, version 1.0:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
type CloudEvent struct {
	ID, Source, Type string
	Subject          string            // left out where empty
	Time             time.Time         // left out where zero
	ContentType      string            // the media type of Data; left out where empty
	Extensions       map[string]string // names of lower-case letters and digits
	Data             []byte
}

// Request puts e into an envelope. On a push the message that carries it has
// the event's own id and time.
func (e CloudEvent) Request(as Envelope) (Request, error) {
	if err := e.check(); err != nil {
		return Request{}, err
	}
	switch as {
	case Eventarc:
		return e.binary(), nil
	case Structured:
		return e.structured()
	case Push, PushUnwrapped:
		return e.message().Request(as)
	default:
		return Request{}, noEnvelope("a CloudEvent of type "+e.Type, as, Eventarc, Structured, Push, PushUnwrapped)
	}
}

// attribute is a context attribute of a CloudEvent.
type attribute struct{ name, value string }

// attributes are the context attributes that are set, but for the content type.
func (e CloudEvent) attributes() []attribute {
	list := []attribute{
		{"id", e.ID}, {"source", e.Source}, {"specversion", "1.0"}, {"type", e.Type},
	}
	if e.Subject != "" {
		list = append(list, attribute{"subject", e.Subject})
	}
	if !e.Time.IsZero() {
		list = append(list, attribute{"time", stamp(e.Time)})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Extensions)) {
		list = append(list, attribute{name, e.Extensions[name]})
	}
	return list
}

func (e CloudEvent) check() error {
	for _, required := range []attribute{{"id", e.ID}, {"source", e.Source}, {"type", e.Type}} {
		if required.value == "" {
			return &Error{What: "the CloudEvent has no " + required.name, Fix: "give it one: CloudEvents require id, source and type"}
		}
	}
	for name := range e.Extensions {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || name == "" {
			return &Error{What: fmt.Sprintf("the CloudEvent's extension %q has a name that no CloudEvent may have", name), Fix: "use lower-case letters and digits alone"}
		}
	}
	return nil
}

// binary is e in binary mode: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
func (e CloudEvent) binary() Request {
	var r Request
	for _, a := range e.attributes() {
		r.add("ce-"+a.name, headerText(a.value))
	}
	if e.ContentType != "" {
		r.add("Content-Type", e.ContentType)
	}
	r.add("User-Agent", userAgent)
	r.Body = e.Data
	return r
}

// headerText writes an attribute's value as the HTTP binding asks for in its
// section 3.1.3.2: blanks, quotes, per cent signs and whatever is not printable
// ASCII are percent-encoded, byte by byte of their UTF-8.
func headerText(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// structured is e as one JSON document. Data that is JSON stands in it as it
// is, text as a string, and what is no text in base64.
func (e CloudEvent) structured() (Request, error) {
	members := make([]member, 0, 8)
	for _, a := range e.attributes() {
		members = append(members, member{a.name, a.value})
	}
	if e.ContentType != "" {
		members = append(members, member{"datacontenttype", e.ContentType})
	}
	switch {
	case len(e.Data) == 0:
	case plainjson.IsMediaType(e.ContentType) && json.Valid(e.Data):
		members = append(members, member{"data", json.RawMessage(e.Data)})
	case plainjson.IsMediaType(e.ContentType) || !utf8.Valid(e.Data):
		members = append(members, member{"data_base64", e.Data})
	default:
		members = append(members, member{"data", string(e.Data)})
	}
	body, err := object(members...)
	if err != nil {
		return Request{}, fmt.Errorf("writing the CloudEvent: %w", err)
	}
	r := Request{Body: body}
	r.add("Content-Type", "application/cloudevents+json; charset=utf-8")
	r.add("User-Agent", userAgent)
	return r, nil
}

// message is the Pub/Sub message that carries e in binary mode:
// https://github.com/googleapis/google-cloudevents/blob/main/docs/spec/pubsub.md
func (e CloudEvent) message() Message {
	m := Message{
		ID: e.ID, Topic: DefaultTopic, Subscription: DefaultSubscription,
		PublishTime: e.Time, Attributes: map[string]string{}, Data: e.Data,
	}
	for _, a := range e.attributes() {
		m.Attributes["ce-"+a.name] = a.value
	}
	if e.ContentType != "" {
		m.Attributes["Content-Type"] = e.ContentType
	}
	return m
}
