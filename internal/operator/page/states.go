// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"sync"
	"time"
)

// The bounds on the reading of states: at most stateRequests at once, then a pause of
// statePause, for events of the last stateAge.
const (
	stateRequests = 8
	statePause    = 500 * time.Millisecond
	stateTime     = 10 * time.Second
	stateAge      = 24 * time.Hour
)

// State reads the state of a run from Airflow.
type State func(ctx context.Context, environment, dagID, runID string) (string, error)

// read is a run whose state is read.
type read struct {
	number, outcome int
	Outcome
}

// follow reads the states of runs that have not ended, until ctx ends. It reads only
// while somebody looks at the page.
func (p *Page) follow(ctx context.Context) {
	ticker := time.NewTicker(statePause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if p.streams.Load() > 0 {
			p.readStates(ctx)
		}
	}
}

// readStates reads the states that are due.
func (p *Page) readStates(ctx context.Context) {
	var group sync.WaitGroup
	for _, due := range p.recorder.due(stateRequests) {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, stateTime)
			defer cancel()
			// An error is Airflow's: the state stays unknown, and is read again later.
			if state, err := p.state(ctx, due.Environment, due.DAGID, due.RunID); err == nil {
				p.recorder.setState(due, state)
			}
		})
	}
	group.Wait()
}

// due are at most n runs whose states are to be read, the newest events first.
func (r *Recorder) due(n int) (all []read) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for i := len(r.events) - 1; i >= 0 && len(all) < n; i-- {
		k := r.events[i]
		received, err := time.Parse(time.RFC3339Nano, k.At)
		if err != nil || k.Status == 0 || k.due.After(now) {
			continue
		}
		age := now.Sub(received)
		if age > stateAge {
			break
		}
		for o := range k.Outcomes {
			if k.Outcomes[o].hasRun() && !k.Outcomes[o].isOver() {
				all = append(all, read{k.Number, o, k.Outcomes[o]})
			}
		}
		k.due = now.Add(again(age))
	}
	return all[:min(len(all), n)]
}

// setState shows the state of a run in its row.
func (r *Recorder) setState(of read, state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) == 0 {
		return
	}
	i := of.number - r.events[0].Number
	if i < 0 || i >= len(r.events) || r.events[i].Outcomes[of.outcome].State == state {
		return
	}
	r.events[i].Outcomes[of.outcome].State = state
	r.touch(r.events[i])
	r.wake()
}
