// SPDX-License-Identifier: Apache-2.0

package outcomelog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Filter selects lines of the function in Cloud Logging. Its zero value selects every
// line about an event.
type Filter struct {
	// Service is the Cloud Run service that the function is; empty for any, and for a
	// function that runs elsewhere.
	Service string
	// Since and Until bound the time of the lines, Until excluded; zero for no bound.
	Since, Until time.Time
	// Outcomes and Routes are those to select; empty for all. With Shadows, lines of
	// shadows are selected beside those of outcomes.
	Outcomes, Routes []string
	Shadows          bool
	// Any selects lines of which one of these matches; empty for all lines.
	Any []Match
}

// Match is fields of the line and their values, all of which must be equal: such as
// event_id and 7.
type Match map[string]string

// String is the filter in Cloud Logging's query language, as Logs Explorer takes it. Its
// comparisons of text ignore case, so what it selects may be more.
// https://cloud.google.com/logging/docs/view/logging-query-language
func (f Filter) String() string {
	var lines []string
	add := func(line string) {
		if line != "" {
			lines = append(lines, line)
		}
	}
	if f.Service != "" {
		add(`resource.type="cloud_run_revision"`)
		add("resource.labels.service_name=" + quoted(f.Service))
	}
	if !f.Since.IsZero() {
		add("timestamp>=" + quoted(f.Since.UTC().Format(time.RFC3339Nano)))
	}
	if !f.Until.IsZero() {
		add("timestamp<" + quoted(f.Until.UTC().Format(time.RFC3339Nano)))
	}
	switch {
	case len(f.Outcomes) > 0:
		add(oneOf("jsonPayload.outcome", f.Outcomes))
	case f.Shadows:
		add("(jsonPayload.outcome:* OR jsonPayload.shadow:*)")
	default:
		add("jsonPayload.outcome:*")
	}
	add(oneOf("jsonPayload.route", f.Routes))
	anyOf := make([]string, 0, len(f.Any))
	for _, m := range f.Any {
		anyOf = append(anyOf, m.String())
	}
	add(alternatives(anyOf))
	return strings.Join(lines, "\n")
}

// String is the match in the query language.
func (m Match) String() string {
	all := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, "jsonPayload."+name+"="+quoted(m[name]))
	}
	if len(all) == 1 {
		return all[0]
	}
	return "(" + strings.Join(all, " AND ") + ")"
}

func oneOf(field string, values []string) string {
	all := make([]string, 0, len(values))
	for _, value := range values {
		all = append(all, field+"="+quoted(value))
	}
	return alternatives(all)
}

// alternatives joins expressions; empty for none. OR binds more tightly than AND there,
// so it is always in parentheses.
func alternatives(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return "(" + strings.Join(all, " OR ") + ")"
}

// quoted is a text of the query language. Only control characters, quotes and backslashes
// need an escape.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(text, "\ufffd") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
