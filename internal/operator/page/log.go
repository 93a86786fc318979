// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"encoding/json"
	"io"
	"slices"

	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/trigger"
)

// ReadLog fills the recorder with the events of a log, of which it keeps the last
// [MaxEvents]. It returns how many lines are of outcomes.
func (r *Recorder) ReadLog(in io.Reader) (int, error) {
	log := logReader{Recorder: r, last: map[string]*kept{}}
	_, err := outcomelog.Read(in, log.line)
	return log.lines, err
}

// ReadCloud fills the recorder with the newest events of a query, at most [MaxEvents].
// It returns how many lines are of outcomes.
func (r *Recorder) ReadCloud(ctx context.Context, cloud *outcomelog.Cloud, filter outcomelog.Filter) (int, error) {
	var all []*outcomelog.Line
	_, err := cloud.Read(ctx, outcomelog.Query{Filter: filter, Newest: true, Max: MaxEvents}, func(l *outcomelog.Line) bool {
		all = append(all, l)
		return true
	})
	log := logReader{Recorder: r, last: map[string]*kept{}}
	for _, l := range slices.Backward(all) {
		log.line(l)
	}
	return log.lines, err
}

// logReader adds the lines of a log, the oldest first.
type logReader struct {
	*Recorder
	last  map[string]*kept // the latest delivery of an event, by its identity
	lines int
}

func (r *logReader) line(l *outcomelog.Line) {
	if l.Outcome == "" {
		return // a shadow's
	}
	r.lines++
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.event(l)
	o := Outcome{
		EventID: l.EventID, Route: l.Route, Kind: l.Outcome, Environment: l.Environment, DAGID: l.DAG, Asset: l.Asset, RunID: l.RunID,
		Reason: l.Reason,
	}
	if l.Count > 1 {
		o.Count = int(min(l.Count, 1e9))
	}
	k.Outcomes = append(k.Outcomes, o)
	k.Status = max(k.Status, statusOf(l.Outcome))
	if line, err := json.Marshal(l); err == nil && len(k.story.lines) < maxLines {
		k.story.lines = append(k.story.lines, string(line))
	}
	r.count(l.Route, l.Outcome, max(o.Count, 1))
	r.touch(k)
}

// event is the row of a line: a redelivery has another one. The lock is held.
func (r *logReader) event(l *outcomelog.Line) *kept {
	key := l.EventID + "\x00" + l.Source
	if k := r.last[key]; k != nil && !k.has(l.Route) {
		return k
	}
	at := l.At()
	if at.IsZero() {
		at = r.now()
	}
	row := Row{
		ID: trigger.Short(l.EventID), Type: trigger.Short(l.Type), Source: trigger.Short(l.Source), Subject: trigger.Short(l.Subject),
		Status: statusOf(l.Outcome),
	}
	k := r.add(row, &story{}, at)
	if len(r.last) >= MaxEvents {
		clear(r.last)
	}
	r.last[key] = k
	return k
}

// has reports whether the row has an outcome by a route already.
func (k *kept) has(route string) bool {
	for i := range k.Outcomes {
		if k.Outcomes[i].Route == route {
			return true
		}
	}
	return false
}

// statusOf is the status that an outcome alone is answered with.
func statusOf(kind string) int {
	switch kind {
	case "rejected":
		return 422
	case "deferred":
		return 503
	}
	return 200
}
