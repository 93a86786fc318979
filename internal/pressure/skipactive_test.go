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

// activeErrors counts the events of a burst that a run was skipped for. Each that is
// admitted starts a run, or fails to where it is the first of failing.
func activeErrors(t *testing.T, d *dags, events, failing int) (started, skipped int) {
	t.Helper()
	a := pressure.NewAdmission(d, 0)
	var group sync.WaitGroup
	var mu sync.Mutex
	for range events {
		group.Go(func() {
			done, err := a.Admit(t.Context(), "load", pressure.Policy{SkipActive: true})
			mu.Lock()
			defer mu.Unlock()
			if active, ok := errors.AsType[*pressure.ActiveError](err); ok {
				const want = `a run of the DAG "load" is queued or running, and the route says skip_active: true`
				if active.Error() != want {
					t.Errorf("%v, want %s", err, want)
				}
				skipped++
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			failing--
			if failing < 0 {
				d.set("load", 1, false)
				started++
			}
			done(failing < 0)
		})
	}
	group.Wait()
	return started, skipped
}

func TestSkipActiveStartsOneRunOfABurst(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ active, failing, started, skipped, asks int }{
		"an idle DAG":                  {0, 0, 1, 9, 1},
		"a run is active":              {1, 0, 0, 10, 1},
		"the first two starts failed":  {0, 2, 1, 7, 3},
		"no start came of all of them": {0, 10, 0, 0, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDAGs()
				d.takes = time.Second
				d.set("load", tt.active, false)
				started, skipped := activeErrors(t, d, 10, tt.failing)
				if started != tt.started || skipped != tt.skipped {
					t.Errorf("%d started and %d skipped, want %d and %d", started, skipped, tt.started, tt.skipped)
				}
				d.asks(t, tt.asks)
			})
		})
	}
}

// An event is skipped only for a run that was active after it came.
func TestSkipActiveChecksEachLaterEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDAGs()
		a := pressure.NewAdmission(d, 0)
		skip := pressure.Policy{SkipActive: true}
		admitted(t, a, skip)(true)
		<-time.After(time.Second) // the run has ended by then
		admitted(t, a, skip)(false)
		d.asks(t, 2)
	})
}

func TestSkipActiveDefersWhileAnotherRunIsBeingStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDAGs()
		a := pressure.NewAdmission(d, 0)
		skip := pressure.Policy{SkipActive: true}
		done := admitted(t, a, skip)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := a.Admit(ctx, "load", skip)
		r, ok := errors.AsType[*pressure.Refusal](err)
		const want = `another run of the DAG "load" is being started, and the route says skip_active: true`
		if !ok || r.Reason != want || r.Cause != pressure.CauseActive || r.RetryAfter != time.Second {
			t.Errorf("Admit = %+v, want a refusal: %s", err, want)
		}
		done(true)
	})
}
