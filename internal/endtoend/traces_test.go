// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/config"
)

// collecting is the transport to a collector of traces, and to an Airflow that
// creates every run.
type collecting struct {
	mu      sync.Mutex
	spans   map[string]*tracev1.Span // by name
	airflow http.Header
}

func (c *collecting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Host != "collector.example:4318" {
		c.airflow = r.Header
		return canned{benchRun}.RoundTrip(r)
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
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans[s.Name] = s
			}
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
}

func TestTraceContextReachesAirflow(t *testing.T) {
	t.Parallel()
	const trace, sender = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	c, err := config.FromEnv(func(name string) string {
		return map[string]string{
			"DAG_ID": "load", "AIRFLOW_URL": "http://127.0.0.1:1", "AIRFLOW_API": "v2",
			"AIRFLOW_AUTH": "bearer", "AIRFLOW_TOKEN": "open-sesame",
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318",
		}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	world := &collecting{spans: map[string]*tracev1.Span{}}
	f, err := dagtrigger.New(c, cloudlog.New(&log, slog.LevelInfo), world)
	if err != nil {
		t.Fatal(err)
	}
	r := upload("acme", "eu/a.csv", 17)
	r.Header.Set("Traceparent", "00-"+trace+"-"+sender+"-01")
	recorder := httptest.NewRecorder()
	f.ServeHTTP(recorder, r)
	if recorder.Code != http.StatusOK {
		t.Fatalf("answered %d %s", recorder.Code, recorder.Body)
	}
	request, call := world.spans[dagtrigger.Target], world.spans["HTTP POST"]
	if request == nil || call == nil {
		t.Fatalf("the collector has %v", world.spans)
	}
	if fmt.Sprintf("%x %x", request.TraceId, request.ParentSpanId) != trace+" "+sender {
		t.Errorf("the request's span is of the trace %x, below %x", request.TraceId, request.ParentSpanId)
	}
	if got, want := world.airflow.Get("Traceparent"), fmt.Sprintf("00-%s-%x-01", trace, call.SpanId); got != want {
		t.Errorf("Airflow gets the trace %q, want %q", got, want)
	}
	if want := fmt.Sprintf(`"logging.googleapis.com/spanId":"%x"`, request.SpanId); !strings.Contains(log.String(), want) {
		t.Errorf("the log line lacks %s: %s", want, &log)
	}
	if len(request.Events) != 1 || request.Events[0].Name != "event triggered" || !strings.Contains(request.Events[0].String(), benchRun) {
		t.Errorf("the request's span tells %v", request.Events)
	}
	for _, s := range world.spans {
		for _, secret := range []string{"open-sesame", "storage#object"} {
			if strings.Contains(s.String(), secret) {
				t.Errorf("%q stands in %s", secret, s)
			}
		}
	}
}
