// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"testing"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
)

// Each row is a change of a deployed file, and what it means for events in flight.
func TestCompareListsChangesForEventsInFlight(t *testing.T) {
	t.Parallel()
	const (
		other    = "- name: s\n  on: object.finalized\n  dag: d\n"
		twice    = ": events in flight start twice: " + route.FixInFlight
		another  = ": events in flight whose run exists there start another here: " + route.FixInFlight
		nothing  = ", and those in flight that it does not match start nothing from it: " + afterwards
		more     = ": it takes more events: expect runs for such events that are delivered again"
		isNew    = " is new: an event that is delivered again starts it too: expect runs for events in flight"
		fewer    = ": it takes fewer events" + nothing
		others   = ": it takes other events" + nothing
		fromHere = ": a run that exists keeps what it was started with: expect it in runs that start from now on"
	)
	for _, row := range []struct{ old, new, risks, changes string }{
		{good, good, ``, ``},
		{good, "# moved\n" + good, ``, ``},

		// Run ids.
		{good, good + "  run_id: ${event.id}", `4:11: run_id of r was left out and is ${event.id}` + twice, ``},
		{good, good + "  run_id_exact: ${event.id}", `4:17: run_id_exact of r was left out and is ${event.id}` + twice, ``},
		{good + "  run_id: ${event.id}", good, `1:3: run_id of r was ${event.id} and is left out` + twice, ``},
		{good + "  every: 5m", good + "  every: 60m", `4:10: every of r was 5m and is 1h` + twice, ``},

		// Names.
		{good, other, `1:9: s was called r: events in flight start twice: keep the name, or deploy it when no events are in flight`, ``},
		{good, other + good, ``, `1:9: s` + isNew},
		{good, other + "  bucket: b", `r is gone: events in flight start nothing from it, and are acknowledged: ` + afterwards, `1:9: s` + isNew},
		{good + "  enabled: false", other + "  bucket: b", ``, `1:9: s` + isNew},
		{good, good + "  enabled: false", `4:12: r is switched off: events in flight start nothing from it, and are acknowledged: ` +
			`deploy it when no events are in flight`, ``},
		{good + "  enabled: false", good, ``,
			`1:3: r is switched on: an event that is delivered again starts it too: expect runs for events in flight`},
		{good + "  enabled: false\n  run_id: a", good + "  enabled: false\n  run_id: b", ``, ``},

		{good, good + "  shadow: true", `4:11: r is a shadow now: events in flight start nothing from it, and are acknowledged: ` +
			`deploy it when no events are in flight`, ``},
		{good + "  shadow: true\n  run_id: a", good, ``,
			`1:3: r is no shadow any more: an event that is delivered again starts it too: expect runs for events in flight`},
		{good + "  shadow: true\n  run_id: a", good + "  shadow: true\n  run_id: b", ``, ``},
		{good, good + "- {name: s, on: object.finalized, dag: d, shadow: true}", ``, ``},
		{good + "- {name: s, on: object.finalized, dag: e, shadow: true}", good, ``, ``},

		// Where the run is.
		{good, "- name: r\n  on: object.finalized\n  dag: e\n", `3:8: dag of r was d and is e` + another, ``},
		{good + "  environment: a", good + "  environment: b", `4:16: environment of r was a and is b` + another, ``},

		{"- {name: r, on: object.finalized, reject: no}", "- {name: r, on: object.finalized, reject: never}",
			`1:43: reject of r was no and is never: events in flight that it rejects start nothing, and fail permanently: ` +
				`deploy it when no events are in flight`, ``},
		{"- {name: r, on: object.finalized, reject: no}", good, ``,
			`1:3: r no longer rejects: an event that is delivered again starts its run: expect runs for events in flight`},

		// Filters.
		{good + "  object: a/**", good + "  object: [a/**, '!a/b']", `4:12: object of r was a/** and is a/**, !a/b` + fewer, ``},
		{good + "  object: [a/**, '!a/b']", good + "  object: a/**", ``, `4:11: object of r was a/**, !a/b and is a/**` + more},
		{good, good + "  bucket: b", `4:11: bucket of r was left out and is b` + fewer, ``},
		{good + "  bucket: [a, b]", good + "  bucket: a", `4:11: bucket of r was a, b and is a` + fewer, ``},
		{good + "  bucket: a", good + "  bucket: [a, b]", ``, `4:12: bucket of r was a and is a, b` + more},
		{good + "  object: a/*", good + "  object: b/*", `4:11: object of r was a/* and is b/*` + others, ``},
		{good + "  when: 'true'", good, ``, `1:3: when of r was true and is left out` + more},
		{good, good + "  skip: folders", `4:9: skip of r was left out and is folders` + fewer, ``},
		{good + "  skip: folders", good, ``, `1:3: skip of r was folders and is left out` + more},
		{good, good + "  attributes: {a: b}", `4:16: attributes of r was left out and is a: b` + fewer, ``},
		{"- {name: r, on: object.finalized, dag: d}", "- {name: r, on: google.cloud.storage.object.v1.finalized, dag: d}", ``, ``},

		// The rest.
		{good, good + "  conf: {a: 1}", ``, `4:9: conf of r changed` + fromHere},
		{good, good + "  logical_date: ${event.time}", ``, `4:17: logical_date of r changed` + fromHere},
		{good, good + "  note: x\n  max_active: 3", ``, `4:9: note, max_active of r changed: expect it from the next delivery on`},
		{good, good + "  dead_letter: gs://a", ``, `4:16: dead_letter of r was left out and is gs://a: what was stored stays where it is: ` +
			`send it again with the deployed file: dead-letters replay --config deployed.yaml`},
	} {
		before, _ := decode(t, row.old)
		after, _ := decode(t, row.new)
		risks, changes := route.Compare(route.Version{Routes: before}, route.Version{Routes: after})
		if got := listed(risks); got != row.risks {
			t.Errorf("from\n%sto\n%s\n risks %s\n  want %s", row.old, row.new, got, row.risks)
		}
		if got := listed(changes); got != row.changes {
			t.Errorf("from\n%sto\n%s\n changes %s\n    want %s", row.old, row.new, got, row.changes)
		}
	}
}

// Each row is a change of vars, which the keys of a route use.
func TestCompareFollowsVars(t *testing.T) {
	t.Parallel()
	const (
		twice   = " of r uses it: events in flight start twice: " + route.FixInFlight
		another = " of r uses it: events in flight whose run exists there start another here: " + route.FixInFlight
		next    = " of r uses it: expect it from the next delivery on"
	)
	of := func(file, own, key string) route.Version { // of a route with this key
		var r document.Reader
		v := route.Version{Vars: document.Constants{}}
		root, problem := document.Parse([]byte(file))
		if problem != nil {
			t.Fatal(problem)
		}
		r.Members(root, "vars", func(name, value *yaml.Node) { v.Vars[name.Value] = document.Constant{Value: r.Value("vars", value)} })
		v.Routes, _ = decode(t, good+"  "+key+"\n  vars: "+own)
		return v
	}
	const none = "{x: y}" // vars of the route that nothing uses
	for _, row := range []struct{ key, oldFile, oldOwn, newFile, newOwn, risks, changes string }{
		{"run_id: ${vars.a}", "{a: '1'}", none, "{a: '1'}", none, ``, ``},
		{"run_id: ${vars.a}", "{a: '1'}", none, "{a: '2'}", none, `4:11: vars.a changed, and run_id` + twice, ``},
		{"run_id_exact: ${event.id}-${vars.a}", "{a: '1'}", none, "{a: '2'}", none, `4:17: vars.a changed, and run_id_exact` + twice, ``},
		{"run_id: ${vars.a}", "{a: '1'}", none, "{a: '1', b: '2'}", none, ``, ``},
		{"run_id: ${vars.a}", "{}", "{a: '1'}", "{}", "{a: '2'}", `4:11: vars.a changed, and run_id` + twice, ``},
		{"run_id: ${data.vars.a}", "{a: '1'}", none, "{a: '2'}", none, ``, ``},
		{"run_id: ${vars.ab}", "{a: '1', ab: '1'}", none, "{a: '2', ab: '1'}", none, ``, ``},

		// A variable that moves is the same.
		{"run_id: ${vars.a}", "{a: '1'}", none, "{}", "{a: '1'}", ``, ``},
		{"run_id: ${vars.a}", "{}", "{a: '1'}", "{a: '1'}", none, ``, ``},
		{"run_id: ${vars.a}", "{a: '1'}", none, "{}", "{a: '2'}", `4:11: vars.a changed, and run_id` + twice, ``},

		// One that needs another changes with it.
		{"run_id: ${vars.b}", "{a: '1'}", "{b: '${vars.a}'}", "{a: '2'}", "{b: '${vars.a}'}", `4:11: vars.b changed, and run_id` + twice, ``},
		{"run_id: ${vars.b}", "{a: '1'}", "{b: '${vars.c}', c: '${vars.b}'}", "{a: '2'}", "{b: '${vars.c}', c: '${vars.b}'}", ``, ``},

		// A table.
		{"run_id: ${vars.t.a}", "{t: {a: '1', b: '1'}}", none, "{t: {a: '1', b: '2'}}", none, ``, ``},
		{"run_id: ${vars.t.b}", "{t: {a: '1', b: '1'}}", none, "{t: {a: '1', b: '2'}}", none, `4:11: vars.t.b changed, and run_id` + twice, ``},
		{"run_id: ${vars.t.?b.orValue('')}", "{t: {b: '1'}}", none, "{t: {b: '2'}}", none,
			`4:11: vars.t.b changed, and run_id` + twice, ``},
		{"run_id: ${vars.a.lowerAscii()}", "{a: '1'}", none, "{a: '2'}", none, `4:11: vars.a changed, and run_id` + twice, ``},
		{"run_id: ${vars.t[event.id]}", "{t: {a: '1', b: '1'}}", none, "{t: {a: '1', b: '2'}}", none,
			`4:11: vars.t changed, and run_id` + twice, ``},
		{"run_id: ${vars.t[event.id]}", "{t: {a: '1', b: '1'}}", none, "{t: {b: '1'}}", none, `4:11: vars.t changed, and run_id` + twice, ``},
		{"run_id: ${vars.t[event.id]}", "{t: {a: '1'}}", none, "{t: {b: '2', a: '1'}}", none, ``,
			`4:11: vars.t has more entries, and run_id` + next},

		// Other keys.
		{"environment: e\n  run_id: a\n  when: event.id in vars.l", "{l: [a]}", none, "{l: [b]}", none,
			`6:9: vars.l changed, and when of r uses it: it may take other events, and those in flight that it does not match start nothing from ` +
				`it: ` + afterwards, ``},
		{"conf: {a: '${vars.a}'}", "{a: '1'}", none, "{a: '2'}", none, ``,
			`4:9: vars.a changed, and conf of r uses it: a run that exists keeps what it was started with: ` +
				`expect it in runs that start from now on`},
		{"note: ${vars.a}", "{a: '1'}", none, "{a: '2'}", none, ``, `4:9: vars.a changed, and note` + next},
		{"complete: {prefix: 'a/${vars.a}/', count: 2}", "{a: '1'}", none, "{a: '2'}", none,
			`4:13: vars.a changed, and complete of r uses it: sets that have started start again: ` + route.FixInFlight, ``},
		{"complete: {prefix: a, names: ['${vars.a}']}", "{a: '1'}", none, "{a: '2'}", none, ``,
			`4:13: vars.a changed, and complete of r uses it: a set that has started does not start again: expect it from the next delivery on`},
	} {
		risks, changes := route.Compare(of(row.oldFile, row.oldOwn, row.key), of(row.newFile, row.newOwn, row.key))
		if got := listed(risks); got != row.risks {
			t.Errorf("%+v\n risks %s\n  want %s", row, got, row.risks)
		}
		if got := listed(changes); got != row.changes {
			t.Errorf("%+v\n changes %s\n    want %s", row, got, row.changes)
		}
	}

	dag := func(value string) route.Version {
		v := route.Version{Vars: document.Constants{"d": {Value: document.Value{Kind: document.String, Text: document.Text{Value: value}}}}}
		v.Routes, _ = decode(t, "- {name: r, on: object.finalized, dag: '${vars.d}', dags: [a, b]}")
		return v
	}
	risks, _ := route.Compare(dag("a"), dag("b"))
	if got, want := listed(risks), `1:40: vars.d changed, and dag`+another; got != want {
		t.Errorf("a DAG: %s, want %s", got, want)
	}
}

const afterwards = "deploy it when no events are in flight, or start them afterwards: reconcile, dead-letters replay"
