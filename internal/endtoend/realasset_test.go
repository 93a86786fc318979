// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/real/airflowreal"
)

const assetRoute = `
routes:
- name: orders
  on: object.finalized
  object: orders/*
  asset: ` + airflowreal.OrdersURI + `
  extra: {uri: "gs://${object.bucket}/${object.name}"}
  when_paused: defer
`

// proveAsset has the built function publish the event of an upload, whose asset a DAG
// waits for: nothing is published while that is paused, then Airflow's scheduler starts
// one run of it.
func proveAsset(t *testing.T, a *realAirflow, binary string) {
	function := startFunction(t, binary, append(a.settings(a.URL, ""), "DAGTRIGGER_CONFIG="+assetRoute)...)
	a.pause(t, airflowreal.OnOrdersDAG, true)
	status, body := post(t, function, upload("acme", "orders/a.csv", 1))
	if status != http.StatusTooManyRequests || !strings.Contains(body, `"outcome":"deferred"`) {
		t.Errorf("while the DAG is paused: %d %s", status, body)
	}
	a.pause(t, airflowreal.OnOrdersDAG, false)
	for began := time.Now(); status != http.StatusOK && time.Since(began) < hang; {
		_ = pause(t.Context(), time.Second) // its state is remembered for 5 seconds
		status, body = post(t, function, upload("acme", "orders/a.csv", 1))
	}
	if !strings.Contains(body, `"outcome":"triggered"`) {
		t.Errorf("once the DAG is unpaused: %d %s", status, body)
	}
	status, body = post(t, function, upload("acme", "orders/a.csv", 1))
	if status != http.StatusOK || !strings.Contains(body, `"outcome":"duplicate"`) {
		t.Errorf("delivered again: %d %s", status, body)
	}
	runs := a.confs(t, airflowreal.OnOrdersDAG)
	for began := time.Now(); len(runs) == 0 && time.Since(began) < 2*hang; runs = a.confs(t, airflowreal.OnOrdersDAG) {
		_ = pause(t.Context(), time.Second)
	}
	if len(runs) != 1 {
		t.Errorf("the event started %d runs of %s: %v", len(runs), airflowreal.OnOrdersDAG, runs)
	}
}
