// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

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
