// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// upload puts an object into the bucket, and returns its event.
func (g *google) upload(name string, at time.Time) delivery.Object {
	o := delivery.Object{
		Bucket: "acme", Name: name, Generation: at.UnixMicro(), Time: at, MessageID: "4711",
		Resource: fmt.Appendf(nil, `{"bucket":"acme","name":%q,"generation":"%d","timeCreated":%q}`, name, at.UnixMicro(),
			at.Format(time.RFC3339)),
	}
	g.storage.Put("acme", googlesim.Object{Name: name, Resource: o.Resource})
	return o
}

// tell delivers a change to the function, as a platform that works would.
func tell(t *testing.T, settings map[string]string, o delivery.Event, as delivery.Envelope) {
	t.Helper()
	c, err := config.FromEnv(set(settings))
	if err != nil {
		t.Fatal(err)
	}
	f, err := dagtrigger.New(c, cloudlog.New(t.Output(), c.LogLevel), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	delivered, err := o.Request(as)
	if err != nil {
		t.Fatal(err)
	}
	send := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(delivered.Body))
		for _, h := range delivered.Header {
			r.Header.Add(h.Name, h.Value)
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		return w
	}
	w := send()
	if w.Code == http.StatusServiceUnavailable { // delivered again, as the platform does
		w = send()
	}
	if w.Code != http.StatusOK {
		t.Fatalf("the function answered %d: %s", w.Code, w.Body)
	}
}

func TestReconcileStartsOnlyMissedUploads(t *testing.T) {
	t.Parallel()
	sim, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	settings := g.settings(airflow)
	delete(settings, "DEAD_LETTER")
	now := time.Now().UTC()
	tell(t, settings, g.upload("sales/a.csv", now.Add(-time.Hour)), delivery.Eventarc)
	tell(t, settings, g.upload("sales/b.csv", now.Add(-2*time.Hour)), delivery.PushUnwrapped)
	g.upload("sales/c.csv", now.Add(-3*time.Hour)) // missed
	g.upload("sales/d.csv", now.Add(-100*time.Hour))
	g.upload("stock/e.csv", now.Add(-time.Hour))

	reconcile := []string{"reconcile", "gs://acme/sales/", "--since", "48h", "--rate", "1000"}
	out, output := commanded(t.Context(), t, exitFailed, settings, "", reconcile...)
	contains(t, out, "3 uploads in gs://acme/sales/, to be sent at up to 1000 per second:\n"+
		"      3  start a run, or find the existing one: route default, DAG load\nContinue? [y/N] ")
	contains(t, output, "nothing was done: it was not confirmed")
	out, _ = commanded(t.Context(), t, exitOK, settings, "y\n", reconcile...)
	contains(t, out, "      1  triggered  route default, DAG load\n      2  duplicate  route default, DAG load\n3 whose runs exist\n")
	out, _ = commanded(t.Context(), t, exitOK, settings, "", append(reconcile, "--yes", "--json")...)
	contains(t, out, `"events":3,"settled":3,`, `"outcomes":[{"outcome":"duplicate","route":"default","dag_id":"load","count":3}]`)
	if runs := sim.Runs(); len(runs) != 3 {
		t.Errorf("there are %d runs, want 3", len(runs))
	}
	// An upload in place of another is another one.
	g.upload("sales/a.csv", now)
	out, _ = commanded(t.Context(), t, exitOK, settings, "", append(reconcile, "--yes")...)
	contains(t, out, "      1  triggered ", "      2  duplicate ")
	out, _ = commanded(t.Context(), t, exitOK, settings, "", "reconcile", "gs://acme/none")
	contains(t, out, "no uploads in gs://acme/none\n")
}

func TestReconcileListsWithoutStartingRuns(t *testing.T) {
	t.Parallel()
	sim, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	settings := g.settings(airflow)
	delete(settings, "DEAD_LETTER")
	delete(settings, "DAG_ID")
	settings["DAGTRIGGER_CONFIG"] = `
routes:
- {name: sales, on: object.finalized, object: ["sales/**", "!**.tmp"], dag: load}
- {name: strict, on: object.finalized, object: "sales/c*", dag: load, conf: {size: "${int(object.size)}"}}
`
	now := time.Now().UTC()
	ran, missed := g.upload("sales/a.csv", now.Add(-time.Hour)), g.upload("sales/b.csv", now.Add(-2*time.Hour))
	tell(t, settings, ran, delivery.Eventarc)
	g.upload("sales/b.csv.tmp", now.Add(-time.Hour))
	g.upload("sales/old.csv", now.Add(-100*time.Hour))
	at := func(o delivery.Object) string { return fmt.Sprintf("gs://acme/%s#%d", o.Name, o.Generation) }

	list := []string{"reconcile", "gs://acme/sales/", "--list", "--since", "48h", "--rate", "1000"}
	out, _ := commanded(t.Context(), t, exitFailed, settings, "", list...)
	contains(t, out, "exists     "+at(ran)+"  route sales, DAG load, run dagtrigger__sales__",
		"missing    "+at(missed)+"  route sales, DAG load, run dagtrigger__sales__", "unmatched  gs://acme/sales/b.csv.tmp#",
		"3 uploads in gs://acme/sales/: 1 unmatched, 1 exists, 1 missing\nthe same command without --list starts the missing runs\n")
	out, _ = commanded(t.Context(), t, exitFailed, settings, "", "reconcile", at(missed), "--dry-run", "--json")
	contains(t, out, `{"object":"`+at(missed)+`","status":"missing","reason":"Airflow holds no such run","runs":[{"status":"missing",`+
		`"route":"sales","environment":"default","dag_id":"load","dag_run_id":"dagtrigger__sales__`)
	out, _ = commanded(t.Context(), t, exitOK, settings, "", "reconcile", "gs://acme/sales/a.csv", "--list")
	contains(t, out, "1 upload in gs://acme/sales/a.csv: 1 exists\n")
	out, _ = commanded(t.Context(), t, exitFailed, settings, "", append(list, "--until", "90m")...)
	contains(t, out, "1 upload in gs://acme/sales/: 1 missing\n")
	out, _ = commanded(t.Context(), t, exitOK, settings, "", append(list, "--until", "3h")...)
	contains(t, out, "0 uploads in gs://acme/sales/\n")
	if runs := len(sim.Runs()); runs != 1 {
		t.Errorf("there are %d runs, want 1: the list starts none", runs)
	}

	out, _ = commanded(t.Context(), t, exitFailed, settings, "", append(list, "--retention", "90m", "--until", "90m")...)
	contains(t, out, "  Airflow holds no such run, and it is older than 1h30m0s, for which Airflow keeps its runs (--retention): "+
		"it may have run")

	// The object has the worst status of its routes; what is started by then is not missing.
	g.upload("sales/c.csv", now)
	out, _ = commanded(t.Context(), t, exitFailed, settings, "", "reconcile", "gs://acme/sales/c", "--list", "--rate", "1000")
	contains(t, out, "failed     gs://acme/sales/c.csv#", "  route strict, DAG load", "1 upload in gs://acme/sales/c: 1 failed\n")
	commanded(t.Context(), t, exitOK, settings, "", "reconcile", at(missed), "--yes")
	out, _ = commanded(t.Context(), t, exitOK, settings, "", "reconcile", at(missed), "--list")
	contains(t, out, "exists     "+at(missed))
	_, printed := commanded(t.Context(), t, exitFailed, settings, "", "reconcile", "gs://acme/sales/a.csv#1", "--list")
	contains(t, printed, "dagtrigger: listing gs://acme/sales/a.csv#1: it is not the live generation of an object; leave #GENERATION out ")
}

func TestReconcileSettlesUnmatchedUploads(t *testing.T) {
	t.Parallel()
	sim, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	settings := g.settings(airflow)
	delete(settings, "DAG_ID")
	settings["DAGTRIGGER_CONFIG"] = `
routes:
- {name: sales, on: object.finalized, object: "sales/**", dag: load}
- {name: strict, on: object.finalized, object: "strict/**", dag: load, conf: {size: "${int(object.size)}"}}
- {name: other, on: object.finalized, object: "sales/**", dag: load}
`
	g.upload("sales/a.csv", time.Now())
	g.upload("unwanted/a.csv", time.Now())
	out, _ := commanded(t.Context(), t, exitOK, settings, "", "reconcile", "gs://acme", "--yes", "--route", "sales")
	contains(t, out, "      1  match no route\n", "      1  triggered  route sales, DAG load\n      1  unmatched\n1 whose runs exist\n")
	if len(sim.Runs()) != 1 {
		t.Errorf("there are %d runs, want that of one route", len(sim.Runs()))
	}
	// A failure is printed, and not stored.
	g.upload("strict/a.csv", time.Now())
	out, _ = commanded(t.Context(), t, exitFailed, settings, "", "reconcile", "gs://acme", "--yes", "--rate", "1000")
	contains(t, out, "      1  duplicate  route sales, DAG load\n", "      1  rejected   route strict, DAG load\n",
		"1 not started\n  gs://acme/strict/a.csv#", "\n    rejected: ")
	for _, name := range g.objects() {
		if name != "sales/a.csv" && name != "strict/a.csv" && name != "unwanted/a.csv" {
			t.Errorf("%s was stored", name)
		}
	}
	_, output := commanded(t.Context(), t, exitFailed, settings, "", "reconcile", "gs://acme", "--yes", "--route", "none")
	contains(t, output, `no live route is named "none"`)
	_, output = commanded(t.Context(), t, exitUsage, settings, "", "reconcile", "acme/sales", "--yes")
	contains(t, output, `dagtrigger: "acme/sales" names no bucket`+"\ndagtrigger: hint: write gs://BUCKET/PREFIX\n")
	g.storage.FailNext("", http.StatusForbidden)
	_, output = commanded(t.Context(), t, exitFailed, settings, "", "reconcile", "gs://acme", "--yes")
	contains(t, output, "dagtrigger: listing gs://acme/: 403 Forbidden; give this account the role roles/storage.objectViewer on the bucket\n")
}

// An Airflow that has removed old runs would start their uploads again.
func TestReconcileSkipsUploadsOlderThanTheRetention(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	now := time.Now().UTC().Truncate(time.Second)
	var ago atomic.Int64 // the Airflow's clock
	clock := func() time.Time { return now.Add(-time.Duration(ago.Load())) }
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, Now: clock, DAGs: []airflowsim.DAG{{ID: "load"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	g := newGoogle(t)
	settings := g.settings(serveAirflow(t, sim))
	delete(settings, "DEAD_LETTER")
	ago.Store(int64(50 * day))
	tell(t, settings, g.upload("sales/ran.csv", now.Add(-50*day)), delivery.Eventarc)
	ago.Store(0)
	g.upload("sales/missed.csv", now.Add(-40*day))
	g.upload("sales/removed.csv", now.Add(-58*day))
	g.upload("sales/new.csv", now.Add(-day))

	reconcile := []string{"reconcile", "gs://acme/sales/", "--since", "1440h", "--yes", "--rate", "1000"}
	out, printed := commanded(t.Context(), t, exitFailed, settings, "", reconcile...)
	contains(t, printed, "dagtrigger: warning: --since goes further back than the 720h0m0s for which Airflow keeps its runs (--retention)\n")
	contains(t, out, "      3  are older than 720h0m0s, for which Airflow keeps its runs (--retention): "+
		"each starts only where Airflow holds a run of its DAG as old (or with --start-old)\n",
		"      2  triggered  route default, DAG load\n", "      1  duplicate ", "      1  rejected ",
		"1 not started\n  gs://acme/sales/removed.csv#",
		`rejected: Airflow holds no run of the DAG "load" as old as the event, which is of `,
		": if it has run, its run was removed, and it would run twice: add --start-old to start it\n")
	if runs := len(sim.Runs()); runs != 3 {
		t.Errorf("there are %d runs, want 3", runs)
	}
	out, printed = commanded(t.Context(), t, exitOK, settings, "", append(reconcile, "--retention", "2400h")...)
	contains(t, out, "      3  duplicate ", "      1  triggered ")
	if strings.Contains(out+printed, "--retention") {
		t.Errorf("it warns within the retention: %s%s", out, printed)
	}
	g.upload("sales/removed.csv", now.Add(-57*day))
	out, _ = commanded(t.Context(), t, exitOK, settings, "", append(reconcile, "--start-old")...)
	contains(t, out, "those whose run was removed run again (--start-old)\n", "      1  triggered ")
	_, printed = commanded(t.Context(), t, exitUsage, settings, "", append(reconcile, "--retention", "0s")...)
	contains(t, printed, "--retention is out of bounds\n")
}
