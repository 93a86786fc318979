// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Vars are what the expressions of a route name as vars.NAME. They never change, and
// any number of goroutines may share them.
type Vars struct {
	Constants map[string]Constant
	// Templates are evaluated once for an event, when an expression first names them.
	// None may need itself.
	Templates map[string]*Template
}

// Constant is a value that no event changes: text, a [json.Number], true, false, nil,
// or a []any or map[string]any of such.
type Constant struct {
	Value any
	// Hidden keeps the value out of errors.
	Hidden bool
}

// Has reports whether there is a variable of this name.
func (v *Vars) Has(name string) bool {
	if v == nil {
		return false
	}
	_, constant := v.Constants[name]
	_, template := v.Templates[name]
	return constant || template
}

// computed is the value of a template of Vars for one event.
type computed struct {
	value any
	err   error
}

// With returns the scope of the same event in which vars can be named. Its templates
// end at ctx's deadline.
func (s *Scope) With(ctx context.Context, vars *Vars) *Scope {
	s.ctx, s.vars = ctx, vars
	s.computed = make(map[string]computed, len(vars.Templates))
	return s
}

// variable returns the value of vars.NAME.
func (s *Scope) variable(name string) (any, error) {
	if s.vars == nil {
		return nil, absent(varsVariable + "." + name)
	}
	if c, ok := s.vars.Constants[name]; ok {
		return c.Value, nil
	}
	t, ok := s.vars.Templates[name]
	if !ok {
		return nil, absent(varsVariable + "." + name)
	}
	known, ok := s.computed[name]
	if !ok {
		s.apart(func() { known.value, known.err = t.value(s.ctx, s) })
		s.computed[name] = known
	}
	return known.value, known.err
}

// value evaluates the template: a lone expression keeps its type.
func (t *Template) value(ctx context.Context, s *Scope) (any, error) {
	lone := t.Lone()
	if lone == nil {
		return t.Text(ctx, s, MaxVariable)
	}
	if lone.selection == nil {
		return lone.evaluate(ctx, s)
	}
	value, err := s.walk(lone.selection)
	if err != nil {
		return nil, lone.fail(s, err)
	}
	return value, nil
}

// MaxVariable is the most bytes of a text of a route's vars.
const MaxVariable = 64 << 10

// hidden reports whether way is a value that no error may show.
func (s *Scope) hidden(way selection) bool {
	return len(way) > 1 && way[0].name == varsVariable && s.vars != nil && s.vars.Constants[way[1].name].Hidden
}

// leastHidden is the fewest bytes of a value that is looked for in errors: what is
// shorter is in any text.
const leastHidden = 3

// Redacted is err without the values that no error may show.
func (s *Scope) Redacted(err error) error {
	if s.vars == nil {
		return err
	}
	text := err.Error()
	for name, c := range s.vars.Constants {
		for value := range c.texts() {
			text = strings.ReplaceAll(text, value, "${vars."+name+"}")
		}
	}
	if text == err.Error() {
		return err
	}
	return &redactedError{text, err}
}

// texts are the hidden texts of a constant.
func (c Constant) texts() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var each func(value any) bool
		each = func(value any) bool {
			switch v := value.(type) {
			case string:
				return len(v) < leastHidden || yield(v)
			case []any:
				for _, element := range v {
					if !each(element) {
						return false
					}
				}
			case map[string]any:
				for _, member := range v {
					if !each(member) {
						return false
					}
				}
			}
			return true
		}
		if c.Hidden {
			each(c.Value)
		}
	}
}

// redactedError is an error whose text is replaced.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }

// Is reports what the error is, such as the context's; nothing unwraps its text.
func (e *redactedError) Is(target error) bool { return errors.Is(e.err, target) }

// ValueOf is the value of a [Constant] that is JSON.
func ValueOf(text []byte) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("reading a constant: %w", err)
	}
	return value, nil
}

// Shown are the values of a route's own vars for an event, as an explanation shows
// them.
func (s *Scope) Shown(names []string) []Part {
	parts := make([]Part, len(names))
	for i, name := range names {
		way := selection{{name: varsVariable}, {name: name, dot: true}}
		parts[i].Text = way.String()
		value, err := s.variable(name)
		switch {
		case err != nil:
			parts[i].Value, parts[i].Failed = bounded(err.Error()), true
		case s.hidden(way):
			parts[i].Value = hiddenValue
		default:
			parts[i].Value = described(value)
		}
	}
	return parts
}

// hiddenValue stands for a value that is not shown.
const hiddenValue = "the value of an environment variable"
