// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"slices"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
)

// A Table is a set of compiled routes. It never changes, and any number of
// goroutines may share it.
type Table struct {
	fallback *fallback // in place of rules
	rules    []rule
	index    index
	maxTime  time.Duration // MaxTime, but in tests
	first    bool          // the first rule that matches wins
	shadows  *Table        // the routes that are shadows; nil for none
}

// newTable makes a table of the rules of a file, its shadows separate.
func newTable(rules []rule, first bool) *Table {
	var shadows *Table
	if slices.ContainsFunc(rules, rule.isShadow) {
		live := slices.DeleteFunc(slices.Clone(rules), rule.isShadow)
		rules = slices.DeleteFunc(rules, func(r rule) bool { return !r.shadow })
		shadows = &Table{rules: rules, index: newIndex(rules), maxTime: MaxTime}
		rules = live
	}
	return &Table{rules: rules, index: newIndex(rules), maxTime: MaxTime, first: first, shadows: shadows}
}

func (r rule) isShadow() bool { return r.shadow }

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
	candidates := t.index.candidates(ev)
	absent := make([]bool, len(candidates)) // what the conditions of these name
	for n, i := range candidates {
		absent[n] = t.rules[i].decide(ctx, s, &d) == missAbsent
		if t.first && len(d.Plans)+len(d.Failures) > 0 {
			break
		}
	}
	d.Written = s.Written()
	if len(d.Plans) == 0 && len(d.Failures) == 0 {
		d.Misses = t.misses(ctx, s, candidates, absent)
		d.Unnamed = max(0, len(t.rules)-len(d.Misses))
	}
	return d
}

// decide adds to d what the rule makes of the event. Where it does not match, miss is
// the first key that does not, as match has it.
func (r *rule) decide(ctx context.Context, s *expression.Scope, d *Decision) (miss string) {
	miss, err := r.match(ctx, s)
	if miss != "" {
		return miss
	}
	var p Plan
	if err == nil {
		p, err = r.plan(ctx, s)
	}
	if err != nil {
		d.Failures = append(d.Failures, Failure{
			Route: r.name, Environment: r.environment, DAG: p.DAG, Asset: p.Asset, DeadLetter: r.limits.DeadLetter, Err: err,
		})
		return ""
	}
	d.Plans = append(d.Plans, p)
	return ""
}
