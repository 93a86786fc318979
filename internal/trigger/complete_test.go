// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"example.com/dagtrigger/internal/complete"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// sets completes every plan, or fails.
type sets struct{ err error }

func (s sets) Complete(_ context.Context, p *route.Plan) (route.Plan, error) {
	completed := *p
	completed.Set, completed.Conf = nil, []byte(`{"files":[]}`)
	return completed, s.err
}

// Each row is what became of a look at the set of a route, and of the event.
func TestCompleteOutcomes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		err      error
		kind     trigger.Kind
		status   int
		cause    string
		operator bool
	}{
		{"complete", nil, trigger.Triggered, 200, "", false},
		{"incomplete", &complete.Error{Kind: complete.Incomplete, Reason: "x"}, trigger.Unmatched, 200, trigger.CauseIncomplete, false},
		{"a failure that passes", &complete.Error{Reason: "x", RetryAfter: time.Second}, trigger.Deferred, 503, trigger.CauseListing, false},
		{"a quota", &complete.Error{Kind: complete.Throttled, Reason: "x"}, trigger.Deferred, 429, trigger.CauseListing, false},
		{"a missing role", &complete.Error{Kind: complete.Permanent, Reason: "x"}, trigger.DeadLettered, 200, trigger.CauseListing, true},
		{"an expression", errors.New("x"), trigger.DeadLettered, 200, trigger.CauseExpression, true},
		{"no time", context.DeadlineExceeded, trigger.Deferred, 503, trigger.CauseNoTime, false},
	} {
		waiting := plan()
		waiting.Set, waiting.Conf = &route.Set{}, nil
		fake := &scripted{t: t, script: []step{post(nil)}}
		store := &shelf{}
		p := &trigger.Pipeline{
			Airflows: map[string]trigger.Airflow{"default": fake}, Sets: sets{row.err}, DeadLetters: store, Now: func() time.Time { return now },
		}
		o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{waiting}}, trigger.Replay{})[0]
		if o.Kind != row.kind || o.Status() != row.status || o.Cause != row.cause || o.Operator != row.operator {
			t.Errorf("%s: came to %+v", row.name, o)
		}
		started := len(fake.runs) == 1 && string(fake.runs[0].Conf) == `{"files":[]}` && fake.runs[0].RunID == o.RunID
		if started != (row.err == nil) || len(fake.runs) > 1 {
			t.Errorf("%s: asked for %+v", row.name, fake.runs)
		}
		if o.Route != "default" || o.DAGID != "load" || o.RunID == "" {
			t.Errorf("%s: the outcome does not say of what: %+v", row.name, o)
		}
	}
}

// With again: changed the run id is not known before the listing.
func TestIncompleteSetWithAgainChangedHasNoRunID(t *testing.T) {
	t.Parallel()
	waiting := plan()
	waiting.Set = &route.Set{ByContent: true}
	p := &trigger.Pipeline{Sets: sets{&complete.Error{Kind: complete.Incomplete}}}
	o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{waiting}}, trigger.Replay{})[0]
	if o.Kind != trigger.Unmatched || o.RunID != "" {
		t.Errorf("got %+v", o)
	}
}
