// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// Defaults of a [Gate].
const (
	DefaultMaxInFlight = 16
	DefaultWait        = time.Second
)

// opensAfter is how many requests in a row have to find the server down before
// the circuit opens: a single broken connection says little.
const opensAfter = 3

// Config says what a [Gate] may do. Its zero value is a good one.
type Config struct {
	// MaxInFlight is how many requests may be at the server at once, whatever
	// is found to serve it best; 0 means [DefaultMaxInFlight].
	MaxInFlight int
	// Wait is how long a request may wait for its turn; 0 means
	// [DefaultWait], less than 0 not at all.
	Wait time.Duration
}

// Result is what a request has found out about the server.
type Result int

// The results.
const (
	// Served is any answer of the server's own, a refusal of what was asked
	// for included.
	Served Result = iota
	// Overloaded is an answer that says that the server has too much to do.
	Overloaded
	// Down is no answer, or a proxy's that the server gives none.
	Down
	// Ignored says nothing about the server, such as a request that its sender
	// gave up.
	Ignored
)

// Gate lets requests through to one server: as many at once as serve it best,
// the others in the order in which they came, and one at a time while it is
// down. Its methods may be called concurrently.
type Gate struct {
	most int
	wait time.Duration

	mu       sync.Mutex
	estimate estimate
	inFlight int
	queue    list.List // of *waiter, the first to come first
	latency  time.Duration

	failures  int       // requests in a row that found the server down
	downSince time.Time // when the first of them did
	open      bool
	probing   bool // a request is asking whether the server is back
	epoch     int  // tells whether a request began before the circuit closed
}

// waiter is a request that waits for its turn.
type waiter struct {
	turn    chan *pass // gets the pass, or nil with refusal set
	refusal *Refusal
}

// pass is a request that was let through.
type pass struct {
	gate     *Gate
	began    time.Time
	round    int
	epoch    int
	inFlight int // itself included
	probe    bool
	once     sync.Once
}

// New makes a gate.
func New(c Config) *Gate {
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = DefaultMaxInFlight
	}
	if c.Wait == 0 {
		c.Wait = DefaultWait
	}
	return &Gate{most: c.MaxInFlight, wait: c.Wait, estimate: newEstimate(c.MaxInFlight)}
}

// Enter waits for the request's turn. done has to be called when the request
// has ended, once; further calls do nothing. The error is a [*Refusal], or the
// context's.
func (g *Gate) Enter(ctx context.Context) (done func(Result), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("waiting for Airflow: %w", err)
	}
	g.mu.Lock()
	if g.queue.Len() == 0 && g.mayPass() {
		p := g.pass()
		g.mu.Unlock()
		return p.done, nil
	}
	if g.wait < 0 {
		defer g.mu.Unlock()
		return nil, g.refusal()
	}
	w := &waiter{turn: make(chan *pass, 1)}
	place := g.queue.PushBack(w)
	g.mu.Unlock()

	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case p := <-w.turn:
		return w.result(p)
	case <-timer.C:
		return g.leave(place, w, nil)
	case <-ctx.Done():
		return g.leave(place, w, ctx.Err())
	}
}

func (w *waiter) result(p *pass) (func(Result), error) {
	if p == nil {
		return nil, w.refusal
	}
	return p.done, nil
}

// leave takes a waiter out of the queue. Where its turn has come meanwhile, it
// takes it after all, unless its context has ended.
func (g *Gate) leave(place *list.Element, w *waiter, cause error) (func(Result), error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case p := <-w.turn:
		if cause == nil || p == nil {
			return w.result(p)
		}
		p.end(Ignored)
	default:
		g.queue.Remove(place)
	}
	if cause != nil {
		return nil, fmt.Errorf("waiting for Airflow: %w", cause)
	}
	return nil, g.refusal()
}

// mayPass reports whether another request may be let through.
func (g *Gate) mayPass() bool {
	if g.open {
		return !g.probing && g.inFlight < g.most
	}
	return g.inFlight < g.estimate.allowed()
}

// pass lets a request through.
func (g *Gate) pass() *pass {
	g.inFlight++
	g.probing = g.open
	return &pass{
		gate: g, began: time.Now(), round: g.estimate.round, epoch: g.epoch, inFlight: g.inFlight, probe: g.open,
	}
}

// letThrough lets the next requests through.
func (g *Gate) letThrough() {
	for first := g.queue.Front(); first != nil && g.mayPass(); first = g.queue.Front() {
		w, _ := g.queue.Remove(first).(*waiter)
		w.turn <- g.pass()
	}
}

func (p *pass) done(r Result) {
	p.once.Do(func() {
		p.gate.mu.Lock()
		defer p.gate.mu.Unlock()
		p.end(r)
	})
}

// end takes note of what a request has found out, and lets the next through.
func (p *pass) end(r Result) {
	g, now := p.gate, time.Now()
	g.inFlight--
	if p.probe && p.epoch == g.epoch {
		g.probing = false
	}
	switch r {
	case Served:
		g.latency = now.Sub(p.began)
		g.estimate.served(p.round, p.inFlight, g.latency, now)
		g.isUp()
	case Overloaded:
		g.estimate.refused(p.round)
		g.isUp()
	case Down:
		g.isDown(p, now)
	case Ignored:
	}
	g.letThrough()
}

// isUp closes the circuit. A server that was down is another one by now, about
// which nothing is known.
func (g *Gate) isUp() {
	g.failures = 0
	if g.open {
		g.open, g.probing = false, false
		g.epoch++
		g.estimate.restart()
	}
}

// isDown opens the circuit when enough requests have found the server down. A
// probe that did speaks for all who have waited for it.
func (g *Gate) isDown(p *pass, now time.Time) {
	if p.epoch != g.epoch {
		return // it began before the server came back
	}
	if g.failures++; g.failures == 1 {
		g.downSince = now
	}
	if !g.open {
		g.open = g.failures >= opensAfter
		return
	}
	if p.probe {
		g.refuseAll()
	}
}

func (g *Gate) refuseAll() {
	for first := g.queue.Front(); first != nil; first = g.queue.Front() {
		w, _ := g.queue.Remove(first).(*waiter)
		w.refusal = g.refusal()
		w.turn <- nil
	}
}

// maxRetryAfter bounds what a refusal asks for: who has waited in vain for a
// second learns little by waiting for minutes.
const maxRetryAfter = 30 * time.Second

// refusal says why a request was not let through.
func (g *Gate) refusal() *Refusal {
	if g.open {
		return down(g.downSince)
	}
	ahead := time.Duration(g.queue.Len()+g.inFlight) * g.latency / time.Duration(g.estimate.allowed())
	return full(g.inFlight, min(max(time.Second, ahead), maxRetryAfter))
}

// State is how a gate stands, for logs and tests.
type State struct {
	Limit     int // requests at once, as found by now
	InFlight  int
	Waiting   int
	DownSince time.Time // zero while the circuit is closed
}

// State tells how the gate stands.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := State{Limit: g.estimate.allowed(), InFlight: g.inFlight, Waiting: g.queue.Len()}
	if g.open {
		s.DownSince = g.downSince
	}
	return s
}
