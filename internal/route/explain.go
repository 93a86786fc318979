// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
)

// Explanation is what one route makes of an event, and why.
type Explanation struct {
	Route string
	// Reason is the first thing that did not match, with the value that it met;
	// empty where all did.
	Reason string
	// When is the condition with what each of its parts gave; nil where the
	// route has none, or something before it did not match.
	When *expression.Part
	// Plan is the run that a route asks for that matched, else nil.
	Plan *Plan
	// Failure is a route that could not be evaluated, else nil.
	Failure *Failure
}

// Explain says of every route, in the order of the file, what it makes of ev.
// It is what [Table.Decide] does, by the same code.
func (t *Table) Explain(ctx context.Context, ev *event.Event) []Explanation {
	if t.fallback != nil {
		plan := t.fallback.plan(ev)
		return []Explanation{{Route: plan.Route, Plan: &plan}}
	}
	s := expression.NewScope(ev)
	all := make([]Explanation, len(t.rules))
	for i := range t.rules {
		all[i] = t.rules[i].explain(ctx, s)
	}
	return all
}

func (r *rule) explain(ctx context.Context, s *expression.Scope) Explanation {
	x := Explanation{Route: r.name}
	s, miss, err := r.match(ctx, s)
	if r.when != nil && (miss == "" || miss == missWhen || miss == missAbsent) {
		part := r.when.Explain(ctx, s)
		x.When = &part
	}
	if miss != "" {
		x.Reason = r.reason(ctx, s, miss)
		return x
	}
	var plan Plan
	if err == nil {
		plan, err = r.plan(ctx, s)
	}
	if err != nil {
		x.Failure = &Failure{Route: r.name, Environment: r.environment, DAG: plan.DAG, Err: err}
		return x
	}
	x.Plan = &plan
	return x
}

// maxReason is the most characters of a value in a reason.
const maxReason = 80

// reason says what match found: key is the first that does not match.
func (r *rule) reason(ctx context.Context, s *expression.Scope, key string) string {
	switch key {
	case "enabled":
		return "enabled is false"
	case "skip":
		preset, sign, _ := r.skips(s)
		return fmt.Sprintf("skip: %s: %s", preset, sign)
	case missAbsent:
		_, err := r.when.Bool(ctx, s)
		return "when: " + absent(err) + " is absent"
	case missWhen:
		return "when: " + r.when.Explain(ctx, s).Reason()
	}
	for i := range r.filters {
		if f := &r.filters[i]; f.key == key {
			if p, _ := f.match(s.Event()); p == nil {
				return f.reason(s.Event())
			}
		}
	}
	return key
}

// reason says why the filter does not match.
func (f *filter) reason(ev *event.Event) string {
	what := f.key
	switch f.key {
	case "on":
		what = "type"
	case "attributes":
		what = "attribute " + f.attribute
	}
	wanted := make([]string, len(f.patterns))
	for i, p := range f.patterns {
		wanted[i] = p.String()
	}
	value, ok := f.value(ev)
	if !ok {
		return fmt.Sprintf("the event has no %s, and %s is wanted", what, shorten(strings.Join(wanted, " or "), maxReason))
	}
	return fmt.Sprintf("%s is %q, not %s", what, shorten(value, maxReason), shorten(strings.Join(wanted, " or "), maxReason))
}
