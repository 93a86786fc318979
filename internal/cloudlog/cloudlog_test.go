// SPDX-License-Identifier: Apache-2.0

package cloudlog_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/cloudlog"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

func TestLineHasTheFieldsThatCloudLoggingReads(t *testing.T) {
	t.Parallel()
	levels := map[slog.Level]string{
		slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO",
		slog.LevelWarn: "WARNING", slog.LevelError: "ERROR", slog.LevelError + 4: "ERROR",
	}
	for level, severity := range levels {
		var out bytes.Buffer
		log := cloudlog.New(&out, slog.LevelDebug)
		log.Log(t.Context(), level, "event triggered", "outcome", "triggered", "age_ms", 12)
		got := line(t, out.Bytes())
		if _, ok := got["time"]; !ok {
			t.Errorf("%v: no time in %s", level, out.Bytes())
		}
		delete(got, "time")
		want := map[string]any{
			"severity": severity, "message": "event triggered", "outcome": "triggered", "age_ms": 12.0,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", level, diff)
		}
	}
}

func TestRecordsBelowTheLevelAreNotWritten(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cloudlog.New(&out, slog.LevelWarn).Info("unheard")
	if out.Len() > 0 {
		t.Errorf("wrote %s", out.Bytes())
	}
}

func TestEveryLineOfARequestHasItsTrace(t *testing.T) {
	t.Parallel()
	type fields map[string]any
	full := fields{"trace": "projects/acme/traces/" + traceID, "spanId": spanID, "trace_sampled": true}
	tests := []struct {
		name, header, value, project string
		want                         fields
	}{
		{"traceparent", "traceparent", "00-" + traceID + "-" + spanID + "-01", "acme", full},
		{"traceparent not sampled", "traceparent", "00-" + traceID + "-" + spanID + "-00", "acme",
			fields{"trace": "projects/acme/traces/" + traceID, "spanId": spanID}},
		{"project not known", "traceparent", "00-" + traceID + "-" + spanID + "-00", "",
			fields{"trace": traceID, "spanId": spanID}},
		{"Google's header", "X-Cloud-Trace-Context", traceID + "/123;o=1", "acme",
			fields{"trace": "projects/acme/traces/" + traceID, "trace_sampled": true}},
		{"Google's header, the id alone", "X-Cloud-Trace-Context", traceID, "acme",
			fields{"trace": "projects/acme/traces/" + traceID}},
		{"malformed", "traceparent", "00-xyz-1-01", "acme", fields{}},
		{"short", "traceparent", "00-" + traceID, "acme", fields{}},
		{"bad flags", "traceparent", "00-" + traceID + "-" + spanID + "-x1", "acme", fields{}},
		{"forged newline", "X-Cloud-Trace-Context", "abc\n", "acme", fields{}},
		{"none", "Accept", "text/html", "acme", fields{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			if trace, ok := cloudlog.TraceOf(http.Header{http.CanonicalHeaderKey(tt.header): {tt.value}}, tt.project); ok {
				ctx = cloudlog.WithTrace(ctx, trace)
			}
			var out bytes.Buffer
			log := cloudlog.New(&out, slog.LevelInfo).With("version", "1")
			log.InfoContext(ctx, "x")
			got := fields{}
			for k, v := range line(t, out.Bytes()) {
				if name, ok := bytes.CutPrefix([]byte(k), []byte("logging.googleapis.com/")); ok {
					got[string(name)] = v
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cloudlog.New(&out, slog.LevelInfo).Info("x", "whole", strings.Repeat("x", 1024), "cut", strings.Repeat("ä", 700),
		slog.Group("in", "a_group", strings.Repeat("x", 1<<20)))
	got := line(t, out.Bytes())
	for name, want := range map[string]string{
		"whole": strings.Repeat("x", 1024),
		"cut":   strings.Repeat("ä", 512) + "… (1400 bytes)",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if group := got["in"].(map[string]any)["a_group"]; group != strings.Repeat("x", 1024)+"… (1048576 bytes)" {
		t.Errorf("in a group it is %q", group)
	}
}

func line(t *testing.T, b []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("not one JSON line: %v: %q", err, b)
	}
	return m
}
