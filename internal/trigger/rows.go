// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"slices"
	"sync"
	"time"

	"example.com/dagtrigger/internal/event"
)

// Bounds on the rows of a response, and the lines of the log, for one request. A
// row takes at most some 6 KB.
const (
	maxRows   = 100 // with an outcome each
	maxTotals = 20  // with the outcomes of a route, kind, cause and miss each; one more for each kind and cause
)

// Rows returns the rows of a response: an outcome each for the first, and the
// others added up by kind, cause, route and what was missed, then by kind and cause. The sum of
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

// add counts o in its row, and returns that.
func (t *totals) add(o *Outcome) *Outcome {
	row := t.row(o)
	row.Count++
	row.Operator = row.Operator || o.Operator
	return row
}

// row finds the row that o counts in, or adds it. It has the reason of the first.
func (t *totals) row(o *Outcome) *Outcome {
	type kind struct {
		route  string
		missed Missed
	}
	for _, of := range [...]kind{{o.Route, o.Missed}, {}} {
		for i := range *t {
			row := &(*t)[i]
			if row.Kind == o.Kind && row.Cause == o.Cause && row.Route == of.route && row.Missed == of.missed {
				return row
			}
		}
		if len(*t) < maxTotals || of == (kind{}) {
			row := Outcome{Kind: o.Kind, Cause: o.Cause, Reason: o.Reason, Route: of.route, Missed: of.missed}
			if of.route != "" {
				row.Environment = o.Environment // a route has one
			}
			*t = append(*t, row)
			break
		}
	}
	return &(*t)[len(*t)-1]
}

// RequestReport logs the outcomes of one request: a line each for the first, and
// at its end a line for each kind, cause and route of the others. What would come of
// shadows is counted separately.
type RequestReport struct {
	reporter *Reporter

	mu      sync.Mutex
	live    tally
	shadows map[ShadowFile]*tally
}

// tally is how many lines there are, and the sums of those that were too many.
type tally struct {
	lines int
	rest  totals
}

// Request begins the report of a request. Its events may be reported at the same time.
// Lines that are late, because the CPU was taken away between requests, are written first.
func (r *Reporter) Request() *RequestReport {
	r.unmatched.due()
	return &RequestReport{reporter: r}
}

// Event reports the live outcomes of one event, which came at started, and what would
// come of it by the shadows, which judge says; nil for none. An event that a live route or
// a shadow matched has its own lines: the two could else not be compared.
func (q *RequestReport) Event(ctx context.Context, ev *event.Event, live []Outcome, started time.Time, judge func() []Shadow) {
	matched := Matched(live)
	if judge == nil || matched { // at once: no shadow delays what is certain
		q.outcomes(ctx, ev, live, time.Since(started), judge != nil)
	}
	if judge == nil {
		return
	}
	shadows := judge()
	written := true
	if !matched {
		differs := slices.ContainsFunc(shadows, func(s Shadow) bool { return Matched(s.Outcomes) })
		written = q.outcomes(ctx, ev, live, time.Since(started), differs)
	}
	for i := range shadows {
		for k := range shadows[i].Outcomes {
			if o := &shadows[i].Outcomes[k]; written || Matched(shadows[i].Outcomes) {
				o.Shorten()
				q.shadow(ctx, ev, shadows[i].ShadowFile, o)
			}
		}
	}
}

// outcomes reports live outcomes, and whether any has its own line.
func (q *RequestReport) outcomes(ctx context.Context, ev *event.Event, live []Outcome, took time.Duration, alone bool) (written bool) {
	for i := range live {
		live[i].Alone = alone
		if !q.counted(&q.live, &live[i]) {
			written = q.reporter.Outcome(ctx, ev, &live[i], took) || written
		}
	}
	return written
}

// shadow reports what would come of an event by a shadow.
func (q *RequestReport) shadow(ctx context.Context, ev *event.Event, file ShadowFile, o *Outcome) {
	q.mu.Lock()
	if q.shadows == nil {
		q.shadows = map[ShadowFile]*tally{}
	}
	t := q.shadows[file]
	if t == nil {
		t = &tally{}
		q.shadows[file] = t
	}
	q.mu.Unlock()
	if !q.counted(t, o) {
		q.reporter.Shadow(ctx, ev, file, o)
	}
}

// counted reports whether there are too many lines for another.
func (q *RequestReport) counted(t *tally, o *Outcome) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.lines++; t.lines <= maxRows {
		return false
	}
	t.rest.add(o)
	return true
}

// End logs the lines with a count.
func (q *RequestReport) End(ctx context.Context) {
	for i := range q.live.rest {
		q.reporter.Outcome(ctx, &event.Event{}, &q.live.rest[i], 0)
	}
	for file, t := range q.shadows {
		for i := range t.rest {
			q.reporter.Shadow(ctx, &event.Event{}, file, &t.rest[i])
		}
	}
}
