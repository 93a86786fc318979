// SPDX-License-Identifier: Apache-2.0

package route

import (
	"maps"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route/expression"
	"example.com/dagtrigger/internal/route/nearest"
)

// constantsOf are the values of vars as expressions have them.
func constantsOf(constants document.Constants) map[string]expression.Constant {
	all := make(map[string]expression.Constant, len(constants))
	for name, c := range constants {
		if value, err := expression.ValueOf(c.Value.JSON()); err == nil { // its reader has checked it
			all[name] = expression.Constant{Value: value, Hidden: c.Hidden}
		}
	}
	return all
}

// variables compiles the route's vars; nil where neither it nor the file has any. names
// are the route's, in the order of the file.
func (c *compiler) variables() (vars *expression.Vars, names []string) {
	if len(c.constants)+len(c.spec.Vars) == 0 {
		return nil, nil
	}
	vars = &expression.Vars{Constants: c.constants, Templates: map[string]*expression.Template{}}
	c.vars = vars
	if len(c.spec.Vars) == 0 {
		return vars, nil
	}
	vars.Constants = maps.Clone(c.constants)
	for _, v := range c.spec.Vars {
		c.constant(vars, v)
		names = append(names, v.Name.Value)
	}
	needs := map[string][]string{}
	for _, v := range c.spec.Vars {
		if v.Value.Kind == document.String {
			needs[v.Name.Value] = c.computed(vars, v)
		}
	}
	c.cycles(needs)
	return vars, names
}

// constant adds a value, a table or a list, and declares the name of an expression.
func (c *compiler) constant(vars *expression.Vars, v document.Named) {
	name := v.Name.Value
	if _, ok := c.constants[name]; ok {
		c.problem(v.Name.Position, "vars: "+name+" is a variable of the file as well", "give one of the two another name")
		return
	}
	if v.Value.Kind == document.String {
		vars.Templates[name] = nil
		return
	}
	if at := computedIn(&v.Value); at != nil {
		c.problem(at.Position, "vars."+name+" is a table of constants, and "+shorten(at.Value, maxReason)+" is computed",
			"give the expression another name in vars")
		return
	}
	if value, err := expression.ValueOf(v.Value.JSON()); err == nil {
		vars.Constants[name] = expression.Constant{Value: value}
	}
}

// computedIn finds a text with an expression.
func computedIn(v *Value) *Value {
	if v.Kind == document.String && strings.Contains(v.Value, "${") {
		return v
	}
	for i := range v.Members {
		if found := computedIn(&v.Members[i]); found != nil {
			return found
		}
	}
	return nil
}

// computed compiles an expression, and returns which of the route's vars it needs.
func (c *compiler) computed(vars *expression.Vars, v document.Named) (needs []string) {
	t, uses, problems := c.expressions.Template(v.Value.Value)
	if !c.sound("vars."+v.Name.Value, v.Value.Text, uses, problems) {
		delete(vars.Templates, v.Name.Value)
		return nil
	}
	vars.Templates[v.Name.Value] = t
	for _, u := range uses {
		if u.Variable == "vars" {
			needs = append(needs, u.Capture)
		}
	}
	return needs
}

// cycles reports vars that need themselves.
func (c *compiler) cycles(needs map[string][]string) {
	const (
		open = 1
		done = 2
	)
	state := map[string]int{}
	var follow func(name string, way []string) bool
	follow = func(name string, way []string) bool {
		switch state[name] {
		case done:
			return true
		case open:
			way = append(way[slices.Index(way, name):], name)
			at := slices.IndexFunc(c.spec.Vars, func(v document.Named) bool { return v.Name.Value == name })
			c.problem(c.spec.Vars[at].Name.Position, "vars: "+strings.Join(way, " needs ")+": none of them has a value", "break the circle")
			return false
		}
		state[name] = open
		for _, need := range needs[name] {
			if !follow(need, append(slices.Clone(way), name)) {
				state[name] = done
				return false
			}
		}
		state[name] = done
		return true
	}
	for _, v := range c.spec.Vars {
		follow(v.Name.Value, nil)
	}
}

// knownVar reports the use of a variable of vars that there is not.
func (c *compiler) knownVar(name string) (what, fix string) {
	var known []string
	if c.vars != nil {
		known = append(slices.Collect(maps.Keys(c.vars.Constants)), slices.Collect(maps.Keys(c.vars.Templates))...)
	}
	declared := slices.ContainsFunc(c.spec.Vars, func(v document.Named) bool { return v.Name.Value == name }) // and invalid
	switch {
	case name == "":
		return "vars is no value", "name one of it by a dot, as in vars.NAME"
	case declared || slices.Contains(known, name):
		return "", ""
	}
	slices.Sort(known)
	if near := nearest.Of(name, known...); near != "" {
		return "there is no vars." + name, "did you mean vars." + near + "?"
	}
	return "there is no vars." + name, "declare it under vars of the route or of the file, such as vars: {" + name + ": VALUE}"
}
