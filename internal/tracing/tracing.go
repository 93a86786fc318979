// SPDX-License-Identifier: Apache-2.0

// Package tracing owns OpenTelemetry's traces: a span for each request, one
// below it for each call that the request leads to, and their way to a
// collector before the request is answered.
//
// It never decides whether a trace is wanted: the operator does, by naming a
// collector, and the trace's sender, by its sampled flag. No failure of its own
// reaches an event. A span holds what the log holds, and the addresses that were
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

// Config says where spans go.
type Config struct {
	// Endpoint is the collector's address, to which OTLP's /v1/traces is added:
	// https://opentelemetry.io/docs/specs/otel/protocol/exporter/. Empty for none.
	Endpoint string
	// Service and Version name the function in traces, where OTEL_SERVICE_NAME and
	// OTEL_RESOURCE_ATTRIBUTES do not.
	Service, Version string
	// Transport carries the spans.
	Transport http.RoundTripper
	// Log is told of a collector that takes no spans.
	Log *slog.Logger
}

// exportTime bounds what a request waits for its spans to be sent. It lies
// within the time that the function leaves before a deadline for its answer.
const exportTime = 500 * time.Millisecond

// Tracer makes spans. Any number of requests may share it. A nil one makes none,
// and costs nothing.
type Tracer struct {
	spans   *spans
	options []otelhttp.Option
}

// traceContext is the one form in which traces are passed on:
// https://www.w3.org/TR/trace-context/
type traceContext = propagation.TraceContext

// New makes the tracer that c describes, nil where c names no collector. It
// makes no request. How much is sampled and with which headers spans are sent is
// read from OpenTelemetry's own variables:
// https://opentelemetry.io/docs/languages/sdk-configuration/
func New(ctx context.Context, c Config) (*Tracer, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(strings.TrimRight(c.Endpoint, "/")+"/v1/traces"),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: c.Transport}),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}), // nobody waits for a second try
	)
	if err != nil {
		return nil, fmt.Errorf("setting up traces for %s: %w", c.Endpoint, err)
	}
	// What the variables say comes last, and so holds.
	origin, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", c.Service), attribute.String("service.version", c.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("reading OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	held := &spans{exporter: exporter, log: c.Log}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(held), sdktrace.WithResource(origin))
	return &Tracer{spans: held, options: []otelhttp.Option{
		otelhttp.WithTracerProvider(provider),
		otelhttp.WithPropagators(traceContext{}),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()),
	}}, nil
}

// Transport makes a span of each request that belongs to a traced one, and sends
// the trace on with it.
func (t *Tracer) Transport(base http.RoundTripper) http.RoundTripper {
	if t == nil {
		return base
	}
	return otelhttp.NewTransport(base, append(t.options,
		otelhttp.WithFilter(func(r *http.Request) bool { return trace.SpanContextFromContext(r.Context()).IsValid() }))...)
}

// Handler makes a span called name of each request that h serves, and sends it
// and those below it before the request is answered: afterwards Cloud Run takes
// the CPU away. h sees itself as the sender of the trace, so that log lines join
// its span.
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

// Note writes what happened to the span of ctx, where there is one.
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
