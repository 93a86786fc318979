// SPDX-License-Identifier: Apache-2.0

// Package outcomelog reads the outcomes that the function logs: from a file, in each of
// the forms in which a log is kept, and from Cloud Logging.
//
// It never changes a log, never fails at a line that is not of an outcome, and holds one
// entry or one page of a log at a time.
package outcomelog

import (
	"slices"
	"time"

	"example.com/dagtrigger/internal/trigger"
)

// Line is one line of the function's log about an event: an outcome, what would come of
// an event by a shadow, or the sum of several.
type Line struct {
	Time     string `json:"time"` // RFC 3339
	Severity string `json:"severity"`
	// Outcome is how the event ended (trigger.Kind); Shadow, in its place, how it would
	// have ended by the routes of ShadowFile, which ShadowDigest identifies.
	Outcome      string `json:"outcome"`
	Shadow       string `json:"shadow"`
	ShadowFile   string `json:"shadow_file"`
	ShadowDigest string `json:"shadow_digest"`

	Route       string `json:"route"`
	Environment string `json:"environment"`
	DAG         string `json:"dag_id"`
	Asset       string `json:"asset"`
	RunID       string `json:"dag_run_id"`
	WindowRunID string `json:"window_run_id"`
	Cause       string `json:"cause"`
	Reason      string `json:"reason"`

	EventID string `json:"event_id"`
	Source  string `json:"event_source"`
	Type    string `json:"event_type"`
	Subject string `json:"event_subject"`

	// Key and the digests are those of trigger.Outcome. Only a function that has shadows
	// logs them.
	Key        string `json:"event_key"`
	ConfDigest string `json:"conf_digest"`
	RestDigest string `json:"rest_digest"`

	// RoutesDigest begins the digest of the routes file that the function ran with; empty
	// without a file, and from a function of before it was logged.
	RoutesDigest string `json:"routes_digest"`

	AgeSeconds      float64 `json:"age_seconds"`      // since the event's time; zero for a sum
	DurationSeconds float64 `json:"duration_seconds"` // of the work on it; zero for a sum
	// Count is how many outcomes the line adds up. Since is set where it adds up unmatched
	// events that came within a second from then on; Examples are the first few of them.
	Count    float64   `json:"count"`
	Since    string    `json:"since"`
	Examples []Example `json:"examples"`
	// LeftOut is how many unmatched events earlier versions of the function did not log.
	LeftOut float64 `json:"left_out"`

	// InsertID identifies an entry of Cloud Logging; empty in a line that the function
	// wrote. Revision is the Cloud Run revision that wrote it, where it is known.
	InsertID string `json:"-"`
	Revision string `json:"-"`
}

// Example is one of the events that a line adds up.
type Example struct {
	EventID string `json:"event_id"`
	Source  string `json:"event_source"`
	Type    string `json:"event_type"`
	Subject string `json:"event_subject"`
}

// Events are the lines of the events that l names: l itself, or, where it adds up several,
// one for each example.
func (l *Line) Events() []Line {
	if l.Count <= 1 {
		return []Line{*l}
	}
	lines := make([]Line, len(l.Examples))
	for i, e := range l.Examples {
		lines[i] = *l
		lines[i].EventID, lines[i].Source, lines[i].Type, lines[i].Subject = e.EventID, e.Source, e.Type, e.Subject
		lines[i].Count, lines[i].Examples = 1, nil
	}
	return lines
}

// At is the line's time; zero where it has none.
func (l *Line) At() time.Time {
	at, _ := time.Parse(time.RFC3339Nano, l.Time) // a line without a time has the zero one
	return at
}

// entry is a line as the function writes it, or as Cloud Logging returns it: Cloud
// Logging moves the time and the severity out of the payload.
// https://cloud.google.com/logging/docs/structured-logging#special-payload-fields
type entry struct {
	Line
	Timestamp string `json:"timestamp"`
	Insert    string `json:"insertId"`
	Resource  struct {
		Labels map[string]string `json:"labels"`
	} `json:"resource"`
	Payload *Line `json:"jsonPayload"`
}

// line is the function's line in the entry; nil for any other.
func (e *entry) line() *Line {
	l := &e.Line
	if e.Payload != nil {
		l = e.Payload
		l.Time, l.Severity = e.Timestamp, e.Severity
		l.InsertID, l.Revision = e.Insert, e.Resource.Labels["revision_name"]
	}
	// Other programs log outcomes too, such as success.
	if l.Outcome == "" && l.Shadow == "" || l.Outcome != "" && !slices.Contains(trigger.Kinds(), trigger.Kind(l.Outcome)) {
		return nil
	}
	return l
}
