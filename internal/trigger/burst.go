// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"strings"
	"sync"
	"time"

	"example.com/dagtrigger/internal/event"
)

// burstPeriod is for how long outcomes of one kind are added up to one line.
const burstPeriod = time.Second

// maxExamples is how many of the events that a line adds up are named in it.
const maxExamples = 3

// Example is one of the events that a line of the log adds up.
type Example struct {
	EventID string `json:"event_id"`
	Source  string `json:"event_source,omitempty"`
	Type    string `json:"event_type,omitempty"`
	Subject string `json:"event_subject,omitempty"`
}

// Examples are the first events that a line adds up.
type Examples []Example

// String is for a person: the subjects, or the ids where there are none.
func (e Examples) String() string {
	names := make([]string, len(e))
	for i, one := range e {
		names[i] = one.Subject
		if names[i] == "" {
			names[i] = one.EventID
		}
	}
	return strings.Join(names, ", ")
}

// burst lets an outcome have a line at once where none was written for a second. What
// comes within the second is added up, by kind, cause, route and what was missed, and
// written when it ends. The counts of all lines together are the number of outcomes.
//
// Cloud Run stops the clock's goroutines with the CPU between requests: the next
// outcome, or due, then writes what is late.
type burst struct {
	write func(o *Outcome, since time.Time) // one line, of o.Count outcomes
	held  func()                            // the first of a line's outcomes came

	// mu is held while lines are written, so that none is under way once close returns.
	mu     sync.Mutex
	rows   totals
	since  time.Time // when the first of rows came
	until  time.Time // the end of the second
	timer  *time.Timer
	closed bool
}

// add reports whether o will be part of a line to come; otherwise the caller writes
// its line now.
func (b *burst) add(ev *event.Event, o *Outcome) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	now := time.Now()
	if !now.Before(b.until) && !b.flush(now) {
		b.until = now.Add(burstPeriod)
		return false
	}
	if len(b.rows) == 0 {
		b.held()
		b.since = now
		b.timer = time.AfterFunc(b.until.Sub(now), b.due)
	}
	row := b.rows.add(o)
	if len(row.Examples) < maxExamples {
		row.example(ev, o)
	}
	return true
}

// example adds an event to a row. The texts are copied: they may be parts of a body.
func (o *Outcome) example(ev *event.Event, of *Outcome) {
	clone := func(s string) string { return strings.Clone(Short(s)) }
	if o.Count == 1 {
		o.Route, o.Environment, o.Cause = clone(o.Route), clone(o.Environment), clone(o.Cause)
		o.Reason, o.Missed = clone(o.Reason), Missed{clone(o.Missed.Route), clone(o.Missed.Key)}
		o.DAGID, o.Asset, o.RunID = clone(of.DAGID), clone(of.Asset), clone(of.RunID)
	}
	o.Examples = append(o.Examples, Example{clone(ev.ID), clone(ev.Source), clone(ev.Type), clone(ev.Subject)})
}

// due writes the lines whose second is over.
func (b *burst) due() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.rows) == 0 {
		return
	}
	if now := time.Now(); !now.Before(b.until) {
		b.flush(now)
	}
}

// close writes the lines that are left. Every later outcome has a line at once.
func (b *burst) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.flush(time.Now())
}

// flush writes the lines, and begins another second; it reports whether there were any.
func (b *burst) flush(now time.Time) bool {
	if len(b.rows) == 0 {
		return false
	}
	b.timer.Stop()
	for i := range b.rows {
		b.write(&b.rows[i], b.since)
	}
	b.rows, b.until = nil, now.Add(burstPeriod)
	return true
}
