// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"context"

	"golang.org/x/sync/semaphore"
)

const (
	// smallEvent is the most bytes of an event that waits for other small ones
	// alone, and smallTurns how many of those go on at once for each processor.
	smallEvent = 64 << 10
	smallTurns = 4
	// largeTurns is how many larger ones go on at once for each processor, as
	// far as largeMemory allows: parsed, an event takes up to parsedSize times
	// its bytes, so that one of 16 MiB goes on by itself.
	largeTurns  = 2
	largeMemory = 160 << 20
	parsedSize  = 10
)

// Turns bounds how many events are evaluated at once. Expressions compute with
// many times what an event brought, and more at once than there are processors
// would take the memory of all of them and no less time. Small events do not
// wait for large ones. Any number of goroutines may share it.
type Turns struct {
	small, large *semaphore.Weighted
	least        int64 // what a large event takes of largeMemory
}

// NewTurns makes turns for so many processors.
func NewTurns(processors int) *Turns {
	return &Turns{
		small: semaphore.NewWeighted(int64(smallTurns * processors)),
		large: semaphore.NewWeighted(largeMemory),
		least: largeMemory / int64(largeTurns*processors),
	}
}

// Take waits for a turn for an event of so many bytes. done ends it. The error
// is the context's where that ends first.
func (t *Turns) Take(ctx context.Context, bytes int) (done func(), err error) {
	turns, weight := t.small, int64(1)
	if bytes > smallEvent {
		turns, weight = t.large, min(max(parsedSize*int64(bytes), t.least), largeMemory)
	}
	if err := turns.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	return func() { turns.Release(weight) }, nil
}
