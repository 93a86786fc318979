// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"context"
	"iter"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Part is an expression, or a part of one, with what it gave for an event.
type Part struct {
	Text string
	// Value is JSON, bounded: "a map" or "a list" of those. It is an error's
	// text where Failed is set.
	Value  string
	Failed bool
	// Parts are those that the value follows from, literals left out.
	Parts []Part

	and      bool // what && joins
	selected bool // a selection that met no map and no list
}

// Explain evaluates the expression whole, also where a part of it settles the
// result, and shows what each part gave.
func (e *Expression) Explain(ctx context.Context, s *Scope) Part {
	failed := func(err string) Part { return Part{Text: bounded(e.text), Value: err, Failed: true} }
	checked, problems := e.language.check(e.language.tracker, e.text)
	if len(problems) > 0 {
		return failed(problems[0].What)
	}
	program, err := e.language.plan(checked, cel.OptExhaustiveEval, true)
	if err != nil {
		return failed(err.Error())
	}
	if s.spent() > EventCostLimit {
		return failed(errSpent.Error())
	}
	_, details, err := program.ContextEval(ctx, s)
	if cost := details.ActualCost(); cost != nil {
		s.spend(*cost)
	}
	if unparsed := s.unparsed(); unparsed != nil {
		return failed(unparsed.Error())
	}
	if details.State() == nil {
		return failed(bounded(err.Error()))
	}
	return explanation{s, checked, details}.of(checked.Expr())
}

// explanation is an evaluation that remembers what each part gave.
type explanation struct {
	scope   *Scope
	checked *ast.AST
	details *cel.EvalDetails
}

func (x explanation) of(e ast.Expr) Part {
	text, err := cel.ExprToString(e, x.checked.SourceInfo())
	if err != nil {
		text = "…"
	}
	p := Part{Text: bounded(text)}
	if way, ok := selectionOf(e); ok {
		p.Value, p.selected = x.scope.show(way)
		if !p.selected {
			p.Value, p.Failed = x.missed(way)
		}
		return p
	}
	p.Value, p.Failed = x.gave(e)
	if way, ok := x.chain(e); ok {
		isTest := x.isTest(e)
		p.selected = !isTest && !p.Failed && p.Value != string(Map) && p.Value != string(List)
		x.missing(&p, way, isTest)
		return p
	}
	p.and = calls(e, operators.LogicalAnd)
	x.parts(&p, e)
	return p
}

// chain reports whether e is a way to a member that may be absent: has(data.order.id),
// which the language expands to a test for each member, or data.?order.items[?0] with
// or without a default.
func (x explanation) chain(e ast.Expr) (selection, bool) {
	if x.isTest(e) {
		macro, _ := x.checked.SourceInfo().GetMacroCall(e.ID())
		return chainOf(macro.AsCall().Args()[0])
	}
	if calls(e, "orValue") && e.AsCall().IsMemberFunction() && constant(e.AsCall().Args()[0]) {
		e = e.AsCall().Target()
	}
	return chainOf(e)
}

// isTest reports whether e is has(…).
func (x explanation) isTest(e ast.Expr) bool {
	macro, ok := x.checked.SourceInfo().GetMacroCall(e.ID())
	return ok && calls(macro, operators.Has)
}

// missing adds to p, which names the members on a way, the first of them that is
// absent. The others show nothing that the value does not, and nor does the last where p
// only tests whether it is there.
func (x explanation) missing(p *Part, way selection, isTest bool) {
	if member := x.scope.firstAbsent(way); member != "" && (member != way.String() || !isTest) {
		p.Parts = append(p.Parts, Part{Text: bounded(member), Value: "absent", Failed: true})
	}
}

// parts adds what e is made of to p. What one operator joins is one list.
func (x explanation) parts(p *Part, e ast.Expr) {
	eachChild(e, func(child ast.Expr) {
		switch {
		case calls(e, operators.LogicalAnd) && calls(child, operators.LogicalAnd) && !x.isTest(child),
			calls(e, operators.LogicalOr) && calls(child, operators.LogicalOr):
			x.parts(p, child)
		case !constant(child):
			p.Parts = append(p.Parts, x.of(child))
		}
	})
}

// constant reports whether e is a literal, or a list or map of such.
func constant(e ast.Expr) bool {
	if kind := e.Kind(); kind != ast.ListKind && kind != ast.MapKind {
		return kind == ast.LiteralKind
	}
	all := true
	eachChild(e, func(child ast.Expr) { all = all && constant(child) })
	return all
}

// calls reports whether e is a call of function.
func calls(e ast.Expr, function string) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == function
}

// missed says why a selection has no value to show.
func (x explanation) missed(way selection) (value string, absent bool) {
	found, err := x.scope.look(way)
	switch {
	case err != nil && way[0].name == varsVariable:
		return "not evaluated", true // vars says why
	case err != nil:
		return "absent", true
	case x.scope.hidden(way):
		return hiddenValue, false
	}
	return described(found), false
}

func (x explanation) gave(e ast.Expr) (string, bool) {
	value, ok := x.details.State().Value(e.ID())
	if !ok {
		return "not evaluated", true
	}
	if err, failed := value.(*types.Err); failed {
		return advised(err).Error(), true
	}
	return described(value), false
}

// described writes a value, bounded, but maps and lists in words: they may be
// the whole of what the event carries.
func described(value any) string {
	if text, ok := shown(value); ok {
		return text
	}
	if v, ok := value.(ref.Val); ok {
		return string(typeOf(v.Type().(*types.Type)))
	}
	switch v := value.(type) {
	case node:
		if v.kind() == '[' {
			return string(List)
		}
	case []any:
		return string(List)
	}
	return string(Map)
}

// eachChild calls f for the expressions that e is made of. A macro's are
// evaluated once for each element: only what it ranges over is one.
func eachChild(e ast.Expr, f func(ast.Expr)) {
	switch e.Kind() {
	case ast.SelectKind:
		f(e.AsSelect().Operand())
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			f(call.Target())
		}
		for _, arg := range call.Args() {
			f(arg)
		}
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			f(element)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			f(entry.AsMapEntry().Key())
			f(entry.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		f(e.AsComprehension().IterRange())
	}
}

// Reason says why the expression gave what it gave: of what && joins, the
// first that is false, and the values that it met.
func (p Part) Reason() string {
	for p.and {
		at := slices.IndexFunc(p.Parts, func(part Part) bool { return part.Value != "true" })
		if at < 0 {
			break
		}
		p = p.Parts[at]
	}
	reason, separator := p.Text+" is "+p.Value, " where "
	for leaf := range p.leaves() {
		reason += separator + leaf.Text + " is " + leaf.Value
		separator = ", "
	}
	return reason
}

// leaves are the selections that a part follows from, less those that met a
// map or a list.
func (p Part) leaves() iter.Seq[Part] {
	return func(yield func(Part) bool) {
		for _, part := range p.Parts {
			if (part.selected || part.Value == "absent") && !yield(part) {
				return
			}
			for leaf := range part.leaves() {
				if !yield(leaf) {
					return
				}
			}
		}
	}
}
