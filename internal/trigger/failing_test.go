// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// process is one process to which deliveries come, whose Airflow answers every
// request with err.
type process struct {
	t     *testing.T
	clock time.Time
	err   error
	store shelf
	p     *trigger.Pipeline
}

func newProcess(t *testing.T, err error) *process {
	w := &process{t: t, clock: now, err: err}
	w.p = &trigger.Pipeline{
		Airflows:    map[string]trigger.Airflow{"default": triggerFunc(func() error { return w.err })},
		DeadLetters: &w.store, GiveUpAfter: 20 * time.Hour,
		Now:  func() time.Time { return w.clock },
		Wait: func(context.Context, time.Duration) error { return nil },
	}
	return w
}

// deliver handles ev at a time after now.
func (w *process) deliver(after time.Duration, ev event.Event, replay trigger.Replay) trigger.Kind {
	w.t.Helper()
	w.clock = now.Add(after)
	return w.p.Run(w.t.Context(), &ev, route.Decision{Plans: []route.Plan{plan()}}, replay)[0].Kind
}

// withKey is the event of an id, published at a time.
func withKey(t *testing.T, id string, published time.Time) event.Event {
	t.Helper()
	ev := event.New(event.CloudEvent{ID: id, Source: "/jobs", Type: "com.acme.done"})
	ev.Published = published
	return ev
}

const (
	deferred = trigger.Deferred
	letter   = trigger.DeadLettered
)

func TestDeferredEventIsGivenUp(t *testing.T) {
	t.Parallel()
	old, ahead := now.Add(-72*time.Hour), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	const limit = 20 * time.Hour
	for _, tt := range []struct {
		name   string
		ev     event.Event
		replay trigger.Replay
		after  []time.Duration
		want   []trigger.Kind
	}{
		{"published long ago: not at the first failure", event.Event{Published: old}, trigger.Replay{}, []time.Duration{0, 1},
			[]trigger.Kind{deferred, letter}},
		{"published just now", event.Event{Published: now}, trigger.Replay{}, []time.Duration{0, limit, limit + 1},
			[]trigger.Kind{deferred, deferred, letter}},
		{"about another day", event.Event{Time: old}, trigger.Replay{}, []time.Duration{0, limit, limit + 1},
			[]trigger.Kind{deferred, deferred, letter}},
		{"about another day, published now", event.Event{Time: old, Published: now}, trigger.Replay{}, []time.Duration{0, limit},
			[]trigger.Kind{deferred, deferred}},
		{"of no time", event.Event{}, trigger.Replay{}, []time.Duration{0, limit, limit + 1}, []trigger.Kind{deferred, deferred, letter}},
		{"of the year 2030", event.Event{Time: ahead}, trigger.Replay{}, []time.Duration{0, limit + 1}, []trigger.Kind{deferred, letter}},
		{"published in 2030", event.Event{Published: ahead}, trigger.Replay{}, []time.Duration{0, limit + 1}, []trigger.Kind{deferred, letter}},
		{"a change of an object long ago", event.Event{Time: old, Object: &event.Object{}}, trigger.Replay{}, []time.Duration{0, 1},
			[]trigger.Kind{deferred, letter}},
		{"a replay that begins now", event.Event{Published: old}, trigger.Replay{Since: now}, []time.Duration{0, limit, limit + 1},
			[]trigger.Kind{deferred, deferred, letter}},
		{"a replay that began long ago", event.Event{}, trigger.Replay{Since: old}, []time.Duration{0, 1}, []trigger.Kind{deferred, letter}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newProcess(t, refused(airflow.Forbidden))
			for i, after := range tt.after {
				if got := w.deliver(after, tt.ev, tt.replay); got != tt.want[i] {
					t.Errorf("after %s: %s, want %s", after, got, tt.want[i])
				}
			}
		})
	}
}

func TestGivenUpEventNamesItsLastFailure(t *testing.T) {
	t.Parallel()
	w := newProcess(t, refused(airflow.Forbidden))
	for range 2 {
		w.deliver(0, event.Event{Published: now.Add(-time.Hour * 21)}, trigger.Replay{})
	}
	if len(w.store.letters) != 1 || w.store.letters[0].Reason != "given up after 20h0m0s without success: forbidden" {
		t.Errorf("stored %+v", w.store.letters)
	}
}

// A DAG counts as unknown from when this process first saw it so, whatever the
// age of the event; an event's first failure is never its last.
func TestUnknownDAGIsPermanentAfterTenMinutes(t *testing.T) {
	t.Parallel()
	const m = time.Minute
	type delivery struct {
		after time.Duration
		id    string
		err   error
		want  trigger.Kind
	}
	unknown := refused(airflow.UnknownDAG)
	for _, tt := range []struct {
		name string
		all  []delivery
	}{
		{"ten minutes after the first look",
			[]delivery{{0, "1", unknown, deferred}, {10*m - 1, "1", unknown, deferred}, {10 * m, "1", unknown, letter}}},
		{"a backlog while a dag-processor restarts", []delivery{
			{0, "1", unknown, deferred}, {m, "2", unknown, deferred}, {m, "1", unknown, deferred}, {2 * m, "2", nil, trigger.Triggered},
		}},
		{"an event that comes later", []delivery{{0, "1", unknown, deferred}, {30 * m, "2", unknown, deferred}, {31 * m, "2", unknown, letter}}},
		{"known in between", []delivery{
			{0, "1", unknown, deferred}, {5 * m, "2", nil, trigger.Triggered}, {9 * m, "1", unknown, deferred}, {18 * m, "1", unknown, deferred},
			{19 * m, "1", unknown, letter},
		}},
		{"other failures say nothing of the DAG",
			[]delivery{{0, "1", unknown, deferred}, {5 * m, "1", refused(airflow.Network), deferred}, {10 * m, "1", unknown, letter}}},
		{"not looked at for an hour", []delivery{{0, "1", unknown, deferred}, {61 * m, "1", unknown, deferred}, {71 * m, "1", unknown, letter}}},
		{"import errors", []delivery{{0, "1", refused(airflow.BrokenDAG), deferred}, {10 * m, "1", refused(airflow.BrokenDAG), letter}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newProcess(t, nil)
			for _, d := range tt.all {
				w.err = nil
				if d.err != nil {
					w.err = d.err
				}
				ev := withKey(t, d.id, now.Add(-15*time.Minute))
				if got := w.deliver(d.after, ev, trigger.Replay{}); got != d.want {
					t.Errorf("event %s after %s: %s, want %s", d.id, d.after, got, d.want)
				}
			}
		})
	}
}

// What is remembered of failing events is bounded.
func TestFailingEventsAreForgottenAtABound(t *testing.T) {
	t.Parallel()
	w := newProcess(t, refused(airflow.Throttled))
	long := now.Add(-21 * time.Hour)
	first := withKey(t, "first", long)
	w.deliver(0, first, trigger.Replay{})
	for i := range 100_000 {
		w.deliver(0, withKey(t, fmt.Sprint(i), long), trigger.Replay{})
	}
	if got := w.deliver(0, first, trigger.Replay{}); got != deferred {
		t.Errorf("the event that was forgotten: %s", got)
	}
	if got := w.deliver(0, first, trigger.Replay{}); got != letter {
		t.Errorf("the event that is remembered: %s", got)
	}
}
