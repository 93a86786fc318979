// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"testing"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// limited is an Airflow that keeps the limits it is given, and answers with err.
type limited struct {
	answering
	limits pressure.Policy
	err    error
}

func (l *limited) Start(_ context.Context, _ airflow.Run, limits pressure.Policy) (airflow.DAGRun, error) {
	l.limits = limits
	return airflow.DAGRun{}, l.err
}

func TestTriggerPassesTheRoutesLimits(t *testing.T) {
	t.Parallel()
	busy := &pressure.Refusal{Cause: pressure.CauseMaxActive}
	for _, tt := range []struct {
		name   string
		limits route.Limits
		want   pressure.Policy
		err    error
		kind   trigger.Kind
		status int
	}{
		{"none", route.Limits{}, pressure.Policy{}, nil, trigger.Triggered, 200},
		{"max_active met", route.Limits{MaxActive: 3}, pressure.Policy{MaxActive: 3}, busy, trigger.Deferred, 429},
		{"max_active unknown", route.Limits{MaxActive: 3}, pressure.Policy{MaxActive: 3}, refused(airflow.Forbidden), trigger.Deferred, 503},
		{"paused: defer", route.Limits{WhenPaused: "defer"}, pressure.Policy{WhenPaused: pressure.Defer},
			&pressure.Refusal{Cause: pressure.CausePaused}, trigger.Deferred, 429},
		{"skip_active", route.Limits{SkipActive: true}, pressure.Policy{SkipActive: true}, nil, trigger.Triggered, 200},
		{"paused: unpause", route.Limits{WhenPaused: "unpause"}, pressure.Policy{WhenPaused: pressure.Unpause}, nil, trigger.Triggered, 200},
		{"paused: fail", route.Limits{WhenPaused: "fail"}, pressure.Policy{WhenPaused: pressure.Fail},
			&pressure.PausedError{DAGID: "load"}, trigger.DeadLettered, 200},
	} {
		env := &limited{err: tt.err}
		p := &trigger.Pipeline{Airflows: map[string]trigger.Airflow{"default": env}, DeadLetters: &shelf{}}
		with := plan()
		with.Limits = tt.limits
		o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{with}}, trigger.Replay{})[0]
		if o.Kind != tt.kind || o.Status() != tt.status || env.limits != tt.want {
			t.Errorf("%s: %s (%d), with the limits %+v: %s", tt.name, o.Kind, o.Status(), env.limits, o.Reason)
		}
	}
}

// withRuns is an Airflow in which a run of the DAG is active, and which answers a
// look for the event's own run with err.
type withRuns struct {
	answering
	err error
}

func (*withRuns) Start(context.Context, airflow.Run, pressure.Policy) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, &pressure.ActiveError{DAGID: "load"}
}

func (w *withRuns) Find(context.Context, string, string) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, w.err
}

func TestSkipActiveLooksForTheEventsOwnRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		err           error
		kind          trigger.Kind
		cause, reason string
	}{
		{"the event's own run is active", nil, trigger.Duplicate, "", "the run exists already"},
		{
			"another run is active", refused(airflow.UnknownRun), trigger.Unmatched, "active",
			`a run of the DAG "load" is queued or running, and the route says skip_active: true`,
		},
		{"Airflow does not answer", refused(airflow.Forbidden), trigger.Deferred, "forbidden", refused(airflow.Forbidden).Error()},
	} {
		p := &trigger.Pipeline{Airflows: map[string]trigger.Airflow{"default": &withRuns{err: tt.err}}, DeadLetters: &shelf{}}
		with := plan()
		with.SkipActive = true
		o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{with}}, trigger.Replay{})[0]
		if o.Kind != tt.kind || o.Cause != tt.cause || o.Reason != tt.reason || o.Route != with.Route {
			t.Errorf("%s: %+v", tt.name, o)
		}
	}
}

func TestRouteUsesItsOwnDeadLetterStore(t *testing.T) {
	t.Parallel()
	all, own := &shelf{}, &shelf{}
	p := &trigger.Pipeline{
		Airflows:         map[string]trigger.Airflow{"default": &limited{err: refused(airflow.Invalid)}},
		DeadLetters:      all,
		RouteDeadLetters: map[string]trigger.DeadLetters{"gs://own": own},
	}
	with := plan()
	with.DeadLetter = "gs://own"
	d := route.Decision{Plans: []route.Plan{with}, Failures: []route.Failure{
		{Route: "s", DeadLetter: "gs://own", Err: context.DeadlineExceeded},
		{Route: "s", DeadLetter: "gs://own", Err: refused(airflow.Invalid)},
	}}
	p.Run(t.Context(), &event.Event{ID: "1"}, d, trigger.Replay{})
	p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{plan()}}, trigger.Replay{})
	if len(own.letters) != 2 || len(all.letters) != 1 {
		t.Errorf("%d letters in the route's store, %d in the one for all", len(own.letters), len(all.letters))
	}
}
