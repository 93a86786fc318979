// SPDX-License-Identifier: Apache-2.0

package airflowid_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflowid"
)

func TestIDs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", airflowid.Max)
	const characters = "use A-Z a-z 0-9 _ . ~ : + and - only, without .."
	for _, row := range []struct {
		name  string
		check func(string) error
		id    string
		want  string
	}{
		{"a DAG", airflowid.CheckDAG, "team.lädt-1", ""},
		{"no DAG", airflowid.CheckDAG, "", "the DAG id is empty: name the DAG"},
		{"a folder", airflowid.CheckDAG, "..", `no DAG can have the id "..": use letters, digits, _ . and - only`},
		{"a path", airflowid.CheckDAG, "a/b", `no DAG can have the id "a/b": use letters, digits, _ . and - only`},
		{"a long DAG", airflowid.CheckDAG, long, ""},
		{"a DAG too long", airflowid.CheckDAG, long + "x", "the DAG id has more than 250 characters: shorten it"},

		{"a run", airflowid.CheckNewRun, "order-7_8.9~10:11+12", ""},
		{"a manual run", airflowid.CheckNewRun, "manual__2026-11-30T00:00:00+00:00", ""},
		{"an empty run id", airflowid.CheckNewRun, "", "the run id is empty: name the run, so that asking twice makes one run"},
		{"a slash", airflowid.CheckNewRun, "a/b", `Airflow takes no run id "a/b": ` + characters},
		{"an accent", airflowid.CheckNewRun, "é", `Airflow takes no run id "é": ` + characters},
		{"two dots", airflowid.CheckNewRun, "a..b", `Airflow takes no run id "a..b": ` + characters},
		{"a line break", airflowid.CheckNewRun, "a\n", `Airflow takes no run id "a\n": ` + characters},
		{"a long run id", airflowid.CheckNewRun, long, ""},
		{"a run id too long", airflowid.CheckNewRun, long + "x", "the run id has more than 250 characters: shorten it"},
		{
			"a scheduled run", airflowid.CheckNewRun, "scheduled__x",
			`the run id "scheduled__x" begins as Airflow's own runs do: let it begin otherwise`,
		},
		{
			"a backfill of 1.10", airflowid.CheckNewRun, "backfill_x",
			`the run id "backfill_x" begins as Airflow's own runs do: let it begin otherwise`,
		},
		{"a scheduled run that exists", airflowid.CheckRun, "scheduled__x", ""},
	} {
		got := ""
		if err := row.check(row.id); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}
