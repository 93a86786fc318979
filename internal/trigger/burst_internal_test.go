// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/event"
)

// Cloud Run takes the CPU, and with it the timers, away between requests: the next
// request, or the next unmatched event, has what is late written first.
func TestARequestWritesWhatIsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := NewReporter(cloudlog.New(&log, slog.LevelInfo), "")
		outcome := func() { r.Outcome(t.Context(), &event.Event{ID: "1"}, &Outcome{Kind: Unmatched}, 0) }
		request := func() { r.Request() }
		for i, step := range []struct {
			wait  time.Duration
			do    func()
			lines int
		}{
			{0, outcome, 1}, {0, outcome, 1}, {time.Second - 1, request, 1}, {1, request, 2}, {time.Hour, request, 2},
			{0, outcome, 3}, {0, outcome, 3}, {time.Hour, outcome, 4}, {time.Second, request, 5},
		} {
			time.Sleep(step.wait) //nolint:forbidigo // the clock of the bubble
			step.do()
			if r.unmatched.timer != nil {
				r.unmatched.timer.Stop()
			}
			if got := bytes.Count(log.Bytes(), []byte("\n")); got != step.lines {
				t.Errorf("after step %d there are %d lines, want %d", i, got, step.lines)
			}
		}
	})
}
