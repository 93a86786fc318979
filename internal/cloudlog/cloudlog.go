// SPDX-License-Identifier: Apache-2.0

// Package cloudlog owns the form of the log: slog records as the JSON lines
// that Cloud Logging reads from a container's standard error, with severity,
// message and the request's trace.
//
// It never decides what is logged, and never buffers: a line is written whole
// before the call returns, since the platform takes the CPU away once the
// request is answered.
package cloudlog

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

// The fields by which Cloud Logging joins a line to its request.
// https://cloud.google.com/logging/docs/structured-logging#special-payload-fields
const (
	traceField   = "logging.googleapis.com/trace"
	spanField    = "logging.googleapis.com/spanId"
	sampledField = "logging.googleapis.com/trace_sampled"
)

// New makes a logger that writes one JSON line a record to w, from level up.
func New(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(&handler{slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level:       level,
		ReplaceAttr: rename,
	})})
}

// rename gives slog's own fields the names that Cloud Logging reads.
func rename(groups []string, a slog.Attr) slog.Attr {
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

// severity names level in Cloud Logging's words.
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

// handler adds the trace that the context carries to each record.
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

// Trace is the trace that a request belongs to.
type Trace struct {
	name    string // projects/P/traces/ID, or the bare id where the project is not known
	span    string // 16 hex digits, or empty
	sampled bool
}

type traceKey struct{}

// WithTrace returns ctx with t, for every line logged under it.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf reads the trace from a request's headers: traceparent
// (https://www.w3.org/TR/trace-context/), else X-Cloud-Trace-Context
// (https://cloud.google.com/trace/docs/trace-context). It reports whether there
// was one that is well formed. project may be empty.
func TraceOf(h http.Header, project string) (Trace, bool) {
	id, t, ok := traceparent(h.Get("traceparent"))
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
