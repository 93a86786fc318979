// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"example.com/dagtrigger/internal/operator/replay"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/trigger"
)

// objectStatus says whether the runs of an object exist.
type objectStatus string

// The statuses, from the best to the worst: an object has the worst of its routes.
const (
	statusUnmatched objectStatus = "unmatched" // no route wants it, or not now
	statusExists    objectStatus = "exists"
	statusMissing   objectStatus = "missing"
	statusFailed    objectStatus = "failed"  // it would fail permanently
	statusUnknown   objectStatus = "unknown" // it could not be looked up
)

func objectStatuses() []objectStatus {
	return []objectStatus{statusUnmatched, statusExists, statusMissing, statusFailed, statusUnknown}
}

// statusOf is that of one route.
func statusOf(kind trigger.Kind) objectStatus {
	switch kind {
	case trigger.Unmatched:
		return statusUnmatched
	case trigger.Duplicate:
		return statusExists
	case trigger.Missing:
		return statusMissing
	case trigger.Rejected:
		return statusFailed
	default:
		return statusUnknown
	}
}

// listedObject is an object of the list, in JSON.
type listedObject struct {
	Object string       `json:"object"`
	Status objectStatus `json:"status"`
	Reason string       `json:"reason"`
	Runs   []objectRun  `json:"runs"`
}

// objectRun is what a route makes of an object.
type objectRun struct {
	Status      objectStatus `json:"status"`
	Route       string       `json:"route"`
	Environment string       `json:"environment"`
	DAGID       string       `json:"dag_id"`
	Asset       string       `json:"asset,omitempty"`
	RunID       string       `json:"dag_run_id"`
	Reason      string       `json:"reason"`
}

// object is the row of an object. Its reason is that of the route with the worst status.
func (r *resend) object(e *replay.End) listedObject {
	row := listedObject{Object: e.Place, Runs: []objectRun{}}
	if e.Err != nil {
		row.Status, row.Reason = statusUnknown, e.Err.Error()
		return row
	}
	rank := func(s objectStatus) int { return slices.Index(objectStatuses(), s) }
	for _, o := range e.Outcomes {
		run := objectRun{
			Status: statusOf(o.Kind), Route: o.Route, Environment: o.Environment, DAGID: o.DAGID, Asset: o.Asset,
			RunID: o.RunID, Reason: o.Reason,
		}
		if row.Status == "" || rank(run.Status) > rank(row.Status) {
			row.Status, row.Reason = run.Status, run.Reason
		}
		if o.Route != "" {
			row.Runs = append(row.Runs, run)
		}
	}
	return row
}

// text is a row for a person: the routes that have the status, and the reason.
func (o *listedObject) text(paint painter) string {
	colour := map[objectStatus]func(string) string{
		statusExists: paint.good, statusUnmatched: func(s string) string { return s },
	}[o.Status]
	if colour == nil {
		colour = paint.bad
	}
	line := colour(pad(string(o.Status), len(statusUnmatched))) + "  " + visible(o.Object)
	for _, run := range o.Runs {
		if run.Status == o.Status {
			line += "  " + destination(trigger.Outcome{Route: run.Route, DAGID: run.DAGID, Asset: run.Asset, RunID: run.RunID})
		}
	}
	if o.Status != statusExists {
		line += "  " + visible(o.Reason)
	}
	return line + "\n"
}

// listing prints the rows of a pass in the order of its events.
type listing struct {
	*resend
	mu     sync.Mutex
	queue  []string                // the places of events that have begun, in order
	rows   map[string]listedObject // of those that have ended, by place
	counts map[objectStatus]int
	err    error
}

// begun notes the events as they are handed out.
func (l *listing) begun(events iter.Seq2[replay.Event, error]) iter.Seq2[replay.Event, error] {
	return func(yield func(replay.Event, error) bool) {
		for e, err := range events {
			if err == nil {
				l.mu.Lock()
				l.queue = append(l.queue, e.Place)
				l.mu.Unlock()
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// ended prints the rows that are no longer waiting for an earlier one.
func (l *listing) ended(e replay.End) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows[e.Place] = l.object(&e)
	for len(l.queue) > 0 {
		row, ok := l.rows[l.queue[0]]
		if !ok {
			return
		}
		delete(l.rows, row.Object)
		l.queue = l.queue[1:]
		l.counts[row.Status]++
		if l.err == nil {
			l.err = l.printRow(&row)
		}
	}
}

func (l *listing) printRow(row *listedObject) error {
	if l.json {
		return plainjson.Encode(l.stdout, row)
	}
	_, err := fmt.Fprint(l.stdout, row.text(l.painter(l.stdout)))
	return err
}

// list prints for each item whether its runs exist, and starts nothing.
func (r *resend) list(ctx context.Context, items iter.Seq2[item, error]) error {
	r.lookOnly = true
	l := &listing{resend: r, rows: map[string]listedObject{}, counts: map[objectStatus]int{}}
	pass := replay.Pass{Rate: r.rate, Patience: r.patience, Ended: l.ended}
	sum, err := pass.Run(ctx, l.begun(r.events(ctx, items)))
	switch {
	case err != nil:
		return err
	case l.err != nil:
		return l.err
	case sum.Interrupted:
		return fmt.Errorf("interrupted after %s", plural(sum.Events, r.noun))
	}
	if !r.json {
		err = l.printCounts(sum.Events)
	}
	if err == nil && l.counts[statusMissing]+l.counts[statusFailed]+l.counts[statusUnknown] > 0 {
		return errReported
	}
	return err
}

// printCounts sums up, and says what to do about missing runs.
func (l *listing) printCounts(total int) error {
	var parts []string
	for _, s := range objectStatuses() {
		if n := l.counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	line := fmt.Sprintf("%s in %s", plural(total, l.noun), l.from)
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	if l.counts[statusMissing] > 0 {
		line += "\nthe same command without --list starts the missing runs"
	}
	_, err := fmt.Fprintln(l.prose(l.stdout), line)
	return err
}
