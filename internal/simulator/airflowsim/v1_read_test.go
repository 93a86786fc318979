// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"testing"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

func TestV1Reads(t *testing.T) {
	t.Parallel()
	dated := v1Trigger("d", `{"dag_run_id": "r1", "logical_date": "2024-01-05T02:00:00+02:00", "conf": {"b": 1, "a": 2}}`)
	notFound := problem(
		404,
		`"Not Found"`,
		"about:blank",
		`"The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again."`,
	)
	notAllowed := problem(405, `"Method Not Allowed"`, "about:blank", `"The method is not allowed for the requested URL."`)
	forbidden := problem(403, `"Forbidden"`, docs("PermissionDenied"), "null")
	check(t, airflow211, []row{
		{
			name: "the version, without credentials",
			req:  get("/api/v1/version").as("-"),
			want: answer{200, jsonType, "{\n  \"git_version\": \"\",\n  \"version\": \"2.11.2\"\n}\n"},
		},
		{
			name:  "a run, its dates in UTC",
			after: []request{dated},
			req:   get("/api/v1/dags/d/dagRuns/r1").as("viewer"),
			want:  answer{200, jsonType, v1Run("r1", "2024-01-05T00:00:00+00:00", "{\n    \"a\": 2,\n    \"b\": 1\n  }", "null")},
		},
		{
			name:  "a run of dots",
			after: []request{v1Trigger("d", `{"dag_run_id": ".."}`)},
			req:   get("/api/v1/dags/d/dagRuns/.."),
			want:  answer{200, jsonType, v1Run("..", now, "{}", "null")},
		},
		{
			name: "no run",
			req:  get("/api/v1/dags/d/dagRuns/zzz"),
			want: problem(404, `"DAGRun not found"`, docs("NotFound"), `"DAGRun with DAG ID: 'd' and DagRun ID: 'zzz' not found"`),
		},
		{
			name: "no run of no DAG",
			req:  get("/api/v1/dags/nope/dagRuns/zzz"),
			want: problem(404, `"DAGRun not found"`, docs("NotFound"), `"DAGRun with DAG ID: 'nope' and DagRun ID: 'zzz' not found"`),
		},
		{name: "a run, to nobody", req: get("/api/v1/dags/d/dagRuns/r1").as("-"), want: forbidden},
		{
			name: "the runs of no DAG",
			req:  get("/api/v1/dags/nope/dagRuns"),
			want: answer{200, jsonType, "{\n  \"dag_runs\": [],\n  \"total_entries\": 0\n}\n"},
		},
		{
			name: "an order that is none",
			req:  get("/api/v1/dags/d/dagRuns?order_by=-logical_date"),
			want: bad(`"Ordering with 'logical_date' is disallowed or the attribute does not exist on the model"`),
		},
		{
			name: "a limit that is none",
			req:  get("/api/v1/dags/d/dagRuns?limit=x"),
			want: bad(`"Wrong type, expected 'integer' for query parameter 'limit'"`),
		},
		{
			name: "a limit below zero",
			req:  get("/api/v1/dags/d/dagRuns?limit=-1"),
			want: problem(400, `"Page limit must be a positive integer"`, docs("BadRequest"), "null"),
		},
		{
			name: "an offset below zero",
			req:  get("/api/v1/dags/d/dagRuns?offset=-1"),
			want: bad(
				`"-1 is less than the minimum of 0\n\nFailed validating 'minimum' in schema:\n    {'type': 'integer', 'minimum': 0}\n\nOn ` +
					`instance:\n    -1"`,
			),
		},
		{
			name: "no DAG",
			req:  get("/api/v1/dags/nope"),
			want: problem(404, `"DAG not found"`, docs("NotFound"), `"The DAG with dag_id: nope was not found"`),
		},
		{
			name: "no details of a stale DAG",
			req:  get("/api/v1/dags/stale/details"),
			want: problem(404, `"DAG not found"`, docs("NotFound"), `"The DAG with dag_id: stale was not found"`),
		},
		{
			name: "import errors",
			req:  get("/api/v1/importErrors").as("viewer"),
			want: answer{
				200,
				jsonType,
				"{\n  \"import_errors\": [\n    {\n      \"filename\": \"/opt/airflow/dags/broken.py\",\n      \"import_error_id\": 1,\n      " +
					"\"stack_trace\": \"Traceback (most recent call last): ...\",\n      \"timestamp\": \"" + now + "\"\n    }\n  ],\n  " +
					"\"total_entries\": 1\n}\n",
			},
		},
		{name: "import errors, to nobody", req: get("/api/v1/importErrors").as("-"), want: forbidden},
		{name: "pausing takes a role", req: patch("/api/v1/dags/d", `{"is_paused": true}`).as("viewer"), want: forbidden},
		{
			name: "pausing no DAG",
			req:  patch("/api/v1/dags/nope", `{"is_paused": true}`),
			want: problem(404, `"Dag with id: 'nope' not found"`, docs("NotFound"), "null"),
		},
		{
			name: "pausing by a text",
			req:  patch("/api/v1/dags/d", `{"is_paused": "x"}`),
			want: bad(`"'x' is not of type 'boolean' - 'is_paused'"`),
		},
		{name: "pausing by nothing", req: patch("/api/v1/dags/d", `{}`), want: html(500, "Ooops!")},
		{name: "patching something else", req: patch("/api/v1/dags/d", `{"foo": true}`), want: bad(`"{'foo': ['Unknown field.']}"`)},
		{
			name: "a mask of something else",
			req:  patch("/api/v1/dags/d?update_mask=foo", `{"is_paused": true}`),
			want: bad("\"Only `is_paused` field can be updated through the REST API\""),
		},
		{
			name: "health",
			req:  get("/api/v1/health").as("-"),
			want: answer{200, jsonType, "~\"latest_scheduler_heartbeat\": \"" + now + "\",\n    \"status\": \"healthy\""},
		},
		{name: "health, by its old path", req: get("/health").as("-"), want: answer{200, jsonType, "~\"metadatabase\""}},
		{name: "the probe of Airflow 3", req: get("/api/v2/version").as("basic"), want: html(404, "<title>Airflow 404</title>")},
		{name: "a trigger of Airflow 3", req: v2TriggerOn2("d"), want: html(404, "<title>Airflow 404</title>")},
		{name: "the token of Airflow 3", req: post("/auth/token", "{}"), want: html(404, "<title>Airflow 404</title>")},
	})
	check(t, func(t *testing.T) airflowsim.Config {
		c := airflow211(t)
		c.Unknown = nil
		return c
	}, []row{
		{name: "a path of the API that is none", req: get("/api/v1/nope"), want: notFound},
		{name: "a slash too many", req: post("/api/v1/dags/d/dagRuns/", "{}"), want: notFound},
		{name: "a slash in an id", req: get("/api/v1/dags/d/dagRuns/a%2Fb"), want: notFound},
		{name: "a method that is none", req: put("/api/v1/dags/d"), want: notAllowed},
		{name: "a page that is none", req: get("/nope"), want: html(404, "<title>Airflow 404</title>")},
		{name: "a page's method that is none", req: put("/health"), want: html(405, "<title>Airflow 405</title>")},
		{
			name: "a query that is none",
			req:  get("/api/v1/dags/d/dagRuns?nope=1"),
			want: problem(400, "null", docs("BadRequest"), `"Extra query parameter(s) nope not in spec"`),
		},
	})
}
