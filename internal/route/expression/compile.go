// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"slices"
	"sync"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Compiler compiles the expressions and templates of one file: each text once,
// however often it stands there. Any number of goroutines may use it at once.
type Compiler struct {
	language    *language
	expressions cache[Expression]
	templates   cache[Template]
	constants   map[string]Constant
}

// cache holds what was made of each text.
type cache[T any] struct {
	mu   sync.Mutex
	seen map[string]*entry[T]
}

type entry[T any] struct {
	once     sync.Once
	value    *T
	uses     []Use
	problems []Problem
}

// entry returns that of text, which may have been made already.
func (c *cache[T]) entry(text string) *entry[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.seen[text]
	if !ok {
		if c.seen == nil {
			c.seen = map[string]*entry[T]{}
		}
		e = &entry[T]{}
		c.seen[text] = e
	}
	return e
}

// Use is where an expression names a variable; of path and vars, with the name in it.
type Use struct {
	Variable, Capture string
	Offset            int // in bytes from the expression's beginning
}

// NewCompiler declares the language, which takes about a millisecond. It
// fails only where that declaration is wrong, which a test rules out.
func NewCompiler() (*Compiler, error) {
	l, err := newLanguage()
	if err != nil {
		return nil, err
	}
	return &Compiler{language: l}, nil
}

// Declare makes constants known, which templates then contain as literal text. It is
// called before anything is compiled.
func (c *Compiler) Declare(constants map[string]Constant) { c.constants = constants }

// Expression compiles text, and returns which variables it uses and where. Nobody
// may change what it returns.
func (c *Compiler) Expression(text string) (*Expression, []Use, []Problem) {
	entry := c.expressions.entry(text)
	entry.once.Do(func() { entry.value, entry.uses, entry.problems = c.language.compile(text) })
	return entry.value, entry.uses, entry.problems
}

// compile checks text, and keeps no more of it than evaluation needs: a file
// may hold thousands of expressions, most of which see no event for days.
func (l *language) compile(text string) (*Expression, []Use, []Problem) {
	checked, problems := l.check(l.parser, text)
	if len(problems) > 0 {
		return nil, nil, problems
	}
	root := checked.Expr()
	selection, ok := selectionOf(root)
	if !ok {
		selection = nil
	}
	return &Expression{
		language:  l,
		text:      text,
		selection: selection,
		gives:     typeOf(checked.GetType(root.ID())),
		integer:   isInteger(checked.GetType(root.ID())),
	}, usesOf(text, checked), nil
}

// usesOf finds where the variables are named. A macro's own variable cannot
// hide one: forbidden sees to it.
func usesOf(text string, a *ast.AST) []Use {
	var uses []Use
	captures := map[int64]string{} // by the id of the path they are picked from
	visit(a.Expr(), func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			captures[e.AsSelect().Operand().ID()] = e.AsSelect().FieldName()
		case ast.CallKind:
			if field, ok := literal(e, operators.OptSelect); ok {
				captures[e.AsCall().Args()[0].ID()] = field
			}
		case ast.IdentKind:
			if isVariable(e.AsIdent()) {
				u := Use{Variable: e.AsIdent(), Offset: offsetOf(text, a.SourceInfo().GetStartLocation(e.ID()))}
				if u.Variable == pathVariable || u.Variable == varsVariable {
					u.Capture = captures[e.ID()]
				}
				uses = append(uses, u)
			}
		}
	})
	return uses
}

// visit calls f for e and all in it, outer expressions first.
func visit(e ast.Expr, f func(ast.Expr)) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(f))
}

// literal returns the second argument of a call of function, where it is text.
func literal(e ast.Expr, function string) (string, bool) {
	call := e.AsCall()
	if call.FunctionName() != function || len(call.Args()) != 2 || call.Args()[1].Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := call.Args()[1].AsLiteral().(types.String)
	return string(text), ok
}

func isVariable(name string) bool {
	return slices.ContainsFunc(variables, func(v Variable) bool { return v.Name == name })
}
