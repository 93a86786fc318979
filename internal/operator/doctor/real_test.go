// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package doctor_test

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/real/realtest"
)

// behind puts a real Airflow behind the embedded Google.
func behind(t *testing.T, a *airflowreal.Airflow) http.Handler {
	t.Helper()
	to := mustParse(t, a.URL)
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
}

// The checks, and the function's way to Airflow, on each kind of environment
// in front of the real Airflow: what the embedded one is believed for.
func TestOnTheRealAirflow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		version string
		images  map[string]airflow.API // and what is spoken there
	}{
		{"3.3.2", map[string]airflow.API{composer33: airflow.V2}},
		{"2.11.2", map[string]airflow.API{
			composer21: airflow.V1, "composer-1.20.12-airflow-2.4.3": airflow.V1, composer1: airflow.Experimental,
		}},
	} {
		t.Run(tt.version, func(t *testing.T) {
			t.Parallel()
			a := realtest.Start(t, airflowreal.Options{Version: tt.version, Config: map[string]string{"API__ENABLE_EXPERIMENTAL_API": "True"}})
			for image, api := range tt.images {
				t.Run(image, func(t *testing.T) { onReal(t, behind(t, a), image, api) })
			}
			t.Run("its own users", func(t *testing.T) { signIn(t, a) })
		})
	}
}

// onReal is a deployment in front of a real Airflow, examined by an account
// that Airflow takes for an admin, and by one that it takes for a viewer.
func onReal(t *testing.T, real http.Handler, image string, api airflow.API) {
	dags := []string{airflowreal.PlainDAG, airflowreal.TypedDAG, airflowreal.PausedDAG, airflowreal.BrokenDAG, airflowreal.RetiredDAG,
		"unheard_of"}
	deployment := func(role string) *world {
		w := newWorld(t, image)
		w.real, w.env().Role = real, role
		if strings.HasPrefix(image, "composer-1") {
			w.env().Host, w.env().ClientID = host1, clientID
		}
		w.target.Routes = []doctor.Route{{Name: "sales", Environment: "default", DAGs: dags, Examples: []doctor.Example{
			{Name: "right", DAG: airflowreal.TypedDAG, Conf: []byte(`{"region":"us","rows":7}`)},
		}}}
		return w
	}
	w := deployment("Admin")
	before := runsOf(t, w)
	all, _ := w.examine()
	found := map[string]doctor.Status{}
	for _, r := range all {
		found[strings.TrimSpace(r.DAG+" "+r.Check)] = r.Status
	}
	want := map[string]doctor.Status{
		"credentials": doctor.OK, "environment": doctor.OK, "token": doctor.OK, "api": doctor.OK,
		"plain dag": doctor.OK, "plain paused": doctor.OK, "paused paused": doctor.Warning, "unheard_of dag": doctor.Failed,
	}
	if api != airflow.Experimental { // which tells neither
		want["typed params"], want["plain permission"] = doctor.OK, doctor.OK
		want["broken dag"], want["retired dag"] = doctor.Failed, doctor.Failed
	}
	for check, status := range want {
		if found[check] != status {
			t.Errorf("%s: %s, want %s", check, found[check], status)
		}
	}
	if after := runsOf(t, w); after != before {
		t.Errorf("the examination started %d runs", after-before)
	}
	if api == airflow.Experimental {
		return
	}
	w = deployment("Viewer")
	all, _ = w.examine()
	if r := result(t, all, "permission"); r.Status != doctor.Failed || r.DAG != airflowreal.PlainDAG {
		t.Errorf("a viewer: %s", text(r.Finding))
	}
	wrong := deployment("Admin")
	wrong.target.Routes[0].Examples[0].Conf = []byte(`{"region":"mars"}`)
	all, _ = wrong.examine()
	for _, r := range all {
		if r.Check == "params" && r.DAG == airflowreal.TypedDAG && r.Status != doctor.Failed {
			t.Errorf("a conf that Airflow refuses: %s", text(r.Finding))
		}
	}
}

// runsOf triggers one run by the function's own way, and counts the runs.
func runsOf(t *testing.T, w *world) int {
	t.Helper()
	if w.served == nil {
		w.start()
	}
	c, err := environment.New(environment.Spec{Composer: prod}, w.target.Name, environment.Options{
		Transport: w.served.Transport(), Google: identity.NewGoogle(w),
	})
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("dagtrigger__real__%s", strings.ReplaceAll(w.env().Image, ":", "_"))
	run := airflow.Run{DAGID: airflowreal.PlainDAG, RunID: id, Conf: []byte(`{"a":1}`)}
	_, err = c.Start(t.Context(), run, pressure.Policy{})
	if found, findErr := c.Find(t.Context(), run.DAGID, run.RunID); findErr != nil || found.RunID != id {
		t.Fatalf("triggered with %v, and found %+v, %v", err, found, findErr)
	}
	client, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var total int
	for _, dag := range []string{airflowreal.PlainDAG, airflowreal.TypedDAG, airflowreal.PausedDAG} {
		runs, err := client.Runs(t.Context(), dag, airflow.RunsQuery{})
		if err != nil {
			t.Fatal(err)
		}
		total += runs.Total
	}
	return total
}

// signIn is with Airflow's own credentials, right and wrong.
func signIn(t *testing.T, a *airflowreal.Airflow) {
	auth, refusedBy := identity.KindPassword, "token"
	if strings.HasPrefix(a.Version, "2.") {
		auth, refusedBy = identity.KindBasic, "api"
	}
	for password, want := range map[string]doctor.Status{a.Admin.Password: doctor.OK, planted: doctor.Failed} {
		var report doctor.Report
		doctor.Run(t.Context(), doctor.Target{
			Environments: map[string]environment.Spec{"default": {URL: a.URL, Auth: auth, Username: a.Admin.Name, Password: password}},
			Name:         func(field string) string { return field },
			Google:       identity.NewGoogle(nameless{}),
		}, report.Observe)
		if r := result(t, report.Results, refusedBy); r.Status != want || strings.Contains(text(r.Finding), planted) {
			t.Errorf("%s with the password %s: %s", auth, password, text(r.Finding))
		}
	}
}
