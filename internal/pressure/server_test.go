// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

// server is a model of a web server: workers that each take a time for a
// request, a queue in front of them, and a number of requests above which it
// refuses. Change it through set.
type server struct {
	workers int           // unlimited: as many as there are requests
	service time.Duration // of one request
	noise   noise
	most    int           // requests that it does not refuse; 0: it refuses none
	down    bool          // nothing answers
	hangs   time.Duration // how long a request takes to find out that it is down

	mu      sync.Mutex
	busy    int
	waiting []chan struct{}
	inside  int
	peak    int
	probing int // the most requests at once that were finding it down
	count
}

// count is what a server has done since it was last counted.
type count struct {
	served, refused int
	latencies       []time.Duration
	worked          time.Duration // by all workers
}

// noise makes a service time from the usual one; nil leaves it as it is.
type noise func(usual time.Duration) time.Duration

const unlimited = 1_000_000

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// take returns what the server has done since the last call.
func (s *server) take() count {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.count
	s.count = count{}
	slices.Sort(c.latencies)
	return c
}

// do is one request.
func (s *server) do() pressure.Result {
	began := time.Now()
	s.mu.Lock()
	s.inside++
	s.peak = max(s.peak, s.inside)
	switch {
	case s.down:
		s.probing = max(s.probing, s.inside)
		hangs := s.hangs
		s.mu.Unlock()
		<-time.After(hangs)
		s.set(func() { s.inside-- })
		return pressure.Down
	case s.most > 0 && s.inside > s.most:
		s.inside--
		s.refused++
		s.mu.Unlock()
		return pressure.Overloaded
	case s.busy >= s.workers:
		turn := make(chan struct{})
		s.waiting = append(s.waiting, turn)
		s.mu.Unlock()
		<-turn
		s.mu.Lock()
	default:
		s.busy++
	}
	service := s.service
	if s.noise != nil {
		service = s.noise(service)
	}
	s.mu.Unlock()
	<-time.After(service)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
	s.served++
	s.latencies = append(s.latencies, time.Since(began))
	s.worked += service
	for s.busy--; s.busy < s.workers && len(s.waiting) > 0; s.busy++ {
		close(s.waiting[0])
		s.waiting = s.waiting[1:]
	}
	return pressure.Served
}

// uneven is ±50 %, and one request in 50 takes 20 times as long. Their mean is
// unevenMean times the usual.
func uneven(seed uint64) noise {
	random := rand.New(rand.NewPCG(seed, 1))
	return func(usual time.Duration) time.Duration {
		if random.IntN(50) == 0 {
			return 20 * usual
		}
		return time.Duration(float64(usual) * (0.5 + random.Float64()))
	}
}

const unevenMean = 0.98 + 0.02*20

// erlang is a service in four phases, each as long as chance has it: half of
// all requests are a third longer or shorter than the usual.
func erlang(seed uint64) noise {
	random := rand.New(rand.NewPCG(seed, 2))
	return func(usual time.Duration) time.Duration {
		phases := random.ExpFloat64() + random.ExpFloat64() + random.ExpFloat64() + random.ExpFloat64()
		return time.Duration(float64(usual) * phases / 4)
	}
}

// capacity is what a server can serve, in requests a second.
func capacity(workers int, service time.Duration) float64 {
	return float64(workers) / service.Seconds()
}

// simulate runs a test with a fake clock: a minute of it takes milliseconds.
// The context ends with the test, and then all requests do.
func simulate(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer func() {
			cancel()
			<-time.After(time.Hour)
		}()
		test(t, ctx)
	})
}

// saturate has so many senders, each of which sends its next request when the last
// one has ended: a fully used instance of the function.
func saturate(ctx context.Context, g *pressure.Gate, s *server, senders int) {
	for range senders {
		go func() {
			for ctx.Err() == nil {
				if done, err := g.Enter(context.WithoutCancel(ctx)); err == nil {
					done(s.do())
				} else {
					<-time.After(10 * time.Millisecond)
				}
			}
		}()
	}
}

// offer sends requests at a rate, whatever becomes of them.
func offer(ctx context.Context, g *pressure.Gate, s *server, perSecond float64) {
	ticker := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer ticker.Stop()
	for ctx.Err() == nil {
		<-ticker.C
		go func() {
			if done, err := g.Enter(context.WithoutCancel(ctx)); err == nil {
				done(s.do())
			}
		}()
	}
}

// watch follows gates for a while, and returns the mean of the sum of their limits.
func watch(t *testing.T, most int, d time.Duration, gates ...*pressure.Gate) float64 {
	t.Helper()
	const every = 50 * time.Millisecond
	sum := 0
	for range d / every {
		<-time.After(every)
		for _, g := range gates {
			s := g.State()
			if s.Limit < 1 || s.Limit > most || s.InFlight > most {
				t.Fatalf("the limit is %d with %d in flight: want 1 to %d", s.Limit, s.InFlight, most)
			}
			sum += s.Limit
		}
	}
	return float64(sum) / float64(d/every)
}
