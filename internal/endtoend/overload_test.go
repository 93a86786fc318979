// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/real/airflowreal"
)

const (
	// overload is how many times what Airflow takes is offered, and overloadTime for how long.
	overload     = 3
	overloadTime = 2 * time.Minute
	// patience is how long a push may take: Pub/Sub's deadline for an
	// acknowledgement where nothing else is set
	// (https://cloud.google.com/pubsub/docs/subscription-properties#ack_deadline).
	patience = 10 * time.Second
	// settleTime is how long after an overload all is to be acknowledged.
	settleTime = 2 * time.Minute
)

// BenchmarkRealAirflowOverloaded prints a table of what a real Airflow gets
// done while it is offered three times what it can take, through the function
// and by a plain loop, which posts each event as it comes. .ci/figures runs it,
// once. Only the ratio to what it takes at its best, measured in the same run
// before and after, means anything.
func BenchmarkRealAirflowOverloaded(b *testing.B) {
	y := newTestbed(b, startAirflow(b, airflowreal.Options{Version: "3.3.2"}))
	for b.Loop() {
		f := figures{testbed: y, out: io.Discard}
		f.findBest(b)
		before := f.plainLoop(b, f.best, 800, asTheFunction)
		function := f.overload(b, "through the function", before, y.through)
		after := f.plainLoop(b, f.best, 800, asTheFunction)
		plain := f.overload(b, "by a plain loop without a limit", after, y.plainly)
		_, _ = fmt.Fprintln(b.Output(), "| offered for two minutes | pushes/s | acknowledged events/s | of the best | slowest 1 of 100, s "+
			"| most requests to Airflow at once | pushes by their answer | all acknowledged after |\n"+
			"|---|--:|--:|--:|--:|--:|---|--:|")
		function.print(b, before.and(after))
		plain.print(b, before.and(after))
		function.check(b)
	}
}

// overload offers events at three times a rate.
func (f *figures) overload(b *testing.B, name string, best rate, push func(context.Context, load, int) (string, error)) *flood {
	b.Helper()
	known := f.airflow.confs(b, loadedDAG)
	f.counter.peak.Store(0)
	l := &flood{load: load{name: name}, every: time.Duration(float64(time.Second) / (overload * best.perSecond())), push: push}
	l.run(b.Context())
	l.peak = f.counter.peak.Load()
	if len(l.waiting) == 0 {
		f.check(b, l.load, known)
	}
	return l
}

// What is answered to a push. After one of the first two its event need not
// come again.
const (
	triggered = "200"
	exists    = "409" // to a plain POST of a run that is there
	deferred  = "503 deferred"
	throttled = "429"
	late      = "no answer in time"
)

// through pushes an event to the function.
func (y *testbed) through(ctx context.Context, l load, event int) (answer string, err error) {
	status, text, err := y.deliver(ctx, l.message(event, time.Now()))
	if said := outcomes(text); status == http.StatusServiceUnavailable && len(said) == 1 && said[0].Outcome == "deferred" {
		return deferred, err
	}
	return fmt.Sprint(status), err
}

// plainly posts an event's run to Airflow.
func (y *testbed) plainly(ctx context.Context, l load, event int) (answer string, err error) {
	status, err := y.create(ctx, fmt.Sprintf("plain-%d", event), l.data(event), asTheFunction)
	return fmt.Sprint(status), err
}

// flood pushes an event at each tick for a time, whatever becomes of those
// before it, and then until all are acknowledged. As with Pub/Sub, what was not
// acknowledged comes again after a pause that doubles each time; it comes
// before what is new.
type flood struct {
	load
	every time.Duration
	push  func(ctx context.Context, l load, event int) (answer string, err error)
	peak  int64 // of requests to Airflow at once
	took  time.Duration

	mu           sync.Mutex
	waiting      map[int]*again // events that are not acknowledged, by number
	answers      map[string]int
	pushes       int             // while it was offered
	acknowledged []time.Duration // of each push that was acknowledged while it was offered
}

// again is when an event is pushed again.
type again struct {
	at    time.Time
	wait  time.Duration
	under bool // it is being pushed
}

// Eventarc's triggers wait from 10 s up to 10 minutes: what comes again sooner
// is a harder test.
const firstPause, longestPause = time.Second, 10 * time.Second

func (l *flood) run(ctx context.Context) {
	l.waiting, l.answers = map[int]*again{}, map[string]int{}
	began := time.Now()
	end := began.Add(overloadTime)
	ticker := time.NewTicker(l.every)
	defer ticker.Stop()
	var group sync.WaitGroup
	defer group.Wait()
	for now := began; now.Before(end.Add(settleTime)); now = <-ticker.C {
		event, ok := l.next(now, now.Before(end))
		if ok {
			group.Go(func() { l.once(ctx, event, end) })
		} else if now.After(end) && l.left() == 0 {
			break
		}
	}
	l.took = time.Since(began)
}

// next is the event that has been due for the longest, else a new one.
func (l *flood) next(now time.Time, offered bool) (event int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, a := range l.waiting {
		if !a.under && !a.at.After(now) && (!ok || a.at.Before(l.waiting[event].at)) {
			event, ok = i, true
		}
	}
	if !ok && offered {
		event, ok = l.events, true
		l.waiting[event] = &again{wait: firstPause}
		l.events++
	}
	if ok {
		l.waiting[event].under = true
		if offered {
			l.pushes++
		}
	}
	return event, ok
}

func (l *flood) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// once pushes an event once, and takes note of what became of it.
func (l *flood) once(ctx context.Context, event int, end time.Time) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	answer, err := l.push(ctx, l.load, event)
	now := time.Now()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		answer = late
	case err != nil:
		answer = "broken off"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[answer]++
	if answer == triggered || answer == exists {
		delete(l.waiting, event)
		if now.Before(end) {
			l.acknowledged = append(l.acknowledged, now.Sub(began))
		}
		return
	}
	a := l.waiting[event]
	a.under, a.at, a.wait = false, now.Add(a.wait), min(2*a.wait, longestPause)
}

// check sees that the function kept its word.
func (l *flood) check(b *testing.B) {
	b.Helper()
	for answer, n := range l.answers {
		if answer != triggered && answer != throttled && answer != deferred {
			b.Errorf("%s: %d pushes were answered %s", l.name, n, answer)
		}
	}
	if n := len(l.waiting); n > 0 {
		b.Errorf("%s: %d of %d events were not acknowledged within %s", l.name, n, l.events, overloadTime+settleTime)
	}
}

func (l *flood) print(b *testing.B, best rate) {
	b.Helper()
	slices.Sort(l.acknowledged)
	var answers []string
	for answer, n := range l.answers {
		answers = append(answers, fmt.Sprintf("%s: %d", answer, n))
	}
	slices.Sort(answers)
	after := fmt.Sprintf("%.0f s", l.took.Seconds())
	if n := len(l.waiting); n > 0 {
		after = fmt.Sprintf("%d of %d not after %.0f s", n, l.events, l.took.Seconds())
	}
	goodput := rate{len(l.acknowledged), overloadTime}
	slowest := time.Duration(0)
	if n := len(l.acknowledged); n > 0 {
		slowest = l.acknowledged[n*99/100]
	}
	_, _ = fmt.Fprintf(b.Output(), "| %s | %.1f | %.1f | %.2f | %.1f | %d | %s | %s |\n", l.name, rate{l.pushes, overloadTime}.perSecond(),
		goodput.perSecond(), goodput.perSecond()/best.perSecond(), slowest.Seconds(), l.peak, strings.Join(answers, ", "), after)
}
