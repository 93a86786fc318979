// SPDX-License-Identifier: Apache-2.0

package route

import (
	"slices"
	"strings"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/pattern"
)

// index finds the few rules that can want an event, whatever their number: by
// type, by bucket or topic, and by the literal beginning of the object pattern.
type index struct {
	groups map[group]prefixes
	nearby map[group][]int // a few rules of each group, for what did not match
}

// group is what the rules have in common that can want an event: the type, and
// the bucket or topic. Either is empty where a rule leaves it open.
type group struct{ eventType, place string }

// prefixes are the literal beginnings of object patterns, sorted.
type prefixes []prefix

type prefix struct {
	text  string
	outer int // the longest other that text begins with, or -1
	rules []int
}

func newIndex(rules []rule) index {
	byPrefix := map[group]map[string][]int{}
	x := index{groups: map[group]prefixes{}, nearby: map[group][]int{}}
	for i := range rules {
		r := &rules[i]
		for g := range r.groups() {
			x.near(g, i)
			x.near(group{eventType: g.eventType}, i)
			if r.disabled {
				continue
			}
			if byPrefix[g] == nil {
				byPrefix[g] = map[string][]int{}
			}
			for _, text := range r.prefixes() {
				byPrefix[g][text] = append(byPrefix[g][text], i)
			}
		}
	}
	for g, rules := range byPrefix {
		x.groups[g] = newPrefixes(rules)
	}
	return x
}

// near remembers a rule of a group, unless it has enough.
func (x index) near(g group, rule int) {
	if known := x.nearby[g]; len(known) < maxMisses && !slices.Contains(known, rule) {
		x.nearby[g] = append(known, rule)
	}
}

// groups are the groups that a rule is in.
func (r *rule) groups() func(yield func(group) bool) {
	return func(yield func(group) bool) {
		places := r.exact("bucket")
		if places[0] == "" {
			places = r.exact("topic")
		}
		for _, eventType := range r.exact("on") {
			for _, place := range places {
				if !yield(group{eventType, place}) {
					return
				}
			}
		}
	}
}

// exact are the names that a key lists, or "" alone where that is not all.
func (r *rule) exact(key string) []string {
	var names []string
	for _, p := range r.patterns(key) {
		if !p.Exact() {
			return []string{""}
		}
		names = append(names, p.String())
	}
	if names == nil {
		return []string{""}
	}
	return names
}

// prefixes are the literal beginnings of the object patterns, or "".
func (r *rule) prefixes() []string {
	var texts []string
	for _, p := range r.patterns("object") {
		texts = append(texts, p.Prefix())
	}
	if texts == nil {
		return []string{""}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

func (r *rule) patterns(key string) []*pattern.Pattern {
	for _, f := range r.filters {
		if f.key == key {
			return f.patterns
		}
	}
	return nil
}

// newPrefixes sorts the prefixes, and finds for each the one around it: among
// sorted texts those that one begins with lie on the way back from it.
func newPrefixes(rules map[string][]int) prefixes {
	var all prefixes
	for text, rules := range rules {
		all = append(all, prefix{text: text, rules: rules})
	}
	slices.SortFunc(all, func(a, b prefix) int { return strings.Compare(a.text, b.text) })
	for i := range all {
		outer := i - 1
		for outer >= 0 && !strings.HasPrefix(all[i].text, all[outer].text) {
			outer = all[outer].outer
		}
		all[i].outer = outer
	}
	return all
}

// each calls yield for the rules whose prefix name begins with. The greatest
// text that is not after name has them all around it, or is one.
func (p prefixes) each(name string, yield func(rules []int)) {
	at, found := slices.BinarySearchFunc(p, name, func(a prefix, name string) int { return strings.Compare(a.text, name) })
	if !found {
		at--
	}
	for ; at >= 0; at = p[at].outer {
		if strings.HasPrefix(name, p[at].text) {
			yield(p[at].rules)
		}
	}
}

// candidates are the rules that can want ev, in the order of the file.
func (x index) candidates(ev *event.Event) []int {
	name := ""
	if ev.Object != nil {
		name = ev.Object.Name
	}
	var rules []int
	for g := range groupsOf(ev) {
		x.groups[g].each(name, func(found []int) { rules = append(rules, found...) })
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// groupsOf are the groups whose rules can want ev, the narrowest first.
func groupsOf(ev *event.Event) func(yield func(group) bool) {
	places := []string{""}
	if ev.Message != nil && ev.Message.Topic != "" { // that carried an object's change too
		places = []string{ev.Message.Topic, lastPart(ev.Message.Topic), ""}
	}
	if ev.Object != nil {
		places = append([]string{ev.Object.Bucket}, places...)
	}
	return func(yield func(group) bool) {
		for _, eventType := range []string{ev.Type, ""} {
			for _, place := range places {
				if !yield(group{eventType, place}) {
					return
				}
			}
		}
	}
}

// nearest are the rules that want something most like ev, at most maxMisses:
// what to show where none wants it. Rules of its bucket or topic come first,
// then those of its type, then the first of all.
func (x index) nearest(ev *event.Event, all int) []int {
	var rules []int
	add := func(more ...int) {
		for _, i := range more {
			if len(rules) < maxMisses && !slices.Contains(rules, i) {
				rules = append(rules, i)
			}
		}
	}
	for g := range groupsOf(ev) {
		add(x.nearby[g]...)
	}
	for i := range min(all, maxMisses) {
		add(i)
	}
	slices.Sort(rules)
	return rules
}
