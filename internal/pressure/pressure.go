// SPDX-License-Identifier: Apache-2.0

// Package pressure limits how much is requested of others at once: of a web
// server ([Gate]), of a DAG ([Admission]), and of this instance's memory
// ([Bytes]). What is too much waits a little, and is then refused with a reason
// and a time to try again, so that events wait in Pub/Sub, and not in a server
// that slows down under them.
//
//	gate := pressure.New(pressure.Config{})
//	...
//	done, err := gate.Enter(ctx) // the error is a *Refusal: why not, and when to try again
//	if err != nil {
//		return err
//	}
//	run, err := client.Trigger(ctx, run)
//	done(resultOf(err))
//
// Everything is kept in the memory of this instance, nothing longer than the
// process lives, and nothing about an event. Instances do not know of each
// other. Each finds its own limit, and each counts the runs of a DAG for
// itself, so that a bound holds for every instance, and for all of them
// together only as far as their number is bounded.
//
// The package never starts a goroutine that outlives the call, but for a count
// that others wait for as well, never retries, never decides what an outcome
// is, and sends Airflow nothing but through the interface that it is given.
package pressure

import (
	"fmt"
	"time"
)

// Refusal is why a request was not let through, and when another may be.
type Refusal struct {
	// Reason ends in the fix, where there is one.
	Reason string
	// Cause is the bound that was met, for metrics.
	Cause string
	// DownSince is when the server was first found down; zero where it is up.
	DownSince time.Time
	// RetryAfter is when to try again, at least a second.
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
		Reason: fmt.Sprintf("Airflow has been down since %s, and one request at a time asks whether it is back",
			since.UTC().Format(time.RFC3339)),
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
