// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"example.com/dagtrigger/internal/jsonscan"
)

// wireRun is a run in the fields of all three APIs. A Trigger leaves the
// conf unread: it is what was sent.
type wireRun struct {
	DAGID         string   `json:"dag_id"`
	DAGRunID      string   `json:"dag_run_id"`
	RunID         string   `json:"run_id"` // experimental
	State         string   `json:"state"`
	LogicalDate   wireTime `json:"logical_date"`   // v2, and v1 from 2.2
	ExecutionDate wireTime `json:"execution_date"` // v1 and experimental
	RunAfter      wireTime `json:"run_after"`
	QueuedAt      wireTime `json:"queued_at"` // v2
	StartDate     wireTime `json:"start_date"`
	EndDate       wireTime `json:"end_date"`
	Type          string   `json:"run_type"`
	Note          string   `json:"note"`
	Message       string   `json:"message"` // experimental, in answer to a Trigger
}

// wireRunWithConf is a run in the answer to a question.
type wireRunWithConf struct {
	wireRun
	Conf json.RawMessage `json:"conf"`
}

// wireTime is zero where Airflow gives null, or a value that is not a date.
type wireTime struct{ time.Time }

// UnmarshalJSON never fails: a date that cannot be read tells nothing against the run.
func (t *wireTime) UnmarshalJSON(value []byte) error {
	t.set(value)
	return nil
}

func (t *wireTime) set(value []byte) { t.Time, _ = time.Parse(time.RFC3339, jsonscan.Text(value)) }

func (w *wireRun) run() DAGRun {
	date := w.LogicalDate.Time
	if date.IsZero() {
		date = w.ExecutionDate.Time
	}
	return DAGRun{
		DAGID: w.DAGID, RunID: cmp.Or(w.DAGRunID, w.RunID), State: w.State,
		LogicalDate: date, RunAfter: w.RunAfter.Time, QueuedAt: w.QueuedAt.Time, StartDate: w.StartDate.Time, EndDate: w.EndDate.Time,
		Type: w.Type, Note: w.Note,
	}
}

func (w *wireRunWithConf) run() DAGRun {
	run := w.wireRun.run()
	if conf := string(w.Conf); conf != "null" && conf != "" {
		run.Conf = w.Conf
	}
	return run
}

// readCreated reads the answer to a Trigger. The experimental API does not say
// the DAG id, and before 1.10.10 has the run id in its message only:
// "Created <DagRun load_sales @ 2020-03-01T00:00:00+00:00: my_run, externally triggered: True>".
func readCreated(b *body, api API, asked *Run) (DAGRun, error) {
	text, err := b.all()
	if err != nil {
		return DAGRun{}, err
	}
	answer, err := scanRun(text)
	if err != nil {
		return DAGRun{}, err
	}
	run := answer.run()
	if api == Experimental && strings.HasPrefix(answer.Message, "Created <DagRun "+asked.DAGID+" @ ") {
		run.DAGID = asked.DAGID
		if run.RunID == "" && strings.Contains(answer.Message, ": "+asked.RunID+", ") {
			run.RunID = asked.RunID
		}
	}
	return isRun(run, asked.DAGID, asked.RunID)
}

// scanRun reads the answer to a Trigger in one pass, and skips the conf: it is what
// was sent, and most of the answer. What is not JSON is left to decode, which reads
// Python's NaN.
func scanRun(text []byte) (wireRun, error) {
	var run wireRun
	err := jsonscan.Walk(text, maxDepth, run.set)
	if err == nil && jsonscan.First(text) == '{' {
		return run, nil
	}
	run = wireRun{}
	return run, decode(text, &run)
}

// set sets the field of a member; what has another type than Airflow's is empty.
func (w *wireRun) set(name, value []byte) {
	switch string(name) {
	case "dag_id":
		w.DAGID = jsonscan.Text(value)
	case "dag_run_id":
		w.DAGRunID = jsonscan.Text(value)
	case "run_id":
		w.RunID = jsonscan.Text(value)
	case "state":
		w.State = jsonscan.Text(value)
	case "logical_date":
		w.LogicalDate.set(value)
	case "execution_date":
		w.ExecutionDate.set(value)
	case "run_after":
		w.RunAfter.set(value)
	case "queued_at":
		w.QueuedAt.set(value)
	case "start_date":
		w.StartDate.set(value)
	case "end_date":
		w.EndDate.set(value)
	case "run_type":
		w.Type = jsonscan.Text(value)
	case "note":
		w.Note = jsonscan.Text(value)
	case "message":
		w.Message = jsonscan.Text(value)
	}
}

func readFound(b *body, dagID, runID string) (DAGRun, error) {
	var answer wireRunWithConf
	if err := b.decode(&answer); err != nil {
		return DAGRun{}, err
	}
	return isRun(answer.run(), dagID, runID)
}

func isRun(run DAGRun, dagID, runID string) (DAGRun, error) {
	if run.DAGID != dagID || run.RunID != runID {
		return DAGRun{}, errors.New("it names another run, or none")
	}
	return run, nil
}

// eachListed reads the experimental API's list, which has every run that the
// DAG ever had, one by one. It ends early where use says so.
func eachListed(b *body, use func(DAGRun) (more bool)) error {
	dec := json.NewDecoder(b)
	if begin, err := dec.Token(); err != nil || begin != json.Delim('[') {
		return errors.New("it is no list of runs")
	}
	for dec.More() {
		var listed wireRun
		if err := dec.Decode(&listed); err != nil {
			return errors.New("it is no list of runs")
		}
		if !use(listed.run()) {
			return nil
		}
	}
	if _, err := dec.Token(); err != nil {
		return errors.New("it is no whole list of runs")
	}
	return nil
}
