// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// nameless is an account whose e-mail its credentials do not tell.
type nameless struct{ *world }

func (nameless) Account(context.Context) (identity.Account, error) {
	return identity.Account{Type: identity.User, From: "gcloud auth application-default login"}, nil
}

func TestDAGOfEachRouteIsChecked(t *testing.T) {
	t.Parallel()
	trace := "Traceback (most recent call last): No module named 'acme'"
	tests := []struct {
		name  string
		image string
		dag   airflowsim.DAG
		check string
		want  string
	}{
		{"unknown", composer33, airflowsim.DAG{ID: "other"}, "dag",
			"failed: 404 application/json: The Dag with ID: `load` was not found" + fixes(t, "unknown-dag")},
		{"unknown, with a broken file", composer21, airflowsim.DAG{ID: "other", ImportError: trace}, "dag",
			"failed: 404 application/problem+json: DAG not found: The DAG with dag_id: load was not found" + fixes(t, "unknown-dag") +
				"\nif its file is one of those with import errors: fix /opt/airflow/dags/other.py"},
		{"broken", composer33, airflowsim.DAG{ID: "load", ImportError: trace}, "dag",
			"failed: its file has import errors: Airflow refuses to trigger it\nfix load.py: see the import errors on Airflow's pages"},
		{"stale", composer33, airflowsim.DAG{ID: "load", Stale: true}, "dag",
			"failed: its file is gone from the DAGs folder: Airflow refuses to trigger it\nupload the file again, or name another DAG in the route"},
		{"paused", composer21, airflowsim.DAG{ID: "load", Paused: true}, "paused",
			"warning: it is: its runs are made, and wait until it is unpaused\n" +
				"gcloud composer environments run prod --project=acme --location=europe-west1 dags unpause -- load"},
		{"paused, on Airflow 1", composer1, airflowsim.DAG{ID: "load", Paused: true}, "paused",
			"warning: it is: its runs are made, and wait until it is unpaused\n" +
				"gcloud composer environments run prod --project=acme --location=europe-west1 unpause -- load"},
		{"a Param without a default", composer33, airflowsim.DAG{ID: "load",
			Params: `{"day":{"type":"string"},"size":{"type":"integer","default":1}}`}, "params",
			"warning: it asks for day, and the route has no example to hold against that\nadd an example to the route, and see dagtrigger test"},
		{"Params with defaults", composer33, airflowsim.DAG{ID: "load", Params: `{"size":{"type":"integer","default":1}}`}, "params",
			"skipped: the route has no example; every Param has a default"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.image)
			w.airflow.DAGs = []airflowsim.DAG{tt.dag}
			all, _ := w.examine()
			w.wants(all, tt.check, tt.want)
			if r := result(t, all, tt.check); r.Environment != "default" || r.Route != "sales" || r.DAG != "load" {
				t.Errorf("it is reported for %s, %s, %s", r.Environment, r.Route, r.DAG)
			}
		})
	}
}

func TestPausedDAGPrintsTheAirflowCommand(t *testing.T) {
	t.Parallel()
	w := plain(t, airflowsim.Airflow211, environment.Spec{Auth: "basic", Username: "op", Password: "op"})
	w.airflow.DAGs = []airflowsim.DAG{{ID: "load", Paused: true}}
	all, _ := w.examine()
	w.wants(all, "paused", "warning: it is: its runs are made, and wait until it is unpaused\nairflow dags unpause load")
}

func TestRunsThatAreToWaitCanWait(t *testing.T) {
	t.Parallel()
	on := map[string]string{"scheduler-allow_trigger_in_future": "True"}
	tests := []struct {
		name, image string
		overrides   map[string]string
		waits       bool
		want        string
	}{
		{"no windows", composer21, on, false, "skipped: the route makes no windows"},
		{"Airflow 3", composer33, on, true, "ok: Airflow 3 has runs that wait"},
		{"Airflow 2", composer21, nil, true, "ok: [scheduler] allow_trigger_in_future is not on"},
		{"Airflow 2, where none waits", composer21, on, true,
			"failed: [scheduler] allow_trigger_in_future is on, by which no run waits: the function refuses to make one\n" +
				"gcloud composer environments update prod --project=acme --location=europe-west1 " +
				"--remove-airflow-configs=scheduler-allow_trigger_in_future"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.image)
			w.env().Overrides, w.target.Routes[0].Waits = tt.overrides, tt.waits
			all, _ := w.examine()
			w.wants(all, "window", tt.want)
		})
	}
	w := plain(t, airflowsim.Airflow211, environment.Spec{Auth: "basic", Username: "op", Password: "op"})
	w.target.Routes[0].Waits = true
	all, _ := w.examine()
	w.wants(all, "window", "warning: whether a run waits is decided by [scheduler] allow_trigger_in_future, which cannot be asked for here\n"+
		"see that it is False, as it is by default")
}

func TestExamplesAreCheckedAgainstParams(t *testing.T) {
	t.Parallel()
	const declared = `{"day":{"type":"string","pattern":"^\\d{4}-\\d{2}-\\d{2}$"},"size":{"type":"integer","minimum":1,"default":1}}`
	for _, image := range []string{composer33, composer21} {
		for name, tt := range map[string]struct{ conf, want string }{
			"fits":      {`{"day":"2026-11-22","unheard-of":1}`, "ok: 1 example fit"},
			"lacks one": {`{"size":2}`, `failed: the example "a day's file": the Param day has no value`},
			"of another type": {`{"day":"2026-11-22","size":"` + planted + `"}`,
				`failed: the example "a day's file": the Param size is string, and has to be integer`},
			"too little": {`{"day":"2026-11-22","size":0}`, `failed: the example "a day's file": the Param size is less than 1`},
			"no day":     {`{"day":"` + planted + `"}`, `failed: the example "a day's file": the Param day does not match ^\d{4}-\d{2}-\d{2}$`},
			"no object":  {`[]`, `failed: the example "a day's file": its conf is not a JSON object`},
		} {
			t.Run(image+", "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, image)
				w.airflow.DAGs = []airflowsim.DAG{{ID: "load", Params: declared}}
				w.target.Routes[0].Examples = []doctor.Example{
					{Name: "another DAG's", DAG: "other", Conf: []byte(`{}`)}, {Name: "a day's file", DAG: "load", Conf: []byte(tt.conf)},
				}
				want := tt.want
				if strings.HasPrefix(want, "failed") {
					want += "\nfix the route's conf, or the DAG's Params"
				}
				all, _ := w.examine()
				w.wants(all, "params", want)
			})
		}
	}
}

func TestMissingPermissionIsFoundWithoutTriggering(t *testing.T) {
	t.Parallel()
	for _, image := range []string{composer33, composer21} {
		w := newWorld(t, image)
		w.env().Role = "Viewer"
		all, summary := w.examine()
		r := result(t, all, "permission")
		if r.Status != doctor.Failed || !strings.HasPrefix(r.Why, "403 application/") || summary.Failed != 1 ||
			r.Fixes[len(r.Fixes)-1] != (doctor.Fix{If: "the account is registered with a role that does not allow it", Do: addRole}) {
			t.Errorf("%s: %s", image, text(r.Finding))
		}
	}
}

// A role that may create runs and read nothing is enough for the function:
// https://github.com/apache/airflow/discussions/33580.
func TestCallerThatMayTriggerAndNotReadIsAWarning(t *testing.T) {
	t.Parallel()
	w := plain(t, airflowsim.Airflow211, environment.Spec{Auth: "basic", Username: "op", Password: "op"})
	sim, err := airflowsim.New(w.airflow)
	if err != nil {
		t.Fatal(err)
	}
	w.real = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/dags/") {
			rw.Header().Set("Content-Type", "application/problem+json")
			rw.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(rw, `{"detail":null,"status":403,"title":"Forbidden"}`)
			return
		}
		sim.ServeHTTP(rw, r)
	})
	all, summary := w.examine()
	w.wants(all, "dag", "warning: this caller may trigger the DAG, and may not read it or its runs: the other checks of the DAG "+
		"cannot be made\n"+
		"add can_read on the DAG and on DAG Runs to the caller's role; without it a duplicate is known by Airflow's words alone")
	w.wants(all, "paused", `skipped: it needs what the check "dag" did not find`)
	w.wants(all, "permission", "ok: it may")
	if !summary.Healthy() {
		t.Errorf("summary = %+v", summary)
	}
}
