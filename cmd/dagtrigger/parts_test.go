// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/trigger"
)

// TestConnectionHasEverySetting finds a setting that would lead the
// function elsewhere without anybody here knowing.
func TestConnectionHasEverySetting(t *testing.T) {
	t.Parallel()
	var got []string
	for _, line := range strings.Split(config.Reference(), "\n") {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "| `"), "`")
		if (strings.HasPrefix(name, "AIRFLOW_") || name == "COMPOSER_ENVIRONMENT") && !slices.Contains([]string{"AIRFLOW_TIMEOUT",
			"AIRFLOW_MAX_IN_FLIGHT"}, name) {
			got = append(got, name)
		}
	}
	want := connection()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the settings are %v\nwant        %v", got, want)
	}
}

func TestDuplicatesAreSpreadEvenly(t *testing.T) {
	t.Parallel()
	for percent := range 101 {
		l := load{count: 137, duplicates: percent}
		total, run := 0, 0
		for n := 1; n <= l.count; n++ {
			d := l.deliveries(n)
			total += d
			if d == 1 {
				run = 0
			} else if run++; run > 1 && percent <= 50 {
				t.Fatalf("%d%%: two duplicates in a row at %d", percent, n)
			}
		}
		if total != l.total() || l.total() != 137+137*percent/100 {
			t.Errorf("%d%%: %d deliveries, printed as %d", percent, total, l.total())
		}
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	rows := []struct {
		sorted  []time.Duration
		percent int
		want    time.Duration
	}{
		{nil, 50, 0}, {hundred[:1], 50, 1}, {hundred[:1], 100, 1}, {hundred[:2], 50, 1}, {hundred[:3], 50, 2},
		{hundred, 50, 50}, {hundred, 95, 95}, {hundred, 99, 99}, {hundred, 100, 100},
	}
	for _, row := range rows {
		if got := quantile(row.sorted, row.percent); got != row.want {
			t.Errorf("p%d of %d = %d, want %d", row.percent, len(row.sorted), got, row.want)
		}
	}
}

func TestColumnsAlign(t *testing.T) {
	t.Parallel()
	got := columns([][]string{{"a", "größer", "x"}, {"bbb", "c", ""}, {"no"}})
	want := []string{"a    größer  x", "bbb  c", "no"}
	if !slices.Equal(got, want) {
		t.Errorf("columns = %q, want %q", got, want)
	}
}

func TestWrapBreaksBetweenWords(t *testing.T) {
	t.Parallel()
	got := wrapped("one two  three averyverylongword four", 11, "  ")
	want := "  one two\n  three\n  averyverylongword\n  four\n"
	if got != want {
		t.Errorf("wrapped = %q, want %q", got, want)
	}
}

func TestOnlyTerminalsGetColours(t *testing.T) {
	t.Parallel()
	for _, kind := range []trigger.Kind{trigger.Triggered, trigger.Duplicate, trigger.Deferred, trigger.Rejected, trigger.DeadLettered} {
		if got := (painter{mark: "<ESC>"}).outcome(kind, "x"); !strings.HasPrefix(got, "<ESC>[") {
			t.Errorf("%s has no colour: %q", kind, got)
		}
		if got := (painter{}).outcome(kind, "x"); got != "x" {
			t.Errorf("%s has a colour without a terminal: %q", kind, got)
		}
	}
	if p := (&program{getenv: none}); p.painter(newPrintable(io.Discard)) != (painter{}) {
		t.Error("text for a file has colours")
	}
}

// TestDemoInjectsTheFailuresItNames on the way to Airflow.
func TestDemoInjectsTheFailuresItNames(t *testing.T) {
	t.Parallel()
	reached := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached++
		_, _ = w.Write([]byte("made"))
	}))
	defer server.Close()
	way := &trouble{way: server.Client().Transport}
	ask := func(method, path string) string {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := way.RoundTrip(req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Status + " " + string(body)
	}
	const runs, look = "/api/v2/dags/d/dagRuns", "/api/v2/dags/d/dagRuns/r"
	rows := []struct {
		fault        fault
		method, path string
		want         string
		reached      int
	}{
		{noFault, http.MethodPost, runs, "200 OK made", 1},
		{airflowDown, http.MethodPost, runs, "dial tcp: connection refused", 0},
		{airflowDown, http.MethodGet, look, "dial tcp: connection refused", 0},
		{answerLost, http.MethodGet, look, "200 OK made", 1},
		{answerLost, http.MethodPost, runs, "unexpected EOF", 1},
		{confRefused, http.MethodPost, runs, `400 Bad Request {"detail": "Invalid input for param amount: 'much' is not of type 'number'"}`, 0},
		{confRefused, http.MethodPost, "/api/experimental/dags/d/dag_runs",
			`400 Bad Request {"error": "Invalid input for param amount: 'much' is not of type 'number'"}`, 0},
		{confRefused, http.MethodGet, look, "200 OK made", 1},
	}
	for _, row := range rows {
		reached = 0
		way.set(row.fault)
		if got := ask(row.method, row.path); got != row.want || reached != row.reached {
			t.Errorf("%q, %s %s: %s, Airflow reached %d times\nwant %s, %d times", row.fault, row.method, row.path, got, reached, row.want,
				row.reached)
		}
	}
	way.set(answerLost)
	if first, second := ask(http.MethodPost, runs), ask(http.MethodPost, runs); first != "unexpected EOF" || second != "200 OK made" {
		t.Errorf("an answer is lost once: %s, then %s", first, second)
	}
}
