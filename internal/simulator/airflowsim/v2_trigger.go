// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// v2Nesting is how deep Pydantic serialises a response: a conf below that is
// taken back, with the transaction, as an internal error.
const v2Nesting = 256

// v2Trigger is trigger_dag_run of core_api/routes/public/dag_run.py and
// create_dagrun of airflow/serialization/definitions/dag.py. It looks for no
// duplicate: the database's constraints do.
func v2Trigger(c *call) answer { return c.v2Start("manual") }

func (c *call) v2Start(runType string) answer {
	dagID := c.vars["dag_id"]
	if (c.body.vals["data_interval_start"] == nil) != (c.body.vals["data_interval_end"] == nil) {
		return detail(http.StatusUnprocessableEntity, []any{valueError(
			"Either both data_interval_start and data_interval_end must be provided or both must be None", c.body, "body")})
	}
	bad := func(text string) answer { return detail(http.StatusBadRequest, text) }
	switch d := c.dag(); {
	case d == nil || d.spec.Stale:
		return detail(http.StatusNotFound, "Dag with dag_id: '"+dagID+"' not found")
	case d.spec.ImportError != "":
		return bad("Dag with dag_id: '" + dagID + "' has import errors and cannot be triggered")
	case d.spec.NoManualRuns:
		return bad("Dag with dag_id: '" + dagID + "' does not allow " + strings.ReplaceAll(runType, "_", " ") + " runs")
	case c.body.vals["bundle_version"] != nil: // the bundle of these DAGs has no versions
		return detail(http.StatusNotFound, fmt.Sprintf("DAG with dag_id: '%s' does not have a version for bundle_version '%s'",
			dagID, c.body.vals["bundle_version"]))
	case c.body.vals["partition_key"] != nil && !d.spec.Partitioned:
		return bad("Dag '" + dagID + "' is not a partitioned Dag and does not accept a partition_key.")
	}
	if key, ok := c.body.vals["partition_key"].(string); ok {
		switch length := len([]rune(key)); {
		case strings.TrimSpace(key) == "":
			return bad("partition_key must not be empty or whitespace-only.")
		case length > maxRunID:
			return bad(fmt.Sprintf("partition_key must be at most %d characters; got %d.", maxRunID, length))
		}
	}
	r := c.v2Wish(runType)
	if text := v2Complaint(c.dag(), r, c.s.config.Version); text != "" {
		return bad(text)
	}
	if refusal := c.v2Database(r); refusal != nil {
		return *refusal
	}
	if truth(c.body.vals["drain_dag"]) {
		c.dag().setState(drainingState, c.now)
	}
	c.s.insert(c.dag(), r, r.RunAfter)
	return json3(http.StatusOK, c.v2Created(r))
}

// v2Created is the new run before it is read back: its dates in the zones, and
// its conf in the order, in which they were given.
func (c *call) v2Created(r *run) *object {
	answer := c.v2Run(r)
	answer.set("logical_date", isoZ(c.v2Date("logical_date")))
	answer.set("run_after", isoZ(r.RunAfter))
	answer.set("data_interval_start", isoZ(r.dataInterval[0]))
	answer.set("data_interval_end", isoZ(r.dataInterval[1]))
	answer.set("conf", r.conf)
	return answer
}

// v2Wish is validate_context: without a logical date there is no data interval either.
func (c *call) v2Wish(runType string) *run {
	id, _ := c.body.vals["dag_run_id"].(string)
	conf, _ := c.body.vals["conf"].(*object)
	note, _ := c.body.vals["note"].(string)
	key, _ := c.body.vals["partition_key"].(string)
	date, runAfter := c.v2Date("logical_date"), c.v2Date("run_after")
	if runAfter.IsZero() {
		runAfter = c.now
	}
	if id == "" {
		id = runType + "__" + isoformat(runAfter.UTC(), "T")
	}
	if conf == nil {
		conf = obj()
	}
	r := &run{conf: conf, user: c.user.Name, trigger: "rest_api", Run: Run{DAG: c.vars["dag_id"], ID: id, Conf: rawConf(c.text),
		Type: runType, Note: note, LogicalDate: date, RunAfter: runAfter, Created: c.now, PartitionKey: key}}
	if c.Header.Get("Referer") != "" {
		r.trigger = "ui"
	}
	if !date.IsZero() {
		r.dataInterval = [2]time.Time{date, date}
		if begin := c.v2Date("data_interval_start"); !begin.IsZero() {
			r.dataInterval = [2]time.Time{begin, c.v2Date("data_interval_end")}
		}
	}
	return r
}

// v2Date is a date of the body that the model has let pass, zero for none.
func (c *call) v2Date(name string) time.Time {
	if c.body.vals[name] == nil {
		return time.Time{}
	}
	t, _, _ := parsePydantic(c.body.vals[name])
	return t
}

// v2Complaint is what create_dagrun minds, in its order, or "".
func v2Complaint(d *dag, r *run, v Version) string {
	if strings.Contains(r.ID, "..") {
		return "The run_id '" + r.ID + "' must not contain '..' to prevent path traversal"
	}
	if strings.Contains(r.ID, "\x00") {
		return "" // left to the database
	}
	if text := badRunID(r.ID, v); text != "" {
		return text
	}
	if text := reserved(r.ID, v); text != "" && r.Type == "manual" {
		return text
	}
	return checkParams(d.params, r.conf, v)
}

// v2Database is what PostgreSQL refuses, and what the answer cannot hold.
func (c *call) v2Database(r *run) *answer {
	switch {
	case strings.Contains(r.ID+r.Note, "\x00") || depth(r.conf) > v2Nesting:
		return &internalError
	case len([]rune(r.ID)) > maxRunID || len([]rune(r.Note)) > maxNote || unstorable(r.conf) || halved(r.Conf):
		return new(c.rejected(http.StatusUnprocessableEntity, "Value rejected by database"))
	case c.dag().byID[r.ID] != nil || c.dag().onDate(r.LogicalDate) != nil:
		return new(c.rejected(http.StatusConflict, "Unique constraint violation"))
	}
	return nil
}

// rejected does not say which key it was: [api] expose_stacktrace is off.
func (c *call) rejected(status int, reason string) answer {
	c.s.serial++
	return detail(status, obj(
		"reason",
		reason,
		"statement",
		"hidden",
		"orig_error",
		"hidden",
		"message",
		fmt.Sprintf(
			"Serious error when handling your request. Check logs for more details - you will find it in api server when you look for ID %08d",
			c.s.serial,
		),
	))
}

// depth is the nesting of a value.
func depth(v any) (deepest int) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			deepest = max(deepest, depth(item))
		}
	case *object:
		for _, item := range v.vals {
			deepest = max(deepest, depth(item))
		}
	default:
		return 0
	}
	return deepest + 1
}

// unstorable reports what jsonb cannot hold: NUL in a text, and infinity.
func unstorable(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, "\x00")
	case number:
		return strings.HasSuffix(string(v), "Infinity")
	case []any:
		return slices.ContainsFunc(v, unstorable)
	case *object:
		return slices.ContainsFunc(v.keys, func(key string) bool { return unstorable(key) || unstorable(v.vals[key]) })
	}
	return false
}
