// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"net/http"
)

func v1GetDAG(c *call) answer {
	if refusal := c.v1Query(); refusal != nil {
		return *refusal
	}
	if c.dag() == nil {
		return v1NoDAG(c)
	}
	return v1JSON(v1DAG(c.dag()))
}

func v1NoDAG(c *call) answer {
	return v1Problem(http.StatusNotFound, "DAG not found", "The DAG with dag_id: "+c.vars["dag_id"]+" was not found")
}

// v1PatchDAG pauses a DAG or lets it run: patch_dag of dag_endpoint.py.
func v1PatchDAG(c *call) answer {
	if refusal := c.v1Query("update_mask"); refusal != nil {
		return *refusal
	}
	var m marshmallow
	m.unknown(c.body, dagFields)
	if refusal := m.refusal(); refusal != nil {
		return *refusal
	}
	if mask := c.URL.Query(); mask.Has("update_mask") && mask.Get("update_mask") != "is_paused" {
		return badRequest("Only `is_paused` field can be updated through the REST API")
	}
	d := c.dag()
	if d == nil {
		return v1Problem(http.StatusNotFound, "Dag with id: '"+c.vars["dag_id"]+"' not found", "")
	}
	if !c.body.has("is_paused") {
		return ooops(Airflow211) // KeyError
	}
	paused, _ := c.body.vals["is_paused"].(bool)
	d.pause(paused, c.now)
	return v1JSON(v1DAG(d))
}

// v1DAG is DAGSchema of airflow/api_connexion/schemas/dag_schema.py.
func v1DAG(d *dag) *object {
	o := v1AnyDAG(d)
	o.set("owners", []any{"airflow"})
	return o
}

func v1AnyDAG(d *dag) *object {
	return obj("dag_id", d.spec.ID, "dag_display_name", d.spec.ID, "root_dag_id", nil, "is_paused", d.paused(),
		"is_active", !d.spec.Stale, "is_subdag", false, "last_parsed_time", iso(d.parsed), "last_pickled", nil,
		"last_expired", nil, "scheduler_lock", nil, "pickle_id", nil, "default_view", "grid",
		"fileloc", "/opt/airflow/dags/"+d.spec.ID+".py", "file_token", "Ii9vcHQi."+d.spec.ID, "description", nil,
		"schedule_interval", nil, "timetable_description", "Never, external triggers only", "tags", []any{},
		"max_active_tasks", 16, "max_active_runs", 16, "max_consecutive_failed_dag_runs", 0,
		"has_task_concurrency_limits", false, "has_import_errors", d.spec.ImportError != "", "next_dagrun", nil,
		"next_dagrun_data_interval_start", nil, "next_dagrun_data_interval_end", nil, "next_dagrun_create_after", nil)
}

// v1Details adds what DAGDetailSchema has beyond DAGSchema; it knows no
// owners, and no DAG without a serialized form.
func v1Details(c *call) answer {
	d := c.dag()
	if d == nil || d.spec.Stale {
		return v1NoDAG(c)
	}
	o, params := v1AnyDAG(d), obj()
	for _, p := range d.params {
		params.set(p.name, obj("__class", "airflow.models.param.Param", "description", p.description, "schema", p.schema.spec, "value", p.value))
	}
	for _, pair := range []struct {
		name  string
		value any
	}{
		{"catchup", true}, {"concurrency", 16}, {"dag_run_timeout", nil}, {"dataset_expression", nil}, {"doc_md", nil},
		{"start_date", iso(d.spec.StartDate)}, {"end_date", nil}, {"is_paused_upon_creation", nil}, {"last_parsed", iso(d.parsed)},
		{"orientation", "LR"}, {"owners", []any{}}, {"params", params}, {"render_template_as_native_obj", false},
		{"template_searchpath", nil}, {"timezone", "UTC"},
	} {
		o.set(pair.name, pair.value)
	}
	return v1JSON(o)
}
