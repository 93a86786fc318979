// SPDX-License-Identifier: Apache-2.0

// Package shadowlog implements the comparison of what live routes and shadows decided,
// by the outcomes in the function's log: it pairs them by the event's key, and counts
// what is the same and what is not.
//
// It keeps a bounded number of events, whatever the log's length.
package shadowlog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/operator/outcomelog"
)

// How a decision of the live routes and one of a shadow compare.
const (
	Same       = "same"
	Different  = "different"
	OnlyLive   = "only_live"   // no route of the shadow matches
	OnlyShadow = "only_shadow" // no live route matches
	Neither    = "neither"     // no route of either matches
	// NotCompared is an event of which the log lacks a side, or a side was not decided.
	NotCompared = "not_compared"
)

// What a route decided.
const (
	starts  = "starts"
	waits   = "waits" // for its set
	fails   = "fails"
	unknown = ""
)

// Decision is what a route decided about an event, as its line has it.
type Decision struct {
	Route       string `json:"route"`
	State       string `json:"decision"`
	Environment string `json:"environment,omitempty"`
	DAG         string `json:"dag_id,omitempty"`
	Asset       string `json:"asset,omitempty"`
	RunID       string `json:"dag_run_id,omitempty"`
	ConfDigest  string `json:"conf_digest,omitempty"`
	Reason      string `json:"reason,omitempty"`

	rest, time string
}

// maxReason is the most bytes of a reason that are kept.
const maxReason = 300

func decisionOf(l *outcomelog.Line) Decision {
	reason := l.Reason
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return Decision{
		Route: l.Route, State: stateOf(l), Environment: l.Environment, DAG: l.DAG, Asset: l.Asset, RunID: cmp.Or(l.WindowRunID, l.RunID),
		ConfDigest: l.ConfDigest, Reason: reason, rest: l.RestDigest, time: l.Time,
	}
}

// stateOf is what the route of a line decided, whatever Airflow made of it.
func stateOf(l *outcomelog.Line) string {
	ended := l.Outcome == "dead_lettered" || l.Outcome == "rejected" || l.Shadow == "would_fail"
	switch {
	case l.Shadow == "not_evaluated", l.Cause == "dead_letter_store":
		return unknown
	case l.Outcome == "deferred" && (l.Cause == "listing" || l.Cause == "no_time"):
		return unknown
	case l.Cause == "incomplete":
		return waits
	case ended && (l.Cause == "expression" || l.Cause == "reject" || l.Cause == "listing"):
		return fails
	}
	return starts
}

// side is what one of the two decided about an event.
type side struct {
	decided   bool // it is known which routes match
	reason    string
	decisions []Decision
}

// maxDecisions bounds what one side of an event may have: a request has at most so many lines.
const maxDecisions = 100

// add notes a line. Of several deliveries of the event the last counts.
func (s *side) add(l *outcomelog.Line) {
	if l.Route == "" {
		// Else it is an event whose data is invalid, or one that waited for its turn.
		if l.Outcome == "unmatched" || l.Shadow == "unmatched" {
			s.decided, s.reason = true, decisionOf(l).Reason
		}
		return
	}
	s.decided = true
	d := decisionOf(l)
	at := slices.IndexFunc(s.decisions, func(known Decision) bool { return known.Route == d.Route })
	switch {
	case at < 0 && len(s.decisions) < maxDecisions:
		s.decisions = append(s.decisions, d)
	case at >= 0 && d.State != unknown && (d.time >= s.decisions[at].time || s.decisions[at].State == unknown):
		s.decisions[at] = d
	}
}

// event is what the log has of one event.
type event struct {
	key                 string
	id, source, subject string
	live                side
	routes              side // the shadows of the live file
	file                side // the shadow file
}

func (e *event) add(l *outcomelog.Line) {
	e.id, e.source, e.subject = cmp.Or(e.id, l.EventID), cmp.Or(e.source, l.Source), cmp.Or(e.subject, l.Subject)
	switch {
	case l.Shadow == "":
		e.live.add(l)
	case l.ShadowFile == "" && l.ShadowDigest == "":
		e.routes.add(l)
	default:
		e.file.add(l)
	}
}

// Difference is one decision and what is decided in its place.
type Difference struct {
	Kind    string    `json:"kind"`
	In      []string  `json:"in,omitempty"` // of Different: what is not the same
	EventID string    `json:"event_id"`
	Source  string    `json:"event_source,omitempty"`
	Subject string    `json:"event_subject,omitempty"`
	Live    *Decision `json:"live,omitempty"`
	Shadow  *Decision `json:"shadow,omitempty"`
	// Reason says why the side that does not match does not.
	Reason string `json:"reason,omitempty"`
}

// results are what the event comes to: a result for each decision, or one.
func (e *event) results() (all []Difference) {
	if e.file.decided {
		all = append(all, e.byName()...)
	}
	if e.routes.decided {
		all = append(all, e.byRun()...)
	}
	if len(all) == 0 || !e.live.decided {
		all = []Difference{{Kind: NotCompared}}
	}
	for i := range all {
		all[i].EventID, all[i].Source, all[i].Subject = e.id, e.source, e.subject
	}
	return all
}

// byName compares a whole file: each route with the one of its name, and then those
// that are left with one that starts the same DAG.
func (e *event) byName() (all []Difference) {
	if len(e.live.decisions)+len(e.file.decisions) == 0 {
		return []Difference{{Kind: Neither}}
	}
	here, there := slices.Clone(e.live.decisions), slices.Clone(e.file.decisions)
	pair := func(fits func(live, shadow *Decision) bool) {
		here = slices.DeleteFunc(here, func(live Decision) bool {
			at := slices.IndexFunc(there, func(shadow Decision) bool { return fits(&live, &shadow) })
			if at < 0 {
				return false
			}
			all = append(all, compare(live, there[at], true))
			there = slices.Delete(there, at, at+1)
			return true
		})
	}
	pair(func(live, shadow *Decision) bool { return live.Route == shadow.Route })
	pair(func(live, shadow *Decision) bool {
		return live.sameTarget(shadow) && live.ConfDigest == shadow.ConfDigest
	})
	pair((*Decision).sameTarget)
	for i := range here {
		all = append(all, Difference{Kind: OnlyLive, Live: &here[i], Reason: e.file.reason})
	}
	for i := range there {
		all = append(all, Difference{Kind: OnlyShadow, Shadow: &there[i], Reason: e.live.reason})
	}
	return all
}

// byRun compares shadows of the live file, whose names are others: each with the live
// route that decided most like it, but for the run id.
func (e *event) byRun() (all []Difference) {
	live := e.live.decisions
	for _, shadow := range e.routes.decisions {
		if len(live) == 0 {
			all = append(all, Difference{Kind: OnlyShadow, Shadow: &shadow, Reason: e.live.reason})
			continue
		}
		nearest := slices.MinFunc(live, func(a, b Decision) int {
			return cmp.Compare(len(compare(a, shadow, false).In), len(compare(b, shadow, false).In))
		})
		all = append(all, compare(nearest, shadow, false))
	}
	if len(e.routes.decisions) > 0 {
		return all
	}
	for i := range live {
		all = append(all, Difference{Kind: OnlyLive, Live: &live[i], Reason: e.routes.reason})
	}
	if len(all) == 0 {
		return []Difference{{Kind: Neither}}
	}
	return all
}

func (d *Decision) sameTarget(other *Decision) bool {
	return d.Environment == other.Environment && d.DAG == other.DAG && d.Asset == other.Asset && d.State == other.State
}

// compare compares two decisions; named with the names and the run ids of their routes.
func compare(live, shadow Decision, named bool) Difference {
	if live.State == unknown || shadow.State == unknown {
		return Difference{Kind: NotCompared, Live: &live, Shadow: &shadow}
	}
	var in []string
	differs := func(what string, differ bool) {
		if differ {
			in = append(in, what)
		}
	}
	known := func(a, b string) bool { return a != "" && b != "" && a != b }
	differs("decision", live.State != shadow.State)
	differs("environment", live.Environment != shadow.Environment)
	differs("DAG", live.DAG != shadow.DAG && (live.Asset == "" || live.Asset != shadow.Asset)) // a materialization's is known once it runs
	differs("asset", live.Asset != shadow.Asset)
	if live.State == starts && shadow.State == starts {
		differs("run id", named && live.RunID != shadow.RunID)
		differs("conf", known(live.ConfDigest, shadow.ConfDigest))
		differs("logical date, partition key or note", known(live.rest, shadow.rest))
	}
	if len(in) == 0 {
		return Difference{Kind: Same, Live: &live, Shadow: &shadow}
	}
	return Difference{Kind: Different, In: in, Live: &live, Shadow: &shadow}
}

// String is the decision for a person.
func (d *Decision) String() string {
	target := cmp.Or(d.DAG, d.Asset, "nothing")
	switch d.State {
	case fails:
		return fmt.Sprintf("%s fails: %s", d.Route, d.Reason)
	case waits:
		return fmt.Sprintf("%s waits for its set: %s", d.Route, d.Reason)
	}
	return fmt.Sprintf("%s starts %s in %s, run %s, conf %s", d.Route, target, d.Environment, d.RunID, cmp.Or(d.ConfDigest, "unknown"))
}
