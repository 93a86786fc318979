// SPDX-License-Identifier: Apache-2.0

// Package route decides what an event starts: it compiles the routes that an
// operator wrote into an immutable [Table], and decides for each event which
// DAG runs it asks for, with which conf.
//
// The package never does I/O and keeps no state between events.
package route

import (
	"time"
)

// Plan is one DAG run, or one event of an asset, that an event asks for.
type Plan struct {
	Route       string // the route's name
	Environment string // the environment's name, empty for the only one
	DAG         string // the DAG id; empty where Asset is set
	// Asset is the URI or the name of the asset that the event is about: an event
	// of it is published in place of a run, or, with Materialize, a run of the DAG
	// that makes it is started.
	Asset       string
	Materialize bool
	// PartitionKey is that of the run, or of the asset's event; empty for none.
	PartitionKey string
	// Identity says which events are the same run: the event's key, or what
	// the route's run_id made of it.
	Identity []string
	// RunID is the run's id as the route's run_id_exact gives it; empty where
	// the id is made of Route and Identity.
	RunID string
	// Conf is a JSON object; of an asset's event it is the extra.
	Conf []byte
	// LogicalDate is zero where the route gives none.
	LogicalDate time.Time
	// Note says in words what happened; empty for none.
	Note string
	// Window is set where all events of a window of time are one run. LogicalDate
	// is then zero.
	Window *Window
	// Set is set where a run is started only once all objects of a set are there.
	// Conf, Note and, where the set is ByContent, a part of Identity are then those
	// of [Set.Plan].
	Set *Set
	Limits
}

// Window is a part of time all of whose events are one run.
type Window struct {
	// Begin and End are where it begins, and where the next one does.
	Begin, End time.Time
	// Start is when its run starts, which then sees what came in it; zero for a
	// late run, which starts at once.
	Start time.Time
	// Late is the run that an event asks for alone where that of the window has
	// started without it; nil where it then asks for none.
	Late *Plan
}

// Starts is when the run that a plan with this window asks for starts; zero for
// at once, as it does where there is no window.
func (w *Window) Starts() time.Time {
	if w == nil {
		return time.Time{}
	}
	return w.Start
}

// Limits are what a route says about runs that may not be made, or could not be.
type Limits struct {
	// DeadLetter is the address of the store for what fails permanently; empty for
	// the one that holds for all routes.
	DeadLetter string
	// MaxActive is how many runs of the DAG may be queued or running before
	// another is made; 0 for any number.
	MaxActive int
	// WhenPaused is what becomes of an event whose DAG is paused: [PausedTrigger],
	// which "" stands for, [PausedUnpause], [PausedDefer] or [PausedFail].
	WhenPaused string
	// SkipActive starts no run while one of the DAG is queued or running.
	SkipActive bool
}

// What becomes of an event whose DAG is paused. A run of a paused DAG is made,
// and stays queued until somebody unpauses the DAG.
const (
	PausedTrigger = "trigger" // make the run
	PausedUnpause = "unpause" // unpause the DAG, then make the run
	PausedDefer   = "defer"   // have the event come again
	PausedFail    = "fail"    // permanently
)

// Decision is what a [Table] makes of one event. At least one of its parts
// is not empty.
type Decision struct {
	Plans    []Plan
	Failures []Failure
	// Misses are the routes that came nearest to matching, the nearest first, and at
	// most [MaxMisses]. They are only reported where no route matched and none failed.
	Misses []Miss
	// Unnamed is how many further routes did not match.
	Unnamed int
	// Written is how many bytes the confs of Plans take that were computed.
	Written int
}

// Failure is a route that matched, or might have, but could not be evaluated:
// a permanent failure, never "no match". Only where Err wraps the error of the
// context that [Table.Decide] was given did the time run out.
type Failure struct {
	Route       string
	Environment string
	DAG         string // empty where it is not known
	Asset       string // as in [Plan]
	DeadLetter  string // as in [Limits]
	Err         error
}

// Miss is a route that did not match, and the first thing that did not.
type Miss struct {
	Route  string
	Key    string // of the route; empty where another route was first
	Reason string
}
