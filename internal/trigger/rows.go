// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"sync"
	"time"

	"example.com/dagtrigger/internal/event"
)

// Bounds on the rows of a response, and the lines of the log, for one request. A
// row takes at most some 6 KB.
const (
	maxRows   = 100 // with an outcome each
	maxTotals = 20  // with the outcomes of a route, kind and cause each; one more for each kind and cause
)

// Rows returns the rows of a response: an outcome each for the first, and the
// others added up by kind, cause and route, then by kind and cause. The sum of
// their counts is the number of outcomes.
func Rows(outcomes []Outcome) []Outcome {
	if len(outcomes) <= maxRows {
		return outcomes
	}
	var t totals
	for i := range outcomes[maxRows:] {
		t.add(&outcomes[maxRows+i])
	}
	return append(outcomes[:maxRows:maxRows], t...)
}

// totals are rows with a count.
type totals []Outcome

func (t *totals) add(o *Outcome) {
	row := t.row(o)
	row.Count++
	row.Operator = row.Operator || o.Operator
}

// row finds the row that o counts in, or adds it. It has the reason of the first.
func (t *totals) row(o *Outcome) *Outcome {
	for _, route := range []string{o.Route, ""} {
		for i := range *t {
			if row := &(*t)[i]; row.Kind == o.Kind && row.Cause == o.Cause && row.Route == route {
				return row
			}
		}
		if len(*t) < maxTotals || route == "" {
			row := Outcome{Kind: o.Kind, Cause: o.Cause, Reason: o.Reason, Route: route}
			if route != "" {
				row.Environment = o.Environment // a route has one
			}
			*t = append(*t, row)
			break
		}
	}
	return &(*t)[len(*t)-1]
}

// RequestReport logs the outcomes of one request: a line each for the first, and
// at its end a line for each kind, cause and route of the others.
type RequestReport struct {
	reporter *Reporter

	mu    sync.Mutex
	lines int
	rest  totals
}

// Request begins the report of a request. Its events may be reported at the same time.
func (r *Reporter) Request() *RequestReport { return &RequestReport{reporter: r} }

// Outcome reports one outcome, as [Reporter.Outcome] does.
func (q *RequestReport) Outcome(ctx context.Context, ev *event.Event, o *Outcome, took time.Duration) {
	if q.counted(o) {
		return
	}
	q.reporter.Outcome(ctx, ev, o, took)
}

// counted reports whether there are too many lines for another.
func (q *RequestReport) counted(o *Outcome) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lines++; q.lines <= maxRows {
		return false
	}
	q.rest.add(o)
	return true
}

// End logs the lines with a count.
func (q *RequestReport) End(ctx context.Context) {
	for i := range q.rest {
		q.reporter.Outcome(ctx, &event.Event{}, &q.rest[i], 0)
	}
}
