// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTableHasFiguresAndRatios(t *testing.T) {
	t.Parallel()
	rows := []row{
		{start: 6 * time.Millisecond, cpu: 100 * time.Microsecond, rate: 780, memory: 20e6, instructions: 400_000},
		{start: 9 * time.Millisecond, cpu: 120 * time.Microsecond, rate: 702, memory: 30e6},
	}
	rows = append(rows, row{start: 8 * time.Millisecond}, row{start: 10 * time.Millisecond})
	got := table([]program{{name: "a"}, {name: "b"}, {name: "c", empty: true}, {name: "d"}}, rows)
	for _, want := range []string{
		"| a | 400k (1.00) | 100 (1.00) | 6.0 (1.00) | 20 (1.00) | 780 (1.00) |\n",
		"| c | | | 8.0 (1.33) | | |\n",
		"against an empty function that links the same libraries: d 1.25 times (+2.0 ms).\n",
		"| b | | 120 (1.20) | 9.0 (1.50) | 30 (1.50) | 702 (0.90) |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table has no row\n%s\nit is\n%s", want, got)
		}
	}
}

func TestTotalInstructionsReadsWhatCallgrindWrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out")
	for text, want := range map[string]int64{"events: Ir\nsummary: 123\n\nfn=(1)\ntotals: 123\n": 123, "events: Ir\n": 0} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := totalInstructions(path); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d and %v, want %d", text, got, err, want)
		}
	}
}

func TestAirflowStubCreatesRunsOfItsDAGOnly(t *testing.T) {
	t.Parallel()
	a, err := startAirflow()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.server.Close() })
	client := &http.Client{Timeout: time.Minute}
	for path, want := range map[string]int{"/api/v1/dags/load/dagRuns": http.StatusOK, "/api/v1/dags/other/dagRuns": http.StatusNotFound} {
		body := strings.NewReader(`{"dag_run_id":"a","conf":{}}`)
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, a.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: answered %d, want %d", path, response.StatusCode, want)
		}
	}
}
