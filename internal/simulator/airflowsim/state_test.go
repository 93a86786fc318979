// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// timed is an Airflow in which a run is queued for a minute and runs for two.
func timed(t *testing.T, version airflowsim.Version, more func(*airflowsim.Config)) (*airflowsim.Server, *clock) {
	t.Helper()
	c := config(t, version)
	clock := newClock()
	c.Now, c.QueuedFor, c.RunFor = clock.Now, time.Minute, 2*time.Minute
	if version == airflowsim.Airflow110 {
		c.Auth = airflowsim.AuthOpen
	}
	if more != nil {
		more(&c)
	}
	return newServer(t, c), clock
}

// state is the state of the only run.
func state(t *testing.T, s *airflowsim.Server) string {
	t.Helper()
	runs := s.Runs()
	if len(runs) != 1 {
		t.Fatalf("got %d runs, want one", len(runs))
	}
	return runs[0].State
}

// A step moves the clock, or pauses, and says in which state the run is then.
type step struct {
	after time.Duration
	do    string
	want  string
}

func TestRunStateFollowsTheClock(t *testing.T) {
	t.Parallel()
	const v110, v211, v33 = airflowsim.Airflow110, airflowsim.Airflow211, airflowsim.Airflow33
	const tick = time.Microsecond
	inFuture := func(c *airflowsim.Config) { c.AllowTriggerInFuture = true }
	idle := func(c *airflowsim.Config) { c.NoScheduler = true }
	ahead := `"2026-11-22T04:05:53.584369Z"` // an hour
	for name, story := range map[string]struct {
		version airflowsim.Version
		more    func(*airflowsim.Config)
		req     request
		steps   []step
	}{
		"from queued through running to success": {v33, nil, v2Trigger("d", wish("r", "")), []step{
			{0, "", "queued"}, {time.Minute - tick, "", "queued"}, {tick, "", "running"}, {2*time.Minute - tick, "", "running"},
			{tick, "", "success"},
		}},
		"on 2.11": {
			v211, nil, v1Trigger("d", `{}`), []step{{0, "", "queued"}, {time.Minute, "", "running"}, {2 * time.Minute, "", "success"}},
		},
		"on 1.10 it runs at once": {
			v110, nil, experiment("d", "{}"), []step{{0, "", "running"}, {3*time.Minute - tick, "", "running"}, {tick, "", "success"}},
		},
		"without a scheduler it stays": {v33, idle, v2Trigger("d", wish("r", "")), []step{{0, "", "queued"}, {time.Hour, "", "queued"}}},
		"a pause holds it and freezes it": {v33, nil, v2Trigger("d", wish("r", "")), []step{
			{30 * time.Second, "pause", "queued"}, {time.Hour, "", "queued"}, {0, "resume", "queued"},
			{30*time.Second - tick, "", "queued"}, {tick, "", "running"},
			{time.Minute, "pause", "running"}, {time.Hour, "", "running"}, {0, "resume", "running"}, {time.Minute - tick, "", "running"},
			{tick, "", "success"},
			{0, "pause", "success"},
		}},
		"a DAG paused beforehand holds it": {
			v211, nil, v1Trigger("paused", `{}`), []step{{time.Hour, "", "queued"}, {0, "resume", "queued"}, {time.Minute, "", "running"}},
		},
		"run_after ahead holds it": {v33, nil, v2Trigger("d", wish("r", `,"run_after":`+ahead)), []step{
			{time.Hour, "", "queued"}, {time.Minute - tick, "", "queued"}, {tick, "", "running"},
		}},
		"a logical date ahead holds its tasks on 3.3": {v33, nil, v2Trigger("d", `{"logical_date":`+ahead+`}`), []step{
			{time.Minute, "", "running"}, {59 * time.Minute, "", "running"}, {2*time.Minute - tick, "", "running"}, {tick, "", "success"},
		}},
		"a logical date ahead holds it on 2.11": {
			v211, nil, v1Trigger("d", `{"logical_date":`+ahead+`}`), []step{{time.Hour, "", "queued"}, {time.Minute, "", "running"}},
		},
		"unless allow_trigger_in_future": {
			v211, inFuture, v1Trigger("d", `{"logical_date":`+ahead+`}`), []step{{time.Minute, "", "running"}},
		},
		"an execution date ahead holds it too": {
			v211, nil, experiment("d", `{"execution_date":`+ahead+`}`), []step{{time.Hour, "", "queued"}, {time.Minute, "", "running"}},
		},
		"and keeps it running on 1.10": {
			v110, nil, experiment("d", `{"execution_date":`+ahead+`}`), []step{{time.Hour, "", "running"}, {3 * time.Minute, "", "success"}},
		},
		"a date behind holds nothing": {
			v211, nil, v1Trigger("d", `{"logical_date":"2024-01-01T00:00:00Z"}`), []step{{time.Minute - tick, "", "queued"},
				{tick, "", "running"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock := timed(t, story.version, story.more)
			if w := do(t, s, story.req); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			for i, step := range story.steps {
				clock.advance(step.after)
				if step.do != "" {
					s.Pause("d", step.do == "pause")
					s.Pause("paused", step.do == "pause")
				}
				if got := state(t, s); got != step.want {
					t.Errorf("step %d: got %s, want %s", i, got, step.want)
				}
			}
		})
	}
}

func TestRunReportsStartAndEnd(t *testing.T) {
	t.Parallel()
	s, clock := timed(t, airflowsim.Airflow33, nil)
	do(t, s, v2Trigger("d", wish("r", "")))
	clock.advance(time.Hour)
	w := do(t, s, get("/api/v2/dags/d/dagRuns/r"))
	want := `"start_date":"2026-11-22T03:06:53.584369Z","end_date":"2026-11-22T03:08:53.584369Z","duration":120.0`
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("got %s, want %s", w.Body, want)
	}
}

func TestPatchPausesDAG(t *testing.T) {
	t.Parallel()
	const v110, v211, v33 = airflowsim.Airflow110, airflowsim.Airflow211, airflowsim.Airflow33
	for version, api := range map[airflowsim.Version]struct{ pause, resume, trigger request }{
		v110: {get("/api/experimental/dags/d/paused/true"), get("/api/experimental/dags/d/paused/false"), experiment("d", "{}")},
		v211: {
			patch("/api/v1/dags/d", `{"is_paused": true}`), patch("/api/v1/dags/d?update_mask=is_paused", `{"is_paused": false}`),
			v1Trigger("d", "{}"),
		},
		v33: {
			patch("/api/v2/dags/d", `{"is_paused": true}`), patch("/api/v2/dags/d?update_mask=is_paused", `{"is_paused": "off"}`),
			v2Trigger("d", wish("r", "")),
		},
	} {
		s, clock := timed(t, version, nil)
		do(t, s, api.trigger)
		if w := do(t, s, api.pause); w.Code != 200 {
			t.Errorf("%s: %d %s", version, w.Code, w.Body)
		}
		clock.advance(time.Hour)
		if got := state(t, s); got == "success" {
			t.Errorf("%s: a paused DAG's run has ended", version)
		}
		do(t, s, api.resume)
		clock.advance(3 * time.Minute)
		if got := state(t, s); got != "success" {
			t.Errorf("%s: after the pause: got %s, want success", version, got)
		}
	}
}

func TestRunsAreCountedByState(t *testing.T) {
	t.Parallel()
	s, clock := timed(t, airflowsim.Airflow33, nil)
	for _, id := range []string{"a", "b", "c"} {
		do(t, s, v2Trigger("d", wish(id, "")))
		clock.advance(time.Minute)
	}
	do(t, s, v2Trigger("d", wish("late", `,"run_after":"2030-01-01T00:00:00Z"`)))
	for query, want := range map[string]string{
		"?state=queued&state=running":              `"dag_run_id":"b"|"dag_run_id":"c"|"dag_run_id":"late"|"total_entries":3`,
		"?state=success":                           `"dag_run_id":"a"|"total_entries":1`,
		"?state=failed":                            `"total_entries":0`,
		"?limit=1&order_by=-run_after":             `"dag_run_id":"late"|"total_entries":4`,
		"?limit=1&order_by=-start_date":            `"dag_run_id":"late"|"total_entries":4`, // it has none, and null is the largest
		"?limit=1&order_by=start_date":             `"dag_run_id":"a"|"total_entries":4`,
		"?limit=1&offset=1&order_by=id":            `"dag_run_id":"b"|"total_entries":4`,
		"?limit=1&order_by=-state&order_by=run_id": `"dag_run_id":"a"|"total_entries":4`,
		"?limit=0":                                   `"dag_runs":[]|"total_entries":4`,
		"?run_id_pattern=L_T":                        `"dag_run_id":"late"|"total_entries":1`,
		"?run_id_pattern=&limit=0":                   `"total_entries":4`,
		"?run_id_pattern=a%7Cb&order_by=id&limit=1":  `"dag_run_id":"a"|"total_entries":3`,
		"?run_id_prefix_pattern=la":                  `"dag_run_id":"late"|"total_entries":1`,
		"?run_id_prefix_pattern=L":                   `"total_entries":0`,
		"?run_id_prefix_pattern=la__":                `"dag_run_id":"late"|"total_entries":1`,
		"?run_id_prefix_pattern=b%7Cc":               `"dag_run_id":"b"|"dag_run_id":"c"|"total_entries":2`,
		"?run_id_prefix_pattern=~&limit=0":           `"total_entries":4`,
		"?run_id_prefix_pattern=la&run_id_pattern=x": `"total_entries":0`,
	} {
		holds(t, query, do(t, s, get("/api/v2/dags/d/dagRuns"+query)).Body.String(), want)
	}
}

func TestPageHasAtMost100Runs(t *testing.T) {
	t.Parallel()
	s2, s3 := newServer(t, airflow211(t)), newServer(t, airflow33(t))
	for i := range 101 {
		do(t, s2, v1Trigger("d", fmt.Sprintf(`{"dag_run_id": "r%d", "logical_date": "2024-01-01T00:00:00.%06dZ"}`, i, i)))
		do(t, s3, v2Trigger("d", wish(fmt.Sprintf("r%d", i), "")))
	}
	for path, want := range map[string]int{
		"/api/v1/dags/d/dagRuns": 100, "/api/v1/dags/d/dagRuns?limit=500": 100, "/api/v1/dags/d/dagRuns?limit=0": 100,
	} {
		if got := strings.Count(do(t, s2, get(path)).Body.String(), "dag_run_id"); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
	for path, want := range map[string]int{
		"/api/v2/dags/d/dagRuns": 50, "/api/v2/dags/d/dagRuns?limit=500": 100, "/api/v2/dags/d/dagRuns?limit=0": 0,
	} {
		if got := strings.Count(do(t, s3, get(path)).Body.String(), "dag_run_id"); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}

func TestV1CountsByState(t *testing.T) {
	t.Parallel()
	s, clock := timed(t, airflowsim.Airflow211, nil)
	for _, id := range []string{"a", "b", "c"} {
		do(t, s, v1Trigger("d", `{"dag_run_id": "`+id+`"}`))
		clock.advance(time.Minute)
	}
	do(t, s, v1Trigger("paused", `{"dag_run_id": "p"}`))
	for query, want := range map[string]string{
		"d/dagRuns?state=queued,running":             `"dag_run_id": "b"|"dag_run_id": "c"|"total_entries": 2`,
		"d/dagRuns?state=queued&state=success":       `"dag_run_id": "a"|"total_entries": 1`,
		"d/dagRuns?limit=1&order_by=-execution_date": `"dag_run_id": "c"|"total_entries": 3`,
		"d/dagRuns?limit=1&order_by=start_date":      `"dag_run_id": "a"|"total_entries": 3`,
		"d/dagRuns?limit=0&offset=2":                 `"dag_run_id": "c"|"total_entries": 3`,
		"~/dagRuns?order_by=-dag_id&limit=1":         `"dag_run_id": "p"|"total_entries": 4`,
	} {
		holds(t, query, do(t, s, get("/api/v1/dags/"+query)).Body.String(), want)
	}
}

// holds asks for the parts of want, and for no run beside those that it names.
func holds(t *testing.T, name, body, want string) {
	t.Helper()
	parts := strings.Split(want, "|")
	for _, part := range parts {
		if !strings.Contains(body, part) {
			t.Errorf("%s: no %s in %s", name, part, body)
		}
	}
	named := slices.DeleteFunc(parts, func(part string) bool { return !strings.Contains(part, "dag_run_id") })
	if got := strings.Count(body, `"dag_run_id"`); got != len(named) {
		t.Errorf("%s: got %d runs, want %d", name, got, len(named))
	}
}

func TestRunsListsAllRuns(t *testing.T) {
	t.Parallel()
	s := newServer(t, airflow33(t))
	conf := `{ "big": 123456789012345678901234567890, "f": 1.50,  "b":"é" }`
	do(t, s, v2Trigger("d", wish("r1", `,"note":"n","conf":`+conf)))
	do(t, s, v2Trigger("paused", `{"dag_run_id":"r2","logical_date":"2024-01-01T02:00:00+02:00"}`))
	runs := s.Runs()
	if len(runs) != 2 || string(runs[0].Conf) != conf || runs[0].Note != "n" || runs[0].ID != "r1" || !runs[0].RunAfter.Equal(began) {
		t.Errorf("got %+v", runs)
	}
	if only := s.Runs("paused"); len(only) != 1 || only[0].ID != "r2" || only[0].Conf != nil ||
		!only[0].LogicalDate.Equal(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v", only)
	}
}

func TestAddDAGReplaces(t *testing.T) {
	t.Parallel()
	s := newServer(t, airflow33(t))
	detail(404, "Dag with dag_id: 'new' not found").compare(t, do(t, s, v2Trigger("new", wish("r", ""))))
	for _, dag := range []airflowsim.DAG{{ID: "new"}, {ID: "new", Paused: true}} {
		if err := s.AddDAG(dag); err != nil {
			t.Fatal(err)
		}
		json3(200, `~"dag_id":"new"`).compare(t, do(t, s, get("/api/v2/dags/new")))
		do(t, s, v2Trigger("new", wish("r", "")))
	}
	if runs := s.Runs("new"); len(runs) != 1 {
		t.Errorf("got %+v, want the run of before", runs)
	}
	json3(200, `~"is_paused":true`).compare(t, do(t, s, get("/api/v2/dags/new")))
}

// The range goes on to the next word that is one, here b. Airflow 3.4 looks at the prefix, too.
func TestPrefixThatNoWordFollows(t *testing.T) {
	t.Parallel()
	for version, want := range map[airflowsim.Version]string{
		airflowsim.Airflow33: `"dag_run_id":"az"|"dag_run_id":"a~"|"total_entries":2`,
		airflowsim.Airflow34: `"dag_run_id":"az"|"total_entries":1`,
	} {
		s, _ := timed(t, version, nil)
		for _, id := range []string{"ay", "az", "a~", "b"} {
			do(t, s, v2Trigger("d", wish(id, "")))
		}
		holds(t, string(version), do(t, s, get("/api/v2/dags/d/dagRuns?run_id_prefix_pattern=az&order_by=id")).Body.String(), want)
	}
}

func TestWaitEndsWithTheRun(t *testing.T) {
	t.Parallel()
	for last, fails := range map[string]bool{"success": false, "failed": true} {
		c := config(t, airflowsim.Airflow33)
		c.Now, c.QueuedFor, c.RunFor = time.Now, time.Millisecond, time.Millisecond
		c.DAGs = append(c.DAGs, airflowsim.DAG{ID: "waited", Fails: fails})
		s := newServer(t, c)
		do(t, s, v2Trigger("waited", wish("r", "")))
		w := do(t, s, get("/api/v2/dags/waited/dagRuns/r/wait?interval=0.001"))
		if !strings.HasSuffix(w.Body.String(), "{\"state\": \""+last+"\"}\n") || w.Header().Get("Content-Type") != "" {
			t.Errorf("%s: got %s of the type %q", last, w.Body, w.Header().Get("Content-Type"))
		}
	}
	s := newServer(t, airflow33(t))
	for query, want := range map[string]string{
		"":              `{"detail":[{"type":"missing","loc":["query","interval"],"msg":"Field required","input":null}]}`,
		"?interval=0":   `"type":"greater_than","loc":["query","interval"],"msg":"Input should be greater than 0","input":"0","ctx":{"gt":0.0}`,
		"?interval=x":   `"type":"float_parsing"`,
		"?interval=0.5": "{\"detail\":\"The DagRun with dag_id: `d` and run_id: `none` was not found\"}",
	} {
		if got := do(t, s, get("/api/v2/dags/d/dagRuns/none/wait"+query)).Body.String(); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}
