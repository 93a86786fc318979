// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"context"
	"errors"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/event"
)

// expiring is a context that ends once an evaluation has seen that it has not.
type expiring struct {
	context.Context

	end  context.CancelFunc
	seen bool
}

func newExpiring(t *testing.T) *expiring {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	return &expiring{Context: ctx, end: end}
}

// Err implements [context.Context].
func (e *expiring) Err() error {
	if !e.seen {
		e.seen = true
		e.end()
		return nil
	}
	return e.Context.Err()
}

// Nothing else ends a loop before its limit of steps: that may take seconds on a busy core.
func TestLoopEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		text  string
		loops bool
	}{
		{`data.list.all(i, i == 0)`, true},
		{`[1].all(j, data.list.exists(i, i == j))`, true},
		{`size(data.list.filter(i, i > 0)) == 0`, true},
		{`size(data.list) == 0`, false},
	} {
		s := NewScope(&event.Event{ContentType: "application/json", Data: []byte(`{"list": [` + strings.Repeat("0,", 20_000) + `0]}`)})
		e, _, problems := c.Expression(row.text)
		if len(problems) > 0 {
			t.Fatalf("%s does not compile: %+v", row.text, problems)
		}
		before := s.spent()
		if _, err := e.Bool(newExpiring(t), s); !errors.Is(err, context.Canceled) {
			t.Errorf("%s ended with %v", row.text, err)
		}
		if steps := s.spent() - before; e.loops != row.loops || row.loops && steps > 30_000 {
			t.Errorf("%s took %d steps, loops %t", row.text, steps, e.loops)
		}
	}
}
