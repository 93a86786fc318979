// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"example.com/dagtrigger/internal/operator/dagruns"
	"example.com/dagtrigger/internal/plainjson"
)

// listedRun is a run, in JSON. A time is null where it is not known, or not reached.
type listedRun struct {
	Route       string     `json:"route"`
	Environment string     `json:"environment"`
	DAGID       string     `json:"dag_id"`
	RunID       string     `json:"dag_run_id"`
	State       string     `json:"state"`
	Event       string     `json:"event"`
	QueuedAt    *time.Time `json:"queued_at"`
	StartDate   *time.Time `json:"start_date"`
	EndDate     *time.Time `json:"end_date"`
}

func jsonTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (p *program) printRuns(r *runsReport, f runsFlags) error {
	if f.json {
		return p.printRunsJSON(r)
	}
	for _, list := range [][]unlisted{r.unlisted, r.incomplete} {
		for _, u := range list {
			_, _ = fmt.Fprintln(p.prose(p.stderr), "dagtrigger: warning: "+visible(u.String()))
		}
	}
	paint := p.painter(p.stdout)
	rows := make([][]string, len(r.runs))
	for i, run := range r.runs {
		at := "waiting"
		if t := dagruns.At(&run.DAGRun); !t.IsZero() {
			at = t.UTC().Format(time.RFC3339)
		}
		rows[i] = []string{visible(run.State), at, visible(run.Route), visible(run.DAGID), visible(run.RunID), visible(eventOf(&run))}
	}
	var b strings.Builder
	for i, line := range columns(rows) { // which would count the colours as characters
		state := visible(r.runs[i].State)
		b.WriteString(paint.state(state) + strings.TrimPrefix(line, state) + "\n")
	}
	b.WriteString(r.summary() + "\n")
	_, err := fmt.Fprint(p.prose(p.stdout), b.String())
	return err
}

func (p *program) printRunsJSON(r *runsReport) error {
	runs := make([]listedRun, len(r.runs))
	for i, run := range r.runs {
		runs[i] = listedRun{
			Route: run.Route, Environment: run.Environment, DAGID: run.DAGID, RunID: run.RunID, State: run.State, Event: eventOf(&run),
			QueuedAt: jsonTime(run.QueuedAt), StartDate: jsonTime(run.StartDate), EndDate: jsonTime(run.EndDate),
		}
	}
	return plainjson.Encode(p.stdout, map[string]any{
		"since": r.since.UTC(), "runs": runs,
		"unlisted": append([]unlisted{}, r.unlisted...), "incomplete": append([]unlisted{}, r.incomplete...),
	})
}

// summary counts the runs by their state.
func (r *runsReport) summary() string {
	counts := map[string]int{}
	for _, run := range r.runs {
		counts[run.State]++
	}
	var parts []string
	for _, state := range runStates() {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
		}
	}
	text := plural(len(r.runs), "run") + " since " + r.since.UTC().Format(time.RFC3339)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// state colours a run's state as Airflow's own pages do.
func (p painter) state(state string) string {
	switch state {
	case "success":
		return p.good(state)
	case "failed":
		return p.bad(state)
	case "running":
		return p.paint(state, cyan)
	}
	return state
}

// escaped is a character of Markdown that a note escapes.
var escaped = regexp.MustCompile(`\\([!-/:-@\[-` + "`" + `{-~])`)

// eventOf is what a run says about its event: its note, or else the object in its conf.
func eventOf(run *dagruns.Run) string {
	if run.Note != "" {
		return escaped.ReplaceAllString(run.Note, "$1")
	}
	var object struct{ Bucket, Name string }
	if json.Unmarshal(run.Conf, &object) == nil && object.Bucket != "" && object.Name != "" {
		return "gs://" + object.Bucket + "/" + object.Name
	}
	return ""
}
