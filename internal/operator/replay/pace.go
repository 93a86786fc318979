// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"sync"
	"time"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/trigger"
)

// interval is the time between two tries at a rate.
func interval(rate float64) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / rate)
}

// pacer has tries begin one after the other, never two within its interval:
// a time in which nothing began is not made up for.
type pacer struct {
	every time.Duration

	mu   sync.Mutex
	next time.Time
}

// wait waits for the caller's turn.
func (p *pacer) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	turn := now
	if p.next.After(now) {
		turn = p.next
	}
	p.next = turn.Add(p.every)
	p.mu.Unlock()
	return clock.Sleep(ctx, turn.Sub(now))
}

// trouble records since when a DAG accepts no run, so that many events together wait
// for it no longer than one would.
type trouble struct {
	mu    sync.Mutex
	since map[dag]time.Time
}

type dag struct{ environment, id string }

// pause reports whether another try may help after try number try, counted from
// 0, and how long to wait for it.
func (t *trouble) pause(outcomes []trigger.Outcome, try int, patience time.Duration) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	again := false
	pause := min(firstPause<<min(try, 10), lastPause)
	began := time.Now()
	for _, o := range outcomes {
		if o.Kind != trigger.Deferred {
			continue
		}
		if o.Operator { // waiting does not help
			again = false
			break
		}
		again, pause = true, max(pause, o.RetryAfter)
	}
	for _, o := range outcomes {
		if since := t.note(o); since.Before(began) {
			began = since
		}
	}
	return pause, again && time.Since(began)+pause <= patience
}

// note keeps what an outcome says about its DAG, and gives since when that
// makes no run; now where it does.
func (t *trouble) note(o trigger.Outcome) time.Time {
	key, now := dag{o.Environment, o.DAGID}, time.Now()
	switch {
	case Ran(o.Kind):
		delete(t.since, key)
	case o.Kind == trigger.Deferred:
		if since, known := t.since[key]; known {
			return since
		}
		if t.since == nil {
			t.since = make(map[dag]time.Time)
		}
		t.since[key] = now
	}
	return now
}
