// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

// dags is an Airflow of which only counts and states are asked.
type dags struct {
	mu     sync.Mutex
	active map[string]int
	paused map[string]bool
	asked  int
	takes  time.Duration
	oldest time.Time // when the oldest run started
	err    error
}

func newDAGs() *dags { return &dags{active: map[string]int{}, paused: map[string]bool{}} }

func (d *dags) ActiveRuns(ctx context.Context, id string) (int, error) {
	err := d.ask(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.active[id], err
}

func (d *dags) Paused(ctx context.Context, id string) (bool, error) {
	err := d.ask(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paused[id], err
}

func (d *dags) Unpause(ctx context.Context, id string) error {
	if err := d.ask(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused[id] = false
	return nil
}

// HasRunsFrom answers by oldest, which is zero where there is no run.
func (d *dags) HasRunsFrom(ctx context.Context, _ string, at time.Time) (bool, error) {
	err := d.ask(ctx)
	return !d.oldest.IsZero() && !at.Before(d.oldest), err
}

func (d *dags) ask(ctx context.Context) error {
	d.mu.Lock()
	d.asked++
	takes, err := d.takes, d.err
	d.mu.Unlock()
	select {
	case <-time.After(takes):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *dags) set(id string, active int, paused bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active[id], d.paused[id] = active, paused
}

func (d *dags) asks(t *testing.T, want int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asked != want {
		t.Errorf("Airflow was asked %d times, want %d", d.asked, want)
	}
}

func admitted(t *testing.T, a *pressure.Admission, p pressure.Policy) (done func(bool)) {
	t.Helper()
	done, err := a.Admit(t.Context(), "load", p)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func refused(t *testing.T, a *pressure.Admission, p pressure.Policy, reason string, retryAfter time.Duration) {
	t.Helper()
	_, err := a.Admit(t.Context(), "load", p)
	r, ok := errors.AsType[*pressure.Refusal](err)
	cause := pressure.CauseMaxActive
	if p.WhenPaused != "" {
		cause = pressure.CausePaused
	}
	if !ok || r.Reason != reason || r.Cause != cause || r.RetryAfter != retryAfter || r.Down() {
		t.Errorf("Admit = %+v, want a refusal for %v: %s", err, retryAfter, reason)
	}
}

func TestNoPolicyCostsNoRequest(t *testing.T) {
	t.Parallel()
	d := newDAGs()
	d.set("load", 99, true)
	a := pressure.NewAdmission(d, 0)
	for _, p := range []pressure.Policy{{}, {WhenPaused: pressure.Trigger}} {
		admitted(t, a, p)(true)
	}
	d.asks(t, 0)
}

func TestMaxActiveBoundsTheRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDAGs()
		d.set("load", 3, false)
		a := pressure.NewAdmission(d, 0)
		five := pressure.Policy{MaxActive: 5}
		one, two := admitted(t, a, five), admitted(t, a, five)
		const full = `the DAG "load" has 5 runs queued, running or being started, and the route's max_active is 5`
		refused(t, a, five, full, 5*time.Second)
		admitted(t, a, pressure.Policy{MaxActive: 6})(false) // another route's bound
		one(true)
		<-time.After(2 * time.Second)
		refused(t, a, five, full, 3*time.Second)
		two(false) // no run came of it: its place is free
		two(false)
		admitted(t, a, five)(true)
		<-time.After(2500 * time.Millisecond)
		refused(t, a, five, full, time.Second)
		d.asks(t, 1)

		d.set("load", 4, false) // one has ended, as the next count tells
		<-time.After(time.Second)
		admitted(t, a, five)
		refused(t, a, five, full, 5*time.Second)
		d.asks(t, 2)
	})
}

func TestBurstIsCountedOnceAndBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDAGs()
		d.takes = time.Second
		a := pressure.NewAdmission(d, 0)
		var group sync.WaitGroup
		through := make(chan func(bool), 100)
		for range 100 {
			group.Go(func() {
				if done, err := a.Admit(t.Context(), "load", pressure.Policy{MaxActive: 7}); err == nil {
					through <- done
				}
			})
		}
		group.Wait()
		if len(through) != 7 {
			t.Errorf("%d of a burst were let through, want 7", len(through))
		}
		d.asks(t, 1)
	})
}

func TestRunStartedDuringACountIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDAGs()
		a := pressure.NewAdmission(d, 0)
		two := pressure.Policy{MaxActive: 2}
		done := admitted(t, a, two)
		<-time.After(5 * time.Second)
		d.takes = 3 * time.Second
		counted := make(chan func(bool))
		go func() { counted <- admitted(t, a, two) }() // which has to count, and finds none
		<-time.After(time.Second)
		done(true) // too late for the count
		next := <-counted
		refused(t, a, two, `the DAG "load" has 2 runs queued, running or being started, and the route's max_active is 2`, 5*time.Second)
		next(true)
	})
}

func TestPausedDAG(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDAGs()
		d.set("load", 0, true)
		a := pressure.NewAdmission(d, 0)
		wait := pressure.Policy{WhenPaused: pressure.Defer}
		refused(t, a, wait, `the DAG "load" is paused, and the route says when_paused: defer: unpause it`, 5*time.Second)
		_, err := a.Admit(t.Context(), "load", pressure.Policy{WhenPaused: pressure.Fail})
		const want = `the DAG "load" is paused, and the route says when_paused: fail: unpause it, and replay`
		if paused, ok := errors.AsType[*pressure.PausedError](err); !ok || paused.DAGID != "load" || err.Error() != want {
			t.Errorf("Admit = %v, want %s", err, want)
		}
		d.asks(t, 1)
		d.set("load", 0, false)
		<-time.After(5 * time.Second)
		admitted(t, a, wait)(true)
		d.asks(t, 2)
	})
}

func TestUnpauseComesOnceBeforeTheRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDAGs()
		d.takes = time.Second
		d.set("load", 0, true)
		a := pressure.NewAdmission(d, 0)
		unpause := pressure.Policy{WhenPaused: pressure.Unpause}
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() { admitted(t, a, unpause)(true) })
		}
		group.Wait()
		d.asks(t, 2) // the state, and the change of it
		if d.paused["load"] {
			t.Error("the DAG is still paused")
		}
		admitted(t, a, unpause)(true)
		d.asks(t, 2)

		d.set("load", 0, true) // paused again, as the next look shows
		<-time.After(5 * time.Second)
		admitted(t, a, unpause)(true)
		d.asks(t, 4)
	})
}

func TestUnpauseThatFailsStartsNoRun(t *testing.T) {
	t.Parallel()
	d := newDAGs()
	d.set("load", 0, true)
	a := pressure.NewAdmission(d, 0)
	unpause := pressure.Policy{WhenPaused: pressure.Unpause}
	if _, err := a.Admit(t.Context(), "load", pressure.Policy{WhenPaused: pressure.Defer}); err == nil {
		t.Fatal("the DAG is not paused")
	}
	d.err = errors.New("403")
	for range 2 {
		if _, err := a.Admit(t.Context(), "load", unpause); !errors.Is(err, d.err) {
			t.Errorf("Admit = %v, want Airflow's own error", err)
		}
	}
	d.asks(t, 3)
}

func TestOldEventsNeedRunsThatAreAsOld(t *testing.T) {
	t.Parallel()
	d := newDAGs()
	day := func(n int) time.Time { return time.Date(2026, 8, n, 0, 0, 0, 0, time.UTC) }
	d.oldest = day(10)
	a := pressure.NewAdmission(d, 0)
	for _, row := range []struct{ day, asked int }{{12, 1}, {12, 1}, {13, 1}, {11, 2}, {10, 3}, {20, 3}} {
		admitted(t, a, pressure.Policy{HeldFrom: day(row.day)})(true)
		d.asks(t, row.asked)
	}
	_, err := a.Admit(t.Context(), "load", pressure.Policy{HeldFrom: day(9)})
	const want = `Airflow holds no run of the DAG "load" as old as the event, which is of 2026-08-09T00:00:00Z: ` +
		`if it has run, its run was removed, and it would run twice: add --start-old to start it`
	if removed, ok := errors.AsType[*pressure.RemovedError](err); !ok || removed.Error() != want {
		t.Errorf("Admit = %v, want %s", err, want)
	}
	d.err = errors.New("503")
	if _, err := a.Admit(t.Context(), "load", pressure.Policy{HeldFrom: day(9)}); !errors.Is(err, d.err) {
		t.Errorf("Admit = %v, want Airflow's own error", err)
	}
}

func TestDAGsDoNotCountForEachOther(t *testing.T) {
	t.Parallel()
	d := newDAGs()
	d.set("load", 1, true)
	a := pressure.NewAdmission(d, 0)
	if _, err := a.Admit(t.Context(), "other", pressure.Policy{MaxActive: 1, WhenPaused: pressure.Defer}); err != nil {
		t.Error(err)
	}
}

func TestFailedCountIsRepeated(t *testing.T) {
	t.Parallel()
	d := newDAGs()
	d.err = errors.New("503")
	a := pressure.NewAdmission(d, time.Hour)
	for _, p := range []pressure.Policy{{MaxActive: 1}, {WhenPaused: pressure.Defer}} {
		if _, err := a.Admit(t.Context(), "load", p); !errors.Is(err, d.err) {
			t.Errorf("Admit = %v, want Airflow's own error", err)
		}
	}
	d.err = nil
	admitted(t, a, pressure.Policy{MaxActive: 1, WhenPaused: pressure.Defer})
	d.asks(t, 4)
}

func TestCanceledCallDoesNotEndTheCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDAGs()
		d.takes = 10 * time.Second
		a := pressure.NewAdmission(d, 0)
		imwaiter, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		gaveUp := make(chan error)
		go func() {
			_, err := a.Admit(imwaiter, "load", pressure.Policy{MaxActive: 1})
			gaveUp <- err
		}()
		synctest.Wait()
		waiter := make(chan error)
		go func() {
			_, err := a.Admit(t.Context(), "load", pressure.Policy{MaxActive: 1})
			waiter <- err
		}()
		const want = "requesting the runs of load from Airflow: context deadline exceeded"
		if err := <-gaveUp; !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
			t.Errorf("who gave up: %v", err)
		}
		if err := <-waiter; err != nil {
			t.Errorf("who did not: %v", err)
		}
		d.asks(t, 1)
	})
}

func TestCountHasATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDAGs()
		d.takes = time.Hour
		_, err := pressure.NewAdmission(d, 0).Admit(t.Context(), "load", pressure.Policy{MaxActive: 1})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Admit = %v", err)
		}
	})
}
