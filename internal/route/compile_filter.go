// SPDX-License-Identifier: Apache-2.0

package route

import (
	"errors"
	"fmt"
	"slices"

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
			filters = append(filters, filter{key: f.key, patterns: c.patterns(f.key, f.texts)})
		}
	}
	for _, a := range s.Attributes {
		if a.Name.Value == "" {
			c.fault(a.Name.Position, "attributes: a name is empty", "name an attribute, such as attributes: {kind: order}")
		}
		filters = append(filters, filter{key: "attributes", attribute: a.Name.Value, patterns: c.patterns("attributes", a.Patterns)})
	}
	for i, p := range c.patternsOf(filters, "object") {
		if i == 0 {
			c.captures = slices.Clone(p.Names())
		}
		c.captures = slices.DeleteFunc(c.captures, func(name string) bool { return !slices.Contains(p.Names(), name) })
	}
	return slices.Clone(filters)
}

func (c *compiler) patternsOf(filters []filter, key string) []*pattern.Pattern {
	at := slices.IndexFunc(filters, func(f filter) bool { return f.key == key })
	if at < 0 {
		return nil
	}
	return filters[at].patterns
}

// types compiles on, and finds out what its events can carry.
func (c *compiler) types() filter {
	f := filter{key: "on"}
	for _, text := range c.spec.On {
		full, what, fix := fullType(text.Value)
		if what != "" {
			c.fault(text.Position, "on: "+what, fix)
			continue
		}
		text.Value = full
		for _, p := range c.patterns("on", []Text{text}) {
			object, message := carries(p)
			c.object, c.message = c.object || object, c.message || message
			f.patterns = append(f.patterns, p)
		}
	}
	return f
}

// patterns compiles the patterns of a key. Only object may capture.
func (c *compiler) patterns(key string, texts []Text) []*pattern.Pattern {
	var all []*pattern.Pattern
	for _, text := range texts {
		p, err := c.pattern(text.Value)
		if f, ok := errors.AsType[*pattern.Fault](err); ok {
			if h, ok := habit.Pattern(text.Value); ok && key != "on" && h.Offset <= f.Offset {
				f = &pattern.Fault{Offset: h.Offset, What: h.What, Fix: h.Fix}
			}
			c.fault(text.At(f.Offset), key+": "+f.What, f.Fix)
			continue
		}
		if len(p.Names()) > 0 && key != "object" {
			c.fault(text.Position, fmt.Sprintf("%s: %s captures, which only object can", key, text.Value), "write * or **")
			continue
		}
		all = append(all, p)
	}
	return all
}
