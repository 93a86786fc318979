// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/tracing"
)

// Reporter writes outcomes to a log: a line each, with the fields that metrics
// and alerts count by (deploy/monitoring), and the same in the request's trace. Any number of requests may share it.
type Reporter struct {
	// Held, unless it is nil, is called when an event is held for a line to come, so
	// that Close is called before the process ends.
	Held func()

	log *slog.Logger
	// unmatched adds up events that start nothing: on a busy bucket that may be most
	// of them.
	unmatched *burst
	// callers adds up the refused callers by status, so that requests without a token
	// never hide that an allowed caller sends the wrong audience.
	callers map[int]*burst
}

// NewReporter makes a reporter that writes to log. Each line names the routes that
// decided by the first 12 hex digits of their digest (31 bytes, encoded once), where that
// is not empty.
func NewReporter(log *slog.Logger, routesDigest string) *Reporter {
	if digits := strings.TrimPrefix(routesDigest, "sha256:"); digits != "" {
		log = log.With(slog.String("routes_digest", digits[:12]))
	}
	r := &Reporter{log: log, callers: map[int]*burst{}}
	r.unmatched = &burst{write: r.sum, held: r.held}
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable} {
		r.callers[status] = &burst{
			write: func(o *Outcome, _ time.Time) { r.callerRefused(context.Background(), status, o) }, held: r.held,
		}
	}
	return r
}

func (r *Reporter) held() {
	if r.Held != nil {
		r.Held()
	}
}

// Close writes what is still to be added up. Later lines are written at once.
func (r *Reporter) Close() {
	r.unmatched.close()
	for _, b := range r.callers {
		b.close()
	}
}

// CallerRefused logs a request from a caller that is not allowed. Those of one status
// (401, 403, 503) within a second are one line with a count, unless the level is DEBUG.
func (r *Reporter) CallerRefused(ctx context.Context, status int, reason string) {
	o := Outcome{Reason: reason}
	if r.log.Enabled(ctx, slog.LevelDebug) || !r.callers[status].add(&event.Event{}, &o) {
		r.callerRefused(ctx, status, &o)
	}
}

func (r *Reporter) callerRefused(ctx context.Context, status int, o *Outcome) {
	r.log.LogAttrs(ctx, slog.LevelError, "caller refused",
		slog.Int("status", status), slog.String("reason", o.Reason), slog.Int("count", max(o.Count, 1)))
}

// Outcome writes one outcome, or the sum of several: in the request's trace, where
// there is one, and by a line of the log. Unmatched events within a second are lines with
// a count, unless the level is DEBUG. took is the time since the event came. It reports
// whether the outcome has a line to itself.
func (r *Reporter) Outcome(ctx context.Context, ev *event.Event, o *Outcome, took time.Duration) bool {
	alone := !r.addsUp(ctx, o) || !r.unmatched.add(ev, o)
	if !alone && !tracing.Recording(ctx) {
		return false
	}
	what, attrs := "event "+string(o.Kind), fields(ev, o, took)
	tracing.Note(ctx, what, attrs...)
	if alone {
		r.log.LogAttrs(ctx, level(o), what, attrs...)
	}
	return alone
}

// sum writes the line of unmatched events that came since a time. A single one is named
// as in any other line.
func (r *Reporter) sum(o *Outcome, since time.Time) {
	ev := event.Event{}
	if first := o.Examples[0]; o.Count == 1 {
		ev = event.Event{ID: first.EventID, Source: first.Source, Type: first.Type, Subject: first.Subject}
	} else {
		o.DAGID, o.Asset, o.RunID = "", "", ""
	}
	attrs := append(fields(&ev, o, 0), slog.Time("since", since.UTC()))
	if o.Count > 1 {
		attrs = append(attrs, slog.Any("examples", o.Examples))
	}
	r.log.LogAttrs(context.Background(), level(o), "event "+string(o.Kind), attrs...)
}

// Shadow writes what would come of an event by a shadow, or the sum of several. The
// line has no outcome, so that no metric and no alert counts it.
func (r *Reporter) Shadow(ctx context.Context, ev *event.Event, file ShadowFile, o *Outcome) {
	attrs := append(make([]slog.Attr, 0, mostFields),
		slog.String("shadow", string(o.Kind)), slog.String("shadow_file", file.Name), slog.String("shadow_digest", file.Digest))
	r.log.LogAttrs(ctx, slog.LevelInfo, "shadow "+string(o.Kind), whose(attrs, ev, o)...)
}

// mostFields is how many fields a line has at most without a shadow.
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

// addsUp reports whether an outcome may be part of a line of several.
func (r *Reporter) addsUp(ctx context.Context, o *Outcome) bool {
	return o.Kind == Unmatched && !o.Alone && o.Count == 0 && !r.log.Enabled(ctx, slog.LevelDebug)
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
