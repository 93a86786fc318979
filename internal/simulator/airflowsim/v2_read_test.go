// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"fmt"
	"testing"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

func TestV2Reads(t *testing.T) {
	t.Parallel()
	removed := json3(404, `{"error":"/api/v1 has been removed in Airflow 3, please use its upgraded version /api/v2 instead."}`)
	notAllowed := detail(405, "Method Not Allowed")
	spa := html(200, "<title>Airflow</title>")
	unprocessable := func(kind, message, name, input, ctx string) answer {
		return json3(422, fmt.Sprintf(`{"detail":[{"type":%q,"loc":["query",%q],"msg":%q,"input":%q%s}]}`, kind, name, message, input, ctx))
	}
	check(t, airflow33, []row{
		{
			name: "the version, without credentials",
			req:  get("/api/v2/version").as("-"),
			want: json3(200, `{"version":"3.3.2","git_version":".release:aa19d2dbb9ed187ec01957a92848d9b005e9ba9d"}`),
		},
		{
			name: "health, without credentials",
			req:  get("/api/v2/monitor/health").as("-"),
			want: json3(200, `~"scheduler":{"status":"healthy","latest_scheduler_heartbeat":"`+now+`"}`),
		},
		{
			name: "a run, as jsonb keeps its conf, its dates in UTC",
			after: []request{
				v2Trigger("d", `{"dag_run_id":"r1","logical_date":"2024-01-01T02:00:00+02:00","conf":{"zz":1,"b":2,"a":{"dd":1,"c":2}}}`),
			},
			req: get(
				"/api/v2/dags/d/dagRuns/r1",
			), want: json3(200, v2Run("r1", `"2024-01-01T00:00:00Z"`, nowZ, `{"a":{"c":2,"dd":1},"b":2,"zz":1}`, "null")),
		},
		{
			name: "no run",
			req:  get("/api/v2/dags/nope/dagRuns/zzz").as("viewer"),
			want: detail(404, "The DagRun with dag_id: `nope` and run_id: `zzz` was not found"),
		},
		{name: "a run, to nobody", req: get("/api/v2/dags/d/dagRuns/r1").as("-"), want: detail(401, "Not authenticated")},
		{name: "the runs of no DAG", req: get("/api/v2/dags/nope/dagRuns"), want: detail(404, "The Dag with ID: `nope` was not found")},
		{
			name: "no runs",
			req:  get("/api/v2/dags/d/dagRuns?state=running&state=success"),
			want: json3(200, `{"dag_runs":[],"total_entries":0,"total_entries_limit":null,"next_cursor":null,"previous_cursor":null}`),
		},
		{
			name: "a state that is none",
			req:  get("/api/v2/dags/d/dagRuns?state=bogus"),
			want: detail(422, "Invalid value for state. Valid values are queued, running, success, failed"),
		},
		{
			name: "an order that is none",
			req:  get("/api/v2/dags/d/dagRuns?order_by=-bogus"),
			want: detail(400, "Ordering with 'bogus' is disallowed or the attribute does not exist on the model"),
		},
		{
			name: "a limit that is none",
			req:  get("/api/v2/dags/d/dagRuns?limit=x"),
			want: unprocessable("int_parsing", "Input should be a valid integer, unable to parse string as an integer", "limit", "x", ""),
		},
		{
			name: "an offset below zero",
			req:  get("/api/v2/dags/d/dagRuns?offset=-1"),
			want: unprocessable("greater_than_equal", "Input should be greater than or equal to 0", "offset", "-1", `,"ctx":{"ge":0}`),
		},
		{name: "no DAG", req: get("/api/v2/dags/nope"), want: detail(404, "The Dag with ID: `nope` was not found")},
		{name: "no details", req: get("/api/v2/dags/nope/details"), want: detail(404, "The Dag with ID: `nope` was not found")},
		{
			name: "import errors",
			req:  get("/api/v2/importErrors").as("viewer"),
			want: json3(
				200,
				`{"import_errors":[{"import_error_id":1,"timestamp":"`+nowZ+`","filename":"broken.py","bundle_name":"dags-folder",`+
					`"stack_trace":"Traceback (most recent call last): ..."}],"total_entries":1}`,
			),
		},
		{name: "pausing takes a role", req: patch("/api/v2/dags/d", `{"is_paused":true}`).as("viewer"), want: detail(403, "Forbidden")},
		{name: "pausing no DAG", req: patch("/api/v2/dags/nope", `{"is_paused":true}`), want: detail(404, "Dag with id: nope was not found")},
		{
			name: "pausing by a word that is none",
			req:  patch("/api/v2/dags/d", `{"is_paused":"x"}`),
			want: json3(
				422,
				`{"detail":[{"type":"bool_parsing","loc":["body","is_paused"],"msg":"Input should be a valid boolean, unable to interpret input",`+
					`"input":"x"}]}`,
			),
		},
		{
			name: "pausing by null",
			req:  patch("/api/v2/dags/d", `{"is_paused":null}`),
			want: json3(422, `{"detail":[{"type":"bool_type","loc":["body","is_paused"],"msg":"Input should be a valid boolean","input":null}]}`),
		},
		{
			name: "a mask of something else",
			req:  patch("/api/v2/dags/d?update_mask=foo", `{"is_paused":true}`),
			want: detail(400, "Only `is_paused` field can be updated through the REST API"),
		},
		{name: "the probe of Airflow 2", req: get("/api/v1/version"), want: removed},
		{name: "a run of Airflow 2", req: get("/api/v1/dags/d/dagRuns/r"), want: removed},
		{name: "a trigger of Airflow 2", req: v1Trigger("d", "{}"), want: notAllowed},
		{name: "an experimental probe", req: get("/api/experimental/test"), want: json3(404, `{"error":"API route not found"}`)},
		{name: "an experimental trigger", req: experiment("d", "{}"), want: notAllowed},
		{
			name: "health, by its old path",
			req:  get("/health"),
			want: json3(404, "{\"error\":\"Moved in Airflow 3. Please change config to check `/api/v2/monitor/health`\"}"),
		},
	})
	check(t, func(t *testing.T) airflowsim.Config {
		c := airflow33(t)
		c.Unknown = nil
		return c
	}, []row{
		{name: "a path of the API that is none", req: get("/api/v2/nope"), want: json3(404, `{"error":"API route not found"}`)},
		{name: "a slash in a DAG id", req: v2Trigger("a%2Fb", wish("r", "")), want: notAllowed},
		{name: "HEAD is not GET", req: head("/api/v2/version").as("-"), want: notAllowed},
		{name: "a page that is none is the UI", req: get("/nope"), want: spa},
	})
}
