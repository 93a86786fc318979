// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// window is a plan for the window that ends at now, and starts a minute later.
func window() *route.Plan {
	w := route.Window{Begin: now.Add(-5 * time.Minute), End: now}
	late := route.Plan{Route: "r", Environment: "default", DAG: "load", Identity: []string{"window", "event"},
		Conf: []byte(`{"late":true}`), Window: &w}
	return &route.Plan{
		Route: "r", Environment: "default", DAG: "load", Identity: []string{"window"}, Conf: []byte(`{}`),
		Window: &route.Window{Begin: w.Begin, End: w.End, Start: now.Add(time.Minute), Late: &late},
	}
}

// found is an answer to a look that shows a run's state.
type found struct {
	*scripted
	state string
}

func (f found) Find(ctx context.Context, dagID, runID string) (airflow.DAGRun, error) {
	_, err := f.scripted.Find(ctx, dagID, runID)
	return airflow.DAGRun{State: f.state}, err
}

func TestOutcomesOfWindowEvents(t *testing.T) {
	t.Parallel()
	taken := func() step { return post(refused(airflow.RunExists)) }
	tests := []struct {
		name   string
		after  time.Duration // since the window's end
		ignore bool
		state  string // of the run that a look finds
		script []step
		kind   trigger.Kind
		runs   int
		late   bool
		reason string
	}{
		{"the first in time makes the window's run", 0, false, "", []step{post(nil)}, trigger.Triggered, 1, false, "Airflow created the run"},
		{"another meets it", 0, false, "", []step{taken()}, trigger.Duplicate, 1, false, "the run exists already"},
		{"a late one makes a separate run", time.Minute, false, "", []step{taken(), post(nil)}, trigger.Triggered, 2, true,
			"Airflow created the run"},
		{"and makes it once", time.Hour, false, "", []step{taken(), taken()}, trigger.Duplicate, 2, true, "the run exists already"},
		{"the clocks may differ a little", time.Minute - time.Second, false, "", []step{taken(), post(nil)}, trigger.Triggered, 2, true,
			"Airflow created the run"},
		{"a late one that is the first of its window makes the window's run", time.Hour, false, "", []step{post(nil)}, trigger.Triggered, 1,
			false, "Airflow created the run"},
		{"a late one that is ignored", time.Hour, true, "", []step{taken()}, trigger.Unmatched, 1, false,
			"the run of its window started at 2026-11-22T12:01:00Z, and late events start none"},
		{"a lost answer may be another's run", time.Hour, false, "running", []step{post(inDoubt(airflow.Timeout)), get(nil), post(nil)},
			trigger.Triggered, 2, true, "Airflow created the run"},
		{"what fails is no late event", time.Hour, false, "", []step{post(refused(airflow.Invalid))}, trigger.Rejected, 1, false, "invalid"},

		{"before Airflow 3 a conflict is looked into", 0, false, "queued", []step{post(refused(airflow.Conflict)), get(nil)},
			trigger.Duplicate, 1, false, "the run exists already"},
		{"a run that did not wait", 0, false, "running", []step{post(refused(airflow.Conflict)), get(nil)}, trigger.Rejected, 1, false,
			"the run of its window has started before the window was over: set [scheduler] allow_trigger_in_future to False, which it is by " +
				"default, or leave every out of the route"},
		{"on 1.10 all runs say that they run", 0, false, "running",
			[]step{post(&airflow.Error{Kind: airflow.Conflict, API: airflow.Experimental}), get(nil)}, trigger.Duplicate, 1, false,
			"the run exists already"},
		{"a run that waited", 2 * time.Minute, false, "success", []step{post(refused(airflow.Conflict)), get(nil), post(nil)},
			trigger.Triggered, 2, true, "Airflow created the run"},
		{"another run has the date", 0, false, "", []step{post(refused(airflow.Conflict)), get(refused(airflow.UnknownRun)), post(nil)},
			trigger.Triggered, 2, false, "Airflow created the run"},
	}
	for _, tt := range tests {
		fake := &scripted{t: t, script: tt.script}
		p := &trigger.Pipeline{
			Airflows: map[string]trigger.Airflow{"default": found{fake, tt.state}},
			Now:      func() time.Time { return now.Add(tt.after) },
			Wait:     func(context.Context, time.Duration) error { return nil },
		}
		ev, d := event.Event{ID: "1", Time: now.Add(-time.Minute)}, route.Decision{Plans: []route.Plan{*window()}}
		o := p.Run(t.Context(), &ev, d, trigger.Replay{IgnoreLate: tt.ignore})[0]
		if o.Kind != tt.kind || o.Reason != tt.reason || len(fake.runs) != tt.runs || len(fake.script) != 0 {
			t.Errorf("%s: came to %s with %d runs asked for: %s", tt.name, o.Kind, len(fake.runs), o.Reason)
			continue
		}
		last := fake.runs[len(fake.runs)-1]
		if late := string(last.Conf) == `{"late":true}`; late != tt.late || late != last.RunAfter.IsZero() || o.RunID != last.RunID {
			t.Errorf("%s: asked last for %+v", tt.name, last)
		}
	}
}

func TestDateConflictMovesTheRunByAMicrosecond(t *testing.T) {
	t.Parallel()
	run := trigger.Run(window())
	fake := &scripted{t: t, script: []step{post(refused(airflow.Conflict)), get(refused(airflow.UnknownRun)), post(nil)}}
	p := &trigger.Pipeline{
		Airflows: map[string]trigger.Airflow{"default": fake}, Now: func() time.Time { return now },
		Wait: func(context.Context, time.Duration) error { return nil },
	}
	p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{*window()}}, trigger.Replay{})
	if !fake.runs[0].RunAfter.Equal(run.RunAfter) || fake.runs[1].RunAfter.Sub(run.RunAfter) != time.Microsecond {
		t.Errorf("asked for %s and %s", fake.runs[0].RunAfter, fake.runs[1].RunAfter)
	}
}

// The names and the dates are part of the promise that one window is one run.
func TestRunOfAWindow(t *testing.T) {
	t.Parallel()
	got := trigger.Run(window())
	if !regexp.MustCompile(`^dagtrigger__r__20261122T115500Z__[0-9a-f]{20}$`).MatchString(got.RunID) {
		t.Errorf("its id is %s", got.RunID)
	}
	if past := got.RunAfter.Sub(now.Add(time.Minute)); past < 0 || past >= time.Second || past%time.Microsecond != 0 {
		t.Errorf("it starts at %s", got.RunAfter)
	}
	late := trigger.Run(window().Window.Late)
	want := airflow.Run{DAGID: "load", RunID: late.RunID, Conf: []byte(`{"late":true}`)}
	if diff := cmp.Diff(want, late); diff != "" || late.RunID == got.RunID {
		t.Errorf("a late one (-want +got):\n%s", diff)
	}
}
