// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/trigger"
)

// The demo's Pub/Sub gives up sooner than the real one, which redelivers for a day or more.
const (
	maxDeliveries = 5
	// hopelessDeliveries is how often an event is delivered that can never start a run.
	hopelessDeliveries = 2
)

// teller runs the demo on a stage, and prints each step.
type teller struct {
	stage *stage
	out   io.Writer
	paint painter
	shown []string // the reasons of the last response
}

// run plays all scenes, then compares the runs in Airflow.
func (t *teller) run(ctx context.Context, scenes []scene) (report, error) {
	r := report{Airflow: t.stage.about, DAGID: t.stage.dagID}
	if _, err := t.stage.airflow.DAG(ctx, t.stage.dagID); err != nil {
		return r, &hintedError{
			fmt.Errorf("requesting the DAG %s: %w", t.stage.dagID, err),
			"the demo needs an Airflow that answers and a DAG that exists: name one with --dag",
		}
	}
	before, err := t.count(ctx)
	if err != nil {
		return r, err
	}
	for i, s := range scenes {
		e, err := t.play(ctx, i+1, s)
		if err != nil {
			return r, err
		}
		r.Events = append(r.Events, e)
	}
	return r, t.look(ctx, &r, before)
}

// count is how many runs the DAG has.
func (t *teller) count(ctx context.Context) (int, error) {
	runs, err := t.stage.airflow.Runs(ctx, t.stage.dagID, airflow.RunsQuery{Limit: 1})
	if err != nil {
		return 0, fmt.Errorf("counting the runs of the DAG %s: %w", t.stage.dagID, err)
	}
	return runs.Total, nil
}

// play plays one scene.
func (t *teller) play(ctx context.Context, number int, s scene) (eventReport, error) {
	e := eventReport{Title: s.title, NoRun: s.noRun, Due: s.runs(), Runs: map[string]string{}}
	if s.routes != "" {
		if err := t.stage.decide(ctx, s.routes); err != nil {
			return e, err
		}
		t.show("\nFrom here on, a routes file decides:\n\n%s\n", indented(s.routes))
	}
	t.show("%2d  %s\n", number, t.paint.bold(s.title+": "+s.what))
	t.stage.trouble.set(s.fault)
	defer t.stage.trouble.set(noFault)
	for _, d := range s.deliveries {
		answers, err := t.deliver(ctx, s, d)
		if err != nil {
			return e, err
		}
		e.Answers = append(e.Answers, answers...)
	}
	return e, nil
}

// deliver delivers a message until it is acknowledged, or it is clear that it never will be.
func (t *teller) deliver(ctx context.Context, s scene, d sending) ([]answer, error) {
	request, err := d.request()
	if err != nil {
		return nil, err
	}
	var answers []answer
	title := d.title
	for range s.patience() {
		a, err := t.stage.poster.post(ctx, request)
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
		t.showAnswer(title, a)
		if a.Acknowledged {
			break
		}
		if s.fixed != "" {
			t.stage.trouble.set(noFault)
			t.show("    %s\n", t.paint.bold(s.fixed))
		}
		title = "redelivered"
	}
	return answers, nil
}

func (s scene) patience() int {
	if s.noRun != "" {
		return hopelessDeliveries
	}
	return maxDeliveries
}

// indented is a text with four blanks before each line.
func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}

// show prints. A closed standard output is reported at the end of the command.
func (t *teller) show(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format, args...) }

// The widths of what the demo prints, in characters.
const (
	titleWidth = 24
	lineWidth  = 100
)

// showAnswer prints the result of a delivery, with the reasons that were not printed just before.
func (t *teller) showAnswer(title string, a answer) {
	t.show("    %s  %d", pad(title, titleWidth), a.Status)
	reasons := []string{a.Error}
	for i, o := range a.Outcomes {
		if i > 0 {
			t.show("\n%s", strings.Repeat(" ", 4+titleWidth+2+3))
		}
		if o.RunID == "" {
			t.show(" %s", t.paint.outcome(o.Kind, string(o.Kind)))
		} else {
			t.show(" %s  %s", t.paint.outcome(o.Kind, pad(string(o.Kind), len(trigger.Duplicate))), o.RunID)
		}
		reasons = append(reasons, o.Reason)
	}
	t.show("\n")
	for _, reason := range reasons {
		if reason != "" && !slices.Contains(t.shown, reason) {
			t.show("%s", t.paint.dim(wrapped(reason, lineWidth, strings.Repeat(" ", 4+titleWidth+2))))
		}
	}
	t.shown = reasons
}

// look adds the runs in Airflow to the report, and whether they are the expected ones.
func (t *teller) look(ctx context.Context, r *report, before int) error {
	r.Holds = true
	for i := range r.Events {
		e := &r.Events[i]
		if err := t.find(ctx, e); err != nil {
			return err
		}
		if e.Due > 0 {
			r.Due++
		}
		r.Runs += len(e.Runs)
		r.Holds = r.Holds && len(e.Runs) == e.Due
	}
	after, err := t.count(ctx)
	r.NewRuns = after - before
	r.Holds = r.Holds && r.NewRuns == r.Runs
	return err
}

// find looks up every run that a response named for e.
func (t *teller) find(ctx context.Context, e *eventReport) error {
	for _, a := range e.Answers {
		for _, o := range a.Outcomes {
			if _, found := e.Runs[o.RunID]; found || o.RunID == "" {
				continue
			}
			run, err := t.stage.airflow.Find(ctx, o.DAGID, o.RunID)
			if unknown, ok := errors.AsType[*airflow.Error](err); ok && unknown.Kind == airflow.UnknownRun {
				continue
			}
			if err != nil {
				return fmt.Errorf("looking for the run %s: %w", o.RunID, err)
			}
			e.Runs[o.RunID] = run.State
		}
	}
	return nil
}
