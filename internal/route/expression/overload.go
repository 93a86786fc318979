// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"example.com/dagtrigger/internal/route/habit"
)

// blame is the part of an expression that an error is about.
type blame struct {
	// operand is the first selection that the part is made of, such as object.size.
	operand string
	// parts are those of a call, that of a method first, or what is selected from, as an
	// expression has them; empty for one that cannot be written, or is long.
	parts []string
	field string // of a selection
	// literal are the texts of parts that are text; nil for others.
	literal []*string
}

// maxPart is the most bytes of a part that an error repeats.
const maxPart = 100

// blamed finds the part with this id.
func blamed(a *ast.AST, id int64) (b blame) {
	if a == nil {
		return b
	}
	visit(a.Expr(), func(e ast.Expr) {
		if e.ID() != id {
			return
		}
		if e.Kind() == ast.SelectKind {
			b.field = e.AsSelect().FieldName()
		}
		eachChild(e, func(child ast.Expr) {
			if way, ok := selectionOf(child); ok && b.operand == "" {
				b.operand = way.String()
			}
			text, _ := parser.Unparse(child, a.SourceInfo())
			if len(text) > maxPart || strings.Contains(text, "\n") {
				text = ""
			}
			b.parts = append(b.parts, text)
			b.literal = append(b.literal, literalText(child))
		})
	})
	return b
}

// literalText is the text of a literal, and nil for all else.
func literalText(e ast.Expr) *string {
	if e.Kind() != ast.LiteralKind {
		return nil
	}
	text, ok := e.AsLiteral().(types.String)
	if !ok {
		return nil
	}
	return (*string)(&text)
}

// typeNames are the types by the names that the checker gives them, without parameters.
var typeNames = map[string]Type{
	"bool": Bool, "bytes": Bytes, "duration": Duration, "list": List, "map": Map, "null": Null, "int": Number, "uint": Number,
	"double": Number, "optional_type": Optional, "string": Text, "timestamp": Time, "type": TypeName,
}

// typeNamed is the type that the checker calls name. What has declared fields is named.
func typeNamed(name string) Type {
	if owner, ok := strings.CutPrefix(name, recordType("")); ok {
		return Type(owner)
	}
	bare, _, _ := strings.Cut(name, "(")
	return cmp.Or(typeNames[bare], Any)
}

// argumentNames takes an error's types apart, such as "string.(int)" or "(list(int), int)":
// that of which a method is called comes first.
func argumentNames(text string) (names []string, method bool) {
	open, depth := len(text)-1, 1
	for open > 0 && depth > 0 {
		open--
		depth += strings.Count(text[open:open+1], ")") - strings.Count(text[open:open+1], "(")
	}
	if target := strings.TrimSuffix(text[:open], "."); target != "" {
		names, method = append(names, target), true
	}
	begin := open + 1
	for at := begin; at < len(text); at++ {
		switch c := text[at]; {
		case c == '(':
			depth++
		case depth == 0 && (c == ',' || c == ')'):
			if name := strings.TrimSpace(text[begin:at]); name != "" {
				names = append(names, name)
			}
			begin = at + 1
		case c == ')':
			depth--
		}
	}
	return names, method
}

// overload is the problem of a function or an operator that does not take values of such
// types.
func overload(function, of string, at blame) Problem {
	names, method := argumentNames(of)
	for len(at.parts) < len(names) { // what the parser made of a macro has other parts
		at.parts, at.literal = append(at.parts, ""), append(at.literal, nil)
	}
	given := make([]Type, len(names))
	words := make([]string, len(names))
	for i, name := range names {
		given[i] = typeNamed(name)
		words[i] = string(given[i])
	}
	if slices.Equal(given, []Type{Number, Number}) { // of different kinds
		words = names
	}
	name := strings.Trim(function, "_@")
	if function == "_[_]" {
		name = "[…]"
	}
	what := fmt.Sprintf("%s does not take %s", name, strings.Join(words, " and "))
	if len(words) == 0 {
		what = name + " needs a value"
	}
	return Problem{What: what, Fix: overloadFix(function, given, method, at)}
}

const compareIt = `compare it, as in x != "", or write has(…) for a field that may be absent`

// overloadFix says what to write where a function does not take values of such types.
func overloadFix(function string, given []Type, method bool, at blame) string {
	text := slices.Index(given, Text)
	pair := func(a, b Type) bool {
		return slices.Equal(given, []Type{a, b}) || slices.Equal(given, []Type{b, a})
	}
	isWord := !strings.ContainsAny(function, "_@")
	switch {
	case function == "_[_]":
		return "select what is declared by a dot, as in object.name"
	case function == "@in" && pair(Text, Text):
		return `write a.contains(b) for text within text, or x in ["a", "b"]`
	case function == "_%_" && text == 0:
		return "join with +, or write text with ${…} inside"
	case slices.Contains([]string{"strftime", "format_date", "date"}, function):
		return dateFix(given, at)
	case function == "_+_" && text >= 0:
		return "convert with string(…), or write text with ${…} inside"
	case pair(Text, Time):
		return "write " + asTime(at, text)
	case slices.Contains([]string{"_&&_", "_||_", "!_", "_?_:_"}, function):
		return compareIt
	case pair(Text, Number) && !isWord:
		return "convert with int(" + cmp.Or(at.operand, "the text") + "), or quote the number; 64-bit integers of an object resource are text"
	case function == "_==_" && given[0] == List && at.parts[0] != "" && at.parts[1] != "":
		return "write " + at.parts[1] + " in " + at.parts[0] + ", for a list that has it"
	case isWord && !method && text == 0 && len(given) > 1:
		return "it is a method: write " + cmp.Or(at.operand, "x") + "." + function + "(…)"
	case isWord && exampleOf(function) != "":
		return "write it as in " + exampleOf(function)
	case text >= 0:
		return "convert with int(…), double(…), string(…) or timestamp(…); 64-bit integers of an object resource are text"
	}
	return "convert one of them, as with int(…), double(…) or string(…)"
}

// exampleOf is a call of a function in the documentation.
func exampleOf(function string) string {
	for _, f := range documented {
		if f.Name == function {
			return f.Example
		}
	}
	return ""
}

var (
	isDay  = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	isPath = regexp.MustCompile(`^path\.\w+$`)
)

// asTime writes a part of a call that is text as a timestamp.
func asTime(at blame, part int) string {
	written := at.parts[part]
	switch literal := at.literal[part]; {
	case literal != nil && IsTime(*literal):
		return "timestamp(" + strconv.Quote(*literal) + ")"
	case literal != nil && isDay.MatchString(*literal):
		return "timestamp(" + strconv.Quote(*literal+"T00:00:00Z") + ")"
	case literal != nil:
		return `a time as timestamp("2026-11-22T00:00:00Z")`
	case isPath.MatchString(written): // a day, rather than a timestamp
		return "date(" + written + ", " + strconv.Quote(dayLayout) + ")"
	}
	return "timestamp(" + cmp.Or(written, "…") + ")"
}

// dayLayout is the layout of a day that people mean by a date.
const dayLayout = "%Y-%m-%d"

// dateFix writes a call that is to make text of a time, with what it was given.
func dateFix(given []Type, at blame) string {
	when, layout := "event.time", strconv.Quote(dayLayout)
	for i, t := range given {
		switch literal := at.literal[i]; {
		case t == Time && at.parts[i] != "":
			when = at.parts[i]
		case t == Text && literal != nil && strings.Contains(*literal, "%"):
			layout = strconv.Quote(*literal)
		case t == Text && i == 0:
			when = asTime(at, i)
		}
	}
	return "write format_date(" + when + ", " + layout + ")"
}

// noFields is the problem of a selection from a value of a type that has no fields.
func noFields(of Type, at blame) Problem {
	fix := "leave ." + at.field + " out"
	names := []string{at.field}
	if of == Time {
		names = []string{strings.TrimSuffix(at.field, "s"), at.field} // hours is an hour, and no length
	}
	for _, name := range names {
		if found := habit.Function(name); found != "" {
			fix = found
			break
		}
	}
	if of == Time && len(at.parts) > 0 && at.parts[0] != "" {
		fix = strings.ReplaceAll(fix, "event.time", at.parts[0])
	}
	return Problem{What: fmt.Sprintf("%s has no field %s", of, at.field), Fix: at.completed(fix)}
}

// completed writes the part of the expression for the x, or the …, of a fix.
func (b blame) completed(fix string) string {
	if len(b.parts) == 0 || b.parts[0] == "" || b.literal[0] != nil {
		return fix
	}
	x := b.parts[0]
	fix = strings.NewReplacer("(x)", "("+x+")", "(x,", "("+x+",").Replace(fix)
	if len(b.parts) == 1 {
		fix = strings.ReplaceAll(fix, "(…)", "("+x+")")
	}
	if !chain.MatchString(x) {
		x = "(" + x + ")"
	}
	return theX.ReplaceAllLiteralString(fix, x+".")
}

// theX is the x of which a fix calls a method.
var theX = regexp.MustCompile(`\bx\.`)
