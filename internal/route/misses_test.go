// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"fmt"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
)

// The reasons for an event without a route name the nearest routes, whatever their
// place in the file, and do not grow with it.
func TestMissesAreTheNearestRoutes(t *testing.T) {
	t.Parallel()
	others := func(format string) string {
		var text strings.Builder
		for i := range 31 {
			fmt.Fprintf(&text, "- {dag: d, "+format+"}\n", i)
		}
		return text.String()
	}
	const (
		elsewhere = "name: r%[1]d, on: object.finalized, bucket: b%[1]d, object: '**'"
		beside    = "name: r%[1]d, on: object.finalized, bucket: acme, object: 'x%[1]d/*'"
		shapes    = "name: r%[1]d, on: message.published, topic: orders, when: message.json.x%[1]d == 1"
	)
	sales := func() *event.Event { return upload(t, "acme", "sales/eu/a.csv") }
	for _, row := range []struct {
		name, others, route string
		ev                  *event.Event
		want                string
	}{
		{"the condition", elsewhere, "on: object.finalized, bucket: acme, when: int(object.size) > 100", sales(),
			`when: int(object.size) > 100 is false where object.size is "12"`},
		{"the condition, among other patterns", beside, "on: object.finalized, when: int(object.size) > 100", sales(),
			`when: int(object.size) > 100 is false where object.size is "12"`},
		{"the pattern", elsewhere, "on: object.finalized, bucket: acme, object: sale/**", sales(), `object is "sales/eu/a.csv", not sale/**`},
		{"a pattern that begins alike", beside, "on: object.finalized, bucket: acme, object: sales/us/*", sales(),
			`object is "sales/eu/a.csv", not sales/us/*`},
		{"the type, in the same bucket", elsewhere, "on: object.archived, bucket: acme, object: sales/**", sales(),
			`type is "google.cloud.storage.object.v1.finalized", not google.cloud.storage.object.v1.archived`},
		{"a bucket spelled alike", elsewhere, "on: object.finalized, bucket: acne, object: sales/**", sales(), `bucket is "acme", not acne`},
		{"a disabled route", elsewhere, "on: object.finalized, bucket: acme, enabled: false", sales(), "enabled is false"},
		{"skip", elsewhere, "on: object.finalized, bucket: acme, skip: empty", object(t, "finalized", "acme", "a.csv", "0"), "skip: empty: "},
		{"a false condition, among absent members", shapes, "on: message.published, topic: orders, when: message.json.kind == 'b'",
			publication(t, `{"kind": "a"}`), `when: message.json.kind == "b" is false where message.json.kind is "a"`},
		{"an attribute", "name: r%[1]d, on: message.published, topic: x%[1]d, attributes: {kind: a}",
			"on: message.published, topic: orders, attributes: {kind: a}", publication(t, "{}"), "the event has no attribute kind, and a is wanted"},
	} {
		for _, text := range []string{others(row.others) + "- {name: near, dag: d, " + row.route + "}\n",
			"- {name: near, dag: d, " + row.route + "}\n" + others(row.others)} {
			d := load(t, text).Decide(t.Context(), row.ev)
			if first := d.Misses[0]; first.Route != "near" || !strings.HasPrefix(first.Reason, row.want) {
				t.Errorf("%s: the nearest is %s: %s\nwant near: %s", row.name, first.Route, first.Reason, row.want)
			}
			if len(d.Misses) != route.MaxMisses || d.Unnamed != 32-route.MaxMisses {
				t.Errorf("%s: %d are named and %d are not, of 32", row.name, len(d.Misses), d.Unnamed)
			}
		}
	}
}

func TestMissesNameAllRoutesOfASmallFile(t *testing.T) {
	t.Parallel()
	d := load(t, "- {name: a, on: com.acme.x, dag: d}\n- {name: b, on: message.published, topic: t, dag: d}\n").
		Decide(t.Context(), upload(t, "b", "o"))
	if len(d.Misses) != 2 || d.Unnamed != 0 {
		t.Errorf("%+v", d)
	}
	empty := load(t, "[]").Decide(t.Context(), upload(t, "b", "o"))
	if len(empty.Misses) != 1 || empty.Misses[0].Reason != "there are no routes" || empty.Unnamed != 0 {
		t.Errorf("without routes: %+v", empty)
	}
}
