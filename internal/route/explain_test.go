// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/route"
)

func TestExplainReportsEveryRoute(t *testing.T) {
	t.Parallel()
	table := load(t, `
- {name: off, on: object.finalized, dag: d, enabled: false}
- {name: type, on: object.deleted, dag: d, when: "true"}
- {name: when, on: object.finalized, dag: d, when: "object.contentType == 'text/csv' && int(object.size) > 100"}
- {name: match, on: object.finalized, dag: d, when: "object.contentType == 'text/csv'", conf: {a: 1}}
- {name: plain, on: object.finalized, dag: e}
- {name: broken, on: object.finalized, dag: d, when: "int(object.name) > 1"}
- {name: unmapped, on: object.finalized, dag: d, conf: {x: "${object.etag}"}}
`)
	ev := upload(t, "acme", "a.csv")
	want := `
off: enabled is false
type: type is "google.cloud.storage.object.v1.finalized", not google.cloud.storage.object.v1.deleted
when: when: int(object.size) > 100 is false where object.size is "12"; object.contentType == "text/csv" && int(object.size) > 100 = false
match: starts d; object.contentType == "text/csv" = true
plain: starts e
broken: fails; int(object.name) > 1 = type conversion error from 'string' to 'int': guard the expression, or fix what sends such events
unmapped: fails
`
	got := "\n"
	for _, x := range table.Explain(t.Context(), ev) {
		got += x.Route + ": " + x.Reason
		switch {
		case x.Plan != nil:
			got += "starts " + x.Plan.DAG
		case x.Failure != nil:
			got += "fails"
		}
		if x.When != nil {
			got += fmt.Sprintf("; %s = %s", x.When.Text, x.When.Value)
		}
		got += "\n"
	}
	if got != want {
		t.Errorf("Explain says%s\nwant%s", got, want)
	}
}

// What explain says on a laptop is what the function does.
func TestExplainAgreesWithDecide(t *testing.T) {
	t.Parallel()
	for _, table := range []*route.Table{route.Default("d", "prod"), load(t, `
- {name: a, on: object.finalized, dag: d}
- {name: b, on: object.finalized, dag: d, conf: {x: "${object.etag}"}}
- {name: c, on: object.deleted, dag: d}
- {name: d, on: object.finalized, dag: d, bucket: other}
`)} {
		ev := upload(t, "acme", "a.csv")
		d := table.Decide(t.Context(), ev)
		var plans []route.Plan
		var failures []string
		for _, x := range table.Explain(t.Context(), ev) {
			if x.Plan != nil {
				plans = append(plans, *x.Plan)
			}
			if x.Failure != nil {
				failures = append(failures, x.Failure.Route+x.Failure.Err.Error())
			}
		}
		if diff := cmp.Diff(d.Plans, plans); diff != "" {
			t.Errorf("Decide plans, and Explain reports (-decided +explained):\n%s", diff)
		}
		if len(failures) != len(d.Failures) ||
			len(failures) == 1 && failures[0] != d.Failures[0].Route+d.Failures[0].Err.Error() {
			t.Errorf("Decide = %+v\nExplain has %s", d, strings.Join(failures, " "))
		}
	}
}
