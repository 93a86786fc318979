// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/tail"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/trigger"
)

// tailPrinter prints outcomes, and counts them.
type tailPrinter struct {
	*program
	json   bool
	counts tail.Counts
	paint  painter
	err    error // the first of the output
}

func (t *tailPrinter) line(l *outcomelog.Line) {
	t.counts.Add(l)
	if t.err != nil {
		return
	}
	if t.json {
		t.err = tailJSON(t.stdout, l)
		return
	}
	_, t.err = io.WriteString(t.stdout, tailText(t.paint, t.now(), l)+"\n")
}

// tailJSON writes the fields of a line that are not empty.
func tailJSON(w io.Writer, l *outcomelog.Line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	maps.DeleteFunc(fields, func(_ string, value any) bool { return value == nil || value == "" || value == 0.0 })
	return plainjson.Encode(w, fields)
}

// outcomeWidth is that of the longest outcome, dead_lettered.
const outcomeWidth = 13

// tailText is an outcome for a person, in one line. Its time has the date where it is not
// of the last day.
func tailText(paint painter, now time.Time, l *outcomelog.Line) string {
	at, when := strings.Repeat("-", len(time.TimeOnly)), l.At()
	switch {
	case when.IsZero():
	case now.Sub(when) < 24*time.Hour:
		at = when.Local().Format(time.TimeOnly)
	default:
		at = when.Local().Format(time.DateTime)
	}
	parts := []string{paint.dim(at), paint.outcome(trigger.Kind(l.Outcome), pad(visible(l.Outcome), outcomeWidth)), tailEvents(paint, l)}
	if started := tailRun(l); started != "" {
		parts = append(parts, started)
	}
	if l.Reason != "" && l.Outcome != string(trigger.Triggered) && l.Outcome != string(trigger.Duplicate) {
		parts = append(parts, paint.dim(visible(l.Reason)))
	}
	return strings.Join(parts, "  ")
}

// tailEvents names the event of a line, or some of those that it adds up.
func tailEvents(paint painter, l *outcomelog.Line) string {
	names := make([]string, 0, len(l.Examples)+1)
	for _, e := range tail.Events(l) {
		if name := tail.Name(e); name != "" {
			names = append(names, visible(name))
		}
	}
	named := strings.Join(names, ", ")
	switch n := tail.Count(l); {
	case n == 1:
		return paint.bold(named)
	case named == "":
		return paint.bold(fmt.Sprintf("%d events", n))
	default:
		return paint.bold(fmt.Sprintf("%d events", n)) + ", the first " + named
	}
}

// tailRun is the route of a line, and what it starts.
func tailRun(l *outcomelog.Line) string {
	var parts []string
	for _, part := range []struct{ what, name string }{
		{"route", l.Route}, {"DAG", l.DAG}, {"asset", l.Asset}, {"run", l.RunID}, {"environment", l.Environment},
	} {
		if part.name != "" && (part.what != "environment" || part.name != "default") {
			parts = append(parts, part.what+" "+visible(part.name))
		}
	}
	return strings.Join(parts, ", ")
}

// end prints the summary, for a person.
func (t *tailPrinter) end() error {
	if t.json || t.err != nil {
		return t.err
	}
	rows := [][]string{}
	for _, k := range t.counts.Kinds() {
		row := []string{fmt.Sprintf("%8d", t.counts[k]), k.Outcome}
		if k.Route != "" {
			row = append(row, "route "+visible(k.Route))
		}
		rows = append(rows, row)
	}
	text := "\n"
	for _, line := range columns(rows) {
		text += line + "\n"
	}
	_, err := io.WriteString(t.stdout, text+plural(t.counts.Total(), "outcome")+"\n")
	return err
}
