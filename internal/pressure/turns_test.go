// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

func TestSmallEventsDoNotWaitForLargeOnes(t *testing.T) {
	t.Parallel()
	turns := pressure.NewTurns(1)
	large, err := turns.Take(t.Context(), 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer large()
	small, err := turns.Take(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	small()
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := pressure.NewTurns(1)
		first, err := turns.Take(t.Context(), 16<<20)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.Take(ctx, 16<<20); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Take = %v, want the context's error", err)
		}
		first()
		again, err := turns.Take(t.Context(), 16<<20)
		if err != nil {
			t.Fatal(err)
		}
		again()
	})
}

func TestLargeEventsShareTheMemory(t *testing.T) {
	t.Parallel()
	turns := pressure.NewTurns(2)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 4 {
		if _, err := turns.Take(t.Context(), 100<<10); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := turns.Take(ended, 100<<10); err == nil {
		t.Error("a fifth large event goes on beside four on two processors")
	}
}

// What the routes compute is counted apart from the bytes that came. It never waits, for
// it is in memory already, and its holder has a turn that others wait for.
func TestComputedBytesCountUntilReleaseAndNeverWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := pressure.NewBytes(1 << 20)
		body := func(ctx context.Context) *pressure.Body {
			return all.Body(ctx, nil, -1, func(time.Time) error { return nil })
		}
		first, second, third := body(t.Context()), body(t.Context()), body(t.Context())
		first.Hold(3 << 20)
		second.Hold(1 << 20)
		if all.InFlight() != 4<<20 {
			t.Errorf("InFlight = %d", all.InFlight())
		}
		if err := third.WaitForMemory(); err != nil { // one goes on beyond the memory
			t.Error(err)
		}
		ended, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := body(ended).WaitForMemory(); !errors.Is(err, pressure.ErrMemory) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitForMemory = %v, want ErrMemory", err)
		}
		third.Release()
		if err := body(t.Context()).WaitForMemory(); err != nil { // then another does, though others hold more than the bound
			t.Error(err)
		}
		first.Release()
		second.Release()
		if err := body(t.Context()).WaitForMemory(); err != nil || all.InFlight() != 0 {
			t.Errorf("WaitForMemory = %v, InFlight = %d after the release", err, all.InFlight())
		}
	})
}
