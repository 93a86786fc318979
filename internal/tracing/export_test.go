// SPDX-License-Identifier: Apache-2.0

package tracing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/tracing"
)

// The API key of the export goes to the collector that the operator names, and to
// no other host.
func TestExportFollowsNoRedirect(t *testing.T) {
	var keys atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the export followed a redirect with the API key %q", r.Header.Get("X-Api-Key"))
	}))
	defer elsewhere.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=sesame")
	for _, status := range []int{301, 302, 303, 307, 308} {
		collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Api-Key") == "sesame" {
				keys.Add(1)
			}
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, status)
		}))
		var log bytes.Buffer
		tracer, err := tracing.New(t.Context(), tracing.Config{
			Endpoint: collector.URL, Transport: http.DefaultTransport, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		serve(tracer.Handler("TriggerDAG", http.NotFoundHandler()), push("01"))
		if want := fmt.Sprintf("%d %s", status, http.StatusText(status)); !strings.Contains(log.String(), want) {
			t.Errorf("%d: logged %q, want %q in it", status, &log, want)
		}
		collector.Close()
	}
	if got := keys.Load(); got != 5 {
		t.Errorf("the collector got %d exports with the API key, want 5", got)
	}
}

// Not in parallel with others, whose allocations would be counted.
func TestNoteWithoutASpanAllocatesNothing(t *testing.T) {
	ctx, attr := context.WithValue(t.Context(), http.LocalAddrContextKey, "x"), slog.String("route", "sales")
	if n := testing.AllocsPerRun(100, func() { tracing.Note(ctx, "event triggered", attr, attr) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFailedExportFailsNoRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		do     func(*http.Request) error
		took   time.Duration
	}{
		{"401", 401, nil, 0},
		{"503", 503, nil, 0},
		{"connection refused", 0, func(*http.Request) error { return errors.New("connection refused") }, 0},
		{"no response", 0, func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() }, 500 * time.Millisecond},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			c := &receiver{status: tt.status, do: tt.do}
			tracer := newTracer(t, c, &log)
			h := tracer.Handler("TriggerDAG", calling(t, tracer.Transport(&airflow{})))
			started := time.Now()
			for range 5 {
				if w := serve(h, push("01")); w.Code != http.StatusTeapot || w.Body.String() != "done" {
					t.Errorf("%s: answered %d %s", tt.name, w.Code, w.Body)
				}
			}
			if took := time.Since(started); took != tt.took || c.requests != 1 {
				t.Errorf("%s: 5 requests waited %s for %d exports, want %s for 1", tt.name, took, c.requests, tt.took)
			}
			if lines := strings.Count(log.String(), "spans dropped"); lines != 1 || !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("%s: logged %s", tt.name, &log)
			}
			c.mu.Lock()
			c.status, c.do = 0, nil
			c.spans = nil
			c.mu.Unlock()
			time.Sleep(30 * time.Second) //nolint:forbidigo // the clock of the bubble
			serve(h, push("01"))
			if len(c.spans) != 2 {
				t.Errorf("%s: once it is back it gets %d spans, want 2", tt.name, len(c.spans))
			}
		})
	}
}

func TestSpansOfACanceledRequestAreExported(t *testing.T) {
	t.Parallel()
	c := &receiver{}
	tracer := newTracer(t, c, t.Output())
	ctx, leave := context.WithCancel(t.Context())
	h := tracer.Handler("TriggerDAG", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leave() }))
	serve(h, push("01").WithContext(ctx))
	c.span(t, "TriggerDAG")
}

func TestWaitingSpansAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &receiver{}
		tracer := newTracer(t, c, t.Output())
		calls := calling(t, tracer.Transport(&airflow{}))
		serve(tracer.Handler("TriggerDAG", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for range 2100 {
				calls.ServeHTTP(httptest.NewRecorder(), r)
			}
		})), push("01"))
		if len(c.spans) != 2048 {
			t.Errorf("%d spans were exported, want 2048", len(c.spans))
		}
	})
}
