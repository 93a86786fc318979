// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// v2Routes are the paths of airflow/api_fastapi/core_api/routes/public that a
// trigger needs. A body must be JSON before anybody asks who sends it; whether
// it makes sense is looked at after the caller's token and role.
func v2Routes(version Version) []route {
	const api = "/api/v2"
	return []route{
		{http.MethodGet, api + "/version", v2Version},
		{http.MethodGet, api + "/monitor/health", v2Health},
		{http.MethodGet, api + "/importErrors", v2Guard(read, v2ImportErrors)},
		{http.MethodGet, api + "/dags/{dag_id}", v2Guard(read, v2GetDAG)},
		{http.MethodPatch, api + "/dags/{dag_id}", v2Body(dagModels[version], trigger, v2PatchDAG)},
		{http.MethodGet, api + "/dags/{dag_id}/details", v2Guard(read, v2Details)},
		{http.MethodGet, api + "/dags/{dag_id}/dagRuns", v2Guard(read, v2ListRuns)},
		{http.MethodPost, api + "/dags/{dag_id}/dagRuns", v2Body(triggerModel(version), trigger, v2Trigger)},
		{http.MethodGet, api + "/dags/{dag_id}/dagRuns/{dag_run_id}", v2Guard(read, v2GetRun)},
		{http.MethodGet, api + "/dags/{dag_id}/dagRuns/{dag_run_id}/wait", v2Guard(read, v2Wait)},
	}
}

// json3 is an answer of FastAPI's.
func json3(status int, v any) answer {
	return answer{status: status, mediaType: "application/json", body: pydanticStyle.encode(v)}
}

// detail is an HTTPException: {"detail": v}.
func detail(status int, v any) answer { return json3(status, obj("detail", v)) }

// internalError is Starlette's answer to an exception that nobody caught.
var internalError = answer{
	status:    http.StatusInternalServerError,
	mediaType: "text/plain; charset=utf-8",
	body:      []byte("Internal Server Error"),
}

// v2Guard checks the caller's token and its role's permission.
func v2Guard(need permission, serve func(*call) answer) func(*call) answer {
	return func(c *call) answer {
		user, refusal := c.s.v2User(c.Request, c.now)
		switch {
		case refusal != nil:
			return *refusal
		case !user.Role.may(need, c.s.config.Version):
			return detail(http.StatusForbidden, "Forbidden")
		}
		c.user = user
		return serve(c)
	}
}

func v2Version(c *call) answer {
	commit := map[Version]string{
		Airflow33: ".release:aa19d2dbb9ed187ec01957a92848d9b005e9ba9d",
		Airflow34: ".dev0+acb52b84035c507b4a6527c9e6a68556966148de.dirty",
	}[c.s.config.Version]
	return json3(http.StatusOK, obj("version", c.s.config.Version.Release(), "git_version", commit))
}

func v2Health(c *call) answer {
	part := func(name string, alive bool) *object {
		beatName := "latest_" + name + "_heartbeat"
		status, beat := any(nil), any(nil)
		switch {
		case alive:
			status, beat = "healthy", isoformat(c.now, "T")
		case name == "scheduler", c.v34():
			status = "unhealthy"
		}
		o := obj("status", status, beatName, beat)
		if c.v34() { // airflow/api/common/airflow_health.py
			o.set("detailed_status", map[bool]string{true: "healthy", false: "down"}[alive])
			o.set("instances", healthInstances(name, alive, beatName, beat))
		}
		return o
	}
	alive := !c.s.config.NoScheduler
	return json3(http.StatusOK, obj("metadatabase", obj("status", "healthy"),
		"scheduler", part("scheduler", alive), "triggerer", part("triggerer", false), "dag_processor", part("dag_processor", alive)))
}

// healthInstances lists the one process of a part (3.4).
func healthInstances(name string, alive bool, beatName string, beat any) any {
	if !alive {
		return nil
	}
	one := obj("hostname", "airflowsim", beatName, beat)
	if name == "dag_processor" {
		one.set("bundle_names", nil)
	}
	return []any{one}
}

func v2ImportErrors(c *call) answer {
	c.unsimulated("limit", "offset")
	limit, offset, faults := c.v2Page()
	if len(faults) > 0 {
		return detail(http.StatusUnprocessableEntity, faults)
	}
	list := []any{}
	for _, d := range c.s.broken() {
		file := d.spec.ID + ".py"
		o := obj("import_error_id", len(list)+1, "timestamp", isoZ(d.parsed), "filename", file,
			"bundle_name", "dags-folder", "stack_trace", d.spec.ImportError)
		if c.v34() {
			o.set("source_reference", file)
			o.set("file_token", fileToken(d))
		}
		list = append(list, o)
	}
	return json3(http.StatusOK, obj("import_errors", window(list, limit, offset), "total_entries", len(list)))
}

// v2NoDAG is what every look-up says; a trigger says it otherwise.
func v2NoDAG(c *call) answer {
	return detail(http.StatusNotFound, "The Dag with ID: `"+c.vars["dag_id"]+"` was not found")
}

func v2GetRun(c *call) answer {
	r, missing := c.v2RunOfPath()
	if r == nil {
		return missing
	}
	return json3(http.StatusOK, c.v2Run(r))
}

// v2RunOfPath is the run that the path names, nil with the answer where there is none.
func (c *call) v2RunOfPath() (*run, answer) {
	if d := c.dag(); d != nil && d.byID[c.vars["dag_run_id"]] != nil {
		return d.byID[c.vars["dag_run_id"]], answer{}
	}
	return nil, detail(
		http.StatusNotFound,
		"The DagRun with dag_id: `"+c.vars["dag_id"]+"` and run_id: `"+c.vars["dag_run_id"]+"` was not found",
	)
}

// v2Run is DAGRunResponse of core_api/datamodels/dag_run.py, as it is read
// back from the database: conf is a jsonb there, whose keys have their own order.
func (c *call) v2Run(r *run) *object {
	state, start, end := c.s.state(r, c.now)
	duration := any(nil)
	if !end.IsZero() {
		duration = pythonNumber(strconv.FormatFloat(end.Sub(start).Seconds(), 'e', -1, 64))
	}
	d := c.s.dags[r.DAG]
	versions := []any{c.v2DAGVersion(d)}
	if !r.LogicalDate.IsZero() && r.LogicalDate.Before(d.spec.StartDate) {
		versions = []any{} // they come from the run's tasks, and there are none
	}
	o := obj("dag_run_id", r.ID, "dag_id", r.DAG, "logical_date", isoZ(r.LogicalDate), "queued_at", isoZ(r.Created),
		"start_date", isoZ(start), "end_date", isoZ(end), "duration", duration,
		"data_interval_start", isoZ(r.dataInterval[0].UTC()), "data_interval_end", isoZ(r.dataInterval[1].UTC()),
		"run_after", isoZ(r.RunAfter.UTC()), "last_scheduling_decision", isoZ(start), "run_type", r.Type, "state", state,
		"triggered_by", r.trigger, "triggering_user_name", r.user, "conf", jsonb(r.conf), "note", orNull(r.Note),
		"dag_versions", versions, "bundle_version", nil, "dag_display_name", r.DAG,
		"partition_key", orNull(r.PartitionKey), "partition_date", nil)
	if c.v34() {
		o.set("team_name", nil)
	}
	return o
}

// v2DAGVersion has a UUID made of the DAG's id.
func (c *call) v2DAGVersion(d *dag) *object {
	sum := sha256.Sum256([]byte(d.spec.ID))
	id := fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	return obj("id", id, "version_number", 1, "dag_id", d.spec.ID, "bundle_name", "dags-folder", "bundle_version", nil,
		"created_at", isoZ(d.parsed), "dag_display_name", d.spec.ID, "bundle_url", nil)
}

// v2ListRuns takes "~" for all DAGs. FastAPI passes over a parameter that it does not know.
func v2ListRuns(c *call) answer {
	c.unsimulated("state", "limit", "offset", "order_by", "run_id_pattern", "run_id_prefix_pattern", "start_date_lte")
	query := c.URL.Query()
	limit, offset, faults := c.v2Page()
	if len(faults) > 0 {
		return detail(http.StatusUnprocessableEntity, faults)
	}
	if slices.ContainsFunc(query["state"], func(state string) bool { return !isState(state) }) {
		return detail(http.StatusUnprocessableEntity, "Invalid value for state. Valid values are queued, running, success, failed")
	}
	columns := []string{"id", "state", "dag_id", "run_id", "dag_run_id", "logical_date", "run_after", "start_date", "end_date", "conf"}
	for _, column := range query["order_by"] {
		if name := strings.TrimPrefix(column, "-"); !slices.Contains(columns, name) {
			return detail(http.StatusBadRequest, "Ordering with '"+name+"' is disallowed or the attribute does not exist on the model")
		}
	}
	if c.vars["dag_id"] != "~" && c.dag() == nil {
		return v2NoDAG(c)
	}
	order := append(query["order_by"], "id") // ties go by id, the way of the first column
	if strings.HasPrefix(order[0], "-") {
		order[len(order)-1] = "-id"
	}
	runs, total := c.pick(query["state"], c.v2Search(), order, limit, offset)
	list := []any{}
	for _, r := range runs {
		list = append(list, c.v2Run(r))
	}
	return json3(
		http.StatusOK,
		obj("dag_runs", list, "total_entries", total, "total_entries_limit", nil, "next_cursor", nil, "previous_cursor", nil),
	)
}

func (c *call) v2Page() (limit, offset int, faults []any) {
	limit = 50 // [api] fallback_page_limit
	for _, field := range []struct {
		name string
		into *int
	}{{"limit", &limit}, {"offset", &offset}} {
		text := c.URL.Query().Get(field.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		switch {
		case err != nil:
			faults = append(
				faults,
				invalid("int_parsing", "Input should be a valid integer, unable to parse string as an integer", text, "query", field.name),
			)
		case n < 0:
			fault := invalid("greater_than_equal", "Input should be greater than or equal to 0", text, "query", field.name)
			fault.set("ctx", obj("ge", 0))
			faults = append(faults, fault)
		default:
			*field.into = n
		}
	}
	return min(limit, pageLimit), offset, faults
}

// invalid is one of Pydantic's errors.
func invalid(kind, message string, input any, loc ...any) *object {
	return obj("type", kind, "loc", loc, "msg", message, "input", input)
}
