// SPDX-License-Identifier: Apache-2.0

// Package route owns what an event starts: it compiles the routes that an
// operator wrote into an immutable [Table], and decides for each event which
// DAG runs it asks for, with which conf.
//
// The package never does I/O and keeps no state between events.
package route

import (
	"time"
)

// Plan is one DAG run that an event asks for.
type Plan struct {
	Route       string // the route's name
	Environment string // the environment's name, empty for the only one
	DAG         string // the DAG id
	// Identity tells which events are the same run: the event's key, or what
	// the route's run_id made of it.
	Identity []string
	// Conf is a JSON object.
	Conf []byte
	// LogicalDate is zero where the route gives none.
	LogicalDate time.Time
	// Note says in words what happened; empty for none.
	Note string
}

// Decision is what a [Table] makes of one event. At least one of its parts
// is not empty.
type Decision struct {
	Plans    []Plan
	Failures []Failure
	// Misses are the routes tried in vain. They are only told where no route
	// matched and none failed.
	Misses []Miss
}

// Failure is a route that matched, or might have, but could not be evaluated:
// a permanent failure, never "no match". Only where Err wraps the error of the
// context that [Table.Decide] was given did the time run out.
type Failure struct {
	Route       string
	Environment string
	DAG         string // empty where it could not be told
	Err         error
}

// Miss is a route that did not match, and the first thing that did not.
type Miss struct {
	Route  string
	Reason string
}
