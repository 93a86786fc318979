// SPDX-License-Identifier: Apache-2.0

// Package replay owns taking events through the function once more: dead
// letters that are stored, uploads that are listed. It sends each at a rate,
// several at once, tries a deferred one again while the DAG that it waits for
// makes no run, and counts how they end.
//
//	pass := replay.Pass{Rate: 10}
//	summary, err := pass.Run(ctx, events)
//
// An event is settled once every route that it went to has its run, one route
// at least: only then is [Event.Settle] called, which is where a dead letter is
// removed. Whatever else becomes of it, it stays where it was.
//
// The package never decides what an event starts, never reads or removes a
// record itself, and holds no more events at a time than it sends.
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
	// Place tells a person which one it is: a record's file, an object.
	Place string
	// Send takes it through the function: an outcome for each route that it
	// went to, or why it is no event.
	Send func(context.Context) ([]trigger.Outcome, error)
	// Settle is called once each of its runs exists; nil where nothing is to
	// be done then.
	Settle func(context.Context) error
}

// End is what became of an event.
type End struct {
	Place string
	// Outcomes are those of the last try, but what an earlier one has
	// triggered counts as triggered.
	Outcomes []trigger.Outcome
	// Err is why the event could not be read, sent or settled.
	Err error
}

// Ran tells whether every route that the event went to has its run, one route at least.
func (e *End) Ran() bool {
	for _, o := range e.Outcomes {
		if !exists(o.Kind) {
			return false
		}
	}
	return len(e.Outcomes) > 0
}

// Settled tells whether nothing of the event is left to do.
func (e *End) Settled() bool { return e.Ran() && e.Err == nil }

// exists tells whether an outcome of this kind means that the run is there.
func exists(kind trigger.Kind) bool { return kind == trigger.Triggered || kind == trigger.Duplicate }

// What stands for a zero field of a [Pass].
const (
	DefaultAtOnce   = 4
	DefaultPatience = 2 * time.Minute
)

// The pause before a deferred event is tried again, where nobody said how long:
// doubled from try to try.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// sendTime bounds one try, as the platform bounds a request:
// https://cloud.google.com/run/docs/configuring/request-timeout
const sendTime = 300 * time.Second

// Pass is one pass over events. It is used once.
type Pass struct {
	// Rate is how many tries begin a second at most; 0 sets no bound.
	Rate float64
	// AtOnce is how many events are under way at the same time; 0 stands for
	// [DefaultAtOnce].
	AtOnce int
	// Patience is for how long events wait for a DAG that makes no run. Each
	// run that it makes begins the time anew; when it is over, events are
	// tried once each. 0 stands for [DefaultPatience], less than 0 for none.
	Patience time.Duration
	// Ended is told of each event, Waiting of each pause before another try,
	// Ending once where the context ends and events may be under way. None is
	// called while another, or itself, is; nil tells nobody.
	Ended   func(End)
	Waiting func(place string, o trigger.Outcome, pause time.Duration)
	Ending  func()

	pacer   pacer
	trouble trouble
	told    sync.Mutex
	summary Summary
}

// Run sends events until they end. When ctx does, no other event begins, and
// those under way are finished: what is summed up is what was done.
//
// An error among events ends the pass, and is returned beside the summary of
// what was done. What is wrong with one event alone is for its Send to say.
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
		err = nil // what the end of ctx does to the listing is no news
		p.interrupted()
	}
	workers.Wait()
	return p.summary, err
}

func (p *Pass) interrupted() {
	p.told.Lock()
	defer p.told.Unlock()
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

// finish counts an event, unless it was handed over and never begun.
func (p *Pass) finish(e End, begun bool) {
	p.told.Lock()
	defer p.told.Unlock()
	if !begun {
		p.summary.Interrupted = true
		return
	}
	p.summary.add(&e)
	if p.Ended != nil {
		p.Ended(e)
	}
}

// see sends one event until no other try helps. It reports false where ctx
// ended before the first.
func (p *Pass) see(ctx context.Context, e Event) (End, bool) {
	end := End{Place: e.Place}
	for try := 0; ; try++ {
		if p.pacer.wait(ctx) != nil {
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
		p.tellWaiting(e.Place, outcomes, pause)
		if clock.Sleep(ctx, pause) != nil {
			return end, true
		}
	}
}

// send is one try. What has begun is finished, also when ctx ends: a request
// that is cut off leaves open whether its run exists.
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

// merge is what a further try came to. A run that an earlier one has triggered
// is met as a duplicate.
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

func (p *Pass) tellWaiting(place string, outcomes []trigger.Outcome, pause time.Duration) {
	p.told.Lock()
	defer p.told.Unlock()
	for _, o := range outcomes {
		if o.Kind == trigger.Deferred && p.Waiting != nil {
			p.Waiting(place, o, pause)
			return
		}
	}
}
