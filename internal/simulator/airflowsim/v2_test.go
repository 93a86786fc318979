// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

func airflow33(t *testing.T) airflowsim.Config { return config(t, airflowsim.Airflow33) }

const nowZ = "2026-11-22T03:05:53.584369Z"

// v2Run is the run of DAG d in full, by admin, but for the arguments.
func v2Run(id, date, runAfter, conf, note string) string {
	return fmt.Sprintf(
		`{"dag_run_id":%q,"dag_id":"d","logical_date":%s,"queued_at":"`+nowZ+`","start_date":null,"end_date":null,"duration":null,`+
			`"data_interval_start":%[2]s,"data_interval_end":%[2]s,"run_after":"%s","last_scheduling_decision":null,"run_type":"manual",`+
			`"state":"queued",`+
			`"triggered_by":"rest_api","triggering_user_name":"admin","conf":%s,"note":%s,`+
			`"dag_versions":[{"id":"18ac3e73-43f0-1689-0c51-0e93f9352611","version_number":1,"dag_id":"d","bundle_name":"dags-folder",`+
			`"bundle_version":null,"created_at":"`+nowZ+`","dag_display_name":"d","bundle_url":null}],`+
			`"bundle_version":null,"dag_display_name":"d","partition_key":null,"partition_date":null}`,
		id,
		date,
		runAfter,
		conf,
		note,
	)
}

// wish is a trigger's body without a logical date.
func wish(id, more string) string {
	return fmt.Sprintf(`{"logical_date":null,"dag_run_id":%q%s}`, id, more)
}

func detail(status int, text string) answer { return json3(status, `{"detail":"`+text+`"}`) }

func TestV2AnswersATrigger(t *testing.T) {
	t.Parallel()
	created := func(body string) answer { return json3(200, body) }
	conflict := func(id string) answer {
		return json3(
			409,
			`{"detail":{"reason":"Unique constraint violation","statement":"hidden","orig_error":"hidden","message":"Serious error when `+
				`handling your request. Check logs for more details - you will find it in api server when you look for ID `+id+`"}}`,
		)
	}
	dated := v2Trigger("d", `{"dag_run_id":"r1","logical_date":"2024-01-01T00:00:00Z"}`)
	check(t, airflow33, []row{
		{
			name: "a null date is required and enough",
			req:  v2Trigger("d", `{"logical_date":null}`),
			want: created(v2Run("manual__"+now, "null", nowZ, "{}", "null")),
		},
		{
			name: "an empty run id is made up",
			req:  v2Trigger("d", wish("", "")),
			want: created(v2Run("manual__"+now, "null", nowZ, "{}", "null")),
		},
		{
			name: "conf in its order, its integers unchanged, its floats as Python prints them",
			req:  v2Trigger("d", wish("r1", `,"note":"hello","conf":{"zz":[1.50,1e3,123456789012345678901234567890],"b":"é","a":{}}`)),
			want: created(v2Run("r1", "null", nowZ, `{"zz":[1.5,1000.0,123456789012345678901234567890],"b":"é","a":{}}`, `"hello"`)),
		},
		{name: "conf null", req: v2Trigger("d", wish("r", `,"conf":null`)), want: created(v2Run("r", "null", nowZ, "{}", "null"))},
		{
			name: "a date keeps its zone",
			req:  v2Trigger("d", `{"dag_run_id":"r","logical_date":"2024-01-01T02:00:00.123456789+02:00"}`),
			want: created(v2Run("r", `"2024-01-01T02:00:00.123456+02:00"`, nowZ, "{}", "null")),
		},
		{
			name: "run_after without a zone is UTC",
			req:  v2Trigger("d", wish("r", `,"run_after":"2020-01-01T00:00:00"`)),
			want: created(v2Run("r", "null", "2020-01-01T00:00:00Z", "{}", "null")),
		},
		{
			name: "run_after makes the run id",
			req:  v2Trigger("d", `{"logical_date":null,"run_after":"2040-01-01T02:00:00+02:00"}`),
			want: created(v2Run("manual__2040-01-01T00:00:00+00:00", "null", "2040-01-01T02:00:00+02:00", "{}", "null")),
		},
		{
			name: "an interval without a date is dropped",
			req:  v2Trigger("d", wish("r", `,"data_interval_start":"2024-01-02T00:00:00Z","data_interval_end":"2024-01-03T00:00:00Z"`)),
			want: created(v2Run("r", "null", nowZ, "{}", "null")),
		},
		{
			name: "a caller with a referer is the UI",
			req:  v2Trigger("d", wish("r", "")).with("Referer", "http://x/"),
			want: created(strings.Replace(v2Run("r", "null", nowZ, "{}", "null"), "rest_api", "ui", 1)),
		},
		{
			name: "a type of JSON",
			req:  v2Trigger("d", wish("r", "")).typed("application/problem+json"),
			want: created(v2Run("r", "null", nowZ, "{}", "null")),
		},
		{
			name: "a newline at the end of a run id",
			req:  v2Trigger("d", wish("x\n", "")),
			want: created(v2Run("x\n", "null", nowZ, "{}", "null")),
		},
		{
			name: "a prefix that only Airflow 2 reserves",
			req:  v2Trigger("d", wish("dataset_triggered__x", "")),
			want: created(v2Run("dataset_triggered__x", "null", nowZ, "{}", "null")),
		},

		{
			name:  "a run id again",
			after: []request{v2Trigger("d", wish("r1", ""))},
			req:   v2Trigger("d", wish("r1", `,"conf":{"other":1}`)),
			want:  conflict("00000001"),
		},
		{
			name:  "a date again",
			after: []request{dated},
			req:   v2Trigger("d", `{"dag_run_id":"r2","logical_date":"2024-01-01T02:00:00+02:00"}`),
			want:  conflict("00000001"),
		},
		{
			name:  "without dates only the run id clashes",
			after: []request{v2Trigger("d", wish("r1", "")), dated},
			req:   v2Trigger("d", wish("r2", "")),
			want:  created(v2Run("r2", "null", nowZ, "{}", "null")),
		},
		{
			name:  "bad params go before a duplicate",
			after: []request{v2Trigger("params", wish("r1", ""))},
			req:   v2Trigger("params", wish("r1", `,"conf":{"e":"z"}`)),
			want: detail(
				400,
				`Invalid input for param e: 'z' is not one of ['x', 'y']\n\nFailed validating 'enum' in schema:\n    {'enum': ['x', 'y']}\n\nOn `+
					`instance:\n    'z'`,
			),
		},

		{name: "no credentials", req: v2Trigger("d", wish("r", "")).as("-"), want: detail(401, "Not authenticated")},
		{name: "basic credentials", req: v2Trigger("d", wish("r", "")).as("basic"), want: detail(401, "Not authenticated")},
		{name: "a wrong token", req: v2Trigger("d", wish("r", "")).as("wrong"), want: detail(403, "Invalid JWT token")},
		{name: "a viewer", req: v2Trigger("d", wish("r", "")).as("viewer"), want: detail(403, "Forbidden")},
		{name: "a viewer does not learn which DAGs there are", req: v2Trigger("nope", "{}").as("viewer"), want: detail(403, "Forbidden")},
		{name: "an unknown DAG", req: v2Trigger("nope", wish("r", "")), want: detail(404, "Dag with dag_id: 'nope' not found")},
		{name: "a stale DAG", req: v2Trigger("stale", wish("r", "")), want: detail(404, "Dag with dag_id: 'stale' not found")},
		{
			name: "a broken DAG",
			req:  v2Trigger("broken", wish("r", "")),
			want: detail(400, "Dag with dag_id: 'broken' has import errors and cannot be triggered"),
		},
		{
			name: "a DAG of its schedule alone",
			req:  v2Trigger("scheduled_only", wish("r", "")),
			want: detail(400, "Dag with dag_id: 'scheduled_only' does not allow manual runs"),
		},
		{
			name: "a partition of a DAG without any",
			req:  v2Trigger("d", wish("r", `,"partition_key":"k"`)),
			want: detail(400, "Dag 'd' is not a partitioned Dag and does not accept a partition_key."),
		},
	})
}

func TestV2RefusesABody(t *testing.T) {
	t.Parallel()
	unprocessable := func(faults string) answer { return json3(422, `{"detail":[`+faults+`]}`) }
	one := func(kind, loc, message, input string) answer {
		return unprocessable(fmt.Sprintf(`{"type":%q,"loc":["body"%s],"msg":%q,"input":%s}`, kind, loc, message, input))
	}
	model := func(input string) answer {
		return one("model_attributes_type", "", "Input should be a valid dictionary or object to extract fields from", input)
	}
	extra := func(name, input string) answer {
		return one("extra_forbidden", `,"`+name+`"`, "Extra inputs are not permitted", input)
	}
	pattern := func(id string) answer {
		return detail(
			400,
			"The run_id provided '"+id+`' does not match regex pattern '^[A-Za-z0-9_.~:+-]+$' or `+
				`'^(?:manual|scheduled|asset_triggered)__(?:\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\+00:00)$'`,
		)
	}
	reserved := func(id, as string) row {
		return row{
			name: "the id of a run " + as,
			req:  v2Trigger("d", wish(id, "")),
			want: detail(400, "A manual DAG run cannot use ID '"+id+"' since it is reserved for "+as+" runs"),
		}
	}
	rejected := json3(
		422,
		`{"detail":{"reason":"Value rejected by database","statement":"hidden","orig_error":"hidden","message":"Serious error when handling `+
			`your request. Check logs for more details - you will find it in api server when you look for ID 00000001"}}`,
	)
	crash := answer{500, "text/plain; charset=utf-8", "Internal Server Error"}
	deep := func(n int) string {
		return wish("r", `,"conf":{"a":`+strings.Repeat("[", n)+strings.Repeat("]", n)+"}")
	}
	check(t, airflow33, []row{
		{name: "none", req: v2Trigger("d", ""), want: one("missing", "", "Field required", "null")},
		{name: "null", req: v2Trigger("d", "null"), want: one("missing", "", "Field required", "null")},
		{
			name: "invalid JSON, from any caller",
			req:  v2Trigger("d", "{bad").as("-"),
			want: unprocessable(`{"type":"json_invalid","loc":["body",1],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting value"}}`),
		},
		{name: "a list", req: v2Trigger("d", "[]"), want: model("[]")},
		{name: "a text", req: v2Trigger("d", `"x"`), want: model(`"x"`)},
		{
			name: "a text as its type",
			req:  v2Trigger("d", wish("r", "")).typed("text/plain"),
			want: model(`"{\"logical_date\":null,\"dag_run_id\":\"r\"}"`),
		},
		{
			name: "no logical date",
			req:  v2Trigger("d", `{"dag_run_id":"x"}`),
			want: one("missing", `,"logical_date"`, "Field required", `{"dag_run_id":"x"}`),
		},
		{name: "an invalid body without credentials", req: v2Trigger("d", `{"x":1}`).as("-"), want: detail(401, "Not authenticated")},
		{name: "nonsense goes before the DAG", req: v2Trigger("nope", wish("r", `,"x":1`)), want: extra("x", "1")},
		{
			name: "conf a text",
			req:  v2Trigger("d", wish("r", `,"conf":"s"`)),
			want: one("dict_type", `,"conf"`, "Input should be a valid dictionary", `"s"`),
		},
		{
			name: "note a number",
			req:  v2Trigger("d", wish("r", `,"note":5`)),
			want: one("string_type", `,"note"`, "Input should be a valid string", "5"),
		},
		{name: "the experimental run id", req: v2Trigger("d", wish("r", `,"run_id":"a"`)), want: extra("run_id", `"a"`)},
		{
			name: "the execution date of Airflow 2",
			req:  v2Trigger("d", wish("r", `,"execution_date":null`)),
			want: extra("execution_date", "null"),
		},
		{name: "a bundle version", req: v2Trigger("d", wish("r", `,"bundle_version":null`)), want: extra("bundle_version", "null")},
		{
			name: "a date without a zone",
			req:  v2Trigger("d", `{"logical_date":"2024-01-02T00:00:00"}`),
			want: one("timezone_aware", `,"logical_date"`, "Input should have timezone info", `"2024-01-02T00:00:00"`),
		},
		{
			name: "a date that is none",
			req:  v2Trigger("d", `{"logical_date":true}`),
			want: one("datetime_type", `,"logical_date"`, "Input should be a valid datetime", "true"),
		},
		{
			name: "a date that is a word",
			req:  v2Trigger("d", `{"logical_date":"bogus"}`),
			want: unprocessable(
				`{"type":"datetime_from_date_parsing","loc":["body","logical_date"],"msg":"Input should be a valid datetime or date, input is too ` +
					`short","input":"bogus","ctx":{"error":"input is too short"}}`,
			),
		},
		{
			name: "half an interval",
			req:  v2Trigger("d", `{"logical_date":null,"data_interval_end":"2024-01-02T00:00:00Z"}`),
			want: unprocessable(
				`{"type":"value_error","loc":["body"],"msg":"Value error, Either both data_interval_start and data_interval_end must be provided ` +
					`or both must be None","input":{"logical_date":null,"data_interval_end":"2024-01-02T00:00:00Z"},"ctx":{"error":{}}}`,
			),
		},
		{
			name: "several at once, in the model's order",
			req:  v2Trigger("d", `{"x":1,"dag_run_id":5}`),
			want: unprocessable(
				`{"type":"string_type","loc":["body","dag_run_id"],"msg":"Input should be a valid string","input":5},{"type":"missing",` +
					`"loc":["body","logical_date"],"msg":"Field required","input":{"x":1,"dag_run_id":5}},{"type":"extra_forbidden","loc":["body",` +
					`"x"],"msg":"Extra inputs are not permitted","input":1}`,
			),
		},
		{name: "a run id of no pattern", req: v2Trigger("d", wish("a b", "")), want: pattern("a b")},
		{name: "a run id with a slash", req: v2Trigger("d", wish("a/b", "")), want: pattern("a/b")},
		{name: "the pattern goes before the prefix", req: v2Trigger("d", wish("scheduled__a b", "")), want: pattern("scheduled__a b")},
		{
			name: "dots in a run id",
			req:  v2Trigger("d", wish("a..b c", "")),
			want: detail(400, "The run_id 'a..b c' must not contain '..' to prevent path traversal"),
		},
		reserved("scheduled__x", "scheduled"), reserved("backfill__x", "backfill"), reserved("asset_triggered__x", "asset_triggered"),
		reserved("asset_materialization__x", "asset_materialization"), reserved("operator_triggered__x", "operator_triggered"),
		{name: "251 characters", req: v2Trigger("d", wish(strings.Repeat("x", 251), "")), want: rejected},
		{name: "a note too long", req: v2Trigger("d", wish("r", `,"note":"`+strings.Repeat("n", 1001)+`"`)), want: rejected},
		{name: "NUL in conf", req: v2Trigger("d", wish("r", `,"conf":{"a":["x\u0000y"]}`)), want: rejected},
		{name: "a number beyond all in conf", req: v2Trigger("d", wish("r", `,"conf":{"a":1e400}`)), want: rejected},
		{name: "NUL in a run id", req: v2Trigger("d", `{"logical_date":null,"dag_run_id":"a\u0000b"}`), want: crash},
		{name: "nested too deep to be answered", req: v2Trigger("d", deep(256)), want: crash},
		{name: "nested too deep to be read", req: v2Trigger("d", deep(2000)), want: detail(400, "There was an error parsing the body")},
		{
			name: "params",
			req:  v2Trigger("params", wish("r", `,"conf":{"s":"","n":99}`)),
			want: detail(
				400,
				`Invalid input for param n: 99 is greater than the maximum of 10\n\nFailed validating 'maximum' in schema:\n    {'type': 'integer',`+
					` 'maximum': 10, 'minimum': 1}\n\nOn instance:\n    99`,
			),
		},
		{
			name: "params without a default",
			req:  v2Trigger("needs", wish("r", "")),
			want: detail(400, "Invalid input for param must: No value passed"),
		},
	})
}

func TestV2NestingLimit(t *testing.T) {
	t.Parallel()
	s := newServer(t, airflow33(t))
	body := wish("r", `,"conf":{"a":`+strings.Repeat("[", 255)+strings.Repeat("]", 255)+"}")
	if w := do(t, s, v2Trigger("d", body)); w.Code != http.StatusOK {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
