// SPDX-License-Identifier: Apache-2.0

package replay_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/replay"
)

// happened is an event of a type, with JSON data.
func happened(kind, data string) event.CloudEvent {
	return event.CloudEvent{ID: "1", Source: "//example.com", Type: kind, ContentType: "application/json", Data: []byte(data)}
}

func TestPlanCountsWhatRoutesWouldDo(t *testing.T) {
	t.Parallel()
	file, err := config.Parse("routes.yaml", []byte(`
routes:
- {name: b, on: paid, dag: load}
- {name: a, on: [paid, sold], dag: load}
- {name: strict, on: sold, dag: load, conf: {n: "${int(data.n)}"}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var p replay.Plan
	for _, ce := range []event.CloudEvent{
		happened("paid", `{}`), happened("paid", `{}`), happened("sold", `{"n": "1"}`),
		happened("sold", `{"n": "one"}`), happened("sold", `{"n": "two"}`), happened("other", `{}`),
		happened("google.cloud.storage.object.v1.finalized", `{}`),
		happened("deep", strings.Repeat("[", 1000)+strings.Repeat("]", 1000)),
	} {
		p.Add(t.Context(), file.Table, ce)
	}
	p.Skip()
	rows := p.Rows()
	want := []replay.Planned{
		{Route: "a", DAGID: "load", Count: 5},
		{Route: "b", DAGID: "load", Count: 2},
		{Route: "strict", DAGID: "load", Count: 1},
		{Route: "", Count: 2, Reason: "the object resource of the Cloud Storage event lacks bucket, name or generation"},
		{Route: "strict", DAGID: "load", Count: 2, Reason: `conf on line 5, column 49: evaluating int(data.n) where data.n is "one": `},
	}
	for i := range min(len(rows), len(want)) {
		if !strings.HasPrefix(rows[i].Reason, want[i].Reason) {
			t.Errorf("row %d fails for %q", i, rows[i].Reason)
		}
		rows[i].Reason = want[i].Reason
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p.Events != 9 || p.Unmatched != 1 || p.Unsent != 1 {
		t.Errorf("planned %d events, %d unmatched, %d unsent", p.Events, p.Unmatched, p.Unsent)
	}
}
