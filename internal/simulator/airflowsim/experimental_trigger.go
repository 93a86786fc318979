// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// wish is the body of an experimental trigger, read as Python reads it.
type wish struct {
	runID               string
	conf                *object
	date                time.Time
	given               bool // execution_date was there
	replaceMicroseconds bool
	// What Airflow only trips over once the DAG is found: a run id that is no
	// text, and, after the look for a duplicate, a conf that 1.10 cannot read.
	oddRunID, oddConf bool
}

// experimentalTrigger is trigger_dag of endpoints.py and of
// airflow/api/common/experimental/trigger_dag.py (1.10), api/common/trigger_dag.py (2.x).
func experimentalTrigger(c *call) answer {
	w, refusal := c.wish()
	if refusal != nil {
		return *refusal
	}
	if text, missing := c.noDAG(); missing {
		return c.s.experimentalError(http.StatusNotFound, text)
	}
	d := c.dag()
	date := w.date
	if !w.given {
		date = c.now
	}
	if w.replaceMicroseconds {
		date = date.Truncate(time.Second)
	}
	if date.Before(d.spec.StartDate) {
		return ooops(c.s.config.Version) // ValueError
	}
	if w.runID == "" {
		w.runID = "manual__" + isoformat(date, "T")
	}
	if refusal := c.experimentalRefusal(d, w, date); refusal != nil {
		return *refusal
	}
	r := &run{
		conf: w.conf,
		Run:  Run{DAG: d.spec.ID, ID: w.runID, Conf: rawConf(c.text), Type: typeOf(w.runID), LogicalDate: date, Created: c.now},
	}
	r.dataInterval = [2]time.Time{date, date}
	c.s.insert(d, r, c.s.waitsFor(date))
	return c.s.jsonify(http.StatusOK, obj("message", c.s.created(r, date, w.given), "execution_date", isoformat(date, "T"), "run_id", r.ID))
}

// wish reads the body: any Content-Type, and anything in which Python finds no
// key, such as [] or a text, is an empty one.
func (c *call) wish() (wish, *answer) {
	v := c.s.config.Version
	w := wish{conf: obj()}
	if nesting(c.text) > pythonNesting {
		return w, new(ooops(v)) // RecursionError
	}
	body, ok := parsePython(c.text)
	if !ok {
		const sorry = "The browser (or proxy) sent a request that this server could not understand."
		if v == Airflow110 {
			return w, new(werkzeug(http.StatusBadRequest, sorry))
		}
		return w, new(werkzeug2(http.StatusBadRequest, sorry))
	}
	switch body := body.(type) {
	case *object:
		return c.wishOf(body)
	case []any, string:
		for _, name := range []string{"run_id", "conf", "execution_date", "replace_microseconds"} {
			if contains(body, name) {
				return w, new(ooops(v)) // TypeError: data[name]
			}
		}
		w.replaceMicroseconds = true
		return w, nil
	}
	return w, new(ooops(v)) // TypeError: not iterable
}

// contains is Python's: name in v.
func contains(v any, name string) bool {
	if text, ok := v.(string); ok {
		return strings.Contains(text, name)
	}
	for _, item := range v.([]any) {
		if item == name {
			return true
		}
	}
	return false
}

func (c *call) wishOf(body *object) (wish, *answer) {
	w := wish{conf: obj()}
	v := c.s.config.Version
	if conf, ok := body.vals["conf"].(*object); ok {
		w.conf = conf
	} else if body.has("conf") && v == Airflow211 {
		return w, new(c.s.experimentalError(http.StatusBadRequest, "Dag Run conf must be a dictionary object, other types are not supported"))
	} else if w.conf, ok = oldConf(body.vals["conf"]); !ok {
		w.oddConf = true
	}
	if date := body.vals["execution_date"]; date != nil {
		text, ok := date.(string)
		if !ok {
			return w, new(ooops(v)) // TypeError
		}
		if w.date, ok = parseLoose(text); !ok {
			return w, new(c.noDate(text))
		}
		w.given = true
	}
	w.replaceMicroseconds = !w.given
	if body.has("replace_microseconds") {
		// to_boolean of airflow/utils/strings.py is x.lower() in a list; 2.x takes None.
		text, ok := body.vals["replace_microseconds"].(string)
		if !ok && (v == Airflow110 || body.vals["replace_microseconds"] != nil) {
			return w, new(ooops(v)) // AttributeError: no lower()
		}
		w.replaceMicroseconds = contains([]any{"true", "t", "yes", "y", "1"}, strings.ToLower(text))
	}
	runID, isText := body.vals["run_id"].(string)
	w.runID, w.oddRunID = runID, !isText && body.vals["run_id"] != nil
	return w, nil
}

// oldConf is 1.10's: what Python holds for nothing is none; a text is JSON,
// of any type, which is kept and never returned.
func oldConf(v any) (*object, bool) {
	switch v := v.(type) {
	case nil:
		return obj(), true
	case string:
		if v == "" {
			return obj(), true
		}
		if nesting([]byte(v)) > pythonNesting {
			return obj(), false
		}
		inner, syntax := parse([]byte(v))
		if conf, ok := inner.(*object); ok {
			return conf, true
		}
		return obj(), syntax == nil
	case []any:
		return obj(), len(v) == 0
	case bool:
		return obj(), !v
	case number:
		return obj(), exact(v).Sign() == 0
	}
	return nil, false
}

// experimentalRefusal is what keeps a run from being made.
func (c *call) experimentalRefusal(d *dag, w wish, date time.Time) *answer {
	v := c.s.config.Version
	if w.oddRunID || strings.Contains(w.runID, "\x00") {
		return new(ooops(v)) // the database compares text with text, and holds no NUL
	}
	found, both := d.clash(w.runID, date)
	tooLong := len([]rune(w.runID)) > maxRunID
	if v == Airflow110 {
		switch {
		case d.byID[w.runID] != nil:
			return new(c.s.experimentalError(http.StatusBadRequest, "Run id "+w.runID+" already exists for dag id "+d.spec.ID))
		case w.oddConf || found != nil || tooLong:
			return new(ooops(v)) // ValueError, IntegrityError, DataError
		}
		return nil
	}
	switch {
	case both:
		return new(ooops(v)) // MultipleResultsFound
	case found != nil: // it names the id that was asked for, though another run may hold the date
		return new(c.s.experimentalError(http.StatusBadRequest,
			"A DAG Run already exists for DAG "+d.spec.ID+" at "+isoformat(date, " ")+" with run id "+w.runID))
	}
	if text := badRunID(w.runID, v); text != "" {
		return new(c.s.experimentalError(http.StatusInternalServerError, text))
	}
	if text := checkParams(d.params, w.conf, v); text != "" {
		return new(c.s.experimentalError(http.StatusInternalServerError, text))
	}
	if tooLong {
		return new(ooops(v))
	}
	return nil
}

// rawConf is conf byte for byte, nil where the body has none.
func rawConf(body []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return nil
	}
	return fields["conf"]
}
