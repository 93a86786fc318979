// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"context"
	"slices"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
)

// Plan is what a [Pass] would do, by the routes alone: nobody has been asked
// whether a run exists already. Its zero value is the plan of no events.
type Plan struct {
	Events    int // all of them
	Unmatched int // no route wants them
	Unsent    int // they cannot be read, or sent
	Old       int // they happened longer ago than Airflow keeps its runs

	runs     map[Planned]int
	failures map[string]*Planned // by route
}

// Planned is one thing that a pass would do, and how often.
type Planned struct {
	Route string `json:"route"` // empty where the event fails before any
	DAGID string `json:"dag_id"`
	// Set reports that the run starts only if the files of its set are all there.
	Set bool `json:"set,omitempty"`
	// Reason is why the first of these would fail, empty where they would not.
	Reason string `json:"reason,omitempty"`
	Count  int    `json:"count"`
}

// Add counts an event that would be sent by a table of routes.
func (p *Plan) Add(ctx context.Context, table *route.Table, ce event.CloudEvent) {
	p.Events++
	ev := event.New(ce)
	if ev.Invalid != nil {
		p.fail(Planned{Reason: ev.Invalid.Reason})
		return
	}
	d := table.Decide(ctx, &ev)
	if len(d.Plans)+len(d.Failures) == 0 {
		p.Unmatched++
	}
	for _, plan := range d.Plans {
		if p.runs == nil {
			p.runs = make(map[Planned]int)
		}
		p.runs[Planned{Route: plan.Route, DAGID: plan.DAG, Set: plan.Set != nil}]++
	}
	for _, f := range d.Failures {
		p.fail(Planned{Route: f.Route, DAGID: f.DAG, Reason: f.Err.Error()})
	}
}

// Skip counts an event that cannot be read, or sent.
func (p *Plan) Skip() {
	p.Events++
	p.Unsent++
}

func (p *Plan) fail(f Planned) {
	if p.failures == nil {
		p.failures = make(map[string]*Planned)
	}
	if p.failures[f.Route] == nil {
		p.failures[f.Route] = &f
	}
	p.failures[f.Route].Count++
}

// Rows are the runs to be asked for, by route and DAG, and behind them the
// failures to be expected, by route.
func (p *Plan) Rows() []Planned {
	rows := make([]Planned, 0, len(p.runs)+len(p.failures))
	for row, count := range p.runs {
		row.Count = count
		rows = append(rows, row)
	}
	for _, f := range p.failures {
		rows = append(rows, *f)
	}
	slices.SortFunc(rows, func(a, b Planned) int {
		return cmp.Or(compareEmpty(a.Reason, b.Reason), cmp.Compare(a.Route, b.Route), cmp.Compare(a.DAGID, b.DAGID))
	})
	return rows
}

// compareEmpty puts what is empty first.
func compareEmpty(a, b string) int {
	return cmp.Compare(min(len(a), 1), min(len(b), 1))
}
