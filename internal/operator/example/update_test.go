// SPDX-License-Identifier: Apache-2.0

package example_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/example"
)

// What is stands in the place of what was said, and nothing else changes.
func TestUpdateWritesTheActualResult(t *testing.T) {
	t.Parallel()
	const wrong = `# Examples of the routes.
config: routes.yaml

tests:
  # Files of sales.
  - name: a file
    upload: gs://acme-landing/sales/eu/a.csv   # in its folder
    size: 12
    starts:
      # The route.
      - route: sales-csv
        dag: wrong   # the DAG
        conf:
          uri: wrong
          # A number.
          size: 12
          rows: 3
        note: "wrong"

  - name: right already
    upload:   gs://other/b.csv
    starts:   []

  - name: nothing said
    deleted: gs://b/o

  - name: said to be nothing
    starts: [] # none
    archived: gs://b/o

  # The last of all.
  - name: otherwise
    starts: [orders, {route: sales-csv, conf_has: {region: us, rows: 3}}]
    upload: gs://acme-landing/sales/eu/a.csv

  - starts:
    - paid
    name: fails now
    event: {specversion: '1.0', id: '7', source: //acme, type: com.acme.paid, data: {amount: much}}
# The end.
`
	const right = `# Examples of the routes.
config: routes.yaml

tests:
  # Files of sales.
  - name: a file
    upload: gs://acme-landing/sales/eu/a.csv   # in its folder
    size: 12
    starts:
      # The route.
      - route: sales-csv
        dag: load_sales # the DAG
        conf:
          uri: gs://acme-landing/sales/eu/a.csv
          # A number.
          size: 12
          region: eu
        note: "gs://acme-landing/sales/eu/a.csv, generation 1: finalized"

  - name: right already
    upload:   gs://other/b.csv
    starts:   []

  - name: nothing said
    deleted: gs://b/o
    starts:
      - route: gone
        dag: forget
        conf: {}

  - name: said to be nothing
    starts: # none
      - route: gone
        dag: forget
        conf: {}
    archived: gs://b/o

  # The last of all.
  - name: otherwise
    starts: [{route: sales-csv, conf_has: {region: eu}}]
    upload: gs://acme-landing/sales/eu/a.csv

  - starts: []
    name: fails now
    event: {specversion: '1.0', id: '7', source: //acme, type: com.acme.paid, data: {amount: much}}
    fails:
      - route: paid
        error: 'when: evaluating data.amount > 10 where data.amount is "much": no such overload: ` +
		`convert with int(…), double(…), string(…) or timestamp(…), or test with type(…)'
# The end.
`
	if diff := cmp.Diff(right, updated(t, wrong)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again := updated(t, right); again != right {
		t.Errorf("updated again it is\n%s", again)
	}
}

// Examples in braces are written again, with their comments.
func TestUpdateOfExamplesInBraces(t *testing.T) {
	t.Parallel()
	const wrong = `# Examples.
config: routes.yaml
tests:
  # One.
  - {name: a file, upload: gs://acme-landing/sales/eu/a.csv, starts: []} # in braces
`
	const right = `# Examples.
config: routes.yaml
tests:
  # One.
  - {name: a file, upload: 'gs://acme-landing/sales/eu/a.csv', starts: [{route: sales-csv, dag: load_sales, ` +
		`conf: {uri: 'gs://acme-landing/sales/eu/a.csv', region: eu, size: 0}}]} # in braces
`
	if diff := cmp.Diff(right, updated(t, wrong)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The values of a conf stay what they are, whatever YAML makes of such text.
func TestUpdateKeepsEveryValue(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`{"id":1,"n":9007199254740993,"f":1.50,"e":1e400,"z":-0,"null":null,"t":true}`,
		`{"id":1,"a":"true","b":"null","c":"12","d":"2026-11-22","e":"","f":" x ","g":"a: b","h":"# c","i":"- x","j":"*a","k":"~","l":"<ü>"}`,
		`{"id":1,"a":"line\nline\n","b":"\t","c":"\u0000\u0007\u2028","d":"'\"","e":"\ud83d\ude00","f":"\r\n"}`,
		`{"id":1,"":{"a b":[],"c":{},"d":[[1],[],[{"x":[2]}]]},"on":"on","<<":"x","123":4}`,
	} {
		text := "config: routes.yaml\ntests:\n- name: n\n  topic: orders\n  attributes: {kind: order}\n  message: '" + strings.ReplaceAll(data,
			"'", "''") + "'\n"
		got := updated(t, text)
		if _, _, differences := try(t, got[strings.Index(got, "- name"):]); differences != "" {
			t.Errorf("%s\nupdated it is\n%s\nof which %s", data, got, differences)
		}
	}
}

func updated(t testing.TB, text string) string {
	t.Helper()
	s, err := example.Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := config.Parse("routes.yaml", []byte(routes))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Update(s.Try(t.Context(), f.Table))
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// Whatever a file of examples holds, it is read without a crash; and where it is
// good, its update holds.
func FuzzUpdate(f *testing.F) {
	for _, text := range []string{
		"config: r\ntests: []\n", "config: r\ntests:\n- name: a\n  upload: gs://a/b\n  starts: [r]\n",
		"config: r\ntests:\n  - starts:\n    - r\n    # c\n    name: a\n    message: {a: [1, null]}\n\n  # d\n  - {name: b, deleted: gs://a/b}\n",
		"config: r\ntests:\n- name: a\n  event: {specversion: '1.0', id: x, source: s, type: com.acme.paid, data: {amount: much}}\n  " +
			"fails: [{route: paid, error: x}] # c\n",
		"config: r\ntests:\n- name: a\n  upload: gs://acme-landing/sales/eu/a.csv\n  starts:\n  - route: sales-csv\n    conf: &x\n      " +
			"uri: |\n        a\n\n      region: [*y]\n    dag: &y d",
		"config: r\ntests:\n- name: >\n    a\n\n    b\n  upload: gs://acme-landing/sales/eu/a.csv\n\n\n- name: &n b\n  upload: " +
			"gs://acme-landing/sales/eu/a.csv\n  note: *n",
		"config: r\ntests:\n- name: a\n  deleted: gs://a/b\n  starts: [{route: gone, run_key: x, same_run_as: b}]\n" +
			"- {name: b, deleted: gs://a/c}",
		"config: A\ntests:\n- name: A\n  event: {specversion: '1.0',0A0,source: A,type: A}",
	} {
		f.Add([]byte(text))
	}
	file, err := config.Parse("routes.yaml", []byte(routes))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := example.Parse("t.yaml", text)
		if err != nil {
			return
		}
		updated, err := s.Update(s.Try(t.Context(), file.Table))
		if err != nil {
			return // it says so, and changes nothing
		}
		again, err := example.Parse("t.yaml", updated)
		if err != nil || len(again.Examples) != len(s.Examples) {
			t.Fatalf("%q\nupdated it is\n%q: %v", text, updated, err)
		}
		for _, r := range again.Try(t.Context(), file.Table) {
			if len(r.Differences) > len(r.OtherRuns) && !r.Refused {
				t.Errorf("%q\nupdated it is\n%q\nof which %s", text, updated, r.Differences)
			}
		}
	})
}
