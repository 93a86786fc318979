// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// TestDoctorChecksExamplesAgainstParams examines a DAG whose Params ask for a region.
func TestDoctorChecksExamplesAgainstParams(t *testing.T) {
	t.Parallel()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen,
		DAGs: []airflowsim.DAG{{ID: "load_eu", Params: `{"region": {"type": "string", "enum": ["eu", "us"]}}`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	airflow := httptest.NewServer(sim)
	t.Cleanup(func() {
		airflow.Close()
		if runs := sim.Runs(); len(runs) > 0 {
			t.Errorf("it started %d runs", len(runs))
		}
	})
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	routes := write("routes.yaml", "routes: [{name: sales, on: message.published, dag: load_eu}]")
	for _, row := range []struct {
		name, examples string
		status         int
		want           string
	}{
		{"no-examples", "", exitOK, `(?m)^warning  params +it asks for region, and the route has no example`},
		{"right", `{name: from eu, message: {region: eu}}`, exitOK, `(?m)^ok       params +1 example`},
		{"wrong", `{name: from eu, message: {region: eu}}, {name: from mars, message: {region: mars}}`, exitFailed,
			`(?m)^failed   params +the example "from mars": the Param region `},
		{"invalid", `{nome: from eu}`, exitFailed, `(?m)^failed   settings +\S+invalid.yaml:1:`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			call := []string{"doctor", "--config", routes}
			if row.examples != "" {
				call = append(call, "--examples", write(row.name+".yaml", "{config: routes.yaml, tests: ["+row.examples+"]}"))
			}
			var out bytes.Buffer
			status := run(t.Context(), call, set(map[string]string{"AIRFLOW_URL": airflow.URL, "AIRFLOW_AUTH": "none"}), nil, &out, &out)
			if status != row.status || !regexp.MustCompile(row.want).Match(out.Bytes()) {
				t.Errorf("it ended with the exit status %d, want %d and %s:\n%s", status, row.status, row.want, &out)
			}
		})
	}
}

// TestInterruptedDoctorReportsIt ends it before its first check.
func TestInterruptedDoctorReportsIt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status := run(ctx, []string{"doctor"}, set(map[string]string{"AIRFLOW_URL": "http://127.0.0.1:1", "DAG_ID": "load"}), nil,
		&bytes.Buffer{}, &out)
	const want = "dagtrigger: interrupted before all checks were made; some may have failed for that reason\n"
	if status != exitFailed || out.String() != want {
		t.Errorf("it ended with the exit status %d: %s", status, &out)
	}
}

// TestHelpListsEveryCause compares the help with the table of causes.
func TestHelpListsEveryCause(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	run(t.Context(), []string{"help", "errors"}, none, nil, &out, &out)
	words := bytes.Join(bytes.Fields(out.Bytes()), []byte(" "))
	for _, c := range doctor.Causes() {
		if !bytes.Contains(words, []byte(" "+c.Name+" "+c.Means+" fix: "+c.Fix)) {
			t.Errorf("%s is not printed as in the table", c.Name)
		}
	}
}
