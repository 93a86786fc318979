// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
)

// loadWith compiles routes with options.
func loadWith(t testing.TB, text string, o route.Options) *route.Table {
	t.Helper()
	specs, problems := decode(t, text)
	table, more := route.Compile(specs, o)
	if problems = append(problems, more...); len(problems) > 0 {
		t.Fatalf("%v in\n%s", problems, text)
	}
	return table.WithMaxTime(time.Hour)
}

// described returns what a decision has: the routes with their DAGs and confs, then failures, then
// the nearest miss.
func described(d route.Decision) string {
	var parts []string
	for _, p := range d.Plans {
		parts = append(parts, fmt.Sprintf("%s: %s %s", p.Route, p.DAG, p.Conf))
	}
	for _, f := range d.Failures {
		parts = append(parts, fmt.Sprintf("%s fails: %v", f.Route, f.Err))
	}
	if len(d.Misses) > 0 {
		parts = append(parts, d.Misses[0].Reason)
	}
	return strings.Join(parts, "|")
}

func TestFirstMatchWins(t *testing.T) {
	t.Parallel()
	const routes = `
- {name: orders, on: object.finalized, object: orders/**, dag: d, conf: {}}
- {name: broken, on: object.finalized, object: broken/**, when: int(object.name) > 0, dag: d, conf: {}}
- {name: rest, on: object.finalized, dag: e, conf: {}}
`
	for _, row := range []struct{ object, all, first string }{
		{"orders/a", "orders: d {}|rest: e {}", "orders: d {}"},
		{"x", "rest: e {}", "rest: e {}"},
	} {
		ev := upload(t, "b", row.object)
		if got := described(loadWith(t, routes, route.Options{}).Decide(t.Context(), ev)); got != row.all {
			t.Errorf("%s with match: all: %s, want %s", row.object, got, row.all)
		}
		if got := described(loadWith(t, routes, route.Options{First: true}).Decide(t.Context(), ev)); got != row.first {
			t.Errorf("%s with match: first: %s, want %s", row.object, got, row.first)
		}
	}
	first := loadWith(t, routes, route.Options{First: true})
	if d := first.Decide(t.Context(), upload(t, "b", "broken/a")); len(d.Failures) != 1 || len(d.Plans) != 0 {
		t.Errorf("a route that fails lets a later one win: %+v", d)
	}
	var reasons []string
	for _, x := range first.Explain(t.Context(), upload(t, "b", "orders/a")) {
		reasons = append(reasons, fmt.Sprint(x.Route, " ", x.Plan != nil, " ", x.Reason))
	}
	want := []string{"orders true ", `broken false object is "orders/a", not broken/**`,
		"rest false match is first, and orders comes before it"}
	if strings.Join(reasons, "|") != strings.Join(want, "|") {
		t.Errorf("explained as %q, want %q", reasons, want)
	}
}

func TestCheckFindsRoutesThatNoEventReaches(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ first, second, want string }{
		{"object: a/**", "object: b/**", ""},
		{"bucket: b", "bucket: b, object: a/*", "second"},
		{"bucket: b", "object: a/*", ""},
		{"object: 'a/{x=*}'", "object: 'a/{y=*}'", "second"},
		{"object: [a, b]", "object: b", "second"},
		{"object: b", "object: [a, b]", ""},
		{"object: ['a/**', '!a/tmp/**']", "object: a/**", ""},
		{"object: a/**", "object: ['a/**', '!a/tmp/**']", "second"},
		{"when: 'object.name == \"a\"'", "bucket: b", ""},
		{"when: 'object.name == \"a\"'", "when: 'object.name == \"a\"', bucket: b", "second"},
		{"skip: folders", "bucket: b", ""},
		{"skip: folders", "skip: [empty, folders]", "second"},
		{"enabled: false", "bucket: b", ""},
		{"attributes: {a: b}", "bucket: b", ""},
		{"attributes: {a: '**'}", "attributes: {a: c}", "second"},
	} {
		text := fmt.Sprintf("- {name: first, on: object.finalized, dag: d, %s}\n- {name: second, on: object.finalized, dag: d, %s}\n",
			row.first, row.second)
		specs, problems := decode(t, text)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		got := ""
		for _, f := range route.Warnings(specs, true) {
			if strings.Contains(f.What, "never reached") {
				got, _, _ = strings.Cut(f.What, " ")
			}
		}
		if got != row.want {
			t.Errorf("%s before %s: %q is never reached, want %q", row.first, row.second, got, row.want)
		}
	}
}

func TestPatternsThatExclude(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ keys, object, want string }{
		{"object: ['sales/**', '!sales/tmp/**']", "sales/a", "r: d {}"},
		{"object: ['sales/**', '!sales/tmp/**']", "sales/tmp/a", `object is "sales/tmp/a", which !sales/tmp/** excludes`},
		{"object: ['!sales/tmp/**', 'sales/**']", "sales/tmp/a", `object is "sales/tmp/a", which !sales/tmp/** excludes`},
		{"object: ['sales/**', '!sales/tmp/**']", "other/a", `object is "other/a", not sales/**`},
		{"object: '!**/_*'", "sales/a", "r: d {}"},
		{"object: '!**/_*'", "sales/_SUCCESS", `object is "sales/_SUCCESS", which !**/_* excludes`},
		{"bucket: ['*', '!b']", "a", `bucket is "b", which !b excludes`},
		{"subject: '!objects/a'", "b", "r: d {}"},
	} {
		table := load(t, "- {name: r, on: ['google.cloud.storage.object.v1.*', '!object.deleted'], dag: d, conf: {}, "+row.keys+"}")
		if got := described(table.Decide(t.Context(), upload(t, "b", row.object))); got != row.want {
			t.Errorf("%s of %s: %s, want %s", row.keys, row.object, got, row.want)
		}
		if d := table.Decide(t.Context(), object(t, "deleted", "c", "x", "1")); len(d.Plans) > 0 {
			t.Errorf("%s: an excluded type matches", row.keys)
		}
	}
	topics := load(t, "- {name: r, on: message.published, topic: ['*', '!orders'], dag: d}")
	if d := topics.Decide(t.Context(), publication(t, "{}")); len(d.Plans) > 0 {
		t.Error("an excluded topic matches")
	}
}

func TestSubjectAndAttributesCapture(t *testing.T) {
	t.Parallel()
	const keys = `
- name: r
  on: com.acme.*
  subject: invoices/{invoice=*}
  attributes: {resourcename: "projects/*/datasets/{dataset=*}/tables/{table=*}"}
  dag: d
  conf: {table: "${path.dataset}.${path.table}", invoice: "${path.invoice}"}
`
	ev := newEvent(t, "com.acme.changed", "//acme", "{}", "subject", "invoices/4711", "resourcename",
		"projects/p/datasets/sales/tables/orders")
	if got, want := described(load(t, keys).Decide(t.Context(), ev)), `r: d {"table":"sales.orders","invoice":"4711"}`; got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
	for _, row := range []struct{ keys, want string }{
		{"  subject: '{a=*}'\n  object: '{a=*}'", "1:3: path.a is captured by two keys: give one of the two captures another name"},
		{"  subject: '!{a=*}'", "4:12: subject: {a=*} captures, and excludes: write * or **"},
		{"  subject: '{a=*}'\n  note: ${path.a}", ""},
	} {
		if got := problemsOf(t, good+row.keys); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.keys, got, row.want)
		}
	}
}

func TestDAGsTakesPatterns(t *testing.T) {
	t.Parallel()
	table := load(t, "- {name: r, on: object.finalized, dag: '${object.name}', dags: [load, 'dag_dq_*'], conf: {}}")
	for _, row := range []struct{ object, want string }{
		{"load", "r: load {}"},
		{"dag_dq_orders", "r: dag_dq_orders {}"},
		{"dag_x", `r fails: dag on line 1, column 40: it became "dag_x", which dags does not list: add it there, or fix what sends such events`},
	} {
		if got := described(table.Decide(t.Context(), upload(t, "b", row.object))); got != row.want {
			t.Errorf("%s: %s, want %s", row.object, got, row.want)
		}
	}
}

func TestRejectFailsWithItsWords(t *testing.T) {
	t.Parallel()
	const reject = "- {name: r, on: object.finalized, reject: \"${object.name}\\n has no  date\"}"
	table := load(t, reject)
	d := table.Decide(t.Context(), upload(t, "b", "a.csv"))
	if got, want := described(d), "r fails: a.csv has no date"; got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
	if _, ok := errors.AsType[*route.RejectedError](d.Failures[0].Err); !ok {
		t.Errorf("the error is a %T", d.Failures[0].Err)
	}
	if d := table.Decide(t.Context(), upload(t, "b", strings.Repeat("ü", 5000))); len([]rune(d.Failures[0].Err.Error())) != 1000 {
		t.Errorf("the words are %d characters", len([]rune(d.Failures[0].Err.Error())))
	}
	for _, row := range []struct{ keys, want string }{
		{"reject: x", ""},
		{"reject: x, dag: d, every: 5m", "1:51: reject cannot be combined with dag: leave one of the two out: a route rejects events, " +
			"or starts a run|" +
			"1:61: reject cannot be combined with every: leave one of the two out: a route rejects events, or starts a run"},
		{"reject: '${object.nam}'", "1:52: reject: object has no field nam: did you mean object.name?"},
	} {
		if got := problemsOf(t, "- {name: r, on: object.finalized, "+row.keys+"}", "lab", "prod"); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.keys, got, row.want)
		}
	}
}

// constants are the vars of a file as its reader has them.
func constants(hidden bool) document.Constants {
	text := func(value string) document.Value {
		return document.Value{Kind: document.String, Text: document.Text{Value: value}}
	}
	return document.Constants{
		"stage": {Value: text("secret-stage"), Hidden: hidden},
		"limit": {Value: document.Value{Kind: document.Literal, Text: document.Text{Value: "12"}}},
		"dags": {Value: document.Value{Kind: document.Object, Members: []document.Value{text("load_orders"), text("load_items")},
			Names: []document.Text{{Value: "orders"}, {Value: "items"}}}},
	}
}

func TestVarsInExpressions(t *testing.T) {
	t.Parallel()
	const order = `{"table": "orders", "order": {"id": 4711}}`
	for _, row := range []struct{ keys, data, want string }{
		{`dag: "${vars.dags[data.table]}", dags: [load_orders, load_items], conf: {}`, order, "r: load_orders {}"},
		{`dag: d, when: "data.table in vars.dags", conf: {to: "${vars.dags[data.table]}", all: "${vars.dags}"}`, order,
			`r: d {"to":"load_orders","all":{"items":"load_items","orders":"load_orders"}}`},
		{`dag: d, when: "data.table in vars.dags", conf: {}`, `{"table": "x"}`,
			`when: data.table in vars.dags is false where data.table is "x"`},
		{`dag: d, conf: {a: "${vars.dags.orders}", b: "${vars.limit + 1}", c: "${vars.limit}"}`, order, `r: d {"a":"load_orders","b":13,"c":12}`},
		{`dag: "${vars.stage}_load", conf: {}`, order, "r: secret-stage_load {}"},
		{`dag: d, vars: {t: "${data.table}", id: "${data.order.id}"}, when: vars.t == "orders", conf: {t: "${vars.t}", id: "${vars.id + 1}"}`,
			order, `r: d {"t":"orders","id":4712}`},
		{`dag: d, vars: {b: "x-${vars.a}", a: "${data.table}"}, conf: {b: "${vars.b}"}`, order, `r: d {"b":"x-orders"}`},
		{`dag: d, vars: {o: "${data.order}"}, conf: {id: "${vars.o.id}", o: "${vars.o}"}`, order, `r: d {"id":4711,"o":{"id":4711}}`},
		{`dag: d, vars: {t: {orders: 1, items: 2}, l: [1, 2]}, conf: {n: "${vars.t[data.table]}", l: "${vars.l[1]}", m: "${vars.l}"}`, order,
			`r: d {"n":1,"l":2,"m":[1,2]}`},
		{`dag: d, vars: {m: "${{'a': data.table}}"}, conf: {a: "${vars.m.a}", n: "${vars.m.map(k, k)}"}`, order, `r: d {"a":"orders","n":["a"]}`},
		{`dag: d, vars: {x: "${data.gone}"}, when: vars.x == 1, conf: {}`, order, "when: data.gone is absent"},
		{`dag: d, vars: {x: "${data.gone}"}, when: has(vars.x) && vars.x == 1, conf: {}`, order, "when: has(vars.x) is false"},
		{`dag: d, vars: {x: "${data.gone}"}, conf: {}`, order, "r: d {}"}, // nothing needs it
		{`dag: d, when: 'vars.dags[data.table] == "x"', conf: {}`, `{"table": "x"}`,
			"r fails: when on line 1, column 43: evaluating vars.dags[data.table] == \"x\" where data.table is \"x\": " +
				"no such key: x: test with has(…), in or size(…), or give a default with .?name.orValue(…)"},
	} {
		table := loadWith(t, "- {name: r, on: com.acme.x, "+row.keys+"}", route.Options{Constants: constants(false)})
		ev := newEvent(t, "com.acme.x", "//acme", row.data)
		if got := described(table.Decide(t.Context(), ev)); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.keys, got, row.want)
		}
		table.Explain(t.Context(), ev)
	}
}

func TestErrorsOfVars(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ keys, want string }{
		{`note: "${vars.stge}"`, `1:58: note: there is no vars.stge: did you mean vars.stage?`},
		{`note: "${vars.other}"`, `1:58: note: there is no vars.other: declare it under vars of the route or of the file, such as ` +
			`vars: {other: VALUE}`},
		{`note: "${vars}"`, `1:58: note: vars is no value: name one of it by a dot, as in vars.NAME`},
		{`vars: {a: "${vars.b}", b: "${vars.c}", c: "${vars.a}"}`,
			`1:56: vars: a needs b needs c needs a: none of them has a value: break the circle`},
		{`vars: {a: "${vars.a}"}`, `1:56: vars: a needs a: none of them has a value: break the circle`},
		{`vars: {stage: x}`, `1:56: vars: stage is a variable of the file as well: give one of the two another name`},
		{`vars: {a: {b: "${data}"}}`, `1:63: vars.a is a table of constants, and ${data} is computed: give the expression another ` +
			`name in vars`},
		{`vars: {a: "${dta}"}`, `1:62: vars.a: dta is not a variable or function: did you mean data?`},
		{`vars: {a-b: 1}`, `1:56: vars: a-b is not a valid name of a variable: use letters, digits and _, beginning with a letter`},
		{`vars: {}`, `1:55: vars is an empty map: leave vars out, or write it as vars: {day: "${format_date(event.time, '%Y%m%d')}"}`},
	} {
		specs, problems := decode(t, "- {name: r, on: com.acme.x, dag: some_long_dag_id, "+row.keys+"}")
		_, more := route.Compile(specs, route.Options{Constants: constants(false)})
		if got := listed(append(problems, more...)); !strings.HasSuffix(got, row.want[strings.Index(row.want, ": "):]) {
			t.Errorf("%s\n got %s\nwant %s", row.keys, got, row.want)
		}
	}
}

// A variable of the environment may be a secret: no error and no reason shows it.
func TestEnvironmentVariablesAreInNoError(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{
		`dag: d, conf: {a: "${int(vars.stage)}"}`,
		`dag: d, conf: {a: "${timestamp(vars.stage)}"}`,
		`dag: d, conf: {a: "${data[vars.stage]}"}`,
		`dag: d, when: "vars.stage == 'x'"`,
		`dag: d, when: "int(vars.stage) > 0"`,
		`dag: d, vars: {x: "${int(vars.stage)}"}, conf: {x: "${vars.x}"}`,
		`dag: "${vars.stage}_${data.table}", dags: [x]`,
		`dag: "${vars.stage}!"`,
		`dag: d, run_id_exact: "${vars.stage}/x"`,
	} {
		specs, problems := decode(t, "- {name: r, on: com.acme.x, "+keys+"}")
		table, more := route.Compile(specs, route.Options{Constants: constants(true)})
		text := listed(append(problems, more...))
		if table != nil {
			ev := newEvent(t, "com.acme.x", "//acme", `{"table": "orders"}`)
			text += described(table.Decide(t.Context(), ev)) + fmt.Sprintf("%+v", table.Explain(t.Context(), ev))
		}
		if text == "" || strings.Contains(text, "secret-stage") {
			t.Errorf("%s: the value is in %s", keys, text)
		}
	}
}
