// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"
	"net/http"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/pubsub"
	"example.com/dagtrigger/internal/rest"
	"example.com/dagtrigger/internal/route"
)

// publish hands a run to an outbox. Nobody says whether the run exists already: what pulls
// the outbox starts a run id once. Pub/Sub's own client repeats what may succeed later.
func (j job) publish(ctx context.Context, outbox Outbox, run airflow.Run, plan *route.Plan) verdict {
	const blind = "the environment is an outbox, which does not say whether the run exists"
	switch {
	case j.replay.LookOnly:
		return verdict{kind: Rejected, operator: true, cause: CauseOutbox, reason: blind + ": look in its Airflow"}
	case !j.replay.HeldFrom.IsZero():
		return verdict{kind: Rejected, operator: true, cause: pressure.CauseRemoved,
			reason: blind + ", nor whether it has been removed: add --start-old to publish it again"}
	}
	if j.store(plan.DeadLetter) != nil {
		var cancel context.CancelFunc
		ctx, cancel = leaveTime(ctx, storeShare)
		defer cancel()
	}
	err := outbox.Publish(ctx, run, plan.Route, plan.Environment)
	if err == nil {
		return verdict{kind: Published, reason: "Pub/Sub has the run in " + outbox.Topic()}
	}
	v := verdict{kind: Deferred, cause: CauseOutbox, reason: err.Error()}
	if _, large := errors.AsType[*pubsub.TooLargeError](err); large {
		v.kind, v.operator = Rejected, true
	}
	if refused, ok := errors.AsType[*rest.Failure](err); ok {
		v.throttled = refused.Status == http.StatusTooManyRequests
		v.operator = refused.Fix != ""
		if refused.Status == http.StatusBadRequest || refused.Status == http.StatusRequestEntityTooLarge {
			v.kind = Rejected // the same message is refused again
		}
	}
	return v
}

// startLate sees a late event of a window to its own run where the environment is an
// outbox, and reports whether it did. Elsewhere Airflow says whether the window's run was there
// before the event; here nobody knows, and that run may have started without it.
func (j job) startLate(ctx context.Context, plan *route.Plan) (o Outcome, ends bool) {
	w := plan.Window
	if w == nil || w.Late == nil || j.Outboxes[plan.Environment] == nil || j.replay.LookOnly || j.replay.IgnoreLate ||
		j.now().Before(w.Start.Add(-maxSkew)) {
		return o, false
	}
	live := j.outcome(plan, j.runID(plan))
	o, _ = j.startRun(ctx, w.Late)
	o.WindowRunID, o.ConfDigest, o.RestDigest = live.RunID, live.ConfDigest, live.RestDigest
	return o, true
}
