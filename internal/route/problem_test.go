// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"fmt"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
)

// good is a route that other routes of a table are variations of.
const good = "- name: r\n  on: object.finalized\n  dag: d\n"

// The words in which a problem is reported, and the place, are part of the
// product: each row is a file and all that is wrong with it.
func TestErrors(t *testing.T) {
	t.Parallel()
	const keys = "use one of name, on, bucket, object, topic, subscription, source, subject, attributes, skip, when, dag, dags, reject, " +
		"vars, asset, dataset, extra, materialize, partition_key, conf, run_id, run_id_exact, logical_date, note, environment, every, grace, " +
		"late, complete, max_active, when_paused, skip_active, dead_letter, shadow, enabled"
	const capture = ": write a capture as {name=*} or {name=**}"
	for _, row := range []struct{ text, want string }{
		{good, ``},

		// Decoding: keys.
		{good + "  objekt: x", `4:3: objekt is not a key of a route: did you mean object?`},
		{good + "  schedule: x", `4:3: schedule is not a key of a route: ` + keys},
		{good + "  dag: e", `4:3: dag stands here twice, first on line 3: remove one of the two`},
		{good + "  3: e", `4:3: a key is text, and this is a number: quote it: "3"`},
		{good + "  [a]: e", `4:3: a key is text, and this is a list: write it as key: value`},
		{good + "  <<: {bucket: b}", `4:3: << merges nothing here: write the keys out, or use an alias for one value`},
		{"- sales", `1:3: a route is a map, and this is text: write it as key: value`},
		{"- []", `1:3: a route is a map, and this is a list: write it as key: value`},
		{"-", `1:2: a route is a map, and this is nothing: write it as key: value`},
		{"- {}", `1:3: a route has no name: add it, such as name: sales-csv|1:3: a route has no on: add it, such as on: [object.finalized, ` +
			`object.deleted]|` +
			`1:3: a route has no dag: add it, such as dag: load_sales`},

		// Decoding: types.
		{good + "  bucket: {a: b}", `4:11: bucket takes a pattern or a list of patterns, and this is a map: write it as bucket: acme-landing`},
		{good + "  bucket: 12", `4:11: bucket takes a pattern or a list of patterns, and this is the number 12: quote it: "12"`},
		{good + "  bucket: [a, true]", `4:15: bucket takes a pattern or a list of patterns, and this is true: quote it: "true"`},
		{good + "  bucket: []", `4:11: bucket is an empty list: leave bucket out, or write it as bucket: acme-landing`},
		{good + "  bucket:", `4:10: bucket takes a pattern or a list of patterns, and this is nothing: write it as bucket: acme-landing`},
		{good + "  when: [a]", `4:9: when takes an expression, and this is a list: write it as when: int(object.size) > 0`},
		{good + "  when: true",
			`4:9: when takes an expression, and this is true: leave when out: the route then takes all that its other keys do`},
		{good + "  note: !x y", `4:9: note takes text with ${expressions} inside, and this is tagged !x: quote it: "!x y"`},
		{good + "  enabled: 'no'", `4:12: enabled takes true or false, and this is the text "no": write enabled: false`},
		{good + "  enabled: [true]", `4:12: enabled takes true or false, and this is a list: write it as enabled: false`},
		{good + "  attributes: kind",
			`4:15: attributes takes a map of names to a pattern or a list of patterns, and this is the text "kind": ` +
				`write it as attributes: {kind: order, version: ["1", "2"]}`},
		{good + "  attributes: {}", `4:15: attributes is an empty map: leave attributes out, or write it as attributes: {kind: order, version: ` +
			`["1", "2"]}`},
		{good + "  attributes: {kind: 1}",
			`4:22: attributes takes a map of names to a pattern or a list of patterns, and this is the number 1: quote it: "1"`},
		{good + "  attributes: {a: b, a: c}", `4:22: a stands here twice, first on line 4: remove one of the two`},
		{good + "  attributes: {'': c}", `4:16: attributes: a name is empty: name an attribute, such as attributes: {kind: order}`},
		{good + "  conf: {a: .nan, b: [.inf]}",
			`4:13: .nan is not valid JSON: quote it, or write a number, true, false or null|4:23: .inf is not valid JSON: quote it, or write a ` +
				`number, true, false or null`},
		{good + "  conf: {a: 1, a: 2}", `4:16: a stands here twice, first on line 4: remove one of the two`},
		{good + "  conf: {a: {1: 2}}", `4:14: a key is text, and this is a number: quote it: "1"`},
		{good + "  conf: &x {a: *x}", `4:9: conf is nested over 200 levels: nest it less`},
		{good + "  conf: {a: &a [1,1,1,1,1,1,1,1,1,1], b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a], c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b], d: " +
			"[*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]}",
			`4:31: the route has over 10000 values: use fewer aliases, or split it`},

		// Names.
		{"- on: '*'\n  dag: d", `1:3: a route has no name: add it, such as name: sales-csv`},
		{"- name: Sales CSV\n  on: '*'\n  dag: d",
			`1:9: name: "Sales CSV" is not a valid name of a route: use lower-case letters, digits, _ and -, beginning with a letter or digit, ` +
				`at most 63`},
		{"- name: -x\n  on: '*'\n  dag: d",
			`1:9: name: "-x" is not a valid name of a route: use lower-case letters, digits, _ and -, beginning with a letter or digit, at most 63`},
		{"- name: " + strings.Repeat("x", 64) + "\n  on: '*'\n  dag: d",
			`1:9: name: "` + strings.Repeat("x", 64) + `" is not a valid name of a route: ` +
				`use lower-case letters, digits, _ and -, beginning with a letter or digit, at most 63`},
		{good + good, `4:9: name: r is taken by the route on line 1: give each route a unique name`},

		// Event types.
		{"- name: r\n  dag: d", `1:3: a route has no on: add it, such as on: [object.finalized, object.deleted]`},
		{"- name: r\n  on: object.finalised\n  dag: d", `2:7: on: object.finalised is not an event type: did you mean object.finalized?`},
		{"- name: r\n  on: [com.acme.x, message.publish]\n  dag: d",
			`2:20: on: message.publish is not an event type: did you mean message.published?`},
		{"- name: r\n  on: google.storage.object.finalize\n  dag: d",
			`2:7: on: google.storage.object.finalize is not an event type: did you mean object.finalized?`},
		{"- name: r\n  on: object.renamed\n  dag: d",
			`2:7: on: object.renamed is not an event type: use one of message.published, object.archived, object.deleted, object.finalized, ` +
				`object.metadataUpdated`},
		{"- name: r\n  on: object.x\n  dag: d",
			`2:7: on: object.x is not an event type: use one of message.published, object.archived, object.deleted, object.finalized, ` +
				`object.metadataUpdated`},

		// Patterns.
		{good + "  object: sales/{region}/*", `4:17: object: {region} does not say what it takes: write {region=*} or {region=**}`},
		{good + "  object: ['a', 'ü/}']", `4:20: object: } closes nothing` + capture},
		{good + "  object: |\n    a/{", `4:11: object: { is not closed` + capture},
		{good + "  bucket: '{b=*}'", `4:11: bucket: {b=*} captures, which only object, subject and attributes can: write * or **`},
		{good + "  attributes: {kind: ['***']}", `4:23: attributes: *** is no wildcard: write * for any characters but /, or ** for any at all`},
		{good + "  object: ''", `4:11: object: the pattern is empty: write ** to match everything, or leave it out`},
		{good + "  skip: [folder, empty, tmp]",
			`4:10: skip is "folder": did you mean folders?|4:25: skip is "tmp": use one of folders, empty, temporary`},

		// Expressions, in each key, at their place.
		{good + "  when: int(object.sise) > 0", `4:19: when: object has no field sise: did you mean object.size?`},
		{good + "  when: size('ü') == object.sise", `4:28: when: object has no field sise: did you mean object.size?`},
		{good + "  when: \"'ü' == object.sise\"", `4:23: when: object has no field sise: did you mean object.size?`},
		{good + "  when: '''ü'' == object.sise'", `4:9: when: object has no field sise: did you mean object.size?`}, // escapes: its beginning
		{good + "  when: int(object.size)", `4:9: when gives a number: compare it with something, so that it is true or false`},
		{good + "  when: >\n    object.sise != ''", `4:9: when: object has no field sise: did you mean object.size?`},
		{good + "  run_id: x/${object.sise}", `4:21: run_id: object has no field sise: did you mean object.size?`},
		{good + "  run_id: 'x/${object.sise}'", `4:22: run_id: object has no field sise: did you mean object.size?`},
		{good + "  note: x ${", `4:11: note: ${ is not closed: end the expression with }, or write $${ for a literal ${`},
		{good + "  note: ${null}", `4:9: note is text, and this gives null: give text, a number or a timestamp; end an optional in ` +
			`.orValue(…)`},
		{good + "  note: ${object.?etag}",
			`4:9: note is text, and this gives an optional: give text, a number or a timestamp; end an optional in .orValue(…)`},
		{good + "  logical_date: ${1}", `4:17: logical_date gives a number: give a timestamp, such as ${event.time}`},
		{good + "  conf: {a: ['${object.sise}']}", `4:23: conf.a[0]: object has no field sise: did you mean object.size?`},
		{good + "  conf: {a: '${object.?etag}'}",
			`4:13: conf.a gives an optional, which is not valid JSON: give text, a number, a map or a list; end an optional in .orValue(…)`},
		{good + "  conf: [1]", `4:9: conf is no map: Airflow takes an object: write conf as key: value`},
		{good + "  conf: 1", `4:9: conf is no map: Airflow takes an object: write conf as key: value`},
		{good + "  conf: text", `4:9: conf is text: write a map, or one ${expression} that is a map`},
		{good + "  conf: x${object}", `4:9: conf is text: write a map, or one ${expression} that is a map`},
		{good + "  conf: ${object.name}", `4:9: conf gives text: give a map: Airflow takes an object`},

		// Variables that no event of the route has.
		{"- name: r\n  on: message.published\n  dag: d\n  note: ${object.name}",
			`4:11: note: no event of this route has an object: use data, or add a type such as object.finalized to on`},
		{good + "  note: ${path.region}",
			`4:11: note: path is empty without an object pattern: add one that captures, such as object: sales/{region=*}/*.csv`},
		{good + "  object: a/*\n  note: ${path.region}",
			`5:11: note: the object patterns capture nothing that all of them have: capture it in each, as {region=*}`},
		{good + "  object: ['{a=*}', '{a=*}/{b=*}']\n  note: ${path.a}${path.b}",
			`5:20: note: not every object pattern captures b: capture it in each, as {b=*}, or use path.a`},
		{good + "  object: '{region=*}'\n  note: ${path.regoin}",
			`5:11: note: not every object pattern captures regoin: did you mean path.region?`},
		{good + "  object: ['{a=*}', '{b=*}']\n  note: ${path}",
			`5:11: note: the object patterns capture nothing that all of them have: capture it in each, as {name=*}`},

		// The run id.
		{good + "  run_id_exact: ${object.name}", ``},
		{
			good + "  run_id: x/${object.name}\n  run_id_exact: ${object.name}",
			`5:17: run_id_exact cannot be combined with run_id: keep run_id_exact for an id of the sender's, or run_id for one made of a hash`,
		},
		{
			good + "  every: 5m\n  run_id_exact: ${object.name}",
			`5:17: run_id_exact cannot be combined with every, whose windows make the run ids: leave one of the two out`,
		},
		{
			good + "  run_id_exact: a/b",
			`4:17: run_id_exact: Airflow takes no run id "a/b": use A-Z a-z 0-9 _ . ~ : + and - only, without ..`,
		},
		{good + "  run_id_exact: ''", `4:17: run_id_exact: the run id is empty: name the run, so that asking twice makes one run`},

		// The DAG and the environment.
		{"- name: r\n  on: '*'", `1:3: a route has no dag: add it, such as dag: load_sales`},
		{"- name: r\n  on: '*'\n  dag: load sales", `3:8: dag: "load sales" is not a valid DAG id: use letters, digits, _, - and ., at most 250`},
		{"- name: r\n  on: '*'\n  dag: ..", `3:8: dag: ".." is not a valid DAG id: use letters, digits, _, - and ., at most 250`},
		{"- name: r\n  on: '*'\n  dag: ''", `3:8: dag: "" is not a valid DAG id: use letters, digits, _, - and ., at most 250`},
		{"- name: r\n  on: '*'\n  dag: load_${event.id}",
			`3:8: dag is computed, and nothing says what it may become: list the DAGs it may start, such as dags: [load_eu, load_us]`},
		{good + "  dags: [d]", `4:10: dags is for a dag that is computed: leave dags out`},
		{"- name: r\n  on: '*'\n  dag: ${event.id}\n  dags: [a, a b, a]",
			`4:13: dags: "a b" is not a valid DAG id: use letters, digits, _, - and ., at most 250|4:18: dags: a stands there twice: remove one ` +
				`of the two`},
		{good + "  environment: prod", `4:16: environment: prod is not declared: declare it under environments, or leave it out`},

		// All at once, in the order of the file.
		{"- name: R\n  on: object.x1\n  colour: red\n  when: 1 +\n  conf: {a: '${b}'}",
			`1:3: a route has no dag: add it, such as dag: load_sales|` +
				`1:9: name: "R" is not a valid name of a route: use lower-case letters, digits, _ and -, beginning with a letter or digit, ` +
				`at most 63|2:7: on: object.x1 is not an event type: use one of message.published, ` +
				`object.archived, object.deleted, object.finalized, ` +
				`object.metadataUpdated|` +
				`3:3: colour is not a key of a route: ` + keys + `|` +
				`4:12: when: invalid CEL: the expression ends too early: write what is missing at its end|` +
				`5:16: conf.a: b is not a variable or function: name one of complete, data, event, manifest, message, object, path or vars, or a ` +
				`function of CEL`},
	} {
		if got := problemsOf(t, row.text); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
		}
	}
}

// problemsOf lists all that is wrong with a list of routes.
func problemsOf(t testing.TB, text string, environments ...string) string {
	t.Helper()
	specs, problems := decode(t, text)
	table, more := route.Compile(specs, route.Options{Environments: environments})
	if (table == nil) != (len(more) > 0) {
		t.Errorf("%s: table %v beside %v", text, table, more)
	}
	return listed(append(problems, more...))
}

// listed puts problems in the order of the file, as one line.
func listed(problems document.Problems) string {
	problems.Sort()
	lines := make([]string, len(problems))
	for i, f := range problems {
		lines[i] = f.String()
	}
	return strings.Join(lines, "|")
}

func TestEnvironmentErrors(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		keys  string
		known []string
		want  string
	}{
		{"", []string{"lab", "prod"}, `1:3: the route names no environment, and there are several: add environment: lab or prod`},
		{"  environment: prd", []string{"lab", "prod"}, `4:16: environment: prd is not declared: did you mean prod?`},
		{"  environment: staging", []string{"lab", "prod"}, `4:16: environment: staging is not declared: use one of lab, prod`},
		{"  environment: ''", []string{"lab"}, `4:16: environment:  is not declared: use one of lab`},
		{"  environment: lab", []string{"lab"}, ``},
	} {
		if got := problemsOf(t, good+row.keys, row.known...); got != row.want {
			t.Errorf("%q with %v\n got %s\nwant %s", row.keys, row.known, got, row.want)
		}
	}
}

// Thousands of routes are compiled on all cores: their problems come in the order
// of the file all the same.
func TestErrorsOfManyRoutes(t *testing.T) {
	t.Parallel()
	var text, want strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "- {name: r%d, on: '*', dag: d, when: event.idd == '%d'}\n", i, i)
		fmt.Fprintf(&want, "|%d:%d: when: event has no field idd: did you mean event.id?", i+1,
			len(fmt.Sprintf("- {name: r%d, on: '*', dag: d, when: event.", i)))
	}
	if got := problemsOf(t, text.String()); "|"+got != want.String() {
		t.Errorf("got %.500s", got)
	}
}
