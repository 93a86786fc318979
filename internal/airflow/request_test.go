// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"bytes"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

var update = flag.Bool("update", false, "write the golden files")

// Each golden file is the request for an API, byte for byte.
func TestRequestsMatchTheGoldens(t *testing.T) {
	t.Parallel()
	bare := airflow.Run{DAGID: "load_sales", RunID: "dagtrigger__sales__5f3c"}
	full := airflow.Run{
		DAGID: "team.load-sales", RunID: "manual__2026-11-22T09:30:00+00:00",
		Conf:        []byte(` {"big": 12345678901234567890, "float": 1.50, "html": "<a>&", "none": null, "nested": {"é": ["\u00e9"]}}`),
		LogicalDate: logicalDate,
		Note:        "gs://acme/\"sales\"\\<é>\n\x00\x1b",
	}
	later := full
	later.RunAfter = logicalDate.Add(time.Minute)
	waiting := bare
	waiting.RunAfter = logicalDate
	for _, row := range []struct {
		golden  string
		api     airflow.API
		version string
		run     airflow.Run
	}{
		{"v2_bare", airflow.V2, "", bare},
		{"v2_full", airflow.V2, "", later},
		{"v2_waiting", airflow.V2, "", waiting},
		{"v1_bare", airflow.V1, "", bare},
		{"v1_waiting", airflow.V1, "2.11.2", waiting},
		{"experimental_waiting", airflow.Experimental, "", waiting},
		{"v1_full_2.0", airflow.V1, "2.0.2", full},
		{"v1_full_2.4", airflow.V1, "2.4.3", full},
		{"v1_full_2.11", airflow.V1, "2.11.2", full},
		{"v1_full_unknown_version", airflow.V1, "", full},
		{"experimental_bare", airflow.Experimental, "", bare},
		{"experimental_full", airflow.Experimental, "1.10.15", full},
	} {
		t.Run(row.golden, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, airflow.Config{
				URL: "https://airflow.example.com/team/", API: row.api, Version: row.version,
				UserAgent: "dagtrigger/1.2.3", Transport: silent{},
				Credentials: &credentials{kind: "bearer", authorization: "Bearer never-in-a-request-that-is-shown"},
			})
			request, err := client.Request(t.Context(), row.run)
			if err != nil {
				t.Fatal(err)
			}
			sameAsGolden(t, filepath.Join("testdata", row.golden+".http"), dump(t, request))
		})
	}
}

// The questions, in the order of the API's golden file.
func TestReadRequestsMatchTheGoldens(t *testing.T) {
	t.Parallel()
	for _, api := range []airflow.API{airflow.V2, airflow.V1, airflow.Experimental} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			var sent bytes.Buffer
			client := newClient(t, airflow.Config{
				URL: "https://airflow.example.com", API: api,
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					sent.WriteString(dump(t, r))
					return nil, io.EOF
				}),
			})
			_, _ = client.Find(t.Context(), "load_sales", "dagtrigger__sales__5f3c")
			_, _ = client.DAG(t.Context(), "load_sales")
			_, _ = client.Params(t.Context(), "load_sales")
			_, _ = client.Runs(t.Context(), "load_sales", airflow.RunsQuery{})
			_, _ = client.Runs(t.Context(), "load_sales", airflow.RunsQuery{States: []string{"queued", "running"}, Limit: 1, Offset: 2})
			_, _ = client.ImportErrors(t.Context())
			_, _ = client.Version(t.Context())
			_, _ = client.Health(t.Context())
			sameAsGolden(t, filepath.Join("testdata", string(api)+"_questions.http"), sent.String())
		})
	}
}

func dump(t *testing.T, r *http.Request) string {
	t.Helper()
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text.String(), "\r\n", "\n") + "\n"
}

func sameAsGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

// What Airflow would refuse, or lose, never leaves.
func TestInvalidRunIsNotSent(t *testing.T) {
	t.Parallel()
	dag := func(id string) airflow.Run { r := sales(); r.DAGID = id; return r }
	runID := func(id string) airflow.Run { r := sales(); r.RunID = id; return r }
	const letters = "; use letters, digits, _ . and - only"
	const charset = "; use A-Z a-z 0-9 _ . ~ : + and - only, without .."
	for _, row := range []struct {
		name string
		run  airflow.Run
		want string
	}{
		{"without a DAG id", dag(""), "invalid: the DAG id is empty; name the DAG"},
		{"a path for a DAG id", dag("../x"), `invalid: no DAG can have the id "../x"` + letters},
		{"parent as DAG id", dag(".."), `invalid: no DAG can have the id ".."` + letters},
		{"self as DAG id", dag("."), `invalid: no DAG can have the id "."` + letters},
		{"a blank in a DAG id", dag("load sales"), `invalid: no DAG can have the id "load sales"` + letters},
		{"all DAGs", dag("~"), `invalid: no DAG can have the id "~"` + letters},
		{"bytes for a DAG id", dag("a\xff"), `invalid: no DAG can have the id "a\xff"` + letters},
		{"a long DAG id", dag(strings.Repeat("ß", 251)), "invalid: the DAG id has more than 250 characters; shorten it"},
		{"no run id", runID(""), "invalid: the run id is empty; name the run, so that asking twice makes one run"},
		{"a slash in a run id", runID("a/b"), `invalid: Airflow takes no run id "a/b"` + charset},
		{"a percent sign", runID("a%2Fb"), `invalid: Airflow takes no run id "a%2Fb"` + charset},
		{"a letter beyond ASCII", runID("größe"), `invalid: Airflow takes no run id "größe"` + charset},
		{"two dots", runID("a..b"), `invalid: Airflow takes no run id "a..b"` + charset},
		{"a line", runID("a\nb"), `invalid: Airflow takes no run id "a\nb"` + charset},
		{"a long run id", runID(strings.Repeat("a", 251)), "invalid: the run id has more than 250 characters; shorten it"},
		{"scheduled", runID("scheduled__x"), `invalid: the run id "scheduled__x" begins as Airflow's own runs do; let it begin otherwise`},
		{"backfill", runID("backfill_x"), `invalid: the run id "backfill_x" begins as Airflow's own runs do; let it begin otherwise`},
		{"dataset", runID("dataset_triggered__x"),
			`invalid: the run id "dataset_triggered__x" begins as Airflow's own runs do; let it begin otherwise`},
		{"asset", runID("asset_triggered__x"),
			`invalid: the run id "asset_triggered__x" begins as Airflow's own runs do; let it begin otherwise`},
		{"materialization", runID("asset_materialization__x"),
			`invalid: the run id "asset_materialization__x" begins as Airflow's own runs do; let it begin otherwise`},
		{"operator", runID("operator_triggered__x"),
			`invalid: the run id "operator_triggered__x" begins as Airflow's own runs do; let it begin otherwise`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, airflow.Config{URL: serve(t, script{}).URL})
			_, err := client.Trigger(t.Context(), row.run)
			if e := asKind(t, err, airflow.Invalid); e.Error() != row.want || e.InDoubt {
				t.Errorf("got\n\t%v\nwant\n\t%s", e, row.want)
			}
		})
	}
}

func TestRunAtTheLimitsIsSent(t *testing.T) {
	t.Parallel()
	run := airflow.Run{DAGID: strings.Repeat("d", 250), RunID: strings.Repeat("r", 250), Conf: []byte(" \t\r\n{}")}
	client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Transport: silent{}})
	if _, err := client.Request(t.Context(), run); err != nil {
		t.Error(err)
	}
}

func TestFindRefusesIDsThatNoRunHas(t *testing.T) {
	t.Parallel()
	client := newClient(t, airflow.Config{URL: serve(t, script{}).URL})
	_, err := client.Find(t.Context(), "..", "x")
	wantKind(t, err, airflow.Invalid)
	_, err = client.Find(t.Context(), "x", "../x")
	wantKind(t, err, airflow.Invalid)
}

// v1 takes a request of 1 MiB, and the others take what they get.
func TestLargeConf(t *testing.T) {
	t.Parallel()
	const around = len(`{"dag_run_id":"dagtrigger__sales__5f3c","conf":{"a":""}}`)
	conf := func(size int) airflow.Run {
		r := sales()
		r.Conf = []byte(`{"a":"` + strings.Repeat("x", size) + `"}`)
		return r
	}
	request := func(api airflow.API, run airflow.Run) error {
		client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: api, Transport: silent{}})
		_, err := client.Request(t.Context(), run)
		return err
	}
	if err := request(airflow.V1, conf(airflow.MaxBodyV1-around)); err != nil {
		t.Error(err)
	}
	e := asKind(t, request(airflow.V1, conf(airflow.MaxBodyV1-around+1)), airflow.TooLarge)
	want := "too large: not sent: the request has 983041 bytes, and v1 takes 983040; the conf is too large: " +
		"pass on where the data is, such as a gs:// URI, in place of the data"
	if e.Error() != want || e.InDoubt {
		t.Errorf("got %v, want %s", e, want)
	}
	for _, api := range []airflow.API{airflow.V2, airflow.Experimental} {
		if err := request(api, conf(2*airflow.MaxBodyV1)); err != nil {
			t.Errorf("%s: %v", api, err)
		}
	}
}

func TestOneDateCannotBothWaitAndBeLogical(t *testing.T) {
	t.Parallel()
	for _, api := range []airflow.API{airflow.V1, airflow.Experimental} {
		client := newClient(t, airflow.Config{URL: serve(t, script{}).URL, API: api})
		run := sales()
		run.RunAfter, run.LogicalDate = logicalDate, logicalDate
		_, err := client.Trigger(t.Context(), run)
		if e := asKind(t, err, airflow.Invalid); e.Error() != "invalid: a run cannot wait and have a logical date before Airflow 3; leave one "+
			"of the two out" {
			t.Error(e)
		}
	}
}

func TestLongNoteIsCut(t *testing.T) {
	t.Parallel()
	client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Transport: silent{}})
	run := sales()
	run.Note = strings.Repeat("é", 5000)
	request, err := client.Request(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(request.Body)
	if n := strings.Count(string(body), "é"); n != airflow.MaxNote {
		t.Errorf("the note has %d characters, want %d", n, airflow.MaxNote)
	}
}
