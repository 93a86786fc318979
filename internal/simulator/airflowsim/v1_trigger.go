// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"net/http"
	"strings"
	"time"
)

// maxNote is the length of DagRunNote.content.
const maxNote = 1000

// v1Trigger is post_dag_run of airflow/api_connexion/endpoints/dag_run_endpoint.py:
// the DAG first, then the body's own sense, then the clash, and only then
// what DAG.create_dagrun minds.
func v1Trigger(c *call) answer {
	dagID := c.vars["dag_id"]
	d := c.dag()
	switch {
	case d == nil || d.spec.Stale:
		return v1Problem(http.StatusNotFound, "DAG not found", "DAG with dag_id: '"+dagID+"' not found")
	case d.spec.ImportError != "":
		return v1Problem(http.StatusBadRequest, "DAG cannot be triggered", "DAG with dag_id: '"+dagID+"' has import errors")
	}
	r, date, refusal := c.v1Load()
	if refusal != nil {
		return *refusal
	}
	if strings.Contains(r.ID, "\x00") {
		return ooops(Airflow211) // the database driver takes no NUL
	}
	if found, _ := d.clash(r.ID, date); found != nil {
		text := "DAGRun with DAG ID: '" + dagID + "' and DAGRun ID: '" + r.ID + "' already exists"
		if found == d.onDate(date) {
			text = "DAGRun with DAG ID: '" + dagID + "' and DAGRun logical date: '" + isoformat(date, " ") + "' already exists"
		}
		return v1Problem(http.StatusConflict, "Conflict", text)
	}
	if text := reserved(r.ID, Airflow211); text != "" {
		return badRequest(text)
	}
	if badRunID(r.ID, Airflow211) != "" {
		return ooops(Airflow211) // AirflowException, which the endpoint does not catch
	}
	if text := checkParams(d.params, r.conf, Airflow211); text != "" {
		return badRequest(text)
	}
	if strings.Contains(r.Note, "\x00") {
		return ooops(Airflow211)
	}
	c.s.insert(d, r, c.s.waitsFor(date))
	return v1JSON(c.v1Created(r, date))
}

// v1Load is DAGRunSchema.load: what the body leaves out is made up, the run
// id from the date in the zone that it was given in.
func (c *call) v1Load() (*run, time.Time, *answer) {
	given, executed := c.body.vals["logical_date"], c.body.vals["execution_date"]
	stated := c.body.has("logical_date")
	switch {
	case stated && c.body.has("execution_date") && given != executed:
		return nil, time.Time{}, new(
			v1Problem(http.StatusBadRequest, "logical_date conflicts with execution_date", repr(given)+" != "+repr(executed)),
		)
	case !stated && c.body.has("execution_date"):
		given, stated = executed, true
	}
	id, named := c.body.vals["dag_run_id"].(string)
	if stated && given == nil && !c.body.has("dag_run_id") {
		return nil, time.Time{}, new(v1Problem(http.StatusBadRequest, "Incorrect datetime argument",
			"argument 'input': 'NoneType' object cannot be cast as 'str'"))
	}
	if refusal := c.v1Complaints(stated && given == nil); refusal != nil {
		return nil, time.Time{}, refusal
	}
	date := c.now
	if stated {
		date = v1Date(given)
	}
	if !named || id == "" {
		id = "manual__" + isoformat(date, "T")
	}
	conf, _ := c.body.vals["conf"].(*object)
	if conf == nil {
		conf = obj()
	}
	note, _ := c.body.vals["note"].(string)
	r := &run{conf: conf, user: c.user.Name, dataInterval: [2]time.Time{date, date},
		Run: Run{DAG: c.vars["dag_id"], ID: id, Conf: rawConf(c.text), Type: "manual", Note: note, LogicalDate: date, Created: c.now}}
	if begin, end := v1Date(c.body.vals["data_interval_start"]), v1Date(c.body.vals["data_interval_end"]); !begin.IsZero() {
		r.dataInterval = [2]time.Time{begin, end}
	}
	return r, date, nil
}

// v1Complaints is what marshmallow refuses; the interval counts only where nothing else is wrong.
func (c *call) v1Complaints(dateless bool) *answer {
	var m marshmallow
	m.null(c.body, "dag_run_id")
	m.longer(c.body, "dag_run_id", maxRunID)
	if dateless {
		m.refuse("logical_date", "Field may not be null.")
	}
	m.longer(c.body, "note", maxNote)
	m.unknown(c.body, runFields)
	if refusal := m.refusal(); refusal != nil {
		return refusal
	}
	if (c.body.vals["data_interval_start"] == nil) != (c.body.vals["data_interval_end"] == nil) {
		m.refuse("_schema", "Both 'data_interval_start' and 'data_interval_end' must be specified together")
	}
	return m.refusal()
}

// v1Created is the new run, its dates still in the zones that they were given in.
func (c *call) v1Created(r *run, date time.Time) *object {
	answer := c.v1Run(r)
	answer.set("execution_date", iso(date))
	answer.set("logical_date", iso(date))
	answer.set("data_interval_start", iso(r.dataInterval[0]))
	answer.set("data_interval_end", iso(r.dataInterval[1]))
	return answer
}
