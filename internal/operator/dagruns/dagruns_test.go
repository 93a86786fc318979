// SPDX-License-Identifier: Apache-2.0

package dagruns_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/operator/dagruns"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// begin is when the embedded Airflow begins.
var begin = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

// world is an embedded Airflow with a clock, and a client of one of its APIs.
type world struct {
	*airflow.Client
	sim *airflowsim.Server
	url string
	ago atomic.Int64
}

func newWorld(t *testing.T, version airflowsim.Version, api airflow.API) *world {
	t.Helper()
	w := &world{}
	auth := map[airflowsim.Version]airflowsim.Auth{airflowsim.Airflow211: airflowsim.AuthBasic}[version]
	if auth == "" {
		auth = airflowsim.AuthOpen
	}
	sim, err := airflowsim.New(airflowsim.Config{
		Version: version, Auth: auth, PublicRole: airflowsim.Admin, ExperimentalAPI: true,
		Now:     func() time.Time { return begin.Add(time.Duration(w.ago.Load())) },
		DAGs:    []airflowsim.DAG{{ID: "load"}, {ID: "broken", Fails: true}},
		Unknown: nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.sim = sim
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	w.url = server.URL
	transport := airflow.NewTransport(4)
	t.Cleanup(transport.CloseIdleConnections)
	if w.Client, err = airflow.New(airflow.Config{URL: server.URL, API: api, Transport: transport}); err != nil {
		t.Fatal(err)
	}
	return w
}

// start starts a run, and lets a minute pass.
func (w *world) start(t *testing.T, dag, id string) {
	t.Helper()
	if _, err := w.Trigger(t.Context(), airflow.Run{DAGID: dag, RunID: id}); err != nil {
		t.Fatal(err)
	}
	w.ago.Add(int64(time.Minute))
}

// id is the id of run number n of a route.
func id(route string, n int) string { return fmt.Sprintf("dagtrigger__%s__%020x", route, n) }

// list lists the runs in the form ROUTE:STATE:ID.
func (w *world) list(t *testing.T, s dagruns.Source, q dagruns.Query) (text string, l dagruns.Listing) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	l, err := dagruns.List(t.Context(), w.Client, s, q)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, run := range l.Runs {
		all = append(all, run.Route+":"+run.State+":"+strings.TrimLeft(run.RunID[strings.LastIndexByte(run.RunID, '_')+1:], "0"))
	}
	return strings.Join(all, " "), l
}

// everyAPI runs a test on each API.
func everyAPI(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, of := range map[string]struct {
		version airflowsim.Version
		api     airflow.API
	}{
		"v2 of 3.4": {airflowsim.Airflow34, airflow.V2}, "v2 of 3.3": {airflowsim.Airflow33, airflow.V2},
		"v1": {airflowsim.Airflow211, airflow.V1}, "experimental": {airflowsim.Airflow211, airflow.Experimental},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, of.version, of.api))
		})
	}
}

func TestListTakesDagtriggersRunsAlone(t *testing.T) {
	t.Parallel()
	everyAPI(t, func(t *testing.T, w *world) {
		for _, run := range []string{id("sales", 1), "other", id("sales-2", 2), "order-3", id("stock", 4), id("sales", 5), "dagtrigger__x"} {
			w.start(t, "load", run)
		}
		source := dagruns.Source{Environment: "prod", DAG: "load", Routes: []dagruns.Route{{Name: "sales"}, {Name: "stock"}}}
		for _, row := range []struct {
			name string
			q    dagruns.Query
			want string
		}{
			{"all, also of a route with another name today", dagruns.Query{}, "sales:success:5 stock:success:4 sales-2:success:2 sales:success:1"},
			{"of a route", dagruns.Query{Route: "sales"}, "sales:success:5 sales:success:1"},
			{"from a time on", dagruns.Query{Since: begin.Add(150 * time.Second)}, "sales:success:5 stock:success:4"},
			{"in a state", dagruns.Query{States: []string{"failed", "queued"}}, ""},
		} {
			if got, l := w.list(t, source, row.q); got != row.want || l.More || l.DAG != "load" {
				t.Errorf("%s: got %q, more %v; want %q", row.name, got, l.More, row.want)
			}
		}
		exact := dagruns.Source{DAG: "load", Routes: []dagruns.Route{{Name: "sales"}, {Name: "orders", Exact: true, Begin: "order-"}}}
		if got, _ := w.list(t, exact, dagruns.Query{Route: "orders"}); got != "orders:success:order-3" {
			t.Errorf("of a route with run_id_exact: got %q", got)
		}
		const all = "sales:success:5 stock:success:4 orders:success:order-3"
		if got, _ := w.list(t, exact, dagruns.Query{Since: begin.Add(150 * time.Second)}); got != all {
			t.Errorf("of all routes, one with run_id_exact: got %q", got)
		}
		if _, err := dagruns.List(t.Context(), w.Client, dagruns.Source{DAG: "none"}, dagruns.Query{Limit: 1}); err == nil && w.Client != nil {
			if api, _ := w.DetectAPI(t.Context()); api != airflow.V1 { // which answers for a DAG that is not there
				t.Error("an unknown DAG has a list")
			}
		}
	})
}

func TestListReadsPages(t *testing.T) {
	t.Parallel()
	everyAPI(t, func(t *testing.T, w *world) {
		for n := range 130 {
			w.start(t, "load", fmt.Sprintf("other-%d", n))
			w.start(t, "load", id("sales", n+1))
		}
		source := dagruns.Source{DAG: "load", Routes: []dagruns.Route{{Name: "sales"}}}
		_, l := w.list(t, source, dagruns.Query{})
		if len(l.Runs) != 130 || l.More {
			t.Errorf("got %d runs, more %v; want 130", len(l.Runs), l.More)
		}
		api, err := w.DetectAPI(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, l = w.list(t, source, dagruns.Query{Limit: 50}); api == airflow.V2 && (len(l.Runs) != 50 || !l.More || l.Back.IsZero()) ||
			api == airflow.V1 && (len(l.Runs) != 25 || !l.More || l.Back.IsZero()) || api == airflow.Experimental && (len(l.Runs) != 25 || !l.More) {
			t.Errorf("at the limit: got %d runs, more %v, back to %s", len(l.Runs), l.More, l.Back)
		}
		// A page that has an older run ends the list, also where the limit is met by then.
		_, l = w.list(t, source, dagruns.Query{Limit: 100, Since: begin.Add(259 * time.Minute)})
		if len(l.Runs) != 1 || l.More && api != airflow.Experimental {
			t.Errorf("from a time on: got %d runs, more %v; want 1", len(l.Runs), l.More)
		}
	})
}

// afterFirst is a transport that calls next once, when the first list has been read.
type afterFirst struct {
	http.RoundTripper

	next func()
}

func (a *afterFirst) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.RoundTripper.RoundTrip(r)
	if a.next != nil && strings.HasSuffix(r.URL.Path, "/dagRuns") {
		a.next()
		a.next = nil
	}
	return resp, err
}

func TestRunThatMovesToTheNextPageIsListedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, airflowsim.Airflow33, airflow.V2)
	for n := range 130 {
		w.start(t, "load", id("sales", n+1))
	}
	base := airflow.NewTransport(1)
	t.Cleanup(base.CloseIdleConnections)
	client, err := airflow.New(airflow.Config{
		URL: w.url, API: airflow.V2, Transport: &afterFirst{base, func() { w.start(t, "load", id("sales", 131)) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	source := dagruns.Source{DAG: "load", Routes: []dagruns.Route{{Name: "sales"}}}
	l, err := dagruns.List(t.Context(), client, source, dagruns.Query{Limit: 1000})
	if err != nil || len(l.Runs) != 130 {
		t.Errorf("got %d runs, %v; want 130", len(l.Runs), err)
	}
}

func TestSortByRoute(t *testing.T) {
	t.Parallel()
	at := func(route, dag string, minute int) dagruns.Run {
		return dagruns.Run{Route: route, DAGRun: airflow.DAGRun{DAGID: dag, QueuedAt: begin.Add(time.Duration(minute) * time.Minute)}}
	}
	got := []dagruns.Run{at("b", "x", 1), at("a", "y", 2), at("a", "x", 3), at("a", "x", 4)}
	dagruns.Sort(got)
	want := []dagruns.Run{at("a", "x", 4), at("a", "x", 3), at("a", "y", 2), at("b", "x", 1)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
