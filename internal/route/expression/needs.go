// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"strings"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Selected is a field or member that an expression names, such as object.metadata.owner.
type Selected struct {
	Path   []string // the variable first
	Offset int      // in bytes from the text's beginning
}

// String writes the path with dots.
func (s Selected) String() string { return strings.Join(s.Path, ".") }

// Needs lists what a valid expression needs of an event, and what it tests for: with
// has(…), with in, or by a selection that may be absent (.?).
func (c *Compiler) Needs(text string) (needed, tested []Selected) {
	parsed, errs := c.language.parser.Parse(common.NewTextSource(text))
	if len(errs.GetErrors()) > 0 {
		return nil, nil
	}
	n := &needs{text: text, tree: parsed}
	n.look(parsed.Expr())
	return n.needed, n.tested
}

// NeedsOfTemplate is as [Compiler.Needs], for text with expressions inside.
func (c *Compiler) NeedsOfTemplate(text string) (needed, tested []Selected) {
	for part := range parts(text) {
		if part.problem != nil || !part.expression {
			continue
		}
		more, also := c.Needs(part.text)
		for _, s := range more {
			s.Offset += part.offset
			needed = append(needed, s)
		}
		tested = append(tested, also...)
	}
	return needed, tested
}

type needs struct {
	text           string
	tree           *ast.AST
	needed, tested []Selected
}

func (n *needs) look(e ast.Expr) {
	if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
		if s, ok := n.selected(e.AsSelect().Operand()); ok {
			s.Path = append(s.Path, e.AsSelect().FieldName())
			n.tested = append(n.tested, s)
			return
		}
	}
	if s, ok := n.selected(e); ok {
		n.needed = append(n.needed, s)
		return
	}
	if field, ok := literal(e, operators.OptSelect); e.Kind() == ast.CallKind && ok {
		if s, ok := n.selected(e.AsCall().Args()[0]); ok {
			s.Path = append(s.Path, field)
			n.tested = append(n.tested, s)
			return
		}
	}
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.In {
		n.member(e.AsCall().Args())
	}
	eachChild(e, n.look)
}

// member notes a test of the form "name" in object.metadata.
func (n *needs) member(args []ast.Expr) {
	s, ok := n.selected(args[1])
	if !ok || args[0].Kind() != ast.LiteralKind {
		return
	}
	if name, ok := args[0].AsLiteral().(types.String); ok {
		s.Path = append(s.Path, string(name))
		n.tested = append(n.tested, s)
	}
}

func (n *needs) selected(e ast.Expr) (Selected, bool) {
	way, ok := selectionOf(e)
	if !ok || len(way) == 0 {
		return Selected{}, false
	}
	s := Selected{Offset: len(n.text)}
	for inner := e; ; {
		s.Offset = min(s.Offset, offsetOf(n.text, n.tree.SourceInfo().GetStartLocation(inner.ID())))
		switch inner.Kind() {
		case ast.SelectKind:
			inner = inner.AsSelect().Operand()
			continue
		case ast.CallKind:
			inner = inner.AsCall().Args()[0]
			continue
		}
		break
	}
	for _, step := range way {
		s.Path = append(s.Path, step.name)
	}
	return s, true
}

// IsOptional reports whether many events have no such field of a variable.
func IsOptional(variable, field string) bool {
	for _, v := range variables {
		for _, f := range v.Fields {
			if v.Name == variable && f.Name == field {
				return f.Optional
			}
		}
	}
	return false
}

// Fields are the names of the declared fields of a variable.
func Fields(variable string) []string { return fieldsOf(variable) }
