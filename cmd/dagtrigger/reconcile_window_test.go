// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"example.com/dagtrigger/internal/operator/delivery"
)

// A run that lists the bucket for its window has seen what a reconciliation
// lists: none of it is late.
func TestReconcileStartsOneRunPerWindow(t *testing.T) {
	t.Parallel()
	sim, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	settings := g.settings(airflow)
	delete(settings, "DEAD_LETTER")
	delete(settings, "DAG_ID")
	settings["DAGTRIGGER_CONFIG"] = "\nroutes: [{name: clicks, on: object.finalized, dag: load, every: 1h}]"
	hour := time.Now().UTC().Truncate(time.Hour)
	tell(t, settings, g.upload("clicks/a", hour.Add(-100*time.Minute)), delivery.Eventarc)
	for i := range 3 {
		g.upload(fmt.Sprintf("clicks/b%d", i), hour.Add(-time.Duration(90+i)*time.Minute)) // in the window of the first
		g.upload(fmt.Sprintf("clicks/c%d", i), hour.Add(-time.Duration(150+i)*time.Minute))
	}
	list := []string{"reconcile", "gs://acme/clicks/", "--list", "--rate", "1000"}
	out, _ := commanded(t.Context(), t, exitFailed, settings, "", list...)
	contains(t, out, "7 uploads in gs://acme/clicks/: 4 exists, 3 missing\n")
	for range 2 {
		commanded(t.Context(), t, exitOK, settings, "", "reconcile", "gs://acme/clicks/", "--yes", "--rate", "1000")
		if runs := sim.Runs("load"); len(runs) != 2 {
			t.Errorf("there are %d runs, want one for each of two windows", len(runs))
		}
	}
	out, _ = commanded(t.Context(), t, exitOK, settings, "", list...)
	contains(t, out, "7 uploads in gs://acme/clicks/: 7 exists\n")
}
