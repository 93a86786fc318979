// SPDX-License-Identifier: Apache-2.0

// Package complete decides whether all objects of a set are in a bucket of Cloud
// Storage, by looking: it lists what is below the set's prefix, and reads the
// manifest where the set has one. Then it has the route make the run's conf.
//
// No state is kept, and none is needed. Cloud Storage's listing is strongly
// consistent (https://cloud.google.com/storage/docs/consistency), and an event
// says that its object is there. So the listing of whichever object came last
// shows them all, and two that came at once both see the whole set: that they
// start one run is then a matter of its run id.
//
// The package never writes to a bucket, never starts a run, and never lets an event
// use a listing that began before the event arrived.
package complete

import (
	"context"

	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/fileset"
)

// Bucket reads the bucket of a set. [Storage] does. Its errors are [*Error].
type Bucket interface {
	// List returns the live objects below the set's prefix, sorted by name, as they
	// are at some moment after the call.
	List(ctx context.Context, s *fileset.Set) ([]fileset.Object, error)
	// Manifest reads the set's manifest, if it is there.
	Manifest(ctx context.Context, s *fileset.Set) (text []byte, found bool, err error)
}

// Checker completes plans that wait for a set. Any number of goroutines may share it.
type Checker struct {
	Bucket Bucket
	Turns  *pressure.Turns // of what is evaluated; nil for no bound
}

// Complete returns plan with its conf, once every object of its set is there. Its
// error is an [*Error], or that of an expression of the route.
//
// What a listing and a conf take is counted with the body that ctx has, if any.
func (c *Checker) Complete(ctx context.Context, plan *route.Plan) (route.Plan, error) {
	body := pressure.BodyOf(ctx)
	if body != nil {
		if err := body.WaitForMemory(); err != nil {
			return route.Plan{}, &Error{Kind: Throttled, Reason: err.Error(), Err: err}
		}
	}
	set := plan.Set
	state, err := c.look(ctx, set)
	if err != nil {
		return route.Plan{}, err
	}
	if !state.Complete {
		return route.Plan{}, &Error{Kind: Incomplete, Reason: "the set " + set.Place() + " is not complete: missing " + state.Missing}
	}
	var completed route.Plan
	err = c.evaluate(ctx, len(state.Objects)*objectSize, func(ctx context.Context) error {
		completed, err = set.Plan(ctx, plan, state)
		return err
	})
	if body != nil {
		body.Hold(len(completed.Conf))
	}
	return completed, err
}

// look compares the set with what is in the bucket. The manifest is read first: what
// it lists may then be there when the listing begins.
func (c *Checker) look(ctx context.Context, set *route.Set) (fileset.State, error) {
	names, from := set.Names, "complete.names"
	if set.Manifest != "" {
		manifest, found, err := c.Bucket.Manifest(ctx, &set.Set)
		switch {
		case err != nil:
			return fileset.State{}, err
		case !found:
			return fileset.State{Missing: "the manifest " + set.Manifest}, nil
		}
		err = c.evaluate(ctx, len(manifest), func(ctx context.Context) error {
			names, err = set.ManifestNames(ctx, manifest)
			return err
		})
		if err != nil {
			return fileset.State{}, err
		}
		from = "the manifest " + set.Manifest
	}
	names, err := set.Whole(names)
	if err != nil {
		return fileset.State{}, &Error{Kind: Permanent, Reason: from + ": " + err.Error(), Err: err}
	}
	objects, err := c.Bucket.List(ctx, &set.Set)
	if err != nil {
		return fileset.State{}, err
	}
	return set.Compare(objects, names), nil
}

// objectSize is about how many bytes an object of a listing takes as JSON.
const objectSize = 200

// evaluate calls work when it is the turn of so many bytes, with the time that all
// routes together have for an event.
func (c *Checker) evaluate(ctx context.Context, bytes int, work func(context.Context) error) error {
	if c.Turns != nil {
		done, err := c.Turns.Take(ctx, bytes)
		if err != nil {
			return err
		}
		defer done()
	}
	ctx, cancel := context.WithTimeout(ctx, route.MaxTime)
	defer cancel()
	return work(ctx)
}
