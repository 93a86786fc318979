// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"io"
	"strings"

	"example.com/dagtrigger/internal/plainjson"
)

// Paint colours a text by a status, for a terminal.
type Paint func(Status, string) string

// Table returns an observer that writes a line for each result, and below it
// what to do, under a title for each environment, DAG and trigger. paint may be nil.
func Table(w io.Writer, paint Paint) Observer {
	if paint == nil {
		paint = func(_ Status, text string) string { return text }
	}
	above := "-"
	return func(r Result) {
		if title := r.title(); title != above {
			if above != "-" {
				fmt.Fprintln(w)
			}
			if above = title; title != "" {
				fmt.Fprintln(w, title)
			}
		}
		fmt.Fprintf(w, "%s  %-14s  %s\n", paint(r.Status, fmt.Sprintf("%-7s", r.Status)), r.Check, inline(r.Why))
		if r.Status == Failed || r.Status == Warning {
			fmt.Fprintf(w, "%25s%s\n", "", "should hold: "+r.Means)
		}
		for _, fix := range r.Fixes {
			writeFix(w, fix, len(r.Fixes) > 1)
		}
	}
}

const indent = "                         "

func writeFix(w io.Writer, fix Fix, oneOfSeveral bool) {
	label := "fix"
	switch {
	case oneOfSeveral:
		label = "if " + fix.If
	case fix.If != "":
		label = fix.If
	}
	fmt.Fprintf(w, "%s%s:\n", indent, label)
	for line := range strings.Lines(fix.Do) {
		fmt.Fprintf(w, "%s  %s\n", indent, strings.TrimRight(line, "\n"))
	}
}

// inline keeps a text that has several lines inside its column.
func inline(text string) string { return strings.ReplaceAll(text, "\n", "\n"+indent) }

// title is what the result is about.
func (r *Result) title() string {
	var parts []string
	if r.Environment != "" {
		parts = append(parts, "environment "+r.Environment)
	}
	if r.Route != "" {
		parts = append(parts, "route "+r.Route)
	}
	if r.Asset != "" {
		parts = append(parts, "asset "+r.Asset)
	}
	if r.DAG != "" {
		parts = append(parts, "DAG "+r.DAG)
	}
	if r.Trigger != "" {
		parts = append(parts, "trigger "+r.Trigger)
	}
	return strings.Join(parts, ", ")
}

// Line is the last line of a table.
func (s Summary) Line() string {
	return fmt.Sprintf("%d ok, %s, %d failed, %d skipped", s.OK, count(s.Warnings, "warning"), s.Failed, s.Skipped)
}

// Report gathers results for a machine. It marshals as one JSON object.
type Report struct {
	Healthy bool     `json:"healthy"`
	Summary Summary  `json:"summary"`
	Results []Result `json:"results"`
}

// Observe is the report's [Observer].
func (r *Report) Observe(result Result) { r.Results = append(r.Results, result) }

// JSON writes the report of a run that has ended.
func (r *Report) JSON(w io.Writer, s Summary) error {
	r.Healthy, r.Summary = s.Healthy(), s
	return plainjson.Indent(w, r)
}
