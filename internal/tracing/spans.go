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
	// maxSpans bounds those that wait to be sent; further ones are dropped.
	maxSpans = 2048
	// exportPause is how long a collector that took no spans is left alone, and
	// they are dropped: no request waits for it meanwhile.
	exportPause = 30 * time.Second
)

// spans keeps those that have ended until the request that led to them is about
// to be answered. It is a processor of OpenTelemetry's; those that come with it
// export in the middle of a request, or behind its answer.
type spans struct {
	exporter sdktrace.SpanExporter
	log      *slog.Logger

	mu     sync.Mutex
	ended  []sdktrace.ReadOnlySpan
	resume time.Time // zero, or until when nothing is sent
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

// take returns what is to be sent.
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

// send sends all that have ended, those of other requests too. It outlives a
// sender of ctx's request that has gone, but not exportTime.
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
	s.log.LogAttrs(ctx, slog.LevelWarn, "spans dropped: the collector takes none", slog.Int("spans", len(ended)), slog.String("reason", err.Error()))
}

// ForceFlush sends all that have ended.
func (s *spans) ForceFlush(ctx context.Context) error {
	s.send(ctx)
	return nil
}

// Shutdown ends the exporter.
func (s *spans) Shutdown(ctx context.Context) error { return s.exporter.Shutdown(ctx) }
