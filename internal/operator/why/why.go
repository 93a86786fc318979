// SPDX-License-Identifier: Apache-2.0

// Package why answers whether an event started its runs, and why not: by the bucket, the
// routes, Airflow, the dead letters and the function's log.
//
// It only reads. It starts no run, sends no event, removes no dead letter, and obtains
// no credentials: those are in the clients that it is given.
package why

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/replay/uploads"
	"example.com/dagtrigger/internal/route"
)

// Routes is a version of the routes.
type Routes struct {
	Name   string // of the file
	Digest string // SHA-256 of its text in hex; empty for DAG_ID
	Table  *route.Table
}

// DAG is a DAG that a route starts.
type DAG struct{ Environment, ID string }

// Sources are where the truth lies.
type Sources struct {
	Current Routes
	Older   []Routes // other versions, for deliveries that they decided
	DAGs    []DAG    // of the current routes

	// Bucket connects a bucket to Cloud Storage.
	Bucket func(name string) uploads.Bucket
	// Airflow is the client of an environment.
	Airflow func(ctx context.Context, environment string) (*airflow.Client, error)
	Letters []Store
	// ReadLog calls yield for the lines that the filter selects, the newest first, or for
	// all lines in any order. Its error says why the log cannot be read.
	ReadLog func(ctx context.Context, f outcomelog.Filter, yield func(*outcomelog.Line)) error
	// LogCommand is a command that reads the lines that a filter selects.
	LogCommand func(f outcomelog.Filter) string

	Flags string // that name the routes file in a command, each after a space
	// Deployed are the flags that name the function, --project and --service.
	Deployed string
	Quote    func(string) string
	Now      time.Time
}

// Store is a store of dead letters.
type Store struct {
	Name    string
	Archive deadletter.Archive
}

// Question is what to look for: an object, an event, or an id.
type Question struct {
	// Bucket and Object are of an upload; Generation is decimal, empty for the newest one
	// or, with At, for that which At falls into.
	Bucket, Object, Generation string
	Event                      *event.Event
	ID                         string // of a message, an event or a run
	// At is about when it happened; zero where that is not known.
	At time.Time
}

// Answer is what became of an event.
type Answer struct {
	Event      Event      `json:"event"`
	Deliveries []Delivery `json:"deliveries"` // the last ones of the log, the oldest first
	Routes     []Row      `json:"routes"`
	// Notes are what could not be read, and what to know about the answer.
	Notes []string `json:"notes"`
	// LogCommand reads the log; empty where it was read.
	LogCommand string `json:"log_command,omitempty"`
}

// Event is the event that was found.
type Event struct {
	Name    string `json:"name"` // gs://BUCKET/OBJECT#GENERATION, or the id and the source
	ID      string `json:"id,omitempty"`
	Source  string `json:"source,omitempty"`
	Type    string `json:"type,omitempty"`
	Subject string `json:"subject,omitempty"`
	Time    string `json:"time,omitempty"`
}

// Delivery is a line of the log about the event.
type Delivery struct {
	Time         string `json:"time"`
	Outcome      string `json:"outcome"`
	Route        string `json:"route,omitempty"`
	RunID        string `json:"dag_run_id,omitempty"`
	Reason       string `json:"reason,omitempty"`
	RoutesDigest string `json:"routes_digest,omitempty"`
}

// Row is the answer for one route.
type Row struct {
	Route       string `json:"route"`
	Environment string `json:"environment"`
	DAG         string `json:"dag_id"`
	Asset       string `json:"asset,omitempty"`
	RunID       string `json:"dag_run_id"`
	State       string `json:"state,omitempty"`
	Started     string `json:"started,omitempty"`
	DeadLetter  string `json:"dead_letter,omitempty"`
	Verdict
}

// OK reports whether each route that the event matches has its run, or published it, and
// there is one.
func (a *Answer) OK() bool {
	started := func(r Row) bool { return r.Ending == Started || r.Ending == Published }
	return slices.ContainsFunc(a.Routes, started) &&
		!slices.ContainsFunc(a.Routes, func(r Row) bool { return !started(r) && r.Ending != Unmatched })
}

// search is one question on its way to an answer.
type search struct {
	*Sources
	Question
	answer Answer

	ev      *event.Event // nil where only its id is known
	listed  bool         // ev is made of the bucket's listing: its id is not that of the delivery
	object  string       // gs://BUCKET/OBJECT of an upload, else empty
	others  []time.Time  // when other generations of the object were uploaded
	runIDs  map[string]bool
	lines   []outcomelog.Line // about the event, the oldest first
	letters map[string]*Letter
	// lettersUnread reports that a store of dead letters could not be read to its end.
	lettersUnread bool
}

// Find answers a question. Its error is about the question or the bucket; what else
// cannot be read is a note.
func (s *Sources) Find(ctx context.Context, q Question) (*Answer, error) {
	f := &search{Sources: s, Question: q, ev: q.Event, runIDs: map[string]bool{}, letters: map[string]*Letter{}}
	f.answer.Notes, f.answer.Deliveries, f.answer.Routes = []string{}, []Delivery{}, []Row{}
	var err error
	switch {
	case q.Object != "":
		err = f.findObject(ctx, "")
	case q.ID != "":
		err = f.findID(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := f.know(ctx); err != nil {
		return nil, err
	}
	f.describe()
	if f.ev != nil && f.ev.Invalid == nil {
		f.byRoutes(ctx)
	} else {
		f.byLog(ctx)
	}
	return &f.answer, ctx.Err()
}

// know reads the log and the dead letters about an event whose routes can be evaluated.
func (f *search) know(ctx context.Context) error {
	if f.ev == nil {
		if f.ID != "" {
			return nil // both are read
		}
		return f.readLog(ctx)
	}
	if o := f.ev.Object; o != nil && strings.HasSuffix(f.ev.Type, ".finalized") {
		f.object, f.Question.Bucket, f.Object = "gs://"+o.Bucket+"/"+o.Name, o.Bucket, o.Name
	}
	f.runIDs = f.plannedRuns(ctx, f.ev)
	if err := f.readLog(ctx); err != nil {
		return err
	}
	return f.readLetters(ctx)
}

// findObject looks the object's generations up. Without one, the log alone knows.
// runID is that of the run to find, empty for none.
func (f *search) findObject(ctx context.Context, runID string) error {
	f.object = "gs://" + f.Question.Bucket + "/" + f.Object
	all, err := f.Sources.Bucket(f.Question.Bucket).Generations(ctx, f.Object)
	if err != nil {
		if f.ID == "" {
			return err
		}
		f.note("%v", err) // the log knows it too
		return nil
	}
	chosen := f.choose(ctx, all, runID)
	for i := range all {
		if i != chosen {
			f.others = append(f.others, all[i].Event.Time)
		}
	}
	switch {
	case chosen >= 0:
		ev := event.New(all[chosen].Event)
		f.ev, f.listed, f.answer.Event.Name = &ev, true, all[chosen].Place
		if len(all) > 1 && f.Generation == "" && f.ID == "" {
			f.note("%d generations of it exist, the newest first: %s. Name one to see it", len(all), places(all))
		}
	case f.Generation != "":
		f.note("the bucket no longer has generation %s of it: only the log knows it", f.Generation)
	case len(all) > 0:
		f.note("no generation of it is as old as that: %s", places(all))
	default:
		f.note("the bucket does not have it: it was deleted, or the name is wrong. Only the log knows it")
	}
	return nil
}

// choose is the generation that was asked for, else -1.
func (f *search) choose(ctx context.Context, all []uploads.Upload, runID string) int {
	first := func(isIt func(u *uploads.Upload) bool) int {
		return slices.IndexFunc(all, func(u uploads.Upload) bool { return isIt(&u) })
	}
	switch {
	case f.Generation != "":
		return first(func(u *uploads.Upload) bool { return strings.HasSuffix(u.Place, "#"+f.Generation) })
	case f.ID != "": // by its run, else by its time: the routes may have changed
		byRun := first(func(u *uploads.Upload) bool {
			ev := event.New(u.Event)
			return f.plannedRuns(ctx, &ev)[runID]
		})
		if byRun >= 0 {
			return byRun
		}
		return first(func(u *uploads.Upload) bool { return u.Event.Time.Sub(f.At).Abs() < nearby })
	case f.At.IsZero():
		return first(func(*uploads.Upload) bool { return true })
	}
	return first(func(u *uploads.Upload) bool { return !u.Event.Time.After(f.At.Add(time.Minute)) }) // times are often given in minutes
}

// plannedRuns are the ids of the runs that any version of the routes plans for an event.
func (f *search) plannedRuns(ctx context.Context, ev *event.Event) map[string]bool {
	ids := map[string]bool{}
	for _, routes := range append([]Routes{f.Current}, f.Older...) {
		for _, e := range routes.Table.Explain(ctx, ev) {
			if e.Plan == nil || e.Shadow {
				continue
			}
			ids[planRunID(e.Plan)] = true
			if e.Plan.Window != nil && e.Plan.Window.Late != nil {
				ids[planRunID(e.Plan.Window.Late)] = true
			}
		}
	}
	delete(ids, "")
	return ids
}

// maxPlaces bounds the generations that a note names.
const maxPlaces = 5

func places(all []uploads.Upload) string {
	var names []string
	for i := range all[:min(len(all), maxPlaces)] {
		names = append(names, all[i].Place+" of "+stamp(all[i].Event.Time))
	}
	if len(all) > maxPlaces {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

func (f *search) note(format string, args ...any) {
	f.answer.Notes = append(f.answer.Notes, fmt.Sprintf(format, args...))
}

// describe fills in what the event is.
func (f *search) describe() {
	e := &f.answer.Event
	switch {
	case f.ev != nil:
		e.ID, e.Source, e.Type, e.Subject = f.ev.ID, f.ev.Source, f.ev.Type, f.ev.Subject
		if !f.ev.Time.IsZero() {
			e.Time = stamp(f.ev.Time)
		}
		if f.ev.Object != nil && e.Name == "" {
			e.Name = "gs://" + f.ev.Object.Bucket + "/" + f.ev.Object.Name + "#" + f.ev.Object.Generation
		}
	case len(f.lines) > 0:
		l := f.lines[len(f.lines)-1]
		e.ID, e.Source, e.Type, e.Subject = l.EventID, l.Source, l.Type, l.Subject
		if at := eventTime(&l); !at.IsZero() {
			e.Time = stamp(at)
		}
	}
	if e.Name == "" {
		e.Name = f.object
	}
	if e.Name == "" {
		e.Name = strings.TrimSuffix(fmt.Sprintf("%s of %s", cmp.Or(e.ID, f.ID), e.Source), " of ")
	}
	for i := range f.lines[max(0, len(f.lines)-maxDeliveries):] {
		l := &f.lines[max(0, len(f.lines)-maxDeliveries)+i]
		f.answer.Deliveries = append(f.answer.Deliveries, Delivery{
			Time: l.Time, Outcome: l.Outcome, Route: l.Route, RunID: l.RunID, Reason: l.Reason, RoutesDigest: l.RoutesDigest,
		})
	}
}

// maxDeliveries bounds the deliveries of an answer.
const maxDeliveries = 20
