// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/base64"
	"slices"
)

// record is the value of a variable with fields.
type record struct {
	scope    *Scope
	variable string
}

// field returns a field's value, and false where the event has none.
func (r record) field(name string) (any, bool) {
	switch r.variable {
	case varsVariable:
		value, err := r.scope.variable(name)
		return value, err == nil
	case eventVariable:
		return r.scope.eventField(name)
	case objectVariable:
		return r.scope.objectField(name)
	case messageVariable:
		return r.scope.messageField(name)
	case setVariable:
		return r.scope.setField(name)
	}
	at := slices.Index(r.scope.names, name)
	if at < 0 {
		return nil, false
	}
	return r.scope.captures[at], true
}

// whole returns all that the variable holds.
func (r record) whole() any {
	if r.variable == objectVariable {
		if root, ok := r.scope.json(); ok && r.scope.ev.Object != nil {
			return root.native()
		}
		return map[string]any{}
	}
	all := map[string]any{}
	names := r.scope.names
	for _, v := range variables {
		if v.Name == r.variable && r.variable != pathVariable {
			names = fieldNames(v.Fields)
		}
	}
	for _, name := range names {
		if value, ok := r.field(name); ok {
			all[name] = value
		}
	}
	return all
}

func fieldNames(fields []Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

func (s *Scope) eventField(name string) (any, bool) {
	switch name {
	case "id":
		return text(s.ev.ID)
	case "source":
		return text(s.ev.Source)
	case "type":
		return text(s.ev.Type)
	case "subject":
		return text(s.ev.Subject)
	case "time":
		return s.ev.Time, !s.ev.Time.IsZero()
	}
	return s.ev.Extensions, true
}

// nothing is the text of a document that was not given.
func nothing() []byte { return nil }

func (s *Scope) setField(name string) (any, bool) {
	root, ok := s.carried.set.parse(nothing)
	if !ok {
		return nil, false
	}
	value, ok := root.find(name)
	if !ok {
		return nil, false
	}
	return value.native(), true
}

// objectField needs to parse nothing for what names the object.
func (s *Scope) objectField(name string) (any, bool) {
	if s.ev.Object == nil {
		return nil, false
	}
	switch name {
	case "bucket":
		return text(s.ev.Object.Bucket)
	case "name":
		return text(s.ev.Object.Name)
	case "generation":
		return text(s.ev.Object.Generation)
	case "metageneration":
		return text(s.ev.Object.Metageneration)
	}
	return s.once(name, func() (any, bool) { return s.member(name) })
}

// member is what the event's JSON says of the object.
func (s *Scope) member(name string) (any, bool) {
	root, ok := s.json()
	if !ok {
		return nil, false
	}
	value, ok := root.find(name)
	switch absent := !ok || value.kind() == 'n'; {
	case absent && name == "metadata":
		return map[string]any{}, true // as a message without attributes has an empty map
	case absent:
		return nil, false
	}
	if value.isNumber() && name != "componentCount" {
		return value.raw(), true // an int64, by a sender that does not write it as text
	}
	return value.native(), true
}

func (s *Scope) messageField(name string) (any, bool) {
	m := s.ev.Message
	if m == nil {
		return nil, false
	}
	switch name {
	case "id":
		return text(m.ID)
	case "topic":
		return text(m.Topic)
	case "subscription":
		return text(m.Subscription)
	case "ordering_key":
		return text(m.OrderingKey)
	case "publish_time":
		return m.PublishTime, !m.PublishTime.IsZero()
	case "attributes":
		return m.Attributes, true
	case "text":
		return s.once("message.text", func() (any, bool) { return view(m.Data), m.IsText() })
	case "delivery_attempt":
		return int64(m.DeliveryAttempt), m.DeliveryAttempt > 0
	case "data_base64":
		return s.once("message.data_base64", func() (any, bool) { return base64.StdEncoding.EncodeToString(m.Data), true })
	}
	if root, ok := s.message().parse(m.JSON); ok {
		return root.native(), true
	}
	if root, ok := s.carried.packed.parse(s.packed); ok {
		return root.native(), true
	}
	return nil, true
}

// packed is the JSON of a message whose data is gzip though no attribute says so.
// The event is charged for what that makes.
func (s *Scope) packed() []byte {
	data := s.ev.Message.UndeclaredJSON()
	s.carried.spent += len(data) / bytesMade
	return data
}

// message is the JSON of the message, which is that of the event unless the
// message only carried the event.
func (s *Scope) message() *carriedDocument {
	if s.ev.IsMessage() {
		return &s.carried.event
	}
	return &s.carried.message
}

// madeField is the value of a field that takes time to make, and whether there is one.
type madeField struct {
	value any
	ok    bool
}

// once makes the value of a field on the first call: each of many routes may name it, or
// an expression for each of the message's items.
func (s *Scope) once(field string, make func() (any, bool)) (any, bool) {
	m, ok := s.carried.fields[field]
	if !ok {
		m.value, m.ok = make()
		if s.carried.fields == nil {
			s.carried.fields = map[string]madeField{}
		}
		s.carried.fields[field] = m
	}
	return m.value, m.ok
}

// text is the value of a field that is absent where it is empty.
func text(value string) (any, bool) { return value, value != "" }
