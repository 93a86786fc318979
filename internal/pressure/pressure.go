// SPDX-License-Identifier: Apache-2.0

// Package pressure owns how much is asked of others at once: of a web server
// ([Gate]), of a DAG ([Admission]), and of this instance's memory ([Bytes]).
// What is too much waits a little, and is then refused with a reason and a
// time to come again, so that the queue is where the events are kept, in
// Pub/Sub, and not in a server that slows down under it.
//
//	gate := pressure.New(pressure.Config{MaxInFlight: 16})
//	...
//	done, err := gate.Enter(ctx) // a *Refusal says why not, and when again
//	if err != nil {
//		return err
//	}
//	run, err := client.Trigger(ctx, run)
//	done(resultOf(err))
//
// What is kept where: everything in the memory of this instance, nothing
// longer than the process lives, nothing about an event. Instances do not know
// of each other. Each finds its own limit, and each counts the runs of a DAG
// for itself, so that a bound holds for every instance, and for all of them
// together only as far as their number is bounded.
//
// The package never starts a goroutine that outlives the call, but for a count
// that others wait for as well, never retries, never decides what an outcome
// is, and asks Airflow nothing but through the interface that it is given.
//
// The gate's limit is written here, not taken from a library. Against a modelled
// server of 1 to 12 workers at three times its load, the one that comes with
// little behind it (failsafe-go v0.9.8, three modules) let requests take 1.5 to
// 13 times the time of the work on them, where this one lets them take 1.5 to
// 3, at no less goodput; and a fair queue, a probe and a reason would have been
// to write all the same.
package pressure

import (
	"fmt"
	"time"
)

// Refusal says that a request was not let through, and when another may be.
type Refusal struct {
	// Reason ends in what is to be done, where anything is.
	Reason string
	// Cause names the bound that was met, for those who count.
	Cause string
	// DownSince is when the server was first found down; zero where it is up.
	DownSince time.Time
	// RetryAfter is when to come again, at least a second.
	RetryAfter time.Duration
}

func (r *Refusal) Error() string { return r.Reason }

// The bounds that a request can meet.
const (
	CauseLimit     = "limit"      // of calls to the web server
	CauseCircuit   = "circuit"    // the web server is down
	CauseMaxActive = "max_active" // of a DAG's runs
	CausePaused    = "paused"     // the DAG is
	CauseActive    = "active"     // a run of the DAG is
	CauseRemoved   = "removed"    // the event's run may have been
)

// Down reports whether the server is down, rather than busy.
func (r *Refusal) Down() bool { return !r.DownSince.IsZero() }

func down(since time.Time) *Refusal {
	return &Refusal{
		Reason:    fmt.Sprintf("Airflow has been down since %s, and one request at a time asks whether it is back", since.UTC().Format(time.RFC3339)),
		Cause:     CauseCircuit,
		DownSince: since, RetryAfter: time.Second,
	}
}

func full(inFlight int, retryAfter time.Duration) *Refusal {
	return &Refusal{
		Reason:     fmt.Sprintf("Airflow has enough to do: requests of this instance there: %d", inFlight),
		Cause:      CauseLimit,
		RetryAfter: retryAfter,
	}
}
