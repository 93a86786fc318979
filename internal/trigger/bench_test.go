// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/trigger"
)

// What the report of an unmatched event of a burst costs.
func BenchmarkReportUnmatched(b *testing.B) {
	ev := event.Event{ID: "8211", Source: "//storage.googleapis.com/projects/_/buckets/acme", Subject: "objects/a.txt", Time: time.Now()}
	o := trigger.Outcome{EventID: "8211", Kind: trigger.Unmatched, Reason: `no route matched: sales: object is "a.txt", not sales/*.csv`}
	r := trigger.NewReporter(cloudlog.New(io.Discard, slog.LevelInfo), "")
	b.ReportAllocs()
	for b.Loop() {
		q := r.Request()
		q.Event(b.Context(), &ev, []trigger.Outcome{o}, ev.Time, nil)
		q.End(b.Context())
	}
}
