// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

// enter goes through a gate that lets it through at once.
func enter(t *testing.T, g *pressure.Gate) (done func(pressure.Result)) {
	t.Helper()
	done, err := g.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// refusal is what a gate says to a request that it does not let through.
func refusal(t *testing.T, g *pressure.Gate) *pressure.Refusal {
	t.Helper()
	_, err := g.Enter(t.Context())
	r, ok := errors.AsType[*pressure.Refusal](err)
	if !ok {
		t.Fatalf("Enter = %v, want a refusal", err)
	}
	return r
}

func TestRequestsOfARouteKeepTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := pressure.New(pressure.Config{MaxInFlight: 1, Wait: time.Minute})
		done := enter(t, g)
		var mu sync.Mutex
		var order []int
		for i := range 10 {
			go func() {
				next, err := g.Enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				next(pressure.Served)
			}()
			synctest.Wait() // it waits in the queue now
		}
		if s := g.State(); s.InFlight != 1 || s.Waiting != 10 {
			t.Errorf("%+v", s)
		}
		done(pressure.Served)
		synctest.Wait()
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(order, want) {
			t.Errorf("order %v", order)
		}
	})
}

func TestRequestWaitsForABoundedTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := pressure.New(pressure.Config{MaxInFlight: 1, Wait: 3 * time.Second})
		done := enter(t, g)
		began := time.Now()
		r := refusal(t, g)
		if waited := time.Since(began); waited != 3*time.Second {
			t.Errorf("it waited %v", waited)
		}
		want := pressure.Refusal{
			Reason:     "Airflow has enough to do: requests of this instance there: 1",
			Cause:      pressure.CauseLimit,
			RetryAfter: time.Second,
		}
		if *r != want || r.Down() {
			t.Errorf("refused with %+v", r)
		}
		done(pressure.Served)
		enter(t, g)(pressure.Served) // the one who left holds no place
	})
}

func TestRequestThatMayNotWaitIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	g := pressure.New(pressure.Config{MaxInFlight: 1, Wait: -1})
	done := enter(t, g)
	_ = refusal(t, g)
	done(pressure.Served)
	enter(t, g)(pressure.Served)
}

func TestRefusalHasARetryAfter(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ latency, want time.Duration }{
		{100 * time.Millisecond, time.Second},
		{4 * time.Second, 4 * time.Second}, // one is there, and takes as long
		{10 * time.Minute, 30 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := pressure.New(pressure.Config{MaxInFlight: 1, Wait: -1})
			done := enter(t, g)
			<-time.After(row.latency)
			done(pressure.Served)
			defer enter(t, g)(pressure.Served)
			if got := refusal(t, g).RetryAfter; got != row.want {
				t.Errorf("at %v a request: come again after %v, want %v", row.latency, got, row.want)
			}
		})
	}
}

func TestLimitGrowsWhereTheServerTakesNoTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // where the clock stands still
		g := pressure.New(pressure.Config{MaxInFlight: 16, Wait: -1})
		for range 1000 {
			var all []func(pressure.Result)
			for range g.State().Limit {
				all = append(all, enter(t, g))
			}
			for _, done := range all {
				done(pressure.Served)
			}
		}
		if s := g.State(); s.Limit != 16 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCanceledRequestLeavesTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := pressure.New(pressure.Config{MaxInFlight: 1, Wait: time.Minute})
		done := enter(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() {
			_, err := g.Enter(ctx)
			result <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("Enter = %v", err)
		}
		if _, err := g.Enter(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Enter after that = %v", err)
		}
		done(pressure.Served)
		if s := g.State(); s.InFlight != 0 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestTurnOfACanceledRequestGoesToTheNext(t *testing.T) {
	t.Parallel()
	g := pressure.New(pressure.Config{MaxInFlight: 1, Wait: time.Minute})
	for range 1000 {
		done := enter(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			if next, err := g.Enter(ctx); err == nil {
				next(pressure.Ignored)
			}
		}()
		for g.State().Waiting == 0 {
			runtime.Gosched()
		}
		done(pressure.Ignored) // both at once: which one it sees first is chance
		cancel()
		<-left
	}
	if s := g.State(); s.InFlight != 0 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}

func TestEveryAcquiredPlaceIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = 5
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		g := pressure.New(pressure.Config{MaxInFlight: most, Wait: 20 * time.Millisecond})
		results := []pressure.Result{pressure.Served, pressure.Served, pressure.Overloaded, pressure.Answered, pressure.Down, pressure.Ignored}
		var group sync.WaitGroup
		for range 3000 {
			// Few moments, so that turns come just as requests are given up.
			const tick = 5 * time.Millisecond
			patience := time.Duration(random.IntN(8)) * tick
			work := time.Duration(random.IntN(4)) * tick
			result := results[random.IntN(len(results))]
			<-time.After(time.Duration(random.IntN(2)) * tick)
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				done, err := g.Enter(ctx)
				if err != nil {
					return
				}
				if n := g.State().InFlight; n > most {
					t.Errorf("%d requests at once", n)
				}
				<-time.After(work)
				done(result)
				done(pressure.Down) // a second word counts for nothing
			})
		}
		group.Wait()
		if s := g.State(); s.InFlight != 0 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCircuitOpensAfterThreeFailures(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		results []pressure.Result
		open    bool
	}{
		{"three", []pressure.Result{pressure.Down, pressure.Down, pressure.Down}, true},
		{"two", []pressure.Result{pressure.Down, pressure.Down}, false},
		{"an answer between", []pressure.Result{pressure.Down, pressure.Down, pressure.Served, pressure.Down, pressure.Down}, false},
		{"a refusal is an answer", []pressure.Result{pressure.Down, pressure.Down, pressure.Overloaded, pressure.Down}, false},
		{"what says nothing is none", []pressure.Result{pressure.Down, pressure.Down, pressure.Ignored, pressure.Down}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			g := pressure.New(pressure.Config{})
			for _, r := range row.results {
				enter(t, g)(r)
			}
			if got := !g.State().DownSince.IsZero(); got != row.open {
				t.Errorf("open: %v", got)
			}
		})
	}
}

// downGate is a gate whose circuit has opened a minute ago.
func downGate(t *testing.T) (*pressure.Gate, time.Time) {
	t.Helper()
	g := pressure.New(pressure.Config{Wait: 10 * time.Second})
	since := time.Now()
	for range 3 {
		enter(t, g)(pressure.Down)
	}
	<-time.After(time.Minute)
	return g, since
}

func TestProbeThatSucceedsLetsTheOthersThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, _ := downGate(t)
		probe := enter(t, g) // at once: no waiting period
		through := make(chan struct{})
		go func() {
			enter(t, g)(pressure.Served)
			close(through)
		}()
		synctest.Wait()
		if s := g.State(); s.InFlight != 1 || s.Waiting != 1 {
			t.Errorf("beside the probe: %+v", s)
		}
		probe(pressure.Served)
		<-through
		if s := g.State(); !s.DownSince.IsZero() {
			t.Errorf("still down: %+v", s)
		}
	})
}

func TestProbeThatFailsRefusesAllThatWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, since := downGate(t)
		probe := enter(t, g)
		refusals := make(chan *pressure.Refusal, 3)
		for range 3 {
			go func() { refusals <- refusal(t, g) }()
		}
		synctest.Wait()
		probe(pressure.Down)
		for range 3 {
			r := <-refusals
			want := "Airflow has been down since " + since.UTC().Format(time.RFC3339) + ", and one request at a time asks whether it is back"
			if !r.Down() || r.Cause != pressure.CauseCircuit || !r.DownSince.Equal(since) || r.Error() != want || r.RetryAfter != time.Second {
				t.Errorf("refused with %+v", r)
			}
		}
		enter(t, g)(pressure.Served) // the next to come is the next probe
	})
}

func TestProbeThatFindsNothingIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, _ := downGate(t)
		probe := enter(t, g)
		through := make(chan func(pressure.Result))
		go func() { through <- enter(t, g) }()
		synctest.Wait()
		probe(pressure.Ignored)
		next := <-through
		if s := g.State(); s.DownSince.IsZero() || s.InFlight != 1 {
			t.Errorf("%+v", s)
		}
		next(pressure.Served)
	})
}

// lateProbe is a probe that is still under way after the server came back.
func lateProbe(t *testing.T) (*pressure.Gate, func(pressure.Result)) {
	t.Helper()
	g := pressure.New(pressure.Config{Wait: -1})
	slow := enter(t, g)
	for range 3 {
		enter(t, g)(pressure.Down)
	}
	late := enter(t, g)
	slow(pressure.Served) // any answer is one: the server is back
	if s := g.State(); !s.DownSince.IsZero() {
		t.Fatalf("still down: %+v", s)
	}
	return g, late
}

func TestRequestsFromBeforeTheServerCameBackDoNotOpenTheCircuit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, late := lateProbe(t)
		<-time.After(time.Second)
		for range 2 {
			enter(t, g)(pressure.Down)
		}
		late(pressure.Down)
		if s := g.State(); !s.DownSince.IsZero() {
			t.Errorf("open again: %+v", s)
		}
	})
}

func TestProbeOfAnEarlierOutageDoesNotAllowASecondOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, late := lateProbe(t)
		<-time.After(time.Second)
		for range 3 {
			enter(t, g)(pressure.Down)
		}
		probe := enter(t, g)
		late(pressure.Ignored)
		if r := refusal(t, g); !r.Down() {
			t.Errorf("refused with %+v", r)
		}
		probe(pressure.Served)
	})
}

func TestProbeThatHangsIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, _ := downGate(t)
		hangs := enter(t, g)
		began := time.Now()
		enter(t, g)(pressure.Served)
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("the second probe came after %v", waited)
		}
		hangs(pressure.Down)
		if s := g.State(); !s.DownSince.IsZero() || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCircuitStaysClosedWhileOtherRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := pressure.New(pressure.Config{})
		enter(t, g)(pressure.Answered)
		for range 10 {
			enter(t, g)(pressure.Down)
		}
		if s := g.State(); !s.DownSince.IsZero() {
			t.Errorf("open, and the server has just answered: %+v", s)
		}
		<-time.After(time.Second)
		enter(t, g)(pressure.Down)
		if s := g.State(); s.DownSince.IsZero() {
			t.Error("closed, and the server has answered nothing for a second")
		}
	})
}

func BenchmarkEnter(b *testing.B) {
	g := pressure.New(pressure.Config{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		done, err := g.Enter(ctx)
		if err != nil {
			b.Fatal(err)
		}
		done(pressure.Served)
	}
}
