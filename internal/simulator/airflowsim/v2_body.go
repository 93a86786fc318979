// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"encoding/json"
	"math/big"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// member is a field of a Pydantic model.
type member struct {
	name string
	// kind is str, dict, bool, int, datetime, aware (a datetime with a zone), conf
	// (a dict without reserved keys) or state (of a DAG's scheduling).
	kind     string
	nullable bool
	required bool
}

// triggerModel is TriggerDAGRunPostBody of core_api/datamodels/dag_run.py.
func triggerModel(v Version) []member {
	if v == Airflow34 {
		return slices.Concat(trigger33[:5], trigger34, trigger33[6:],
			[]member{{name: "bundle_version", kind: "str", nullable: true}, {name: "drain_dag", kind: "bool"}})
	}
	return trigger33
}

var trigger34 = []member{{name: "conf", kind: "conf", nullable: true}}

var trigger33 = []member{
	{name: "dag_run_id", kind: "str", nullable: true},
	{name: "data_interval_start", kind: "aware", nullable: true},
	{name: "data_interval_end", kind: "aware", nullable: true},
	{name: "logical_date", kind: "aware", nullable: true, required: true},
	{name: "run_after", kind: "datetime", nullable: true},
	{name: "conf", kind: "dict", nullable: true},
	{name: "note", kind: "str", nullable: true},
	{name: "partition_key", kind: "str", nullable: true},
}

// dagModels are DAGPatchBody of core_api/datamodels/dags.py.
var dagModels = map[Version][]member{
	Airflow33: {{name: "is_paused", kind: "bool", required: true}},
	Airflow34: {{name: "is_paused", kind: "bool", nullable: true}, {name: "scheduling_state", kind: "state", nullable: true}},
}

// assetEventModel is CreateAssetEventsBody.
func assetEventModel(Version) []member {
	return []member{
		{name: "asset_id", kind: "int", required: true},
		{name: "extra", kind: "dict"},
		{name: "partition_key", kind: "str", nullable: true},
	}
}

// unreadable is FastAPI's answer to any exception of json.loads but a syntax error.
var unreadable = detail(http.StatusBadRequest, "There was an error parsing the body")

// fastAPINesting is where Python's json.loads runs out of stack.
const fastAPINesting = 990

// v2Body reads a body as FastAPI does: JSON only where the Content-Type says
// so, and anything else is a text, which is no model.
func v2Body(model []member, need permission, serve func(*call) answer) func(*call) answer {
	return func(c *call) answer {
		var body any
		mediaType, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
		isJSON := mediaType == "application/json" || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
		switch {
		case len(c.text) == 0:
		case !isJSON:
			body = string(c.text)
		case nesting(c.text) > fastAPINesting || !utf8.Valid(c.text):
			return unreadable
		default:
			var syntax *json.SyntaxError
			if body, syntax = parse(c.text); syntax != nil {
				return notJSON(syntax)
			}
			if tooLong(body) {
				return unreadable
			}
		}
		return v2Guard(need, func(c *call) answer {
			faults := c.validate(model, body)
			if need == publish && c.v34() { // its permission check reads the body too (core_api/security.py)
				faults = append(faults, faults...)
			}
			if len(faults) > 0 {
				return detail(http.StatusUnprocessableEntity, faults)
			}
			return serve(c)
		})(c)
	}
}

// notJSON is json_invalid, at Go's offset and with Python's most common message.
func notJSON(syntax *json.SyntaxError) answer {
	fault := invalid("json_invalid", "JSON decode error", obj(), "body", place(syntax))
	fault.set("ctx", obj("error", "Expecting value"))
	return detail(http.StatusUnprocessableEntity, []any{fault})
}

// place is the position that Python reports for a syntax error, in bytes.
func place(syntax *json.SyntaxError) int {
	if strings.HasPrefix(syntax.Error(), "unexpected end") {
		return int(syntax.Offset)
	}
	return max(0, int(syntax.Offset)-1) // Go counts the offending byte
}

// validate checks the body against the model, in the model's order, and
// leaves it in c.body.
func (c *call) validate(model []member, body any) (faults []any) {
	var ok bool
	switch c.body, ok = body.(*object); {
	case body == nil:
		return []any{invalid("missing", "Field required", nil, "body")}
	case !ok:
		return []any{invalid("model_attributes_type", "Input should be a valid dictionary or object to extract fields from", body, "body")}
	}
	for _, m := range model {
		switch v, given := c.body.vals[m.name], c.body.has(m.name); {
		case !given && m.required:
			faults = append(faults, invalid("missing", "Field required", c.body, "body", m.name))
		case !given || v == nil && m.nullable:
		default:
			if fault := m.check(v); fault != nil {
				faults = append(faults, fault)
			}
		}
	}
	for _, key := range c.body.keys { // extra="forbid"
		if !slices.ContainsFunc(model, func(m member) bool { return m.name == key }) {
			faults = append(faults, invalid("extra_forbidden", "Extra inputs are not permitted", c.body.vals[key], "body", key))
		}
	}
	return faults
}

// check is what Pydantic says of a value in its lax mode, nil where it is good.
func (m member) check(v any) *object {
	fault := func(kind, message string) *object { return invalid(kind, message, v, "body", m.name) }
	text, isText := v.(string)
	n, isNumber := v.(number)
	switch m.kind {
	case "str":
		if !isText {
			return fault("string_type", "Input should be a valid string")
		}
	case "dict", "conf":
		if !isType(v, "object") {
			return fault("dict_type", "Input should be a valid dictionary")
		}
		if text := reservedKeys(v, m.name); text != "" && m.kind == "conf" {
			return valueError(text, v, "body", m.name)
		}
	case "state":
		if !slices.Contains([]any{activeState, drainingState, pausedState}, v) {
			f := fault("enum", "Input should be 'active', 'draining' or 'paused'")
			f.set("ctx", obj("expected", "'active', 'draining' or 'paused'"))
			return f
		}
	case "bool":
		switch {
		case isType(v, "boolean") || n == "1" || n == "0",
			slices.Contains(trueWords, strings.ToLower(text)), slices.Contains(falseWords, strings.ToLower(text)):
		case isText:
			return fault("bool_parsing", "Input should be a valid boolean, unable to interpret input")
		default:
			return fault("bool_type", "Input should be a valid boolean")
		}
	case "int":
		switch _, whole := new(big.Int).SetString(text, 10); {
		case isText && !whole:
			return fault("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
		case isNumber && !exact(n).IsInt():
			return fault("int_from_float", "Input should be a valid integer, got a number with a fractional part")
		case !isText && !isNumber:
			return fault("int_type", "Input should be a valid integer")
		}
	default:
		return m.checkDate(v)
	}
	return nil
}

// trueWords and falseWords are what Pydantic takes for a boolean.
var (
	trueWords  = []string{"true", "t", "yes", "y", "on", "1"}
	falseWords = []string{"false", "f", "no", "n", "off", "0"}
)

func (m member) checkDate(v any) *object {
	if isType(v, "boolean") || !isType(v, "string") && !isType(v, "number") {
		return invalid("datetime_type", "Input should be a valid datetime", v, "body", m.name)
	}
	t, zoned, why := parsePydantic(v)
	switch {
	case why != "":
		fault := invalid("datetime_from_date_parsing", "Input should be a valid datetime or date, "+why, v, "body", m.name)
		fault.set("ctx", obj("error", why))
		return fault
	case m.kind == "aware" && !zoned && !t.IsZero():
		return invalid("timezone_aware", "Input should have timezone info", v, "body", m.name)
	}
	return nil
}

// parsePydantic reads a datetime: a number, or a text of one, is seconds of
// the Unix epoch; a text is ISO 8601 with T or a space, or a date alone.
func parsePydantic(v any) (t time.Time, zoned bool, why string) {
	text, isText := v.(string)
	n, isNumber := v.(number)
	if f, _, err := big.ParseFloat(text, 10, 128, big.ToNearestEven); isText && err == nil {
		n, isNumber = number(f.Text('f', -1)), true
	}
	if isNumber {
		micros, _ := new(big.Float).Mul(exact(n), big.NewFloat(1e6)).Int64()
		return time.UnixMicro(micros).UTC(), true, ""
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Truncate(time.Microsecond), true, ""
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Truncate(time.Microsecond), false, ""
		}
	}
	switch {
	case len(text) < len("2006-01-02"):
		return time.Time{}, false, "input is too short"
	case strings.Trim(text[:4], "0123456789") != "":
		return time.Time{}, false, "invalid character in year"
	}
	return time.Time{}, false, "unexpected extra characters at the end of the input"
}
