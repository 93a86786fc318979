// SPDX-License-Identifier: Apache-2.0

// Package deadletter implements the dead letters of events that failed
// permanently: the [Record] of such an event, and the stores that can keep it: a
// bucket, a folder or a Pub/Sub topic.
//
//	store, err := deadletter.Open("gs://acme-dead-letters/dagtrigger", deadletter.Options{…})
//	...
//	err = store.Put(ctx, deadletter.Record{Route: "sales", RunID: "dagtrigger__sales__5f3c", Reason: "…", Event: ev})
//
// What is kept where:
//
//   - In a bucket or a folder, one object or file for each event and route,
//     PREFIX/RUN_ID.json. A further failure of the same event replaces it with
//     one attempt more and the first time kept: in a bucket by a generation
//     precondition, in a folder by a lock and a rename.
//   - In a topic, one message for each failure, the record as its data, route,
//     environment, DAG and run id as its attributes. A topic can hold no state,
//     so that each message counts one attempt.
//
// A record holds the event as a structured CloudEvent, its data byte for byte.
// The data may be secret: anyone who can read the store can read the events. Errors
// and [Record.LogValue] never hold the data.
//
// The package never decides what is a dead letter, never retries (a store that
// fails leaves the event unacknowledged, so it is redelivered), removes a record
// only in [Archive.Remove], never follows a redirect, and obtains no credentials:
// the caller's client has them.
package deadletter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/event"
)

// Record is one dead letter: an event, and why it started no run.
type Record struct {
	Route       string
	Environment string
	DAGID       string // empty if unknown
	RunID       string // empty where the event could not be read
	Reason      string
	// Time is when it failed last, FirstTime when it failed first. A store
	// takes a zero FirstTime for Time.
	Time      time.Time
	FirstTime time.Time
	// Attempts is how often it failed; a store takes 0 for 1.
	Attempts int
	// RoutesDigest is the digest of the routes file in use, such as
	// sha256:9f86…; empty without a file.
	RoutesDigest string
	// Event is the CloudEvent as its envelope gave it.
	Event event.CloudEvent
}

// Name is what a record is called: its run id, so that one event has one record
// for each route, or a digest of the event's source and id where there is none.
func (r *Record) Name() string {
	if r.RunID != "" {
		return r.RunID
	}
	digest := sha256.New()
	for _, part := range []string{r.Route, r.Event.Source, r.Event.ID} {
		length := sha256.Sum256([]byte(part)) // of one size, so that no two lists of parts are alike
		digest.Write(length[:])
	}
	return "unread__" + hex.EncodeToString(digest.Sum(nil))[:20]
}

// LogValue leaves the event's data out.
func (r *Record) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("name", r.Name()), slog.String("route", r.Route), slog.String("dag_id", r.DAGID),
		slog.String("event_id", r.Event.ID), slog.Int("attempts", r.Attempts))
}

// filled is r with what a store adds to a first failure.
func (r Record) filled() Record {
	if r.FirstTime.IsZero() {
		r.FirstTime = r.Time
	}
	r.Attempts = max(r.Attempts, 1)
	return r
}

// after is r as the failure that follows held, and false where held is that
// failure already, as it is when the answer to the first Put was lost.
func (r Record) after(held Record) (Record, bool) {
	r.FirstTime, r.Attempts = held.FirstTime, held.Attempts+1
	return r, !held.Time.Equal(r.Time)
}

// Store keeps dead letters. Its methods may be called concurrently.
type Store interface {
	// Put keeps r. Once it returns without an error, r survives this process.
	Put(ctx context.Context, r Record) error
	// String is the address of the store.
	String() string
}

// Letter is a record as an archive keeps it.
type Letter struct {
	Record
	// Place is where it is kept: the object's URL, the file's path, or the
	// subscription and the message's id.
	Place string

	version string // the generation, a digest, or the id to acknowledge by
}

// Archive gives back what a store has kept.
type Archive interface {
	// List yields the letters that the filter lets through, in no order to
	// rely on. It yields an [*UnreadableError] for something that is not a
	// record, and goes on; any other error ends it.
	List(ctx context.Context, f Filter) iter.Seq2[Letter, error]
	// Get gives one letter by its name, else [ErrNotFound].
	Get(ctx context.Context, name string) (Letter, error)
	// Remove removes the letter as it was read: [ErrChanged] where it has
	// failed again since. A letter that is gone already is no error. From a
	// subscription it is acknowledged.
	Remove(ctx context.Context, l Letter) error
	// Close gives back what List holds: a subscription's messages are
	// redelivered.
	Close(ctx context.Context) error
}

// What an archive may answer.
var (
	ErrNotFound = errors.New("no dead letter has this name: list them to see which there are")
	ErrChanged  = errors.New("the dead letter has failed again since it was read: look at it again")
)

// UnreadableError is something in an archive that is not a valid record.
type UnreadableError struct {
	Place string
	Err   error
}

func (e *UnreadableError) Error() string {
	return e.Place + " is no dead letter: " + e.Err.Error() + ": move it elsewhere"
}

func (e *UnreadableError) Unwrap() error { return e.Err }

// Filter chooses among letters. Its zero value lets every one through.
type Filter struct {
	Names  []string // one of these, see [Record.Name]; nil for any
	Route  string
	DAGID  string
	Reason string    // a part of the reason, in any case
	Since  time.Time // the last failure is at or after it
	Until  time.Time // the last failure is before it
	// Event chooses by the event; nil for any.
	Event func(*event.CloudEvent) bool
}

// Match reports whether the filter lets r through.
func (f Filter) Match(r *Record) bool {
	return (len(f.Names) == 0 || slices.Contains(f.Names, r.Name())) &&
		(f.Route == "" || f.Route == r.Route) &&
		(f.DAGID == "" || f.DAGID == r.DAGID) &&
		strings.Contains(strings.ToLower(r.Reason), strings.ToLower(f.Reason)) &&
		(f.Since.IsZero() || !r.Time.Before(f.Since)) &&
		(f.Until.IsZero() || r.Time.Before(f.Until)) &&
		(f.Event == nil || f.Event(&r.Event))
}

// named yields the letters of the filter's names that get finds.
func named(ctx context.Context, f Filter, get func(context.Context, string) (Letter, error)) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		for _, name := range f.Names {
			l, err := get(ctx, name)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if (err != nil || f.Match(&l.Record)) && !yield(l, err) {
				return
			}
			if _, unreadable := errors.AsType[*UnreadableError](err); err != nil && !unreadable {
				return
			}
		}
	}
}
