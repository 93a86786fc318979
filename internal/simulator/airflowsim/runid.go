// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"regexp"
	"strings"
)

const (
	// maxRunID is ID_LEN of airflow/models/base.py, in characters.
	maxRunID = 250
	// pythonNesting is where json.dumps, the schema check or pickle of 1.10 and
	// 2.11 run out of stack: between 400, which passes, and 500.
	pythonNesting = 450
)

// configuredPattern is [scheduler] allowed_run_id_pattern by default.
const configuredPattern = `^[A-Za-z0-9_.~:+-]+$`

func builtInPattern(types string) string {
	return `^(?:` + types + `)__(?:\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00)$`
}

// runIDPattern takes no empty id. The built-in pattern allows nothing that
// the configured one does not.
var runIDPattern = regexp.MustCompile(configuredPattern)

// badRunID is what DAG.create_dagrun says of an id that no pattern allows, or "".
// 3.x matches with re, whose $ lets a newline pass at the end; 2.x with RE2.
func badRunID(id string, v Version) string {
	if v.ServesV2() {
		if runIDPattern.MatchString(strings.TrimSuffix(id, "\n")) {
			return ""
		}
		return "The run_id provided '" + id + "' does not match regex pattern '" + configuredPattern +
			"' or '" + builtInPattern("manual|scheduled|asset_triggered") + "'"
	}
	if runIDPattern.MatchString(id) {
		return ""
	}
	return "The provided run ID '" + id + "' is invalid. It does not match either the configured pattern: '" + configuredPattern +
		"' or the built-in pattern: '" + builtInPattern("manual|scheduled|dataset_triggered") + "'"
}

// typeOf is DagRunType.from_run_id for the ids that v1 and the experimental API meet.
func typeOf(id string) string { return typeIn(id, "backfill", "scheduled", "dataset_triggered") }

func typeIn(id string, types ...string) string {
	for _, name := range types {
		if strings.HasPrefix(id, name+"__") {
			return name
		}
	}
	return "manual"
}

// reserved is what v1 and v2 say of an id with the prefix of another type of run, or "".
func reserved(id string, v Version) string {
	inferred := typeOf(id)
	if v.ServesV2() {
		inferred = typeIn(id, "backfill", "scheduled", "operator_triggered", "asset_triggered", "asset_materialization")
	}
	if inferred == "manual" {
		return ""
	}
	return "A manual DAG run cannot use ID " + reprString(id) + " since it is reserved for " + inferred + " runs"
}
