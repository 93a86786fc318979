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

// What the routes compute counts like the bytes that came, and may wait for
// them, but never for itself.
func TestComputedBytesCountUntilRelease(t *testing.T) {
	t.Parallel()
	all := pressure.NewBytes(1 << 20)
	body := func(ctx context.Context) *pressure.Body {
		return all.Body(ctx, nil, func(time.Time) error { return nil })
	}
	first := body(t.Context())
	if err := first.Hold(3 << 20); err != nil { // it alone may go beyond
		t.Fatal(err)
	}
	if all.InFlight() != 3<<20 {
		t.Errorf("InFlight = %d", all.InFlight())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := body(ended).Hold(1 << 20); !errors.Is(err, pressure.ErrMemory) || !errors.Is(err, context.Canceled) {
		t.Errorf("Hold = %v, want ErrMemory", err)
	}
	first.Release()
	if all.InFlight() != 0 {
		t.Errorf("InFlight = %d after the release", all.InFlight())
	}
}
