// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/operator/replay"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/trigger"
)

// planned is the writer of the plan and the question: standard error where the
// result is JSON.
func (r *resend) planned() io.Writer {
	if r.json {
		return r.stderr
	}
	return r.stdout
}

func (r *resend) printPlan(plan *replay.Plan) error {
	paint := r.painter(r.planned())
	if plan.Events == 0 {
		if r.json {
			return plainjson.Encode(r.stdout, r.result(replay.Summary{}, &watch{}, 0))
		}
		_, err := fmt.Fprintf(r.stdout, "no %ss in %s\n", r.noun, r.from)
		return err
	}
	var rows [][]string
	row := func(n int, text string) { rows = append(rows, []string{fmt.Sprintf("%7d", n), text}) }
	for _, planned := range plan.Rows() {
		text := "start a run, or find the existing one: " + destination(trigger.Outcome{Route: planned.Route, DAGID: planned.DAGID})
		if planned.Set {
			text = "if their set of files is complete, " + text
		}
		if planned.Reason != "" {
			text = paint.bad(strings.TrimSpace("fail "+destination(trigger.Outcome{Route: planned.Route})) + ": " + visible(planned.Reason))
		}
		row(planned.Count, text)
	}
	if plan.Unmatched > 0 {
		row(plan.Unmatched, "match no route")
	}
	if plan.Unsent > 0 {
		row(plan.Unsent, paint.bad("cannot be read or sent"))
	}
	long := ""
	if d := time.Duration(float64(plan.Events) / r.rate * float64(time.Second)); d > time.Minute {
		long = ", in " + d.Round(time.Minute).String() + " or more"
	}
	if plan.Old > 0 {
		row(plan.Old, paint.bad(r.oldWarning()))
	}
	_, err := fmt.Fprintf(r.planned(), "%s in %s, to be sent at up to %g per second%s:\n%s\n",
		plural(plan.Events, r.noun), r.from, r.rate, long, strings.Join(columns(rows), "\n"))
	return err
}

// oldWarning says what becomes of what is older than --retention.
func (r *resend) oldWarning() string {
	text := fmt.Sprintf("are older than %s, for which Airflow keeps its runs (--retention): ", r.retention)
	if r.startOld {
		return text + "those whose run was removed run again (--start-old)"
	}
	return text + "each starts only where Airflow holds a run of its DAG as old (or with --start-old)"
}

// maxLeft is how many of the items that are left are named.
const maxLeft = 20

// watch shows the progress of a pass.
type watch struct {
	bar   *progress
	doing string
	// stderr gets what a person has to know, lines the pauses, which the bar
	// shows where there is one.
	stderr, lines io.Writer
	left          []leftItem
	more          int // left, and not named
	well          func(*replay.End) bool
}

// leftItem is an item that is not settled, and why.
type leftItem struct {
	Place   string       `json:"place"`
	Outcome trigger.Kind `json:"outcome,omitempty"`
	Reason  string       `json:"reason"`
}

func (r *resend) watch(total int) *watch {
	w := &watch{bar: r.progress(r.doing, total, false), doing: r.doing, stderr: r.stderr, lines: r.stderr, well: r.well}
	if isTerminal(r.stderr) {
		w.lines = io.Discard
	}
	return w
}

// well reports whether nothing is left to do for an item.
func (r *resend) well(e *replay.End) bool {
	if !r.listed || e.Err != nil {
		return e.Settled()
	}
	return !slices.ContainsFunc(e.Outcomes, func(o trigger.Outcome) bool {
		return !slices.Contains([]trigger.Kind{trigger.Triggered, trigger.Published, trigger.Duplicate, trigger.Unmatched}, o.Kind)
	})
}

func (w *watch) ended(e replay.End) {
	w.bar.add(w.doing)
	if w.well(&e) {
		return
	}
	if len(w.left) == maxLeft {
		w.more++
		return
	}
	w.left = append(w.left, leftOf(&e))
}

// leftOf is an item that is not settled, and the reason.
func leftOf(e *replay.End) leftItem {
	if e.Err != nil {
		return leftItem{Place: e.Place, Reason: e.Err.Error()}
	}
	for _, o := range e.Outcomes {
		if !replay.Ran(o.Kind) {
			return leftItem{Place: e.Place, Outcome: o.Kind, Reason: o.Reason}
		}
	}
	return leftItem{Place: e.Place, Reason: "it had no outcome"}
}

func (w *watch) waiting(_ string, o trigger.Outcome, pause time.Duration) {
	text := fmt.Sprintf("waiting %s for the DAG %s", took(pause), visible(o.DAGID))
	w.bar.describe(text)
	_, _ = fmt.Fprintf(w.lines, "%s: %s\n", text, visible(o.Reason))
}

// ending says after Ctrl-C what is still awaited.
func (w *watch) ending() {
	_, _ = fmt.Fprintln(w.stderr, "finishing the events in progress: a second Ctrl-C ends at once, and loses nothing either")
}

func (w *watch) finish() { w.bar.finish() }

// resent is the result, in JSON.
type resent struct {
	From        string       `json:"from"`
	Events      int          `json:"events"`
	Settled     int          `json:"settled"`
	Unmatched   int          `json:"unmatched"`
	Unsent      int          `json:"unsent"`
	Interrupted bool         `json:"interrupted"`
	Seconds     float64      `json:"seconds"`
	Outcomes    []replay.Row `json:"outcomes"`
	Left        []leftItem   `json:"left"`
	MoreLeft    int          `json:"more_left"`
}

func (r *resend) result(sum replay.Summary, w *watch, took time.Duration) resent {
	return resent{
		From: r.from, Events: sum.Events, Settled: sum.Settled, Unmatched: sum.Unmatched, Unsent: sum.Unsent,
		Interrupted: sum.Interrupted, Seconds: took.Seconds(),
		Outcomes: sum.Rows(), Left: append([]leftItem{}, w.left...), MoreLeft: w.more,
	}
}

// print prints a summary.
func (r *resend) print(sum replay.Summary, w *watch, elapsed time.Duration) error {
	if r.json {
		return plainjson.Encode(r.stdout, r.result(sum, w, elapsed))
	}
	paint := r.painter(r.stdout)
	var b strings.Builder
	fmt.Fprintf(&b, "%s sent in %s\n", plural(sum.Events, r.noun), took(elapsed))
	rows, width := sum.Rows(), 0
	for _, row := range rows {
		width = max(width, len(row.Outcome))
	}
	for _, row := range rows { // columns would count the colours as characters
		line := fmt.Sprintf("%7d  %s  ", row.Count, paint.outcome(row.Outcome, pad(string(row.Outcome), width)))
		b.WriteString(strings.TrimRight(line+destination(trigger.Outcome{Route: row.Route, DAGID: row.DAGID}), " ") + "\n")
	}
	if sum.Settled > 0 {
		b.WriteString(paint.good(fmt.Sprintf("%d %s", sum.Settled, r.settled)) + "\n")
	}
	if left := len(w.left) + w.more; left > 0 {
		b.WriteString(paint.bad(fmt.Sprintf("%d %s", left, r.left)) + "\n")
	}
	for _, l := range w.left {
		b.WriteString("  " + visible(l.Place) + "\n    " + strings.TrimPrefix(string(l.Outcome)+": ", ": ") + visible(l.Reason) + "\n")
	}
	if w.more > 0 {
		fmt.Fprintf(&b, "  and %d more\n", w.more)
	}
	if sum.Interrupted {
		b.WriteString(paint.bad("interrupted: the remaining ones are unchanged") + "\n")
	}
	_, err := io.WriteString(r.stdout, b.String())
	return err
}
