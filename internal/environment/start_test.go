// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// scripted is an environment whose web server, of Airflow 3, answers POST to
// the runs of the DAG load by create, and says of the DAG what it is given. It
// fails the test at any other request.
func scripted(t *testing.T, active int, paused bool, create http.HandlerFunc) *environment.Airflow {
	t.Helper()
	respond := func(format string, args ...any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, format, args...)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/dags/load/dagRuns", create)
	mux.HandleFunc("GET /api/v2/dags/load/dagRuns", respond(`{"dag_runs":[],"total_entries":%d}`, active))
	mux.HandleFunc("GET /api/v2/dags/load", respond(`{"is_paused":%t}`, paused))
	mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) { t.Errorf("no answer to %s %s", r.Method, r.URL) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	spec := environment.Spec{URL: server.URL, API: "v2"}
	return newClient(t, spec, environment.Options{Transport: server.Client().Transport})
}

// create makes every run.
func create(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, rest, _ := strings.Cut(string(body), `"dag_run_id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"dag_id":"load","dag_run_id":%q,"state":"queued"}`, id)
}

func run(id string) airflow.Run { return airflow.Run{DAGID: "load", RunID: id} }

func TestStartEnforcesTheLimitsOfTheDAG(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		active int
		paused bool
		limits pressure.Policy
		cause  string // of the refusal, empty where the run is created
	}{
		{"no limits", 9, true, pressure.Policy{}, ""},
		{"fewer than max_active", 2, false, pressure.Policy{MaxActive: 3}, ""},
		{"max_active", 3, false, pressure.Policy{MaxActive: 3}, pressure.CauseMaxActive},
		{"paused: trigger", 0, true, pressure.Policy{WhenPaused: pressure.Trigger}, ""},
		{"paused: defer", 0, true, pressure.Policy{WhenPaused: pressure.Defer}, pressure.CausePaused},
		{"not paused", 0, false, pressure.Policy{WhenPaused: pressure.Defer}, ""},
		{"both", 1, false, pressure.Policy{MaxActive: 1, WhenPaused: pressure.Fail}, pressure.CauseMaxActive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := scripted(t, tt.active, tt.paused, create).Start(t.Context(), run("1"), tt.limits)
			refused, ok := errors.AsType[*pressure.Refusal](err)
			if (err == nil) != (tt.cause == "") || ok && refused.Cause != tt.cause {
				t.Errorf("got %v, want the cause %q", err, tt.cause)
			}
		})
	}
	_, err := scripted(t, 0, true, create).Start(t.Context(), run("1"), pressure.Policy{WhenPaused: pressure.Fail})
	if _, ok := errors.AsType[*pressure.PausedError](err); !ok {
		t.Errorf("paused: fail: got %v", err)
	}
}

// asUser is an environment in front of an embedded Airflow that has the DAG load, and
// which the caller enters with a role.
func asUser(t *testing.T, dag airflowsim.DAG, version airflowsim.Version, role airflowsim.Role) (*environment.Airflow, *airflowsim.Server) {
	t.Helper()
	c := airflowsim.Config{
		Version: version, ExperimentalAPI: true, NoScheduler: true, DAGs: []airflowsim.DAG{dag},
		Users:   []airflowsim.User{{Name: "u", Password: "u", Role: role}},
		Unknown: func(r *http.Request) { t.Errorf("no answer to %s %s", r.Method, r.URL) },
	}
	spec := environment.Spec{API: "v2", Auth: "password", Username: "u", Password: "u"}
	if !version.ServesV2() {
		c.Auth, spec.Auth = airflowsim.AuthBasic, "basic"
		spec.API = map[airflowsim.Version]string{airflowsim.Airflow211: "v1", airflowsim.Airflow110: "experimental"}[version]
	}
	sim, err := airflowsim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	spec.URL = server.URL
	return newClient(t, spec, environment.Options{Transport: server.Client().Transport}), sim
}

func TestStartUnpausesTheDAG(t *testing.T) {
	t.Parallel()
	unpause := pressure.Policy{WhenPaused: pressure.Unpause, SkipActive: true}
	for _, version := range []airflowsim.Version{airflowsim.Airflow110, airflowsim.Airflow211, airflowsim.Airflow33, airflowsim.Airflow34} {
		for _, dag := range []airflowsim.DAG{{ID: "load", Paused: true}, {ID: "load", Draining: version == airflowsim.Airflow34}} {
			t.Run(fmt.Sprintf("%s %+v", version, dag), func(t *testing.T) {
				t.Parallel()
				env, sim := asUser(t, dag, version, airflowsim.Op)
				if _, err := env.Start(t.Context(), run("1"), unpause); err != nil {
					t.Fatal(err)
				}
				if sim.SchedulingState("load") != "active" || len(sim.Runs()) != 1 {
					t.Errorf("the DAG is %s, with the runs %+v", sim.SchedulingState("load"), sim.Runs())
				}
				_, err := env.Start(t.Context(), run("2"), unpause)
				if active, ok := errors.AsType[*pressure.ActiveError](err); !ok || active.DAGID != "load" {
					t.Errorf("beside an active run: %v", err)
				}
			})
		}
	}
}

func TestStartWithoutTheRoleToUnpauseStartsNoRun(t *testing.T) {
	t.Parallel()
	for _, version := range []airflowsim.Version{airflowsim.Airflow211, airflowsim.Airflow34} {
		env, sim := asUser(t, airflowsim.DAG{ID: "load", Paused: true}, version, airflowsim.Viewer)
		_, err := env.Start(t.Context(), run("1"), pressure.Policy{WhenPaused: pressure.Unpause})
		e, ok := errors.AsType[*airflow.Error](err)
		const hint = "the account may not unpause the DAG: give it a role that may edit DAGs, such as Op or User, or set when_paused " +
			"otherwise; or "
		if !ok || e.Kind != airflow.Forbidden || !strings.HasPrefix(e.Hint, hint) || len(sim.Runs()) > 0 {
			t.Errorf("%s: %v, with the runs %+v", version, err, sim.Runs())
		}
	}
}

// Runs that were started since Airflow was asked count, duplicates do not.
func TestStartEnforcesMaxActiveInABurst(t *testing.T) {
	t.Parallel()
	tries := 0
	env := scripted(t, 1, false, func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries != 2 {
			create(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"detail":{"reason":"Unique constraint violation"}}`)
	})
	var got []string
	for i := range 5 {
		_, err := env.Start(t.Context(), run(fmt.Sprint(i)), pressure.Policy{MaxActive: 3})
		result := "created"
		if e, ok := errors.AsType[*airflow.Error](err); ok {
			result = e.Kind.String()
		} else if refused, ok := errors.AsType[*pressure.Refusal](err); ok {
			result = refused.Cause
		}
		got = append(got, result)
	}
	if want := "created, run exists, created, max_active, max_active"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// Only what says that the web server is down leaves one request at a time to it.
func TestGateOpensOnlyWhenTheServerIsDown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int // 0 for a broken connection
		down   bool
	}{
		{"no answer", 0, true},
		{"502", http.StatusBadGateway, true},
		{"504", http.StatusGatewayTimeout, true},
		{"401", http.StatusUnauthorized, false},
		{"403", http.StatusForbidden, false},
		{"404", http.StatusNotFound, false},
		{"409", http.StatusConflict, false},
		{"422", http.StatusUnprocessableEntity, false},
		{"500", http.StatusInternalServerError, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				answer := func(r *http.Request) (*http.Response, error) {
					if tt.status == 0 {
						return nil, errors.New("connection reset by peer")
					}
					return &http.Response{StatusCode: tt.status, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
				}
				begun, release := 0, make(chan struct{})
				env := newClient(t, environment.Spec{URL: "http://127.0.0.1", API: "v2"}, environment.Options{
					Transport: roundTrip(func(r *http.Request) (*http.Response, error) { return answer(r) }),
				})
				start := func() error {
					_, err := env.Start(t.Context(), run("1"), pressure.Policy{})
					return err
				}
				for range 5 {
					_ = start()
				}
				failing := answer
				answer = func(r *http.Request) (*http.Response, error) {
					begun++
					<-release
					return failing(r)
				}
				go func() { _ = start() }()
				synctest.Wait()
				go func() {
					refused, ok := errors.AsType[*pressure.Refusal](start())
					if down := ok && refused.Down(); down != tt.down {
						t.Errorf("held back as down: %t, want %t", down, tt.down)
					}
				}()
				synctest.Wait()
				if two := begun == 2; two == tt.down {
					t.Errorf("%d requests at once", begun)
				}
				close(release) // the probe that fails refuses all that wait
				synctest.Wait()
			})
		})
	}
}
