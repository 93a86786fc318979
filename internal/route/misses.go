// SPDX-License-Identifier: Apache-2.0

package route

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
)

// MaxMisses is the most routes that explain an event without a match: the cost
// of the explanation must not grow with the file.
const MaxMisses = 8

// misses explains why the event matches no rule, by the rules that are nearest to
// it. The index found the candidates, and all were tried; absent says whose condition
// names a member that the event does not have.
func (t *Table) misses(ctx context.Context, s *expression.Scope, candidates []int, absent []bool) []Miss {
	ev := s.Event()
	var best ranking
	for n, i := range candidates {
		best.add(i, t.rules[i].closeness(ev, absent[n]))
	}
	for _, i := range t.index.nearest(ev, len(t.rules)) {
		if _, tried := slices.BinarySearch(candidates, i); !tried {
			best.add(i, t.rules[i].closeness(ev, false))
		}
	}
	var misses []Miss
	for _, n := range best {
		r := &t.rules[n.rule]
		miss, _ := r.match(ctx, s)
		misses = append(misses, Miss{Route: r.name, Key: miss, Reason: r.reason(ctx, s, miss)})
	}
	if len(misses) == 0 {
		misses = append(misses, Miss{Reason: "there are no routes"})
	}
	return misses
}

// closeness is how much of a rule's filters an event matches, skip and when left out.
type closeness struct {
	kind    bool // the rule takes this type of event, or another change of an object
	place   int  // of bucket, topic, subscription and source: 1 all match, 0 there is none, -1 one does not match
	matched int  // how many filters match
	missed  int  // how many do not
	common  int  // how many bytes the names that do not match have in common with the patterns
	absent  bool // the condition names a member that the event does not have
}

// closeness compares the rule with ev; absent is whether its condition names a member
// that the event does not have.
func (r *rule) closeness(ev *event.Event, absent bool) closeness {
	c := closeness{absent: absent}
	for i := range r.filters {
		f := &r.filters[i]
		p, _ := f.match(ev, nil)
		if p != nil {
			c.matched++
		} else {
			c.missed++
			c.common += f.common(ev)
		}
		switch f.key {
		case "on":
			c.kind = p != nil || ev.Object != nil && f.begins(storageTypes)
		case "bucket", "topic", "subscription", "source":
			switch {
			case p == nil:
				c.place = -1
			case c.place == 0:
				c.place = 1
			}
		}
	}
	return c
}

// begins reports whether a pattern of the filter begins with text.
func (f *filter) begins(text string) bool {
	for _, p := range f.patterns {
		if strings.HasPrefix(p.Prefix(), text) {
			return true
		}
	}
	return false
}

// common is how many bytes the event's value begins with that a pattern of the
// filter begins with too.
func (f *filter) common(ev *event.Event) int {
	value, _ := f.value(ev)
	most := 0
	for _, p := range f.patterns {
		most = max(most, common(value, p.Prefix()))
	}
	return most
}

// common is how many bytes a and b both begin with.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// level is how far an event gets in the order in which people narrow events down:
// the type, the bucket or topic, and then the rest.
func (c closeness) level() int {
	switch {
	case c.missed == 0:
		return 4
	case c.place > 0 && c.kind:
		return 3
	case c.place > 0, c.place == 0 && c.kind:
		return 2
	case c.kind:
		return 1
	}
	return 0
}

// compare orders the nearer first.
func (c closeness) compare(other closeness) int {
	return cmp.Or(
		cmp.Compare(other.level(), c.level()),
		cmp.Compare(c.missed, other.missed),
		boolean(c.absent)-boolean(other.absent),
		cmp.Compare(other.matched, c.matched),
		cmp.Compare(other.common, c.common),
	)
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ranking is the few rules that an event is nearest to, the nearest first; of
// equals the one that comes first in the file.
type ranking []ranked

type ranked struct {
	rule int
	closeness
}

func (r *ranking) add(rule int, c closeness) {
	n := ranked{rule, c}
	at, _ := slices.BinarySearchFunc(*r, n, func(a, b ranked) int {
		return cmp.Or(a.compare(b.closeness), cmp.Compare(a.rule, b.rule))
	})
	if at == MaxMisses {
		return
	}
	*r = slices.Insert(*r, at, n)
	*r = (*r)[:min(len(*r), MaxMisses)]
}

// nearest are a few rules that are like ev, whatever their number: of those with its
// bucket or topic the ones whose object pattern begins most like the object's name,
// then of those with its type the ones whose bucket or topic is spelled most like its
// own, then the first of all.
func (x index) nearest(ev *event.Event, all int) []int {
	var rules []int
	add := func(i int) { rules = append(rules, i) }
	places := placesOf(ev)
	for _, place := range places {
		x.places[place].nearest(nameOf(ev), add)
	}
	for _, eventType := range []string{ev.Type, ""} {
		for _, place := range places {
			x.types[eventType].nearest(place, add)
		}
	}
	for i := range min(all, MaxMisses) {
		add(i)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// nearest calls yield for up to MaxMisses rules of the texts that have the longest
// beginning in common with name: those around its place in the order.
func (p prefixes) nearest(name string, yield func(rule int)) {
	after, _ := slices.BinarySearchFunc(p, name, func(a prefix, name string) int { return strings.Compare(a.text, name) })
	before, left := after-1, MaxMisses
	for left > 0 && (before >= 0 || after < len(p)) {
		next := after
		if after == len(p) || before >= 0 && common(p[before].text, name) > common(p[after].text, name) {
			next = before
			before--
		} else {
			after++
		}
		for _, rule := range p[next].rules[:min(left, len(p[next].rules))] {
			yield(rule)
			left--
		}
	}
}
