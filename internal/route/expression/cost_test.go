// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/dagtrigger/internal/route/expression"
)

// What a message makes of a function must neither delay other requests nor use
// up the memory: no deadline is checked within a function.
func TestSteepFunctionsAreRefusedBeforeTheyBegin(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	long := `{"text": "` + strings.Repeat("a", 200_000) + `", "list": [` + strings.Repeat("0,", 20_000) + `1]}`
	for _, text := range []string{
		`data.text.replace("a", data.text)`,
		`data.text.replace("", data.text)`,
		`data.text.replace("a", data.text, 100)`,
		`regex.replace(data.text, "a", data.text)`,
		`regex.replace(data.text, "(a+)", "` + strings.Repeat(`\\1`, 60) + `")`,
		`data.text.split("").join(data.text)`,
		`lists.range(60).map(i, data.text).join()`,
		`data.list.distinct()`,
		`data.list.hasAny(data.list)`,
		`data.list.hasOnly(data.list)`,
		`data.text.indexOf(data.text + "b")`,
		`data.text.lastIndexOf(data.text + "b")`,
		`data.list.all(i, i in data.list)`,
		`data.list.all(i, data.text + "b" > data.text)`,
		`data.list.all(i, size(data.text) > 1)`,
		`data.list.all(i, size(bytes(data.text)) > 1)`,
		`data.list.all(i, data.list.sort() != [])`,
		`data.list.all(i, data.list.reverse() != [])`,
		`data.list.all(i, math.greatest(data.list) == 1)`,
		`data.list.all(i, "%s".format([data.list]) != "")`,
		`"%.999999f%.999999f%.999999f%.999999f%.999999f%.999999f%.999999f%.999999f%.999999f%.999999f%.999999f".format(lists.range(11))`,
		`data.list.all(i, base64.encode(bytes(data.text)) != "")`,
		`data.list.all(i, data.text.startsWith(data.text))`,
		`data.list.all(i, timestamp("2026-01-01T00:00:00Z").getHours("Europe/Berlin") == 1)`,
		`data.text.matches("(.*,){30}x")`,
		`data.list.all(i, regex.extractAll(data.text, "(a)b") == [])`,
		`data.text.replace("a", data.text) == "" || true`,
		`"a" in data || data.text.replace("a", data.text) == "" && false`,
	} {
		e, _, problems := c.Expression(text)
		if len(problems) > 0 {
			t.Errorf("%s does not compile: %+v", text, problems)
			continue
		}
		b := expression.Output{Most: 1 << 20}
		if err := e.JSON(t.Context(), generic(long), &b); err == nil ||
			!strings.Contains(err.Error(), "cost limit exceeded: make the expression do less") {
			t.Errorf("%s gives %d bytes, %v", text, b.Len(), err)
		}
	}
}

// Each variable is parsed and converted once for an event, however often an
// expression uses it: these took minutes when it was once for each use.
func TestLargeEventsAreEvaluatedInLinearTime(t *testing.T) {
	t.Parallel()
	// It only tells work that grows with the square, which takes minutes.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := compiler(t)
	item := `{"id": "i", "region": "eu", "n": 1},`
	text := `{"items": [` + strings.Repeat(item, 20_000) + `{"id": "i", "region": "eu", "n": 2}], "region": "us", "limit": 5}`
	for _, row := range []struct {
		s    *expression.Scope
		text string
	}{
		{generic(text), `data.items.exists(i, i.region == data.region)`},
		{generic(text), `data.items.exists(i, i.n > data.limit)`},
		{message(text), `message.json.items.exists(i, i.region == message.json.region)`},
		{message(text), `message.json.items.exists(i, i.region == data.region)`},
		{message(text), `message.json.items.exists(i, message.text.startsWith(i.id) || message.data_base64.startsWith(i.region))`},
	} {
		e, _, problems := c.Expression(row.text)
		if len(problems) > 0 {
			t.Fatalf("%s does not compile: %+v", row.text, problems)
		}
		if ok, err := e.Bool(ctx, row.s); ok || err != nil {
			t.Errorf("%s = %v, %v", row.text, ok, err)
		}
	}
}

// What vars take is not part of the share of the expression that names them.
func TestVarsTakeTheirOwnSteps(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	vars := &expression.Vars{Templates: map[string]*expression.Template{}}
	for _, name := range []string{"a", "b", "c"} { // half of what one expression may take
		vars.Templates[name], _, _ = c.Template("${data.list.sort()}")
	}
	for _, name := range []string{"d", "e", "f"} { // with a loop, whose steps CEL counts, and text, whose bytes count
		vars.Templates[name], _, _ = c.Template("${data.list.map(x, x).size()}${data.list.map(x, x).size()}")
	}
	for _, row := range []struct {
		text string
		ok   bool
	}{
		{`size([vars.a, vars.b, vars.c]) == 3`, true},
		{`size([vars.d, vars.e, vars.f]) == 3`, true},
		{`size([vars.d, data.list.sort(), vars.e]) == 3`, true},
		{`size([vars.d, data.list.sort(), data.list.sort(), data.list.sort()]) == 4`, false},
		{`size([vars.a, data.list.sort()]) == 2`, true},
		{`size([data.list.sort(), vars.a, data.list.sort(), data.list.sort()]) == 4`, false},
		{`size([data.list.sort(), data.list.sort(), vars.a, data.list.sort()]) == 4`, false},
	} {
		e, _, problems := c.Expression(row.text)
		if len(problems) > 0 {
			t.Fatalf("%s does not compile: %+v", row.text, problems)
		}
		s := generic(`{"list": [`+strings.Repeat("0,", 30_000)+`0]}`).With(t.Context(), vars)
		ok, err := e.Bool(t.Context(), s)
		if ok != row.ok || !row.ok && !strings.Contains(err.Error(), "cost limit exceeded") {
			t.Errorf("%s = %v, %v", row.text, ok, err)
		}
	}
}

func TestAllExpressionsOfAnEventShareABound(t *testing.T) {
	t.Parallel()
	c, s := compiler(t), generic(`{"list": [`+strings.Repeat("0,", 100_000)+`0]}`)
	evaluations := 0
	for ; evaluations < 100; evaluations++ {
		e, _, _ := c.Expression(fmt.Sprintf(`data.list.sort()[0] == %d`, evaluations))
		if _, err := e.Bool(t.Context(), s); err != nil {
			break
		}
	}
	if evaluations == 100 {
		t.Error("100 expensive expressions for one event met no bound")
	}
}

// One value can be written many times, and by many routes: each time is charged.
func TestWritingIsCharged(t *testing.T) {
	t.Parallel()
	s := generic(`{"lists": [` + strings.Repeat("[],", 500_000) + `0], "id": 7}`)
	e, _, _ := compiler(t).Expression("[data, data, data, data, data]")
	const want = "all expressions for the event took more than 10 million steps together"
	var err error
	for range 10 {
		b := expression.Output{Most: expression.MaxConf}
		if err = e.JSON(t.Context(), s, &b); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("JSON = %v, want %s", err, want)
	}
	if _, err := e.Text(t.Context(), s, expression.MaxConf); err == nil {
		t.Error("Text wrote the value after the event had reached its limit")
	}
}

func TestWritingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	e, _, _ := compiler(t).Expression("data.lists")
	s := generic(`{"lists": [` + strings.Repeat("[],", 10_000) + `0]}`)
	b := expression.Output{Most: expression.MaxConf}
	if err := e.JSON(&endsMeanwhile{Context: t.Context()}, s, &b); !errors.Is(err, context.Canceled) {
		t.Errorf("JSON = %v after %d bytes, want a cancelled evaluation", err, b.Len())
	}
}

// What ends with the request is not a problem of the route: a reader of the error
// can tell.
func TestEvaluationEndsWithItsContext(t *testing.T) {
	t.Parallel()
	e, _, _ := compiler(t).Expression("lists.range(20000).exists(i, i < 0)")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ctx := range map[string]context.Context{"before": ended, "meanwhile": &endsMeanwhile{Context: t.Context()}} {
		_, err := e.Bool(ctx, upload())
		var failed *expression.Error
		if !errors.Is(err, context.Canceled) || !errors.As(err, &failed) {
			t.Errorf("%s: Bool = %v, want a cancelled evaluation", name, err)
		}
	}
}

// endsMeanwhile is a context that ends when it has been asked once.
type endsMeanwhile struct {
	context.Context
	asked atomic.Int32
}

func (c *endsMeanwhile) Err() error {
	if c.asked.Add(1) == 1 {
		return nil
	}
	return context.Canceled
}

func (c *endsMeanwhile) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}
