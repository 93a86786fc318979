// SPDX-License-Identifier: Apache-2.0

package dagruns_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/operator/dagruns"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// follow follows a run of a DAG, and returns its states.
func follow(ctx context.Context, client *airflow.Client, dag, id string) (string, airflow.DAGRun, error) {
	var states []string
	run, err := dagruns.Follow(ctx, client, dag, id, 5*time.Millisecond, func(state string) { states = append(states, state) })
	return strings.Join(states, " "), run, err
}

func TestFollowEndsWithTheRun(t *testing.T) {
	t.Parallel()
	everyAPI(t, func(t *testing.T, w *world) {
		for dag, want := range map[string]string{"load": "success", "broken": "failed"} {
			if _, err := w.Trigger(t.Context(), airflow.Run{DAGID: dag, RunID: id("sales", 1)}); err != nil {
				t.Fatal(err)
			}
			var states []string
			run, err := dagruns.Follow(t.Context(), w.Client, dag, id("sales", 1), time.Millisecond, func(state string) {
				states = append(states, state)
				w.ago.Add(int64(1200 * time.Millisecond)) // to the next state
			})
			if got := strings.Join(states, " "); err != nil || got != "queued running "+want || run.State != want {
				t.Errorf("%s: saw %q, ended as %q, %v", dag, got, run.State, err)
			}
		}
		_, _, err := follow(t.Context(), w.Client, "load", "none")
		if e, ok := errors.AsType[*airflow.Error](err); !ok || e.Kind != airflow.UnknownRun {
			t.Errorf("following no run: %v", err)
		}
		w.start(t, "load", id("sales", 2))
		w.sim.Pause("load", true)
		if _, err := w.Trigger(t.Context(), airflow.Run{DAGID: "load", RunID: id("sales", 3)}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err = dagruns.Follow(ctx, w.Client, "load", id("sales", 3), time.Millisecond, func(string) { cancel() })
		if err == nil || ctx.Err() == nil {
			t.Errorf("a run that waits was followed until %v", err)
		}
	})
}

// A proxy that does not let the stream through, and a web server that is down for a
// while, end nothing.
func TestFollowOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, DAGs: []airflowsim.DAG{{ID: "load"}},
		QueuedFor: time.Millisecond, RunFor: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	var failures atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/wait") || strings.Contains(r.URL.Path, "/dagRuns/") && failures.Add(1) <= 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	client, err := airflow.New(airflow.Config{URL: server.URL, API: airflow.V2, Transport: airflow.NewTransport(4)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Trigger(t.Context(), airflow.Run{DAGID: "load", RunID: id("sales", 1)}); err != nil {
		t.Fatal(err)
	}
	if states, run, err := follow(t.Context(), client, "load", id("sales", 1)); err != nil || run.State != "success" || failures.Load() < 4 {
		t.Errorf("saw %q, ended as %q, %v", states, run.State, err)
	}
}

// A wait that ends during an outage says why Airflow did not answer.
func TestFollowReturnsTheOutageItEndedIn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looks := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		if looks++; looks == 3 { // a wait and two looks, one at a time
			time.AfterFunc(time.Millisecond, cancel)
		}
	}))
	t.Cleanup(server.Close)
	client, err := airflow.New(airflow.Config{URL: server.URL, API: airflow.V2, Transport: airflow.NewTransport(4)})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = follow(ctx, client, "load", id("sales", 1))
	if e, ok := errors.AsType[*airflow.Error](err); !ok || e.Kind != airflow.ServerFailure {
		t.Errorf("got %v, want the last answer of Airflow", err)
	}
}
