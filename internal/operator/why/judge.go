// SPDX-License-Identifier: Apache-2.0

package why

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/trigger"
)

// Ending is how an event has ended for a route, so far.
type Ending string

// The endings.
const (
	Started   Ending = "started"   // the run exists
	Held      Ending = "held"      // the DAG is paused, or its other runs have to end first
	GivenUp   Ending = "given_up"  // it is a dead letter
	Missing   Ending = "missing"   // the route matches, and there is no run
	Removed   Ending = "removed"   // the run was started, and Airflow no longer has it
	Published Ending = "published" // the run is in the environment's outbox, which does not say whether it exists
	Unmatched Ending = "unmatched" // the route does not match
	Unknown   Ending = "unknown"   // what is needed could not be read
)

// Facts are what is known about an event and a route.
type Facts struct {
	Route, DAG, Asset, RunID string
	Object                   string // gs://BUCKET/OBJECT of an upload, quoted for a shell; else empty
	Flags                    string // that name the routes file in a command, each after a space
	Deployed                 string // --project PROJECT --service SERVICE

	Unmatched string // the first thing that did not match, empty where the route matches
	Failure   string // why the route could not be evaluated, empty where it could

	Run        *airflow.DAGRun // nil for none
	Published  bool            // the asset's event exists
	Paused     bool            // the DAG is, or is draining
	Running    int             // runs of the DAG, where Run is queued
	AirflowErr error           // why Airflow does not say

	Letter        *Letter
	LettersUnread bool // a store of them could not be read
	// Last is the last line of the log about the event and the route, or about the event
	// alone; nil for none. Deliveries is how many outcomes of the route the log has.
	Last       *outcomelog.Line
	Deliveries int
	// LogQuery is a command that reads the log, where it could not be read; else empty.
	LogQuery string
	// By names the routes that decided, where they are not the current ones, and
	// NowMatches reports that the current ones match.
	By         string
	NowMatches bool
	Now        time.Time
}

// Verdict is an ending, in one sentence, and what to do next.
type Verdict struct {
	Ending   Ending `json:"ending"`
	Sentence string `json:"sentence"`
	Next     string `json:"next"`
}

// Judge is what the facts come to. What Airflow holds counts before the dead letters,
// those before the log, and the log before what the routes say now.
func Judge(f Facts) Verdict {
	switch {
	case f.Run != nil:
		return f.run()
	case f.Published:
		return Verdict{Started, fmt.Sprintf("The event %s of the asset %s exists.", f.RunID, f.Asset), "Nothing: it is done."}
	case f.Letter != nil:
		return f.letter()
	case f.inOutbox() != nil && f.Last != nil && f.Last.Route == f.Route && f.Last.Outcome != "":
		return f.delivered()
	case f.AirflowErr != nil && (f.inOutbox() == nil || f.Unmatched+f.Failure == ""):
		return Verdict{Unknown, "Airflow did not say whether the run exists: " + trimmed(f.AirflowErr.Error()) + ".",
			"Find the cause: dagtrigger doctor" + f.Flags}
	case f.Last != nil && f.Last.Route == f.Route && f.Last.Outcome != "":
		return f.delivered()
	case f.Unmatched != "":
		return f.unmatched()
	case f.Failure != "":
		return Verdict{Missing, fmt.Sprintf("Route %s cannot be evaluated: %s.", f.Route, trimmed(f.Failure)),
			"Correct the route, deploy it, then: " + f.again()}
	}
	return f.missing()
}

func (f *Facts) run() Verdict {
	r := f.Run
	name := fmt.Sprintf("Run %s of DAG %s", r.RunID, r.DAGID)
	if r.State == "queued" {
		switch {
		case r.RunAfter.After(f.Now):
			return Verdict{Started, fmt.Sprintf("%s exists and starts at %s.", name, stamp(r.RunAfter)), "Wait until then."}
		case f.Paused:
			return Verdict{Held, name + " exists and is queued, because the DAG is paused.", "Unpause it: airflow dags unpause " + r.DAGID}
		case f.Running > 0 && f.Now.Sub(f.queuedSince()) > time.Minute:
			return Verdict{Held, fmt.Sprintf("%s exists and is still queued, beside %d of the DAG's runs that are running.", name, f.Running),
				"Wait for their end, or raise the DAG's max_active_runs."}
		}
		return Verdict{Started, name + " exists and is queued.", "Wait; where it stays queued, see the scheduler: dagtrigger doctor" + f.Flags}
	}
	when := "exists"
	if !r.StartDate.IsZero() {
		when = "started at " + stamp(r.StartDate)
	}
	next := "Nothing: it is done."
	switch r.State {
	case "running":
		next = "Wait for its end."
	case "failed":
		next = "See the log of the failed task in Airflow, and clear the task to run it again."
	}
	return Verdict{Started, fmt.Sprintf("%s %s; its state is %s now.", name, when, cmp.Or(r.State, "unknown")), next}
}

// queuedSince is when the run was created, about; zero where nothing says.
func (f *Facts) queuedSince() time.Time {
	if f.Run.RunAfter.IsZero() && f.Last != nil && f.Last.Route == f.Route {
		return f.Last.At()
	}
	return f.Run.RunAfter
}

func (f *Facts) letter() Verdict {
	l := f.Letter
	times := ""
	if l.Attempts > 1 {
		times = fmt.Sprintf(", the last of %d failures", l.Attempts)
	}
	return Verdict{
		GivenUp, fmt.Sprintf("Route %s gave the event up at %s%s, and it is the dead letter %s in %s: %s.",
			f.Route, stamp(l.Time), times, l.Name, l.Store, trimmed(l.Reason)),
		"Remove the cause, then: dagtrigger dead-letters replay " + l.Name + f.Flags,
	}
}

// inOutbox is the error of an environment that is an outbox; nil for another.
func (f *Facts) inOutbox() *environment.OutboxError {
	e, _ := errors.AsType[*environment.OutboxError](f.AirflowErr)
	return e
}

// delivered judges by the last delivery that the log has of the route.
func (f *Facts) delivered() Verdict {
	l := f.Last
	at, reason := stamp(l.At()), trimmed(cmp.Or(l.Reason, l.Cause, "no reason is given"))
	switch trigger.Kind(l.Outcome) {
	case trigger.Triggered, trigger.Duplicate:
		if f.Asset != "" {
			return Verdict{Started, fmt.Sprintf("The event %s of the asset %s was published at %s, as the log says.", f.RunID, f.Asset, at),
				"Nothing: it is done."}
		}
		return Verdict{Removed, fmt.Sprintf("Run %s of DAG %s existed at %s, as the log says, and Airflow no longer has it: "+
			"it was deleted, or \"airflow db clean\" removed it.", l.RunID, l.DAG, at), "To start it again: " + f.again()}
	case trigger.Published:
		where := "the environment's outbox"
		if outbox := f.inOutbox(); outbox != nil {
			where = outbox.Topic
		}
		return Verdict{
			Published, fmt.Sprintf("Run %s of DAG %s was published to %s at %s, as the log says: its Airflow alone says what became of it.",
				l.RunID, l.DAG, where, at),
			"Look for the run in that Airflow; where it is not there, see the log of the DAG dagtrigger_outbox and deploy/outbox.md.",
		}
	case trigger.DeadLettered:
		return Verdict{Missing, fmt.Sprintf("Route %s gave the event up at %s, and no store that was searched has its dead letter now: %s.",
			f.Route, at, reason), "List the dead letters, in other stores too (--store): dagtrigger dead-letters list --route " + f.Route + f.Flags}
	case trigger.Rejected:
		return Verdict{Missing, fmt.Sprintf("The delivery at %s failed permanently, and route %s has no dead-letter store: %s.",
			at, f.Route, reason), "Remove the cause, then: " + f.again()}
	case trigger.Unmatched:
		if l.Cause == pressure.CauseActive {
			return Verdict{Held, fmt.Sprintf("Route %s started no run at %s: %s.", f.Route, at, reason), "When that run has ended: " + f.again()}
		}
		return Verdict{Unmatched, fmt.Sprintf("Route %s matched and started no run at %s: %s.", f.Route, at, reason),
			"See what it would do now: dagtrigger explain EVENT --look" + f.Flags}
	}
	if l.Cause == pressure.CausePaused || l.Cause == pressure.CauseMaxActive || l.Cause == pressure.CauseActive {
		return Verdict{Held, fmt.Sprintf("Route %s held the event back at %s: %s.", f.Route, at, reason), f.redelivery()}
	}
	of := "the only one"
	if f.Deliveries > 1 {
		of = fmt.Sprintf("the last of %d", f.Deliveries)
	}
	return Verdict{Missing, fmt.Sprintf("The delivery at %s, %s, failed: %s.", at, of, reason), f.redelivery()}
}

// longestBackoff is the longest pause of Pub/Sub before it delivers again:
// https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff
const longestBackoff = 10 * time.Minute

func (f *Facts) redelivery() string {
	if f.Now.Sub(f.Last.At()) <= 2*longestBackoff {
		return "Remove the cause: the event is delivered again within 10 minutes."
	}
	return "It has not been delivered since, so it may have expired. Remove the cause, then: " + f.again()
}

// NotMeant is the next step about a route that does not match.
const NotMeant = "Nothing, if it is not meant to; else change the route."

func (f *Facts) unmatched() Verdict {
	sentence, next := fmt.Sprintf("Route %s does not match: %s.", f.Route, trimmed(f.Unmatched)), NotMeant
	if f.By != "" {
		sentence = fmt.Sprintf("Route %s did not match by %s: %s.", f.Route, f.By, trimmed(f.Unmatched))
		if f.NowMatches {
			next = "The current routes match it: " + f.again()
		}
	}
	return Verdict{Unmatched, sentence, next}
}

// missing judges a route that matches and of which nothing is known.
func (f *Facts) missing() Verdict {
	what := "has no run " + f.RunID + " of DAG " + f.DAG
	if f.Asset != "" {
		what = "has no event " + f.RunID + " of the asset " + f.Asset
	}
	switch {
	case f.Last != nil: // of the event, and not of this route
		return Verdict{Missing, fmt.Sprintf("Route %s matches, and Airflow %s: the delivery at %s ended as %s%s.", f.Route, what,
			stamp(f.Last.At()), f.Last.Outcome, prefixed(": ", trimmed(f.Last.Reason))), "If the route is newer than that: " + f.again()}
	case f.LogQuery != "" && f.LettersUnread:
		return Verdict{Missing, fmt.Sprintf("Route %s matches, and Airflow %s: neither the dead letters nor the log were read.", f.Route, what),
			"Read the log: " + f.LogQuery}
	case f.LogQuery != "":
		return Verdict{Missing, fmt.Sprintf("Route %s matches, and Airflow %s: no dead letter has it, and the log was not read.", f.Route, what),
			"Read the log: " + f.LogQuery}
	}
	return Verdict{Missing, fmt.Sprintf("Route %s matches, and Airflow %s: the log has no delivery of the event.", f.Route, what),
		"See whether the trigger delivers (dagtrigger doctor " + f.Deployed + f.Flags + "), then: " + f.again()}
}

// again is how the event is sent again.
func (f *Facts) again() string {
	if f.Object != "" {
		return "dagtrigger reconcile " + f.Object + " --route " + f.Route + f.Flags
	}
	return "publish the message again, or: gcloud pubsub subscriptions seek SUBSCRIPTION --time=TIME"
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// trimmed is a reason that a sentence can end in.
func trimmed(reason string) string { return strings.TrimRight(reason, ". \n") }

func prefixed(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
