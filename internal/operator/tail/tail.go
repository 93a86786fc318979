// SPDX-License-Identifier: Apache-2.0

// Package tail follows the function's outcomes as they happen, in Cloud Logging or in a
// file, selects some of them, and counts what it selected.
//
// It never writes to a log, and holds no line once it is passed on.
package tail

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/route/pattern"
)

// Selection is which lines to pass on. Its zero value selects the lines of all outcomes.
type Selection struct {
	Outcomes, Routes []string // empty for all
	// Object is the pattern of an object's name, or of its URL where it begins with
	// gs://; nil for any event. A line that adds up events is selected where it names one.
	Object *pattern.Pattern
	URL    bool
}

// Selects reports whether a line is to be passed on.
func (s *Selection) Selects(l *outcomelog.Line) bool {
	if l.Outcome == "" {
		return false // of a shadow
	}
	if len(s.Outcomes) > 0 && !slices.Contains(s.Outcomes, l.Outcome) || len(s.Routes) > 0 && !slices.Contains(s.Routes, l.Route) {
		return false
	}
	return s.Object == nil || slices.ContainsFunc(Events(l), s.matches)
}

// Events are the events that a line names: its own, or examples of those that it adds up.
func Events(l *outcomelog.Line) []outcomelog.Example {
	if len(l.Examples) > 0 {
		return l.Examples
	}
	return []outcomelog.Example{{EventID: l.EventID, Source: l.Source, Type: l.Type, Subject: l.Subject}}
}

func (s *Selection) matches(e outcomelog.Example) bool {
	bucket, object, ok := Object(e)
	if s.URL {
		object = "gs://" + bucket + "/" + object
	}
	if ok {
		_, ok = s.Object.Match(object)
	}
	return ok
}

// Object is the object of Cloud Storage that an event is about; ok is false where it is
// about anything else.
func Object(e outcomelog.Example) (bucket, object string, ok bool) {
	_, bucket, inBucket := strings.Cut(e.Source, "storage.googleapis.com/projects/_/buckets/")
	object, isObject := strings.CutPrefix(e.Subject, "objects/")
	return bucket, object, inBucket && isObject
}

// Name is what a person calls an event: its object's URL, or its id.
func Name(e outcomelog.Example) string {
	if bucket, object, ok := Object(e); ok {
		return "gs://" + bucket + "/" + object
	}
	return e.EventID
}

// Kind is what outcomes are counted by.
type Kind struct{ Outcome, Route string }

// Counts are how many outcomes of a kind there were. Beyond 1,000 kinds, the rest is
// counted without the route.
type Counts map[Kind]int

const maxKinds = 1000

// Add counts the outcomes of a line.
func (c Counts) Add(l *outcomelog.Line) {
	k := Kind{l.Outcome, l.Route}
	if _, known := c[k]; !known && len(c) >= maxKinds {
		k = Kind{Outcome: l.Outcome}
	}
	c[k] += Count(l)
}

// Count is how many outcomes a line adds up.
func Count(l *outcomelog.Line) int { return max(1, int(l.Count)) }

// Total is the number of all outcomes.
func (c Counts) Total() (n int) {
	for _, count := range c {
		n += count
	}
	return n
}

// Kinds are the kinds in order.
func (c Counts) Kinds() []Kind {
	return slices.SortedFunc(maps.Keys(c), func(a, b Kind) int {
		return cmp.Or(cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Route, b.Route))
	})
}
