// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
)

// FuzzDecode holds the reader of routes to what any file promises: no panic, a
// place in the file and a fix for each problem, and conf that is an object.
func FuzzDecode(f *testing.F) {
	for _, key := range route.Keys() {
		f.Add(good + "  " + key.Example)
	}
	f.Add(good + "  conf: {a: &x [1, 'x ${event.id}'], b: *x, c: .5, d: 0b1, e: !!binary aGk=, f: 12e03, <<: *x}")
	f.Add("- &a {name: *a}\n- *a")
	events := []string{"a/b.csv", "x"}
	f.Fuzz(func(t *testing.T, text string) {
		var root yaml.Node
		if yaml.Unmarshal([]byte(text), &root) != nil || root.Kind == 0 || root.Content[0].Kind != yaml.SequenceNode {
			return
		}
		var specs []route.Spec
		var r document.Reader
		for _, node := range root.Content[0].Content {
			specs = append(specs, route.Decode(&r, node))
		}
		table, more := route.Compile(specs, route.Options{})
		for _, problem := range append(r.Problems, more...) {
			if problem.What == "" || problem.Fix == "" || problem.Line < 1 || problem.Column < 1 || int(problem.Line) > len(text)+1 {
				t.Errorf("%q has the problem %+v", text, problem)
			}
		}
		if len(r.Problems)+len(more) > 0 {
			return
		}
		_ = route.Warnings(specs, false)
		if risks, changes := route.Compare(route.Version{Routes: specs}, route.Version{Routes: specs}); len(risks)+len(changes) > 0 {
			t.Errorf("a file differs from itself: %v %v", risks, changes)
		}
		for _, name := range events {
			d := table.Decide(t.Context(), upload(t, "b", name))
			for _, p := range d.Plans {
				if !json.Valid(p.Conf) || !strings.HasPrefix(strings.TrimSpace(string(p.Conf)), "{") {
					t.Errorf("%q makes the conf %s", text, p.Conf)
				}
			}
			if len(d.Plans)+len(d.Failures)+len(d.Misses) == 0 {
				t.Errorf("%q decides nothing", text)
			}
			table.Explain(t.Context(), upload(t, "b", name))
		}
	})
}
