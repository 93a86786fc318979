// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/pressure"
)

const (
	// maxTries is how often one request asks for a run. Pub/Sub does the long waiting.
	maxTries = 3
	// firstPause is the pause before the second try, doubled before the third,
	// each shortened at random by up to half so that clients do not move in step.
	firstPause = 500 * time.Millisecond
	// maxRetryAfter is the longest wait that the server may ask for and still
	// be granted inside the request; a longer one is passed on with the answer.
	maxRetryAfter = 10 * time.Second
	// lookShare is the part of the remaining time that a try leaves for the
	// look after it, at most maxLeft: a try that is cut off by the request's
	// own end could never be settled.
	lookShare = 5
	// storeShare is the part that all tries leave for storing a dead letter: an
	// event whose every try took all of the time could never be given up.
	storeShare = 10
	maxLeft    = 10 * time.Second
)

// attempt is the work of getting one run started, or one event of an asset published.
type attempt struct {
	pipeline *Pipeline
	airflow  Airflow
	run      airflow.Run
	asset    string              // of which run is a materialization; empty for none
	event    *airflow.AssetEvent // in place of a run; nil for none
	limits   pressure.Policy
	starts   time.Time // when the run of a window does; zero for at once
	lookOnly bool      // see [Replay]
}

// verdict is what one try came to.
type verdict struct {
	kind       Kind
	created    bool // by this very request
	reason     string
	cause      string
	throttled  bool
	retryAfter time.Duration
	operator   bool
	unknown    bool // Airflow does not know the DAG, or cannot read its file

	again  bool // another try may help, after a pause
	atOnce bool // another try may help, and need not wait
}

// bounded is see, which leaves some of the time for storing a dead letter.
func (a *attempt) bounded(ctx context.Context, stores bool) verdict {
	if stores {
		var cancel context.CancelFunc
		ctx, cancel = leaveTime(ctx, storeShare)
		defer cancel()
	}
	return a.see(ctx)
}

// held is what it comes to that a run was not asked for, or not answered.
func (a *attempt) held(ctx context.Context, err error) verdict {
	if held, ok := errors.AsType[*pressure.Refusal](err); ok {
		return verdict{kind: Deferred, reason: held.Reason, cause: held.Cause, throttled: !held.Down(), retryAfter: held.RetryAfter}
	}
	if paused, ok := errors.AsType[*pressure.PausedError](err); ok {
		return verdict{kind: Rejected, reason: paused.Error(), cause: pressure.CausePaused, operator: true}
	}
	if active, ok := errors.AsType[*pressure.ActiveError](err); ok {
		return a.unlessItRan(ctx, verdict{kind: Unmatched, reason: active.Error(), cause: pressure.CauseActive})
	}
	if removed, ok := errors.AsType[*pressure.RemovedError](err); ok {
		return a.unlessItRan(ctx, verdict{kind: Rejected, reason: removed.Error(), cause: pressure.CauseRemoved, operator: true})
	}
	if refusal, ok := errors.AsType[*airflow.Error](err); ok {
		return a.judge(ctx, refusal)
	}
	return verdict{kind: Deferred, reason: err.Error(), cause: CauseOther, again: true}
}

// unlessItRan is v for an event that is to start no run, unless its own run
// exists, of an earlier delivery.
func (a *attempt) unlessItRan(ctx context.Context, v verdict) verdict {
	_, err := a.find(ctx)
	if err == nil {
		return verdict{kind: Duplicate, reason: a.reasonExists()}
	}
	if e, ok := errors.AsType[*airflow.Error](err); ok && e.Kind == airflow.UnknownRun {
		return v
	}
	return a.held(ctx, err)
}

// see tries until the run is there, a try says that no other helps, or the
// tries or the time are used up.
func (a *attempt) see(ctx context.Context) verdict {
	for try := 1; ; try++ {
		v := a.once(ctx)
		if v.atOnce {
			v = a.once(ctx)
		}
		if !v.again || try == maxTries {
			return v
		}
		pause := a.pause(try, v.retryAfter)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause+time.Second {
			return v
		}
		if a.pipeline.wait(ctx, pause) != nil {
			return v
		}
	}
}

// pause is how long to wait before the try after try number try.
func (a *attempt) pause(try int, retryAfter time.Duration) time.Duration {
	backoff := firstPause << (try - 1)
	backoff -= time.Duration(a.pipeline.random() * float64(backoff) / 2)
	return max(backoff, retryAfter)
}

// once asks for the run, and settles what the answer leaves open.
func (a *attempt) once(ctx context.Context) verdict {
	if a.lookOnly {
		return a.lookAlone(ctx)
	}
	tryCtx, cancel := leaveTime(ctx, lookShare)
	reason, err := a.send(tryCtx)
	cancel()
	if err == nil {
		return verdict{kind: Triggered, created: true, reason: reason}
	}
	return a.held(ctx, err)
}

// send asks for what the plan wants, and says what was created.
func (a *attempt) send(ctx context.Context) (reason string, err error) {
	if a.event != nil {
		certain, err := a.airflow.Publish(ctx, *a.event, a.limits)
		if !certain {
			return reasonUncertain, err
		}
		return "Airflow created the asset event", err
	}
	if a.asset == "" {
		_, err = a.airflow.Start(ctx, a.run, a.limits)
		return reasonCreated, err
	}
	if a.run.DAGID, err = a.airflow.Producer(ctx, a.asset); err == nil {
		_, err = a.airflow.Materialize(ctx, a.asset, a.run, a.limits)
	}
	return reasonCreated, err
}

const reasonCreated = "Airflow created the run"

// lookAlone says whether the run, or the asset's event, exists.
func (a *attempt) lookAlone(ctx context.Context) verdict {
	var err error
	if a.asset != "" {
		a.run.DAGID, err = a.airflow.Producer(ctx, a.asset)
	}
	if err == nil {
		_, err = a.find(ctx)
	}
	switch {
	case err == nil:
		return verdict{kind: Duplicate, reason: a.reasonExists()}
	case !isMissing(err):
		return a.held(ctx, err)
	case a.event != nil:
		return verdict{kind: Missing, reason: "Airflow holds no such asset event"}
	}
	return verdict{kind: Missing, reason: "Airflow holds no such run"}
}

// reasonUncertain is that of an asset event for which the look before it was not whole.
const reasonUncertain = "Airflow created the asset event; an earlier delivery may have created one as well, " +
	"since Airflow could not list all of the asset's events"

// find looks for the run, or for the asset's event: one that is not there is an
// error of kind UnknownRun.
func (a *attempt) find(ctx context.Context) (airflow.DAGRun, error) {
	if a.event != nil {
		return airflow.DAGRun{}, a.airflow.FindAssetEvent(ctx, *a.event)
	}
	return a.airflow.Find(ctx, a.run.DAGID, a.run.RunID)
}

// leaveTime bounds a step so that a part of the time remains for the next.
func leaveTime(ctx context.Context, share time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-min(time.Until(deadline)/share, maxLeft)))
}

// judge decides what a refusal means for the event.
func (a *attempt) judge(ctx context.Context, e *airflow.Error) verdict {
	deferred := verdict{kind: Deferred, reason: e.Error(), cause: causeOf(e.Kind), retryAfter: e.RetryAfter}
	switch e.Kind {
	case airflow.RunExists:
		return a.duplicate(ctx, e)
	case airflow.Invalid, airflow.TooLarge:
		return permanent(e)
	case airflow.UnknownDAG, airflow.BrokenDAG, airflow.UnknownAsset:
		// A DAG with import errors is reported as unknown once Airflow has
		// deactivated it, so both are treated alike:
		// https://github.com/apache/airflow/issues/53736
		deferred.operator, deferred.unknown = true, true
	case airflow.Unauthorized, airflow.Forbidden, airflow.LoginRedirect, airflow.NoCredentials, airflow.NoAddress:
		deferred.operator = true
		deferred.atOnce = e.Renewed
	case airflow.APIAbsent:
		deferred.operator, deferred.again = true, true
	case airflow.Throttled:
		deferred.throttled = true
		deferred.again = e.RetryAfter > 0 && e.RetryAfter <= maxRetryAfter
	case airflow.Unexpected:
		// What something before Airflow has refused it refuses again.
		deferred.operator, deferred.again = true, e.InDoubt
	default:
		deferred.again = e.RetryAfter <= maxRetryAfter
	}
	if e.InDoubt || e.Kind == airflow.Conflict {
		return a.look(ctx, e, deferred)
	}
	return deferred
}

func permanent(e *airflow.Error) verdict {
	return verdict{kind: Rejected, reason: e.Error(), cause: causeOf(e.Kind), operator: true}
}

// brief names an answer that turned out not to matter, without its advice.
func brief(e *airflow.Error) string {
	if e.Status == 0 {
		return string(e.Kind)
	}
	return fmt.Sprintf("%d %s", e.Status, cmp.Or(e.MediaType, string(e.Kind)))
}

// duplicate is what an answer means that names our own run id. Before Airflow 3
// the run of a window may have started too early, which only the run shows; a
// role may create runs and not read them, and the run is there all the same.
func (a *attempt) duplicate(ctx context.Context, e *airflow.Error) verdict {
	if !a.starts.IsZero() && e.API == airflow.V1 {
		if found, err := a.find(ctx); err == nil {
			return a.exists(found, e.API)
		}
	}
	return verdict{kind: Duplicate, reason: a.reasonExists()}
}

func (a *attempt) reasonExists() string {
	if a.event != nil {
		return "the asset event exists already"
	}
	return "the run exists already"
}

// exists is what it means that a run was found which was there before.
func (a *attempt) exists(found airflow.DAGRun, api airflow.API) verdict {
	if a.early(found, api) {
		return verdict{kind: Rejected, operator: true, cause: CauseWindow, reason: reasonEarly}
	}
	return verdict{kind: Duplicate, reason: a.reasonExists()}
}

const reasonEarly = "the run of its window has started before the window was over: " +
	"set [scheduler] allow_trigger_in_future to False, which it is by default, or leave every out of the route"

// look settles by a question whether the run exists after an answer that leaves
// it open.
//
// A conflict without the run means that another run has the logical date. On
// Airflow 2 the server chose that date, so that another try gets another; a
// date that the route chose stays taken.
func (a *attempt) look(ctx context.Context, e *airflow.Error, deferred verdict) verdict {
	found, err := a.find(ctx)
	switch {
	case err == nil && e.Kind == airflow.Conflict:
		return a.exists(found, e.API)
	case err == nil && a.event != nil:
		return verdict{kind: Triggered, reason: "Airflow holds the asset event, though the answer was: " + brief(e)}
	case err == nil:
		return verdict{kind: Triggered, reason: "Airflow holds the run, though the answer was: " + brief(e)}
	}
	if !isMissing(err) && !a.isUnreadable(e, err) {
		deferred.reason += "; looking for the run: " + err.Error()
		deferred.again = false // two answers that failed are enough of a load
		return deferred
	}
	if e.Kind == airflow.Conflict {
		if !a.run.LogicalDate.IsZero() {
			return a.dateTaken(ctx, e)
		}
		if !a.run.RunAfter.IsZero() {
			a.run.RunAfter = a.run.RunAfter.Add(time.Microsecond)
		}
		deferred.again = true
	}
	return deferred
}

// isMissing reports whether a look found that there is no such run.
func isMissing(err error) bool {
	e, ok := errors.AsType[*airflow.Error](err)
	return ok && (e.Kind == airflow.UnknownRun || e.Kind == airflow.UnknownDAG)
}

// isUnreadable reports whether the caller may create runs and not read them, in
// which case another try with another date decides: v1 then names the run id
// where the run exists.
func (a *attempt) isUnreadable(conflict *airflow.Error, err error) bool {
	e, ok := errors.AsType[*airflow.Error](err)
	return ok && e.Kind == airflow.Forbidden && conflict.Kind == airflow.Conflict &&
		conflict.API == airflow.V1 && a.run.LogicalDate.IsZero()
}

// dateTaken refuses a run whose logical date another run of the DAG has.
func (a *attempt) dateTaken(ctx context.Context, e *airflow.Error) verdict {
	reason := "the logical date " + a.run.LogicalDate.UTC().Format(time.RFC3339Nano) + " is taken: "
	if holder, err := a.airflow.FindByDate(ctx, a.run.DAGID, a.run.LogicalDate); err == nil {
		reason += fmt.Sprintf("the DAG's run %q has it", holder.RunID)
	} else {
		reason += "another run of the DAG has it"
	}
	return verdict{kind: Rejected, operator: true, cause: causeOf(e.Kind), reason: reason + dateFix}
}

const dateFix = ", and a DAG has one run for each: take logical_date out of the route and pass the date in conf, " +
	"or make it as fine as the events are; then replay the event"

// early reports whether the run of a window did not wait for the window's end.
// On 1.10 a run that waits says that it is running.
func (a *attempt) early(found airflow.DAGRun, api airflow.API) bool {
	return api != airflow.Experimental && found.State != "" && found.State != "queued" && a.pipeline.now().Before(a.starts.Add(-maxSkew))
}
