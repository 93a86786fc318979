// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/real/airflowreal"
)

// bounds are routes that make fewer runs than there are events.
const bounds = `
routes:
- {name: window, on: com.acme.window, dag: ` + airflowreal.RecordDAG + `, every: 10s, grace: 10s}
- {name: few, on: com.acme.few, dag: ` + airflowreal.PausedDAG + `, max_active: 2}
- {name: waits, on: com.acme.waits, dag: ` + airflowreal.PausedDAG + `, when_paused: defer}
- {name: fails, on: com.acme.fails, dag: ` + airflowreal.PausedDAG + `, when_paused: fail}
- {name: unpauses, on: com.acme.unpauses, dag: ` + airflowreal.UnpausedDAG + `, when_paused: unpause}
- {name: skips, on: com.acme.skips, dag: ` + airflowreal.TypedDAG + `, skip_active: true, conf: {}}
`

// proveBounds holds the routes that bound their runs against a real scheduler.
func proveBounds(t *testing.T, a *realAirflow, binary string) {
	var settings []string
	for _, s := range a.settings(a.URL, "") {
		if !strings.HasPrefix(s, "DAG_ID=") {
			settings = append(settings, s)
		}
	}
	function := startFunction(t, binary, append(settings, "DAGTRIGGER_CONFIG="+bounds)...)
	t.Run("the events of a window become one run", func(t *testing.T) { proveAWindow(t, a, function) })
	t.Run("a DAG is given no more runs than it may have", func(t *testing.T) {
		for n, want := range []string{"200 triggered", "200 triggered", "429 deferred"} {
			if o := occur(t, function, "few", n, time.Now()); o.came() != want {
				t.Errorf("event %d: %s, want %s: %s", n, o.came(), want, o.Reason)
			}
		}
	})
	t.Run("a paused DAG is unpaused", func(t *testing.T) { proveUnpause(t, a, function) })
	t.Run("a DAG is given no run beside an active one", func(t *testing.T) { proveSkipActive(t, a, function) })
	t.Run("a DAG is paused", func(t *testing.T) {
		for kind, want := range map[string]string{"waits": "429 deferred", "fails": "422 rejected"} {
			if o := occur(t, function, kind, 1, time.Now()); o.came() != want {
				t.Errorf("%s: %s, want %s: %s", kind, o.came(), want, o.Reason)
			}
		}
	})
}

// proveUnpause starts a run of a paused DAG, which then runs.
func proveUnpause(t *testing.T, a *realAirflow, function string) {
	a.pause(t, airflowreal.UnpausedDAG, true)
	if o := occur(t, function, "unpauses", 1, time.Now()); o.came() != "200 triggered" {
		t.Errorf("%s: %s", o.came(), o.Reason)
	}
	if text := string(a.get(t, a.URL+a.api+"/dags/"+airflowreal.UnpausedDAG)); strings.Contains(strings.ReplaceAll(text, " ", ""),
		`"is_paused":true`) {
		t.Errorf("the DAG is still paused: %s", text)
	}
}

// proveSkipActive starts one run, which waits because its DAG is paused, and no other.
func proveSkipActive(t *testing.T, a *realAirflow, function string) {
	a.pause(t, airflowreal.TypedDAG, true)
	for n, want := range []string{"200 triggered", "200 unmatched"} {
		if o := occur(t, function, "skips", n, time.Now()); o.came() != want {
			t.Errorf("event %d: %s, want %s: %s", n, o.came(), want, o.Reason)
		}
	}
	if o := occur(t, function, "skips", 0, time.Now()); o.came() != "200 duplicate" {
		t.Errorf("redelivered: %s: %s", o.came(), o.Reason)
	}
}

// proveAWindow has a real scheduler hold a run back until its window is over,
// and start one for a late event at once.
func proveAWindow(t *testing.T, a *realAirflow, function string) {
	at := time.Now().Add(20 * time.Second) // its run starts in 30 to 40 seconds
	first := occur(t, function, "window", 1, at)
	state, _ := a.run(t, first.RunID)
	second, again := occur(t, function, "window", 2, at), occur(t, function, "window", 1, at)
	if got := first.came() + ", " + second.came() + ", " + again.came(); got != "200 triggered, 200 duplicate, 200 duplicate" ||
		second.RunID != first.RunID {
		t.Errorf("in time they came to %s: %s", got, second.Reason)
	}
	if state != "queued" {
		t.Errorf("the run did not wait: it is %s", state)
	}
	begin := at.UTC().Truncate(10 * time.Second)
	checkWindow(
		t,
		a,
		first.RunID,
		fmt.Sprintf(`{"window":{"begin":%q,"end":%q}}`, begin.Format(time.RFC3339), begin.Add(10*time.Second).Format(time.RFC3339)),
	)
	if _, started := a.run(t, first.RunID); started.Before(begin.Add(20 * time.Second)) {
		t.Errorf("the window that began at %s and its grace were not over when the run started at %s", begin, started)
	}
	late, twice := occur(t, function, "window", 3, at), occur(t, function, "window", 3, at)
	if got := late.came() + ", " + twice.came(); got != "200 triggered, 200 duplicate" || late.RunID == first.RunID ||
		twice.RunID != late.RunID {
		t.Errorf("a late one came to %s, as %s: %s", got, late.RunID, late.Reason)
	}
	checkWindow(
		t,
		a,
		late.RunID,
		fmt.Sprintf(`{"window":{"begin":%q,"end":%q,"late":true}}`, begin.Format(time.RFC3339), begin.Add(10*time.Second).Format(time.RFC3339)),
	)
}

// checkWindow reads the conf that the run's task was given.
func checkWindow(t *testing.T, a *realAirflow, runID, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*hang)
	defer cancel()
	conf, err := a.Conf(ctx, runID)
	if err != nil {
		t.Fatal(err)
	}
	if got := canonical(t, conf); got != canonical(t, []byte(want)) {
		t.Errorf("the task of %s was given %s, want %s", runID, got, want)
	}
}

// came is an outcome, and the status that it was answered with.
type came struct {
	Outcome string
	RunID   string `json:"dag_run_id"`
	Reason  string
	status  int
}

func (c came) came() string { return fmt.Sprintf("%d %s", c.status, c.Outcome) }

// occur sends the function an event for one route.
func occur(t *testing.T, function, route string, n int, at time.Time) came {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://function.invalid/", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for header, value := range map[string]string{
		"Ce-Specversion": "1.0", "Ce-Type": "com.acme." + route, "Ce-Source": "//acme", "Ce-Id": fmt.Sprint(n),
		"Ce-Time": at.UTC().Format(time.RFC3339Nano), "Content-Type": "application/json",
	} {
		r.Header.Set(header, value)
	}
	status, body := post(t, function, r)
	var answer struct{ Outcomes []came }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Outcomes) != 1 {
		t.Fatalf("%s %d was answered %d %s", route, n, status, body)
	}
	answer.Outcomes[0].status = status
	return answer.Outcomes[0]
}

// run is a run's state, and when it started.
func (a *realAirflow) run(t *testing.T, runID string) (state string, started time.Time) {
	t.Helper()
	var answer struct {
		State   string
		Started time.Time `json:"start_date"`
	}
	text := a.get(t, a.URL+a.api+"/dags/"+airflowreal.RecordDAG+"/dagRuns/"+runID)
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return answer.State, answer.Started
}
