// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// field is a property of a body in v1.yaml.
type field struct {
	name     string
	kind     string // the JSON type, or date-time
	nullable bool
	readOnly bool
	required bool
}

func readOnly(names ...string) []field {
	fields := make([]field, len(names))
	for i, name := range names {
		fields[i] = field{name: name, readOnly: true}
	}
	return fields
}

// runFields are DAGRun's, in v1.yaml's order.
var runFields = slices.Concat(
	[]field{{name: "dag_run_id", kind: "string", nullable: true}},
	readOnly("dag_id"),
	[]field{{name: "logical_date", kind: "date-time", nullable: true}, {name: "execution_date", kind: "date-time", nullable: true}},
	readOnly("start_date", "end_date"),
	[]field{{name: "data_interval_start", kind: "date-time", nullable: true}, {name: "data_interval_end", kind: "date-time", nullable: true}},
	readOnly("last_scheduling_decision", "run_type", "state", "external_trigger"),
	[]field{{name: "conf", kind: "object"}, {name: "note", kind: "string", nullable: true}},
)

// dagFields are DAG's.
var dagFields = slices.Concat(
	readOnly("dag_id", "dag_display_name", "root_dag_id"),
	[]field{{name: "is_paused", kind: "boolean", nullable: true}},
	readOnly("is_active", "is_subdag", "last_parsed_time", "last_pickled", "last_expired", "scheduler_lock", "pickle_id",
		"default_view", "fileloc", "file_token", "owners", "description", "schedule_interval", "timetable_description", "tags",
		"max_active_tasks", "max_active_runs", "has_task_concurrency_limits", "has_import_errors", "next_dagrun",
		"next_dagrun_data_interval_start", "next_dagrun_data_interval_end", "next_dagrun_create_after", "max_consecutive_failed_dag_runs"),
)

// datasetEventFields are CreateDatasetEvent's.
var datasetEventFields = []field{{name: "dataset_uri", kind: "string", required: true}, {name: "extra", kind: "object", nullable: true}}

// v1Body is connexion's RequestBodyValidator. It stands before the security
// check: an invalid body is refused, with or without credentials.
func v1Body(fields []field, serve func(*call) answer) func(*call) answer {
	return func(c *call) answer {
		if len(c.text) == 0 {
			return badRequest("Request body must not be empty")
		}
		mediaType := c.Header.Get("Content-Type")
		if name, _, _ := mime.ParseMediaType(mediaType); name != "application/json" {
			return problem(http.StatusUnsupportedMediaType, "about:blank", "Unsupported Media Type",
				"Invalid Content-type ("+mediaType+"), expected JSON data")
		}
		if nesting(c.text) > pythonNesting {
			return ooops(Airflow211) // RecursionError
		}
		v, ok := parsePython(c.text)
		if !ok || v == nil {
			return badRequest("Request body is not valid JSON")
		}
		if c.body, ok = v.(*object); !ok {
			return badRequest(repr(v) + " is not of type 'object'")
		}
		for _, f := range fields {
			if complaint := f.complain(c.body); complaint != "" {
				return badRequest(complaint)
			}
		}
		return serve(c)
	}
}

func (f field) complain(body *object) string {
	v, given := body.vals[f.name], body.has(f.name)
	kind := f.kind
	if kind == "date-time" {
		kind = "string"
	}
	switch {
	case !given && f.required:
		return repr(f.name) + " is a required property"
	case !given || v == nil && f.nullable:
		return ""
	case f.readOnly:
		return "Property is read-only - " + repr(f.name)
	case !isType(v, kind):
		return repr(v) + " is not of type " + repr(kind) + " - " + repr(f.name)
	}
	if f.kind == "date-time" {
		if _, err := time.Parse(time.RFC3339, v.(string)); err != nil {
			return repr(v) + " is not a 'date-time' - " + repr(f.name)
		}
	}
	return ""
}

// marshmallow collects what a schema's load() refuses, in its own words:
// {'dag_run_id': ['Longer than maximum length 250.'], 'x': ['Unknown field.']}.
type marshmallow struct{ complaints *object }

func (m *marshmallow) refuse(name, complaint string) {
	if m.complaints == nil {
		m.complaints = obj()
	}
	m.complaints.set(name, []any{complaint})
}

// unknown refuses what is no field; the real one names them in no order.
func (m *marshmallow) unknown(body *object, fields []field) {
	for _, key := range body.keys {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == key }) {
			m.refuse(key, "Unknown field.")
		}
	}
}

func (m *marshmallow) null(body *object, names ...string) {
	for _, name := range names {
		if body.has(name) && body.vals[name] == nil {
			m.refuse(name, "Field may not be null.")
		}
	}
}

func (m *marshmallow) longer(body *object, name string, limit int) {
	if text, ok := body.vals[name].(string); ok && len([]rune(text)) > limit {
		m.refuse(name, "Longer than maximum length "+strconv.Itoa(limit)+".")
	}
}

func (m *marshmallow) refusal() *answer {
	if m.complaints == nil {
		return nil
	}
	return new(badRequest(repr(m.complaints)))
}

// v1Date is a date that the OpenAPI document has let pass, zero where there is none.
func v1Date(v any) time.Time {
	text, _ := v.(string)
	t, _ := time.Parse(time.RFC3339, text)
	return t.Truncate(time.Microsecond)
}
