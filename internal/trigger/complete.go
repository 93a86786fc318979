// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"

	"example.com/dagtrigger/internal/complete"
	"example.com/dagtrigger/internal/route"
)

// complete is plan once its set is complete; else the verdict says why the event
// starts nothing now.
func (j job) complete(ctx context.Context, plan *route.Plan) (*route.Plan, verdict) {
	completed, err := j.Sets.Complete(ctx, plan)
	if err == nil {
		return &completed, verdict{}
	}
	e, ok := errors.AsType[*complete.Error](err)
	switch {
	case ok && e.Kind == complete.Incomplete:
		return nil, verdict{kind: Unmatched, cause: CauseIncomplete, reason: e.Reason}
	case ok && e.Kind == complete.Permanent:
		return nil, verdict{kind: Rejected, cause: CauseListing, reason: e.Reason}
	case ok:
		return nil, verdict{
			kind: Deferred, cause: CauseListing, reason: e.Reason,
			throttled: e.Kind == complete.Throttled, retryAfter: e.RetryAfter,
		}
	case isTime(err):
		return nil, verdict{kind: Deferred, cause: CauseNoTime, reason: err.Error()}
	}
	return nil, verdict{kind: Rejected, cause: CauseExpression, reason: err.Error()}
}

// isTime reports whether the request's time ran out.
func isTime(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
