// SPDX-License-Identifier: Apache-2.0

package airflow

import "testing"

func TestAnswerIsReadWithoutItsConf(t *testing.T) {
	t.Parallel()
	const v1 = `{"conf": {"dag_id": "of the conf", "n": [1, {"state": "of the conf"}]}, "dag_id": "load", "dag_run_id": "a\u0062",
		"execution_date": "2026-11-30T09:00:00.5+00:00", "logical_date": "2026-11-30T09:00:00+00:00", "run_type": "manual", "state": "queued",
		"start_date": null, "note": null}`
	for _, row := range []struct{ name, answer string }{
		{"v1", v1},
		{"v2", `{"dag_id":"load","dag_run_id":"r","run_after":"2026-11-30T09:00:00Z","start_date":"2026-11-30T09:00:01Z","note":"of the event"}`},
		{"experimental", `{"execution_date":"2026-11-30T09:00:00+00:00","message":"Created <DagRun load @ x: r, externally triggered: True>",` +
			`"run_id":"r"}`},
		{"NaN, as Python writes it", `{"dag_id":"load","dag_run_id":"r","conf":{"x":NaN,"y":-Infinity}}`},
		{"text that is not UTF-8", "{\"dag_id\":\"load\",\"dag_run_id\":\"r\",\"conf\":{\"x\":\"\xff\"}}"},
		{"a member twice", `{"dag_id":"other","dag_id":"load","dag_run_id":"r"}`},
	} {
		got, err := scanRun([]byte(row.answer))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		var want wireRun
		if err := decode([]byte(row.answer), &want); err != nil {
			t.Fatal(err)
		}
		if got != want || got.DAGID == "" && got.Message == "" {
			t.Errorf("%s: read %+v, want %+v", row.name, got, want)
		}
	}
	for _, answer := range []string{``, `[]`, `null x`, `<html>`, `{"dag_id":"load"`} {
		if run, err := scanRun([]byte(answer)); err == nil {
			t.Errorf("%q was read as %+v", answer, run)
		}
	}
}
