// SPDX-License-Identifier: Apache-2.0

// Package cloudlog implements the log's format: slog records as the JSON lines
// that Cloud Logging reads from a container's standard error, with severity,
// message and the request's trace.
//
// It never decides what is logged, and never buffers: a line is written before
// the call returns, because the platform takes the CPU away once the request is
// answered. It cuts each text at 1 KB.
package cloudlog

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

// The fields with which Cloud Logging joins a line to its request.
// https://cloud.google.com/logging/docs/structured-logging#special-payload-fields
const (
	traceField   = "logging.googleapis.com/trace"
	spanField    = "logging.googleapis.com/spanId"
	sampledField = "logging.googleapis.com/trace_sampled"
)

// maxText bounds a text in a line, in bytes: what a sender or a server wrote can
// take megabytes, and Cloud Logging drops an entry over 256 KB.
// https://cloud.google.com/logging/quotas#log-limits
const maxText = 1 << 10

// New returns a logger that writes each record of at least level to w as one
// line of JSON.
func New(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(&handler{slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level:       level,
		ReplaceAttr: format,
	})})
}

// format cuts long texts, and gives slog's own fields the names that Cloud Logging
// reads.
func format(groups []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindString && len(a.Value.String()) > maxText {
		a.Value = slog.StringValue(cut(a.Value.String()))
	}
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		level, _ := a.Value.Any().(slog.Level)
		return slog.String("severity", severity(level))
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}

// cut returns the beginning of a text, whole characters only, and its size.
func cut(s string) string {
	return strings.ToValidUTF8(s[:maxText], "") + fmt.Sprintf("… (%d bytes)", len(s))
}

// severity returns Cloud Logging's name of level.
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity
func severity(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARNING"
	default:
		return "ERROR"
	}
}

// handler adds the context's trace to each record.
type handler struct{ slog.Handler }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if t, ok := ctx.Value(traceKey{}).(Trace); ok {
		r.AddAttrs(slog.String(traceField, t.name))
		if t.span != "" {
			r.AddAttrs(slog.String(spanField, t.span))
		}
		if t.sampled {
			r.AddAttrs(slog.Bool(sampledField, true))
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs)}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name)}
}

// Trace identifies the trace that a request belongs to.
type Trace struct {
	name    string // projects/P/traces/ID, or the id alone without a known project
	span    string // 16 hex digits, or empty
	sampled bool
}

type traceKey struct{}

// WithTrace returns a context with which every line is logged with t.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the trace in a request's headers: traceparent
// (https://www.w3.org/TR/trace-context/), else X-Cloud-Trace-Context
// (https://cloud.google.com/trace/docs/trace-context). It reports whether there
// is a well-formed one. project may be empty.
func TraceOf(h http.Header, project string) (Trace, bool) {
	id, t, ok := traceparent(h.Get("Traceparent"))
	if !ok {
		id, t, ok = cloudTrace(h.Get("X-Cloud-Trace-Context"))
	}
	if !ok {
		return Trace{}, false
	}
	t.name = id
	if project != "" {
		t.name = "projects/" + project + "/traces/" + id
	}
	return t, true
}

// traceparent reads version-traceid-parentid-flags.
func traceparent(s string) (id string, t Trace, ok bool) {
	if s == "" {
		return "", Trace{}, false
	}
	parts := strings.Split(s, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || !isHex(parts[1], 32) || !isHex(parts[2], 16) {
		return "", Trace{}, false
	}
	flags, err := hex.DecodeString(parts[3])
	if err != nil || len(flags) != 1 {
		return "", Trace{}, false
	}
	return parts[1], Trace{span: parts[2], sampled: flags[0]&1 == 1}, true
}

// cloudTrace reads TRACE_ID/SPAN_ID;o=1, of which all but the id may be absent.
// Its span id is decimal, unlike the field in the log, so it is left out.
func cloudTrace(s string) (id string, t Trace, ok bool) {
	head, options, _ := strings.Cut(s, ";")
	id, _, _ = strings.Cut(head, "/")
	if !isHex(id, 32) {
		return "", Trace{}, false
	}
	return id, Trace{sampled: options == "o=1"}, true
}

func isHex(s string, digits int) bool {
	if len(s) != digits {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}
