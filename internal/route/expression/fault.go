// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"

	"example.com/dagtrigger/internal/route/nearest"
)

// Fault says what is wrong in an expression or a template, where, and how to
// fix it.
type Fault struct {
	Offset    int // in bytes from the text's beginning
	What, Fix string
}

// forbidden finds what CEL allows and a route has no use for.
func forbidden(text string, a *ast.AST) []Fault {
	var found []Fault
	at := func(e ast.Expr) int { return offsetOf(text, a.SourceInfo().GetStartLocation(e.ID())) }
	visit(a.Expr(), func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			c := e.AsComprehension()
			for _, name := range []string{c.IterVar(), c.IterVar2(), c.AccuVar()} {
				if isVariable(name) {
					found = append(found, Fault{at(e), name + " would hide the variable " + name, "give the macro's variable another name"})
				}
			}
		case ast.StructKind:
			found = append(found, Fault{at(e), e.AsStruct().TypeName() + "{…} is no value", `write a map as {"name": value}`})
		}
	})
	return found
}

// faults translates errors of the parser, the checker and the validators.
// parsed is nil where there is none.
func faults(text string, errs []*cel.Error, parsed *ast.AST) []Fault {
	var all []Fault
	for _, e := range errs {
		what, fix := translate(e.Message, operandOf(parsed, e.ExprID))
		all = append(all, Fault{offsetOf(text, e.Location), what, fix})
	}
	return all
}

// translate puts an error of cel-go into the words of a problem. operand is what
// a selection at fault selects from.
func translate(message, operand string) (what, fix string) {
	quoted := append(strings.Split(message, "'"), "", "", "")
	syntax, isSyntax := strings.CutPrefix(message, "Syntax error: ")
	switch name := strings.TrimPrefix(quoted[1], "."); {
	case isSyntax:
		return "invalid CEL: " + syntax, "fix the expression; in YAML, quote one that holds ': ' or ' #', or begins with a quote"
	case strings.HasPrefix(message, "undefined field"):
		return fmt.Sprintf("%s has no field %s", operand, name), fieldFix(operand, name)
	case strings.HasPrefix(message, "undeclared reference"):
		known := variableNames()
		if near := nearest.Of(name, known...); near != "" {
			return name + " is not a variable or function", "did you mean " + near + "?"
		}
		return name + " is not a variable or function", "name one of " + nearest.Join(known...) + ", or a function of CEL"
	case strings.HasPrefix(message, "found no matching overload for '_[_]'"):
		return "[…] does not take " + quoted[3], "select what is declared by a dot, as in object.name"
	case strings.HasPrefix(message, "found no matching overload"):
		return fmt.Sprintf("%s does not take %s", strings.Trim(name, "_"), quoted[3]),
			"convert with int(…), double(…), string(…) or timestamp(…); 64-bit integers of an object resource are text"
	}
	fixes := map[string]string{
		"invalid matches argument":   "write a regular expression of RE2: https://github.com/google/re2/wiki/Syntax",
		"invalid timestamp argument": "write it as 2026-11-22T00:00:00Z",
		"invalid duration argument":  "write it as 90s or 1h30m",
	}
	if fix, ok := fixes[message]; ok {
		return message, fix
	}
	return message, "see https://github.com/google/cel-spec/blob/master/doc/langdef.md"
}

// fieldFix suggests a field of the variable or field called owner.
func fieldFix(owner, field string) string {
	fields := fieldsOf(owner)
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

// operandOf writes what the selection with this id selects from.
func operandOf(a *ast.AST, id int64) string {
	operand := ""
	if a == nil {
		return operand
	}
	visit(a.Expr(), func(e ast.Expr) {
		if e.ID() != id {
			return
		}
		eachChild(e, func(child ast.Expr) {
			if way, ok := selectionOf(child); ok && operand == "" {
				operand = way.String()
			}
		})
	})
	return operand
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
