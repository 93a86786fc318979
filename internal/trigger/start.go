// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"fmt"
	"time"

	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
)

// start sees one run started. One of a window may have started before it could
// be known to see j.event.
func (j job) start(ctx context.Context, plan *route.Plan) Outcome {
	if o, ends := j.startLate(ctx, plan); ends {
		return o
	}
	o, created := j.startRun(ctx, plan)
	w := plan.Window
	if w == nil || created || j.replay.LookOnly || o.Kind != Triggered && o.Kind != Duplicate || j.now().Before(w.Start.Add(-maxSkew)) {
		return o
	}
	if w.Late == nil || j.replay.IgnoreLate {
		o.Kind, o.Reason = Unmatched, fmt.Sprintf("the run of its window started at %s, and late events start none", w.Start.Format(time.RFC3339))
		return o
	}
	late, _ := j.startRun(ctx, w.Late)
	late.WindowRunID, late.ConfDigest, late.RestDigest = o.RunID, o.ConfDigest, o.RestDigest // what the route decided, before Airflow knew
	return late
}

// startRun sees the run of one plan started, and reports whether it was this
// request that created it.
func (j job) startRun(ctx context.Context, plan *route.Plan) (o Outcome, created bool) {
	if plan.Set != nil {
		completed, v := j.complete(ctx, plan)
		if v.kind != "" {
			return j.conclude(ctx, v, j.outcome(plan, j.runID(plan)), plan), false
		}
		plan = completed
	}
	a := attempt{
		pipeline: j.Pipeline,
		airflow:  j.Airflows[plan.Environment],
		run:      Run(j.repeated(plan)),
		limits: pressure.Policy{
			MaxActive: plan.MaxActive, WhenPaused: pressure.WhenPaused(plan.WhenPaused), SkipActive: plan.SkipActive,
			HeldFrom: j.replay.HeldFrom,
		},
		starts:   plan.Window.Starts(),
		lookOnly: j.replay.LookOnly,
	}
	switch {
	case plan.Materialize:
		a.asset = plan.Asset
	case plan.Asset != "":
		a.event = j.assetEvent(plan)
	}
	o = j.outcome(plan, a.run.RunID)
	if outbox := j.Outboxes[plan.Environment]; outbox != nil {
		return j.conclude(ctx, j.publish(ctx, outbox, a.run, plan), o, plan), false
	}
	if a.airflow == nil {
		reason := fmt.Sprintf("no environment is named %q: name one that is set up", plan.Environment)
		return j.refuse(ctx, o, j.store(plan.DeadLetter), CauseNoEnvironment, reason), false
	}
	v := a.bounded(pressure.WithRoute(ctx, plan.Route), j.store(plan.DeadLetter) != nil)
	o.DAGID = a.run.DAGID // a materialization's is known by now
	return j.conclude(ctx, v, o, plan), v.created
}

// runID is that of the run that plan asks for; empty as long as it depends on the
// objects of a set that is not complete.
func (j job) runID(plan *route.Plan) string {
	if plan.Set != nil && plan.Set.ByContent {
		return ""
	}
	return RunID(j.repeated(plan))
}

// outcome is that of a plan, before anything is known of its run but the id.
func (j job) outcome(plan *route.Plan, runID string) Outcome {
	o := j.keyed(Outcome{
		EventID: j.event.ID, Route: plan.Route, Environment: plan.Environment, DAGID: plan.DAG, RunID: runID, Asset: plan.Asset,
	})
	if j.Compare && plan.Set == nil {
		o.ConfDigest, o.RestDigest = confDigest(plan.Conf), restDigest(plan)
	}
	return o
}

// conclude adds to an outcome what its plan came to.
func (j job) conclude(ctx context.Context, v verdict, o Outcome, plan *route.Plan) Outcome {
	store := j.store(plan.DeadLetter)
	if v = j.lasting(v, plan, store != nil); v.kind == Rejected {
		return j.refuse(ctx, o, store, v.cause, v.reason)
	}
	o.Kind, o.Cause, o.Reason = v.kind, v.cause, v.reason
	o.Throttled, o.RetryAfter, o.Operator = v.throttled, v.retryAfter, v.operator
	return o
}

// repeated is plan, or that of a replay that starts new runs.
func (j job) repeated(plan *route.Plan) *route.Plan {
	if j.replay.Again == "" {
		return plan
	}
	return again(plan, j.replay.Again)
}
