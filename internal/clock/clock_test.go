// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/clock"
)

func TestSleep(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name       string
		pause, end time.Duration // end is that of the context
		took       time.Duration
		err        error
	}{
		{"to its end", time.Second, time.Minute, time.Second, nil},
		{"until the context ends", time.Minute, time.Second, time.Second, context.DeadlineExceeded},
		{"not at all", -time.Second, time.Minute, 0, nil},
		{"not after the context", time.Second, 0, 0, context.DeadlineExceeded},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), row.end)
				defer cancel()
				started := time.Now()
				err := clock.Sleep(ctx, row.pause)
				if took := time.Since(started); !errors.Is(err, row.err) || took != row.took {
					t.Errorf("got %v after %s, want %v after %s", err, took, row.err, row.took)
				}
			})
		})
	}
}
