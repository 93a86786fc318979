// SPDX-License-Identifier: Apache-2.0

package why

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/operator/outcomelog"
)

const (
	// maxLines bounds the lines that are kept of the log.
	maxLines = 1000
	// maxRunIDs bounds the run ids in a query, which has at most 20,000 characters.
	maxRunIDs = 50
	// retention is how long Cloud Logging keeps its _Default bucket, unless it is set
	// otherwise: https://cloud.google.com/logging/quotas#logs_retention_periods
	retention = 30 * 24 * time.Hour
	// nearby is by how much the time of an event may differ from that of its upload.
	nearby = time.Minute
)

// filter selects the lines that may be about the event.
func (f *search) filter() outcomelog.Filter {
	filter := outcomelog.Filter{Since: f.Now.Add(-retention)}
	switch {
	case !f.At.IsZero():
		filter.Since = f.At.Add(-time.Hour)
	case f.ev != nil && f.ev.Time.After(filter.Since):
		filter.Since = f.ev.Time.Add(-time.Hour)
	}
	if f.ID != "" {
		filter.Any = append(filter.Any, outcomelog.Match{"dag_run_id": f.ID})
		filter.Any = append(filter.Any, named("event_id", f.ID)...)
	}
	if f.ev != nil && !f.listed {
		filter.Any = append(filter.Any, named("event_id", f.ev.ID, "event_source", f.ev.Source)...)
	}
	ids := slices.Sorted(maps.Keys(f.runIDs))
	for _, id := range ids[:min(len(ids), maxRunIDs)] {
		filter.Any = append(filter.Any, outcomelog.Match{"dag_run_id": id})
	}
	if f.object != "" {
		filter.Any = append(filter.Any, named(
			"event_source", "//storage.googleapis.com/projects/_/buckets/"+f.Question.Bucket, "event_subject", "objects/"+f.Object)...)
	}
	return filter
}

// named selects lines of an event by fields and their values: those to itself, and those
// that have it as an example of the events that they add up.
func named(pairs ...string) []outcomelog.Match {
	alone, example := outcomelog.Match{}, outcomelog.Match{}
	for i := 0; i < len(pairs); i += 2 {
		alone[pairs[i]], example["examples."+pairs[i]] = pairs[i+1], pairs[i+1]
	}
	return []outcomelog.Match{alone, example}
}

// readLog keeps the lines about the event. What keeps it from being read is a note.
func (f *search) readLog(ctx context.Context) error {
	filter := f.filter()
	f.lines = nil
	f.answer.LogCommand = ""
	err := f.ReadLog(ctx, filter, func(l *outcomelog.Line) {
		for _, one := range l.Events() {
			if f.isAbout(&one) {
				f.lines = append(f.lines, one)
			}
		}
		if len(f.lines) > 2*maxLines {
			f.newest()
		}
	})
	f.newest()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		f.note("%v", err)
		f.answer.LogCommand = f.LogCommand(filter)
	}
	return nil
}

// newest keeps the newest lines, in their order.
func (f *search) newest() {
	slices.SortStableFunc(f.lines, func(a, b outcomelog.Line) int { return a.At().Compare(b.At()) })
	f.lines = slices.Clone(f.lines[max(0, len(f.lines)-maxLines):])
}

// isAbout reports whether a line is of the event: by its run ids, by its id or, for an
// upload, by the object and the time, since the log has no generation.
func (f *search) isAbout(l *outcomelog.Line) bool {
	switch {
	case l.Outcome == "":
		return false
	case l.RunID != "" && (f.runIDs[l.RunID] || l.RunID == f.ID):
		return true
	case f.ID != "" && l.EventID == f.ID:
		return true
	case f.ev != nil && l.EventID == f.ev.ID && l.Source == f.ev.Source:
		return true
	case f.object == "" || l.Subject != "objects/"+f.Object || !strings.HasSuffix(l.Source, "/buckets/"+f.Question.Bucket):
		return false
	case !strings.HasSuffix(l.Type, ".finalized"):
		return false
	case f.ev == nil:
		at := eventTime(l)
		return f.At.IsZero() || at.After(f.At.Add(-time.Hour)) && at.Before(f.At.Add(time.Hour))
	}
	apart := eventTime(l).Sub(f.ev.Time).Abs()
	return apart < nearby && !slices.ContainsFunc(f.others, func(other time.Time) bool {
		return eventTime(l).Sub(other).Abs() < apart
	})
}

// eventTime is the time of the event that a line is about, by its age.
func eventTime(l *outcomelog.Line) time.Time {
	return l.At().Add(-time.Duration(l.AgeSeconds * float64(time.Second)))
}

// last is the last line about the event and a route, and how many there are; without one,
// the last line about the event.
func (f *search) last(routeName string) (*outcomelog.Line, int) {
	var of *outcomelog.Line
	count := 0
	for i := range f.lines {
		if f.lines[i].Route == routeName {
			of = &f.lines[i]
			count++
		}
	}
	if of == nil && len(f.lines) > 0 {
		of = &f.lines[len(f.lines)-1]
	}
	return of, count
}

// decidedBy are the routes that decided the last delivery: the current ones, where the log
// does not say or none of the files is those.
func (f *search) decidedBy() Routes {
	if len(f.lines) == 0 {
		return f.Current
	}
	l := &f.lines[len(f.lines)-1]
	if l.RoutesDigest == "" {
		return f.Current
	}
	for _, routes := range append([]Routes{f.Current}, f.Older...) {
		if strings.HasPrefix(routes.Digest, l.RoutesDigest) {
			return routes
		}
	}
	f.note("the delivery at %s was decided by routes with the digest %s, which none of the files has that were given: the current "+
		"routes may say otherwise. Give that version of the file with a further --config", stamp(l.At()), l.RoutesDigest)
	return f.Current
}
