// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/plainjson"
)

// load says how many events to send, and how fast.
type load struct {
	count       int
	rate        float64 // deliveries begun a second, 0 for no limit
	concurrency int
	duplicates  int // in a hundred events
}

func (l load) check() error {
	wrong := func(flag, fix string) error { return &usageError{text: flag + " is out of bounds", hint: fix} }
	switch {
	case l.count < 1:
		return wrong("--count", "give 1 or more")
	case l.rate < 0:
		return wrong("--rate", "give a number above 0, or leave it out for as fast as can be")
	case l.concurrency < 1:
		return wrong("--concurrency", "give 1 or more")
	case l.duplicates < 0 || l.duplicates > 100:
		return wrong("--duplicates", "give 0 to 100, for so many in a hundred")
	default:
		return nil
	}
}

// deliveries is how often event n is delivered: the duplicates are spread evenly.
func (l load) deliveries(n int) int {
	return 1 + n*l.duplicates/100 - (n-1)*l.duplicates/100
}

// total is how many deliveries there are.
func (l load) total() int { return l.count + l.count*l.duplicates/100 }

// sendMany delivers events, several at once, and sums up.
func (p *program) sendMany(ctx context.Context, s *sendFlags, post *poster, events maker) error {
	bar := p.progress("sending", s.load.total(), s.json)
	t := newTally()
	started := time.Now()
	err := s.load.send(ctx, events, s.as, func(r delivery.Request) {
		a, err := post.post(ctx, r)
		t.add(a, err)
		bar.add("sending")
	})
	if err != nil {
		return err
	}
	bar.finish()
	sum := t.summary(s.load, time.Since(started))
	if s.json {
		err = plainjson.Encode(p.stdout, sum)
	} else {
		_, err = fmt.Fprint(p.stdout, sum.text(p.painter(p.stdout)))
	}
	if err == nil && sum.Acknowledged < sum.Planned {
		return errReported
	}
	return err
}

// send hands every delivery to post, at the rate asked for. It ends early with
// ctx, or with an event that cannot be made.
func (l load) send(ctx context.Context, events maker, as string, post func(delivery.Request)) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	requests := newQueue(l.concurrency, &workers, post)
	defer close(requests)
	started, begun := time.Now(), 0
	for n := 1; n <= l.count; n++ {
		r, err := envelope(events, n, as)
		if err != nil {
			return err
		}
		for range l.deliveries(n) {
			if l.rate > 0 && clock.Sleep(ctx, time.Until(started.Add(time.Duration(float64(begun)/l.rate*float64(time.Second))))) != nil {
				return nil
			}
			select {
			case requests <- r:
				begun++
			case <-ctx.Done():
				return nil
			}
		}
	}
	return nil
}

// newQueue starts workers that post what is sent on the channel until it is closed.
func newQueue(concurrency int, workers *sync.WaitGroup, post func(delivery.Request)) chan<- delivery.Request {
	requests := make(chan delivery.Request)
	for range concurrency {
		workers.Go(func() {
			for r := range requests {
				post(r)
			}
		})
	}
	return requests
}

// tally counts what deliveries came to.
type tally struct {
	mu           sync.Mutex
	acknowledged int
	results      map[string]int
	latencies    []time.Duration
}

func newTally() *tally { return &tally{results: make(map[string]int)} }

func (t *tally) add(a answer, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.results[result(a, err)]++
	if err != nil {
		return
	}
	t.latencies = append(t.latencies, a.took())
	if a.Acknowledged {
		t.acknowledged++
	}
}

// result names what a delivery came to: the status, and the outcomes with it.
func result(a answer, err error) string {
	if err != nil {
		return "no answer: " + bottomOf(err)
	}
	words := make([]string, 0, 1)
	for _, o := range a.Outcomes {
		words = append(words, string(o.Kind))
	}
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) == 0 {
		words = []string{"no outcome"}
	}
	return fmt.Sprintf("%d %s", a.Status, strings.Join(words, " and "))
}

// bottomOf is what lies at the bottom of err: without the addresses around it, which
// differ from one connection to the next.
func bottomOf(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

// summary is what many deliveries came to.
type summary struct {
	Events       int            `json:"events"`
	Planned      int            `json:"deliveries"`
	Acknowledged int            `json:"acknowledged"`
	Seconds      float64        `json:"seconds"`
	Results      map[string]int `json:"results"`
	Latency      latencies      `json:"latency_seconds"`
}

// latencies are quantiles of the time from a delivery's begin to its whole answer, in seconds.
type latencies struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func (t *tally) summary(l load, took time.Duration) summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.latencies)
	at := func(percent int) float64 { return quantile(t.latencies, percent).Seconds() }
	return summary{
		Events: l.count, Planned: l.total(), Acknowledged: t.acknowledged, Seconds: took.Seconds(),
		Results: t.results, Latency: latencies{P50: at(50), P95: at(95), P99: at(99), Max: at(100)},
	}
}

// quantile is the smallest of the sorted durations that percent in a hundred do not exceed.
func quantile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

func (s summary) text(paint painter) string {
	var b strings.Builder
	seconds := func(f float64) string { return took(time.Duration(f * float64(time.Second))) }
	fmt.Fprintf(&b, "%s, sent in %s in %s\n", plural(s.Events, "event"), deliveries(s.Planned), seconds(s.Seconds))
	var rows [][]string
	done := 0
	for _, r := range slices.Sorted(maps.Keys(s.Results)) {
		rows = append(rows, []string{fmt.Sprintf("%7d", s.Results[r]), r})
		done += s.Results[r]
	}
	if done < s.Planned {
		rows = append(rows, []string{fmt.Sprintf("%7d", s.Planned-done), "not sent"})
	}
	for _, line := range columns(rows) {
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, "latency: p50 %s, p95 %s, p99 %s, max %s\n",
		seconds(s.Latency.P50), seconds(s.Latency.P95), seconds(s.Latency.P99), seconds(s.Latency.Max))
	if missed := s.Planned - s.Acknowledged; missed > 0 {
		b.WriteString(paint.bad(fmt.Sprintf("%s not acknowledged", deliveries(missed))) + "\n")
	} else {
		b.WriteString(paint.good("all acknowledged") + "\n")
	}
	return b.String()
}

func deliveries(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", n)
}
