// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/operator/why"
)

// whyText is an answer for a person.
func whyText(paint painter, a *why.Answer) string {
	var b strings.Builder
	b.WriteString(paint.bold(visible(a.Event.Name)))
	if a.Event.Time != "" {
		b.WriteString(", " + a.Event.Time)
	}
	b.WriteString("\n")
	var rows [][]string
	for _, d := range a.Deliveries {
		rows = append(rows, []string{visible(d.Time), d.Outcome, visible(d.Route), visible(d.Reason)})
	}
	for _, line := range columns(rows) {
		b.WriteString("  " + strings.TrimRight(line, " ") + "\n")
	}
	matched := slices.ContainsFunc(a.Routes, func(r why.Row) bool { return r.Ending != why.Unmatched })
	for i := range a.Routes {
		r := &a.Routes[i]
		ending := paint.ending(r.Ending, strings.ReplaceAll(string(r.Ending), "_", " "))
		b.WriteString("\n" + cmp.Or(visible(r.Route), "no route") + ": " + ending + "\n")
		b.WriteString("  " + visible(r.Sentence) + "\n")
		if !matched || r.Next != why.NotMeant {
			b.WriteString("  Next: " + visible(r.Next) + "\n")
		}
	}
	if len(a.Notes) > 0 {
		b.WriteString("\n")
	}
	for _, note := range a.Notes {
		b.WriteString(paint.dim("Note: "+visible(note)+".") + "\n")
	}
	if a.LogCommand != "" {
		b.WriteString("To read the log, and give it with --log:\n  " + visible(a.LogCommand) + "\n")
	}
	return b.String()
}

// ending colours a text by how an event ended.
func (p painter) ending(e why.Ending, s string) string {
	switch e {
	case why.Started, why.Published:
		return p.good(s)
	case why.Unmatched:
		return p.dim(s)
	case why.Held, why.Unknown:
		return p.paint(s, yellow)
	default:
		return p.bad(s)
	}
}
