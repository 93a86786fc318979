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
