// SPDX-License-Identifier: Apache-2.0

package route

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/route/habit"
	"example.com/dagtrigger/internal/route/pattern"
)

// filters compiles the keys that pick events by patterns, in the order in
// which they are tried.
func (c *compiler) filters() []filter {
	s := c.spec
	filters := []filter{c.types()}
	for _, f := range []struct {
		key   string
		texts []Text
	}{{"bucket", s.Bucket}, {"object", s.Object}, {"topic", s.Topic}, {"subscription", s.Subscription}, {"source", s.Source},
		{"subject", s.Subject}} {
		if len(f.texts) > 0 {
			filters = append(filters, c.filter(f.key, "", f.texts))
		}
	}
	for _, a := range s.Attributes {
		if a.Name.Value == "" {
			c.problem(a.Name.Position, "attributes: a name is empty", "name an attribute, such as attributes: {kind: order}")
		}
		filters = append(filters, c.filter("attributes", a.Name.Value, a.Patterns))
	}
	for i := range filters {
		c.captured(&filters[i])
	}
	return slices.Clone(filters)
}

// excludes is what a pattern begins with that excludes what it matches.
const excludes = "!"

// filter compiles a key. Where all of its patterns exclude, anything else matches.
func (c *compiler) filter(key, attribute string, texts []Text) filter {
	f := filter{key: key, attribute: attribute}
	var some []Text
	for _, text := range texts {
		rest, excluded := strings.CutPrefix(text.Value, excludes)
		if !excluded {
			some = append(some, text)
			continue
		}
		text.Value = rest
		if text.Lead >= 0 {
			text.Lead++
		}
		f.excluded = append(f.excluded, c.patterns(key, []Text{text}, false)...)
	}
	if f.patterns = c.patterns(key, some, captures(key)); len(some) == 0 && len(texts) > 0 {
		f.patterns = append(f.patterns, pattern.All())
	}
	if slices.ContainsFunc(texts, func(t Text) bool { return t.Written != nil }) {
		for _, text := range texts {
			f.shown = append(f.shown, text.Shown())
		}
	}
	return f
}

// captures reports whether the patterns of a key can capture.
func captures(key string) bool { return key == "object" || key == "subject" || key == "attributes" }

// captured adds what all patterns of a filter capture.
func (c *compiler) captured(f *filter) {
	var names []string
	for i, p := range f.patterns {
		if i == 0 {
			names = slices.Clone(p.Names())
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(p.Names(), name) })
	}
	for _, name := range names {
		if slices.Contains(c.captures, name) {
			c.problem(c.spec.Position, "path."+name+" is captured by two keys", "give one of the two captures another name")
			continue
		}
		c.captures = append(c.captures, name)
	}
}

// types compiles on, and finds out what its events can carry.
func (c *compiler) types() filter {
	f := filter{key: "on"}
	for _, text := range c.spec.On {
		name, excluded := strings.CutPrefix(text.Value, excludes)
		full, what, fix := fullType(name)
		if what != "" {
			c.problem(text.Position, "on: "+what, fix)
			continue
		}
		text.Value = full
		all := c.patterns("on", []Text{text}, false)
		if excluded {
			f.excluded = append(f.excluded, all...)
			continue
		}
		for _, p := range all {
			object, message := carries(p)
			c.object, c.message = c.object || object, c.message || message
			f.patterns = append(f.patterns, p)
		}
	}
	return f
}

// patterns compiles patterns of a key.
func (c *compiler) patterns(key string, texts []Text, capture bool) []*pattern.Pattern {
	var all []*pattern.Pattern
	for _, text := range texts {
		p, err := c.pattern(text.Value)
		if f, ok := errors.AsType[*pattern.Problem](err); ok {
			if h, ok := habit.Pattern(text.Value); ok && key != "on" && h.Offset <= f.Offset {
				f = &pattern.Problem{Offset: h.Offset, What: h.What, Fix: h.Fix}
			}
			what := f.What
			if text.Written != nil {
				what = text.Shown() + " is no valid pattern with the value that it has"
			}
			c.problem(text.At(f.Offset), key+": "+what, f.Fix)
			continue
		}
		if len(p.Names()) > 0 && !capture {
			what := "which only object, subject and attributes can"
			if captures(key) {
				what = "and excludes"
			}
			c.problem(text.Position, fmt.Sprintf("%s: %s captures, %s", key, text.Shown(), what), "write * or **")
			continue
		}
		all = append(all, p)
	}
	return all
}
