// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

// What differs from one Airflow to the next, and means nothing to a client.
var (
	// thisYear are the moments of the test itself; a scenario's days are long ago.
	thisYear = regexp.MustCompile(`20(2[5-9]|[3-9]\d)-\d\d-\d\d([T +])\d\d:\d\d:\d\d(\.\d+)?`)
	errorID  = regexp.MustCompile(`look for ID \w+`)
	assetID  = regexp.MustCompile(`asset with ID: \d+`)
	uuid     = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// incidental are the members whose values are this machine's, count what other
// scenarios made, or describe the DAGs of an asset, which the embedded Airflow
// does not know.
var incidental = []string{
	"id", "import_error_id", "total_entries", "duration", "access_token", "git_version", "last_asset_event",
	"fileloc", "file_token", "relative_fileloc", "filename", "stack_trace", "last_parse_duration",
	"hostname", "asset_id", "dataset_id", "scheduled_dags", "producing_tasks", "consuming_tasks",
}

// normal is an answer's text as any Airflow of the version would give it.
func (p *play) normal(text []byte) string {
	if v, ok := readJSON(text); ok {
		return written(p.value(v), " ")
	}
	return p.plain(string(text))
}

// longest is how many bytes of a text are shown; of a longer one, how many there are.
const longest = 400

func (p *play) plain(text string) string {
	if len(text) > longest && strings.Count(text, text[:1]) == len(text) {
		return fmt.Sprintf("<%d times %s>", len(text), text[:1])
	}
	if uuid.MatchString(text) {
		return "<uuid>"
	}
	text = thisYear.ReplaceAllString(text, "<now>$2")
	text = errorID.ReplaceAllString(text, "look for ID <id>")
	text = assetID.ReplaceAllString(text, "asset with ID: <id>")
	return strings.ReplaceAll(text, p.release, "<release>")
}

func (p *play) value(v any) any {
	switch v := v.(type) {
	case string:
		return p.plain(v)
	case json.Number:
		if len(v) > longest {
			return p.plain(v.String())
		}
	case []any:
		v = slices.DeleteFunc(v, p.foreign)
		for i := range v {
			v[i] = p.value(v[i])
		}
		return v
	case map[string]any:
		if v["type"] == "json_invalid" {
			v["ctx"] = "<the words of Python's decoder>"
		}
		for name, member := range v {
			if slices.Contains(incidental, name) && member != nil {
				v[name] = "<" + name + ">"
			} else {
				v[name] = p.value(member)
			}
		}
	}
	return v
}

// foreign tells another scenario's run, or its asset event, in a list, and
// where one run is awaited, each other run.
func (p *play) foreign(v any) bool {
	run, _ := v.(map[string]any)
	id, isRun := run["dag_run_id"].(string)
	if !isRun {
		id, isRun = run["run_id"].(string)
	}
	if extra, ok := run["extra"].(map[string]any); ok && !isRun {
		id, isRun = extra[airflow.EventIDKey].(string)
		_, isEvent := run["source_map_index"]
		isRun = isRun || isEvent
	}
	if p.awaited != "" {
		return isRun && id != p.awaited
	}
	return isRun && !strings.HasPrefix(id, p.name(""))
}

// written is a value as JSON, its keys in order and its numbers as they stand.
func written(v any, indent string) string {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(out.String())
}

// canonicalJSON is JSON on one line.
func canonicalJSON(text []byte) string {
	if v, ok := readJSON(text); ok {
		return written(v, "")
	}
	return string(text)
}

// readJSON reads one JSON value, its numbers as they stand.
func readJSON(text []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	err := dec.Decode(&v)
	return v, err == nil && !dec.More()
}

func TestNormalizedAnswers(t *testing.T) {
	t.Parallel()
	p := &play{number: 7, target: &target{release: "2.11.2"}}
	for _, row := range []struct{ name, text, want string }{
		{"a moment of the test", `"2026-11-22T03:05:53.584369+00:00"`, `"<now>T+00:00"`},
		{"a moment in Z", `"2026-11-22T03:05:53Z"`, `"<now>TZ"`},
		{"a day of the scenario", `"2000-01-08T10:00:00.123456Z"`, `"2000-01-08T10:00:00.123456Z"`},
		{"an id in a text", `"you will find it when you look for ID a1B2c3D4"`, `"you will find it when you look for ID <id>"`},
		{"a release", `"docs/2.11.2/page"`, `"docs/<release>/page"`},
		{"an id", `{"id":12,"state":"queued"}`, `{"id":"<id>","state":"queued"}`},
		{"an id that is null", `{"id":null}`, `{"id":null}`},
		{"a number as it stands", `{"conf":{"n":12345678901234567890}}`, `{"conf":{"n":12345678901234567890}}`},
		{"another scenario's runs go", `[{"run_id":"s007-a"},{"run_id":"s008-a"}]`, `[{"run_id":"s007-a"}]`},
	} {
		if got := canonicalJSON([]byte(p.normal([]byte(row.text)))); got != canonicalJSON([]byte(row.want)) {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}
