// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Expression is a checked expression. It never changes to its users; its
// program is made when it is first evaluated. Any number of goroutines may
// share it.
type Expression struct {
	language  *language
	text      string
	selection selection // of a lone one: it needs no program
	gives     Type
	integer   bool // gives is a number, and always an integer

	once    sync.Once
	program cel.Program
	loops   bool  // it has a macro such as all() or map()
	err     error // of making the program
}

// String returns the expression as it was written.
func (e *Expression) String() string { return e.text }

// Gives is the type of what the expression evaluates to.
func (e *Expression) Gives() Type { return e.gives }

// Integer reports whether the expression evaluates to an integer, as far as its
// types say that.
func (e *Expression) Integer() bool { return e.integer }

// Error is an evaluation that failed. It wraps the context's error where that
// ended it. Its text is bounded, and shows of the event only what the
// expression names and is no map or list.
type Error struct {
	Expression string
	Met        []Met // what the expression's selections meant
	// Absent is the member of the event that the expression needs and the event
	// has not; empty where something else is wrong.
	Absent string
	Err    error
}

// Met is the value that a selection met, written as JSON and bounded.
type Met struct{ Selection, Value string }

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "evaluating %s", bounded(e.Expression))
	for i, m := range e.Met {
		fmt.Fprintf(&b, "%s%s is %s", []string{" where ", ", "}[min(i, 1)], m.Selection, m.Value)
	}
	fmt.Fprintf(&b, ": %s", e.Err)
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Bool evaluates an expression that gives true or false. Like all evaluation
// it ends at ctx's deadline, and its error is an *[Error].
func (e *Expression) Bool(ctx context.Context, s *Scope) (bool, error) {
	value, err := e.evaluate(ctx, s)
	if err != nil {
		return false, err
	}
	switch v := value.(type) {
	case bool:
		return v, nil
	case types.Bool:
		return bool(v), nil
	}
	return false, e.fail(s, errors.New("it gives neither true nor false: compare it with something"))
}

// JSON evaluates the expression, and appends what it gives to b as JSON.
func (e *Expression) JSON(ctx context.Context, s *Scope, b *Output) error {
	value, err := e.evaluate(ctx, s)
	if err != nil {
		return err
	}
	b.meter = &meter{ctx: ctx, scope: s, bytes: b.Len()}
	err = writeJSON(b, value)
	b.meter.charge(b.Len())
	b.meter = nil
	if err != nil {
		return e.fail(s, err)
	}
	return nil
}

// Text evaluates the expression, and returns what it gives as text: numbers
// and booleans as in JSON, timestamps as in RFC 3339, maps and lists as JSON.
// Null has no text. Text of more than so many bytes is an error.
func (e *Expression) Text(ctx context.Context, s *Scope, most int) (string, error) {
	value, err := e.evaluate(ctx, s)
	if err != nil {
		return "", err
	}
	c := &meter{ctx: ctx, scope: s}
	text, err := textOf(value, most, c)
	c.charge(len(text))
	if err != nil {
		return "", e.fail(s, err)
	}
	return strings.Clone(text), nil // a part of what the event carries would keep all of it
}

// evaluate returns one of CEL's values or, for a lone selection, what a
// [Scope] holds.
func (e *Expression) evaluate(ctx context.Context, s *Scope) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, e.fail(s, err)
	}
	if e.selection != nil {
		value, err := s.look(e.selection)
		if err = cmp.Or(s.unparsed(), err); err != nil {
			return nil, e.fail(s, err)
		}
		return value, nil
	}
	e.once.Do(func() { e.program, e.loops, e.err = e.make(cel.OptOptimize) })
	if e.err != nil {
		return nil, e.fail(s, e.err)
	}
	if s.spent() > EventCostLimit {
		return nil, e.fail(s, errSpent)
	}
	value, err := e.run(ctx, s)
	if ended := ctx.Err(); ended != nil {
		return nil, e.fail(s, ended)
	}
	if unparsed := s.unparsed(); unparsed != nil {
		return nil, e.fail(s, unparsed)
	}
	if err != nil {
		return nil, e.fail(s, advised(err))
	}
	return value, nil
}

// run evaluates the program. Only a loop is worth the price of being interrupted, a
// fifth of all that CEL does for an event, and of CEL's own count, another fifth: what
// has none ends with its text.
func (e *Expression) run(ctx context.Context, s *Scope) (value ref.Val, err error) {
	if !e.loops {
		err = s.limited(func() error {
			value, _, err = e.program.Eval(s)
			return err
		})
		return value, err
	}
	value, details, err := e.program.ContextEval(ctx, s)
	if cost := details.ActualCost(); cost != nil {
		s.spend(*cost)
	}
	return value, err
}

// errSpent says that the event's share is used up.
var errSpent = fmt.Errorf("all expressions for the event took more than %d million steps together: make them do less, or send less "+
	"in one event",
	EventCostLimit/1_000_000)

// make checks the text again, and plans it: what was checked when the file
// was loaded is not kept.
func (e *Expression) make(evaluate cel.EvalOption) (program cel.Program, loops bool, err error) {
	checked, problems := e.language.check(e.language.parser, e.text)
	if len(problems) > 0 {
		return nil, false, errors.New(problems[0].What)
	}
	visit(checked.Expr(), func(e ast.Expr) { loops = loops || e.Kind() == ast.ComprehensionKind })
	program, err = e.language.plan(checked, evaluate, loops)
	return program, loops, err
}

// advised ends an error of CEL's evaluator in what to do about it.
func advised(err error) error {
	if inner, ok := errors.AsType[*Error](err); ok { // of a variable in it
		return inner
	}
	if a, ok := errors.AsType[advice](err); ok {
		return a
	}
	what, todo := bounded(err.Error()), "guard the expression, or fix what sends such events"
	switch {
	case strings.Contains(what, "no such key"), strings.Contains(what, "index out of bounds"):
		todo = "test with has(…), in or size(…), or give a default with .?name.orValue(…)"
	case strings.Contains(what, "no such overload"):
		todo = "convert with int(…), double(…), string(…) or timestamp(…), or test with type(…)"
	case strings.Contains(what, "cost limit"):
		todo = "make the expression do less: it may take one million steps"
	}
	return fmt.Errorf("%s: %s", what, todo)
}

// fail makes an [Error] of err, with what the selections met.
func (e *Expression) fail(s *Scope, err error) error {
	failed := &Error{Expression: e.text, Err: s.Redacted(err)}
	if inner, ok := errors.AsType[*Error](err); ok { // of a variable in it
		failed.Absent, failed.Err = inner.Absent, inner
		return failed
	}
	checked, problems := e.language.check(e.language.parser, e.text)
	if len(problems) > 0 {
		return failed
	}
	failed.Absent = s.absent(checked.Expr(), err)
	seen := map[string]bool{}
	var find func(ast.Expr)
	find = func(x ast.Expr) {
		way, ok := selectionOf(x)
		if !ok {
			eachChild(x, find)
			return
		}
		value, shown := s.show(way)
		if shown && !seen[way.String()] {
			failed.Met = append(failed.Met, Met{way.String(), value})
		}
		seen[way.String()] = true
	}
	find(checked.Expr())
	return failed
}

// absent returns the member of the event that e needs and the event has not, if
// err is about that. CEL's own error has the member's name alone, and is the
// same for a key that a map of the expression has not.
func (s *Scope) absent(e ast.Expr, err error) string {
	_, missing, isKey := strings.Cut(err.Error(), "no such key: ")
	_, isAdvice := errors.AsType[advice](err)
	if !isKey && !isAdvice && !strings.Contains(err.Error(), "index out of bounds") {
		return ""
	}
	name, literals := "", false
	visit(e, func(x ast.Expr) {
		literals = literals || x.Kind() == ast.MapKind || s.isConstant(x)
		if way, ok := selectionOf(x); ok && name == "" {
			name = s.firstAbsent(way)
		}
	})
	if name == "" && isKey && !literals {
		name, _, _ = strings.Cut(missing, ":")
	}
	return name
}

// isConstant reports whether e is a constant of vars, whose keys no event brings.
func (s *Scope) isConstant(e ast.Expr) bool {
	way, ok := selectionOf(e)
	if !ok || len(way) != 2 || way[0].name != varsVariable || s.vars == nil {
		return false
	}
	_, ok = s.vars.Constants[way[1].name]
	return ok
}

// firstAbsent returns the shortest part of a selection that is absent, empty
// for none.
func (s *Scope) firstAbsent(way selection) string {
	for i := 2; i <= len(way); i++ {
		if _, err := s.look(way[:i]); err != nil {
			return way[:i].String()
		}
	}
	return ""
}

// time evaluates the expression, and returns what it gives where that is a
// timestamp or text in RFC 3339.
func (e *Expression) time(ctx context.Context, s *Scope) (time.Time, error) {
	value, err := e.evaluate(ctx, s)
	if err != nil {
		return time.Time{}, err
	}
	switch v := value.(type) {
	case time.Time:
		return v, nil
	case types.Timestamp:
		return v.Time, nil
	}
	text, err := textOf(value, longestTime, nil)
	if err != nil {
		return time.Time{}, e.fail(s, err)
	}
	t, err := parseTime(text)
	if err != nil {
		return time.Time{}, e.fail(s, err)
	}
	return t, nil
}

// longestTime is the most bytes of a timestamp as text.
const longestTime = 64

func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a valid timestamp: write it as 2026-11-22T00:00:00Z", bounded(text))
	}
	return t, nil
}

// IsTime reports whether text is a timestamp, such as 2026-11-22T00:00:00Z.
func IsTime(text string) bool {
	_, err := parseTime(text)
	return err == nil
}
