// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
)

// The design's own example, which is the README's too.
func TestDesignExample(t *testing.T) {
	t.Parallel()
	table := load(t, `
- name: sales-csv
  on: google.cloud.storage.object.v1.finalized
  bucket: acme-landing
  object: sales/{region=*}/{day=*}/*.csv      # Eventarc's path patterns
  when: int(object.size) > 0                  # CEL, true or false
  dag: load_sales
  conf:
    uri: gs://${object.bucket}/${object.name} # text with ${CEL} inside
    size: ${int(object.size)}                 # a lone ${CEL} keeps its type
    region: ${path.region}
`, "prod")
	ev := upload(t, "acme-landing", "sales/eu/2026-11-22/a.csv")
	got := table.Decide(t.Context(), ev)
	want := route.Plan{
		Route: "sales-csv", Environment: "prod", DAG: "load_sales", Identity: ev.Key(),
		Conf: []byte(`{"uri":"gs://acme-landing/sales/eu/2026-11-22/a.csv","size":12,"region":"eu"}`),
		Note: "gs://acme-landing/sales/eu/2026-11-22/a.csv, generation 7: finalized",
	}
	if diff := cmp.Diff(route.Decision{Plans: []route.Plan{want}, Written: len(want.Conf)}, got); diff != "" {
		t.Errorf("Decide (-want +got):\n%s", diff)
	}
}

// wants is a row of a route that wants an event, by what its keys are beside
// name, on: "*" and dag; misses is one of a route that does not, and why.
func wants(keys string, ev *event.Event) decision { return decision{keys: keys, ev: ev} }

func misses(keys string, ev *event.Event, reason string) decision {
	return decision{keys: keys, ev: ev, reason: reason}
}

type decision struct {
	keys   string
	ev     *event.Event
	reason string
}

func TestMatching(t *testing.T) {
	t.Parallel()
	up := upload(t, "acme", "sales/eu/a b.csv")
	msg := publication(t, `{"n": 150.25}`, "kind", "order", "Odd-Case", "x", "ODD-case", "y")
	custom := newEvent(t, "com.acme.made", "//acme/eu", `{"n": 1}`, "subject", "invoices/7", "region", "eu")
	for _, row := range []decision{
		wants(`on: object.finalized`, up),
		wants(`on: google.cloud.storage.object.v1.finalized`, up),
		wants(`on: [object.deleted, object.finalized]`, up),
		wants(`on: google.cloud.storage.object.v1.*`, up),
		wants(`on: "*"`, up),
		wants(`on: "*"`, custom),
		wants(`on: com.acme.*`, custom),
		wants(`on: message.published`, msg),
		misses(`on: object.deleted`, up, `type is "google.cloud.storage.object.v1.finalized", not google.cloud.storage.object.v1.deleted`),
		misses(`on: [object.deleted, com.acme.*]`, up,
			`type is "google.cloud.storage.object.v1.finalized", not google.cloud.storage.object.v1.deleted or com.acme.*`),

		wants(`bucket: acme`, up),
		wants(`bucket: [other, acme]`, up),
		wants(`bucket: ac*`, up),
		misses(`bucket: acm`, up, `bucket is "acme", not acm`),
		misses(`bucket: Acme`, up, `bucket is "acme", not Acme`),
		misses(`bucket: "**"`, msg, `the event has no bucket, and ** is wanted`),

		wants(`object: sales/eu/a b.csv`, up),
		wants(`object: sales/**`, up),
		wants(`object: [x/*, "sales/{region=*}/*.csv"]`, up),
		misses(`object: sales/*`, up, `object is "sales/eu/a b.csv", not sales/*`),
		misses(`object: "**"`, custom, `the event has no object, and ** is wanted`),

		wants(`topic: orders`, msg),
		wants(`topic: projects/p/topics/orders`, msg),
		wants(`topic: ord*`, msg),
		wants(`topic: projects/*/topics/*`, msg),
		misses(`topic: order`, msg, `topic is "projects/p/topics/orders", not order`),
		misses(`topic: projects/q/topics/orders`, msg, `topic is "projects/p/topics/orders", not projects/q/topics/orders`),
		misses(`topic: orders`, up, `the event has no topic, and orders is wanted`),
		wants(`subscription: orders-sub`, msg),
		misses(`subscription: orders`, msg, `subscription is "projects/p/subscriptions/orders-sub", not orders`),

		wants(`source: //acme/*`, custom),
		misses(`source: //acme`, custom, `source is "//acme/eu", not //acme`),
		wants(`subject: invoices/*`, custom),
		misses(`subject: "*"`, custom, `subject is "invoices/7", not *`),
		misses(`subject: "**"`, msg, `the event has no subject, and ** is wanted`),

		wants(`attributes: {kind: order}`, msg),
		wants(`attributes: {kind: [invoice, ord*]}`, msg),
		wants(`attributes: {KIND: order}`, msg),   // in whichever case
		wants(`attributes: {ODD-case: "y"}`, msg), // but as written first
		wants(`attributes: {odd-case: "y"}`, msg), // else the first in order
		wants(`attributes: {kind: "*", Odd-Case: x}`, msg),
		misses(`attributes: {kind: invoice}`, msg, `attribute kind is "order", not invoice`),
		misses(`attributes: {none: "**"}`, msg, `the event has no attribute none, and ** is wanted`),
		wants(`attributes: {region: eu}`, custom),
		wants(`attributes: {Region: eu}`, custom),
		misses(`attributes: {region: us}`, custom, `attribute region is "eu", not us`),

		wants(`when: int(object.size) == 12`, up),
		misses(`when: int(object.size) > 12 && object.name != ""`, up, `when: int(object.size) > 12 is false where object.size is "12"`),
		wants(`when: data.n > 150`, msg),
		misses(`when: data.n > 150`, custom, `when: data.n > 150 is false where data.n is 1`),

		misses(`enabled: false`, up, `enabled is false`),
		wants(`enabled: true`, up),
	} {
		if !strings.HasPrefix(row.keys, "on:") {
			row.keys = "on: \"*\"\n  " + row.keys
		}
		table := load(t, "- name: r\n  dag: d\n  "+row.keys)
		d := table.Decide(t.Context(), row.ev)
		switch {
		case row.reason == "" && len(d.Plans) != 1:
			t.Errorf("%s: %+v, want a plan", row.keys, d)
		case row.reason != "" && (len(d.Misses) != 1 || d.Misses[0].Route != "r" || d.Misses[0].Reason != row.reason):
			t.Errorf("%s: %+v\nwant it to miss because %s", row.keys, d, row.reason)
		}
	}
}

func TestEveryRouteThatMatchesFires(t *testing.T) {
	t.Parallel()
	table := load(t, `
- {name: b, on: object.finalized, dag: d1}
- {name: no, on: object.deleted, dag: d1}
- {name: a, on: ["*", object.finalized], bucket: [acme, ac*], object: ["**", sales/*, sales/eu*], dag: d1}
- {name: broken, on: object.finalized, dag: d2, conf: {x: "${object.etag}"}}
`)
	d := table.Decide(t.Context(), upload(t, "acme", "sales/a"))
	if len(d.Plans) != 2 || d.Plans[0].Route != "b" || d.Plans[1].Route != "a" || len(d.Failures) != 1 || d.Misses != nil {
		t.Errorf("Decide = %+v, want plans of b and a in order, and one failure", d)
	}
}

func TestMapping(t *testing.T) {
	t.Parallel()
	up, msg := upload(t, "acme", "sales/eu/<a&b>.csv"), publication(t, `{"id": 12345678901234567890, "f": 1.10, "day": "2026-11-22"}`)
	whole := string(up.Object.Resource)
	for _, row := range []struct {
		keys string
		ev   *event.Event
		show func(p route.Plan) string
		want string
	}{
		{`on: object.finalized`, up, conf, whole},
		{`conf: ${object}`, up, conf, whole},
		{`conf: ${data}`, msg, conf, `{"id": 12345678901234567890, "f": 1.10, "day": "2026-11-22"}`},
		{`conf: "${ {'f': data.f, 'g': data.f} }"`, msg, conf, `{"f":1.1,"g":1.1}`},
		{`conf: {}`, msg, conf, `{}`},
		{`conf: {a: 1, b: 1.10, c: true, d: null, e: ~, f: [], g: {}, h: "", i: 0x1F, j: 1e3, k: 2026-11-22, l: 017, m: on}`, msg, conf,
			`{"a":1,"b":1.10,"c":true,"d":null,"e":null,"f":[],"g":{},"h":"","i":31,"j":1e3,"k":"2026-11-22","l":15,"m":"on"}`},
		{`conf: {z: "${data.f}", a: ["${data.id}", {n: "x ${data.f}"}], "k ${v}": "$${x} <&>"}`, msg, conf,
			`{"z":1.10,"a":[12345678901234567890,{"n":"x 1.10"}],"k ${v}":"${x} <&>"}`},
		{"conf:\n    sql: |\n      select *\n      from ${data.day}\n", msg, conf, `{"sql":"select *\nfrom 2026-11-22\n"}`},
		{"conf:\n    a: &x {f: '${data.f}'}\n    b: *x\n    c: [*x, *x]\n", msg, conf,
			`{"a":{"f":1.10},"b":{"f":1.10},"c":[{"f":1.10},{"f":1.10}]}`},

		{`on: object.finalized`, up, identity, fmt.Sprintf("%q", up.Key())},
		{`run_id: ${data.day}/${data.f}`, msg, identity, `["2026-11-22/1.10"]`},

		{`run_id_exact: order-${data.id}`, msg, exactID, `order-12345678901234567890`},
		{`run_id: ${data.id}`, msg, exactID, ``},

		{`on: object.finalized`, up, date, `none`},
		{`logical_date: ${event.time}`, up, date, `2026-11-22T01:02:03Z`},
		{`logical_date: ${data.day}T00:00:00+01:00`, msg, date, `2026-11-21T23:00:00Z`},

		{`note: "of ${data.day}: ü"`, msg, noted, `of 2026-11-22: ü`},
		{`note: ""`, msg, noted, ``},
		{`note: "**${data.day + '![a](b) <i>'}** of ![x](y)"`, msg, noted, `**2026-11-22\!\[a\](b) \<i\>** of ![x](y)`},
		{`note: "${'é' + data.day.replace('2026-11-22', lists.range(400).map(i, 'xyz').join(''))}"`, msg, noted,
			"é" + strings.Repeat("xyz", 332) + "xy…"},

		{"dag: load_${data.day.split('-')[0]}\n  dags: [load_2026, load_2027]", msg, dag, `load_2026`},
		{"dag: ${'l' + 'x'}\n  dags: lx", msg, dag, `lx`},
		{"dag: ügum.-_1", msg, dag, `ügum.-_1`},
	} {
		if !strings.HasPrefix(row.keys, "on:") {
			row.keys = "on: \"*\"\n  " + row.keys
		}
		if !strings.Contains(row.keys, "dag:") {
			row.keys = "dag: d\n  " + row.keys
		}
		d := load(t, "- name: r\n  "+row.keys).Decide(t.Context(), row.ev)
		if len(d.Plans) != 1 {
			t.Errorf("%s: %+v, want a plan", row.keys, d)
		} else if got := row.show(d.Plans[0]); got != row.want {
			t.Errorf("%s gives %s\nwant %s", row.keys, got, row.want)
		}
	}
}

func conf(p route.Plan) string     { return string(p.Conf) }
func dag(p route.Plan) string      { return p.DAG }
func noted(p route.Plan) string    { return p.Note }
func exactID(p route.Plan) string  { return p.RunID }
func identity(p route.Plan) string { return fmt.Sprintf("%q", p.Identity) }
func date(p route.Plan) string {
	if p.LogicalDate.IsZero() {
		return "none"
	}
	return p.LogicalDate.UTC().Format(time.RFC3339)
}

// A filter over messages of several shapes must not fail for the others.
func TestAbsentMemberInWhenIsNoMatch(t *testing.T) {
	t.Parallel()
	ev := publication(t, `{"x": "one", "list": [{"a": 1}], "none": null}`)
	for _, row := range []struct{ when, reason string }{
		{`data.y > 1`, `data.y is absent`},
		{`data.y.z > 1`, `data.y is absent`},
		{`data.x == "one" && data.y == "two"`, `data.y is absent`},
		{`data.x.y == "two"`, `data.x.y is absent`},
		{`data.y`, `data.y is absent`},
		{`data["y z"] == 1`, `data["y z"] is absent`},
		{`data.list[1].a == 1`, `data.list[1] is absent`},
		{`data.list.exists(i, i.b == 1)`, `b is absent`},
		{`message.attributes.kind == "order"`, `message.attributes.kind is absent`},
		{`message.attributes["kind"] == "order"`, `message.attributes["kind"] is absent`},
		{`object.size == "1"`, `object.size is absent`},
		{`message.ordering_key == "1"`, `message.ordering_key is absent`},
	} {
		table := load(t, "\n- name: r\n  on: ['*']\n  dag: d\n  when: '"+row.when+"'")
		d := table.Decide(t.Context(), ev)
		if want := "when: " + row.reason; len(d.Misses) != 1 || d.Misses[0].Reason != want {
			t.Errorf("%s: %+v, want the miss %s", row.when, d, want)
		}
	}
}

// A conf that copies the order into each of its items takes the square of its size.
func TestConfsAreBoundedWhileTheyAreWritten(t *testing.T) {
	t.Parallel()
	ev := publication(t, `{"items": [`+strings.Repeat(`1,`, 20_000)+`1], "order": "`+strings.Repeat("x", 10_000)+`"}`)
	for _, row := range []struct{ keys, want string }{
		{`conf: {a: '${data.items.map(i, {"item": i, "order": data})}'}`, "it would be longer than 16777216 bytes: pass on less of the event"},
		{"conf: {a: '" + strings.Repeat("${data}", 400) + "'}", "it would be longer than"},
		{`note: ` + strings.Repeat("${data.order}", 7), "it would be longer than"},
		{`run_id: ` + strings.Repeat("${data.order}", 7), "it would be longer than"},
		{`logical_date: ${data.order}`, "it would be longer than 64 bytes"},
	} {
		d := load(t, "\n- name: r\n  on: message.published\n  dag: d\n  "+row.keys).Decide(t.Context(), ev)
		if len(d.Failures) != 1 || !strings.Contains(d.Failures[0].Err.Error(), row.want) {
			t.Errorf("%.60s: %+v, want the failure %s", row.keys, d.Failures, row.want)
		}
	}
	routes := ""
	for i := range 200 {
		routes += fmt.Sprintf("\n- {name: r%d, on: message.published, dag: d, conf: {a: '%s'}}", i, strings.Repeat("${data}", 20))
	}
	d := load(t, routes).Decide(t.Context(), ev)
	written := 0
	for _, p := range d.Plans {
		written += len(p.Conf)
	}
	if len(d.Failures) == 0 || written > 32<<20 {
		t.Errorf("200 routes made confs of %d bytes, and %d failures", written, len(d.Failures))
	}
}

// A busy machine must not make a failure of an event permanent.
func TestDecideEndsAfterItsTime(t *testing.T) {
	t.Parallel()
	table := load(t, "- {name: r, on: '*', when: '1 in [data.n]', dag: d}\n- {name: s, on: '*', dag: d, conf: {n: "+
		"'${data.n}'}}").WithMaxTime(0)
	d := table.Decide(t.Context(), publication(t, `{"n": 1}`))
	if len(d.Failures) != 2 || !errors.Is(d.Failures[0].Err, context.DeadlineExceeded) ||
		!errors.Is(d.Failures[1].Err, context.DeadlineExceeded) {
		t.Errorf("Decide = %+v, want two failures at the deadline", d)
	}
}

// A route that cannot be evaluated is a failure, never "no match".
func TestFailuresHavePositionAndReason(t *testing.T) {
	t.Parallel()
	const absent = ": the event has no data.y: test it with has(data.y), or give a default with data.?y.orValue(…)"
	ev := publication(t, `{"x": "one", "secret": {"password": "planted"}}`)
	for _, row := range []struct{ keys, dag, want string }{
		{`when: '{"a": 1}[data.x] > 1'`, "",
			`when on line 4, column 9: evaluating {"a": 1}[data.x] > 1 where data.x is "one": no such key: one: ` +
				`test with has(…), in or size(…), or give a default with .?name.orValue(…)`},
		{`when: data.x`, "", `when on line 4, column 9: evaluating data.x where data.x is "one": it gives neither true nor false: compare it ` +
			`with something`},
		{`when: int(data.x) > 1 && data.secret != ""`, "",
			`when on line 4, column 9: evaluating int(data.x) > 1 && data.secret != "" where data.x is "one": ` +
				`type conversion error from 'string' to 'int': guard the expression, or fix what sends such events`},
		{"dag: load_${data.y}\n  dags: load_a", "", `dag on line 4, column 8: evaluating data.y` + absent},
		{"dag: load_${data.x}\n  dags: load_a", "",
			`dag on line 4, column 8: it became "load_one", which dags does not list: add it there, or fix what sends such events`},
		{`conf: {a: 1, b: "${data.y}"}`, "d", `conf on line 4, column 19: evaluating data.y` + absent},
		{`conf: {a: "x ${null}"}`, "d", `conf on line 4, column 13: evaluating null: null has no text: give a default, or test with != null`},
		{`conf: ${data.x}`, "d", `conf on line 4, column 9: it is not a map: Airflow takes an object`},
		{`run_id: ${data.y}`, "d", `run_id on line 4, column 11: evaluating data.y` + absent},
		{`run_id: ${data.x.replace("one", "")}`, "d",
			`run_id on line 4, column 11: it is empty, and would make all such events one run: compute it of something that each has`},
		{`run_id_exact: ${data.y}`, "d", `run_id_exact on line 4, column 17: evaluating data.y` + absent},
		{
			`run_id_exact: ${data.x} two`, "d",
			`run_id_exact on line 4, column 17: Airflow takes no run id "one two": use A-Z a-z 0-9 _ . ~ : + and - only, without ..`,
		},
		{
			`run_id_exact: scheduled__${data.x}`, "d",
			`run_id_exact on line 4, column 17: the run id "scheduled__one" begins as Airflow's own runs do: let it begin otherwise`,
		},
		{`logical_date: ${data.x}`, "d",
			`logical_date on line 4, column 17: evaluating data.x where data.x is "one": "one" is not a valid timestamp: write it as ` +
				`2026-11-22T00:00:00Z`},
		{`note: ${data.y}`, "d", `note on line 4, column 9: evaluating data.y` + absent},
	} {
		keys := row.keys
		if !strings.HasPrefix(keys, "dag:") {
			keys += "\n  dag: d"
		}
		d := load(t, "\n- name: r\n  on: message.published\n  "+keys).Decide(t.Context(), ev)
		if len(d.Failures) != 1 || len(d.Plans) > 0 || d.Misses != nil {
			t.Errorf("%s: %+v, want a failure", row.keys, d)
			continue
		}
		f := d.Failures[0]
		if f.Route != "r" || f.DAG != row.dag || f.Err.Error() != row.want {
			t.Errorf("%s fails as %s, DAG %q: %v\nwant DAG %q: %s", row.keys, f.Route, f.DAG, f.Err, row.dag, row.want)
		}
		if strings.Contains(f.Err.Error(), "planted") {
			t.Errorf("%s shows a map of the event: %v", row.keys, f.Err)
		}
	}
}

func TestRouteNamesItsEnvironmentAmongSeveral(t *testing.T) {
	t.Parallel()
	const plain, named = "- {name: r, on: '*', dag: d}", "- {name: r, on: '*', dag: d, environment: lab}"
	for _, row := range []struct {
		text  string
		known []string
		want  string
	}{
		{plain, nil, ""},
		{plain, []string{"prod"}, "prod"},
		{named, []string{"lab"}, "lab"},
		{named, []string{"prod", "lab"}, "lab"},
	} {
		d := load(t, row.text, row.known...).Decide(t.Context(), upload(t, "b", "o"))
		if len(d.Plans) != 1 || d.Plans[0].Environment != row.want {
			t.Errorf("%s with %v: %+v, want environment %q", row.text, row.known, d, row.want)
		}
	}
}
