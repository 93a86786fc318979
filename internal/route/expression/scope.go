// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"

	"example.com/dagtrigger/internal/event"
)

// Scope is one event as expressions see it. What the event carries is parsed
// when an expression first needs it, and once. One goroutine may use a Scope.
type Scope struct {
	ev       *event.Event
	names    []string // of the captures
	captures []string
	carried  *carried // what [Scope.Reset] keeps

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
	most                   int                  // that spent may become in the evaluation that runs
	written                int                  // bytes of all confs
}

// NewScope returns the scope of ev, in which nothing is captured.
func NewScope(ev *event.Event) *Scope { return &Scope{ev: ev, carried: &carried{}} }

// Reset forgets what was captured, and the vars: the scope is used for the next
// route. What [Scope.Captures] returned is overwritten.
func (s *Scope) Reset() {
	*s = Scope{ev: s.ev, carried: s.carried, names: s.names[:0], captures: s.captures[:0]}
}

// Capture adds names of captures. values are those of all names so far: it is what
// [Scope.Captures] returned, with the new ones appended.
func (s *Scope) Capture(names, values []string) *Scope {
	s.names, s.captures = append(s.names, names...), values
	return s
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

// pay counts a call of a program that CEL does not count, before the call begins, and
// reports whether it may begin.
func (s *Scope) pay(units int) bool {
	if s.carried.spent <= s.carried.most {
		s.carried.spent += min(max(units, 1), costLimit+1)
	}
	return s.carried.spent <= s.carried.most
}

// errLimit is what CEL's own count ends with.
var errLimit = interpreter.EvalCancelledError{
	Cause: interpreter.CostLimitExceeded, Message: "operation cancelled: actual cost limit exceeded",
}

// limited calls evaluate, whose calls may cost costLimit together. It fails where they
// would cost more, even where an || or a && hid the call that did not begin.
func (s *Scope) limited(evaluate func() error) error {
	most := s.carried.most
	s.carried.most = s.carried.spent + costLimit
	err := evaluate()
	if s.carried.spent > s.carried.most {
		err = errLimit
	}
	s.carried.most = most
	return err
}

// apart calls evaluate, which is part of an evaluation but not at its expense.
func (s *Scope) apart(evaluate func()) {
	begun := s.carried.spent
	evaluate()
	s.carried.most += s.carried.spent - begun
}

// spent is what was computed for the event, in units of EventCostLimit.
func (s *Scope) spent() int {
	c := s.carried
	return c.spent + c.event.work() + c.message.work() + c.packed.work() + c.set.work() + c.manifest.work()
}

// keys lists a map's keys in order.
func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
