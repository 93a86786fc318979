// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/tracing"
)

// Reporter writes outcomes to a log: a line each, with the fields that metrics
// and alerts count by (deploy/monitoring), and the same in the request's trace. Any number of requests may share it.
type Reporter struct {
	log *slog.Logger
	// unmatched holds back the lines of events that no route wants: on a busy
	// bucket that may be most of them.
	unmatched cloudlog.Sampler
	// callers samples the refused callers by status, so that requests without a
	// token never hide that an allowed caller sends the wrong audience.
	callers map[int]*cloudlog.Sampler
}

// NewReporter makes a reporter that writes to log.
func NewReporter(log *slog.Logger) *Reporter {
	return &Reporter{log: log, callers: map[int]*cloudlog.Sampler{
		http.StatusUnauthorized: {}, http.StatusForbidden: {}, http.StatusServiceUnavailable: {},
	}}
}

// CallerRefused logs a request from a caller that is not allowed: at most one
// line a second for each status (401, 403, 503), unless the level is DEBUG.
func (r *Reporter) CallerRefused(ctx context.Context, status int, reason string) {
	attrs := []slog.Attr{slog.Int("status", status), slog.String("reason", reason)}
	if !r.log.Enabled(ctx, slog.LevelDebug) {
		leftOut, ok := r.callers[status].Pass()
		if !ok {
			return
		}
		if leftOut > 0 {
			attrs = append(attrs, slog.Int("left_out", leftOut))
		}
	}
	r.log.LogAttrs(ctx, slog.LevelError, "caller refused", attrs...)
}

// Outcome writes one outcome, or the sum of several: in the request's trace, where
// there is one, and by a line of the log, but for unmatched events at most one a
// second, unless the level is DEBUG. took is the time since the event came. It reports whether
// the line was written.
func (r *Reporter) Outcome(ctx context.Context, ev *event.Event, o *Outcome, took time.Duration) bool {
	what := "event " + string(o.Kind)
	attrs := fields(ev, o, took)
	tracing.Note(ctx, what, attrs...)
	leftOut, ok := r.pass(ctx, o)
	if !ok {
		return false
	}
	if leftOut > 0 {
		attrs = append(attrs, slog.Int("left_out", leftOut))
	}
	r.log.LogAttrs(ctx, level(o), what, attrs...)
	return true
}

// Shadow writes what would come of an event by a shadow, or the sum of several. The
// line has no outcome, so that no metric and no alert counts it.
func (r *Reporter) Shadow(ctx context.Context, ev *event.Event, file ShadowFile, o *Outcome) {
	attrs := append(make([]slog.Attr, 0, mostFields),
		slog.String("shadow", string(o.Kind)), slog.String("shadow_file", file.Name), slog.String("shadow_digest", file.Digest))
	r.log.LogAttrs(ctx, slog.LevelInfo, "shadow "+string(o.Kind), whose(attrs, ev, o)...)
}

// mostFields is how many fields a line has at most without a shadow, left_out included.
const mostFields = 16

// fields are those of a line. Each has a count, which the metrics sum up; the sum of
// several events has neither an age nor a duration.
func fields(ev *event.Event, o *Outcome, took time.Duration) []slog.Attr {
	attrs := append(make([]slog.Attr, 0, mostFields), slog.String("outcome", string(o.Kind)))
	attrs = whose(attrs, ev, o)
	if o.Count > 0 {
		return attrs
	}
	age := 0.0
	if !ev.Time.IsZero() {
		age = time.Since(ev.Time).Seconds()
	}
	return append(attrs, slog.Float64("age_seconds", age), slog.Float64("duration_seconds", took.Seconds()))
}

// whose adds the fields that an outcome and what would come of a shadow have in common.
func whose(attrs []slog.Attr, ev *event.Event, o *Outcome) []slog.Attr {
	attrs = append(attrs,
		slog.String("route", o.Route),
		slog.String("environment", o.Environment),
		slog.String("dag_id", o.DAGID),
		slog.String("dag_run_id", o.RunID),
		slog.String("cause", o.Cause),
		slog.String("reason", o.Reason),
		slog.String("event_id", ev.ID),
		slog.String("event_source", ev.Source),
		slog.String("event_type", ev.Type),
		slog.String("event_subject", ev.Subject),
		slog.Int("count", max(o.Count, 1)),
	)
	for _, field := range []struct{ name, value string }{
		{"asset", o.Asset}, {"event_key", o.EventKey}, {"conf_digest", o.ConfDigest}, {"rest_digest", o.RestDigest},
		{"window_run_id", o.WindowRunID},
	} {
		if field.value != "" {
			attrs = append(attrs, slog.String(field.name, field.value))
		}
	}
	return attrs
}

// pass reports whether the line is written, and how many were left out before it.
func (r *Reporter) pass(ctx context.Context, o *Outcome) (leftOut int, ok bool) {
	if o.Kind != Unmatched || o.Unsampled || o.Count > 0 || r.log.Enabled(ctx, slog.LevelDebug) {
		return 0, true
	}
	return r.unmatched.Pass()
}

// level is ERROR for what waits for a person, WARN for what passes by itself.
func level(o *Outcome) slog.Level {
	switch {
	case o.Operator:
		return slog.LevelError
	case o.Kind == Deferred:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
