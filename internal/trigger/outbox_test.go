// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pubsub"
	"example.com/dagtrigger/internal/rest"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// outbox answers each publication with err.
type outbox struct {
	err  error
	runs []string
}

func (b *outbox) Publish(_ context.Context, run airflow.Run, route, environment string) error {
	b.runs = append(b.runs, route+" "+environment+" "+run.DAGID+" "+string(run.Conf))
	return b.err
}

func (*outbox) Topic() string { return "projects/acme-data/topics/runs" }

// google is a refusal of Pub/Sub.
func google(status int, fix string) error {
	return &rest.Failure{Doing: "d", Place: "p", Status: status, Fix: fix}
}

func TestOutcomesOfAnOutbox(t *testing.T) {
	t.Parallel()
	held := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name     string
		err      error
		replay   trigger.Replay
		want     trigger.Kind
		status   int
		cause    string
		operator bool
		sent     int
		reason   string
	}{
		{"Pub/Sub has it", nil, trigger.Replay{}, trigger.Published, 200, "", false, 1, "Pub/Sub has the run in projects/acme-data/topics/runs"},
		{"no answer", errors.New("reset"), trigger.Replay{}, trigger.Deferred, 503, "outbox", false, 1, "reset"},
		{"the quota is used up", google(429, ""), trigger.Replay{}, trigger.Deferred, 429, "outbox", false, 1,
			"d in p: 429 Too Many Requests"},
		{"no permission", google(403, "f"), trigger.Replay{}, trigger.Deferred, 503, "outbox", true, 1,
			"d in p: 403 Forbidden; f"},
		{"an invalid message", google(400, "f"), trigger.Replay{}, trigger.Rejected, 422, "outbox", true, 1,
			"d in p: 400 Bad Request; f"},
		{"a message that is too large", &pubsub.TooLargeError{Doing: "d", Place: "p", What: "w", Most: 1, Fix: "f"}, trigger.Replay{},
			trigger.Rejected, 422, "outbox", true, 1, "d in p: w, and a message at most 1; f"},
		{"a look", nil, trigger.Replay{LookOnly: true}, trigger.Rejected, 422, "outbox", true, 0,
			"the environment is an outbox, which does not say whether the run exists: look in its Airflow"},
		{"a replay that must not start what was removed", nil, trigger.Replay{HeldFrom: held}, trigger.Rejected, 422, "removed", true, 0,
			"the environment is an outbox, which does not say whether the run exists, nor whether it has been removed: " +
				"add --start-old to publish it again"},
	}
	for _, tt := range tests {
		b := &outbox{err: tt.err}
		p := &trigger.Pipeline{Outboxes: map[string]trigger.Outbox{"default": b}}
		o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{plan()}}, tt.replay)[0]
		if o.Kind != tt.want || o.Status() != tt.status || o.Cause != tt.cause || o.Operator != tt.operator || o.Reason != tt.reason ||
			len(b.runs) != tt.sent {
			t.Errorf("%s: %+v after %d messages", tt.name, o, len(b.runs))
		}
	}
}

// Nobody says whether the run of a window was there before an event, so that one that is
// late has its own run alone.
func TestLateEventIsPublishedAlone(t *testing.T) {
	t.Parallel()
	const inTime, late = "r default load {}", `r default load {"late":true}`
	for _, tt := range []struct {
		name   string
		after  time.Duration // since the window's end
		ignore bool          // late events start no run
		want   string
	}{
		{"in time", 0, false, inTime},
		{"late", time.Hour, false, late},
		{"the clocks may differ a little", time.Minute - time.Second, false, late},
		{"late, and the route ignores those: the window's run is published, which exists or sees the event", time.Hour, true, inTime},
	} {
		b, one := &outbox{}, window()
		if tt.ignore {
			one.Window.Late = nil
		}
		p := &trigger.Pipeline{
			Outboxes: map[string]trigger.Outbox{"default": b}, Now: func() time.Time { return now.Add(tt.after) }, Compare: true,
		}
		ev := event.Event{ID: "1", Time: now.Add(-time.Minute)}
		o := p.Run(t.Context(), &ev, route.Decision{Plans: []route.Plan{*one}}, trigger.Replay{})[0]
		if o.Kind != trigger.Published || !slices.Equal(b.runs, []string{tt.want}) || (o.WindowRunID != "") != (tt.want == late) {
			t.Errorf("%s: %+v published %q", tt.name, o, b.runs)
		}
	}
}
