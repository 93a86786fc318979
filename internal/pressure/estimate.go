// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"math"
	"time"
)

const (
	// firstLimit is how many requests may run at once before anything is known.
	firstLimit = 2
	// roundSamples is how many requests a round has at least. A round is what
	// one limit is judged by; a larger limit takes as many requests as it is.
	roundSamples = 16
	// tolerance is how much slower than an idle server one may be before the
	// limit shrinks. Envoy allows 1.25 by default; the rounds here are long
	// enough to do with less.
	tolerance = 1.1
	// steepest bounds what a round may take from the limit.
	steepest = 0.25
	// refusedShare is what is left of the limit after the server refused.
	refusedShare = 0.7
	// leastStep is by how much the limit grows in a round towards a limit at
	// which the server has refused.
	leastStep = 0.1
	// restInterval is how often a loaded server is given less for one round,
	// to learn anew how fast it is when nothing waits in it, and restShare is
	// how much of what it can work on at once it is given then.
	restInterval = 30 * time.Second
	restShare    = 0.75
	// busyShare is how much of its usual rate a server at rest reaches at most.
	busyShare = 0.9
	// requestsPerRest keeps the rests of a slow server rare: after one of 16
	// requests come 40 times as many.
	requestsPerRest = 40 * roundSamples
	// newShare is the weight of a new measurement of the idle latency.
	newShare = 0.3
)

// estimate finds how many requests at once serve a server best. Below that
// number another request costs no time; above it requests wait for each other,
// and the latency grows with their number. So the limit follows the gradient
// of the latency, after each round:
//
//	limit = limit × min(1, tolerance × idle / latency) + √limit
//
// where idle is the latency of the server when nothing waits in it, and √limit
// is the queue that keeps it busy, and by which the limit grows again. This is
// the method of Netflix's concurrency limits
// (https://netflixtechblog.medium.com/performance-under-load-3e6fa9a60581,
// https://github.com/Netflix/concurrency-limits), with the idle latency
// measured from time to time at a lower limit as Envoy's adaptive concurrency
// does (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter).
//
// A refusal by the server cuts the limit at once, and is remembered, so that
// the limit comes near it again only in small steps.
type estimate struct {
	most  float64
	limit float64
	idle  time.Duration // 0 before it was measured
	// refusedAt is a limit at which the server has refused, 0 where it has not.
	refusedAt float64

	round   int // tells whether a request began under this limit
	samples int
	total   time.Duration // of their latencies
	loaded  bool          // the round has used at least half of the limit

	resting bool      // the round measures the idle latency
	usual   float64   // the limit before the rest
	restAt  time.Time // when the next rest is due
	// usualRate is what was served before the rest, in requests a second.
	usualRate float64
}

func newEstimate(most int) estimate {
	first := float64(min(most, firstLimit))
	return estimate{most: float64(most), limit: first, usual: first, usualRate: math.Inf(1), resting: true}
}

// allowed is how many requests may run at once, at least 1.
func (e *estimate) allowed() int { return int(e.limit) }

// served takes note of a request that began in a round, beside inFlight - 1
// others, and was served.
func (e *estimate) served(round, inFlight int, latency time.Duration, now time.Time) {
	if round != e.round {
		return // it tells of another limit
	}
	e.samples++
	e.total += latency
	e.loaded = e.loaded || 2*inFlight >= e.allowed()
	if e.samples >= max(roundSamples, e.allowed()) {
		e.judge(now)
	}
}

// refused takes note of a request that the server refused because it is full.
// Those that began before the limit was cut are not held against it again.
func (e *estimate) refused(round int) {
	if round != e.round {
		return
	}
	if e.resting {
		e.limit, e.resting = e.usual, false
	}
	e.refusedAt = e.limit
	e.set(e.limit * refusedShare)
}

// judge ends a round.
func (e *estimate) judge(now time.Time) {
	latency := max(e.total/time.Duration(e.samples), 1) // a clock may see no time pass
	switch {
	case e.resting && e.busy(latency):
		e.set(e.limit / 2)
	case e.resting:
		e.learn(latency)
		e.resting, e.restAt = false, now.Add(e.pause())
		e.set(e.usual)
	case !e.loaded:
		e.learn(latency)
		e.set(e.limit)
	case !now.Before(e.restAt) || e.limit < e.usual/2 || 3*latency < 2*e.idle:
		e.rest(latency) // it is due, or the server is another one
	default:
		e.set(e.next(latency))
	}
}

// busy reports whether a server at rest serves as many requests in a time as
// it did before: then they still wait for each other, and it is no rest yet.
func (e *estimate) busy(latency time.Duration) bool {
	return e.limit >= 2 && float64(e.allowed())/latency.Seconds() > busyShare*e.usualRate
}

// pause is the time until the next rest.
func (e *estimate) pause() time.Duration {
	return max(restInterval, time.Duration(requestsPerRest/e.usualRate*float64(time.Second)))
}

// learn takes a new measurement of the idle latency. One that is far from what
// was known tells of another server, any other of noise.
func (e *estimate) learn(latency time.Duration) {
	if e.idle == 0 || 2*latency > 3*e.idle || 3*latency < 2*e.idle {
		e.idle = latency
		return
	}
	e.idle += time.Duration(newShare * float64(latency-e.idle))
}

// next is the limit that the gradient asks for.
func (e *estimate) next(latency time.Duration) float64 {
	gradient := min(1, max(steepest, tolerance*float64(e.idle)/float64(latency)))
	next := e.limit*gradient + math.Sqrt(e.limit)
	if e.limit < e.refusedAt {
		next = min(next, e.limit+max(leastStep, (e.refusedAt-1-e.limit)/2))
	}
	return next
}

// rest begins a round in which nothing should wait in the server: by Little's
// law it works on limit × idle / latency requests at once.
func (e *estimate) rest(latency time.Duration) {
	usual := e.limit
	e.set(e.limit * min(1, float64(e.idle)/float64(latency)) * restShare)
	e.usual, e.usualRate = usual, float64(int(usual))/latency.Seconds()
	e.resting = true
}

// set begins a round with a limit.
func (e *estimate) set(limit float64) {
	e.limit = min(e.most, max(1, limit))
	e.samples, e.total, e.loaded = 0, 0, false
	e.round++
}

// restart forgets everything but the requests that are under way.
func (e *estimate) restart() {
	round := e.round + 1
	*e = newEstimate(int(e.most))
	e.round = round
}
