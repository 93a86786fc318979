// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"example.com/dagtrigger/internal/route/habit"
	"example.com/dagtrigger/internal/route/nearest"
)

// Problem says what is wrong in an expression or a template, where, and how to
// fix it.
type Problem struct {
	Offset    int // in bytes from the text's beginning
	What, Fix string
	Name      string // what is no variable or function, where that is what is wrong
}

// forbidden finds what CEL allows and a route has no use for.
func forbidden(text string, a *ast.AST) []Problem {
	var found []Problem
	at := func(e ast.Expr) int { return offsetOf(text, a.SourceInfo().GetStartLocation(e.ID())) }
	visit(a.Expr(), func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			c := e.AsComprehension()
			for _, name := range []string{c.IterVar(), c.IterVar2(), c.AccuVar()} {
				if isVariable(name) {
					what := name + " would hide the variable " + name
					found = append(found, Problem{Offset: at(e), What: what, Fix: "give the macro's variable another name"})
				}
			}
		case ast.CallKind:
			if index, ok := fromTheEnd(e); ok {
				found = append(found, Problem{
					Offset: at(e), What: "[" + index + "] counts from the end in Python, and fails here", Fix: lastFix(index),
				})
			}
		case ast.StructKind:
			found = append(found, Problem{Offset: at(e), What: e.AsStruct().TypeName() + "{…} is no value", Fix: `write a map as {"name": value}`})
		}
	})
	return found
}

// fromTheEnd returns the index of a selection by a negative one, which no list has.
func fromTheEnd(e ast.Expr) (string, bool) {
	call := e.AsCall()
	if call.FunctionName() != operators.Index || call.Args()[1].Kind() != ast.LiteralKind {
		return "", false
	}
	n, ok := call.Args()[1].AsLiteral().(types.Int)
	return strconv.FormatInt(int64(n), 10), ok && n < 0
}

func lastFix(index string) string {
	if index == "-1" {
		return `write .last().orValue("")`
	}
	return "write [size(x) - " + index[1:] + "]"
}

// problems translates errors of the parser, the checker and the validators, one for each
// cause. parsed is nil where there is none: the parser is at a loss after its first error.
func problems(text string, errs []*cel.Error, parsed *ast.AST) []Problem {
	if parsed == nil {
		if found := habits(text); len(found) > 0 {
			return found
		}
		errs = errs[:1]
	}
	var all []Problem
	for _, e := range errs {
		f := translate(e.Message, blamed(parsed, e.ExprID))
		f.Offset = offsetOf(text, e.Location)
		f = f.seen(text)
		if len(all) == 0 || !follows(text, all[len(all)-1], f) {
			all = append(all, f)
		}
	}
	return all
}

var (
	dotted = regexp.MustCompile(`^\w+(?:\.\w+)+`)
	picked = regexp.MustCompile(`^\[["'](\w+)["']\]`)
)

// seen completes a problem by the text around it: a call stands where its bracket does, a
// name may begin the name of a function, and what […] picks may be a field.
func (f Problem) seen(text string) Problem {
	if strings.HasPrefix(text[f.Offset:], "(") {
		f.Offset = len(strings.TrimSuffix(text[:f.Offset], f.Name))
	}
	if whole := dotted.FindString(text[f.Offset:]); f.Name != "" && whole != "" {
		last := whole[strings.LastIndexByte(whole, '.')+1:]
		if fix := habit.Function(last); fix != "" && habit.Function(f.Name) != "" {
			f.What, f.Fix = whole+" is not a variable or function", fix
		}
	}
	if field := picked.FindStringSubmatch(text[f.Offset:]); field != nil {
		owner := beforeBracket.FindString(text[:f.Offset])
		if meant := habit.Member(owner, field[1]); meant != "" {
			f.Fix = "write " + meant
		} else if slices.Contains(fieldsOf(owner), field[1]) {
			f.Fix = "write " + owner + "." + field[1]
		}
	}
	return f
}

var beforeBracket = regexp.MustCompile(`\w+$`)

// habits finds the syntax of other languages.
func habits(text string) []Problem {
	var all []Problem
	for _, f := range habit.Expression(text, habit.Known{Object: true, Message: true}) {
		all = append(all, Problem{Offset: f.Offset, What: f.What, Fix: f.Fix})
	}
	return all
}

// follows reports whether an error is but a consequence of the one before it: a method of
// a name that is unknown is unknown too.
func follows(text string, first, next Problem) bool {
	return first.Name != "" && first.Offset <= next.Offset && chain.MatchString(text[first.Offset:next.Offset])
}

var chain = regexp.MustCompile(`^\w*(?:\.\w*|\[[^\]]*\]|\([^()]*\))*$`)

// translate puts an error of cel-go into the words of a problem. at is what it is about.
func translate(message string, at blame) Problem {
	quoted := append(strings.Split(message, "'"), "", "", "")
	syntax, isSyntax := strings.CutPrefix(message, "Syntax error: ")
	switch name := strings.TrimPrefix(quoted[1], "."); {
	case isSyntax && strings.Contains(syntax, "<EOF>"):
		return Problem{What: "invalid CEL: the expression ends too early", Fix: "write what is missing at its end"}
	case isSyntax:
		const fix = "fix the expression; in YAML, quote one that holds ': ' or ' #', or begins with a quote"
		return Problem{What: "invalid CEL: " + syntax, Fix: fix}
	case strings.HasPrefix(message, "undefined field"):
		return Problem{What: fmt.Sprintf("%s has no field %s", at.operand, name), Fix: fieldFix(at.operand, name)}
	case strings.HasPrefix(message, "undeclared reference"):
		return Problem{What: name + " is not a variable or function", Fix: nameFix(name, at), Name: name}
	case strings.HasPrefix(message, "found no matching overload"):
		return overload(name, quoted[3], at)
	case strings.HasSuffix(message, "does not support field selection"):
		return noFields(typeNamed(name), at)
	case strings.HasPrefix(message, "expression of type"):
		return Problem{What: string(typeNamed(name)) + " has no elements", Fix: `take those of a list or a map, as in x.split("/")`}
	case strings.HasPrefix(message, "expected type 'bool'"):
		return Problem{What: fmt.Sprintf("this is %s, not true or false", typeNamed(quoted[3])), Fix: compareIt}
	}
	fixes := map[string]string{
		"invalid matches argument":   "write a regular expression of RE2: https://github.com/google/re2/wiki/Syntax",
		"invalid timestamp argument": "write it as 2026-11-22T00:00:00Z",
		"invalid duration argument":  "write it as 90s or 1h30m",
	}
	return Problem{What: message, Fix: cmp.Or(fixes[message], "see https://github.com/google/cel-spec/blob/master/doc/langdef.md")}
}

// nameFix suggests what is meant by a name that is no variable or function.
func nameFix(name string, at blame) string {
	known := variableNames()
	if fix := habit.Function(name); fix != "" {
		return at.completed(fix)
	}
	if near := nearest.Of(name, known...); near != "" {
		return "did you mean " + near + "?"
	}
	return "name one of " + nearest.Join(known...) + ", or a function of CEL"
}

// fieldFix suggests a field of the variable or field called owner.
func fieldFix(owner, field string) string {
	fields := fieldsOf(owner)
	if meant := habit.Member(owner, field); meant != "" {
		return "write " + meant
	}
	if near := nearest.Of(field, fields...); near != "" {
		return "did you mean " + owner + "." + near + "?"
	}
	return "use one of " + strings.Join(fields, ", ") + ", or data." + field + " for what is not declared"
}

// fieldsOf lists the fields of a variable, or of a field with fields.
func fieldsOf(owner string) []string {
	name, inner, _ := strings.Cut(owner, ".")
	for _, v := range variables {
		if v.Name != name {
			continue
		}
		if inner == "" {
			return fieldNames(v.Fields)
		}
		for _, f := range v.Fields {
			if f.Name == inner {
				return fieldNames(f.Fields)
			}
		}
	}
	return nil
}

// offsetOf is the offset in bytes of a location in text, and 0 of none.
func offsetOf(text string, l common.Location) int {
	offset := 0
	for range l.Line() - 1 {
		newline := strings.IndexByte(text[offset:], '\n')
		if newline < 0 {
			break
		}
		offset += newline + 1
	}
	for range max(0, l.Column()) { // in characters
		_, size := utf8.DecodeRuneInString(text[offset:])
		offset += size
	}
	return offset
}

func variableNames() []string {
	names := make([]string, len(variables))
	for i, v := range variables {
		names[i] = v.Name
	}
	return names
}
