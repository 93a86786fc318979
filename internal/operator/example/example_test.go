// SPDX-License-Identifier: Apache-2.0

package example_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/example"
)

const routes = `
environments:
  prod: {url: "https://airflow.example.com", auth: none}
routes:
  - name: sales-csv
    on: object.finalized
    bucket: acme-landing
    object: sales/{region=*}/*.csv
    skip: temporary
    dag: load_sales
    logical_date: ${event.time}
    conf: {uri: "gs://${object.bucket}/${object.name}", region: "${path.region}", size: "${int(object.size)}"}
  - name: gone
    on: [object.deleted, object.archived, object.metadataUpdated]
    dag: forget
    note: gone
    conf: {}
  - name: orders
    on: message.published
    topic: orders
    attributes: {kind: order}
    dag: book
    run_id: ${message.json.id}
  - name: paid
    on: com.acme.*
    dag: ship
    when: data.amount > 10
`

// suite reads examples on the routes above.
func suite(t testing.TB, tests string) (example.Suite, config.File) {
	t.Helper()
	s, err := example.Parse("t.yaml", []byte("config: routes.yaml\ntests:\n"+tests))
	if err != nil {
		t.Fatalf("%v in\n%s", err, tests)
	}
	f, err := config.Parse("routes.yaml", []byte(routes))
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

// try tries all examples, and lists their differences.
func try(t testing.TB, tests string) (example.Suite, []example.Result, string) {
	t.Helper()
	s, f := suite(t, tests)
	results := s.Try(t.Context(), f.Table)
	var lines []string
	for _, r := range results {
		lines = append(lines, r.Differences...)
	}
	return s, results, strings.Join(lines, "\n")
}

// Each row is an example and where it differs from what is.
func TestExampleReportsDifferences(t *testing.T) {
	t.Parallel()
	const upload = "- name: n\n  upload: gs://acme-landing/sales/eu/a.csv\n  size: 12\n"
	const order = "- name: n\n  message: {id: 4711}\n  topic: orders\n  attributes: {kind: order}\n"
	const paid = "- name: n\n  event: {specversion: '1.0', id: '7', source: //acme, type: com.acme.paid, data: {amount: 11}}\n"
	const broken = "- name: n\n  event: {specversion: '1.0', id: '7', source: //acme, type: com.acme.paid, data: {amount: much}}\n"
	for _, row := range []struct{ name, text, want string }{
		{"a route", upload + "  starts: [sales-csv]", ``},
		{"everything", upload + "  starts:\n  - route: sales-csv\n    dag: load_sales\n    environment: prod\n    run_id: " +
			"dagtrigger__sales-csv__b6733e08471268c3a1b8\n" +
			"    logical_date: 2026-01-01T01:00:00+01:00\n    note: 'gs://acme-landing/sales/eu/a.csv, generation 1: finalized'\n" +
			"    conf: {size: 12, region: eu, uri: gs://acme-landing/sales/eu/a.csv}", ``},
		{"everything otherwise", upload + "  starts:\n  - route: sales-csv\n    dag: load\n    environment: lab\n    run_id: x\n    " +
			"logical_date: 2026-01-02T00:00:00Z\n    note: x\n    conf: {size: '12', region: us, rows: 3}",
			`sales-csv: dag is "load_sales", and must be "load"
sales-csv: environment is "prod", and must be "lab"
sales-csv: run_id is "dagtrigger__sales-csv__b6733e08471268c3a1b8", and must be "x"
sales-csv: note is "gs://acme-landing/sales/eu/a.csv, generation 1: finalized", and must be "x"
sales-csv: logical_date is "2026-01-01T00:00:00Z", and must be "2026-01-02T00:00:00Z"
sales-csv: conf.region is "eu", and must be "us"
sales-csv: conf.rows is not there, and must be 3
sales-csv: conf.size is 12, and must be "12"
sales-csv: conf.uri is "gs://acme-landing/sales/eu/a.csv", which is not said`},
		{"a part of conf", upload + "  starts: [{route: sales-csv, conf_has: {region: eu}}]", ``},
		{"a part of conf otherwise", upload + "  starts: [{route: sales-csv, conf_has: {region: us}}]",
			`sales-csv: conf.region is "eu", and must be "us"`},
		{"nothing, where something is", upload + "  starts: []", `sales-csv: starts load_sales, which is not said`},
		{"something, where nothing is", "- name: n\n  upload: gs://acme-landing/sales/eu/_temporary/a.csv\n  starts: [sales-csv]",
			`sales-csv: starts nothing: object is "sales/eu/_temporary/a.csv", not sales/{region=*}/*.csv`},
		{"a route that is not there", upload + "  starts: [sales-cvs]",
			"sales-cvs: starts nothing: there is no such route; did you mean sales-csv?\nsales-csv: starts load_sales, which is not said"},
		{"another route", upload + "  starts: [sales-csv, orders]",
			`orders: starts nothing: type is "google.cloud.storage.object.v1.finalized", not google.cloud.pubsub.topic.v1.messagePublished`},
		{"nothing said", upload, `nothing is said to come of it: add starts, or have --update write it`},
		{"another change", "- name: n\n  deleted: gs://b/o\n  starts: [{route: gone, note: gone, conf: {}}]", ``},
		{"a generation", "- name: n\n  upload: gs://acme-landing/sales/eu/a.csv\n  generation: 17\n  starts: [{route: sales-csv, note: " +
			"'gs://acme-landing/sales/eu/a.csv, generation 17: finalized'}]", ``},
		{"an old version", "- name: n\n  archived: gs://b/o\n  starts: [gone]", ``},
		{"other metadata", "- name: n\n  metadata_updated: gs://b/o\n  metageneration: 2\n  metadata: {a: b}\n  starts: [gone]", ``},
		{"a notification", "- name: n\n  upload: gs://acme-landing/sales/eu/a.csv\n  without_payload: true\n  as: push\n  fails: [{route: " +
			"sales-csv, error: object.size}]", ``},
		{"a message", order + "  starts: [{route: orders, dag: book, conf: {id: 4711}}]", ``},
		{"the key of run_id", order + "  starts: [{route: orders, run_key: '4711'}]", ``},
		{"the key of an event", upload + "  starts: [{route: sales-csv, run_key: storage finalized acme-landing sales/eu/a.csv 1}]", ``},
		{"another key", order + "  starts: [{route: orders, run_key: '4712'}]", `orders: run_key is "4711", and must be "4712"`},
		{"the same run", order + "- name: m\n  id: '99'\n" + strings.TrimPrefix(order, "- name: n\n") +
			"  starts: [{route: orders, same_run_as: n}]", `nothing is said to come of it: add starts, or have --update write it`},
		{"another run", order + "  starts: [orders]\n- name: m\n  message: {id: 4712}\n  topic: orders\n  attributes: {kind: order}\n" +
			"  starts: [{route: orders, same_run_as: n}]",
			`orders: must start the same run as "n", whose run_key is "4711", and here it is "4712"`},
		{"the same run as none", "- {name: n, message: x, starts: []}\n" + strings.Replace(order, "- name: n", "- name: m", 1) +
			"  starts: [{route: orders, same_run_as: n}]",
			`orders: must start the same run as "n", which starts none by this route`},
		{"a failure, without its place", broken + "  fails: [{route: paid, error: 'when: evaluating data.amount > 10'}]", ``},
		{"a failure, with its place", broken + "  fails: [{route: paid, error: 'when on line 27, column 11: evaluating'}]", ``},
		{"a message, unwrapped", order + "  as: push\n  starts: []", ``},
		{"a message of text", "- name: n\n  message: hello\n  starts: []", ``},
		{"an event", paid + "  starts: [{route: paid, conf: {amount: 11.0}}]", ``},
		{"a failure", broken + "  fails: [{route: paid, error: no such overload}]", ``},
		{"a failure, by its name", broken + "  fails: [paid]", ``},
		{"a failure otherwise", broken + "  fails: [{route: paid, error: other}]",
			`paid: fails otherwise than with "other": when on line 27, column 11: evaluating data.amount > 10 where data.amount is "much": no ` +
				`such overload: ` +
				`convert with int(…), double(…), string(…) or timestamp(…), or test with type(…)`},
		{"a failure, where a run is", paid + "  fails: [paid]", "paid: starts ship, which is not said\npaid: must fail: it starts a run"},
		{"a failure, where nothing is", paid + "  starts: [paid]\n  fails: [orders]",
			`orders: must fail: type is "com.acme.paid", not google.cloud.pubsub.topic.v1.messagePublished`},
		{"a run, where a failure is", broken + "  starts: [paid]\n  fails: [paid]", `paid: fails, and must start a run`},
		{"a failure that is not said", broken + "  starts: []",
			`paid: fails: when on line 27, column 11: evaluating data.amount > 10 where data.amount is "much": no such overload: ` +
				`convert with int(…), double(…), string(…) or timestamp(…), or test with type(…)`},
		{"an event that is refused", "- name: n\n  event: {specversion: '1.0', id: '7', source: //acme, type: " +
			"google.cloud.storage.object.v1.finalized, data: []}\n  starts: []",
			`the function refuses the event: the data of the Cloud Storage event is not a JSON object in UTF-8: send the object resource, as ` +
				`Eventarc and a notification with payload JSON_API_V1 do`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, _, got := try(t, row.text); got != row.want {
				t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
			}
		})
	}
}

func TestConfIsComparedByValue(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ data, said, want string }{
		{`{"n": 9007199254740993}`, `{n: 9007199254740993}`, ``},
		{`{"n": 9007199254740993}`, `{n: 9007199254740992}`, `conf.n is 9007199254740993, and must be 9007199254740992`},
		{`{"n": 1.50}`, `{n: 1.5}`, ``},
		{`{"n": 15e-1}`, `{n: 1.5}`, ``},
		{`{"n": "1"}`, `{n: 1}`, `conf.n is "1", and must be 1`},
		{`{"n": null}`, `{n: null}`, ``},
		{`{"n": null}`, `{}`, `conf.n is null, which is not said`},
		{`{"l": [1, {"a": 2}]}`, `{l: [1, {a: 2}]}`, ``},
		{`{"l": [1, {"a": 2}]}`, `{l: [1, {a: 3}]}`, `conf.l[1].a is 2, and must be 3`},
		{`{"l": [1, 2]}`, `{l: [1]}`, `conf.l is [1,2], and must be [1]`},
		{`{"a b": {"": 1}}`, `{a b: {'': 2}}`, `conf["a b"][""] is 1, and must be 2`},
		{`{"m": {"a": 1}}`, `{m: text}`, `conf.m is {"a":1}, and must be "text"`},
		{`{"m": "<ü>"}`, `{m: <ü>}`, ``},
	} {
		text := "- name: n\n  message: '" + row.data + "'\n  topic: orders\n  attributes: {kind: order}\n  starts: [{route: orders, conf: " +
			row.said + "}]"
		text = strings.Replace(text, "'{", `'{"id": 7, `, 1)
		text = strings.Replace(text, "conf: {", "conf: {id: 7, ", 1)
		want := row.want
		if want != "" {
			want = "orders: " + want
		}
		if _, _, got := try(t, text); got != want {
			t.Errorf("%s, said to be %s\n got %s\nwant %s", row.data, row.said, got, want)
		}
	}
}

func TestErrorsOfExamples(t *testing.T) {
	t.Parallel()
	const head = "config: routes.yaml\ntests:\n"
	const keys = "use one of name, upload, deleted, archived, metadata_updated, size, content_type, metadata, generation, " +
		"metageneration, without_payload, message, attributes, topic, ordering_key, subscription, event, id, time, " +
		"files, manifest, as, starts, fails"
	for _, row := range []struct{ name, text, want string }{
		{"nothing", "", `t.yaml:1:1: the file is empty: write it, or leave it out`},
		{"broken YAML", head + "- [", `t.yaml:3:3: this is not valid YAML: [ is not closed: end it with ]`},
		{"no keys", "{}", "t.yaml:1:1: a file of examples has no config: add it, such as config: routes.yaml\n" +
			"t.yaml:1:1: a file of examples has no tests: add it, such as tests: [{name: other buckets start nothing, upload: " +
			"gs://acme-scratch/a.csv, starts: []}]"},
		{"config", "config: [a]\ntests: []", `t.yaml:1:9: config is a path, and this is a list: write it as config: routes.yaml`},
		{"tests", "config: a\ntests: b", `t.yaml:2:8: tests is a list, and this is text: write it as a list of examples, each of which ` +
			`begins with - name:`},
		{"a key", head + "- {name: n, upload: gs://a/b, begins: []}", `t.yaml:3:31: begins is not a key of an example: ` + keys},
		{"no name", head + "- {upload: gs://a/b}", `t.yaml:3:3: an example has no name: add it, such as name: a file of sales starts load_sales`},
		{"a name twice", head + "- {name: n, upload: gs://a/b}\n- {name: n, upload: gs://a/b}",
			`t.yaml:4:3: "n" is taken by the example on line 3: give each example another name`},
		{"no event", head + "- {name: n}", `t.yaml:3:3: an example has one event, and this has 0: give one of upload, deleted, archived, ` +
			`metadata_updated, message, event`},
		{"two events", head + "- {name: n, upload: gs://a/b, message: c}",
			`t.yaml:3:3: an example has one event, and this has 2: give one of upload, deleted, archived, metadata_updated, message, event`},
		{"no object", head + "- {name: n, upload: b/c}", `t.yaml:3:21: upload names no object: write it as upload: gs://BUCKET/OBJECT`},
		{"what does not belong", head + "- {name: n, upload: gs://a/b, topic: c}",
			`t.yaml:3:38: topic says nothing of an event given by upload: leave it out, or give the event by message or event`},
		{"a size", head + "- {name: n, upload: gs://a/b, size: -1}",
			`t.yaml:3:37: size takes a whole number, and this is the number -1: write it as size: 2048`},
		{"a time", head + "- {name: n, upload: gs://a/b, time: noon}", `t.yaml:3:37: time is "noon": write it as 2026-11-22T09:30:00Z`},
		{"a way", head + "- {name: n, upload: gs://a/b, as: pushed}", `t.yaml:3:35: as is "pushed": did you mean push?`},
		{"a way that there is not", head + "- {name: n, message: a, as: notification}",
			`t.yaml:3:3: the event cannot be sent as notification: a message does not travel as "notification": use one of eventarc, ` +
				`structured, push, push-unwrapped, background`},
		{"an event", head + "- {name: n, event: {a: b}}",
			`t.yaml:3:20: event is none: the JSON is neither a CloudEvent (no specversion), nor an object resource (no bucket and name), nor ` +
				`a Pub/Sub message (no messageId), nor a background event (no context): ` +
				"add what is missing; give the data of a message alone with --data"},
		{"no file", head + "- {name: n, event: missing.json}",
			`t.yaml:3:20: stat missing.json: no such file or directory: name a JSON file, relative to this one, or write the event here`},
		{"no route", head + "- {name: n, upload: gs://a/b, starts: [{dag: d}]}",
			`t.yaml:3:40: a run has no route: add it, such as route: sales-csv`},
		{"another example that is not there", head + "- {name: n, upload: gs://a/b, starts: [{route: r, same_run_as: fisrt}]}\n" +
			"- {name: first, upload: gs://a/b}",
			`t.yaml:3:3: same_run_as is "fisrt", which is not the name of another example: did you mean "first"?`},
		{"itself", head + "- {name: n, upload: gs://a/b, starts: [{route: r, same_run_as: n}]}",
			`t.yaml:3:3: same_run_as is "n", which is not the name of another example: give the name of another example of this file`},
		{"conf", head + "- {name: n, upload: gs://a/b, starts: [{route: r, conf: [1]}]}",
			`t.yaml:3:57: conf is a map, and this is a list: write it as conf: {region: eu}`},
		{"a value", head + "- {name: n, upload: gs://a/b, starts: [{route: r, conf: {a: .nan}}]}",
			`t.yaml:3:61: .nan is not valid JSON: quote it, or write a number, true, false or null`},
		{"too much", head + "- {name: n, upload: gs://a/b, starts: [{route: r, conf: &x {a: *x}}]}",
			`t.yaml:3:57: this is nested over 200 levels: nest it less`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := example.Parse("t.yaml", []byte(row.text))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != row.want {
				t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
			}
		})
	}
}

func TestFilesAreRelativeToTheExamples(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"t.yaml":     "config: routes.yaml\ntests: [{name: n, event: events/a.json, starts: [paid]}]",
		"a.json":     `{"specversion": "1.0", "id": "7", "source": "//acme", "type": "com.acme.paid", "data": {"amount": 11}}`,
		"routes.yml": routes,
	} {
		if name == "a.json" {
			name = filepath.Join("events", name)
			if err := os.Mkdir(filepath.Join(dir, "events"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := example.Load(filepath.Join(dir, "t.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(filepath.Join(dir, "routes.yaml"), s.Config); diff != "" || len(s.Examples) != 1 {
		t.Errorf("config (-want +got): %s, %d examples", diff, len(s.Examples))
	}
}

// What the documentation shows must work.
func TestExampleOfEveryKeyIsValid(t *testing.T) {
	t.Parallel()
	for _, k := range example.SuiteKeys() {
		keys := map[string]string{"config": "config: routes.yaml", "tests": "tests: []"}
		keys[k.Name] = k.Example
		if _, err := example.Parse("t.yaml", []byte(keys["config"]+"\n"+keys["tests"])); err != nil {
			t.Errorf("%s: %v", k.Example, err)
		}
	}
	beside := map[string]string{
		"message": "", "event": "", "upload": "", "deleted": "", "archived": "", "metadata_updated": "",
		"attributes": "message: x", "topic": "message: x", "ordering_key": "message: x", "subscription": "message: x",
	}
	for _, k := range example.Keys() {
		with, ok := beside[k.Name]
		if !ok {
			with = "upload: gs://a/b"
		}
		text := "config: routes.yaml\ntests:\n- name: n\n  " + with + "\n  " + k.Example
		text = strings.Replace(text, "- name: n\n  upload: gs://a/b\n  name: ", "- upload: gs://a/b\n  name: ", 1)
		if _, err := example.Parse("t.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if !strings.HasPrefix(k.Example, k.Name+": ") || !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s is not documented: %+v", k.Name, k)
		}
	}
}
