// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/operator/delivery"
)

const setOfThree = `
routes:
- {name: daily, on: object.finalized, object: "{day=*}/*", dag: load, conf: {files: "${size(complete.files)}"},
   complete: {prefix: "${path.day}/", names: [a, b, c]}}`

// A set that was completed while nothing listened starts once it is reconciled, and one
// that is not complete does not.
func TestReconcileStartsCompleteSets(t *testing.T) {
	t.Parallel()
	sim, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	settings := g.settings(airflow)
	delete(settings, "DEAD_LETTER")
	delete(settings, "DAG_ID")
	settings["DAGTRIGGER_CONFIG"] = setOfThree
	now := time.Now().UTC()
	for i, name := range []string{"d1/a", "d1/b", "d1/c", "d2/a", "d2/b", "d3/a"} {
		g.upload(name, now.Add(-time.Duration(i)*time.Minute))
	}
	for range 2 {
		commanded(t.Context(), t, exitOK, settings, "", "reconcile", "gs://acme/", "--yes", "--rate", "1000")
		if runs := sim.Runs("load"); len(runs) != 1 || string(runs[0].Conf) != `{"files":3}` {
			t.Errorf("the runs are %+v, want one of d1", runs)
		}
	}
	tell(t, settings, g.upload("d2/c", now), delivery.Eventarc)
	if runs := sim.Runs("load"); len(runs) != 2 {
		t.Errorf("there are %d runs once d2 is complete, want 2", len(runs))
	}
}

func TestExplainLooksAtASet(t *testing.T) {
	t.Parallel()
	_, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	settings := g.settings(airflow)
	settings["DAGTRIGGER_CONFIG"] = setOfThree
	delete(settings, "DAG_ID")
	for _, row := range []struct{ add, want string }{
		{"d1/a", "  the set gs://acme/d1/ is not complete: missing b, c\n"},
		{"d1/b", "  the set gs://acme/d1/ is not complete: missing c\n"},
		{"d1/c", "  the set is complete\n  starts load in default: dagtrigger__daily__"},
	} {
		g.upload(row.add, time.Now().UTC())
		out, _ := commanded(t.Context(), t, exitOK, settings, "", "explain", "gs://acme/d1/a", "--look")
		if !strings.Contains(out, row.want) {
			t.Errorf("with %s: %s\nwant %s", row.add, out, row.want)
		}
	}
}
