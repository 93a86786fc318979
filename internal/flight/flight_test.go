// SPDX-License-Identifier: Apache-2.0

package flight_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/flight"
)

// job counts how often it began and was canceled, and ends when it is let go.
type job struct {
	began, canceled atomic.Int32
	end             chan struct{}
}

func (j *job) work(ctx context.Context) (int32, error) {
	n := j.began.Add(1)
	select {
	case <-j.end:
		return n, nil
	case <-ctx.Done():
		j.canceled.Add(1)
		return 0, ctx.Err()
	}
}

func TestDoSharesOneCallAmongWaitingCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group[int32]
		j := job{end: make(chan struct{})}
		first, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := group.Do(first, "key", time.Minute, j.work)
			if gaveUp, ok := errors.AsType[*flight.GaveUpError](err); !ok || !errors.Is(gaveUp, context.Canceled) {
				t.Errorf("the caller that gave up got %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			all.Go(func() {
				if n, err := group.Do(t.Context(), "key", time.Minute, j.work); n != 1 || err != nil {
					t.Errorf("a caller that waited got %d, %v", n, err)
				}
			})
		}
		all.Go(func() {
			if n, err := group.Do(t.Context(), "other", time.Minute, j.work); n != 2 || err != nil {
				t.Errorf("the caller with another key got %d, %v", n, err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(j.end)
		all.Wait()
		if n, err := group.Do(t.Context(), "key", time.Minute, j.work); n != 3 || err != nil {
			t.Errorf("the caller after them got %d, %v", n, err)
		}
		if n := j.canceled.Load(); n != 0 {
			t.Errorf("%d calls were canceled", n)
		}
	})
}

func TestDoCancelsWorkThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group[int32]
		j := job{end: make(chan struct{})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := group.Do(ctx, "key", time.Minute, j.work); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if n := j.canceled.Load(); n != 1 {
			t.Errorf("%d calls were canceled", n)
		}
		close(j.end)
		if n, err := group.Do(t.Context(), "key", time.Minute, j.work); n != 2 || err != nil {
			t.Errorf("the next caller got %d, %v", n, err)
		}
	})
}

func TestDoEndsWorkAfterItsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group[int32]
		j := job{end: make(chan struct{})}
		started := time.Now()
		_, err := group.Do(t.Context(), "key", time.Minute, j.work)
		_, gaveUp := errors.AsType[*flight.GaveUpError](err)
		if !errors.Is(err, context.DeadlineExceeded) || gaveUp || time.Since(started) != time.Minute {
			t.Errorf("got %v after %s", err, time.Since(started))
		}
	})
}

func TestForgetStartsOwnWorkForLaterCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group[int32]
		j := job{end: make(chan struct{})}
		var all sync.WaitGroup
		for want := range int32(2) {
			all.Go(func() {
				if n, err := group.Do(t.Context(), "key", time.Minute, j.work); n != want+1 || err != nil {
					t.Errorf("caller %d got %d, %v", want+1, n, err)
				}
			})
			synctest.Wait()
			group.Forget("key")
		}
		close(j.end)
		all.Wait()
	})
}
