// SPDX-License-Identifier: Apache-2.0

package tracing_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"example.com/dagtrigger/internal/tracing"
)

const (
	endpoint = "http://collector.example:4318"
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID = "00f067aa0ba902b7"
)

// receiver is a fake collector, and the transport to it.
type receiver struct {
	mu       sync.Mutex
	requests int
	header   http.Header // of the last request
	spans    []*tracev1.Span
	resource map[string]string
	status   int                       // 0 for 200
	do       func(*http.Request) error // nil, called before the response
}

func (c *receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.header = r.Header
	if got := r.Method + " " + r.URL.String(); got != "POST "+endpoint+"/v1/traces" {
		return nil, fmt.Errorf("unknown request: %s", got)
	}
	if c.do != nil {
		if err := c.do(r); err != nil {
			return nil, err
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var batch collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &batch); err != nil {
		return nil, err
	}
	for _, of := range batch.ResourceSpans {
		c.resource = fields(of.Resource.Attributes)
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	return &http.Response{StatusCode: max(c.status, 200), Header: http.Header{}, Body: http.NoBody}, nil
}

func fields(attrs []*common.KeyValue) map[string]string {
	m := make(map[string]string, len(attrs))
	for _, a := range attrs {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			m[a.Key] = v.StringValue
		default:
			m[a.Key] = fmt.Sprint(v)
		}
	}
	return m
}

// span returns the one with that name.
func (c *receiver) span(t *testing.T, name string) *tracev1.Span {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no span is called %q among %v", name, c.spans)
	return nil
}

func newTracer(t testing.TB, c *receiver, log io.Writer) *tracing.Tracer {
	t.Helper()
	tracer, err := tracing.New(t.Context(), tracing.Config{
		Endpoint: endpoint + "/", Service: "trigger-dag", Version: "v1.2.3", Transport: c, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

// airflow answers calls, and records the headers of the last one.
type airflow struct{ header http.Header }

func (a *airflow) RoundTrip(r *http.Request) (*http.Response, error) {
	a.header = r.Header
	return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// calling returns a handler that makes one call with a token and notes it.
func calling(t *testing.T, transport http.RoundTripper) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "https://airflow.example/api/v2/dags/load/dagRuns",
			strings.NewReader(`{"conf":"sesame"}`))
		if err != nil {
			t.Error(err)
		}
		call.Header.Set("Authorization", "Bearer sesame")
		resp, err := transport.RoundTrip(call)
		if err != nil {
			t.Error(err)
			return
		}
		_ = resp.Body.Close()
		tracing.Note(r.Context(), "event triggered", slog.String("route", "sales"), slog.Float64("age_seconds", 1.5), slog.Attr{})
		w.Header().Set("Seen", r.Header.Get("Traceparent"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "done")
	})
}

// push returns a request of a trace; flags are 01 if it is sampled.
func push(flags string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"conf":"sesame"}`))
	r.Header.Set("Authorization", "Bearer sesame")
	if flags != "" {
		r.Header.Set("Traceparent", "00-"+traceID+"-"+parentID+"-"+flags)
	}
	return r
}

// serve returns the response of h.
func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHandlerExportsTheSpansOfARequestBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	c, upstream := &receiver{}, &airflow{}
	tracer := newTracer(t, c, t.Output())
	r := push("01")
	w := serve(tracer.Handler("TriggerDAG", calling(t, tracer.Transport(upstream))), r)
	if got := r.Header.Get("Traceparent"); got != "00-"+traceID+"-"+parentID+"-01" {
		t.Errorf("the request's own header became %q", got)
	}
	if w.Code != http.StatusTeapot || w.Body.String() != "done" {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	request, call := c.span(t, "TriggerDAG"), c.span(t, "HTTP POST")
	for name, got := range map[string][2]string{
		"the request's trace":  {fmt.Sprintf("%x", request.TraceId), traceID},
		"the call's trace":     {fmt.Sprintf("%x", call.TraceId), traceID},
		"the request's parent": {fmt.Sprintf("%x", request.ParentSpanId), parentID},
		"the call's parent":    {fmt.Sprintf("%x", call.ParentSpanId), fmt.Sprintf("%x", request.SpanId)},
		"the call's header":    {upstream.header.Get("Traceparent"), fmt.Sprintf("00-%s-%x-01", traceID, call.SpanId)},
		"the handler's header": {w.Header().Get("Seen"), fmt.Sprintf("00-%s-%x-01", traceID, request.SpanId)},
		"the request's status": {fields(request.Attributes)["http.response.status_code"], "&{418}"},
		"the call's address":   {fields(call.Attributes)["url.full"], "https://airflow.example/api/v2/dags/load/dagRuns"},
		"the service":          {c.resource["service.name"] + " " + c.resource["service.version"], "trigger-dag v1.2.3"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", name, got[0], got[1])
		}
	}
	if len(request.Events) != 1 || request.Events[0].Name != "event triggered" {
		t.Fatalf("the request's span notes %v", request.Events)
	}
	if diff := cmp.Diff(map[string]string{"route": "sales", "age_seconds": "&{1.5}"}, fields(request.Events[0].Attributes)); diff != "" {
		t.Errorf("the note (-want +got):\n%s", diff)
	}
	for _, s := range c.spans {
		if text := s.String(); strings.Contains(text, "sesame") {
			t.Errorf("a secret is in %s", text)
		}
	}
}

func TestSampledFlagDecidesWhetherASpanIsExported(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, flags string
		spans       int
		goesOn      string // the beginning and the end of the call's header
	}{
		{"sampled", "01", 2, "00-" + traceID + "-*-01"},
		{"not sampled", "00", 0, "00-" + traceID + "-*-00"},
		{"a new trace", "", 2, "00-*-01"},
		{"malformed", "zz", 2, "00-*-01"},
	}
	for _, tt := range tests {
		c, upstream := &receiver{}, &airflow{}
		tracer := newTracer(t, c, t.Output())
		serve(tracer.Handler("TriggerDAG", calling(t, tracer.Transport(upstream))), push(tt.flags))
		if len(c.spans) != tt.spans {
			t.Errorf("%s: %d spans, want %d", tt.name, len(c.spans), tt.spans)
		}
		got := upstream.header.Get("Traceparent")
		begin, end, _ := strings.Cut(tt.goesOn, "*")
		if !strings.HasPrefix(got, begin) || !strings.HasSuffix(got, end) || len(got) != 55 {
			t.Errorf("%s: the call's header is %q, want %s", tt.name, got, tt.goesOn)
		}
	}
}

func TestCallOutsideARequestIsNotTraced(t *testing.T) {
	t.Parallel()
	c, upstream := &receiver{}, &airflow{}
	tracer := newTracer(t, c, t.Output())
	serve(calling(t, tracer.Transport(upstream)), push("01"))
	if got := upstream.header.Get("Traceparent"); got != "" {
		t.Errorf("its header is %q", got)
	}
	if c.requests != 0 {
		t.Error("spans were exported")
	}
}

func TestNilTracerDoesNothing(t *testing.T) {
	t.Parallel()
	tracer, err := tracing.New(t.Context(), tracing.Config{})
	if tracer != nil || err != nil {
		t.Fatalf("New returned %v, %v", tracer, err)
	}
	upstream := &airflow{}
	if got := tracer.Transport(upstream); got != http.RoundTripper(upstream) {
		t.Errorf("the transport is %v", got)
	}
	mux := http.NewServeMux()
	if got := tracer.Handler("x", mux); got != http.Handler(mux) {
		t.Errorf("the handler is %v", got)
	}
}

// Not in parallel: it sets environment variables.
func TestOpenTelemetryVariablesTakePrecedence(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "mine")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=v9,team=data")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20sesame")
	c := &receiver{}
	serve(newTracer(t, c, t.Output()).Handler("TriggerDAG", http.NotFoundHandler()), push(""))
	if got := c.resource; got["service.name"] != "mine" || got["service.version"] != "v9" || got["team"] != "data" {
		t.Errorf("spans are of %v", got)
	}
	if got := c.header.Get("Authorization"); got != "Bearer sesame" {
		t.Errorf("they are exported with the authorization %q", got)
	}
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	off := &receiver{}
	serve(newTracer(t, off, t.Output()).Handler("TriggerDAG", http.NotFoundHandler()), push("01"))
	if off.requests != 0 {
		t.Error("a span was exported")
	}
}

// A stalled body is ended by a read deadline on the connection.
func TestHandlerCanSetAReadDeadline(t *testing.T) {
	t.Parallel()
	c := &receiver{}
	reached := errors.New("not called")
	h := newTracer(t, c, t.Output()).Handler("TriggerDAG", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Hour))
	}))
	server := httptest.NewServer(h)
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if reached != nil {
		t.Errorf("setting a read deadline: %v", reached)
	}
}
