// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Defaults of a [Gate].
const (
	// DefaultMaxInFlight is the concurrency of one instance of the function, as
	// it is deployed: the gate finds what the server takes below that.
	DefaultMaxInFlight = 80
	DefaultWait        = time.Second
)

const (
	// opensAfter is how many requests in a row have to find the server down
	// before the circuit opens: a single broken connection says little.
	opensAfter = 3
	// silence is how long the server has to have answered nothing as well, or
	// twice as long as a request takes: where requests of one kind fail, those of
	// another may succeed.
	silence = 500 * time.Millisecond
)

// probeInterval is how long a probe may take before another request is sent as
// well: one that hangs says nothing about a server that came back since.
const probeInterval = 500 * time.Millisecond

// Config configures a [Gate]. Its zero value is valid.
type Config struct {
	// MaxInFlight is how many requests may be at the server at once, whatever
	// limit is found; 0 means [DefaultMaxInFlight].
	MaxInFlight int
	// Wait is how long a request may wait for its turn; 0 means
	// [DefaultWait], less than 0 not at all.
	Wait time.Duration
}

// Result is what a request has found out about the server.
type Result int

// The results.
const (
	// Served means that the server did what was requested.
	Served Result = iota
	// Answered is any other answer by the server, such as an error in the
	// request: it is up, and how long that took says nothing about its load.
	Answered
	// Overloaded is an answer that says that the server has too much to do.
	Overloaded
	// Down is no answer, or a proxy's that the server gives none.
	Down
	// Ignored says nothing about the server, such as a request that its sender
	// canceled.
	Ignored
)

// Gate lets requests through to one server: as many at once as it works on, and
// while it is down one at a time. The others wait: routes have fair shares, see
// [WithRoute], and within a route the first to come is the first to be let
// through. Its methods may be called concurrently.
type Gate struct {
	most int
	wait time.Duration

	mu       sync.Mutex
	limit    limit
	inFlight int
	queue    queue
	latency  time.Duration

	answered  time.Time // when the server did so last
	failures  int       // requests in a row that found the server down
	downSince time.Time // when the first of them did
	open      bool      // the circuit: the server is down
	probes    int       // requests under way that find out whether it is back
	probed    time.Time // when the last of them began
	epoch     int       // how often the circuit has closed
}

// pass is a request that was let through.
type pass struct {
	gate  *Gate
	line  *line
	began time.Time
	round int // of the limit
	epoch int
	probe bool
	once  sync.Once
}

// New makes a gate.
func New(c Config) *Gate {
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = DefaultMaxInFlight
	}
	if c.Wait == 0 {
		c.Wait = DefaultWait
	}
	return &Gate{most: c.MaxInFlight, wait: c.Wait, limit: newLimit(c.MaxInFlight)}
}

// Enter waits for the request's turn among those of all routes, see
// [WithRoute]. done has to be called when the request has ended, once; further
// calls do nothing. The error is a [*Refusal], or the context's.
func (g *Gate) Enter(ctx context.Context) (done func(Result), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("waiting for Airflow: %w", err)
	}
	g.mu.Lock()
	line := g.queue.line(routeOf(ctx))
	g.letThrough() // a probe may be due
	if g.queue.waiting == 0 && g.mayPass() {
		p := g.pass(line)
		g.mu.Unlock()
		return p.done, nil
	}
	if g.wait < 0 {
		defer g.mu.Unlock()
		g.queue.forget(line)
		return nil, g.refusal()
	}
	w := g.queue.add(line)
	g.mu.Unlock()

	timer := time.NewTimer(min(g.wait, probeInterval))
	defer timer.Stop()
	for left := g.wait - probeInterval; ; left -= probeInterval {
		select {
		case p := <-w.turn:
			return w.result(p)
		case <-ctx.Done():
			return g.leave(w, ctx.Err())
		case <-timer.C:
			if left <= 0 {
				return g.leave(w, nil)
			}
			g.mu.Lock()
			g.letThrough() // a probe may be due
			g.mu.Unlock()
			timer.Reset(min(left, probeInterval))
		}
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
func (g *Gate) leave(w *waiter, cause error) (func(Result), error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.letThrough() // a probe may be due
	select {
	case p := <-w.turn:
		if cause == nil || p == nil {
			return w.result(p)
		}
		p.end(Ignored)
	default:
		g.queue.remove(w)
		g.queue.forget(w.line)
	}
	if cause != nil {
		return nil, fmt.Errorf("waiting for Airflow: %w", cause)
	}
	return nil, g.refusal()
}

// mayPass reports whether another request may be let through.
func (g *Gate) mayPass() bool {
	if g.open {
		return g.inFlight < g.most && (g.probes == 0 || time.Since(g.probed) >= probeInterval)
	}
	g.limit.expire(time.Now())
	return g.inFlight < g.limit.allowed()
}

// pass lets a request through.
func (g *Gate) pass(l *line) *pass {
	g.inFlight++
	l.inFlight++
	p := &pass{gate: g, line: l, began: time.Now(), epoch: g.epoch, probe: g.open}
	if g.open {
		g.probes++
		g.probed = p.began
	} else {
		p.round = g.limit.begin(g.inFlight)
	}
	return p
}

// letThrough lets the next requests through.
func (g *Gate) letThrough() {
	for g.queue.waiting > 0 && g.mayPass() {
		w := g.queue.next()
		w.turn <- g.pass(w.line)
	}
}

func (p *pass) done(r Result) {
	p.once.Do(func() {
		p.gate.mu.Lock()
		defer p.gate.mu.Unlock()
		p.end(r)
	})
}

// end records what a request has found out, and lets the next through.
func (p *pass) end(r Result) {
	g, now := p.gate, time.Now()
	g.inFlight--
	p.line.inFlight--
	g.queue.forget(p.line)
	if p.probe && p.epoch == g.epoch {
		g.probes--
	}
	switch r {
	case Served:
		g.latency = now.Sub(p.began)
		g.limit.served(p.round, g.latency, now)
	case Overloaded:
		g.limit.refused(p.round)
	case Answered, Down, Ignored:
	}
	switch r {
	case Served, Answered, Overloaded:
		g.isUp(now)
	case Down:
		g.isDown(p, now)
	case Ignored:
	}
	g.letThrough()
}

// isUp closes the circuit. A server that was down may be another one by now,
// about which nothing is known.
func (g *Gate) isUp(now time.Time) {
	g.answered, g.failures = now, 0
	if g.open {
		g.open, g.probes = false, 0
		g.epoch++
		g.limit.restart()
	}
}

// isDown opens the circuit when enough requests have found the server down. A
// probe that did speaks for all that have waited for it.
func (g *Gate) isDown(p *pass, now time.Time) {
	if p.epoch != g.epoch {
		return // it began before the server came back
	}
	if g.failures++; g.failures == 1 {
		g.downSince = now
	}
	if !g.open {
		g.open = g.failures >= opensAfter && now.Sub(g.answered) >= max(silence, 2*g.latency)
		return
	}
	if p.probe {
		for g.queue.waiting > 0 {
			w := g.queue.next()
			w.refusal = g.refusal()
			w.turn <- nil
			g.queue.forget(w.line)
		}
	}
}

// maxRetryAfter bounds what a refusal asks for: a sender that has waited for a
// second learns little by waiting for minutes.
const maxRetryAfter = 30 * time.Second

// refusal is why a request was not let through.
func (g *Gate) refusal() *Refusal {
	if g.open {
		return down(g.downSince)
	}
	ahead := time.Duration(g.queue.waiting+g.inFlight) * g.latency / time.Duration(g.limit.allowed())
	return full(g.inFlight, min(max(time.Second, ahead), maxRetryAfter))
}

// State is a snapshot of a gate, for logs and tests.
type State struct {
	Limit     int // requests at once, as found by now
	InFlight  int
	Waiting   int
	DownSince time.Time // zero while the circuit is closed
}

// State returns a snapshot of the gate.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := State{Limit: g.limit.allowed(), InFlight: g.inFlight, Waiting: g.queue.waiting}
	if g.open {
		s.DownSince = g.downSince
	}
	return s
}
