// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"math"
	"time"
)

const (
	// firstLimit is how many requests may run at once before anything is known.
	firstLimit = 4
	// steadySamples is how many requests a round measures at least where the
	// limit changes slowly, fewSamples where it is sought, and checkSamples in a
	// check. A larger limit has as many measured as it allows.
	steadySamples = 20
	checkSamples  = 12
	fewSamples    = 8
	// fastest is the largest share by which the limit grows in a round, slowest
	// the one that it begins with after a check has found a queue, and regrow
	// where it has found none. The share doubles in each round.
	fastest = 1.0
	regrow  = 1.0 / 4
	slowest = 1.0 / 32
	// flat is how many times slower than without a queue a round may be for the
	// limit to grow, and suspicious how many times slower than with the queue
	// that is intended two rounds in a row are that call for a check.
	flat       = 1.15
	suspicious = 1.3
	// known is up to how many times the number that a check has found the server
	// to work on the limit is left without another one.
	known = 1.5
	// leastCut and mostCut bound the share of the limit that a check leaves, and
	// jointCut is the one that a joint check leaves.
	leastCut = 0.25
	jointCut = 0.5
	mostCut  = 0.75
	// stillBusy is the share of its rate before the check at which a server
	// counts as busy.
	stillBusy = 0.85
	// sameServer is how far, as a factor, two latencies without a queue may be
	// from each other to be those of one server, and newShare the weight of the
	// new one then.
	sameServer = 1.5
	newShare   = 0.3
	// tick is when a check begins: at whole multiples of it. jointInterval is
	// that of joint checks, or twice that and so on, as long as they would take
	// more than jointShare of the time.
	tick          = 500 * time.Millisecond
	jointInterval = 10 * time.Second
	jointShare    = 1.0 / 8
	// refusedShare is what is left of the limit after the server refused, and
	// nearStep by how much it grows in a round where the server has refused.
	refusedShare = 0.7
	nearStep     = 0.1
)

// limit finds how many requests at once a server works on. Below that number
// another request costs no time. Above it requests wait for each other in the
// server: its rate stays what it is, and its latency grows with their number.
//
// The limit grows, up to twice in each round, until a round is slower than the
// server was without a queue. A slow round alone does not say why: the server
// may have a queue, or each request may take longer than before, which is no
// reason to send fewer. So nothing is cut on suspicion. A check reduces the
// limit for one round and compares:
//
//   - The rate stays: the requests that are missing had only waited. The check
//     goes on with a lower limit.
//   - The rate falls: the latency is now that of a server without a queue, and by
//     Little's law rate × latency is how many requests the server works on. The
//     limit becomes that and a small queue, which keeps the server busy. Where
//     the latency is as before, that is the old limit.
//
// Instances that share a server cannot see each other, and one that checks alone
// measures the queue of the others. So checks begin at multiples of a time by
// the clock, and where one finds a higher latency without a queue, the limit
// does not grow until a joint check has confirmed that.
//
// A latency is the mean of a round without its slowest eighth, so that a few slow
// requests neither move nor delay it.
//
// A refusal by the server cuts the limit at once, and is remembered, so that
// the limit comes near it again only in small steps.
//
// Simpler rules do not pass the simulation of this package, which has 46 rows.
// One that adds a quarter while a round's latency is within 1.5 times the least
// of a window, and takes 0.7 of the limit above, meets 14 with a window of 3 s
// (the queue becomes the normal latency: up to 55 times what the server takes)
// and 18 with one of 10 s (after a step 20 to 100 ms the rate is 0.16 of what it
// could be, after 30 to 300 ms 0.02). The limiter of failsafe-go v0.9.8 meets 7
// with its defaults, and 10 with shorter windows: it grows by little once a
// second, and has 0.08 to 0.23 of the rate after 5 s.
type limit struct {
	most      float64
	value     float64
	share     float64 // by which it grows
	refusedAt float64 // a limit at which the server has refused; 0: none
	idle      float64 // latency of the server without a queue, in seconds; 0: not known
	works     float64 // how many requests it works on, as a check has found; 0: not known

	round round
	last  measured // of the round before; zero where that does not count
	slow  int      // suspicious rounds in a row

	checkAt  time.Time // when the next check is due
	joint    bool      // that check is a joint one, or the one under way is
	checking bool
	before   measured // with which the check compares
	expires  time.Time
}

// round is what was measured under one limit.
type round struct {
	number  int
	samples int // how many requests it measures
	ended   int
	latency float64 // of those that have ended, in seconds, summed up
	used    bool    // the limit was reached
}

// measured is what a round came to.
type measured struct{ limit, latency float64 }

func (m measured) rate() float64 { return m.limit / m.latency }

func newLimit(most int) limit {
	l := limit{most: float64(most), share: fastest}
	l.set(firstLimit)
	return l
}

// allowed is how many requests may run at once, at least 1.
func (l *limit) allowed() int { return int(l.value) }

// begin records a request that is sent beside inFlight - 1 others, and returns
// the round that it belongs to.
func (l *limit) begin(inFlight int) (round int) {
	l.round.used = l.round.used || inFlight >= l.allowed()
	return l.round.number
}

// served records how long a request of a round took.
func (l *limit) served(round int, latency time.Duration, now time.Time) {
	if r := &l.round; round == r.number {
		r.latency += max(latency, 1).Seconds() // a coarse clock may see no time pass
		if r.ended++; r.ended >= r.samples-(r.samples+7)/8 {
			l.judge(measured{float64(l.allowed()), r.latency / float64(r.ended)}, now)
		}
	}
	if !l.checking && l.last != (measured{}) && !now.Before(l.checkAt) {
		l.joint = l.joint || l.slow == 0
		l.check(l.last, now)
	}
}

// refused records that the server refused a request of a round because it is
// overloaded. Those that began before the limit was cut do not cut it again.
func (l *limit) refused(round int) {
	if round != l.round.number {
		return
	}
	if l.checking {
		l.value, l.checking, l.joint = l.before.limit, false, false
	}
	l.refusedAt, l.share = l.value, slowest
	l.set(l.value * refusedShare)
}

// judge ends a round.
func (l *limit) judge(m measured, now time.Time) {
	if l.checking {
		l.conclude(m, now)
		return
	}
	if !l.round.used { // it says nothing about the limit
		l.last = measured{}
		l.set(l.value)
		return
	}
	l.last = m
	if l.checkAt.IsZero() {
		l.checkAt = next(now, jointInterval)
	}
	if l.idle == 0 || m.limit == 1 || m.latency*sameServer < l.idle {
		l.learn(m.latency)
	}
	if !l.joint && l.grows(m, now) {
		l.grow()
	} else {
		l.set(l.value)
	}
}

// grows reports whether a round is a reason to grow. Where it is suspicious, the
// next check is due soon.
func (l *limit) grows(m measured, now time.Time) bool {
	spare := headroom(m.limit)
	queue := m.limit * (1 - l.idle/m.latency)
	switch {
	case queue < spare/2 || m.latency < flat*l.idle:
		l.slow = 0
		return true
	case m.limit <= known*l.works && m.latency < suspicious*l.idle*(1+spare/m.limit):
		l.slow, l.share = 0, slowest
		return false
	}
	if l.slow++; l.slow >= 2 {
		l.checkAt = earlier(l.checkAt, next(now, tick))
	}
	return false
}

func (l *limit) grow() {
	to := l.value * (1 + l.share)
	if l.value < l.refusedAt {
		to = min(to, l.value+max(nearStep, (l.refusedAt-1-l.value)/2))
	}
	l.set(to)
	l.share = min(fastest, 2*l.share)
}

// check begins a check, which compares with m.
func (l *limit) check(m measured, now time.Time) {
	if m.limit == 1 {
		l.joint, l.checkAt = false, next(now, interval(m.latency))
		return
	}
	cut := jointCut
	if !l.joint {
		cut = min(mostCut, max(leastCut, mostCut*l.idle/m.latency))
	}
	l.checking, l.before = true, m
	l.set(min(m.limit-2, m.limit*cut))
	// The requests beyond the limit end, and then those that are measured.
	takes := m.latency * (1 + max(1, float64(l.round.samples)/l.value))
	l.expires = now.Add(2 * time.Duration(takes*float64(time.Second)))
}

// expire ends a check that takes too long, as where requests hang.
func (l *limit) expire(now time.Time) {
	if l.checking && now.After(l.expires) {
		l.abandon(now)
	}
}

// abandon ends a check without a conclusion.
func (l *limit) abandon(now time.Time) {
	l.checking, l.joint, l.last, l.slow = false, false, measured{}, 0
	l.checkAt = next(now, interval(l.before.latency))
	l.set(l.before.limit)
}

// conclude ends a check, or goes on with a lower limit.
func (l *limit) conclude(m measured, now time.Time) {
	switch {
	case !l.round.used: // the load has ended
		l.abandon(now)
		return
	case m.limit > 1 && m.rate() > stillBusy*l.before.rate():
		l.check(m, now)
		return
	}
	joint := l.joint
	l.checking, l.joint, l.slow, l.checkAt = false, false, 0, next(now, interval(m.latency))
	works := max(m.limit, l.before.limit*min(1, m.latency/l.before.latency))
	switch {
	case works <= stillBusy*l.before.limit:
		l.learn(m.latency)
		l.value, l.share, l.works = works+headroom(works), slowest, works
	case m.latency > flat*l.idle && !joint:
		l.value, l.joint, l.checkAt = l.before.limit, true, next(now, jointInterval/2)
	default:
		l.value, l.share, l.works = l.before.limit, regrow, 0
		l.idle = (m.latency + l.before.latency) / 2
	}
	l.set(l.value)
	l.last = measured{float64(l.allowed()), float64(l.allowed()) / l.before.rate()}
}

// headroom is the queue that keeps a server busy which works on so many at once.
// It grows slower than they do, which draws the limits of instances that share a
// server together.
func headroom(works float64) float64 { return 0.7 * math.Sqrt(works) }

// learn takes a new measurement of the latency without a queue.
func (l *limit) learn(latency float64) {
	if latency > l.idle*sameServer || latency*sameServer < l.idle {
		l.idle = latency
	} else {
		l.idle += (latency - l.idle) * newShare
	}
}

// interval is the time between joint checks. Those of instances that differ fall
// together at every second one.
func interval(latency float64) time.Duration {
	d := jointInterval
	for d < time.Hour && d.Seconds()*jointShare < 2*latency {
		d *= 2
	}
	return d
}

// set begins a round under a limit.
func (l *limit) set(value float64) {
	l.value = min(l.most, max(1, value))
	samples := fewSamples
	switch {
	case l.checking && l.value < 2:
		samples = fewSamples / 2 // one after the other
	case l.checking && !l.joint:
		samples = checkSamples
	case !l.checking && l.share <= slowest:
		samples = steadySamples
	}
	l.round = round{number: l.round.number + 1, samples: max(samples, l.allowed())}
}

// restart forgets everything but the requests that are under way.
func (l *limit) restart() {
	number := l.round.number
	*l = newLimit(int(l.most))
	l.round.number = number + 1
}

// next is the next whole multiple of d.
func next(now time.Time, d time.Duration) time.Time { return now.Truncate(d).Add(d) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
