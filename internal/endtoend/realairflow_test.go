// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/real/realtest"
)

// realAirflow is a real Airflow, and an admin's way into it.
type realAirflow struct {
	*airflowreal.Airflow
	client *http.Client
	token  string // of Airflow 3
	api    string // the path of its API
}

func startAirflow(t testing.TB, o airflowreal.Options) *realAirflow {
	t.Helper()
	o.Database = airflowreal.PostgreSQL
	a := &realAirflow{Airflow: realtest.Start(t, o), client: &http.Client{Transport: &http.Transport{}, Timeout: hang}, api: "/api/v1"}
	t.Cleanup(a.client.CloseIdleConnections)
	if strings.HasPrefix(o.Version, "3.") {
		a.api = "/api/v2"
		var err error
		if a.token, err = a.Token(t.Context(), a.Admin); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// settings are those of a function in front of Airflow at url, which may be a proxy.
func (a *realAirflow) settings(url, dag string) []string {
	all := []string{"AIRFLOW_URL=" + url, "DAG_ID=" + dag}
	if a.token != "" {
		return append(all, "AIRFLOW_AUTH=bearer", "AIRFLOW_TOKEN="+a.token)
	}
	return append(all, "AIRFLOW_AUTH=basic", "AIRFLOW_USERNAME="+a.Admin.Name, "AIRFLOW_PASSWORD="+a.Admin.Password)
}

func (a *realAirflow) authorize(r *http.Request) {
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
		return
	}
	r.SetBasicAuth(a.Admin.Name, a.Admin.Password)
}

// pause pauses a DAG, or unpauses it.
func (a *realAirflow) pause(t testing.TB, dag string, paused bool) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPatch, a.URL+a.api+"/dags/"+dag, strings.NewReader(fmt.Sprintf(`{"is_paused":%t}`, paused)))
	if err != nil {
		t.Fatal(err)
	}
	a.authorize(r)
	r.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("pausing %s: %d %s, %v", dag, resp.StatusCode, text, err)
	}
}

// confs are the confs of all runs of a DAG, by run id.
func (a *realAirflow) confs(t testing.TB, dag string) map[string]string {
	t.Helper()
	const page = 100 // the most that Airflow gives at once
	all := map[string]string{}
	for total := 1; len(all) < total; {
		var answer struct {
			Runs []struct {
				ID   string `json:"dag_run_id"`
				Conf json.RawMessage
			} `json:"dag_runs"`
			Total int `json:"total_entries"`
		}
		path := fmt.Sprintf("%s%s/dags/%s/dagRuns?limit=%d&offset=%d&order_by=id", a.URL, a.api, dag, page, len(all))
		text := a.get(t, path)
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		for _, run := range answer.Runs {
			all[run.ID] = canonical(t, run.Conf)
		}
		if total = answer.Total; len(answer.Runs) == 0 && len(all) < total {
			t.Fatalf("%d runs of %d were listed", len(all), total)
		}
	}
	return all
}

func (a *realAirflow) get(t testing.TB, url string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.authorize(r)
	resp, err := a.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s was answered %s %s: %v", url, resp.Status, text, err)
	}
	return text
}
