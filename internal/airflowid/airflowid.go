// SPDX-License-Identifier: Apache-2.0

// Package airflowid checks the ids of DAGs and of DAG runs by the rules of
// every Airflow that this module knows. It does no I/O.
package airflowid

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max is the length of a DAG id or run id, in characters: ID_LEN in
// airflow/models/base.py.
const Max = 250

// Error says why an id is invalid, and what to do.
type Error struct{ What, Fix string }

func (e *Error) Error() string { return e.What + ": " + e.Fix }

// CheckDAG refuses what airflow/utils/helpers.py (validate_key) refuses, and
// the two names that mean another place in a path. The error is an [*Error].
func CheckDAG(id string) error {
	fits := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.-", r)
	}
	switch {
	case id == "":
		return &Error{"the DAG id is empty", "name the DAG"}
	case !allFit(id, fits) || id == "." || id == "..":
		return &Error{fmt.Sprintf("no DAG can have the id %.100q", id), "use letters, digits, _ . and - only"}
	case utf8.RuneCountInString(id) > Max:
		return &Error{fmt.Sprintf("the DAG id has more than %d characters", Max), "shorten it"}
	}
	return nil
}

// CheckRun refuses what any Airflow does not take or cannot give back:
// [scheduler] allowed_run_id_pattern by default (from 2.6.3), ".." (from 3.2),
// the column's length. The error is an [*Error].
func CheckRun(id string) error {
	fits := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.~:+-", r))
	}
	switch {
	case id == "":
		return &Error{"the run id is empty", "name the run, so that asking twice makes one run"}
	case !allFit(id, fits) || strings.Contains(id, ".."):
		return &Error{fmt.Sprintf("Airflow takes no run id %.100q", id), "use A-Z a-z 0-9 _ . ~ : + and - only, without .."}
	case len(id) > Max:
		return &Error{fmt.Sprintf("the run id has more than %d characters", Max), "shorten it"}
	}
	return nil
}

// CheckNewRun refuses what CheckRun does, and the ids that begin like those of
// Airflow's own runs. manual__ is allowed, as it is by Airflow.
func CheckNewRun(id string) error {
	if err := CheckRun(id); err != nil {
		return err
	}
	for _, prefix := range reserved {
		if strings.HasPrefix(id, prefix) {
			return &Error{fmt.Sprintf("the run id %.100q begins as Airflow's own runs do", id), "let it begin otherwise"}
		}
	}
	return nil
}

// reserved are beginnings that Airflow keeps for its own runs
// (airflow/utils/types.py, DagRunType.from_run_id). The scheduler of 1.10
// never looks at a run whose id begins with backfill_ (airflow/models/dagrun.py).
var reserved = []string{
	"scheduled__", "backfill_", "dataset_triggered__", "asset_triggered__",
	"asset_materialization__", "operator_triggered__",
}

func allFit(s string, fits func(rune) bool) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !fits(r) })
}
