// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

const (
	dagV2         = "GET /api/v2/dags/load_sales"
	dagV1         = "GET /api/v1/dags/load_sales"
	pausedExp     = "GET /api/experimental/dags/load_sales/paused"
	runsV2        = "GET /api/v2/dags/load_sales/dagRuns"
	runsV1        = "GET /api/v1/dags/load_sales/dagRuns"
	unknownListed = `{"error":"Dag id load_sales not found in DagModel"}`
)

func TestDAG(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		api   airflow.API
		line  string
		reply reply
		want  airflow.DAG
	}{
		"v2": {airflow.V2, dagV2,
			json(200, `{"dag_id":"load_sales","is_paused":false,"is_stale":false,"has_import_errors":false}`), airflow.DAG{}},
		"v2, in trouble": {airflow.V2, dagV2, json(200, `{"dag_id":"load_sales","is_paused":true,"is_stale":true,"has_import_errors":true}`),
			airflow.DAG{Paused: true, Stale: true, ImportErrors: true}},
		"v1": {airflow.V1, dagV1,
			json(200, `{"dag_id":"load_sales","is_paused":false,"is_active":true,"has_import_errors":false}`), airflow.DAG{}},
		"v1, in trouble": {airflow.V1, dagV1,
			json(200, `{"dag_id":"load_sales","is_paused":true,"is_active":false,"has_import_errors":true}`),
			airflow.DAG{Paused: true, Stale: true, ImportErrors: true}},
		"v1, 2.0":          {airflow.V1, dagV1, json(200, `{"dag_id":"load_sales","is_paused":true}`), airflow.DAG{Paused: true}},
		"experimental":     {airflow.Experimental, pausedExp, json(200, `{"is_paused":true}`), airflow.DAG{Paused: true}},
		"experimental, on": {airflow.Experimental, pausedExp, json(200, `{"is_paused":false}`), airflow.DAG{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, airflow.Config{URL: serve(t, script{row.line: row.reply}).URL, API: row.api})
			row.want.ID = "load_sales"
			if got, err := client.DAG(t.Context(), "load_sales"); err != nil || got != row.want {
				t.Errorf("got %+v, %v, want %+v", got, err, row.want)
			}
		})
	}
}

func TestDAGThatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		api  airflow.API
		s    script
		kind airflow.Kind
	}{
		"v2": {airflow.V2, script{dagV2: json(404, "{\"detail\":\"The Dag with ID: `load_sales` was not found\"}")},
			airflow.UnknownDAG},
		"v1": {airflow.V1,
			script{dagV1: problem(404, `{"detail":"The DAG with dag_id: load_sales was not found","title":"DAG not found"}`)}, airflow.UnknownDAG},
		"experimental": {airflow.Experimental,
			script{pausedExp: html(500), listExperimental + "?state=queued": json(400, unknownListed)}, airflow.UnknownDAG},
		"experimental, fails": {airflow.Experimental, script{pausedExp: html(500), listExperimental + "?state=queued": json(200, `[]`)},
			airflow.ServerFailure},
		"other JSON": {airflow.V2, script{dagV2: json(200, `{"dag_id":"load_sales"}`)}, airflow.Unexpected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, airflow.Config{URL: serve(t, row.s).URL, API: row.api})
			_, err := client.DAG(t.Context(), "load_sales")
			wantKind(t, err, row.kind)
		})
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	listed := func(id, state string) string {
		return `{"dag_id":"load_sales","dag_run_id":"` + id + `","run_id":"` + id + `","state":"` + state +
			`","conf":{"a":NaN,"b":-Infinity,"c":"NaN"}}`
	}
	page := `{"dag_runs":[` + listed("a", "queued") + `],"total_entries":7}`
	active := airflow.RunsQuery{States: []string{"queued", "running"}, Limit: 1}
	for name, row := range map[string]struct {
		api   airflow.API
		query airflow.RunsQuery
		s     script
		ids   string
		total int
	}{
		"v2, all": {airflow.V2, airflow.RunsQuery{},
			script{runsV2 + "?limit=100": json(200, `{"dag_runs":[],"total_entries":0}`)}, "", 0},
		"v2, active":          {airflow.V2, active, script{runsV2 + "?limit=1&state=queued&state=running": json(200, page)}, "a", 7},
		"v1, a conf with NaN": {airflow.V1, active, script{runsV1 + "?limit=1&state=queued&state=running": json(200, page)}, "a", 7},
		"v1, a page": {airflow.V1, airflow.RunsQuery{Limit: 1, Offset: 3}, script{runsV1 + "?limit=1&offset=3": json(200, page)},
			"a", 7},
		"experimental, active": {airflow.Experimental, active,
			script{listExperimental + "?state=queued": json(200, "["+listed("a", "queued")+"]"),
				listExperimental + "?state=running": json(200, `[{"run_id":"b"},{"run_id":"c"}]`)}, "a", 3},
		"experimental, a page": {airflow.Experimental, airflow.RunsQuery{Limit: 1, Offset: 1},
			script{listExperimental: json(200, `[{"run_id":"a"},{"run_id":"b"},{"run_id":"c"}]`)}, "b", 3},
		"v2 before 3.2.2, by the run id": {airflow.V2, airflow.RunsQuery{Prefix: "dagtrigger__sales", Newest: true},
			script{probeV2: version("3.1.8"), runsV2 + "?limit=100&order_by=-id&run_id_pattern=dagtrigger__sales": json(200, page)}, "a", 7},
		"v2, by the run id": {airflow.V2, airflow.RunsQuery{Prefix: "dagtrigger__sales", Newest: true},
			script{probeV2: version("3.2.2"), runsV2 + "?limit=100&order_by=-id&run_id_prefix_pattern=dagtrigger__sales": json(200, page)},
			"a", 7},
		"v2, by a run id that an index may miss": {airflow.V2, airflow.RunsQuery{Prefix: "dagtrigger__"},
			script{probeV2: version("3.4.0b2"), runsV2 + "?limit=100&run_id_pattern=dagtrigger__": json(200, page)}, "a", 7},
		"v2 that does not say its version": {airflow.V2, airflow.RunsQuery{Prefix: "dagtrigger__sales"},
			script{probeV2: html(500), runsV2 + "?limit=100&run_id_pattern=dagtrigger__sales": json(200, page)}, "a", 7},
		"v1 has no choice by the run id": {airflow.V1, airflow.RunsQuery{Prefix: "dagtrigger__sales", Newest: true},
			script{runsV1 + "?limit=100&order_by=-id": json(200, page)}, "a", 7},
		"experimental, the newest": {airflow.Experimental, airflow.RunsQuery{Newest: true, Limit: 2},
			script{listExperimental: json(200, `[{"run_id":"a","execution_date":"2026-11-21T00:00:00+00:00"},`+
				`{"run_id":"c","execution_date":"2026-11-23T00:00:00+00:00"},`+
				`{"run_id":"b","execution_date":"2026-11-22T00:00:00+00:00"}]`)}, "cb", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if row.api == airflow.Experimental { // its list holds no conf
				for line, r := range row.s {
					row.s[line] = json(200, strings.ReplaceAll(r.body, `{"a":NaN,"b":-Infinity,"c":"NaN"}`, "null"))
				}
			}
			client := newClient(t, airflow.Config{URL: serve(t, row.s).URL, API: row.api})
			got, err := client.Runs(t.Context(), "load_sales", row.query)
			if err != nil {
				t.Fatal(err)
			}
			var ids string
			for _, r := range got.Runs {
				ids += r.RunID
			}
			if ids != row.ids || got.Total != row.total {
				t.Errorf("got runs %q of %d, want %q of %d", ids, got.Total, row.ids, row.total)
			}
		})
	}
}

func TestParams(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		api  airflow.API
		body string
		want string // value, schema and description of "size"
	}{
		"v2": {airflow.V2, `{"params":{"size":{"value":7,"schema":{"type":"integer"},"description":"how many","source":"dag"}}}`,
			`7 {"type":"integer"} how many`},
		"v1": {airflow.V1, `{"params":{"size":{"__class":"airflow.models.param.Param","value":null,"schema":{"type":["null","integer"]},` +
			`"description":null}}}`, `null {"type":["null","integer"]} `},
		"v1, 2.1":  {airflow.V1, `{"params":{"size":7}}`, `7  `},
		"v1, dict": {airflow.V1, `{"params":{"size":{"value":7}}}`, `{"value":7}  `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := "GET /api/" + string(row.api) + "/dags/load_sales/details"
			client := newClient(t, airflow.Config{URL: serve(t, script{line: json(200, row.body)}).URL, API: row.api})
			params, err := client.Params(t.Context(), "load_sales")
			if err != nil {
				t.Fatal(err)
			}
			p := params["size"]
			if got := string(p.Value) + " " + string(p.Schema) + " " + p.Description; got != row.want || len(params) != 1 {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestImportErrors(t *testing.T) {
	t.Parallel()
	body := `{"import_errors":[{"import_error_id":1,"timestamp":"2026-11-22T09:30:00Z","filename":"/dags/x.py","bundle_name":null,` +
		`"stack_trace":"SyntaxError"}],"total_entries":1}`
	for _, api := range []airflow.API{airflow.V2, airflow.V1} {
		line := "GET /api/" + string(api) + "/importErrors?limit=100"
		client := newClient(t, airflow.Config{URL: serve(t, script{line: json(200, body)}).URL, API: api})
		got, err := client.ImportErrors(t.Context())
		if err != nil || len(got) != 1 || got[0] != (airflow.ImportError{Filename: "/dags/x.py", StackTrace: "SyntaxError"}) {
			t.Errorf("%s: got %+v, %v", api, got, err)
		}
	}
}

func TestExperimentalAPIHasNoPermissionCheck(t *testing.T) {
	t.Parallel()
	client := newClient(t, airflow.Config{URL: serve(t, script{}).URL, API: airflow.Experimental})
	_, err := client.ImportErrors(t.Context())
	if e := asKind(t, err, airflow.APIAbsent); !errors.Is(e, errors.ErrUnsupported) {
		t.Error(e)
	}
	_, err = client.Params(t.Context(), "load_sales")
	wantKind(t, err, airflow.APIAbsent)
}

func TestVersionIsRemembered(t *testing.T) {
	t.Parallel()
	for api, line := range map[airflow.API]string{
		airflow.V2: probeV2, airflow.V1: probeV1, airflow.Experimental: "GET /api/experimental/info",
	} {
		client := newClient(t, airflow.Config{URL: serve(t, script{line: version("2.11.2")}).URL, API: api})
		if got, err := client.Version(t.Context()); err != nil || got != "2.11.2" {
			t.Errorf("%s: got %s, %v", api, got, err)
		}
		run := sales()
		run.Note = "one upload"
		request, err := client.Request(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		if noted := strings.Contains(dump(t, request), "one upload"); noted != (api != airflow.Experimental) {
			t.Errorf("%s: the note is sent: %v", api, noted)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	body := `{"metadatabase":{"status":"healthy"},"scheduler":{"status":"unhealthy","latest_scheduler_heartbeat":null},"dag_processor":null,` +
		`"triggerer":{"status":"unhealthy","latest_triggerer_heartbeat":null}}` // as 3.4 reports one that was never started
	want := airflow.Health{"metadatabase": "healthy", "scheduler": "unhealthy", "dag_processor": "", "triggerer": ""}
	for api, line := range map[airflow.API]string{
		airflow.V2: "GET /api/v2/monitor/health", airflow.V1: "GET /api/v1/health", airflow.Experimental: "GET /health",
	} {
		client := newClient(t, airflow.Config{URL: serve(t, script{line: json(200, body)}).URL, API: api})
		if got, err := client.Health(t.Context()); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: got %v, %v", api, got, err)
		}
	}
}

// Nothing that is asked of a DAG is asked of a path that no DAG has.
func TestReadsRefuseInvalidDAGIDs(t *testing.T) {
	t.Parallel()
	client := newClient(t, airflow.Config{URL: serve(t, script{}).URL})
	_, err := client.DAG(t.Context(), "..")
	wantKind(t, err, airflow.Invalid)
	_, err = client.Params(t.Context(), "~")
	wantKind(t, err, airflow.Invalid)
	_, err = client.Runs(t.Context(), "a/b", airflow.RunsQuery{})
	wantKind(t, err, airflow.Invalid)
}

func TestReadsReportWhyDetectionFailed(t *testing.T) {
	t.Parallel()
	client := newClient(t, airflow.Config{URL: serve(t, script{probeV2: html(503)}).URL})
	for name, ask := range map[string]func() error{
		"Find":         func() error { _, err := client.Find(t.Context(), "x", "y"); return err },
		"Request":      func() error { _, err := client.Request(t.Context(), sales()); return err },
		"DAG":          func() error { _, err := client.DAG(t.Context(), "x"); return err },
		"Params":       func() error { _, err := client.Params(t.Context(), "x"); return err },
		"Runs":         func() error { _, err := client.Runs(t.Context(), "x", airflow.RunsQuery{}); return err },
		"ImportErrors": func() error { _, err := client.ImportErrors(t.Context()); return err },
		"Version":      func() error { _, err := client.Version(t.Context()); return err },
		"Health":       func() error { _, err := client.Health(t.Context()); return err },
	} {
		if e := asKind(t, ask(), airflow.ServerFailure); e.API != airflow.Auto {
			t.Errorf("%s: got %v", name, e)
		}
	}
}

func TestFindByDate(t *testing.T) {
	t.Parallel()
	const runs, date = "/dags/load_sales/dagRuns?", "2026-11-22T09%3A30%3A00.123456Z"
	for _, row := range []struct {
		name  string
		api   airflow.API
		path  string
		reply reply
		want  string // the run's id, empty where there is none
	}{
		{"v2", airflow.V2, "/api/v2" + runs + "limit=1&logical_date_gte=" + date + "&logical_date_lte=" + date,
			json(200, `{"dag_runs":[{"dag_id":"load_sales","dag_run_id":"first","logical_date":"2026-11-22T09:30:00.123456Z"}],`+
				`"total_entries":1}`), "first"},
		{"v1", airflow.V1, "/api/v1" + runs + "execution_date_gte=" + date + "&execution_date_lte=" + date + "&limit=1",
			json(200, `{"dag_runs":[{"dag_id":"load_sales","dag_run_id":"first","logical_date":"2026-11-22T09:30:00.123456Z"}],`+
				`"total_entries":1}`), "first"},
		{"none", airflow.V1, "/api/v1" + runs + "execution_date_gte=" + date + "&execution_date_lte=" + date + "&limit=1",
			json(200, `{"dag_runs":[],"total_entries":0}`), ""},
		{"experimental", airflow.Experimental, "/api/experimental/dags/load_sales/dag_runs",
			json(200, `[{"dag_id":"load_sales","run_id":"other","execution_date":"2026-11-22T09:30:00+00:00"},
				{"dag_id":"load_sales","run_id":"first","execution_date":"2026-11-22T09:30:00.123456+00:00"}]`), "first"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, script{"GET " + row.path: row.reply})
			client := newClient(t, airflow.Config{URL: server.URL, API: row.api})
			run, err := client.FindByDate(t.Context(), "load_sales", logicalDate)
			if row.want == "" {
				wantKind(t, err, airflow.UnknownRun)
			} else if err != nil || run.RunID != row.want {
				t.Errorf("got %q, %v", run.RunID, err)
			}
		})
	}
}
