// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"

	"cel.dev/cel-go/cel"

	"example.com/dagtrigger/internal/event"
)

// Scope is one event as expressions see it. What the event carries is parsed
// when an expression first needs it, and once. One goroutine may use a Scope
// and those made of it.
type Scope struct {
	ev       *event.Event
	names    []string // of the captures
	captures []string
	carried  *carried // shared among the scopes of one event
}

// carried is the JSON that an event carries, parsed on first need.
type carried struct {
	parsed bool
	value  any

	message       any // message.json, where the message only carried the event
	messageParsed bool
}

// NewScope returns the scope of ev, in which nothing is captured.
func NewScope(ev *event.Event) *Scope { return &Scope{ev: ev, carried: &carried{}} }

// Capture returns the scope of the same event with values captured by names.
func (s *Scope) Capture(names, values []string) *Scope {
	return &Scope{ev: s.ev, names: names, captures: values, carried: s.carried}
}

// Event returns the event that the scope is of.
func (s *Scope) Event() *event.Event { return s.ev }

// Size is the size of the object that the event is about, in bytes as text;
// empty where the event does not say.
func (s *Scope) Size() string {
	size, _ := s.objectField("size")
	text, _ := size.(string)
	return text
}

// ResolveName gives CEL the value of a variable.
func (s *Scope) ResolveName(name string) (any, bool) {
	if name == dataVariable {
		return s.data(), true
	}
	known := slices.ContainsFunc(variables, func(v Variable) bool { return v.Name == name })
	return record{s, name}, known
}

// Parent is nil: a scope lies within no other.
func (s *Scope) Parent() cel.Activation { return nil }

// record is the value of a variable with fields.
type record struct {
	scope    *Scope
	variable string
}

// field returns a field's value, and false where the event has none.
func (r record) field(name string) (any, bool) {
	switch r.variable {
	case eventVariable:
		return r.scope.eventField(name)
	case objectVariable:
		return r.scope.objectField(name)
	case messageVariable:
		return r.scope.messageField(name)
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
		return r.scope.resource()
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
	value, ok := s.resource()[name]
	if name == "metadata" && value == nil {
		return map[string]any{}, true // as a message without attributes has an empty map
	}
	if number, isNumber := value.(json.Number); isNumber && name != "componentCount" {
		return number.String(), true // an int64, by a sender that does not write it as text
	}
	return value, ok && value != nil
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
		return string(m.Data), m.IsText()
	case "delivery_attempt":
		return int64(m.DeliveryAttempt), m.DeliveryAttempt > 0
	case "data_base64":
		return base64.StdEncoding.EncodeToString(m.Data), true
	}
	return s.messageJSON(), true
}

// messageJSON is the JSON of the message, parsed; nil where it is not JSON.
func (s *Scope) messageJSON() any {
	if s.ev.IsMessage() {
		return s.json()
	}
	if !s.carried.messageParsed {
		s.carried.messageParsed = true
		s.carried.message = parse(s.ev.Message.JSON())
	}
	return s.carried.message
}

// text is the value of a field that is absent where it is empty.
func text(value string) (any, bool) { return value, value != "" }

// resource is the object resource, parsed.
func (s *Scope) resource() map[string]any {
	if s.ev.Object == nil {
		return nil
	}
	resource, _ := s.json().(map[string]any)
	return resource
}

// data is what the event carries: JSON parsed, else text, else bytes.
func (s *Scope) data() any {
	data := s.ev.Data
	if s.ev.IsMessage() {
		data = s.ev.Message.Data
	}
	switch {
	case s.ev.JSON() != nil:
		return s.json()
	case len(data) == 0 && !s.ev.IsMessage():
		return nil
	case s.ev.IsText():
		return string(data)
	}
	return data
}

// json is the JSON that the event carries, parsed; nil where it carries none.
func (s *Scope) json() any {
	if !s.carried.parsed {
		s.carried.parsed = true
		s.carried.value = parse(s.ev.JSON())
	}
	return s.carried.value
}

// parse reads valid JSON, and keeps the text of each number.
func parse(data []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	_ = decoder.Decode(&value) // event vouches for it; no JSON is nil
	return value
}

// keys lists a map's keys in order.
func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
