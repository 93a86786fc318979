// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/dagtrigger/internal/airflowid"
)

// checkDAGID refuses an id that no DAG can have.
func checkDAGID(id string) error { return invalidID(airflowid.CheckDAG(id)) }

// invalidID makes an [*Error] of one of airflowid's.
func invalidID(err error) error {
	if e, ok := errors.AsType[*airflowid.Error](err); ok {
		return beforeSending(Invalid, "", e.What, e.Fix)
	}
	return err
}

// check refuses a run that Airflow would refuse whatever its API is.
func (r *Run) check() error {
	if err := checkDAGID(r.DAGID); err != nil {
		return err
	}
	return checkNewRunID(r.RunID)
}

// checkNewRunID refuses an id that no new run can have.
func checkNewRunID(id string) error { return invalidID(airflowid.CheckNewRun(id)) }

// trigger is the request for a run, in the API's own fields.
func trigger(d server, run *Run) (ask, error) {
	q := ask{api: d.api, method: http.MethodPost, path: runsPath(d.api, run.DAGID), run: run}
	if err := checkPartitionKey(run.PartitionKey, d.api); err != nil {
		return ask{}, err
	}
	if err := checkStorable(d, run.Conf); err != nil {
		return ask{}, err
	}
	if d.api != V2 && !run.RunAfter.IsZero() {
		if !run.LogicalDate.IsZero() {
			return ask{}, beforeSending(Invalid, d.api, "a run cannot wait and have a logical date before Airflow 3", "leave one of the two out")
		}
		waiting := *run
		waiting.LogicalDate = run.RunAfter
		run = &waiting
	}
	switch d.api {
	case V2:
		q.body = bodyV2(run)
	case V1:
		q.body = bodyV1(run, d.version)
	default:
		q.body = bodyExperimental(run)
	}
	if d.api == V1 && len(q.body) > MaxBodyV1 {
		e := beforeSending(TooLarge, V1, fmt.Sprintf("not sent: the request has %d bytes, and v1 takes %d", len(q.body), MaxBodyV1), "")
		e.Hint = hint(e, "", "")
		return ask{}, e
	}
	return q, nil
}

// bodyV2 always has logical_date: the key is required, its value may be null
// (TriggerDAGRunPostBody in airflow/api_fastapi/core_api/datamodels/dag_run.py).
func bodyV2(run *Run) []byte {
	b := openBody(run, `{"dag_run_id":"`)
	if run.LogicalDate.IsZero() {
		b = append(b, `,"logical_date":null`...)
	} else {
		b = appendTime(b, "logical_date", run.LogicalDate)
	}
	if !run.RunAfter.IsZero() {
		b = appendTime(b, "run_after", run.RunAfter)
	}
	if run.PartitionKey != "" {
		b = appendText(b, "partition_key", run.PartitionKey)
	}
	b = appendNote(b, run.Note)
	return append(b, '}')
}

// bodyV1 leaves out what is not asked for: null is not "absent" there, and an
// unknown field is refused (DAGRunSchema in airflow/api_connexion/schemas).
func bodyV1(run *Run, version string) []byte {
	b := openBody(run, `{"dag_run_id":"`)
	if !run.LogicalDate.IsZero() {
		name := "logical_date"
		if version != "" && before(version, "2.2") {
			name = "execution_date"
		}
		b = appendTime(b, name, run.LogicalDate)
	}
	if !before(version, "2.5") {
		b = appendNote(b, run.Note)
	}
	return append(b, '}')
}

// bodyExperimental keeps the microseconds, or else a DAG has one run a second.
// The flag must be a string: the server calls its lower()
// (airflow/utils/strings.py, to_boolean).
func bodyExperimental(run *Run) []byte {
	b := openBody(run, `{"run_id":"`)
	b = append(b, `,"replace_microseconds":"false"`...)
	if !run.LogicalDate.IsZero() {
		b = appendTime(b, "execution_date", run.LogicalDate)
	}
	return append(b, '}')
}

// openBody begins a body with the run's id, which needs no escaping, and its
// conf, byte for byte.
func openBody(run *Run, begin string) []byte {
	const rest = 160 // fits every further field but a note
	b := make([]byte, 0, len(begin)+len(run.RunID)+len(run.Conf)+len(run.Note)+rest)
	b = append(b, begin...)
	b = append(b, run.RunID...)
	b = append(b, `","conf":`...)
	if len(run.Conf) == 0 {
		return append(b, "{}"...)
	}
	return append(b, run.Conf...)
}

// microseconds is the format of a date, as fine as Airflow stores one.
const microseconds = "2006-01-02T15:04:05.000000Z07:00"

func appendTime(b []byte, name string, t time.Time) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":"`...)
	b = t.UTC().AppendFormat(b, microseconds)
	return append(b, '"')
}

// appendNote cuts the note at MaxNote characters, and drops NUL, which
// PostgreSQL does not store.
func appendNote(b []byte, note string) []byte {
	if note == "" {
		return b
	}
	b = append(b, `,"note":"`...)
	length := 0
	for _, r := range note {
		if r == 0 {
			continue
		}
		if length++; length > MaxNote {
			break
		}
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// runsPath is where a DAG's runs are, below the web server's root.
func runsPath(api API, dagID string) string {
	if api == Experimental {
		return dagPath(api, dagID) + "/dag_runs"
	}
	return dagPath(api, dagID) + "/dagRuns"
}

func dagPath(api API, dagID string) string {
	return "/api/" + string(api) + "/dags/" + segment(dagID)
}

// segment escapes an id for a path. PathEscape leaves + and : alone, which
// some proxies rewrite; no id holds the blank that QueryEscape makes a +.
func segment(id string) string { return url.QueryEscape(id) }

// before reports whether an Airflow version, such as 2.10.5, is older than
// another. One that cannot be read counts as older.
func before(version, other string) bool {
	a, b := numbers(version), numbers(other)
	return slices.Compare(a[:], b[:]) < 0
}

// numbers are those that a version begins with, 0 for what it leaves out.
func numbers(version string) (parts [3]int) {
	for i := range parts {
		text, rest, _ := strings.Cut(version, ".")
		n, err := strconv.Atoi(text)
		if err != nil {
			break
		}
		parts[i], version = n, rest
	}
	return parts
}
