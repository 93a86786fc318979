// SPDX-License-Identifier: Apache-2.0

// Package trigger starts the runs that the routes decided on for an event, each
// once, and returns an [Outcome] for each. It names the run, requests it, tries
// again where that can help, and looks for a run before it takes it for absent.
//
// It never decides which run an event starts, never acknowledges by itself, and
// leaves no work behind when it returns.
package trigger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
)

// Airflow is an environment, as a pipeline uses it. [environment.Airflow] is one.
type Airflow interface {
	Start(ctx context.Context, run airflow.Run, limits pressure.Policy) (airflow.DAGRun, error)
	Find(ctx context.Context, dagID, runID string) (airflow.DAGRun, error)
	FindByDate(ctx context.Context, dagID string, date time.Time) (airflow.DAGRun, error)

	Publish(ctx context.Context, event airflow.AssetEvent, limits pressure.Policy) (certain bool, err error)
	FindAssetEvent(ctx context.Context, event airflow.AssetEvent) error
	Producer(ctx context.Context, asset string) (dagID string, err error)
	Materialize(ctx context.Context, asset string, run airflow.Run, limits pressure.Policy) (airflow.DAGRun, error)
}

// Outbox is an environment that no request can reach. [environment.Outbox] is one.
type Outbox interface {
	Publish(ctx context.Context, run airflow.Run, route, environment string) error
	Topic() string
}

// DeadLetters stores events that failed permanently. [deadletter.Store] is one.
type DeadLetters interface {
	Put(ctx context.Context, r deadletter.Record) error
}

// Sets completes the plans that wait for a set of objects. [complete.Checker] does.
type Sets interface {
	Complete(ctx context.Context, plan *route.Plan) (route.Plan, error)
}

// Pipeline starts runs. Its fields are set once, before its first use; any
// number of goroutines may then share it.
type Pipeline struct {
	// Airflows are the environments by name.
	Airflows map[string]Airflow
	// Outboxes are the environments that no request can reach, by name.
	Outboxes map[string]Outbox
	// Sets completes plans that have a [route.Set].
	Sets Sets
	// DeadLetters stores permanent failures; nil where there is no store.
	DeadLetters DeadLetters
	// RouteDeadLetters are the stores that routes name for themselves, by address.
	RouteDeadLetters map[string]DeadLetters
	// GiveUpAfter is for how long an event may fail, from its delivery, until a
	// deferral becomes a dead letter; 0 for ever. It needs a store.
	GiveUpAfter time.Duration
	// RoutesDigest names the routes file in a dead letter, empty without one.
	RoutesDigest string
	// Compare has outcomes name the event's key and the conf's digest, by which they are
	// compared with those of shadows.
	Compare bool
	// Now, Wait and Random replace the clock and the random numbers; nil means the real ones.
	Now    func() time.Time
	Wait   func(ctx context.Context, d time.Duration) error
	Random func() float64 // from 0 up to, not including, 1

	failing failing
}

// Replay is how an event is handled that an operator sends again. The zero
// value is for an event that is delivered as it happens.
type Replay struct {
	// Since is when the replay began: no event counts as older than that.
	Since time.Time
	// Again is part of the run ids where it is not empty, so that the event starts
	// new runs; without it the runs that exist are duplicates.
	Again string
	// IgnoreLate starts nothing for an event that is late for its window, whatever
	// its route says: the window's run has seen it.
	IgnoreLate bool
	// HeldFrom starts a run only where Airflow holds runs of the DAG from that time:
	// else the event's own may have been removed. Zero for any.
	HeldFrom time.Time
	// LookOnly starts nothing: a run that exists is a duplicate, and any other is
	// [Missing].
	LookOnly bool
	// StoreNothing rejects what would be stored as a dead letter: it is stored already.
	StoreNothing bool
}

// job is one event on its way through the pipeline.
type job struct {
	*Pipeline
	event  *event.Event
	replay Replay
}

// plansAtOnce bounds the requests that one event makes at the same time.
// Airflow is the bottleneck: more connections would only wait for each other.
const plansAtOnce = 4

// Run sees through what was decided about ev: one outcome for each route that
// matched or failed, or one that says that none did.
func (p *Pipeline) Run(ctx context.Context, ev *event.Event, d route.Decision, replay Replay) []Outcome {
	j := job{p, ev, replay}
	if len(d.Plans)+len(d.Failures) == 0 {
		return []Outcome{j.keyed(unmatched(ev, d.Misses, d.Unnamed))}
	}
	outcomes := make([]Outcome, len(d.Plans), len(d.Plans)+len(d.Failures))
	if len(d.Plans) == 1 {
		outcomes[0] = j.start(ctx, &d.Plans[0])
	} else {
		var group errgroup.Group
		group.SetLimit(plansAtOnce)
		for i := range d.Plans {
			group.Go(func() error {
				outcomes[i] = j.start(ctx, &d.Plans[i])
				return nil
			})
		}
		_ = group.Wait() // no plan returns an error: each has its outcome
	}
	for _, f := range d.Failures {
		outcomes = append(outcomes, j.fail(ctx, &f))
	}
	return outcomes
}

// fail ends a route that could not be evaluated: permanently, unless it was
// the request's time that ran out.
func (j job) fail(ctx context.Context, f *route.Failure) Outcome {
	o := j.failed(f)
	if isTime(f.Err) {
		o.Kind, o.Reason, o.Cause = Deferred, f.Err.Error(), CauseNoTime
		return o
	}
	return j.refuse(ctx, o, j.store(f.DeadLetter), causeOfFailure(f.Err), f.Err.Error())
}

// failed is the outcome of a failure, before its kind is known.
func (j job) failed(f *route.Failure) Outcome {
	return j.keyed(Outcome{EventID: j.event.ID, Route: f.Route, Environment: f.Environment, DAGID: f.DAG, Asset: f.Asset})
}

// causeOfFailure names why a route could not be evaluated.
func causeOfFailure(err error) string {
	if _, rejects := errors.AsType[*route.RejectedError](err); rejects {
		return CauseReject
	}
	return CauseExpression
}

// assetEvent is the event of an asset that plan asks for.
func (j job) assetEvent(plan *route.Plan) *airflow.AssetEvent {
	e := AssetEvent(j.repeated(plan))
	alone := plan.RunID == "" && slices.Equal(plan.Identity, j.event.Key()) // else an earlier event may have had the same id
	if delivered := j.delivered(); alone && !delivered.IsZero() {
		e.Since = delivered.Add(-maxClocks)
	}
	return &e
}

// maxClocks is by how much the clocks of Google and of Airflow may differ without
// an asset event being looked for too late.
const maxClocks = 10 * time.Second

// delivered is when the event was delivered for the first time; zero where only
// its sender's claim is known.
func (j job) delivered() time.Time {
	if j.event.Published.IsZero() && j.event.Object != nil {
		return j.event.Time
	}
	return j.event.Published
}

// Refuse ends an event that no route can be given as a permanent failure for
// the given reason: a dead letter where there is a store for it.
func (p *Pipeline) Refuse(ctx context.Context, ev *event.Event, reason string, replay Replay) Outcome {
	j := job{p, ev, replay}
	return j.refuse(ctx, Outcome{EventID: ev.ID}, j.store(""), CauseEvent, reason)
}

// store is the one at address, or the one for all routes where that is empty.
// It is nil where nothing is stored.
func (j job) store(address string) DeadLetters {
	switch {
	case j.replay.StoreNothing:
		return nil
	case address == "":
		return j.DeadLetters
	default:
		return j.RouteDeadLetters[address]
	}
}

// storeTime bounds the storing of one dead letter: a store that hangs must not
// hold the request until its end.
const storeTime = 20 * time.Second

func (j job) refuse(ctx context.Context, o Outcome, store DeadLetters, cause, reason string) Outcome {
	o.Kind, o.Cause, o.Reason, o.Operator = Rejected, cause, reason, true
	if store == nil {
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	err := store.Put(ctx, deadletter.Record{
		Route: o.Route, Environment: o.Environment, DAGID: o.DAGID, RunID: o.RunID,
		Reason: reason, Time: j.now(), RoutesDigest: j.RoutesDigest, Event: j.event.Origin(),
	})
	if err != nil {
		o.Kind, o.Cause, o.Reason = Deferred, CauseNoStore, reason+"; storing the dead letter: "+err.Error()
		return o
	}
	o.Kind = DeadLettered
	return o
}

// lasting turns a deferral that has lasted for too long into a permanent
// failure, which becomes a dead letter before the platform drops the event
// unseen at the end of its retention. The first failure that this process sees
// is never the last: an old event may be one of a backlog, and Airflow back in
// a moment.
func (j job) lasting(v verdict, plan *route.Plan, stores bool) verdict {
	if v.kind != Deferred {
		if v.kind == Triggered || v.kind == Published || v.kind == Duplicate {
			j.failing.known(plan.Environment, cmp.Or(plan.DAG, plan.Asset))
		}
		return v
	}
	now := j.now()
	first, seen := j.failing.event(digestOf(plan.Route, j.event.Key()), now)
	unknown := v.unknown && j.failing.dag(dagKey(plan.Environment, cmp.Or(plan.DAG, plan.Asset)), now)
	switch {
	case !seen:
	case unknown:
		v.kind = Rejected
	case stores && j.GiveUpAfter > 0 && now.Sub(j.since(first)) > j.GiveUpAfter:
		v.kind, v.reason = Rejected, fmt.Sprintf("given up after %s without success: %s", j.GiveUpAfter, v.reason)
	}
	return v
}

// since is when the event was delivered for the first time, or its replay
// began, where that is known and not in the future; else when it first failed
// here. A change of an object is delivered when it happens, by Cloud Storage's
// own clock; any other event's time is a claim about the business.
func (j job) since(first time.Time) time.Time {
	delivered := j.delivered()
	if j.replay.Since.After(delivered) {
		delivered = j.replay.Since
	}
	if delivered.IsZero() || delivered.After(first) {
		return first
	}
	return delivered
}

// maxMisses is the most bytes of the routes that an unmatched outcome's reason names:
// its line in the log then has less than 1 KiB, unless the event's own names are long.
const maxMisses = 512

// unmatched explains an event that matched no route: misses are the nearest routes, and
// unnamed is how many others there are.
func unmatched(ev *event.Event, misses []route.Miss, unnamed int) Outcome {
	named := ""
	for i, m := range misses {
		next := "; " + m.Reason
		if m.Route != "" {
			next = "; " + m.Route + ": " + m.Reason
		}
		if i > 0 && len(named)+len(next) > maxMisses {
			unnamed += len(misses) - i
			break
		}
		named += short(next, maxMisses)
	}
	if unnamed > 0 {
		named += fmt.Sprintf("; and %d more", unnamed)
	}
	o := Outcome{EventID: ev.ID, Kind: Unmatched, Reason: "no route matched: " + strings.TrimPrefix(named, "; ")}
	if len(misses) > 0 {
		o.Missed = Missed{misses[0].Route, misses[0].Key}
	}
	return o
}

func (p *Pipeline) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

func (p *Pipeline) random() float64 {
	if p.Random != nil {
		return p.Random()
	}
	return rand.Float64()
}

func (p *Pipeline) wait(ctx context.Context, d time.Duration) error {
	if p.Wait != nil {
		return p.Wait(ctx, d)
	}
	return clock.Sleep(ctx, d)
}
