// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

func airflow211(t *testing.T) airflowsim.Config { return config(t, airflowsim.Airflow211) }

// v1Run is the run of DAG d in full, but for the arguments.
func v1Run(id, date, conf, note string) string {
	return `{
  "conf": ` + conf + `,
  "dag_id": "d",
  "dag_run_id": "` + id + `",
  "data_interval_end": "` + date + `",
  "data_interval_start": "` + date + `",
  "end_date": null,
  "execution_date": "` + date + `",
  "external_trigger": true,
  "last_scheduling_decision": null,
  "logical_date": "` + date + `",
  "note": ` + note + `,
  "run_type": "manual",
  "start_date": null,
  "state": "queued"
}
`
}

const now = "2026-11-22T03:05:53.584369+00:00"

func TestV1AnswersATrigger(t *testing.T) {
	t.Parallel()
	created := func(body string) answer { return answer{200, jsonType, body} }
	conflict := func(detail string) answer { return problem(409, `"Conflict"`, docs("AlreadyExists"), detail) }
	forbidden := problem(403, `"Forbidden"`, docs("PermissionDenied"), "null")
	check(t, airflow211, []row{
		{name: "an empty object is a run of now", req: v1Trigger("d", `{}`), want: created(v1Run("manual__"+now, now, "{}", "null"))},
		{
			name: "an empty run id is made up",
			req:  v1Trigger("d", `{"dag_run_id": ""}`),
			want: created(v1Run("manual__"+now, now, "{}", "null")),
		},
		{
			name: "conf is sorted, its integers unchanged, its floats as Python prints them",
			req: v1Trigger(
				"d",
				`{"dag_run_id": "r1", "note": "hello", "conf": {"z": [1.50, 1e3, 123456789012345678901234567890], "a": "é\u0000😀", "b": {}, "c": `+
					`[]}}`,
			),
			want: created(v1Run("r1", now, `{
    "a": "\u00e9\u0000\ud83d\ude00",
    "b": {},
    "c": [],
    "z": [
      1.5,
      1000.0,
      123456789012345678901234567890
    ]
  }`, `"hello"`)),
		},
		{
			name: "a date keeps its zone",
			req:  v1Trigger("d", `{"dag_run_id": "r1", "logical_date": "2024-01-05T00:00:00.123456789+02:00"}`),
			want: created(v1Run("r1", "2024-01-05T00:00:00.123456+02:00", "{}", "null")),
		},
		{
			name: "a run id is made of the date as given",
			req:  v1Trigger("d", `{"execution_date": "2024-05-05T00:00:00.5+02:00"}`),
			want: created(v1Run("manual__2024-05-05T00:00:00.500000+02:00", "2024-05-05T00:00:00.500000+02:00", "{}", "null")),
		},
		{
			name: "both dates, if they agree",
			req:  v1Trigger("d", `{"dag_run_id": "r", "execution_date": "2024-01-01T00:00:00Z", "logical_date": "2024-01-01T00:00:00Z"}`),
			want: created(v1Run("r", "2024-01-01T00:00:00+00:00", "{}", "null")),
		},
		{
			name: "a paused DAG takes it",
			req:  v1Trigger("paused", `{"dag_run_id": "r"}`),
			want: created(strings.Replace(v1Run("r", now, "{}", "null"), `"d"`, `"paused"`, 1)),
		},
		{name: "an op may", req: v1Trigger("d", `{"dag_run_id": "r"}`).as("op"), want: created(v1Run("r", now, "{}", "null"))},
		{name: "a user may", req: v1Trigger("d", `{"dag_run_id": "r"}`).as("user"), want: created(v1Run("r", now, "{}", "null"))},
		{name: "dots in a run id", req: v1Trigger("d", `{"dag_run_id": "a..b"}`), want: created(v1Run("a..b", now, "{}", "null"))},
		{
			name: "a prefix that only Airflow 3 reserves",
			req:  v1Trigger("d", `{"dag_run_id": "asset_triggered__x"}`),
			want: created(v1Run("asset_triggered__x", now, "{}", "null")),
		},
		{
			name: "250 characters",
			req:  v1Trigger("d", `{"dag_run_id": "`+strings.Repeat("x", 250)+`"}`),
			want: created(v1Run(strings.Repeat("x", 250), now, "{}", "null")),
		},

		{
			name:  "a run id again",
			after: []request{v1Trigger("d", `{"dag_run_id": "r1", "logical_date": "2024-01-01T00:00:00Z"}`)},
			req:   v1Trigger("d", `{"dag_run_id": "r1"}`),
			want:  conflict(`"DAGRun with DAG ID: 'd' and DAGRun ID: 'r1' already exists"`),
		},
		{
			name:  "the same microsecond is a false duplicate",
			after: []request{v1Trigger("d", `{"dag_run_id": "r1"}`)},
			req:   v1Trigger("d", `{"dag_run_id": "r2"}`),
			want:  conflict(`"DAGRun with DAG ID: 'd' and DAGRun logical date: '2026-11-22 03:05:53.584369+00:00' already exists"`),
		},
		{
			name:  "a logical date again, in another zone",
			after: []request{v1Trigger("d", `{"dag_run_id": "r1", "logical_date": "2024-01-01T00:00:00Z"}`)},
			req:   v1Trigger("d", `{"dag_run_id": "r2", "logical_date": "2024-01-01T02:00:00+02:00"}`),
			want:  conflict(`"DAGRun with DAG ID: 'd' and DAGRun logical date: '2024-01-01 02:00:00+02:00' already exists"`),
		},
		{
			name:  "both of one run: the date is named",
			after: []request{v1Trigger("d", `{"dag_run_id": "r1", "logical_date": "2024-01-01T00:00:00Z"}`)},
			req:   v1Trigger("d", `{"dag_run_id": "r1", "logical_date": "2024-01-01T00:00:00Z"}`),
			want:  conflict(`"DAGRun with DAG ID: 'd' and DAGRun logical date: '2024-01-01 00:00:00+00:00' already exists"`),
		},
		{
			name: "two runs clash: the older is named",
			after: []request{
				v1Trigger("d", `{"dag_run_id": "r1"}`),
				v1Trigger("d", `{"dag_run_id": "r2", "logical_date": "2024-01-01T00:00:00Z"}`),
			},
			req: v1Trigger(
				"d",
				`{"dag_run_id": "r1", "logical_date": "2024-01-01T00:00:00Z"}`,
			), want: conflict(`"DAGRun with DAG ID: 'd' and DAGRun ID: 'r1' already exists"`),
		},
		{
			name:  "a duplicate goes before bad params",
			after: []request{v1Trigger("params", `{"dag_run_id": "r1", "logical_date": "2024-01-01T00:00:00Z"}`)},
			req:   v1Trigger("params", `{"dag_run_id": "r1", "conf": {"n": 99}}`),
			want:  conflict(`"DAGRun with DAG ID: 'params' and DAGRun ID: 'r1' already exists"`),
		},

		{name: "no credentials", req: v1Trigger("d", `{}`).as("-"), want: forbidden},
		{name: "wrong credentials", req: v1Trigger("d", `{}`).as("wrong"), want: forbidden},
		{name: "a viewer", req: v1Trigger("d", `{}`).as("viewer"), want: forbidden},
		{name: "a viewer does not learn which DAGs there are", req: v1Trigger("nope", `{}`).as("viewer"), want: forbidden},
		{
			name: "an unknown DAG",
			req:  v1Trigger("nope", `{}`),
			want: problem(404, `"DAG not found"`, docs("NotFound"), `"DAG with dag_id: 'nope' not found"`),
		},
		{
			name: "a stale DAG",
			req:  v1Trigger("stale", `{}`),
			want: problem(404, `"DAG not found"`, docs("NotFound"), `"DAG with dag_id: 'stale' not found"`),
		},
		{
			name: "a broken DAG",
			req:  v1Trigger("broken", `{}`),
			want: problem(400, `"DAG cannot be triggered"`, docs("BadRequest"), `"DAG with dag_id: 'broken' has import errors"`),
		},
	})
}

func TestV1RefusesABody(t *testing.T) {
	t.Parallel()
	media := func(as string) answer {
		return problem(415, `"Unsupported Media Type"`, "about:blank", `"Invalid Content-type (`+as+`), expected JSON data"`)
	}
	unknown := func(name string) answer { return bad(`"{'` + name + `': ['Unknown field.']}"`) }
	dateless := problem(
		400,
		`"Incorrect datetime argument"`,
		docs("BadRequest"),
		`"argument 'input': 'NoneType' object cannot be cast as 'str'"`,
	)
	together := bad(`"{'_schema': [\"Both 'data_interval_start' and 'data_interval_end' must be specified together\"]}"`)
	check(t, airflow211, []row{
		{name: "none", req: v1Trigger("d", ""), want: bad(`"Request body must not be empty"`)},
		{name: "invalid JSON", req: v1Trigger("d", "{bad"), want: bad(`"Request body is not valid JSON"`)},
		{name: "null", req: v1Trigger("d", "null"), want: bad(`"Request body is not valid JSON"`)},
		{name: "a list", req: v1Trigger("d", "[]"), want: bad(`"[] is not of type 'object'"`)},
		{name: "a text", req: v1Trigger("d", `"x"`), want: bad(`"'x' is not of type 'object'"`)},
		{name: "a text as its type", req: v1Trigger("d", "{}").typed("text/plain"), want: media("text/plain")},
		{name: "no type", req: v1Trigger("d", "{}").typed(""), want: media("")},
		{name: "conf a text", req: v1Trigger("d", `{"conf": "some string"}`), want: bad(`"'some string' is not of type 'object' - 'conf'"`)},
		{name: "conf null", req: v1Trigger("d", `{"conf": null}`), want: bad(`"None is not of type 'object' - 'conf'"`)},
		{name: "conf a list", req: v1Trigger("d", `{"conf": [1]}`), want: bad(`"[1] is not of type 'object' - 'conf'"`)},
		{
			name: "an invalid body without credentials",
			req:  v1Trigger("d", `{"conf": "s"}`).as("-"),
			want: bad(`"'s' is not of type 'object' - 'conf'"`),
		},
		{name: "note a number", req: v1Trigger("d", `{"note": 5}`), want: bad(`"5 is not of type 'string' - 'note'"`)},
		{
			name: "a note too long",
			req:  v1Trigger("d", `{"note": "`+strings.Repeat("n", 1001)+`"}`),
			want: bad(`"{'note': ['Longer than maximum length 1000.']}"`),
		},
		{name: "the experimental run id", req: v1Trigger("d", `{"run_id": "a"}`), want: unknown("run_id")},
		{name: "replace_microseconds", req: v1Trigger("d", `{"replace_microseconds": "false"}`), want: unknown("replace_microseconds")},
		{name: "run_after", req: v1Trigger("d", `{"run_after": "2020-01-01T00:00:00Z"}`), want: unknown("run_after")},
		{name: "partition_key", req: v1Trigger("d", `{"partition_key": "k"}`), want: unknown("partition_key")},
		{name: "state", req: v1Trigger("d", `{"state": "queued"}`), want: bad(`"Property is read-only - 'state'"`)},
		{name: "dag_id", req: v1Trigger("d", `{"dag_id": "d"}`), want: bad(`"Property is read-only - 'dag_id'"`)},
		{name: "run id null", req: v1Trigger("d", `{"dag_run_id": null}`), want: bad(`"{'dag_run_id': ['Field may not be null.']}"`)},
		{name: "run id a number", req: v1Trigger("d", `{"dag_run_id": 5}`), want: bad(`"5 is not of type 'string' - 'dag_run_id'"`)},
		{
			name: "run id too long",
			req:  v1Trigger("d", `{"dag_run_id": "`+strings.Repeat("x", 251)+`"}`),
			want: bad(`"{'dag_run_id': ['Longer than maximum length 250.']}"`),
		},
		{
			name: "several at once",
			req:  v1Trigger("d", `{"dag_run_id": null, "x": 1}`),
			want: bad(`"{'dag_run_id': ['Field may not be null.'], 'x': ['Unknown field.']}"`),
		},
		{name: "date null", req: v1Trigger("d", `{"logical_date": null}`), want: dateless},
		{name: "execution date null", req: v1Trigger("d", `{"execution_date": null}`), want: dateless},
		{
			name: "date null beside a run id",
			req:  v1Trigger("d", `{"dag_run_id": "r", "logical_date": null}`),
			want: bad(`"{'logical_date': ['Field may not be null.']}"`),
		},
		{
			name: "date without a zone",
			req:  v1Trigger("d", `{"logical_date": "2024-01-02T00:00:00"}`),
			want: bad(`"'2024-01-02T00:00:00' is not a 'date-time' - 'logical_date'"`),
		},
		{
			name: "dates that differ",
			req:  v1Trigger("d", `{"logical_date": "2024-01-02T00:00:00Z", "execution_date": "2024-01-03T00:00:00Z"}`),
			want: problem(
				400,
				`"logical_date conflicts with execution_date"`,
				docs("BadRequest"),
				`"'2024-01-02T00:00:00Z' != '2024-01-03T00:00:00Z'"`,
			),
		},
		{name: "half an interval", req: v1Trigger("d", `{"data_interval_start": "2024-01-02T00:00:00Z"}`), want: together},
		{name: "a run id of no pattern", req: v1Trigger("d", `{"dag_run_id": "a b"}`), want: html(500, "Ooops!")},
		{name: "a run id with a slash", req: v1Trigger("d", `{"dag_run_id": "a/b"}`), want: html(500, "Ooops!")},
		{name: "a run id with NUL", req: v1Trigger("d", `{"dag_run_id": "a\u0000b"}`), want: html(500, "Ooops!")},
		{name: "a run id with a newline", req: v1Trigger("d", `{"dag_run_id": "x\n"}`), want: html(500, "Ooops!")},
		{
			name: "a scheduled run's id",
			req:  v1Trigger("d", `{"dag_run_id": "scheduled__x"}`),
			want: bad(`"A manual DAG run cannot use ID 'scheduled__x' since it is reserved for scheduled runs"`),
		},
		{
			name: "a backfill's id",
			req:  v1Trigger("d", `{"dag_run_id": "backfill__x"}`),
			want: bad(`"A manual DAG run cannot use ID 'backfill__x' since it is reserved for backfill runs"`),
		},
		{
			name: "a dataset's id",
			req:  v1Trigger("d", `{"dag_run_id": "dataset_triggered__x"}`),
			want: bad(`"A manual DAG run cannot use ID 'dataset_triggered__x' since it is reserved for dataset_triggered runs"`),
		},
		{name: "more than a megabyte", req: v1Trigger("d", sized(1<<20+1)), want: html(413, "<title>413 Request Entity Too Large</title>")},
		{name: "just below a megabyte", req: v1Trigger("d", sized(1<<20-1)), want: html(500, "Ooops!")},
		{
			name: "nested too deep",
			req:  v1Trigger("d", `{"conf": {"a": `+strings.Repeat("[", 500)+strings.Repeat("]", 500)+`}}`),
			want: html(500, "Ooops!"),
		},
	})
}

// sized is a trigger of so many bytes.
func sized(size int) string {
	body := `{"dag_run_id": "r", "conf": {"x": ""}}`
	return strings.Replace(body, `""`, `"`+strings.Repeat("x", size-len(body))+`"`, 1)
}

func TestV1AcceptsABodyOfOneMegabyte(t *testing.T) {
	t.Parallel()
	for _, size := range []int{960 << 10, 1 << 20} {
		s := newServer(t, airflow211(t))
		if w := do(t, s, v1Trigger("d", sized(size))); w.Code != 200 {
			t.Errorf("%d bytes: got %d", size, w.Code)
		}
	}
}

func TestV1ChecksParams(t *testing.T) {
	t.Parallel()
	invalid := func(detail string) answer { return bad(`"Invalid input for param ` + detail + `"`) }
	maximum := `n: 99 is greater than the maximum of 10\n\nFailed validating 'maximum' in schema:\n    {'type': 'integer', 'minimum': 1, ` +
		`'maximum': 10}\n\nOn instance:\n    99`
	check(t, airflow211, []row{
		{name: "too much", req: v1Trigger("params", `{"conf": {"n": 99}}`), want: invalid(maximum)},
		{
			name: "of conf's several the first",
			req:  v1Trigger("params", `{"conf": {"e": "z", "n": 99}}`),
			want: invalid(
				`e: 'z' is not one of ['x', 'y']\n\nFailed validating 'enum' in schema:\n    {'enum': ['x', 'y']}\n\nOn instance:\n    'z'`,
			),
		},
		{
			name: "a long schema is broken up",
			req:  v1Trigger("params", `{"conf": {"s": ""}}`),
			want: invalid(
				`s: '' should be non-empty\n\nFailed validating 'minLength' in schema:\n    {'type': 'string',\n     'minLength': 1,\n     ` +
					`'maxLength': 5,\n     'pattern': '^[a-z]+$'}\n\nOn instance:\n    ''`,
			),
		},
		{name: "one without a default", req: v1Trigger("needs", `{}`), want: invalid(`must: No value passed and Param has no default value`)},
		{
			name: "a reserved id goes first",
			req:  v1Trigger("params", `{"dag_run_id": "scheduled__", "conf": {"n": 99}}`),
			want: bad(`"A manual DAG run cannot use ID 'scheduled__' since it is reserved for scheduled runs"`),
		},
		{name: "a bad id goes first", req: v1Trigger("params", `{"dag_run_id": "a b", "conf": {"n": 99}}`), want: html(500, "Ooops!")},
	})
}

// v2TriggerOn2 carries basic credentials, as a client of Airflow 2 has them.
func v2TriggerOn2(dag string) request { return v2Trigger(dag, `{}`).as("basic") }
