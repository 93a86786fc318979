// SPDX-License-Identifier: Apache-2.0

package document

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Constants are the values of a file's vars, by name. Texts of the file name them
// as ${vars.NAME}, or ${vars.NAME.KEY} for one of a table.
type Constants map[string]Constant

// Constant is a value of the file's vars.
type Constant struct {
	Value Value
	// Hidden reports that an environment variable is in the value: no error shows it.
	Hidden bool
}

// find returns what a way such as vars.tables.orders means, and false where it means
// nothing.
func (c Constants) find(way string) (Constant, bool) {
	steps := strings.Split(way, ".")
	found, ok := c[steps[1]]
	for _, step := range steps[2:] {
		at := slices.IndexFunc(found.Value.Names, func(name Text) bool { return name.Value == step })
		if !ok || at < 0 {
			return Constant{}, false
		}
		found.Value = found.Value.Members[at]
	}
	return found, ok
}

// names are the ways that can be meant: vars.a, and vars.a.b for what is in a table.
func (c Constants) names() []string {
	var all []string
	for name, constant := range c {
		all = append(all, "vars."+name)
		for _, key := range constant.Value.Names {
			all = append(all, "vars."+name+"."+key.Value)
		}
	}
	slices.Sort(all)
	return all
}

// expand puts the values of the file's vars into a text, and reports false after an
// error.
func (r *Reader) expand(e Entry, text Text) (Text, bool) {
	if !e.Vars || !strings.Contains(text.Value, "${") {
		return text, true
	}
	var b strings.Builder
	hidden := false
	for at := 0; at < len(text.Value); {
		rest := text.Value[at:]
		before, _, found := strings.Cut(rest, "${")
		switch {
		case !found:
			b.WriteString(rest)
			at = len(text.Value)
			continue
		case strings.HasSuffix(before, "$"): // $${ is a literal ${
			b.WriteString(before + "{")
			at += len(before) + len("${")
			continue
		}
		b.WriteString(before)
		at += len(before)
		constant, length, ok := r.reference(e, text, at)
		if !ok {
			return text, false
		}
		if kind := constant.Value.Kind; kind != String && kind != Literal {
			r.Problem(text.At(at), e.Name+": "+text.Value[at:at+length]+" is a table or a list", "name one of its values, such as ${vars.NAME.KEY}")
			return text, false
		}
		b.WriteString(constant.Value.Value)
		hidden = hidden || constant.Hidden
		at += length
	}
	written := text.Value
	text.Value, text.Lead = b.String(), -1
	if hidden {
		text.Written = &written
	}
	return text, true
}

// reference reads the ${vars.NAME} at offset at, and returns its length.
func (r *Reader) reference(e Entry, text Text, at int) (Constant, int, bool) {
	inside, _, closed := strings.Cut(text.Value[at+len("${"):], "}")
	if !closed {
		r.Problem(text.At(at), e.Name+": ${ is not closed", "end it with }, or write $${ for a literal ${")
		return Constant{}, 0, false
	}
	way := strings.TrimSpace(inside)
	if !strings.HasPrefix(way, "vars.") || strings.ContainsAny(way, " ()[]+\"'") {
		r.Problem(text.At(at), e.Name+" takes no expression, and ${"+inside+"} is one",
			expressionFix(way))
		return Constant{}, 0, false
	}
	constant, ok := r.Constants.find(way)
	if !ok {
		fix := "declare it in the file's vars, such as vars: {" + strings.TrimPrefix(way, "vars.") + ": VALUE}"
		if near := Suggestion(way, r.Constants.names()); strings.HasPrefix(near, "did you mean") {
			fix = near
		}
		r.Problem(text.At(at), e.Name+": there is no "+way, fix)
	}
	return constant, len("${") + len(inside) + len("}"), ok
}

// shellVariable is what an environment variable is called in a shell.
var shellVariable = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// expressionFix is the fix for an expression where only vars can be named.
func expressionFix(expression string) string {
	if shellVariable.MatchString(expression) {
		name := strings.ToLower(expression)
		return "declare vars: {" + name + ": {env: " + expression + "}} in the file, and write ${vars." + name + "}"
	}
	return "write ${vars.NAME}, a value of the file's vars; compute what depends on the event in when, dag or conf"
}

// textsOf are the texts that one stands for: the values of a table or a list where it
// is ${vars.NAME} alone, else itself.
func (r *Reader) textsOf(e Entry, text Text) []Text {
	if alone := strings.TrimSpace(text.Value); e.Vars && strings.HasPrefix(alone, "${vars.") && strings.Index(alone, "}") == len(alone)-1 {
		constant, ok := r.Constants.find(strings.TrimSpace(alone[len("${") : len(alone)-1]))
		if ok && (constant.Value.Kind == List || constant.Value.Kind == Object) {
			return r.valuesOf(e, text, constant)
		}
	}
	one, ok := r.expand(e, text)
	if !ok {
		return nil
	}
	r.choose(e, one)
	return []Text{one}
}

// valuesOf are the values of a table or a list, each once, in the place of text.
func (r *Reader) valuesOf(e Entry, text Text, constant Constant) []Text {
	var all []Text
	for _, member := range constant.Value.Members {
		if member.Kind != String {
			r.Problem(text.Position, e.Name+": not all values of "+text.Value+" are text", "name a table or a list of texts")
			return nil
		}
		value := Text{Value: member.Value, Position: text.Position, Lead: -1}
		if constant.Hidden {
			value.Written = &text.Value
		}
		if !slices.ContainsFunc(all, func(t Text) bool { return t.Value == value.Value }) {
			all = append(all, value)
		}
	}
	return all
}

// Expanded is the value of the variable called name, whose texts may name others.
func (r *Reader) Expanded(name string, v Value) (expanded Value, hidden, ok bool) {
	if v.Kind == String {
		text, ok := r.expand(Entry{Name: "vars." + name, Vars: true}, v.Text)
		hidden := text.Written != nil
		v.Text = text
		return v, hidden, ok
	}
	members := make([]Value, len(v.Members))
	all := true
	for i, member := range v.Members {
		one, secret, ok := r.Expanded(name, member)
		members[i], hidden, all = one, hidden || secret, all && ok
	}
	v.Members = members
	return v, hidden, all
}

// Named is a value with its name.
type Named struct {
	Name  Text
	Value Value
}

// Values are values of any type by their names, in the order of the file.
type Values []Named

// Takes implements [Field].
func (*Values) Takes() string { return "a map of names to values" }

// Schema implements [Field].
func (*Values) Schema(Entry) *Schema {
	return &Schema{Type: "object", MinProperties: 1, PropertyNames: &Schema{Pattern: variablePattern}}
}

// variablePattern is the form of a variable's name.
const variablePattern = `^[A-Za-z_][A-Za-z0-9_]*$`

// Read implements [Field].
func (v *Values) Read(r *Reader, e Entry, node *yaml.Node) {
	if node.Kind == yaml.MappingNode && len(node.Content) == 0 {
		r.Problem(At(node), e.Name+" is an empty map", "leave "+e.Name+" out, or write it as "+e.Example)
	}
	r.Members(node, e.Name, func(name, value *yaml.Node) {
		if !isIdentifier(name.Value) {
			r.Problem(At(name), e.Name+": "+word(name.Value)+" is not a valid name of a variable",
				"use letters, digits and _, beginning with a letter")
			return
		}
		*v = append(*v, Named{TextOf(name), r.Value(e.Name+"."+name.Value, value)})
	})
}

func isIdentifier(name string) bool {
	for i, c := range name {
		if letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'; !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && !slices.Contains([]string{"true", "false", "null", "in"}, name)
}
