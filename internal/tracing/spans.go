// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"log/slog"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// maxSpans bounds the spans that wait for export; more are dropped.
	maxSpans = 2048
	// exportPause is how long spans are dropped after a failed export, so that no
	// request waits for a collector that is down.
	exportPause = 30 * time.Second
)

// spans is an OpenTelemetry span processor that keeps ended spans until their
// request is about to be answered. OpenTelemetry's own processors export in the
// middle of a request, or after it.
type spans struct {
	exporter sdktrace.SpanExporter
	log      *slog.Logger

	mu     sync.Mutex
	ended  []sdktrace.ReadOnlySpan
	resume time.Time // the earliest next export
}

// OnStart does nothing.
func (*spans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd keeps the span.
func (s *spans) OnEnd(span sdktrace.ReadOnlySpan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ended) < maxSpans {
		s.ended = append(s.ended, span)
	}
}

// take returns the spans to export, and forgets them.
func (s *spans) take() []sdktrace.ReadOnlySpan {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := s.ended
	s.ended = nil
	if time.Now().Before(s.resume) {
		return nil
	}
	return ended
}

// send exports all ended spans, those of other requests too. It goes on when the
// request is canceled, for at most exportTime.
func (s *spans) send(ctx context.Context) {
	ended := s.take()
	if len(ended) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTime)
	defer cancel()
	err := s.exporter.ExportSpans(ctx, ended)
	if err == nil {
		return
	}
	s.mu.Lock()
	s.resume = time.Now().Add(exportPause)
	s.mu.Unlock()
	s.log.LogAttrs(ctx, slog.LevelWarn, "spans dropped: the export to the collector failed",
		slog.Int("spans", len(ended)), slog.String("reason", err.Error()))
}

// ForceFlush exports all ended spans.
func (s *spans) ForceFlush(ctx context.Context) error {
	s.send(ctx)
	return nil
}

// Shutdown closes the exporter.
func (s *spans) Shutdown(ctx context.Context) error { return s.exporter.Shutdown(ctx) }
