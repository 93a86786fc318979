// SPDX-License-Identifier: Apache-2.0

package why

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
)

// Letter is a dead letter of the event.
type Letter struct {
	Name, Store, Reason string
	Route, RunID        string
	Time                time.Time
	Attempts            int
	event               event.CloudEvent
}

// maxLetters bounds how many dead letters are read to find an event by its id.
const maxLetters = 5000

// readLetters finds the dead letters of the event by their names, by route. What keeps a
// store from being read is a note.
func (f *search) readLetters(ctx context.Context) error {
	names := f.letterNames(ctx)
	for _, store := range f.Letters {
		if err := f.readStore(ctx, store, deadletter.Filter{Names: names}, func(*deadletter.Letter) bool { return true }); err != nil {
			return err
		}
	}
	return nil
}

// letterNames are the names that dead letters of the event have: the ids of its runs, or
// digests of the event and the route where it had none.
func (f *search) letterNames(ctx context.Context) []string {
	names := maps.Clone(f.runIDs)
	for i := range f.lines {
		names[f.lines[i].RunID] = true
	}
	names[f.ID] = true
	if f.ev != nil {
		names[(&deadletter.Record{Event: f.ev.Origin()}).Name()] = true
		for _, e := range f.Current.Table.Explain(ctx, f.ev) {
			names[(&deadletter.Record{Route: e.Route, Event: f.ev.Origin()}).Name()] = true
		}
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// searchLetters finds the dead letters of an event by its id: every letter is read.
func (f *search) searchLetters(ctx context.Context) error {
	read := 0
	for _, store := range f.Letters {
		err := f.readStore(ctx, store, deadletter.Filter{}, func(l *deadletter.Letter) bool {
			read++
			return l.Event.ID == f.ID
		})
		if err != nil || read >= maxLetters {
			return err
		}
	}
	return nil
}

func (f *search) readStore(ctx context.Context, store Store, filter deadletter.Filter, isOf func(*deadletter.Letter) bool) error {
	read := 0
	for l, err := range store.Archive.List(ctx, filter) {
		if _, ok := errors.AsType[*deadletter.UnreadableError](err); ok {
			continue // it may be anything
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			f.note("%v", err)
			f.lettersUnread = true
			return nil
		}
		if isOf(&l) {
			f.letters[l.Route] = &Letter{
				Name: l.Name(), Store: store.Name, Reason: l.Reason, Route: l.Route, RunID: l.RunID, Time: l.Time,
				Attempts: l.Attempts, event: l.Event,
			}
		}
		if read++; read == maxLetters {
			f.note("%s has more than %d dead letters: the others were not searched", store.Name, maxLetters)
			f.lettersUnread = true
			return nil
		}
	}
	return nil
}
