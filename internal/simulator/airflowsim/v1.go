// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// v1Routes are the paths of airflow/api_connexion/openapi/v1.yaml that a
// trigger needs. A body is checked against the OpenAPI document before the
// caller's credentials, and those before anything is looked up.
func v1Routes() []route {
	const api = "/api/v1"
	return []route{
		{http.MethodGet, api + "/version", v1Version},
		{http.MethodGet, api + "/health", v1Health},
		{http.MethodGet, "/health", v1Health},
		{http.MethodGet, api + "/importErrors", v1Guard(read, v1ImportErrors)},
		{http.MethodGet, api + "/dags/{dag_id}", v1Guard(read, v1GetDAG)},
		{http.MethodPatch, api + "/dags/{dag_id}", v1Body(dagFields, v1Guard(trigger, v1PatchDAG))},
		{http.MethodGet, api + "/dags/{dag_id}/details", v1Guard(read, v1Details)},
		{http.MethodPost, api + "/dags/{dag_id}/dagRuns", v1Body(runFields, v1Guard(trigger, v1Trigger))},
		{http.MethodGet, api + "/dags/{dag_id}/dagRuns", v1Guard(read, v1ListRuns)},
		{http.MethodGet, api + "/dags/{dag_id}/dagRuns/{dag_run_id}", v1Guard(read, v1GetRun)},
	}
}

// v1JSON is a good answer.
func v1JSON(v any) answer {
	return answer{status: http.StatusOK, mediaType: "application/json", body: connexionStyle.encode(v)}
}

// problem is an error: airflow/api_connexion/exceptions.py. An empty detail is null.
func problem(status int, kind, title, detail string) answer {
	o := obj("detail", nil, "status", status, "title", nil, "type", kind)
	if detail != "" {
		o.set("detail", detail)
	}
	if title != "" {
		o.set("title", title)
	}
	return answer{status: status, mediaType: "application/problem+json", body: connexionStyle.encode(o)}
}

// v1Problem is one of Airflow's own, whose type names a section of its
// documentation and so leaks the release.
func v1Problem(status int, title, detail string) answer {
	section := map[int]string{
		http.StatusBadRequest: "BadRequest", http.StatusForbidden: "PermissionDenied",
		http.StatusNotFound: "NotFound", http.StatusConflict: "AlreadyExists",
	}[status]
	return problem(status, "https://airflow.apache.org/docs/apache-airflow/"+Airflow211.Release()+
		"/stable-rest-api-ref.html#section/Errors/"+section, title, detail)
}

func badRequest(detail string) answer { return v1Problem(http.StatusBadRequest, "Bad Request", detail) }

// v1Guard checks the caller's permission. It does not report who the caller
// is not from what the caller may not.
func v1Guard(need permission, serve func(*call) answer) func(*call) answer {
	return func(c *call) answer {
		c.user = c.s.v1User(c.Request)
		if !c.user.Role.may(need, Airflow211) {
			return v1Problem(http.StatusForbidden, "Forbidden", "")
		}
		return serve(c)
	}
}

func v1Version(*call) answer {
	return v1JSON(obj("version", Airflow211.Release(), "git_version", ""))
}

// v1Health is /api/v1/health and /health of 1.10 and 2.11.
func v1Health(c *call) answer {
	scheduler := obj("status", "healthy", "latest_scheduler_heartbeat", iso(c.now))
	if c.s.config.NoScheduler {
		scheduler = obj("status", "unhealthy", "latest_scheduler_heartbeat", nil)
	}
	health := obj("metadatabase", obj("status", "healthy"), "scheduler", scheduler)
	if c.s.config.Version == Airflow211 {
		health.set("triggerer", obj("status", nil, "latest_triggerer_heartbeat", nil))
		health.set("dag_processor", obj("status", nil, "latest_dag_processor_heartbeat", nil))
	}
	return v1JSON(health)
}

func v1ImportErrors(c *call) answer {
	if refusal := c.v1Query("limit", "offset"); refusal != nil {
		return *refusal
	}
	limit, offset, refusal := c.v1Page()
	if refusal != nil {
		return *refusal
	}
	list := []any{}
	for _, d := range c.s.broken() {
		list = append(list, obj("import_error_id", len(list)+1, "timestamp", iso(d.parsed),
			"filename", "/opt/airflow/dags/"+d.spec.ID+".py", "stack_trace", d.spec.ImportError))
	}
	return v1JSON(obj("import_errors", window(list, limit, offset), "total_entries", len(list)))
}

// broken are the DAGs whose files no longer parse.
func (s *Server) broken() []*dag {
	var all []*dag
	for _, dagID := range s.order {
		if d := s.dags[dagID]; d.spec.ImportError != "" {
			all = append(all, d)
		}
	}
	return all
}

// v1Query refuses a query parameter that the OpenAPI document does not know,
// and marks one that it may know and this package does not.
func (c *call) v1Query(known ...string) *answer {
	var extra []string
	for name := range c.URL.Query() {
		if !slices.Contains(known, name) {
			extra = append(extra, name)
		}
	}
	if len(extra) == 0 {
		return nil
	}
	c.strange = true
	slices.Sort(extra)
	return new(v1Problem(http.StatusBadRequest, "", "Extra query parameter(s) "+strings.Join(extra, ", ")+" not in spec"))
}

func v1GetRun(c *call) answer {
	if d := c.dag(); d != nil && d.byID[c.vars["dag_run_id"]] != nil {
		return v1JSON(c.v1Run(d.byID[c.vars["dag_run_id"]]))
	}
	return v1Problem(http.StatusNotFound, "DAGRun not found",
		"DAGRun with DAG ID: '"+c.vars["dag_id"]+"' and DagRun ID: '"+c.vars["dag_run_id"]+"' not found")
}

// v1Run is DAGRunSchema of airflow/api_connexion/schemas/dag_run_schema.py.
func (c *call) v1Run(r *run) *object {
	state, start, end := c.s.state(r, c.now)
	return obj("dag_id", r.DAG, "dag_run_id", r.ID, "conf", r.conf, "state", state, "run_type", r.Type,
		"note", orNull(r.Note), "execution_date", iso(r.LogicalDate), "logical_date", iso(r.LogicalDate),
		"data_interval_start", iso(r.dataInterval[0].UTC()), "data_interval_end", iso(r.dataInterval[1].UTC()),
		"start_date", iso(start), "end_date", iso(end), "external_trigger", true, "last_scheduling_decision", iso(start))
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// v1ListRuns takes "~" for all DAGs, and does not mind a DAG that is not there.
func v1ListRuns(c *call) answer {
	if refusal := c.v1Query("state", "limit", "offset", "order_by", "start_date_lte"); refusal != nil {
		return *refusal
	}
	limit, offset, refusal := c.v1Page()
	if refusal != nil {
		return *refusal
	}
	order := c.URL.Query().Get("order_by")
	columns := []string{"id", "state", "dag_id", "dag_run_id", "execution_date", "start_date", "end_date"}
	if name := strings.TrimPrefix(order, "-"); name != "" && !slices.Contains(columns, name) {
		return badRequest("Ordering with '" + name + "' is disallowed or the attribute does not exist on the model")
	}
	states := strings.FieldsFunc(strings.Join(c.URL.Query()["state"], ","), func(r rune) bool { return r == ',' })
	runs, total := c.pick(states, func(string) bool { return true }, []string{order}, limit, offset)
	list := []any{}
	for _, r := range runs {
		list = append(list, c.v1Run(r))
	}
	return v1JSON(obj("dag_runs", list, "total_entries", total))
}

const pageLimit = 100 // [api] maximum_page_limit

// v1Page reads limit and offset. A limit of 0 stands for the default.
func (c *call) v1Page() (limit, offset int, refusal *answer) {
	limit = pageLimit
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
			return 0, 0, new(badRequest("Wrong type, expected 'integer' for query parameter '" + field.name + "'"))
		case n < 0 && field.name == "limit":
			return 0, 0, new(v1Problem(http.StatusBadRequest, "Page limit must be a positive integer", ""))
		case n < 0:
			return 0, 0, new(badRequest(violation{message: text + " is less than the minimum of 0", keyword: "minimum",
				schema: obj("type", "integer", "minimum", 0), instance: n}.String()))
		}
		*field.into = n
	}
	if limit == 0 || limit > pageLimit {
		limit = pageLimit
	}
	return limit, offset, nil
}

// pick is the page of a DAG's runs that a list asks for, and how many there
// are in all. Nulls come last in ascending order, as in PostgreSQL.
func (c *call) pick(states []string, fits func(runID string) bool, order []string, limit, offset int) ([]*run, int) {
	var runs []*run
	for _, r := range c.s.runsOf(c.vars["dag_id"]) {
		state, start, _ := c.s.state(r, c.now)
		if fits(r.ID) && (len(states) == 0 || slices.Contains(states, state)) && c.startedBy(start) {
			runs = append(runs, r)
		}
	}
	for _, column := range slices.Backward(order) {
		name, descending := strings.CutPrefix(column, "-")
		slices.SortStableFunc(runs, func(a, b *run) int {
			n := c.compare(name, a, b)
			if descending {
				n = -n
			}
			return n
		})
	}
	return window(runs, limit, offset), len(runs)
}

// startedBy applies the query parameter start_date_lte, which both APIs have.
func (c *call) startedBy(start time.Time) bool {
	text := c.URL.Query().Get("start_date_lte")
	if text == "" {
		return true
	}
	bound, err := time.Parse(time.RFC3339, text)
	c.strange = c.strange || err != nil // Airflow knows more forms
	return !start.IsZero() && !start.After(bound)
}

func (c *call) compare(column string, a, b *run) int {
	stateA, startA, endA := c.s.state(a, c.now)
	stateB, startB, endB := c.s.state(b, c.now)
	switch column {
	case "id":
		return a.serial - b.serial
	case "state":
		return strings.Compare(stateA, stateB)
	case "dag_id":
		return strings.Compare(a.DAG, b.DAG)
	case "dag_run_id", "run_id":
		return strings.Compare(a.ID, b.ID)
	case "execution_date", "logical_date":
		return nullsLast(a.LogicalDate, b.LogicalDate)
	case "run_after":
		return nullsLast(a.RunAfter, b.RunAfter)
	case "start_date":
		return nullsLast(startA, startB)
	case "end_date":
		return nullsLast(endA, endB)
	}
	return 0
}

func nullsLast(a, b time.Time) int {
	switch {
	case a.IsZero() == b.IsZero():
		return a.Compare(b)
	case a.IsZero():
		return 1
	}
	return -1
}
