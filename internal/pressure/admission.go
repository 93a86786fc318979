// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.com/dagtrigger/internal/flight"
)

// DefaultTTL is how long an [Admission] keeps what Airflow answered about a DAG.
const DefaultTTL = 5 * time.Second

// Airflow is what an admission needs of an environment.
type Airflow interface {
	// ActiveRuns is how many runs of the DAG are queued or running.
	ActiveRuns(ctx context.Context, dagID string) (int, error)
	// Paused reports whether the DAG is paused, or draining.
	Paused(ctx context.Context, dagID string) (bool, error)
	// Unpause unpauses the DAG.
	Unpause(ctx context.Context, dagID string) error
	// HasRunsFrom reports whether Airflow holds runs of the DAG that started at a
	// time or before, and were not kept as the last of a schedule alone.
	HasRunsFrom(ctx context.Context, dagID string, at time.Time) (bool, error)
}

// WhenPaused is what becomes of an event for a DAG that is paused.
type WhenPaused string

// The choices. A run of a paused DAG is made, and stays queued until somebody
// unpauses it.
const (
	Trigger WhenPaused = "trigger" // make the run, without a request for the DAG's state
	Unpause WhenPaused = "unpause" // unpause the DAG, then make the run
	Defer   WhenPaused = "defer"   // the event comes again
	Fail    WhenPaused = "fail"    // a permanent failure
)

// Policy is what a route asks for.
type Policy struct {
	// MaxActive is how many runs of the DAG may be queued or running; 0 means
	// any number.
	MaxActive  int
	WhenPaused WhenPaused // empty stands for Trigger
	// SkipActive wants no run while one is queued or running. MaxActive is then ignored.
	SkipActive bool
	// HeldFrom wants no run unless Airflow still holds runs of the DAG from that
	// time: else the run may have existed, and been removed. Zero asks for nothing.
	HeldFrom time.Time
}

// PausedError says that the DAG is paused, and that the route wants that to be
// a permanent failure.
type PausedError struct{ DAGID string }

func (e *PausedError) Error() string {
	return fmt.Sprintf("the DAG %q is paused, and the route says when_paused: fail: unpause it, and replay", e.DAGID)
}

// ActiveError says that a run of the DAG is queued or running, and that the
// route then wants no other.
type ActiveError struct{ DAGID string }

func (e *ActiveError) Error() string {
	return fmt.Sprintf("a run of the DAG %q is queued or running, and the route says skip_active: true", e.DAGID)
}

// RemovedError says that Airflow holds no run of the DAG, or no event of the asset,
// that is as old as the event, so that the event's own may have been removed.
type RemovedError struct {
	DAGID string
	Asset string    // in place of a DAG
	At    time.Time // of the event
}

func (e *RemovedError) Error() string {
	if e.Asset != "" {
		return fmt.Sprintf("Airflow holds no event of the asset %q as old as the event, which is of %s: if it was published, that was removed, "+
			"and it would be published twice: add --start-old to publish it", e.Asset, e.At.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("Airflow holds no run of the DAG %q as old as the event, which is of %s: if it has run, its run was removed, "+
		"and it would run twice: add --start-old to start it", e.DAGID, e.At.UTC().Format(time.RFC3339))
}

// Admission decides whether a DAG of one environment may be given another run.
// It sends one request for all that wait for the answer, which counts for a
// while. Runs that this instance has started since then are counted to it, so
// that a burst does not run past the bound. Its methods may be called
// concurrently.
type Admission struct {
	airflow Airflow
	ttl     time.Duration
	flight  flight.Group[any]

	mu   sync.Mutex
	dags map[string]*dag
}

// dag is what is known of one DAG.
type dag struct {
	active   int // runs queued or running, as counted
	counted  time.Time
	starting int // runs that are being started
	started  int // runs that were started since that count began
	lately   int // runs that were started since the count under way began

	paused bool
	looked time.Time

	heldFrom time.Time // the earliest time from which Airflow was seen to hold runs

	turn       chan struct{} // holds one value while a run with SkipActive is being started
	seenActive time.Time     // when a run was known to be active; guarded by turn
}

// NewAdmission makes the admission of one environment. A ttl of 0 means
// [DefaultTTL].
func NewAdmission(airflow Airflow, ttl time.Duration) *Admission {
	return &Admission{airflow: airflow, ttl: cmp.Or(ttl, DefaultTTL), dags: make(map[string]*dag)}
}

// Admit decides about a run of a DAG that is about to be started. done has to
// be called once, when it is known whether a run was created. The error is a
// [*Refusal], a [*PausedError], an [*ActiveError], a [*RemovedError], or why
// Airflow did not answer.
//
// Without a policy it requests nothing.
func (a *Admission) Admit(ctx context.Context, dagID string, p Policy) (done func(created bool), err error) {
	arrived := time.Now()
	if !p.HeldFrom.IsZero() {
		if err := a.admitOld(ctx, dagID, p.HeldFrom); err != nil {
			return nil, err
		}
	}
	if p.WhenPaused != "" && p.WhenPaused != Trigger {
		if err := a.admitPaused(ctx, dagID, p.WhenPaused); err != nil {
			return nil, err
		}
	}
	if p.SkipActive {
		return a.admitIdle(ctx, dagID, arrived)
	}
	if p.MaxActive <= 0 {
		return func(bool) {}, nil
	}
	if err := a.count(ctx, dagID); err != nil {
		return nil, err
	}
	return a.reserve(dagID, p.MaxActive)
}

// reserve counts a run that is about to be started, where the bound allows it.
func (a *Admission) reserve(dagID string, most int) (done func(created bool), err error) {
	d := a.dag(dagID)
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := d.active + d.started + d.starting; n >= most {
		return nil, &Refusal{
			Reason:     fmt.Sprintf("the DAG %q has %d runs queued, running or being started, and the route's max_active is %d", dagID, n, most),
			Cause:      CauseMaxActive,
			RetryAfter: a.left(d.counted),
		}
	}
	d.starting++
	var once sync.Once
	return func(created bool) { once.Do(func() { a.end(d, created) }) }, nil
}

func (a *Admission) end(d *dag, created bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d.starting--
	if created {
		d.started++
		d.lately++
	}
}

func (a *Admission) admitPaused(ctx context.Context, dagID string, choice WhenPaused) error {
	paused, looked, err := a.look(ctx, dagID)
	switch {
	case err != nil || !paused:
		return err
	case choice == Fail:
		return &PausedError{DAGID: dagID}
	case choice == Unpause:
		return a.unpause(ctx, dagID)
	default:
		return &Refusal{
			Reason:     fmt.Sprintf("the DAG %q is paused, and the route says when_paused: defer: unpause it", dagID),
			Cause:      CausePaused,
			RetryAfter: a.left(looked),
		}
	}
}

// admitOld admits a run of an event of the past where Airflow holds runs from
// then. That it does is remembered: it then holds those from any later time.
func (a *Admission) admitOld(ctx context.Context, dagID string, at time.Time) error {
	d := a.dag(dagID)
	a.mu.Lock()
	known := !d.heldFrom.IsZero() && !at.Before(d.heldFrom)
	a.mu.Unlock()
	if known {
		return nil
	}
	held, err := a.airflow.HasRunsFrom(ctx, dagID, at)
	switch {
	case err != nil:
		return err
	case !held:
		return &RemovedError{DAGID: dagID, At: at}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if d.heldFrom.IsZero() || at.Before(d.heldFrom) {
		d.heldFrom = at
	}
	return nil
}

// unpause unpauses a DAG, once for all callers that found it paused.
func (a *Admission) unpause(ctx context.Context, dagID string) error {
	d := a.dag(dagID)
	done := func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return !d.paused
	}
	return a.request(ctx, "unpausing of "+dagID, done, func(ctx context.Context) error {
		if err := a.airflow.Unpause(ctx, dagID); err != nil {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		d.paused, d.looked = false, time.Now()
		return nil
	})
}

// admitIdle admits a run where no run of the DAG is active. Callers wait for
// each other, so that of several events at once one starts a run, and the others
// see it; an answer of Airflow's counts for all that came before it was asked for.
func (a *Admission) admitIdle(ctx context.Context, dagID string, arrived time.Time) (done func(created bool), err error) {
	d := a.dag(dagID)
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, &Refusal{
			Reason:     fmt.Sprintf("another run of the DAG %q is being started, and the route says skip_active: true", dagID),
			Cause:      CauseActive,
			RetryAfter: time.Second,
		}
	}
	leave := func() { <-d.turn }
	asked := time.Now()
	if d.seenActive.Before(arrived) {
		active, err := a.airflow.ActiveRuns(ctx, dagID)
		if err != nil {
			leave()
			return nil, err
		}
		if active == 0 {
			var once sync.Once
			return func(created bool) {
				once.Do(func() {
					if created {
						d.seenActive = time.Now()
					}
					leave()
				})
			}, nil
		}
		d.seenActive = asked
	}
	leave()
	return nil, &ActiveError{DAGID: dagID}
}

// count sees that the count of a DAG's runs is fresh.
func (a *Admission) count(ctx context.Context, dagID string) error {
	d := a.dag(dagID)
	fresh := func() bool { return a.fresh(&d.counted) }
	return a.request(ctx, "runs of "+dagID, fresh, func(ctx context.Context) error {
		a.mu.Lock()
		d.lately = 0
		a.mu.Unlock()
		active, err := a.airflow.ActiveRuns(ctx, dagID)
		if err != nil {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		d.active, d.started, d.counted = active, d.lately, time.Now()
		return nil
	})
}

// look returns whether a DAG is paused, and when that was requested.
func (a *Admission) look(ctx context.Context, dagID string) (paused bool, looked time.Time, err error) {
	d := a.dag(dagID)
	fresh := func() bool { return a.fresh(&d.looked) }
	err = a.request(ctx, "state of "+dagID, fresh, func(ctx context.Context) error {
		paused, err := a.airflow.Paused(ctx, dagID)
		if err != nil {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		d.paused, d.looked = paused, time.Now()
		return nil
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	return d.paused, d.looked, err
}

// requestBound bounds a request that several wait for, of which none may end it.
const requestBound = 30 * time.Second

// request gets what is not known freshly, once for all that wait, each for
// as long as its context allows.
func (a *Admission) request(ctx context.Context, what string, fresh func() bool, send func(context.Context) error) error {
	if fresh() {
		return nil
	}
	_, err := a.flight.Do(ctx, what, requestBound, func(ctx context.Context) (any, error) {
		if fresh() { // another caller has requested it meanwhile
			return nil, nil
		}
		return nil, send(ctx)
	})
	if gaveUp, ok := errors.AsType[*flight.GaveUpError](err); ok {
		return fmt.Errorf("requesting the %s from Airflow: %w", what, gaveUp.Err)
	}
	return err
}

// dag is what is known of a DAG.
func (a *Admission) dag(id string) *dag {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dags[id] == nil {
		a.dags[id] = &dag{turn: make(chan struct{}, 1)}
	}
	return a.dags[id]
}

// fresh reports whether an answer from that time still counts.
func (a *Admission) fresh(answered *time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(*answered) < a.ttl
}

// left is when an answer from that time is requested again, at least a second.
func (a *Admission) left(answered time.Time) time.Duration {
	return max(a.ttl-time.Since(answered), time.Second)
}
