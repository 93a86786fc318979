// SPDX-License-Identifier: Apache-2.0

package page

import (
	"encoding/json"
	"io"
	"strings"
	"time"

	"example.com/dagtrigger/internal/operator/shadowlog"
)

// ReadLog fills the recorder with the events of a log, of which it keeps the last
// [MaxEvents]. It returns how many lines are of events.
func (r *Recorder) ReadLog(in io.Reader) (int, error) {
	n := 0
	last := map[string]*kept{} // by the event's identity
	_, err := shadowlog.Read(in, func(l *shadowlog.Line) {
		if l.Outcome == "" {
			return // a shadow's
		}
		n++
		r.mu.Lock()
		defer r.mu.Unlock()
		at, err := time.Parse(time.RFC3339Nano, l.Time)
		if err != nil {
			at = r.now()
		}
		key := l.EventID + "\x00" + l.Source
		k := last[key]
		if k == nil || k.has(l.Route) { // a redelivery is an event of its own
			row := Row{ID: short(l.EventID), Source: short(l.Source), Subject: short(l.Subject), Status: statusOf(l.Outcome)}
			k = r.add(row, &story{}, at)
			if len(last) >= MaxEvents {
				clear(last)
			}
			last[key] = k
		}
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
			k.story.lines = append(k.story.lines, strings.TrimSpace(string(line)))
		}
		r.count(l.Route, l.Outcome, max(o.Count, 1))
		r.touch(k)
	})
	return n, err
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
