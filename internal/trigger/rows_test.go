// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/trigger"
)

// many are outcomes of so many routes, in turn.
func many(n, routes int) []trigger.Outcome {
	all := make([]trigger.Outcome, n)
	for i := range all {
		all[i] = trigger.Outcome{Kind: trigger.Deferred, Route: fmt.Sprintf("r%d", i%routes), Reason: "busy"}
	}
	all[n-1] = trigger.Outcome{Kind: trigger.Rejected, Route: "last", Operator: true}
	return all
}

func TestRowsOverTheLimitAreAggregated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n, routes int
		want      string // of the rows after the first 100
	}{
		{100, 1, "[]"},
		{1001, 2, "[deferred r0 450 deferred r1 450 rejected last 1]"},
	} {
		rows := trigger.Rows(many(tt.n, tt.routes))
		var got []string
		for _, row := range rows[100:] {
			got = append(got, fmt.Sprint(row.Kind, " ", row.Route, " ", row.Count))
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%d outcomes of %d routes: %v, want %s", tt.n, tt.routes, got, tt.want)
		}
	}
}

// Metrics and alerts count by cause and environment, so that a row never mixes them.
func TestRowsKeepCausesAndEnvironmentsApart(t *testing.T) {
	t.Parallel()
	all := many(140, 1)[:139]
	for i, cause := range []string{"throttled", "forbidden", "throttled"} {
		all = append(all, trigger.Outcome{Kind: trigger.Deferred, Route: "late", Environment: "prod", Cause: cause, Operator: i == 1})
	}
	var got []string
	for _, row := range trigger.Rows(all)[100:] {
		got = append(got, fmt.Sprint(row.Route, " ", row.Environment, " ", row.Cause, " ", row.Count, " ", row.Operator))
	}
	const want = "[r0   39 false late prod throttled 2 false late prod forbidden 1 true]"
	if fmt.Sprint(got) != want {
		t.Errorf("rows are %v, want %s", got, want)
	}
}

func TestRowsOfManyRoutesAreBounded(t *testing.T) {
	t.Parallel()
	rows, counted := trigger.Rows(many(10_000, 5000)), 0
	for _, row := range rows {
		counted += max(row.Count, 1)
	}
	if last := rows[len(rows)-1]; len(rows) != 122 || counted != 10_000 || last.Kind != trigger.Rejected || last.Route != "" {
		t.Errorf("%d rows count %d, the last is %+v", len(rows), counted, last)
	}
}

func TestLogLinesOverTheLimitAreAggregated(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	report := trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo), "").Request()
	for _, o := range many(1001, 2) {
		report.Event(t.Context(), &event.Event{ID: "1"}, []trigger.Outcome{o}, time.Now(), nil)
	}
	report.End(t.Context())
	all := lines(t, &log)
	var got []string
	for _, line := range all[100:] {
		got = append(got, fmt.Sprint(line["severity"], line["outcome"], line["route"], line["count"]))
	}
	const want = "WARNINGdeferredr0450 WARNINGdeferredr1450 ERRORrejectedlast1"
	if strings.Join(got, " ") != want {
		t.Errorf("lines are %v, want %s", got, want)
	}
	if first := all[0]; first["count"] != 1.0 || first["age_seconds"] == nil {
		t.Errorf("the line of one outcome has the count %v and the age %v", first["count"], first["age_seconds"])
	}
	if sum := all[100]; sum["age_seconds"] != nil || sum["duration_seconds"] != nil {
		t.Errorf("the line of several has the age %v and the duration %v", sum["age_seconds"], sum["duration_seconds"])
	}
}
