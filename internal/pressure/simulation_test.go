// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

// server is a model of a web server: workers that each take a time to serve a
// request, a queue before them, and a number of requests above which it refuses.
type server struct {
	mu       sync.Mutex
	workers  int
	service  time.Duration
	noise    *rand.Rand // nil: every request takes the same
	most     int        // 0: it never refuses
	down     bool
	outage   time.Duration // how long it takes to find it down
	asking   int           // the most who were finding it down at once
	busy     int
	waiting  []chan struct{}
	inside   int
	peak     int
	refusals int
	served   int
	latency  time.Duration // of all that were served
	worked   time.Duration // by all workers
}

// do is one request.
func (s *server) do() pressure.Result {
	began := time.Now()
	s.mu.Lock()
	if s.down {
		s.inside++
		s.asking = max(s.asking, s.inside)
		s.mu.Unlock()
		<-time.After(s.outage)
		s.set(func(s *server) { s.inside-- })
		return pressure.Down
	}
	s.inside++
	s.peak = max(s.peak, s.inside)
	if s.most > 0 && s.inside > s.most {
		s.inside--
		s.refusals++
		s.mu.Unlock()
		return pressure.Overloaded
	}
	if s.busy >= s.workers {
		turn := make(chan struct{})
		s.waiting = append(s.waiting, turn)
		s.mu.Unlock()
		<-turn
		s.mu.Lock()
	} else {
		s.busy++
	}
	service := s.service
	if s.noise != nil { // Erlang's, of four phases: it varies by half
		phases := s.noise.ExpFloat64() + s.noise.ExpFloat64() + s.noise.ExpFloat64() + s.noise.ExpFloat64()
		service = time.Duration(float64(service) * phases / 4)
	}
	s.mu.Unlock()
	<-time.After(service)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
	s.served++
	s.latency += time.Since(began)
	s.worked += service
	if s.busy > s.workers || len(s.waiting) == 0 {
		s.busy--
		return pressure.Served
	}
	close(s.waiting[0])
	s.waiting = s.waiting[1:]
	return pressure.Served
}

// set changes the server, as a deployment would.
func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// take gives how many workers were busy since it was last called, and how much
// slower a request was than the work on it.
func (s *server) take(in time.Duration) (busy, slower float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	busy, slower = s.worked.Seconds()/in.Seconds(), s.latency.Seconds()/s.worked.Seconds()
	s.served, s.latency, s.worked = 0, 0, 0
	return busy, slower
}

// offer sends requests through the gate at a rate, whatever becomes of them,
// until the context ends.
func offer(ctx context.Context, g *pressure.Gate, s *server, perSecond float64) {
	var group sync.WaitGroup
	defer group.Wait()
	ticker := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		group.Go(func() {
			done, err := g.Enter(context.WithoutCancel(ctx))
			if err == nil {
				done(s.do())
			}
		})
	}
}

// simulate runs a test in a time of its own: a minute of it takes milliseconds.
// What it offers ends before it does.
func simulate(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer func() {
			cancel()
			<-time.After(time.Hour) // all that is under way ends
		}()
		test(t, ctx)
	})
}

// watch follows the gate for a while, and gives the mean of its limit.
func watch(t *testing.T, g *pressure.Gate, most int, d time.Duration) float64 {
	t.Helper()
	const every = 100 * time.Millisecond
	sum := 0
	for range d / every {
		<-time.After(every)
		s := g.State()
		if s.Limit < 1 || s.Limit > most || s.InFlight > most {
			t.Fatalf("the limit is %d with %d in flight: it is to be from 1 to %d", s.Limit, s.InFlight, most)
		}
		sum += s.Limit
	}
	return float64(sum) / float64(d/every)
}

// capacity is what a server can serve, in requests a second.
func capacity(workers int, service time.Duration) float64 {
	return float64(workers) / service.Seconds()
}

func TestTheLimitFindsWhatServesTheServerBest(t *testing.T) {
	t.Parallel()
	const most = 32
	for _, row := range []struct {
		name    string
		workers int
		service time.Duration
		noisy   bool
		slower  float64 // than without others, at most
	}{
		{"one worker", 1, 200 * time.Millisecond, false, 3},
		{"two workers", 2, 200 * time.Millisecond, false, 2.5},
		{"eight workers", 8, 400 * time.Millisecond, false, 2},
		{"one worker, noisy", 1, 200 * time.Millisecond, true, 4},
		{"two workers, noisy", 2, 200 * time.Millisecond, true, 3},
		{"eight workers, noisy", 8, 400 * time.Millisecond, true, 2.5},
		{"two slow workers", 2, time.Second, false, 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			simulate(t, func(t *testing.T, ctx context.Context) {
				s := &server{workers: row.workers, service: row.service}
				if row.noisy {
					s.noise = rand.New(rand.NewPCG(1, 2))
				}
				g := pressure.New(pressure.Config{MaxInFlight: most})
				go offer(ctx, g, s, 3*capacity(row.workers, row.service))
				watch(t, g, most, time.Minute)
				s.take(time.Minute)
				limit := watch(t, g, most, 2*time.Minute)
				busy, slower := s.take(2 * time.Minute)
				goodput := busy / float64(row.workers)
				t.Logf("goodput %.3f of its best, latency %.2f times its least, limit %.1f", goodput, slower, limit)
				if goodput < 0.95 || slower > row.slower {
					t.Errorf("goodput is to be 0.95 and latency at most %.1f times", row.slower)
				}
			})
		})
	}
}

func TestTheLimitFollowsTheServer(t *testing.T) {
	t.Parallel()
	simulate(t, func(t *testing.T, ctx context.Context) {
		const most = 32
		s := &server{workers: 8, service: 200 * time.Millisecond}
		g := pressure.New(pressure.Config{MaxInFlight: most})
		go offer(ctx, g, s, 3*capacity(8, 50*time.Millisecond))
		for _, row := range []struct {
			workers int
			service time.Duration
		}{
			{8, 200 * time.Millisecond},
			{2, 200 * time.Millisecond},
			{8, 200 * time.Millisecond},
			{8, 800 * time.Millisecond},
			{3, 200 * time.Millisecond},
			{1, 1600 * time.Millisecond},
			{12, 400 * time.Millisecond},
		} {
			s.set(func(s *server) { s.workers, s.service = row.workers, row.service })
			offered, stop := context.WithCancel(ctx)
			go offer(offered, g, s, 3*capacity(row.workers, row.service))
			// A slow server tells little in a minute.
			settle := max(90*time.Second, time.Duration(300/capacity(row.workers, row.service)*float64(time.Second)))
			watch(t, g, most, settle)
			s.take(settle)
			limit := watch(t, g, most, settle)
			stop()
			busy, slower := s.take(settle)
			goodput := busy / float64(row.workers)
			t.Logf("%d workers of %v: goodput %.3f, latency %.2f times, limit %.1f", row.workers, row.service, goodput, slower, limit)
			if goodput < 0.95 || slower > 4 {
				t.Errorf("%d workers of %v: goodput is to be 0.95 and latency at most 4 times", row.workers, row.service)
			}
		}
	})
}

func TestTheLimitStaysBelowWhatTheServerRefuses(t *testing.T) {
	t.Parallel()
	simulate(t, func(t *testing.T, ctx context.Context) {
		s := &server{workers: 100, service: 200 * time.Millisecond, most: 5} // latency says nothing
		g := pressure.New(pressure.Config{MaxInFlight: 32})
		go offer(ctx, g, s, 3*capacity(5, s.service))
		watch(t, g, 32, time.Minute)
		s.take(time.Minute)
		s.set(func(s *server) { s.refusals = 0 })
		watch(t, g, 32, 2*time.Minute)
		s.mu.Lock()
		refused := float64(s.refusals) / float64(s.served)
		s.mu.Unlock()
		busy, _ := s.take(2 * time.Minute)
		t.Logf("goodput %.3f, refused %.4f", busy/5, refused)
		if busy < 0.85*5 || refused > 0.02 {
			t.Error("goodput is to be 0.85, and refusals 2 of 100")
		}
	})
}

func TestTheLimitStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		most int
		s    *server
	}{
		{"a server that could do more", 3, &server{workers: 50, service: 80 * time.Millisecond}},
		{"a server that refuses nearly everything", 8, &server{workers: 8, service: 80 * time.Millisecond, most: 1}},
		{"one at a time", 1, &server{workers: 8, service: 80 * time.Millisecond}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			simulate(t, func(t *testing.T, ctx context.Context) {
				g := pressure.New(pressure.Config{MaxInFlight: row.most})
				go offer(ctx, g, row.s, 100)
				watch(t, g, row.most, time.Minute)
				row.s.set(func(s *server) {
					if s.peak > row.most {
						t.Errorf("%d requests were at the server at once, of at most %d", s.peak, row.most)
					}
					if s.served < 50 {
						t.Errorf("%d requests were served in a minute", s.served)
					}
				})
			})
		})
	}
}

func TestAServerThatIsDownIsAskedByOneRequestAtATime(t *testing.T) {
	t.Parallel()
	simulate(t, func(t *testing.T, ctx context.Context) {
		s := &server{workers: 4, service: 200 * time.Millisecond}
		g := pressure.New(pressure.Config{MaxInFlight: 16})
		go offer(ctx, g, s, 3*capacity(4, s.service))
		watch(t, g, 16, time.Minute)
		since := time.Now()
		s.set(func(s *server) { s.down, s.outage = true, 200*time.Millisecond })
		<-time.After(2 * time.Second) // what was under way has failed
		s.set(func(s *server) { s.asking, s.most = 0, 0 })
		watch(t, g, 16, 30*time.Second)
		if down := g.State().DownSince; down.Sub(since) > time.Second {
			t.Errorf("down since %v, and the server since %v", down, since)
		}
		s.set(func(s *server) {
			if s.asking != 1 {
				t.Errorf("%d requests asked at once whether it is back", s.asking)
			}
			s.down = false
			s.served = 0
		})
		<-time.After(time.Second) // the first to be let through finds it up
		if down := g.State().DownSince; !down.IsZero() {
			t.Errorf("still down since %v", down)
		}
		watch(t, g, 16, 20*time.Second)
		s.take(time.Second)
		watch(t, g, 16, time.Minute)
		if busy, _ := s.take(time.Minute); busy < 0.95*4 {
			t.Errorf("goodput %.3f after it came back", busy/4)
		}
	})
}
