// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/trigger"
)

// lines are the lines of a log, less their time.
func lines(t *testing.T, log *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for dec := json.NewDecoder(log); ; {
		var line map[string]any
		if err := dec.Decode(&line); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		delete(line, "time")
		all = append(all, line)
	}
}

func TestEveryOutcomeIsOneLogLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo))
		ev := event.Event{ID: "1", Source: "//storage", Type: "finalized", Subject: "objects/a", Time: time.Now().Add(-90 * time.Second)}
		o := trigger.Outcome{EventID: "1", Route: "r", Environment: "prod", DAGID: "load", RunID: "id", Kind: trigger.Triggered,
			Reason: "created"}
		r.Outcome(t.Context(), &ev, &o, 2*time.Second)
		want := []map[string]any{{
			"severity": "INFO", "message": "event triggered", "outcome": "triggered", "route": "r", "environment": "prod",
			"dag_id": "load", "dag_run_id": "id", "cause": "", "reason": "created",
			"event_id": "1", "event_source": "//storage", "event_type": "finalized", "event_subject": "objects/a",
			"age_seconds": 90.0, "duration_seconds": 2.0, "count": 1.0,
		}}
		if diff := cmp.Diff(want, lines(t, &log)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestLogLevelOfEachOutcome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		outcome trigger.Outcome
		want    string
	}{
		{trigger.Outcome{Kind: trigger.Triggered}, "INFO"},
		{trigger.Outcome{Kind: trigger.Deferred}, "WARNING"},
		{trigger.Outcome{Kind: trigger.Deferred, Operator: true}, "ERROR"},
		{trigger.Outcome{Kind: trigger.DeadLettered, Operator: true}, "ERROR"},
	}
	for _, tt := range tests {
		var log bytes.Buffer
		trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo)).Outcome(t.Context(), &event.Event{}, &tt.outcome, 0)
		line := lines(t, &log)[0]
		if line["severity"] != tt.want || line["age_seconds"] != 0.0 {
			t.Errorf("%+v: %v, want %s at the age 0", tt.outcome, line, tt.want)
		}
	}
}

func TestUnmatchedEventsAreLoggedOnceASecondUnlessAskedFor(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level][]any{
		slog.LevelInfo:  {nil, 9.0},
		slog.LevelDebug: {nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			r := trigger.NewReporter(cloudlog.New(&log, level))
			for i := range 11 {
				if i == 10 {
					time.Sleep(time.Second) //nolint:forbidigo // the clock of the bubble
				}
				r.Outcome(t.Context(), &event.Event{}, &trigger.Outcome{Kind: trigger.Unmatched}, 0)
			}
			var got []any
			for _, line := range lines(t, &log) {
				got = append(got, line["left_out"])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v: left out (-want +got):\n%s", level, diff)
			}
		})
	}
}
