// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
	"example.com/dagtrigger/internal/route/pattern"
)

// Explanation is what one route makes of an event, and why.
type Explanation struct {
	Route string
	// Shadow reports that the route is one, which starts nothing.
	Shadow bool
	// Reason is the first thing that did not match, with the value that it met;
	// empty where all did.
	Reason string
	// When is the condition with what each of its parts gave; nil where the
	// route has none, or something before it did not match.
	When *expression.Part
	// Vars are the values of the route's vars; none where something before when did not match.
	Vars []expression.Part
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
	rules := t.inOrder()
	all := make([]Explanation, len(rules))
	var winner *rule // under match: first
	for i, r := range rules {
		all[i] = r.explain(ctx, s)
		if matched := all[i].Reason == ""; matched && winner != nil {
			all[i].Reason, all[i].Plan, all[i].Failure = winner.before(), nil, nil
		} else if matched && t.first && !r.shadow {
			winner = r
		}
	}
	return all
}

// inOrder are all rules, shadows as well, in the order of the file.
func (t *Table) inOrder() []*rule {
	var all []*rule
	for table := t; table != nil; table = table.shadows {
		for i := range table.rules {
			all = append(all, &table.rules[i])
		}
	}
	slices.SortFunc(all, func(a, b *rule) int { return a.place - b.place })
	return all
}

func (r *rule) explain(ctx context.Context, s *expression.Scope) Explanation {
	x := Explanation{Route: r.name, Shadow: r.shadow}
	miss, err := r.match(ctx, s)
	if r.when != nil && (miss == "" || miss == missWhen || miss == missAbsent) {
		part := r.when.Explain(ctx, s)
		x.When = &part
	}
	if len(r.varNames) > 0 && (miss == "" || miss == missWhen || miss == missAbsent) {
		x.Vars = s.Shown(r.varNames)
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
		x.Failure = &Failure{Route: r.name, Environment: r.environment, DAG: plan.DAG, Asset: plan.Asset, Err: err}
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
			if p, _ := f.match(s.Event(), nil); p == nil {
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
	wanted := f.shown
	if wanted == nil {
		for _, p := range f.patterns {
			wanted = append(wanted, p.String())
		}
	}
	value, ok := f.value(ev)
	if p := f.excludes(value); ok && p != nil {
		return fmt.Sprintf("%s is %q, which %s excludes", what, shorten(value, maxReason), f.exclusion(p))
	}
	if !ok {
		return fmt.Sprintf("the event has no %s, and %s is wanted", what, shorten(strings.Join(wanted, " or "), maxReason))
	}
	return fmt.Sprintf("%s is %q, not %s", what, shorten(value, maxReason), shorten(strings.Join(wanted, " or "), maxReason))
}

// exclusion is a pattern that excludes, as a reason shows it.
func (f *filter) exclusion(p *pattern.Pattern) string {
	if f.shown != nil {
		return "one of " + shorten(strings.Join(f.shown, ", "), maxReason)
	}
	return shorten(excludes+p.String(), maxReason)
}
