// SPDX-License-Identifier: Apache-2.0

package route

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/route/expression"
	"example.com/dagtrigger/internal/route/habit"
	"example.com/dagtrigger/internal/route/nearest"
)

// when compiles the condition; nil where there is none.
func (c *compiler) when() *condition {
	text := c.spec.When
	if !text.IsSet() {
		return nil
	}
	e, uses, problems := c.expressions.Expression(text.Value)
	if !c.sound("when", text, uses, problems) {
		return nil
	}
	if g := e.Gives(); g != expression.Bool && g != expression.Any {
		c.problem(text.Position, fmt.Sprintf("when gives %s", g), "compare it with something, so that it is true or false")
	}
	return &condition{e, text.Position}
}

// template compiles text with expressions inside; nil where there is none.
func (c *compiler) template(key string, text Text) *located {
	if !text.IsSet() {
		return nil
	}
	t, uses, problems := c.expressions.Template(text.Value)
	if c.sound(key, text, uses, problems) {
		if lone := t.Lone(); lone != nil &&
			(lone.Gives() == expression.Null || lone.Gives() == expression.Optional || lone.Gives() == expression.TypeName) {
			c.problem(text.Position, fmt.Sprintf("%s is text, and this gives %s", key, lone.Gives()),
				"give text, a number or a timestamp; end an optional in .orValue(…)")
		}
	}
	return &located{t, text.Position}
}

func (c *compiler) logicalDate() *located {
	text := c.spec.LogicalDate
	before := len(c.problems)
	t := c.template("logical_date", text)
	if t == nil || len(c.problems) > before {
		return t
	}
	if literal, ok := t.Literal(); ok && !expression.IsTime(literal) {
		fix := "write it as 2026-11-22T00:00:00Z, or compute it, as in ${event.time}"
		if found, ok := habit.Text(literal, c.known()); ok && !strings.Contains(found.Fix, "format_date") {
			fix = found.Fix
		}
		c.problem(text.Position, fmt.Sprintf("logical_date: %q is not a timestamp", literal), fix)
	}
	if lone := t.Lone(); lone != nil && !slices.Contains([]expression.Type{expression.Time, expression.Text, expression.Any}, lone.Gives()) {
		c.problem(text.Position, fmt.Sprintf("logical_date gives %s", lone.Gives()), "give a timestamp, such as ${event.time}")
	}
	return t
}

// sound reports problems of an expression or a template, and the use of what no
// event of this route has.
func (c *compiler) sound(key string, text Text, uses []expression.Use, problems []expression.Problem) bool {
	before := len(c.problems)
	for _, f := range problems {
		c.problem(text.At(f.Offset), key+": "+f.What, c.meant(f))
	}
	for _, u := range uses {
		if what, fix := c.available(key, u); what != "" {
			c.problem(text.At(u.Offset), key+": "+what, fix)
		}
	}
	return len(c.problems) == before
}

// meant is the fix of an expression. A name that is none may be a capture or a field
// without its variable.
func (c *compiler) meant(f expression.Problem) string {
	if c.vars.Has(f.Name) {
		return "write vars." + f.Name
	}
	if f.Name != "" && (slices.Contains(c.captures, f.Name) || habit.Function(f.Name) == "") {
		if name := c.known().Name(f.Name); name != "" {
			return "write " + name
		}
	}
	return f.Fix
}

func (c *compiler) known() habit.Known {
	return habit.Known{Object: c.object, Message: c.message, Captures: c.captures}
}

// available says what is wrong with the use of a variable, if anything is.
func (c *compiler) available(key string, u expression.Use) (what, fix string) {
	top, _, _ := strings.Cut(key, ".")
	afterSet := slices.Contains([]string{"conf", "extra", "note"}, top)
	switch {
	case u.Variable == "vars":
		return c.knownVar(u.Capture)
	case u.Variable == "complete" && !c.spec.Complete.IsSet():
		return "complete is a variable of routes with complete", "add complete to the route, or leave it out"
	case u.Variable == "complete" && !afterSet:
		return "complete is known only once the set is", "use it in conf, extra and note alone"
	case u.Variable == "manifest" && key != keyFiles:
		return "manifest is a variable of " + keyFiles + " alone", "use complete.files, which has the set's objects"
	case u.Variable == "object" && !c.object:
		return "no event of this route has an object", "use data, or add a type such as object.finalized to on"
	case u.Variable != "path" || slices.Contains(c.captures, u.Capture):
		return "", ""
	case len(c.spec.Object)+len(c.spec.Subject)+len(c.spec.Attributes) == 0:
		return "path is empty without an object pattern", "add one that captures, such as object: sales/{region=*}/*.csv"
	case u.Capture == "" && len(c.captures) > 0:
		return "", ""
	case len(c.captures) == 0:
		return "the object patterns capture nothing that all of them have", "capture it in each, as {" + max(u.Capture, "name") + "=*}"
	}
	if near := nearest.Of(u.Capture, c.captures...); near != "" {
		return "not every object pattern captures " + u.Capture, "did you mean path." + near + "?"
	}
	return "not every object pattern captures " + u.Capture,
		"capture it in each, as {" + u.Capture + "=*}, or use path." + nearest.Join(c.captures...)
}

// members compiles a map.
func (c *compiler) members(key string, v Value) *conf {
	b := &confBuilder{compiler: c, conf: &conf{key: key}}
	b.write(v, key)
	b.flush()
	b.conf.pieces = slices.Clone(b.conf.pieces) // of the right size: most routes of a big file sleep
	return b.conf
}

// wholeObject compiles a map that is one expression.
func (c *compiler) wholeObject(key string, text Text) *conf {
	t, uses, problems := c.expressions.Template(text.Value)
	if !c.sound(key, text, uses, problems) {
		return nil
	}
	lone := t.Lone()
	switch {
	case lone == nil:
		c.problem(text.Position, key+" is text", "write a map, or one ${expression} that is a map")
	case !slices.Contains([]expression.Type{expression.Map, expression.MapOfText, expression.Any}, lone.Gives()):
		c.problem(text.Position, fmt.Sprintf("%s gives %s", key, lone.Gives()), "give a map: Airflow takes an object")
	}
	return &conf{key: key, pieces: []confPiece{{hole: &located{t, text.Position}}}, whole: true}
}

// confBuilder writes a conf's JSON, leaving holes.
type confBuilder struct {
	*compiler
	conf    *conf
	written bytes.Buffer // since the last hole
}

func (b *confBuilder) write(v Value, key string) {
	switch v.Kind {
	case document.Literal:
		b.written.WriteString(v.Value)
	case document.String:
		b.template(v.Text, key)
	case document.List:
		b.written.WriteByte('[')
		for i, member := range v.Members {
			b.separate(i)
			b.write(member, fmt.Sprintf("%s[%d]", key, i))
		}
		b.written.WriteByte(']')
	case document.Object:
		b.written.WriteByte('{')
		for i, member := range v.Members {
			b.separate(i)
			b.quote(v.Names[i].Value)
			b.written.WriteByte(':')
			b.write(member, key+"."+v.Names[i].Value)
		}
		b.written.WriteByte('}')
	}
}

func (b *confBuilder) separate(i int) {
	if i > 0 {
		b.written.WriteByte(',')
	}
}

func (b *confBuilder) template(text Text, key string) {
	t, uses, problems := b.expressions.Template(text.Value)
	if !b.sound(key, text, uses, problems) {
		return
	}
	if literal, ok := t.Literal(); ok {
		b.quote(literal)
		return
	}
	if lone := t.Lone(); lone != nil && (lone.Gives() == expression.Optional || lone.Gives() == expression.TypeName) {
		b.problem(text.Position, fmt.Sprintf("%s gives %s, which is not valid JSON", key, lone.Gives()),
			"give text, a number, a map or a list; end an optional in .orValue(…)")
	}
	b.flush()
	b.conf.pieces = append(b.conf.pieces, confPiece{hole: &located{t, text.Position}})
}

func (b *confBuilder) quote(text string) {
	_ = plainjson.Write(&b.written, text) // of text, into memory: never fails
}

// flush makes a piece of what was written.
func (b *confBuilder) flush() {
	if b.written.Len() > 0 {
		b.conf.pieces = append(b.conf.pieces, confPiece{text: b.written.String()})
		b.written.Reset()
	}
}
