// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// airflow110 is open, as the API of Airflow 1.10 was before 1.10.11.
func airflow110(t *testing.T) airflowsim.Config {
	c := config(t, airflowsim.Airflow110)
	c.Auth = airflowsim.AuthOpen
	return c
}

const second = "2026-11-22T03:05:53+00:00"

func exactly(id, more string) string {
	return `{"run_id": "` + id + `", "replace_microseconds": "false"` + more + `}`
}

func TestExperimental110AnswersATrigger(t *testing.T) {
	t.Parallel()
	created := func(shown, date, id string) answer {
		return json3(
			200,
			`{"execution_date":"`+date+`","message":"Created <DagRun d @ `+shown+`: `+id+`, externally triggered: True>","run_id":"`+id+`"}`+"\n",
		)
	}
	exact := func(id string) answer { return created("2026-11-22 03:05:53.584369+00:00", now, id) }
	truncated := func(id string) answer { return created("2026-11-22 03:05:53+00:00", second, id) }
	refused := func(status int, text string) answer { return json3(status, `{"error":"`+text+`"}`+"\n") }
	ooops := html(500, "Ooops.")
	sorry := answer{400, "text/html", "~<h1>Bad Request</h1>"}
	check(t, airflow110, []row{
		{name: "an empty object is a run of this second", req: experiment("d", "{}"), want: truncated("manual__" + second)},
		{name: "to the microsecond, where a text says so", req: experiment("d", exactly("r1", "")), want: exact("r1")},
		{name: "a boolean is not a string", req: experiment("d", `{"run_id": "r1", "replace_microseconds": false}`), want: ooops},
		{name: "null is not a string", req: experiment("d", `{"run_id": "r1", "replace_microseconds": null}`), want: ooops},
		{name: "any content type", req: experiment("d", exactly("r1", "")).typed("text/plain"), want: exact("r1")},
		{
			name: "what it does not know is dropped",
			req:  experiment("d", exactly("r1", `, "dag_run_id": "other", "note": "n"`)),
			want: exact("r1"),
		},
		{name: "any run id", req: experiment("d", exactly("a b/c@", "")), want: exact("a b/c@")},
		{name: "a scheduled run's id", req: experiment("d", exactly("scheduled__x", "")), want: exact("scheduled__x")},
		{
			name: "a date",
			req:  experiment("d", `{"run_id": "r1", "execution_date": "2023-05-05T01:02:03.456+02:00"}`),
			want: created("2023-05-05T01:02:03.456000+02:00", "2023-05-05T01:02:03.456000+02:00", "r1"),
		},
		{
			name: "a date without a zone",
			req:  experiment("d", `{"run_id": "r1", "execution_date": "2023"}`),
			want: created("2023-01-01T00:00:00+00:00", "2023-01-01T00:00:00+00:00", "r1"),
		},
		{
			name:  "a run id again",
			after: []request{experiment("d", exactly("r1", ""))},
			req:   experiment("d", exactly("r1", "")),
			want:  refused(400, "Run id r1 already exists for dag id d"),
		},
		{
			name:  "another run id in the same second",
			after: []request{experiment("d", `{"run_id": "r1"}`)},
			req:   experiment("d", `{"run_id": "r2"}`),
			want:  ooops,
		},
		{
			name:  "another DAG in the same second",
			after: []request{experiment("paused", `{"run_id": "r1"}`)},
			req:   experiment("d", `{"run_id": "r2"}`),
			want:  truncated("r2"),
		},
		{
			name: "a date that is none",
			req:  experiment("d", `{"execution_date": "bogus"}`),
			want: refused(400, "Given execution date, bogus, could not be identified as a date. Example date format: 2015-11-16T14:34:15+00:00"),
		},
		{name: "a date that is a number", req: experiment("d", `{"execution_date": 5}`), want: ooops},
		{name: "a date before the start", req: experiment("started", `{"execution_date": "2001-01-01T00:00:00"}`), want: ooops},
		{name: "a list", req: experiment("d", "[]"), want: truncated("manual__" + second)},
		{name: "a text", req: experiment("d", `""`), want: truncated("manual__" + second)},
		{name: "a list of a name", req: experiment("d", `["run_id"]`), want: ooops},
		{name: "null", req: experiment("d", "null"), want: ooops},
		{name: "a number", req: experiment("d", "12"), want: ooops},
		{name: "invalid JSON", req: experiment("d", "{bad"), want: sorry},
		{name: "nothing", req: experiment("d", ""), want: sorry},
		{name: "conf a text of JSON", req: experiment("d", exactly("r1", `, "conf": "{\"a\": 1}"`)), want: exact("r1")},
		{name: "conf a text of none", req: experiment("d", exactly("r1", `, "conf": "bad"`)), want: ooops},
		{name: "conf a text nested too deep", req: experiment("d", exactly("r1", `, "conf": "`+strings.Repeat("[", 1e6)+`"`)), want: ooops},
		{
			name:  "a duplicate goes before a bad conf",
			after: []request{experiment("d", exactly("r1", ""))},
			req:   experiment("d", exactly("r1", `, "conf": "bad"`)),
			want:  refused(400, "Run id r1 already exists for dag id d"),
		},
		{name: "conf null", req: experiment("d", exactly("r1", `, "conf": null`)), want: exact("r1")},
		{name: "conf an empty list", req: experiment("d", exactly("r1", `, "conf": []`)), want: exact("r1")},
		{name: "conf a list", req: experiment("d", exactly("r1", `, "conf": [1]`)), want: ooops},
		{name: "run id a number", req: experiment("d", `{"run_id": 5}`), want: ooops},
		{name: "an unknown DAG", req: experiment("nope", `{"run_id": 5}`), want: refused(404, "Dag id nope not found in DagModel")},
		{name: "251 characters", req: experiment("d", exactly(strings.Repeat("x", 251), "")), want: ooops},
		{name: "no check of params", req: experiment("needs", exactly("r1", `, "conf": {"must": 5}`)), want: json3(200, `~"run_id":"r1"`)},
	})
}

func TestExperimental211AnswersATrigger(t *testing.T) {
	t.Parallel()
	created := func(shown, date, id string) answer {
		return json3(
			200,
			`{"execution_date": "`+date+`", "message": "Created <DagRun d @ `+shown+`: `+id+`, state:queued, queued_at: 2026-11-22 `+
				`03:05:53.584369+00:00. externally triggered: True>", "run_id": "`+id+`"}`,
		)
	}
	exact := func(id string) answer { return created("2026-11-22 03:05:53.584369+00:00", now, id) }
	refused := func(status int, text string) answer { return json3(status, `{"error": "`+text+`"}`) }
	exists := func(date, id string) answer {
		return refused(400, "A DAG Run already exists for DAG d at "+date+" with run id "+id)
	}
	ooops := html(500, "Ooops!")
	noObject := refused(400, "Dag Run conf must be a dictionary object, other types are not supported")
	check(t, airflow211, []row{
		{name: "to the microsecond", req: experiment("d", exactly("r1", "")), want: exact("r1")},
		{name: "without credentials", req: experiment("d", exactly("r1", "")).as("-"), want: exact("r1")},
		{name: "a viewer", req: experiment("d", exactly("r1", "")).as("viewer"), want: exact("r1")},
		{name: "wrong credentials", req: experiment("d", exactly("r1", "")).as("wrong"), want: answer{401, page, "Unauthorized"}},
		{
			name: "a date keeps its zone",
			req:  experiment("d", `{"run_id": "r1", "replace_microseconds": null, "execution_date": "2024-03-01T10:00:00.5+02:00"}`),
			want: created("2024-03-01 10:00:00.500000+02:00", "2024-03-01T10:00:00.500000+02:00", "r1"),
		},
		{
			name:  "a run id again",
			after: []request{experiment("d", `{"run_id": "r1", "execution_date": "2024-02-01T00:00:00"}`)},
			req:   experiment("d", `{"run_id": "r1"}`),
			want:  exists("2026-11-22 03:05:53+00:00", "r1"),
		},
		{
			name:  "a false duplicate: no run has this id",
			after: []request{experiment("d", `{"run_id": "r1"}`)},
			req:   experiment("d", `{"run_id": "r2"}`),
			want:  exists("2026-11-22 03:05:53+00:00", "r2"),
		},
		{
			name:  "two runs clash",
			after: []request{experiment("d", exactly("r1", "")), experiment("d", `{"run_id": "r2", "execution_date": "2024-02-01T00:00:00"}`)},
			req:   experiment("d", `{"run_id": "r1", "execution_date": "2024-02-01T00:00:00"}`), want: ooops,
		},
		{name: "a boolean is not a string", req: experiment("d", `{"replace_microseconds": false}`), want: ooops},
		{name: "conf null", req: experiment("d", exactly("r1", `, "conf": null`)), want: noObject},
		{name: "conf a text of JSON", req: experiment("d", exactly("r1", `, "conf": "{}"`)), want: noObject},
		{name: "NUL in conf", req: experiment("d", exactly("r1", `, "conf": {"a": "x\u0000y"}`)), want: exact("r1")},
		{
			name: "a run id of no pattern",
			req:  experiment("d", exactly("a b", "")),
			want: refused(
				500,
				`The provided run ID 'a b' is invalid. It does not match either the configured pattern: '^[A-Za-z0-9_.~:+-]+$' or the built-in `+
					`pattern: '^(?:manual|scheduled|dataset_triggered)__(?:\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\+00:00)$'`,
			),
		},
		{name: "a scheduled run's id", req: experiment("d", exactly("scheduled__x", "")), want: exact("scheduled__x")},
		{name: "251 characters", req: experiment("d", exactly(strings.Repeat("x", 251), "")), want: ooops},
		{
			name: "params",
			req:  experiment("params", exactly("r1", `, "conf": {"n": 99}`)),
			want: refused(
				500,
				`Invalid input for param n: 99 is greater than the maximum of 10\n\nFailed validating 'maximum' in schema:\n    {'type': 'integer',`+
					` 'minimum': 1, 'maximum': 10}\n\nOn instance:\n    99`,
			),
		},
		{name: "a broken DAG runs", req: experiment("broken", exactly("r1", "")), want: json3(200, `~"run_id": "r1"`)},
		{name: "a stale DAG", req: experiment("stale", exactly("r1", "")), want: refused(404, "Dag id stale not found")},
		{name: "an unknown DAG", req: experiment("nope", "{}"), want: refused(404, "Dag id nope not found in DagModel")},
		{name: "invalid JSON", req: experiment("d", "{bad"), want: html(400, "<h1>Bad Request</h1>")},
		{name: "more than a megabyte", req: experiment("d", sized(1<<20+1)), want: html(413, "<title>413 Request Entity Too Large</title>")},
	})
}

func TestExperimental211IsDeprecated(t *testing.T) {
	t.Parallel()
	s := newServer(t, airflow211(t))
	for _, r := range []request{
		experiment("d", "{}"), experiment("d", "{bad"), experiment("d", sized(1<<20+1)), get("/api/experimental/test").as("wrong"),
	} {
		w := do(t, s, r)
		if w.Header().Get("Deprecation") != "true" || !strings.Contains(w.Header().Get("Link"), `rel="deprecation"`) {
			t.Errorf("%s %s: %d %v", r.method, r.path, w.Code, w.Header())
		}
	}
}

func TestExperimental110Reads(t *testing.T) {
	t.Parallel()
	runs := []request{
		experiment("d", exactly("now", "")),
		experiment("d", `{"run_id": "then", "execution_date": "2024-01-01T00:00:00"}`),
	}
	run := func(id, serial, date, url string) string {
		return `{"dag_id":"d","dag_run_url":"/graph?dag_id=d&execution_date=` + url + `","execution_date":"` + date +
			`","id":` + serial + `,"run_id":"` + id + `","start_date":"` + now + `","state":"running"}`
	}
	then := run("then", "2", "2024-01-01T00:00:00+00:00", "2024-01-01+00%3A00%3A00%2B00%3A00")
	latest := run("now", "1", now, "2026-11-22+03%3A05%3A53.584369%2B00%3A00")
	refused := func(status int, text string) answer { return json3(status, `{"error":"`+text+`"}`+"\n") }
	circles := html(404, "<title>Airflow 404 = lots of circles</title>")
	check(t, airflow110, []row{
		{name: "the probe", req: get("/api/experimental/test"), want: json3(200, `{"status":"OK"}`+"\n")},
		{name: "no version", req: get("/api/experimental/info"), want: circles},
		{name: "runs, by their dates", after: runs, req: get("/api/experimental/dags/d/dag_runs"), want: json3(200, "["+then+","+latest+"]\n")},
		{
			name:  "runs of a state",
			after: runs,
			req:   get("/api/experimental/dags/d/dag_runs?state=RUNNING"),
			want:  json3(200, "["+then+","+latest+"]\n"),
		},
		{name: "runs of no state", after: runs, req: get("/api/experimental/dags/d/dag_runs?state=bogus"), want: json3(200, "[]\n")},
		{name: "runs of no DAG", req: get("/api/experimental/dags/nope/dag_runs"), want: refused(400, "Dag id nope not found in DagModel")},
		{
			name:  "a state, by date",
			after: runs,
			req:   get("/api/experimental/dags/d/dag_runs/2024-01-01T00:00:00"),
			want:  json3(200, `{"state":"running"}`+"\n"),
		},
		{
			name: "a state of no run",
			req:  get("/api/experimental/dags/d/dag_runs/2024-01-02T00:00:00"),
			want: refused(404, "Dag Run for date 2024-01-02T00:00:00+00:00 not found in dag d"),
		},
		{
			name: "a state of no date",
			req:  get("/api/experimental/dags/d/dag_runs/bogus"),
			want: refused(400, "Given execution date, bogus, could not be identified as a date. Example date format: 2015-11-16T14:34:15+00:00"),
		},
		{
			name:  "the latest runs",
			after: runs,
			req:   get("/api/experimental/latest_runs"),
			want: json3(
				200,
				`{"items":[{"dag_id":"d","dag_run_url":"/graph?dag_id=d&execution_date=2026-11-22+03%3A05%3A53.584369%2B00%3A00",`+
					`"execution_date":"`+now+`","start_date":"`+now+`"}]}`+"\n",
			),
		},
		{name: "whether it is paused", req: get("/api/experimental/dags/paused/paused"), want: json3(200, `{"is_paused":true}`+"\n")},
		{name: "whether none is paused", req: get("/api/experimental/dags/nope/paused"), want: html(500, "Ooops.")},
		{name: "health", req: get("/health"), want: answer{200, jsonType, "~\"scheduler\""}},
		{name: "the probe of v1", req: get("/api/v1/version"), want: circles},
		{name: "a trigger of v1", req: v1Trigger("d", "{}"), want: circles},
		{name: "the probe of v2", req: get("/api/v2/version").as("-"), want: circles},
	})
	check(t, func(t *testing.T) airflowsim.Config {
		c := airflow110(t)
		c.Unknown = nil
		return c
	}, []row{
		{name: "a method that is none", req: put("/api/experimental/test"), want: answer{405, "text/html", "~<h1>Method Not Allowed</h1>"}},
		{name: "a slash too many", req: experiment("d/", "{}"), want: circles},
		{name: "HEAD is GET", req: head("/api/experimental/test"), want: answer{200, jsonType, `{"status":"OK"}` + "\n"}},
	})
}

func TestExperimental211Reads(t *testing.T) {
	t.Parallel()
	runs := []request{experiment("d", `{"run_id": "r1"}`)}
	refused := func(status int, text string) answer { return json3(status, `{"error": "`+text+`"}`) }
	check(t, airflow211, []row{
		{name: "the version", req: get("/api/experimental/info").as("-"), want: json3(200, `{"version": "2.11.2"}`)},
		{
			name:  "a queued run has not started",
			after: runs,
			req:   get("/api/experimental/dags/d/dag_runs"),
			want: json3(
				200,
				`[{"dag_id": "d", "dag_run_url": "/dags/d/graph?execution_date=2026-11-22+03:05:53%2B00:00", `+
					`"execution_date": "`+second+`", "id": 1, "run_id": "r1", "start_date": "", "state": "queued"}]`,
			),
		},
		{name: "runs of no state", req: get("/api/experimental/dags/d/dag_runs?state=bogus"), want: html(500, "Ooops!")},
		{name: "runs of a stale DAG", req: get("/api/experimental/dags/stale/dag_runs"), want: refused(400, "Dag id stale not found")},
		{
			name: "a state of no run",
			req:  get("/api/experimental/dags/d/dag_runs/2024-01-02T00:00:00"),
			want: refused(404, "Dag Run for date 2024-01-02 00:00:00+00:00 not found in dag d"),
		},
	})
	check(t, func(t *testing.T) airflowsim.Config {
		c := airflow211(t)
		c.Unknown = nil
		return c
	}, []row{
		{
			name: "a path that is none is a problem",
			req:  get("/api/experimental/nope"),
			want: problem(
				404,
				`"Not Found"`,
				"about:blank",
				`"The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again."`,
			),
		},
		{
			name: "so is a method",
			req:  put("/api/experimental/test"),
			want: problem(405, `"Method Not Allowed"`, "about:blank", `"The method is not allowed for the requested URL."`),
		},
	})
}

func TestExperimentalTruncatesADefaultDateOnly(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"now":   `{"run_id": "r"}`,
		"given": `{"run_id": "r", "execution_date": "2024-01-01T00:00:00.5Z"}`,
		"asked": `{"run_id": "r", "execution_date": "2024-01-01T00:00:00.5Z", "replace_microseconds": "True"}`,
	} {
		s := newServer(t, airflow110(t))
		do(t, s, experiment("d", body))
		want := map[string]time.Time{
			"now":   began.Truncate(time.Second),
			"given": time.Date(2024, 1, 1, 0, 0, 0, 5e8, time.UTC),
			"asked": time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		}[name]
		if runs := s.Runs(); len(runs) != 1 || !runs[0].LogicalDate.Equal(want) {
			t.Errorf("%s: got %+v, want %s", name, runs, want)
		}
	}
}
