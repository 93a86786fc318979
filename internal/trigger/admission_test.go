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

// standing tells how a DAG stands, or fails.
type standing struct {
	active int
	paused bool
	err    error
}

func (s standing) DAG(context.Context, string) (airflow.DAG, error) {
	return airflow.DAG{Paused: s.paused}, s.err
}

func (s standing) Runs(_ context.Context, _ string, query airflow.RunsQuery) (airflow.Runs, error) {
	if query.Limit != 1 || len(query.States) != 2 {
		return airflow.Runs{}, &airflow.Error{Kind: airflow.Invalid}
	}
	return airflow.Runs{Total: s.active}, s.err
}

func TestRunsThatMayNotBeMade(t *testing.T) {
	t.Parallel()
	atMost := func(n int) route.Limits { return route.Limits{MaxActive: n} }
	paused := func(word string) route.Limits { return route.Limits{WhenPaused: word} }
	forbidden := standing{err: refused(airflow.Forbidden)}
	tests := []struct {
		name   string
		limits route.Limits
		now    standing
		kind   trigger.Kind
		status int
	}{
		{"room for one more", atMost(3), standing{active: 2}, trigger.Triggered, 200},
		{"as many as may be", atMost(3), standing{active: 3}, trigger.Deferred, 429},
		{"Airflow does not say", atMost(3), forbidden, trigger.Deferred, 503},
		{"no bound, and Airflow is not asked", route.Limits{}, forbidden, trigger.Triggered, 200},
		{"paused, and nobody minds", paused(route.PausedTrigger), standing{paused: true}, trigger.Triggered, 200},
		{"paused, and it waits", paused(route.PausedDefer), standing{paused: true}, trigger.Deferred, 429},
		{"not paused", paused(route.PausedDefer), standing{}, trigger.Triggered, 200},
		{"paused, and that is the end", paused(route.PausedFail), standing{paused: true}, trigger.DeadLettered, 200},
		{"both", route.Limits{MaxActive: 1, WhenPaused: route.PausedFail}, standing{active: 1}, trigger.Deferred, 429},
	}
	for _, tt := range tests {
		var script []step
		if tt.kind == trigger.Triggered {
			script = []step{post(nil)}
		}
		gate := pressure.New(pressure.Config{})
		p := &trigger.Pipeline{
			Airflows:    map[string]trigger.Airflow{"default": &scripted{t: t, script: script}},
			Admissions:  map[string]*pressure.Admission{"default": pressure.NewAdmission(&trigger.Counted{Airflow: tt.now, Gate: gate}, 0)},
			DeadLetters: &shelf{},
		}
		limited := plan()
		limited.Limits = tt.limits
		o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{limited}}, trigger.Replay{})[0]
		if o.Kind != tt.kind || o.Status() != tt.status {
			t.Errorf("%s: came to %s (%d): %s", tt.name, o.Kind, o.Status(), o.Reason)
		}
	}
}

// The bound holds for a burst, too: what was started since the count is added.
func TestABurstDoesNotRunPastTheBound(t *testing.T) {
	t.Parallel()
	fake := &scripted{t: t, script: []step{post(nil), post(refused(airflow.RunExists)), post(nil)}}
	p := &trigger.Pipeline{
		Airflows: map[string]trigger.Airflow{"default": fake},
		Admissions: map[string]*pressure.Admission{
			"default": pressure.NewAdmission(&trigger.Counted{Airflow: standing{active: 1}, Gate: pressure.New(pressure.Config{})}, 0),
		},
	}
	var kinds []trigger.Kind
	for range 5 {
		limited := plan()
		limited.MaxActive = 3
		kinds = append(kinds, p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{limited}}, trigger.Replay{})[0].Kind)
	}
	want := []trigger.Kind{trigger.Triggered, trigger.Duplicate, trigger.Triggered, trigger.Deferred, trigger.Deferred}
	for i := range want {
		if kinds[i] != want[i] {
			t.Errorf("event %d came to %s, want %s", i, kinds[i], want[i])
		}
	}
}

func TestARouteHasAStoreOfItsOwn(t *testing.T) {
	t.Parallel()
	all, own := &shelf{}, &shelf{}
	p := &trigger.Pipeline{
		Airflows:    map[string]trigger.Airflow{"default": &scripted{t: t, script: []step{post(refused(airflow.Invalid)), post(refused(airflow.Invalid))}}},
		DeadLetters: all, RouteDeadLetters: map[string]trigger.DeadLetters{"gs://own": own},
	}
	limited := plan()
	limited.DeadLetter = "gs://own"
	d := route.Decision{Plans: []route.Plan{limited}, Failures: []route.Failure{{Route: "s", DeadLetter: "gs://own", Err: context.DeadlineExceeded}, {Route: "s", DeadLetter: "gs://own", Err: refused(airflow.Invalid)}}}
	p.Run(t.Context(), &event.Event{ID: "1"}, d, trigger.Replay{})
	p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{plan()}}, trigger.Replay{})
	if len(own.letters) != 2 || len(all.letters) != 1 {
		t.Errorf("%d in the route's own, %d in the one for all", len(own.letters), len(all.letters))
	}
}
