// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
)

// maxMisses is the most routes that an event without one is explained by: what
// it costs to say so must not grow with the file.
const maxMisses = 10

// A Table is a set of compiled routes. It never changes, and any number of
// goroutines may share it.
type Table struct {
	fallback *fallback // in place of rules
	rules    []rule
	index    index
	maxTime  time.Duration // MaxTime, but in tests
}

// fallback is the one route of a trigger that has no routes file: every event
// starts one DAG.
type fallback struct{ environment, dag string }

// Default is the table of a trigger that has no routes file: one route, named
// default, by which every event starts the DAG dagID with the default conf.
func Default(dagID, environment string) *Table {
	return &Table{fallback: &fallback{environment: environment, dag: dagID}}
}

func (f *fallback) plan(ev *event.Event) Plan {
	return Plan{
		Route:       "default",
		Environment: f.environment,
		DAG:         f.dag,
		Identity:    ev.Key(),
		Conf:        ev.Conf(),
		Note:        note(ev),
	}
}

// MaxTime bounds the time that all routes together take to decide about one
// event. Well before it each expression meets its own limit of cost, unless the
// machine is busy: so what ends here is not a permanent failure.
const MaxTime = 2 * time.Second

// Decide returns which DAG runs ev asks for, in the order of the file. It does no
// I/O. Each expression ends at ctx's deadline, after [MaxTime] or at its limit of
// cost, and is a failure of its route where it does.
func (t *Table) Decide(ctx context.Context, ev *event.Event) Decision {
	if t.fallback != nil {
		return Decision{Plans: []Plan{t.fallback.plan(ev)}}
	}
	ctx, cancel := context.WithTimeout(ctx, t.maxTime)
	defer cancel()
	var d Decision
	s := expression.NewScope(ev)
	for _, i := range t.index.candidates(ev) {
		t.rules[i].decide(ctx, s, &d)
	}
	d.Written = s.Written()
	if len(d.Plans) == 0 && len(d.Failures) == 0 {
		d.Misses = t.misses(ctx, s)
	}
	return d
}

// decide adds to d what the rule makes of the event.
func (r *rule) decide(ctx context.Context, s *expression.Scope, d *Decision) {
	s, miss, err := r.match(ctx, s)
	if miss != "" {
		return
	}
	var p Plan
	if err == nil {
		p, err = r.plan(ctx, s)
	}
	if err != nil {
		d.Failures = append(d.Failures, Failure{Route: r.name, Environment: r.environment, DAG: p.DAG, DeadLetter: r.limits.DeadLetter, Err: err})
		return
	}
	d.Plans = append(d.Plans, p)
}

// misses says of the routes that are most like it why they do not want the
// event.
func (t *Table) misses(ctx context.Context, s *expression.Scope) []Miss {
	var misses []Miss
	for _, i := range t.index.nearest(s.Event(), len(t.rules)) {
		r := &t.rules[i]
		s, miss, _ := r.match(ctx, s)
		misses = append(misses, Miss{Route: r.name, Reason: r.reason(ctx, s, miss)})
	}
	if len(misses) == 0 {
		misses = append(misses, Miss{Reason: "there are no routes"})
	}
	return misses
}
