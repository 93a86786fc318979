// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/event"
)

// CloudEvent is an event in the CloudEvents form. It is written, and read, by the
// codec of the function.
type CloudEvent event.CloudEvent

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
		return e.structured(), nil
	case Push, PushUnwrapped:
		return e.message().Request(as)
	default:
		return Request{}, noEnvelope("a CloudEvent of type "+e.Type, as, Eventarc, Structured, Push, PushUnwrapped)
	}
}

func (e CloudEvent) check() error {
	for _, required := range []event.Attribute{{Name: "id", Value: e.ID}, {Name: "source", Value: e.Source}, {Name: "type", Value: e.Type}} {
		if required.Value == "" {
			return &Error{What: "the CloudEvent has no " + required.Name, Fix: "give it one: CloudEvents require id, source and type"}
		}
	}
	for name := range e.Extensions {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" || name == "" {
			return &Error{
				What: fmt.Sprintf("the CloudEvent's extension %q has a name that no header may have", name),
				Fix:  "use lower-case letters and digits",
			}
		}
	}
	return nil
}

// attributes are those of e, but for the content type, times as Google's APIs
// write them.
func (e CloudEvent) attributes() []event.Attribute {
	var list []event.Attribute
	for _, a := range event.CloudEvent(e).Attributes() {
		switch a.Name {
		case "datacontenttype":
			continue
		case "time":
			a.Value = stamp(e.Time)
		}
		list = append(list, a)
		if a.Name == "source" { // where Eventarc has it
			list = append(list, event.Attribute{Name: "specversion", Value: "1.0"})
		}
	}
	return list
}

// binary is e in binary mode: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
func (e CloudEvent) binary() Request {
	var r Request
	for _, a := range e.attributes() {
		r.add("ce-"+a.Name, headerText(a.Value))
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

// structured is e as one JSON document.
func (e CloudEvent) structured() Request {
	r := Request{Body: event.CloudEvent(e).EncodeJSON()}
	r.add("Content-Type", "application/cloudevents+json; charset=utf-8")
	r.add("User-Agent", userAgent)
	return r
}

// message is the Pub/Sub message that carries e in binary mode:
// https://github.com/googleapis/google-cloudevents/blob/main/docs/spec/pubsub.md
func (e CloudEvent) message() Message {
	m := Message{
		ID: e.ID, Topic: DefaultTopic, Subscription: DefaultSubscription,
		PublishTime: e.Time, Attributes: map[string]string{}, Data: e.Data,
	}
	for _, a := range e.attributes() {
		m.Attributes["ce-"+a.Name] = a.Value
	}
	if e.ContentType != "" {
		m.Attributes["Content-Type"] = e.ContentType
	}
	return m
}
