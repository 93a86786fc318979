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
	// For an event that matches no rule: all rules by their bucket or topic and then
	// by the object's literal beginning, and by their type and then their bucket or topic.
	places map[string]prefixes
	types  map[string]prefixes
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
	byPrefix, byPlace, byType := grouping[group]{}, grouping[string]{}, grouping[string]{}
	for i := range rules {
		r := &rules[i]
		begins := r.prefixes()
		for g := range r.groups() {
			byType.add(g.eventType, g.place, i)
			for _, text := range begins {
				byPlace.add(g.place, text, i)
				if !r.disabled {
					byPrefix.add(g, text, i)
				}
			}
		}
	}
	return index{groups: byPrefix.sorted(), places: byPlace.sorted(), types: byType.sorted()}
}

// grouping collects the rules of each group by a text.
type grouping[K comparable] map[K]map[string][]int

func (g grouping[K]) add(key K, text string, rule int) {
	if g[key] == nil {
		g[key] = map[string][]int{}
	}
	if known := g[key][text]; len(known) == 0 || known[len(known)-1] != rule {
		g[key][text] = append(known, rule)
	}
}

func (g grouping[K]) sorted() map[K]prefixes {
	all := make(map[K]prefixes, len(g))
	for key, rules := range g {
		all[key] = newPrefixes(rules)
	}
	return all
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
	var rules []int
	name := nameOf(ev)
	for g := range groupsOf(ev) {
		x.groups[g].each(name, func(found []int) { rules = append(rules, found...) })
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// nameOf is the name of the object that ev is about, or "".
func nameOf(ev *event.Event) string {
	if ev.Object == nil {
		return ""
	}
	return ev.Object.Name
}

// groupsOf are the groups whose rules can want ev, the narrowest first.
func groupsOf(ev *event.Event) func(yield func(group) bool) {
	return func(yield func(group) bool) {
		places := placesOf(ev)
		for _, eventType := range []string{ev.Type, ""} {
			for _, place := range places {
				if !yield(group{eventType, place}) {
					return
				}
			}
		}
	}
}

// placesOf are the buckets and topics by which rules can want ev, the narrowest
// first; the last is "", of the rules that leave the place open.
func placesOf(ev *event.Event) []string {
	places := []string{""}
	if ev.Message != nil && ev.Message.Topic != "" { // that carried an object's change too
		places = []string{ev.Message.Topic, lastPart(ev.Message.Topic), ""}
	}
	if ev.Object != nil {
		places = append([]string{ev.Object.Bucket}, places...)
	}
	return places
}
