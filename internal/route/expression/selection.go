// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// selection is the way from a variable to something in it: data.items[0].id.
// Its first step is the variable's name.
type selection []step

// step is the name of a field or member, or an index.
type step struct {
	name  string
	index int // where name is empty
	dot   bool
}

// selectionOf reports whether e is nothing but a selection.
func selectionOf(e ast.Expr) (selection, bool) { return wayOf(e, operators.Index) }

// chainOf reports whether e is a selection of which members may be optional, such as
// data.?items[?0].id.
func chainOf(e ast.Expr) (selection, bool) {
	return wayOf(e, operators.Index, operators.OptIndex, operators.OptSelect)
}

// wayOf reports whether e is made of selections and of these operators alone.
func wayOf(e ast.Expr, allowed ...string) (selection, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return selection{{name: e.AsIdent()}}, isVariable(e.AsIdent())
	case ast.SelectKind:
		s, ok := wayOf(e.AsSelect().Operand(), allowed...)
		ok = ok && (len(s) <= 1 || s[0].name != varsVariable) // of what CEL may have computed
		return append(s, step{name: e.AsSelect().FieldName(), dot: true}), ok && !e.AsSelect().IsTestOnly()
	case ast.CallKind:
		args := e.AsCall().Args()
		if !slices.Contains(allowed, e.AsCall().FunctionName()) || args[1].Kind() != ast.LiteralKind {
			return nil, false
		}
		s, ok := wayOf(args[0], allowed...)
		ok = ok && (len(s) == 0 || s[0].name != varsVariable)
		switch key := args[1].AsLiteral().(type) {
		case types.String:
			return append(s, step{name: string(key), dot: calls(e, operators.OptSelect)}), ok && key != ""
		case types.Int:
			return append(s, step{index: int(key)}), ok
		}
	}
	return nil, false
}

// String writes the selection as an expression.
func (s selection) String() string {
	var b strings.Builder
	for i, step := range s {
		switch {
		case i == 0:
			b.WriteString(step.name)
		case step.dot:
			b.WriteString("." + step.name)
		case step.name != "":
			b.WriteString("[" + strconv.Quote(step.name) + "]")
		default:
			fmt.Fprintf(&b, "[%d]", step.index)
		}
	}
	return b.String()
}

// carriedJSON is JSON as the event carries it, byte for byte.
type carriedJSON []byte

// look finds what a selection means in s.
func (s *Scope) look(way selection) (any, error) {
	if raw := s.verbatim(way); raw != nil {
		return raw, nil
	}
	return s.walk(way)
}

// walk finds what a selection means, parsed.
func (s *Scope) walk(way selection) (any, error) {
	if len(way) == 2 && way[0].name == varsVariable {
		return s.variable(way[1].name)
	}
	value, _ := s.ResolveName(way[0].name)
	for i, step := range way[1:] {
		next, ok := step.of(value)
		if !ok {
			return nil, absent(way[:i+2].String())
		}
		value = next
	}
	return value, nil
}

func (s step) of(value any) (any, bool) {
	if s.name != "" {
		return pick(value, s.name)
	}
	list, ok := value.(node)
	if !ok {
		return nil, false
	}
	found, ok := list.index(s.index)
	if !ok {
		return nil, false
	}
	return found.native(), true
}

// verbatim is what the event carries, where way means all of it: nothing is
// parsed, and the order of members stays.
func (s *Scope) verbatim(way selection) carriedJSON {
	switch {
	case len(way) == 1 && way[0].name == dataVariable,
		len(way) == 1 && way[0].name == objectVariable && s.ev.Object != nil:
		return s.carried.event.read(s.ev.JSON)
	case len(way) == 1 && way[0].name == setVariable:
		return s.carried.set.read(nothing)
	case len(way) == 2 && way[0].name == messageVariable && way[1].name == "json" && s.ev.Message != nil:
		if raw := s.message().read(s.ev.Message.JSON); raw != nil {
			return raw
		}
		return s.carried.packed.read(s.packed)
	}
	return nil
}
