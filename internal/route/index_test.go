// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
)

// The index may only leave out routes that do not match: Explain, which looks
// at all of them, must see the same ones match.
func TestIndexFindsEveryRoute(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	for range 50 {
		var text strings.Builder
		for i := range 40 {
			fmt.Fprintf(&text, "- name: r%d\n  dag: d\n  on: %s\n", i,
				pick("object.finalized", "[object.deleted, object.finalized]", "google.cloud.*", "'*'", "message.published", "com.acme.x"))
			if r.IntN(2) == 0 {
				fmt.Fprintf(&text, "  bucket: %s\n", pick("a", "b", "[a, b]", "'*'", "a*"))
			}
			if r.IntN(2) == 0 {
				fmt.Fprintf(&text, "  object: %s\n", pick("a/**", "a/b/*", "a/b/c", "'**'", "[a/*, b/*, a/b*]", "'*/b'", "a", "ab/{x=*}", "''' '''"))
			}
			if r.IntN(4) == 0 {
				fmt.Fprintf(&text, "  topic: %s\n", pick("orders", "projects/p/topics/orders", "[x, orders]", "o*", "projects/q/topics/orders"))
			}
		}
		table := load(t, text.String())
		for range 20 {
			ev := upload(t, pick("a", "b", "c"), pick("a", "a/b", "a/b/c", "a/bc", "ab/c", "b", "b/c", "z", "' '", "a/b/c/d"))
			switch r.IntN(4) {
			case 0:
				ev = publication(t, "x")
			case 1:
				ev = newEvent(t, "com.acme.x", "//acme", "{}")
			}
			if got, want := decided(t, table, ev), explained(t, table, ev); !slices.Equal(got, want) {
				t.Fatalf("seed %d: Decide starts %v, and Explain %v, for %+v in\n%s", seed, got, want, ev.Object, &text)
			}
		}
	}
}

func decided(t *testing.T, table *route.Table, ev *event.Event) []string {
	t.Helper()
	var names []string
	for _, p := range table.Decide(t.Context(), ev).Plans {
		names = append(names, p.Route)
	}
	return names
}

func explained(t *testing.T, table *route.Table, ev *event.Event) []string {
	t.Helper()
	var names []string
	for _, x := range table.Explain(t.Context(), ev) {
		if x.Plan != nil {
			names = append(names, x.Route)
		}
	}
	return names
}

// One table serves all requests at once.
func TestTableIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	table := load(t, `
- {name: a, on: object.finalized, object: "{region=*}/{x=**}", when: "path.region.size() + int(object.size) > 0", dag: d, `+
		`conf: {r: "${path.region}", x: "${path.x + '!'}"}}
`)
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for j := range 200 {
				name := fmt.Sprintf("r%d/x%d", i, j)
				d := table.Decide(t.Context(), upload(t, "b", name))
				if want := fmt.Sprintf(`{"r":"r%d","x":"x%d!"}`, i, j); len(d.Plans) != 1 || string(d.Plans[0].Conf) != want {
					t.Fatalf("%s: %+v, want %s", name, d, want)
				}
			}
		})
	}
}
