// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
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
		r := trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo), "")
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
		trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo), "").Outcome(t.Context(), &event.Event{}, &tt.outcome, 0)
		line := lines(t, &log)[0]
		if line["severity"] != tt.want || line["age_seconds"] != 0.0 {
			t.Errorf("%+v: %v, want %s at the age 0", tt.outcome, line, tt.want)
		}
	}
}

// unmatched is an event that the named route missed by a key.
func unmatched(i int, route, key string) (event.Event, trigger.Outcome) {
	id := strconv.Itoa(i)
	ev := event.Event{ID: id, Source: "//storage", Type: "finalized", Subject: "objects/" + id}
	return ev, trigger.Outcome{EventID: id, Kind: trigger.Unmatched, Reason: "no route matched: " + route + ": " + id,
		Missed: trigger.Missed{Route: route, Key: key}}
}

// Each row is what is logged of events that come at times of the test's clock.
func TestUnmatchedEventsOfABurstAreAddedUp(t *testing.T) {
	t.Parallel()
	type kind struct{ route, key string }
	a, b := kind{"a", "object"}, kind{"b", "when"}
	for _, row := range []struct {
		name  string
		level slog.Level
		pause time.Duration
		kinds []kind
		want  []string // count, event id and examples of each line
	}{
		{"one", slog.LevelInfo, 0, []kind{a}, []string{"1 0"}},
		{"two", slog.LevelInfo, 0, []kind{a, a}, []string{"1 0", "1 1"}},
		{"several", slog.LevelInfo, 0, []kind{a, a, a, a, a}, []string{"1 0", "4  1 2 3"}},
		{"of two routes", slog.LevelInfo, 0, []kind{a, a, b, a, b, b}, []string{"1 0", "2  1 3", "3  2 4 5"}},
		{"of one route, by another key", slog.LevelInfo, 0, []kind{a, a, {"a", "when"}, a}, []string{"1 0", "2  1 3", "1 2"}},
		{"far from each other", slog.LevelInfo, time.Second, []kind{a, a, a}, []string{"1 0", "1 1", "1 2"}},
		{"for longer", slog.LevelInfo, 400 * time.Millisecond, []kind{a, a, a, a, a, a}, []string{"1 0", "2  1 2", "2  3 4", "1 5"}},
		{"at DEBUG", slog.LevelDebug, 0, []kind{a, a, b}, []string{"1 0", "1 1", "1 2"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			r := trigger.NewReporter(cloudlog.New(&log, row.level), "")
			for i, k := range row.kinds {
				ev, o := unmatched(i, k.route, k.key)
				r.Outcome(t.Context(), &ev, &o, 0)
				time.Sleep(row.pause) //nolint:forbidigo // the clock of the bubble
			}
			time.Sleep(time.Second) //nolint:forbidigo // the clock of the bubble
			synctest.Wait()
			var got []string
			for _, line := range lines(t, &log) {
				text := fmt.Sprint(line["count"], " ", line["event_id"])
				examples, _ := line["examples"].([]any)
				for _, example := range examples {
					text += fmt.Sprint(" ", example.(map[string]any)["event_id"])
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.name, diff)
			}
		})
	}
}

func TestLineOfSeveralUnmatchedEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo), "")
		since := time.Now().UTC().Format(time.RFC3339)
		for i := range 3 {
			ev, o := unmatched(i, "a", "object")
			o.RunID, o.DAGID = "run", "load"
			r.Outcome(t.Context(), &ev, &o, 0)
		}
		r.Close()
		example := func(id string) any {
			return map[string]any{"event_id": id, "event_source": "//storage", "event_type": "finalized", "event_subject": "objects/" + id}
		}
		want := map[string]any{
			"severity": "INFO", "message": "event unmatched", "outcome": "unmatched", "route": "", "environment": "", "dag_id": "",
			"dag_run_id": "", "cause": "", "reason": "no route matched: a: 1", "event_id": "", "event_source": "", "event_type": "",
			"event_subject": "", "count": 2.0, "since": since, "examples": []any{example("1"), example("2")},
		}
		if diff := cmp.Diff(want, lines(t, &log)[1]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// With many senders at once, and even if the reporter is closed meanwhile,
// the counts are the number of events.
func TestCountsOfTheLogAddUpToTheEvents(t *testing.T) {
	t.Parallel()
	const senders, events = 20, 400
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo), "")
		var group sync.WaitGroup
		for s := range senders {
			group.Go(func() {
				for i := range events {
					ev, o := unmatched(i, fmt.Sprint("r", i*s%300), "object")
					if i%50 == 0 {
						o.Route = "late"
					}
					q := r.Request()
					q.Event(t.Context(), &ev, []trigger.Outcome{o}, time.Now(), nil)
					q.End(t.Context())
					time.Sleep(time.Duration(s) * time.Millisecond) //nolint:forbidigo // the clock of the bubble
					if s == 0 && i == events/2 {
						r.Request()
					}
				}
			})
		}
		time.Sleep(5 * time.Second) //nolint:forbidigo // the clock of the bubble
		r.Close()                   // while events come
		group.Wait()
		sum, most := 0.0, 0
		for _, line := range lines(t, &log) {
			sum += line["count"].(float64)
			examples, _ := line["examples"].([]any)
			most = max(most, len(examples))
		}
		if sum != senders*events || most != 3 {
			t.Errorf("the counts add up to %v of %d events, with up to %d examples, want 3", sum, senders*events, most)
		}
	})
}

// The kinds of a second, and what is kept of each, are bounded.
func TestLinesOfABurstAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo), "")
		for i := range 500 {
			ev, o := unmatched(i, fmt.Sprint("r", i), "object")
			ev.Subject = strings.Repeat("x", 1<<16)
			r.Outcome(t.Context(), &ev, &o, 0)
		}
		r.Close()
		if n := bytes.Count(log.Bytes(), []byte("\n")); n != 1+20+1 || log.Len() > 100<<10 {
			t.Errorf("%d lines of %d bytes, want 22 of less than 100 KB", n, log.Len())
		}
	})
}
