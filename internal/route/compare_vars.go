// SPDX-License-Identifier: Apache-2.0

package route

import (
	"bytes"
	"regexp"
	"strings"

	"example.com/dagtrigger/internal/document"
)

// became is what became of a value. A table that has only gained entries gives events in
// flight what it gave them before.
type became int

const (
	unchanged became = iota
	extended
	replaced
)

// varWay is a variable, or what is selected from it, in an expression.
var varWay = regexp.MustCompile(`(?:^|[^.\w])(vars\.\??\w+(?:\.\??\w+)*)(\(?)`)

// varsComparison compares the vars that a route sees: those of its file and its own.
type varsComparison struct {
	was, is document.Constants // of the file
	ofFile  map[string]became  // by way; shared by all routes
}

// in returns what became of the vars that text names, and the first that changed most.
func (c *comparison) in(text string) (way string, most became) {
	for _, found := range varWay.FindAllStringSubmatch(text, -1) {
		one := strings.ReplaceAll(found[1], "?", "")
		if method := strings.LastIndexByte(one, '.'); found[2] != "" && method > len("vars.") {
			one = one[:method]
		}
		if b := c.became(one); b > most {
			way, most = one, b
		}
	}
	return way, most
}

// became compares the values of a way such as vars.tables.orders.
func (c *comparison) became(way string) became {
	steps := strings.Split(way, ".")[1:]
	was, wasOwn := c.was.variable(steps[0])
	is, isOwn := c.is.variable(steps[0])
	known := c.ofRoute
	if !wasOwn && !isOwn {
		known = c.vars.ofFile
	}
	if b, ok := known[way]; ok {
		return b
	}
	known[way] = unchanged // ends a circle
	if !wasOwn {
		was = constantNamed(c.vars.was, steps[0])
	}
	if !isOwn {
		is = constantNamed(c.vars.is, steps[0])
	}
	was, is = selected(was, is, steps[1:])
	b := compareValues(was, is)
	if isOwn && b == unchanged && is.Kind == document.String { // it may name others
		_, b = c.in(is.Value)
	}
	known[way] = b
	return b
}

// variable is the value of one of the route's own vars.
func (s *Spec) variable(name string) (*Value, bool) {
	for i := range s.Vars {
		if s.Vars[i].Name.Value == name {
			return &s.Vars[i].Value, true
		}
	}
	return nil, false
}

func constantNamed(constants document.Constants, name string) *Value {
	if c, ok := constants[name]; ok {
		return &c.Value
	}
	return nil
}

// selected follows the members of tables, up to what is none, such as a method.
func selected(was, is *Value, steps []string) (*Value, *Value) {
	for _, step := range steps {
		a, b := memberOf(was, step), memberOf(is, step)
		if a == nil && b == nil {
			break
		}
		was, is = a, b
	}
	return was, is
}

func memberOf(v *Value, name string) *Value {
	if v != nil {
		for i := range v.Names {
			if v.Names[i].Value == name {
				return &v.Members[i]
			}
		}
	}
	return nil
}

// compareValues compares two values, nil for one that is not there.
func compareValues(was, is *Value) became {
	switch {
	case was == nil && is == nil:
		return unchanged
	case was == nil || is == nil:
		return replaced
	case was.Kind != document.Object || is.Kind != document.Object:
		if bytes.Equal(was.JSON(), is.JSON()) {
			return unchanged
		}
		return replaced
	}
	after := make(map[string]*Value, len(is.Names))
	for i := range is.Names {
		after[is.Names[i].Value] = &is.Members[i]
	}
	most := unchanged
	if len(is.Names) > len(was.Names) {
		most = extended
	}
	for i := range was.Names {
		most = max(most, compareValues(&was.Members[i], after[was.Names[i].Value]))
	}
	return most
}

// uses reports what a change of vars means to a key that names them and is otherwise the
// same.
func (c *comparison) uses(key, text string, at Position) {
	way, how := c.in(text)
	if how == unchanged || key == "vars" {
		return
	}
	of := key + " of " + c.is.Name.Value
	what := way + " changed, and " + of + " uses it"
	switch {
	case how == extended:
		c.change(at, way+" has more entries, and "+of+" uses it", "expect it from the next delivery on")
	case key == "when":
		c.risk(at, what+": it may take other events, and those in flight that it does not match start nothing from it", fixMissed)
	case key == "complete":
		if _, how := c.in(c.is.Complete.identity()); how != replaced {
			c.change(at, what+": a set that has started does not start again", "expect it from the next delivery on")
			return
		}
		c.risk(at, what+": sets that have started start again", FixInFlight)
	case !c.run(key, what, at):
		c.change(at, what, "expect it from the next delivery on")
	}
}
