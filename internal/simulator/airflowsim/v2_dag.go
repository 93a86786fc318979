// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"net/http"
	"slices"
	"strings"
)

func v2GetDAG(c *call) answer {
	if c.dag() == nil {
		return v2NoDAG(c)
	}
	return json3(http.StatusOK, c.v2DAG(c.dag()))
}

// v2PatchDAG pauses a DAG or lets it run: patch_dag of core_api/routes/public/dags.py.
func v2PatchDAG(c *call) answer {
	d := c.dag()
	if d == nil {
		return detail(http.StatusNotFound, "Dag with id: "+c.vars["dag_id"]+" was not found")
	}
	if c.v34() {
		return c.v2Schedule(d)
	}
	if masks := c.URL.Query()["update_mask"]; len(masks) > 0 && !slices.Equal(masks, []string{"is_paused"}) {
		return detail(http.StatusBadRequest, "Only `is_paused` field can be updated through the REST API")
	}
	d.pause(truth(c.body.vals["is_paused"]), c.now)
	return json3(http.StatusOK, c.v2DAG(d))
}

// v2Schedule sets a DAG's scheduling state by the one member that is not null (3.4).
func (c *call) v2Schedule(d *dag) answer {
	masks := c.URL.Query()["update_mask"]
	c.unsimulated("update_mask")
	paused, state := c.body.vals["is_paused"], c.body.vals["scheduling_state"]
	given := map[bool]string{true: "is_paused", false: "scheduling_state"}[paused != nil]
	switch {
	case (paused == nil) == (state == nil):
		return detail(http.StatusUnprocessableEntity, []any{valueError(
			"Exactly one of `is_paused` or `scheduling_state` must be provided", c.body, "body")})
	case len(masks) > 1 || len(masks) == 1 && masks[0] != "is_paused" && masks[0] != "scheduling_state":
		return detail(http.StatusBadRequest, "Only one of `is_paused` or `scheduling_state` can be updated through the REST API")
	case len(masks) == 1 && masks[0] != given:
		return detail(http.StatusUnprocessableEntity, []any{valueError(
			"Exactly one of `is_paused` or `scheduling_state` must be provided", obj(), "body")})
	case state != nil:
		d.setState(state.(string), c.now)
	case truth(paused):
		d.setState(pausedState, c.now)
	default:
		d.setState(activeState, c.now)
	}
	return json3(http.StatusOK, c.v2DAG(d))
}

// truth reads what Pydantic has taken for a boolean.
func truth(v any) bool {
	text, _ := v.(string)
	return v == true || v == number("1") || slices.Contains(trueWords, strings.ToLower(text))
}

// v2DAG is DAGResponse of core_api/datamodels/dags.py.
func (c *call) v2DAG(d *dag) *object {
	o := c.v2AnyDAG(d)
	o.set("is_backfillable", false)
	o.set("file_token", fileToken(d))
	return o
}

func fileToken(d *dag) string { return "eyJidW5kbGVfbmFtZSI6ImRhZ3MtZm9sZGVyIn0." + d.spec.ID }

func (c *call) v2AnyDAG(d *dag) *object {
	allowed := any(nil)
	if d.spec.NoManualRuns {
		allowed = []any{"scheduled"}
	}
	o := obj("dag_id", d.spec.ID, "dag_display_name", d.spec.ID, "is_paused", d.paused(), "is_stale", d.spec.Stale,
		"last_parsed_time", isoZ(d.parsed), "last_parse_duration", number("0.05"), "last_expired", nil, "bundle_name", "dags-folder",
		"bundle_version", nil, "relative_fileloc", d.spec.ID+".py", "fileloc", "/opt/airflow/dags/"+d.spec.ID+".py",
		"description", nil, "timetable_summary", nil, "timetable_description", "Never, external triggers only",
		"timetable_partitioned", false, "timetable_periodic", false, "tags", []any{}, "max_active_tasks", 16,
		"max_active_runs", 16, "max_consecutive_failed_dag_runs", 0, "has_task_concurrency_limits", false,
		"has_import_errors", d.spec.ImportError != "", "next_dagrun_logical_date", nil, "next_dagrun_data_interval_start", nil,
		"next_dagrun_data_interval_end", nil, "next_dagrun_run_after", nil, "allowed_run_types", allowed, "owners", []any{"airflow"})
	if c.v34() {
		o.set("scheduling_state", d.state())
	}
	return o
}

// v2Details is DAGDetailsResponse.
func v2Details(c *call) answer {
	d := c.dag()
	if d == nil {
		return v2NoDAG(c)
	}
	o, params := c.v2AnyDAG(d), obj()
	for _, p := range d.params {
		params.set(p.name, obj("value", p.value, "schema", p.schema.spec, "description", p.description, "source", nil))
	}
	active := 0
	for _, r := range d.byID {
		if state, _, _ := c.s.state(r, c.now); state == "running" {
			active++
		}
	}
	for _, pair := range []struct {
		name  string
		value any
	}{
		{"catchup", false}, {"dag_run_timeout", nil}, {"asset_expression", nil}, {"doc_md", nil}, {"start_date", isoZ(d.spec.StartDate)},
		{"end_date", nil}, {"is_paused_upon_creation", nil}, {"params", params}, {"render_template_as_native_obj", false},
		{"template_search_path", nil}, {"timezone", "UTC"}, {"last_parsed", isoZ(d.parsed)}, {"default_args", obj()},
		{"rerun_with_latest_version", nil}, {"owner_links", obj()}, {"is_favorite", false}, {"active_runs_count", active},
		{"is_backfillable", false}, {"file_token", fileToken(d)}, {"concurrency", 16}, {"latest_dag_version", c.v2DAGVersion(d)},
	} {
		o.set(pair.name, pair.value)
	}
	if c.v34() {
		o.set("team_name", nil)
	}
	return json3(http.StatusOK, o)
}
