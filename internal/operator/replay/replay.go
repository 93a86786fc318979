// SPDX-License-Identifier: Apache-2.0

// Package replay sends events through the function again: stored dead letters, and
// listed uploads. It limits the rate, sends several at once, tries a deferred event
// again while its DAG accepts no run, and counts the outcomes.
//
//	pass := replay.Pass{Rate: 10}
//	summary, err := pass.Run(ctx, events)
//
// An event is settled when every route that matches it has its run, and at least one
// does: only then is [Event.Settle] called, which removes a dead letter. Any other
// event stays where it is.
//
// The package never decides what an event starts, never reads or removes a dead letter
// itself, and holds only the events that it sends at the time.
package replay

import (
	"cmp"
	"context"
	"iter"
	"sync"
	"time"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/trigger"
)

// Event is one event to send.
type Event struct {
	// Place names it for a person: a dead letter's file, an object.
	Place string
	// Send sends it through the function: an outcome for each route that matches,
	// or an error where it is not a valid event.
	Send func(context.Context) ([]trigger.Outcome, error)
	// Settle is called when all its runs exist; nil for nothing.
	Settle func(context.Context) error
	// Unpaced has it sent at once, whatever the rate: it makes no request.
	Unpaced bool
}

// End is the result of an event.
type End struct {
	Place string
	// Outcomes are those of the last try, except that what an earlier one has
	// triggered counts as triggered.
	Outcomes []trigger.Outcome
	// Err is why the event could not be read, sent or settled.
	Err error
}

// Ran reports whether every matching route has its run, and at least one matches.
func (e *End) Ran() bool {
	for _, o := range e.Outcomes {
		if !Ran(o.Kind) {
			return false
		}
	}
	return len(e.Outcomes) > 0
}

// Settled reports whether nothing is left to do for the event.
func (e *End) Settled() bool { return e.Ran() && e.Err == nil }

// Ran reports whether an outcome of this kind means that the run exists, or will be
// started by what pulls an outbox.
func Ran(kind trigger.Kind) bool {
	return kind == trigger.Triggered || kind == trigger.Published || kind == trigger.Duplicate
}

// The defaults of a [Pass].
const (
	DefaultAtOnce   = 4
	DefaultPatience = 2 * time.Minute
)

// The pause before a deferred event is tried again without a Retry-After: doubled
// from try to try.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// sendTime bounds one try, as the platform bounds a request:
// https://cloud.google.com/run/docs/configuring/request-timeout
const sendTime = 300 * time.Second

// Pass is one pass over events. It is used once.
type Pass struct {
	// Rate is the most tries that begin per second; 0 for no limit.
	Rate float64
	// AtOnce is how many events are sent at the same time; 0 means
	// [DefaultAtOnce].
	AtOnce int
	// Patience is how long events wait for a DAG that accepts no run. Each accepted
	// run restarts the time; after it, events are tried once each. 0 means
	// [DefaultPatience], less than 0 no wait.
	Patience time.Duration
	// Ended is called for each event, Waiting for each pause before another try,
	// Ending once when the context ends while events may be in progress. The calls
	// do not overlap; nil fields are not called.
	Ended   func(End)
	Waiting func(place string, o trigger.Outcome, pause time.Duration)
	Ending  func()

	pacer   pacer
	trouble trouble
	mu      sync.Mutex // held during calls of the fields above
	summary Summary
}

// Run sends events until there are no more. When ctx ends, no other event begins,
// and those in progress are finished; the summary is of what was done.
//
// An error among events ends the pass, and is returned with the summary. An error of
// one event alone is returned by its Send.
func (p *Pass) Run(ctx context.Context, events iter.Seq2[Event, error]) (Summary, error) {
	p.Patience = cmp.Or(p.Patience, DefaultPatience)
	p.pacer.every = interval(p.Rate)
	var workers sync.WaitGroup
	queue := make(chan Event)
	for range cmp.Or(p.AtOnce, DefaultAtOnce) {
		workers.Go(func() {
			for e := range queue {
				p.finish(p.see(ctx, e))
			}
		})
	}
	err := p.feed(ctx, events, queue)
	close(queue)
	if ctx.Err() != nil {
		err = nil // an error of the listing is then expected
		p.interrupted()
	}
	workers.Wait()
	return p.summary, err
}

func (p *Pass) interrupted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.summary.Interrupted = true
	if p.Ending != nil {
		p.Ending()
	}
}

// feed hands events to the workers.
func (p *Pass) feed(ctx context.Context, events iter.Seq2[Event, error], queue chan<- Event) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		select {
		case queue <- e:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// finish counts an event, unless it was never begun.
func (p *Pass) finish(e End, begun bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !begun {
		p.summary.Interrupted = true
		return
	}
	p.summary.add(&e)
	if p.Ended != nil {
		p.Ended(e)
	}
}

// see sends one event until another try would not help. It returns false where ctx
// ended before the first.
func (p *Pass) see(ctx context.Context, e Event) (End, bool) {
	end := End{Place: e.Place}
	for try := 0; ; try++ {
		if p.turn(ctx, &e) != nil {
			return end, try > 0
		}
		outcomes, err := send(ctx, e)
		end.Outcomes, end.Err = merge(end.Outcomes, outcomes), err
		if end.Ran() && err == nil && e.Settle != nil {
			end.Err = settle(ctx, e)
		}
		pause, again := p.trouble.pause(outcomes, try, p.Patience)
		if !again {
			return end, true
		}
		p.reportWaiting(e.Place, outcomes, pause)
		if clock.Sleep(ctx, pause) != nil {
			return end, true
		}
	}
}

// turn waits until a try of e may begin.
func (p *Pass) turn(ctx context.Context, e *Event) error {
	if e.Unpaced {
		return ctx.Err()
	}
	return p.pacer.wait(ctx)
}

// send is one try. It is finished also when ctx ends: after an interrupted request
// it is unknown whether the run exists.
func send(ctx context.Context, e Event) ([]trigger.Outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	return e.Send(ctx)
}

func settle(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	return e.Settle(ctx)
}

// merge combines the outcomes of a further try with earlier ones: a duplicate of a
// run that an earlier try has triggered counts as triggered.
func merge(before, after []trigger.Outcome) []trigger.Outcome {
	for i := range after {
		for _, o := range before {
			if after[i].Kind == trigger.Duplicate && o.Kind == trigger.Triggered &&
				o.Environment == after[i].Environment && o.DAGID == after[i].DAGID && o.RunID == after[i].RunID {
				after[i] = o
			}
		}
	}
	return after
}

func (p *Pass) reportWaiting(place string, outcomes []trigger.Outcome, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range outcomes {
		if o.Kind == trigger.Deferred && p.Waiting != nil {
			p.Waiting(place, o, pause)
			return
		}
	}
}
