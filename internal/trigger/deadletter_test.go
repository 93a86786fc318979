// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// shelf is a store that keeps letters in memory, or fails.
type shelf struct {
	letters []deadletter.Record
	err     error
}

func (s *shelf) Put(_ context.Context, r deadletter.Record) error {
	if s.err == nil {
		s.letters = append(s.letters, r)
	}
	return s.err
}

// end runs one plan whose POST is refused as given, with a store.
func end(t *testing.T, store *shelf, ev event.Event, err error, more ...step) trigger.Outcome {
	t.Helper()
	p := &trigger.Pipeline{
		Airflows:    map[string]trigger.Airflow{"default": &scripted{t: t, script: append([]step{post(err)}, more...)}},
		DeadLetters: store, GiveUpAfter: 20 * time.Hour, RoutesDigest: "sha256:ab",
		Now:  func() time.Time { return now },
		Wait: func(context.Context, time.Duration) error { return nil },
	}
	return p.Run(t.Context(), &ev, route.Decision{Plans: []route.Plan{plan()}}, trigger.Replay{})[0]
}

func TestAPermanentFailureIsAcknowledgedOnceItIsStored(t *testing.T) {
	t.Parallel()
	origin := event.CloudEvent{ID: "1", Source: "//acme", Type: "paid"}
	store := &shelf{}
	o := end(t, store, event.New(origin), &airflow.Error{Kind: airflow.Invalid, Said: "no such param"})
	if o.Kind != trigger.DeadLettered || o.Status() != 200 {
		t.Errorf("came to %s (%d): %s", o.Kind, o.Status(), o.Reason)
	}
	want := []deadletter.Record{{
		Route: "default", Environment: "default", DAGID: "load", RunID: o.RunID, Reason: "invalid: no such param",
		Time: now, RoutesDigest: "sha256:ab", Event: origin,
	}}
	if diff := cmp.Diff(want, store.letters, cmpopts.IgnoreUnexported(event.CloudEvent{})); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestAStoreThatFailsLeavesTheEventUnacknowledged(t *testing.T) {
	t.Parallel()
	o := end(t, &shelf{err: errors.New("the bucket is gone: make it")}, event.Event{ID: "1"}, refused(airflow.Invalid))
	if o.Kind != trigger.Deferred || o.Status() != 503 || o.Reason != "invalid; storing the dead letter: the bucket is gone: make it" {
		t.Errorf("came to %s (%d): %s", o.Kind, o.Status(), o.Reason)
	}
}

func TestADeferredEventIsGivenUpBeforeThePlatformDropsIt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		time time.Time
		kind trigger.Kind
	}{
		{"as old as may be", now.Add(-20 * time.Hour), trigger.Deferred},
		{"older", now.Add(-20*time.Hour - 1), trigger.DeadLettered},
		{"of no known age", time.Time{}, trigger.Deferred},
	}
	for _, tt := range tests {
		store := &shelf{}
		o := end(t, store, event.Event{ID: "1", Time: tt.time}, refused(airflow.Forbidden))
		if o.Kind != tt.kind || (len(store.letters) == 1) != (tt.kind == trigger.DeadLettered) {
			t.Errorf("%s: came to %s, %d stored", tt.name, o.Kind, len(store.letters))
		}
	}
}

// What was stored may be days old, and Airflow's patience with it begins anew.
func TestInAReplayTheAgeCountsFromItsStart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		since time.Time
		err   error
		kind  trigger.Kind
	}{
		{"given up a while after the start", now.Add(-20*time.Hour - 1), refused(airflow.Forbidden), trigger.DeadLettered},
		{"not given up before", now.Add(-time.Hour), refused(airflow.Forbidden), trigger.Deferred},
		{"a DAG that is unknown may be on its way", now.Add(-time.Minute), refused(airflow.UnknownDAG), trigger.Deferred},
		{"but not for long", now.Add(-10 * time.Minute), refused(airflow.UnknownDAG), trigger.DeadLettered},
	} {
		p := &trigger.Pipeline{
			Airflows:    map[string]trigger.Airflow{"default": &scripted{t: t, script: []step{post(tt.err)}}},
			DeadLetters: &shelf{}, GiveUpAfter: 20 * time.Hour,
			Now: func() time.Time { return now },
		}
		ev := event.Event{ID: "1", Time: now.Add(-100 * time.Hour)}
		d := route.Decision{Plans: []route.Plan{plan()}}
		if o := p.Run(t.Context(), &ev, d, trigger.Replay{Since: tt.since})[0]; o.Kind != tt.kind {
			t.Errorf("%s: came to %s: %s", tt.name, o.Kind, o.Reason)
		}
	}
}

func TestAgainMakesOneRunMore(t *testing.T) {
	t.Parallel()
	id := func(again string) string {
		p := &trigger.Pipeline{Airflows: map[string]trigger.Airflow{"default": &scripted{t: t, script: []step{post(nil)}}}}
		d := route.Decision{Plans: []route.Plan{plan()}}
		return p.Run(t.Context(), &event.Event{ID: "1"}, d, trigger.Replay{Again: again})[0].RunID
	}
	if first := id("monday"); first == id("") || first == id("tuesday") || first != id("monday") {
		t.Errorf("again made %s, otherwise %s", first, id(""))
	}
}

func TestReplayStoresNoDeadLetter(t *testing.T) {
	t.Parallel()
	all, own := &shelf{}, &shelf{}
	p := &trigger.Pipeline{DeadLetters: all, RouteDeadLetters: map[string]trigger.DeadLetters{"gs://own": own}}
	replay := trigger.Replay{StoreNothing: true}
	failures := []route.Failure{{Route: "r", Err: errors.New("x")}, {Route: "s", DeadLetter: "gs://own", Err: errors.New("x")}}
	outcomes := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Failures: failures}, replay)
	outcomes = append(outcomes, p.Refuse(t.Context(), &event.Event{ID: "2"}, "no object", replay))
	for _, o := range outcomes {
		if o.Kind != trigger.Rejected {
			t.Errorf("route %q: got %s", o.Route, o.Kind)
		}
	}
	if len(outcomes) != 3 || len(all.letters)+len(own.letters) != 0 {
		t.Errorf("%d outcomes, stored %v and %v", len(outcomes), all.letters, own.letters)
	}
}

func TestAnExpressionThatFailsIsADeadLetter(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	p := &trigger.Pipeline{DeadLetters: store}
	failure := route.Failure{Route: "r", Environment: "default", DAG: "load", Err: errors.New("int(\"x\") is no number")}
	o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Failures: []route.Failure{failure}}, trigger.Replay{})[0]
	if o.Kind != trigger.DeadLettered || len(store.letters) != 1 || store.letters[0].Reason != failure.Err.Error() {
		t.Errorf("came to %s, stored %v", o.Kind, store.letters)
	}
}

func TestAnExpressionThatRanOutOfTimeIsNoDeadLetter(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	p := &trigger.Pipeline{DeadLetters: store}
	failure := route.Failure{Route: "r", Err: fmt.Errorf("evaluating when: %w", context.DeadlineExceeded)}
	o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Failures: []route.Failure{failure}}, trigger.Replay{})[0]
	if o.Kind != trigger.Deferred || len(store.letters) != 0 {
		t.Errorf("came to %s, stored %v", o.Kind, store.letters)
	}
}

// A server that is full or down is not asked again, and is told apart.
func TestWhatTheGateHoldsBackIsDeferred(t *testing.T) {
	t.Parallel()
	full := &pressure.Refusal{Reason: "Airflow serves 1 at once", RetryAfter: 2 * time.Second}
	down := &pressure.Refusal{Reason: "Airflow has been down since noon", RetryAfter: time.Second, DownSince: now}
	for status, held := range map[int]*pressure.Refusal{429: full, 503: down} {
		o := end(t, &shelf{}, event.Event{ID: "1"}, held)
		if o.Kind != trigger.Deferred || o.Status() != status || o.Reason != held.Reason || o.RetryAfter != held.RetryAfter {
			t.Errorf("came to %s (%d) after %s: %s", o.Kind, o.Status(), o.RetryAfter, o.Reason)
		}
	}
}

// triggerFunc is an Airflow that answers as the function does.
type triggerFunc func() error

func (f triggerFunc) Start(context.Context, airflow.Run, pressure.Policy) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, f()
}

func (f triggerFunc) Find(context.Context, string, string) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, f()
}
