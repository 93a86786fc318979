// SPDX-License-Identifier: Apache-2.0

package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.com/dagtrigger/internal/event"
)

// defaultGrace is what most events need to arrive.
const defaultGrace = time.Minute

// What becomes of an event that is late for its window.
const (
	lateRun    = "run"
	lateIgnore = "ignore"
)

// windowKey is the key of a conf that holds the window.
const windowKey = "window"

// windowing makes one run of all events of a window.
type windowing struct {
	every, grace time.Duration
	ignoreLate   bool
	at           Position
}

// windowing compiles every and what belongs to it; nil where there is none.
func (c *compiler) windowing() *windowing {
	s := c.spec
	if s.Every.Value == 0 {
		c.needsEvery("grace", s.Grace.Position)
		c.needsEvery("late", s.Late.Position)
		return nil
	}
	if s.Every.Value%time.Second != 0 {
		c.problem(s.Every.Position, fmt.Sprintf("every: %s is not in whole seconds", s.Every.Value), "round it")
	}
	if s.LogicalDate.IsSet() {
		c.problem(s.LogicalDate.Position, "logical_date cannot be combined with every, which sets when the run starts",
			"leave one of the two out")
	}
	if s.MaxActive.Value > 0 {
		c.problem(s.MaxActive.Position, "max_active cannot be combined with every, whose waiting run counts as active",
			"leave max_active out: every makes one run of a window")
	}
	if at := slices.IndexFunc(s.Conf.Names, func(t Text) bool { return t.Value == windowKey }); at >= 0 {
		c.problem(s.Conf.Names[at].Position, "conf has a key window, under which every puts its window", "name it otherwise")
	}
	w := &windowing{every: s.Every.Value, grace: s.Grace.Value, ignoreLate: s.Late.Value == lateIgnore, at: s.Every.Position}
	if w.grace == 0 {
		w.grace = defaultGrace
	}
	return w
}

func (c *compiler) needsEvery(key string, at Position) {
	if at.Line > 0 && !slices.Contains(c.spec.invalid, "every") {
		c.problem(at, key+" stands without every", "leave it out, or add every: 5m")
	}
}

// apply makes of the plan for one event that of its window.
func (w *windowing) apply(p *Plan, ev *event.Event, r *rule) error {
	at := happened(ev)
	if at.IsZero() {
		return placed("every", w.at, errors.New("the event does not say when it happened: have its sender set time, or leave every out"))
	}
	begin := at.UTC().Truncate(w.every)
	window := Window{Begin: begin, End: begin.Add(w.every)}
	identity := []string{windowKey, begin.Format(time.RFC3339), window.End.Format(time.RFC3339)}
	if r.runID != nil {
		identity = append(identity, p.Identity...)
	}
	late := *p
	late.Window = &Window{Begin: window.Begin, End: window.End}
	late.Identity = slices.Concat(identity, ev.Key())
	conf := p.Conf
	if r.conf == nil {
		conf = []byte("{}")
	}
	var err error
	if p.Conf, err = window.into(conf, false); err == nil {
		late.Conf, err = window.into(conf, true)
	}
	if err != nil {
		return placed("conf", w.at, err)
	}
	if r.note == nil {
		p.Note = fmt.Sprintf("what came from %s to %s", begin.Format(time.RFC3339), window.End.Format(time.RFC3339))
	}
	if !w.ignoreLate {
		window.Late = &late
	}
	window.Start = window.End.Add(w.grace)
	p.Window, p.Identity = &window, identity
	return nil
}

// happened is when an event belongs into a window: its own time, but for an
// object that was written the time that the object says, updated. The two differ
// by a part of a second (542 ms in the sample event of GoogleCloudPlatform's
// document-ai-samples, pdai-splitter/tests/test-function.sh), and who lists the
// bucket for what came in the window goes by the object's.
func happened(ev *event.Event) time.Time {
	if ev.Object == nil || verb(ev.Type) != "finalized" {
		return ev.Time
	}
	var object struct{ Updated time.Time }
	if json.Unmarshal(ev.Object.Resource, &object) != nil || object.Updated.IsZero() {
		return ev.Time
	}
	return object.Updated
}

// into adds the window to a conf, which is a JSON object.
func (w *Window) into(conf []byte, late bool) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(conf, &members); err != nil {
		return nil, err
	}
	if _, taken := members[windowKey]; taken {
		return nil, errors.New("it has a key window, under which every puts its window: name it otherwise")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{%q:{"begin":%q,"end":%q`, windowKey, w.Begin.Format(time.RFC3339), w.End.Format(time.RFC3339))
	if late {
		b.WriteString(`,"late":true`)
	}
	b.WriteByte('}')
	rest := bytes.TrimLeft(conf, " \t\r\n")[1:]
	if len(members) > 0 {
		b.WriteByte(',')
	}
	b.Write(rest)
	return b.Bytes(), nil
}
