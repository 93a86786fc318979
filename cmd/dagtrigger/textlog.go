// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"example.com/dagtrigger/internal/cloudlog"
)

// The formats of the function's log.
const (
	logAuto = "auto"
	logText = "text"
	logJSON = "json"
)

func logFormats() []string { return []string{logAuto, logText, logJSON} }

const logFormatHelp = "the log's format: text for people, json as Cloud Logging reads it, auto for text on a terminal"

// newLog makes a log of a level.
type newLog func(slog.Leveler) *slog.Logger

// jsonLog is the function's own log: JSON, as Cloud Logging reads it.
func jsonLog(w io.Writer) newLog {
	return func(level slog.Leveler) *slog.Logger { return cloudlog.New(w, level) }
}

// log is the function's log on standard error, in a format.
func (p *program) log(format string) newLog {
	if format == logJSON || format == logAuto && !isTerminal(p.stderr) {
		return jsonLog(p.stderr)
	}
	out := p.prose(p.stderr)
	return func(level slog.Leveler) *slog.Logger { return slog.New(&textLog{out, level, p.painter(p.stderr), nil}) }
}

// textLog writes log lines for a person: the time, what happened to which event, and
// the reason where nothing was started.
type textLog struct {
	w     io.Writer
	level slog.Leveler
	paint painter
	attrs []slog.Attr
}

// Enabled implements [slog.Handler].
func (t *textLog) Enabled(_ context.Context, level slog.Level) bool { return level >= t.level.Level() }

// WithAttrs implements [slog.Handler].
func (t *textLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textLog{t.w, t.level, t.paint, append(t.attrs[:len(t.attrs):len(t.attrs)], attrs...)}
}

// WithGroup implements [slog.Handler]. The function's log has no groups.
func (t *textLog) WithGroup(string) slog.Handler { return t }

// logIndent is that of the lines below the first: the width of a time.
const logIndent = "          "

// Handle implements [slog.Handler]. It writes all lines of a record at once.
func (t *textLog) Handle(_ context.Context, r slog.Record) error {
	var fields []slog.Attr
	fields = append(fields, t.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		fields = append(fields, a)
		return true
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s%s", t.paint.dim(r.Time.Format(time.TimeOnly)), t.label(r.Level), r.Message)
	if rest := details(fields); rest != "" {
		b.WriteString(": " + rest)
	}
	b.WriteString("\n")
	for _, name := range []string{"event_id", "reason"} {
		if text := lineOf(name, fields); text != "" {
			b.WriteString(logIndent + strings.ReplaceAll(text, "\n", "\n"+logIndent) + "\n")
		}
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

// label is the level, where it needs attention.
func (t *textLog) label(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return t.paint.bad("ERROR ")
	case level >= slog.LevelWarn:
		return t.paint.paint("WARNING ", yellow)
	default:
		return ""
	}
}

// fieldOf is the text of a field; empty where it is left out or false.
func fieldOf(name string, fields []slog.Attr) string {
	for _, a := range fields {
		if a.Key == name {
			return a.Value.String()
		}
	}
	return ""
}

// placed are the fields of an outcome, with what stands before them on the first
// line: all others stand there by their names.
var placed = map[string]string{
	"route": "route ", "dag_id": "DAG ", "dag_run_id": "run ", "environment": "environment ", "duration_seconds": "",
	"since": "", "shadow": "", "shadow_digest": "", "routes_digest": "", "event_key": "", "rest_digest": "",
	"event_id": "", "event_source": "", "event_type": "", "event_subject": "", "age_seconds": "", "outcome": "", "cause": "", "reason": "",
}

// details is the rest of the first line: the route, the DAG and the run, then all
// other fields by name.
func details(fields []slog.Attr) string {
	var parts []string
	for _, name := range []string{"route", "environment", "dag_id", "dag_run_id"} {
		if text := fieldOf(name, fields); text != "" {
			parts = append(parts, placed[name]+visible(text))
		}
	}
	for _, a := range fields {
		if _, ok := placed[a.Key]; !ok && a.Value.String() != "" && !one(a) {
			parts = append(parts, a.Key+" "+visible(a.Value.String()))
		}
	}
	return strings.Join(parts, ", ")
}

// one reports whether a field says that a line is of one outcome, as most are.
func one(a slog.Attr) bool {
	return a.Key == "count" && a.Value.Kind() == slog.KindInt64 && a.Value.Int64() == 1
}

// lineOf is a line below the first: whose event it was, or the reason, unless all
// went as it should.
func lineOf(name string, fields []slog.Attr) string {
	text := fieldOf(name, fields)
	switch {
	case name == "reason" && fieldOf("outcome", fields) == "triggered":
		return ""
	case name == "reason" || text == "":
		return text
	}
	text = "event " + visible(text) + " of " + visible(fieldOf("event_source", fields))
	if subject := fieldOf("event_subject", fields); subject != "" {
		text += ", " + visible(subject)
	}
	return text
}
