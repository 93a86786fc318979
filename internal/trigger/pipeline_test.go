// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// scripted is an Airflow that gives the answers of a script, one a call, and
// fails the test at a call that the script does not have.
type scripted struct {
	trigger.Airflow // of assets: see asset_test.go

	t      *testing.T
	script []step
	runs   []airflow.Run
}

// step is one answer: to a POST (a trigger) or a GET (a look).
type step struct {
	method string
	err    error
}

func post(err error) step { return step{"POST", err} }
func get(err error) step  { return step{"GET", err} }

func refused(kind airflow.Kind) *airflow.Error { return &airflow.Error{Kind: kind} }

// inDoubt is an answer after which the run may exist all the same.
func inDoubt(kind airflow.Kind) *airflow.Error { return &airflow.Error{Kind: kind, InDoubt: true} }

func (s *scripted) next(method string) error {
	s.t.Helper()
	if len(s.script) == 0 {
		s.t.Fatalf("a %s that the script does not have", method)
	}
	first := s.script[0]
	if first.method != method {
		s.t.Fatalf("got a %s, the script has a %s", method, first.method)
	}
	s.script = s.script[1:]
	return first.err
}

func (s *scripted) Start(_ context.Context, run airflow.Run, _ pressure.Policy) (airflow.DAGRun, error) {
	s.runs = append(s.runs, run)
	return airflow.DAGRun{}, s.next("POST")
}

func (s *scripted) Find(context.Context, string, string) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, s.next("GET")
}

func (s *scripted) FindByDate(context.Context, string, time.Time) (airflow.DAGRun, error) {
	return airflow.DAGRun{RunID: "manual__first"}, s.next("GET by date")
}

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// start runs one plan against a script, and returns its outcome and which
// pauses it made.
func start(t *testing.T, ev event.Event, plan route.Plan, script []step) (trigger.Outcome, []time.Duration) {
	t.Helper()
	var pauses []time.Duration
	fake := &scripted{t: t, script: script}
	p := &trigger.Pipeline{
		Airflows: map[string]trigger.Airflow{"default": fake},
		Now:      func() time.Time { return now },
		Random:   func() float64 { return 0 },
		Wait: func(_ context.Context, d time.Duration) error {
			pauses = append(pauses, d)
			return nil
		},
	}
	outcomes := p.Run(t.Context(), &ev, route.Decision{Plans: []route.Plan{plan}}, trigger.Replay{})
	if len(outcomes) != 1 {
		t.Fatalf("%d outcomes, want 1", len(outcomes))
	}
	if len(fake.script) > 0 {
		t.Errorf("%d answers were not asked for, the first to a %s", len(fake.script), fake.script[0].method)
	}
	return outcomes[0], pauses
}

func plan() route.Plan {
	return route.Plan{Route: "default", Environment: "default", DAG: "load", Identity: []string{"a"}, Conf: []byte(`{}`)}
}

func TestOutcomeOfEachResponse(t *testing.T) {
	t.Parallel()
	const s = time.Second
	gone := refused(airflow.UnknownRun)
	throttled := func(after time.Duration) *airflow.Error {
		return &airflow.Error{Kind: airflow.Throttled, RetryAfter: after}
	}
	renewed := func(kind airflow.Kind) *airflow.Error { return &airflow.Error{Kind: kind, Renewed: true} }
	type row struct {
		name   string
		script []step
		kind   trigger.Kind
		status int
		pauses []time.Duration
	}
	tests := []row{
		{"created", []step{post(nil)}, trigger.Triggered, 200, nil},
		{"the run id is taken: no look", []step{post(refused(airflow.RunExists))}, trigger.Duplicate, 200, nil},

		{"a conflict, and the run is there", []step{post(refused(airflow.Conflict)), get(nil)}, trigger.Duplicate, 200, nil},
		{"a conflict with another run, then created",
			[]step{post(refused(airflow.Conflict)), get(gone), post(nil)}, trigger.Triggered, 200, []time.Duration{s / 2}},
		{"a conflict, and the look fails",
			[]step{post(refused(airflow.Conflict)), get(refused(airflow.Network))}, trigger.Deferred, 503, nil},
		{"a 5xx, and the look fails as well",
			[]step{post(inDoubt(airflow.ServerFailure)), get(inDoubt(airflow.ServerFailure))}, trigger.Deferred, 503, nil},
		{"a broken connection, and the run is not there",
			[]step{post(inDoubt(airflow.Network)), get(gone), post(nil)}, trigger.Triggered, 200, []time.Duration{s / 2}},

		{"the answer was lost, the run is there", []step{post(inDoubt(airflow.Timeout)), get(nil)}, trigger.Triggered, 200, nil},
		{"a 5xx, and the run is there", []step{post(inDoubt(airflow.ServerFailure)), get(nil)}, trigger.Triggered, 200, nil},
		{"a 2xx of something else, and the run is there", []step{post(inDoubt(airflow.Unexpected)), get(nil)}, trigger.Triggered, 200, nil},
		{"a 5xx three times",
			[]step{post(inDoubt(airflow.ServerFailure)), get(gone), post(inDoubt(airflow.ServerFailure)), get(gone),
				post(inDoubt(airflow.ServerFailure)), get(gone)},
			trigger.Deferred, 503, []time.Duration{s / 2, s}},
		{"the network fails, then it does not",
			[]step{post(refused(airflow.Network)), post(refused(airflow.Network)), post(nil)}, trigger.Triggered, 200, []time.Duration{s / 2, s}},

		{"throttled, nobody says for how long: no try is added", []step{post(throttled(0))}, trigger.Deferred, 429, nil},
		{"throttled for a moment", []step{post(throttled(3 * s)), post(nil)}, trigger.Triggered, 200, []time.Duration{3 * s}},
		{"throttled for long", []step{post(throttled(time.Minute))}, trigger.Deferred, 429, nil},

		{"401 without a new token", []step{post(refused(airflow.Unauthorized))}, trigger.Deferred, 503, nil},
		{"401, and a new token helps", []step{post(renewed(airflow.Unauthorized)), post(nil)}, trigger.Triggered, 200, nil},
		{"403, and a new token does not help",
			[]step{post(renewed(airflow.Forbidden)), post(renewed(airflow.Forbidden))}, trigger.Deferred, 503, nil},
		{"a login page", []step{post(refused(airflow.LoginRedirect))}, trigger.Deferred, 503, nil},
		{"no token to be had", []step{post(refused(airflow.NoCredentials))}, trigger.Deferred, 503, nil},
		{"no web server to be found", []step{post(refused(airflow.NoAddress))}, trigger.Deferred, 503, nil},
		{"the API is absent, then another is found", []step{post(refused(airflow.APIAbsent)), post(nil)}, trigger.Triggered, 200,
			[]time.Duration{s / 2}},

		{"something before Airflow refuses: one request", []step{post(refused(airflow.Unexpected))}, trigger.Deferred, 503, nil},
		{"Airflow refuses the conf", []step{post(refused(airflow.Invalid))}, trigger.Rejected, 422, nil},
		{"the conf is too large", []step{post(refused(airflow.TooLarge))}, trigger.Rejected, 422, nil},
		{"an error of no known kind", []step{post(errors.New("odd")), post(errors.New("odd")), post(errors.New("odd"))},
			trigger.Deferred, 503, []time.Duration{s / 2, s}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, pauses := start(t, event.Event{ID: "1"}, plan(), tt.script)
			if o.Kind != tt.kind || o.Status() != tt.status {
				t.Errorf("came to %s (%d), want %s (%d): %s", o.Kind, o.Status(), tt.kind, tt.status, o.Reason)
			}
			if diff := cmp.Diff(tt.pauses, pauses); diff != "" {
				t.Errorf("pauses (-want +got):\n%s", diff)
			}
			if o.Reason == "" {
				t.Error("there is no reason")
			}
		})
	}
}

// A date that the server chose is another at the next try; one that the route
// chose stays taken.
func TestTakenLogicalDateNamesTheRunThatHasIt(t *testing.T) {
	t.Parallel()
	dated := plan()
	dated.LogicalDate = now
	for _, tt := range []struct {
		name string
		list error
		want string
	}{
		{"found", nil, `the DAG's run "manual__first" has it`},
		{"not found", refused(airflow.Forbidden), "another run of the DAG has it"},
	} {
		script := []step{post(refused(airflow.Conflict)), get(refused(airflow.UnknownRun)), {"GET by date", tt.list}}
		o, _ := start(t, event.Event{ID: "1"}, dated, script)
		want := "the logical date 2026-11-22T12:00:00Z is taken: " + tt.want + ", and a DAG has one run for each: " +
			"take logical_date out of the route and pass the date in conf, or make it as fine as the events are; then replay the event"
		if o.Kind != trigger.Rejected || o.Cause != "conflict" || o.Reason != want {
			t.Errorf("%s: %s (%s): %s", tt.name, o.Kind, o.Cause, o.Reason)
		}
	}
}

// A role may create runs and not read them: what Airflow says of our own run id
// is enough, and where it names a date another one decides.
func TestDuplicateIsFoundByARoleThatMayNotRead(t *testing.T) {
	t.Parallel()
	v1 := func(kind airflow.Kind) *airflow.Error { return &airflow.Error{Kind: kind, API: airflow.V1} }
	forbidden := get(refused(airflow.Forbidden))
	dated := plan()
	dated.LogicalDate = now
	for _, tt := range []struct {
		name   string
		plan   route.Plan
		script []step
		kind   trigger.Kind
	}{
		{"our run id", plan(), []step{post(v1(airflow.RunExists))}, trigger.Duplicate},
		{"our run id, of a window", *window(), []step{post(v1(airflow.RunExists)), forbidden}, trigger.Duplicate},
		{"the server's date", plan(), []step{post(v1(airflow.Conflict)), forbidden, post(nil)}, trigger.Triggered},
		{"a window's date, then our run id", *window(),
			[]step{post(v1(airflow.Conflict)), forbidden, post(v1(airflow.RunExists)), forbidden}, trigger.Duplicate},
		{"the route's date", dated, []step{post(v1(airflow.Conflict)), forbidden}, trigger.Deferred},
	} {
		if o, _ := start(t, event.Event{ID: "1"}, tt.plan, tt.script); o.Kind != tt.kind {
			t.Errorf("%s: %s, want %s: %s", tt.name, o.Kind, tt.kind, o.Reason)
		}
	}
}

func TestEveryPlanAndFailureHasItsOutcome(t *testing.T) {
	t.Parallel()
	decision := route.Decision{Failures: []route.Failure{{Route: "f", Environment: "default", DAG: "x",
		Err: errors.New("int(\"a\"): no integer")}}}
	fake := &answering{}
	for i := range 20 {
		p := plan()
		p.Route = fmt.Sprintf("r%d", i)
		decision.Plans = append(decision.Plans, p)
	}
	decision.Plans[7].Environment = "nowhere"
	pipeline := &trigger.Pipeline{Airflows: map[string]trigger.Airflow{"default": fake}}
	outcomes := pipeline.Run(t.Context(), &event.Event{ID: "1"}, decision, trigger.Replay{})
	if len(outcomes) != 21 {
		t.Fatalf("%d outcomes, want 21", len(outcomes))
	}
	for i, o := range outcomes {
		want := trigger.Triggered
		switch i {
		case 7:
			want = trigger.Rejected
		case 20:
			want = trigger.Rejected
		}
		if o.Kind != want {
			t.Errorf("outcome %d is %s, want %s", i, o.Kind, want)
		}
	}
	if got := trigger.Status(outcomes); got != 422 {
		t.Errorf("status %d, want 422", got)
	}
}

// answering is an Airflow that takes every run.
type answering struct{ trigger.Airflow }

func (*answering) Start(context.Context, airflow.Run, pressure.Policy) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, nil
}

func (*answering) Find(context.Context, string, string) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, nil
}

func (*answering) FindByDate(context.Context, string, time.Time) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, nil
}

func TestUnmatchedReasonNamesTheNearestRoutesAndCountsTheRest(t *testing.T) {
	t.Parallel()
	misses := []route.Miss{{Route: "a", Key: "bucket", Reason: `bucket is "x"`}, {Route: "b", Reason: "when is false"}}
	long := route.Miss{Route: "l", Reason: strings.Repeat("ü", 100)}
	for _, row := range []struct {
		misses  []route.Miss
		unnamed int
		want    string
	}{
		{misses, 0, `no route matched: a: bucket is "x"; b: when is false`},
		{misses, 30, `no route matched: a: bucket is "x"; b: when is false; and 30 more`},
		{[]route.Miss{{Reason: "there are no routes"}}, 0, "no route matched: there are no routes"},
		{[]route.Miss{long, long, long, long, long}, 27, "no route matched: l: " + long.Reason + "; l: " + long.Reason + "; and 30 more"},
		{[]route.Miss{{Route: "l", Reason: strings.Repeat("ü", 600)}}, 1, "no route matched: l: " + strings.Repeat("ü", 252) + "…; and 1 more"},
	} {
		p := &trigger.Pipeline{}
		got := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Misses: row.misses, Unnamed: row.unnamed}, trigger.Replay{})
		missed := trigger.Missed{Route: row.misses[0].Route, Key: row.misses[0].Key}
		if diff := cmp.Diff([]trigger.Outcome{{EventID: "1", Kind: trigger.Unmatched, Reason: row.want, Missed: missed}}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if len(got[0].Reason) > 600 {
			t.Errorf("the reason has %d bytes", len(got[0].Reason))
		}
	}
}

func TestWorstStatusWins(t *testing.T) {
	t.Parallel()
	ok := trigger.Outcome{Kind: trigger.Triggered}
	duplicate := trigger.Outcome{Kind: trigger.Duplicate}
	rejected := trigger.Outcome{Kind: trigger.Rejected}
	full := trigger.Outcome{Kind: trigger.Deferred, Throttled: true, RetryAfter: time.Minute}
	deferred := trigger.Outcome{Kind: trigger.Deferred, RetryAfter: time.Second}
	tests := []struct {
		outcomes []trigger.Outcome
		status   int
		after    time.Duration
	}{
		{[]trigger.Outcome{ok, duplicate}, 200, 0},
		{[]trigger.Outcome{{Kind: trigger.Unmatched}}, 200, 0},
		{[]trigger.Outcome{{Kind: trigger.DeadLettered}}, 200, 0},
		{[]trigger.Outcome{ok, rejected, duplicate}, 422, 0},
		{[]trigger.Outcome{rejected, full}, 429, time.Minute},
		{[]trigger.Outcome{full, deferred}, 503, time.Minute},
		{[]trigger.Outcome{{Kind: "unheard of"}}, 503, 0},
	}
	for _, tt := range tests {
		if got := trigger.Status(tt.outcomes); got != tt.status {
			t.Errorf("%v: status %d, want %d", tt.outcomes, got, tt.status)
		}
		if got := trigger.RetryAfter(tt.outcomes); got != tt.after {
			t.Errorf("%v: wait %s, want %s", tt.outcomes, got, tt.after)
		}
	}
}

func TestNoTryIsMadeThatTheDeadlineWouldCutOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	fake := &scripted{t: t, script: []step{post(refused(airflow.Network))}}
	p := &trigger.Pipeline{Airflows: map[string]trigger.Airflow{"default": fake}}
	o := p.Run(ctx, &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{plan()}}, trigger.Replay{})[0]
	if o.Kind != trigger.Deferred || len(fake.script) > 0 {
		t.Errorf("came to %s", o.Kind)
	}
}

func TestWithoutARealClockOutcomesAreTheSame(t *testing.T) {
	t.Parallel()
	fake := &scripted{t: t, script: []step{post(refused(airflow.Network))}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // so that the real wait ends at once
	p := &trigger.Pipeline{Airflows: map[string]trigger.Airflow{"default": fake}}
	if o := p.Run(ctx, &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{plan()}}, trigger.Replay{})[0]; o.Kind != trigger.Deferred {
		t.Errorf("came to %s, want deferred", o.Kind)
	}
}

func TestLookOnlyStartsNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		script []step
		kind   trigger.Kind
	}{
		{"the run exists", []step{get(nil)}, trigger.Duplicate},
		{"there is none", []step{get(refused(airflow.UnknownRun))}, trigger.Missing},
		{"there is no DAG", []step{get(refused(airflow.UnknownDAG))}, trigger.Missing},
		{"nobody may look", []step{get(refused(airflow.Forbidden))}, trigger.Deferred},
		{"an answer is lost", []step{get(refused(airflow.Timeout)), get(nil)}, trigger.Duplicate},
	} {
		fake := &scripted{t: t, script: tt.script}
		p := &trigger.Pipeline{
			Airflows: map[string]trigger.Airflow{"default": fake}, Now: func() time.Time { return now },
			Wait: func(context.Context, time.Duration) error { return nil },
		}
		plan := route.Plan{Route: "r", Environment: "default", DAG: "load", Conf: []byte(`{}`)}
		o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{plan}}, trigger.Replay{LookOnly: true})[0]
		if o.Kind != tt.kind || len(fake.runs) != 0 || len(fake.script) != 0 || o.RunID != trigger.RunID(&plan) {
			t.Errorf("%s: came to %s with %d runs asked for: %s", tt.name, o.Kind, len(fake.runs), o.Reason)
		}
	}
}
