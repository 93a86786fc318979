// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"slices"

	"example.com/dagtrigger/internal/event"
)

// HasShadows reports whether a route of the table is a shadow.
func (t *Table) HasShadows() bool { return t.shadows != nil }

// DecideShadows returns what the table's shadows would ask for, where live is what
// [Table.Decide] returned for ev. They have an event's bounds to themselves, and each is
// judged as if it alone were live: where the first match wins, the live routes above it
// come first.
func (t *Table) DecideShadows(ctx context.Context, ev *event.Event, live Decision) Decision {
	d := t.shadows.Decide(ctx, ev)
	winner := t.winner(live)
	if winner == nil {
		return d
	}
	beaten := func(name string) bool {
		i := slices.IndexFunc(t.shadows.rules, func(r rule) bool { return r.name == name })
		if i < 0 || t.shadows.rules[i].place < winner.place {
			return false
		}
		d.Misses = append(d.Misses, Miss{Route: name, Reason: winner.before()})
		return true
	}
	d.Plans = slices.DeleteFunc(d.Plans, func(p Plan) bool { return beaten(p.Route) })
	d.Failures = slices.DeleteFunc(d.Failures, func(f Failure) bool { return beaten(f.Route) })
	d.Misses = d.Misses[:min(len(d.Misses), MaxMisses)]
	if len(d.Plans)+len(d.Failures) == 0 {
		d.Unnamed = max(0, len(t.shadows.rules)-len(d.Misses))
	}
	return d
}

// winner is the live rule that the event goes to where the first match wins; nil
// where none matched, or all count.
func (t *Table) winner(live Decision) *rule {
	var name string
	switch {
	case !t.first:
		return nil
	case len(live.Plans) > 0:
		name = live.Plans[0].Route
	case len(live.Failures) > 0:
		name = live.Failures[0].Route
	}
	for i := range t.rules {
		if t.rules[i].name == name {
			return &t.rules[i]
		}
	}
	return nil
}

// before is the reason of a rule that matches below the first one that does.
func (r *rule) before() string { return "match is first, and " + r.name + " comes before it" }
