// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"slices"

	"example.com/dagtrigger/internal/trigger"
)

// Row is how often an outcome came to pass.
type Row struct {
	Outcome trigger.Kind `json:"outcome"`
	Route   string       `json:"route"`
	DAGID   string       `json:"dag_id"`
	Count   int          `json:"count"`
}

// Summary is what a [Pass] came to.
type Summary struct {
	Events  int // that were sent, or could not be
	Settled int
	// Unmatched are those that no route wanted, Unsent those that have no outcome.
	Unmatched, Unsent int
	// Interrupted means that there may be more events: the context ended.
	Interrupted bool

	counts map[Row]int
}

func (s *Summary) add(e *End) {
	s.Events++
	switch {
	case e.Settled():
		s.Settled++
	case len(e.Outcomes) == 0:
		s.Unsent++
	case len(e.Outcomes) == 1 && e.Outcomes[0].Kind == trigger.Unmatched:
		s.Unmatched++
	}
	if s.counts == nil {
		s.counts = make(map[Row]int)
	}
	for _, o := range e.Outcomes {
		s.counts[Row{Outcome: o.Kind, Route: o.Route, DAGID: o.DAGID}]++
	}
}

// Rows are the outcomes and how often each came to pass, those that need a
// person last.
func (s *Summary) Rows() []Row {
	rows := make([]Row, 0, len(s.counts))
	for row, count := range s.counts {
		row.Count = count
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(rank(a.Outcome), rank(b.Outcome)), cmp.Compare(a.Route, b.Route), cmp.Compare(a.DAGID, b.DAGID))
	})
	return rows
}

func rank(kind trigger.Kind) int {
	switch kind {
	case trigger.Triggered, trigger.Published:
		return 0
	case trigger.Duplicate:
		return 1
	case trigger.Unmatched:
		return 2
	case trigger.Deferred:
		return 3
	default:
		return 4
	}
}
