// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"cmp"
	"context"
	"encoding/base64"
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

	vars     *Vars               // nil where there are none
	computed map[string]computed // of vars
	ctx      context.Context     //nolint:containedctx // CEL resolves a variable without one
}

// carried is what an event carries, each made when it is first needed, and
// what was computed with it.
type carried struct {
	event, message, packed carriedDocument
	set, manifest          carriedDocument // see [Scope.WithSet] and [Scope.WithManifest]
	data                   any
	records                []any                // of the variables with fields, but path and vars
	fields                 map[string]madeField // of the object and the message
	spent                  int                  // of EventCostLimit
	written                int                  // bytes of all confs
}

// NewScope returns the scope of ev, in which nothing is captured.
func NewScope(ev *event.Event) *Scope { return &Scope{ev: ev, carried: &carried{}} }

// Capture returns the scope of the same event with values captured by names, beside
// those of s.
func (s *Scope) Capture(names, values []string) *Scope {
	with := *s
	with.names, with.captures = names, values
	if len(s.names) > 0 { // of another key
		with.names, with.captures = slices.Concat(s.names, names), slices.Concat(s.captures, values)
	}
	return &with
}

// WithSet returns the scope of the same event in which the variable complete is the
// given JSON object.
func (s *Scope) WithSet(json []byte) *Scope {
	s.carried.set = carriedDocument{checked: true, text: json}
	return s
}

// WithManifest returns the scope of the same event in which the variable manifest is
// the given JSON.
func (s *Scope) WithManifest(json []byte) *Scope {
	s.carried.manifest = carriedDocument{checked: true, text: json}
	return s
}

// Captures returns what was captured, and by which names.
func (s *Scope) Captures() (names, values []string) { return s.names, s.captures }

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
	switch name {
	case dataVariable:
		return s.data(), true
	case listVariable:
		root, ok := s.carried.manifest.parse(nothing)
		if !ok {
			return nil, true
		}
		return root.native(), true
	}
	known := slices.IndexFunc(variables, func(v Variable) bool { return v.Name == name })
	switch {
	case known < 0:
		return nil, false
	case name == pathVariable || name == varsVariable: // they differ from route to route
		return record{s, name}, true
	case s.carried.records == nil:
		s.carried.records = make([]any, len(variables))
	}
	if s.carried.records[known] == nil {
		s.carried.records[known] = record{s, name}
	}
	return s.carried.records[known], true
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

// data is what the event carries: JSON parsed, else text, else bytes.
func (s *Scope) data() any {
	if s.carried.data == nil {
		s.carried.data = s.carries()
	}
	return s.carried.data
}

func (s *Scope) carries() any {
	if root, ok := s.json(); ok {
		return root.native()
	}
	data := s.ev.Data
	if s.ev.IsMessage() {
		data = s.ev.Message.Data
	}
	switch {
	case len(data) == 0 && !s.ev.IsMessage():
		return nil
	case s.ev.IsText():
		return view(data)
	}
	return data
}

// carriedDocument is JSON that an event carries.
type carriedDocument struct {
	checked bool // whether text is set
	text    []byte
	root    *node
	err     error // of parsing it
}

// read returns the JSON, nil where there is none.
func (d *carriedDocument) read(text func() []byte) []byte {
	if !d.checked {
		d.checked, d.text = true, text()
	}
	return d.text
}

// parse returns the JSON parsed, false where there is none or it has too many
// values: [Scope.unparsed] is to be asked for that.
func (d *carriedDocument) parse(text func() []byte) (node, bool) {
	if d.root == nil && d.err == nil {
		json := d.read(text)
		if json == nil {
			return node{}, false
		}
		root, err := parse(json)
		d.root, d.err = &root, err
	}
	return *d.root, d.err == nil
}

// work is what went into looking for members of it.
func (d *carriedDocument) work() int {
	if d.root == nil || d.err != nil {
		return 0
	}
	return d.root.work
}

// unparsed is the error of what could not be parsed so far, nil for none.
func (s *Scope) unparsed() error { return cmp.Or(s.carried.event.err, s.carried.message.err) }

// json is the JSON that the event carries, parsed; false where it carries none.
func (s *Scope) json() (node, bool) { return s.carried.event.parse(s.ev.JSON) }

// MaxConf is the most bytes of a conf, and MaxConfs those of all confs of one
// event. Of what is longer nothing is kept.
const (
	MaxConf  = event.MaxBody
	MaxConfs = 2 * event.MaxBody
)

// Write writes a conf with what write adds to it, in the bounds of MaxConf and
// MaxConfs.
func (s *Scope) Write(write func(b *Output) error) ([]byte, error) {
	b := Output{Most: min(MaxConf, MaxConfs-s.carried.written)}
	if err := write(&b); err != nil {
		return nil, err
	}
	s.carried.written += b.Len()
	return b.Bytes(), nil
}

// Written is how many bytes [Scope.Write] has written.
func (s *Scope) Written() int { return s.carried.written }

// spend counts what was computed for the event: a call over the limit did not begin.
func (s *Scope) spend(cost uint64) { s.carried.spent += int(min(cost, costLimit)) }

// spent is what was computed for the event, in units of EventCostLimit.
func (s *Scope) spent() int {
	c := s.carried
	return c.spent + c.event.work() + c.message.work() + c.packed.work() + c.set.work() + c.manifest.work()
}

// keys lists a map's keys in order.
func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
