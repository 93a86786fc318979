// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

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
	report := trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo)).Request()
	for _, o := range many(1001, 2) {
		report.Outcome(t.Context(), &event.Event{ID: "1"}, &o, 0)
	}
	report.End(t.Context())
	all := lines(t, &log)
	var got []string
	for _, line := range all[100:] {
		got = append(got, fmt.Sprint(line["severity"], line["outcome"], line["route"], line["count"]))
	}
	const want = "WARNINGdeferredr0450 WARNINGdeferredr1450 ERRORrejectedlast1"
	if strings.Join(got, " ") != want || all[0]["count"] != nil {
		t.Errorf("lines are %v, want %s", got, want)
	}
}
