// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"sync"
	"time"
)

const (
	// parseDelay is how long Airflow may take to know a DAG that was just
	// uploaded, or whose dag-processor restarts: until then an unknown DAG is no
	// reason to give up.
	parseDelay = 10 * time.Minute
	// maxLookGap is the longest time between two answers that a DAG is unknown
	// for it to count as unknown between them. Pub/Sub's longest pause between
	// two deliveries is 10 minutes.
	maxLookGap = time.Hour
	// maxFailing bounds how many failing events, and how many DAGs, are
	// remembered: about 16 MB at most.
	maxFailing = 100_000
)

// failing remembers since when events fail and DAGs are unknown, as this
// process has seen it. An event's own time says nothing of that: it may be of
// another business day, or of 2030. Its zero value is ready for use; its
// methods may be called concurrently.
//
// What is remembered is bounded: under an outage that more events meet than
// are remembered, those seen least recently are forgotten.
type failing struct {
	mu     sync.Mutex
	events recent
	dags   recent
}

// span is when something was first and last seen to fail.
type span struct{ first, last time.Time }

// event notes that an event failed for a route. It returns when it first did,
// and whether it was seen to fail before.
func (f *failing) event(key string, now time.Time) (first time.Time, seen bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, seen := f.events.get(key)
	if !seen {
		s.first = now
	}
	f.events.put(key, span{s.first, now})
	return s.first, seen
}

// dag notes that a DAG is unknown, and reports whether it has been for at least
// parseDelay.
func (f *failing) dag(key string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.dags.get(key)
	if !ok || now.Sub(s.last) > maxLookGap {
		s.first = now
	}
	f.dags.put(key, span{s.first, now})
	return now.Sub(s.first) >= parseDelay
}

// known notes that Airflow knows a DAG. Every run that is started comes by.
func (f *failing) known(environment, dag string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.dags.young)+len(f.dags.old) > 0 {
		f.dags.remove(dagKey(environment, dag))
	}
}

func dagKey(environment, dag string) string { return environment + "/" + dag }

// recent is a map of the keys that were put most recently: at least half of
// maxFailing, at most maxFailing of them.
type recent struct{ young, old map[string]span }

func (r *recent) get(key string) (span, bool) {
	if s, ok := r.young[key]; ok {
		return s, true
	}
	s, ok := r.old[key]
	return s, ok
}

func (r *recent) put(key string, s span) {
	if r.young == nil || len(r.young) >= maxFailing/2 {
		r.young, r.old = map[string]span{}, r.young
	}
	r.young[key] = s
}

func (r *recent) remove(key string) {
	delete(r.young, key)
	delete(r.old, key)
}
