// SPDX-License-Identifier: Apache-2.0

// Package clock implements what the standard library lacks about time: a pause that
// ends with its context, and durations in days. It never reads the time.
package clock

import (
	"context"
	"time"
)

// Sleep waits for d. It returns the error of ctx when that ends before.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
