// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/real/realtest"
)

// TestFirstGuideOnRealAirflow serves the first guide's routes, sends the
// upload, and reads in the task's log what the DAG printed.
func TestFirstGuideOnRealAirflow(t *testing.T) {
	t.Parallel()
	realtest.Need(t)
	for _, version := range realtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			real := realtest.Start(t, airflowreal.Options{Version: version, DAGs: os.DirFS(guides + "dags"), Scheduler: true})
			a := reader{Airflow: real, api: "/api/v1"}
			settings := map[string]string{
				"PORT": "0", "AIRFLOW_URL": real.URL, "AIRFLOW_AUTH": "basic",
				"AIRFLOW_USERNAME": real.Admin.Name, "AIRFLOW_PASSWORD": real.Admin.Password,
			}
			if strings.HasPrefix(version, "3.") {
				settings["AIRFLOW_AUTH"], a.api = "password", "/api/v2"
			}
			ctx, end := context.WithCancel(t.Context())
			defer end()
			out, log := newOutput(), newOutput()
			ended := make(chan int, 1)
			go func() {
				ended <- run(ctx, []string{"serve", "--config", guides + "examples/bucket.yaml"}, set(settings), nil, out, log)
			}()
			url := out.after(t, "The function listens on ", ended)
			sent := newOutput()
			send := []string{"send", "storage", "gs://acme-landing/sales/eu/a.csv", "--size", "2048", "--to", url, "--json"}
			if status := run(t.Context(), send, none, nil, sent, sent); status != exitOK {
				t.Fatalf("sending ended with %d: %s", status, sent)
			}
			end()
			<-ended
			want := `conf: {"region": "eu", "size": 2048, "uri": "gs://acme-landing/sales/eu/a.csv"}`
			if printed := a.printed(t); !strings.Contains(strings.ReplaceAll(printed, `\"`, `"`), want) {
				t.Errorf("the DAG did not print %s, but\n%s", want, printed)
			}
		})
	}
}

// reader reads what a DAG made.
type reader struct {
	*airflowreal.Airflow
	api string
}

// printed is the log of print_conf's only run, once that has ended.
func (a reader) printed(t *testing.T) string {
	t.Helper()
	var runs struct {
		Runs []struct {
			ID    string `json:"dag_run_id"`
			State string
		} `json:"dag_runs"`
	}
	for started := time.Now(); time.Since(started) < 2*hang; {
		if err := json.Unmarshal(a.get(t, "/dags/print_conf/dagRuns"), &runs); err != nil || len(runs.Runs) != 1 {
			t.Fatalf("Airflow holds %v: %v", runs, err)
		}
		switch run := runs.Runs[0]; run.State {
		case "success":
			return string(a.get(t, "/dags/print_conf/dagRuns/"+run.ID+"/taskInstances/print_conf/logs/1"))
		case "failed":
			t.Fatalf("the run failed: %s", a.get(t, "/dags/print_conf/dagRuns/"+run.ID+"/taskInstances/print_conf/logs/1"))
		}
		<-time.After(100 * time.Millisecond)
	}
	t.Fatalf("the run does not end: %v", runs)
	return ""
}

func (a reader) get(t *testing.T, path string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL+a.api+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(a.Admin.Name, a.Admin.Password)
	if a.api == "/api/v2" {
		token, err := a.Token(t.Context(), a.Admin)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: hang}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(fmt.Errorf("%s was answered %s %s: %w", path, resp.Status, text, err))
	}
	return text
}
