// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// airflow is a stand-in for the web server of an Airflow 2: it creates each run
// of the DAG "load" after a time, as many at once as it is sent, and echoes it.
type airflow struct {
	url     string
	latency atomic.Int64 // a time.Duration
	server  *http.Server
}

func startAirflow() (*airflow, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the stand-in for Airflow: %w", err)
	}
	a := &airflow{url: "http://" + listener.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/dags/load/dagRuns", a.createRun)
	a.server = &http.Server{Handler: mux}
	go func() { _ = a.server.Serve(listener) }() // it ends when it is closed
	return a, nil
}

func (a *airflow) createRun(w http.ResponseWriter, r *http.Request) {
	var run struct {
		ID   string          `json:"dag_run_id"`
		Conf json.RawMessage `json:"conf"`
	}
	if err := json.NewDecoder(r.Body).Decode(&run); err != nil {
		http.Error(w, `{"title":"Bad Request","status":400}`, http.StatusBadRequest)
		return
	}
	if d := time.Duration(a.latency.Load()); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	if run.ID == "" {
		run.ID = "manual__2026-11-30T00:00:00+00:00"
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"conf":%s,"dag_id":"load","dag_run_id":%q,"data_interval_end":"2026-11-30T00:00:00+00:00",`+
		`"data_interval_start":"2026-11-30T00:00:00+00:00","end_date":null,"execution_date":"2026-11-30T00:00:00+00:00",`+
		`"external_trigger":true,"last_scheduling_decision":null,"logical_date":"2026-11-30T00:00:00+00:00","note":null,`+
		`"run_type":"manual","start_date":null,"state":"queued"}`+"\n", run.Conf, run.ID)
}
