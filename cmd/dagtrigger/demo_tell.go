// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/trigger"
)

// The demo's Pub/Sub gives up sooner than the real one, which goes on for a day or more.
const (
	maxDeliveries = 5
	// barrenDeliveries is how often an event is delivered that can never end well: often enough to
	// see that it comes again.
	barrenDeliveries = 2
)

// teller tells a story on a stage, and shows each step.
type teller struct {
	stage *stage
	out   io.Writer
	paint painter
	shown []string // the reasons of the last answer
}

// report is what a story came to.
type report struct {
	Airflow string      `json:"airflow"`
	DAGID   string      `json:"dag_id"`
	Events  []eventTold `json:"events"`
	// Fertile counts the events that must start a run; Runs the runs that Airflow
	// holds for them; NewRuns those that the DAG has more than before.
	Fertile int  `json:"events_that_start_a_run"`
	Runs    int  `json:"runs"`
	NewRuns int  `json:"new_runs_of_the_dag"`
	Holds   bool `json:"holds"`
}

// eventTold is what became of one event.
type eventTold struct {
	Title   string   `json:"title"`
	Barren  string   `json:"no_run_because,omitempty"`
	Answers []answer `json:"answers"`
	// Runs are the runs that Airflow holds for the event, with their states.
	Runs map[string]string `json:"runs"`
}

// tell tells the whole story, then looks at what Airflow holds.
func (t *teller) tell(ctx context.Context, scenes []scene) (report, error) {
	r := report{Airflow: t.stage.about, DAGID: t.stage.dagID}
	if _, err := t.stage.airflow.DAG(ctx, t.stage.dagID); err != nil {
		return r, &hintedError{
			fmt.Errorf("asking for the DAG %s: %w", t.stage.dagID, err),
			"the story needs an Airflow that answers, and a DAG that it has: name one with --dag",
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

// play delivers one event until it is acknowledged, or it is clear that it never will be.
func (t *teller) play(ctx context.Context, number int, s scene) (eventTold, error) {
	e := eventTold{Title: s.title, Barren: s.barren, Runs: map[string]string{}}
	t.show("%2d  %s\n", number, t.paint.bold(s.title+": "+s.what))
	t.stage.trouble.set(s.fault)
	defer t.stage.trouble.set(noFault)
	for _, telling := range s.tellings {
		request, err := telling.request()
		if err != nil {
			return e, err
		}
		title := telling.title
		for range s.patience() {
			a, err := t.stage.poster.post(ctx, request)
			if err != nil {
				return e, err
			}
			e.Answers = append(e.Answers, a)
			t.showAnswer(title, a)
			if a.Acknowledged {
				break
			}
			if s.mended != "" {
				t.stage.trouble.set(noFault)
				t.show("    %s\n", t.paint.bold(s.mended))
			}
			title = "not acknowledged: again"
		}
	}
	return e, nil
}

func (s scene) patience() int {
	if s.barren != "" {
		return barrenDeliveries
	}
	return maxDeliveries
}

// show prints; a standard output that has gone is found by the end of the command.
func (t *teller) show(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format, args...) }

// The widths of what the demo prints, in characters.
const (
	titleWidth = 24
	lineWidth  = 100
)

// showAnswer shows what a delivery came to, with the reasons that were not shown just before.
func (t *teller) showAnswer(title string, a answer) {
	t.show("    %s  %d", pad(title, titleWidth), a.Status)
	reasons := []string{a.Error}
	for _, o := range a.Outcomes {
		t.show(" %s", t.paint.outcome(o.Kind, pad(string(o.Kind), len(trigger.Duplicate))))
		if o.RunID != "" {
			t.show("  %s", o.RunID)
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

// look fills in the runs that Airflow holds, and whether they are what they must be.
func (t *teller) look(ctx context.Context, r *report, before int) error {
	r.Holds = true
	for i := range r.Events {
		e := &r.Events[i]
		if err := t.find(ctx, e); err != nil {
			return err
		}
		want := 1
		if e.Barren != "" {
			want = 0
		}
		r.Fertile += want
		r.Runs += len(e.Runs)
		r.Holds = r.Holds && len(e.Runs) == want
	}
	after, err := t.count(ctx)
	r.NewRuns = after - before
	r.Holds = r.Holds && r.NewRuns == r.Runs
	return err
}

// find asks Airflow for every run that an answer named for e.
func (t *teller) find(ctx context.Context, e *eventTold) error {
	for _, a := range e.Answers {
		for _, o := range a.Outcomes {
			if o.RunID == "" || e.Runs[o.RunID] != "" {
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

// text is the end of the story, for a person.
func (r *report) text(paint painter) string {
	var b strings.Builder
	rows := [][]string{{"EVENT", "DELIVERED", "OUTCOMES", "RUN IN AIRFLOW"}}
	for i, e := range r.Events {
		rows = append(rows, []string{fmt.Sprintf("%d %s", i+1, e.Title), times(len(e.Answers)), e.kinds(), e.runs()})
	}
	b.WriteString("\n")
	for _, line := range columns(rows) {
		b.WriteString(line + "\n")
	}
	b.WriteString("\nWithout a run, and why:\n")
	for i, e := range r.Events {
		if e.Barren != "" {
			fmt.Fprintf(&b, "%d %s: %s. The function says:\n%s", i+1, e.Title, e.Barren, wrapped(e.reason(), lineWidth, "    "))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.verdict(paint))
	return b.String()
}

func (r *report) verdict(paint painter) string {
	counts := fmt.Sprintf("%s, %s", plural(r.Fertile, "event"), plural(r.Runs, "run"))
	if r.Holds {
		return paint.good(counts + ", nothing lost, nothing twice")
	}
	var wrong []string
	for i, e := range r.Events {
		switch {
		case e.Barren != "" && len(e.Runs) > 0:
			wrong = append(wrong, fmt.Sprintf("event %d has a run", i+1))
		case e.Barren == "" && len(e.Runs) == 0:
			wrong = append(wrong, fmt.Sprintf("event %d is lost", i+1))
		case len(e.Runs) > 1:
			wrong = append(wrong, fmt.Sprintf("event %d ran %d times", i+1, len(e.Runs)))
		}
	}
	if r.NewRuns != r.Runs {
		wrong = append(wrong, fmt.Sprintf("the DAG has %d new runs", r.NewRuns))
	}
	return paint.bad(counts + ": " + strings.Join(wrong, ", "))
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	default:
		return fmt.Sprintf("%d times", n)
	}
}

// kinds are the outcomes in order.
func (e *eventTold) kinds() string {
	var words []string
	for _, a := range e.Answers {
		if len(a.Outcomes) == 0 {
			words = append(words, fmt.Sprintf("refused with %d", a.Status))
		}
		for _, o := range a.Outcomes {
			words = append(words, string(o.Kind))
		}
	}
	return strings.Join(slices.Compact(words), ", ")
}

func (e *eventTold) runs() string {
	if len(e.Runs) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(e.Runs)), " ")
}

// reason is why a barren event has no run, in the function's own words.
func (e *eventTold) reason() string {
	last := e.Answers[len(e.Answers)-1]
	if len(last.Outcomes) == 0 {
		return last.Error
	}
	return last.Outcomes[0].Reason
}
