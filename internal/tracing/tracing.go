// SPDX-License-Identifier: Apache-2.0

// Package tracing implements OpenTelemetry traces: a span for each request, a
// child span for each call that the request causes, and their export to a
// collector before the request is answered.
//
// It never decides whether to trace: the operator does, by naming a collector,
// and the sender of the trace, with its sampled flag. A failed export never
// fails an event. A span has the fields of the log line, and the URLs that were
// called; never a token, a password or the conf.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config describes the collector.
type Config struct {
	// Endpoint is the collector's URL without OTLP's /v1/traces:
	// https://opentelemetry.io/docs/specs/otel/protocol/exporter/. Empty for none.
	Endpoint string
	// Service and Version name the function in traces, unless OTEL_SERVICE_NAME and
	// OTEL_RESOURCE_ATTRIBUTES do.
	Service, Version string
	// Transport sends the spans.
	Transport http.RoundTripper
	// Log gets a line when an export fails.
	Log *slog.Logger
}

// exportTime bounds how long a request waits for the export of its spans. It is
// less than what the function leaves before its deadline.
const exportTime = 500 * time.Millisecond

// Tracer creates spans. It is safe for concurrent use. A nil Tracer creates none,
// and costs nothing.
type Tracer struct {
	spans   *spans
	options []otelhttp.Option
}

// traceContext is the only format in which traces are propagated:
// https://www.w3.org/TR/trace-context/
type traceContext = propagation.TraceContext

// New returns the tracer that c describes, or nil if c names no collector. It
// sends no request. The sampler and the export's headers come from
// OpenTelemetry's own variables:
// https://opentelemetry.io/docs/languages/sdk-configuration/
func New(ctx context.Context, c Config) (*Tracer, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(strings.TrimRight(c.Endpoint, "/")+"/v1/traces"),
		otlptracehttp.WithHTTPClient(&http.Client{
			Transport: c.Transport,
			// A redirect would take the headers along, and an API key with them.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}), // a request does not wait for a second try
	)
	if err != nil {
		return nil, fmt.Errorf("creating the exporter of traces to %s: %w", c.Endpoint, err)
	}
	// The last option wins: the variables.
	origin, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", c.Service), attribute.String("service.version", c.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("reading OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	exported := &spans{exporter: exporter, log: c.Log}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(exported), sdktrace.WithResource(origin))
	return &Tracer{spans: exported, options: []otelhttp.Option{
		otelhttp.WithTracerProvider(provider),
		otelhttp.WithPropagators(traceContext{}),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()),
	}}, nil
}

// Transport returns a transport that creates a span for each request whose context
// has one, and propagates the trace.
func (t *Tracer) Transport(base http.RoundTripper) http.RoundTripper {
	if t == nil {
		return base
	}
	return otelhttp.NewTransport(base, append(t.options,
		otelhttp.WithFilter(func(r *http.Request) bool { return trace.SpanContextFromContext(r.Context()).IsValid() }))...)
}

// Handler returns a handler that creates a span called name for each request, and
// exports it and its children before the request is answered: afterwards Cloud
// Run takes the CPU away. h gets a traceparent header with the new span, so that
// its log lines join that span.
func (t *Tracer) Handler(name string, h http.Handler) http.Handler {
	if t == nil {
		return h
	}
	traced := otelhttp.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header = r.Header.Clone()
		traceContext{}.Inject(r.Context(), propagation.HeaderCarrier(r.Header))
		h.ServeHTTP(w, r)
	}), name, t.options...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		traced.ServeHTTP(w, r)
		t.spans.send(r.Context())
	})
}

// Recording reports whether [Note] adds anything to the span of ctx.
func Recording(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// Note adds an event to the span of ctx, if there is one.
func Note(ctx context.Context, what string, attrs ...slog.Attr) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	fields := make([]attribute.KeyValue, 0, len(attrs))
	for _, a := range attrs {
		switch a.Value.Kind() {
		case slog.KindFloat64:
			fields = append(fields, attribute.Float64(a.Key, a.Value.Float64()))
		case slog.KindString:
			fields = append(fields, attribute.String(a.Key, a.Value.String()))
		}
	}
	span.AddEvent(what, trace.WithAttributes(fields...))
}
