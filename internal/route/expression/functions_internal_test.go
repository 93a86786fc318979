// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/event"
)

func TestExampleOfEveryFunctionEvaluates(t *testing.T) {
	t.Parallel()
	c, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Functions() {
		e, _, problems := c.Expression(f.Example)
		if len(problems) > 0 {
			t.Errorf("%s: %+v", f.Example, problems)
			continue
		}
		b := Output{Most: 1 << 10}
		s := NewScope(&event.Event{ID: "1", Source: "//acme", Type: "com.acme.made"})
		if err := e.JSON(t.Context(), s, &b); err != nil || b.String() != f.Gives {
			t.Errorf("%s gives %s, want %s: %v", f.Example, b.String(), f.Gives, err)
		}
		if isName := f.Name[0] >= 'a'; isName && !strings.Contains(f.Example, f.Name) || f.Doc == "" {
			t.Errorf("%s is not documented: %+v", f.Name, f)
		}
	}
}

// TestEveryFunctionIsDocumented but operators, which have rows with their signs, and what
// macros expand to.
func TestEveryFunctionIsDocumented(t *testing.T) {
	t.Parallel()
	l, err := newLanguage()
	if err != nil {
		t.Fatal(err)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(documented, func(f Function) bool { return f.Name == name || strings.TrimPrefix(f.Name, "math.") == name })
	}
	for name := range l.env.Functions() {
		isOperator := strings.ContainsAny(name, "@!") || strings.HasPrefix(name, "_") || strings.HasSuffix(name, "_")
		if !isOperator && !has(name) {
			t.Errorf("%s has no row in the table of functions: add one with an example", name)
		}
	}
	for _, m := range l.env.Macros() {
		if !has(m.Function()) {
			t.Errorf("the macro %s has no row in the table of functions: add one with an example", m.Function())
		}
	}
}
