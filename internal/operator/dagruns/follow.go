// SPDX-License-Identifier: Apache-2.0

package dagruns

import (
	"cmp"
	"context"
	"errors"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/clock"
)

// Interval is the time between two looks at a run that is followed.
const Interval = 2 * time.Second

// longestPause bounds the pause after looks that failed, which doubles.
const longestPause = 30 * time.Second

// Follow looks at a run until it is over, or ctx ends. Airflow 3.1 and later are asked to
// wait, and any other is asked every interval. changed is called with each new state. An
// Airflow that cannot answer for a while is asked again; another error ends it. Where ctx
// ends meanwhile, the error is why Airflow did not answer, else that of ctx.
func Follow(ctx context.Context, client *airflow.Client, dagID, runID string, interval time.Duration, changed func(state string)) (
	airflow.DAGRun, error,
) {
	state := ""
	seen := func(now string) {
		if now != state && now != "" {
			state = now
			changed(now)
		}
	}
	for waits := true; waits && !airflow.Finished(state); {
		err := client.Wait(ctx, dagID, runID, interval, seen)
		e, ok := errors.AsType[*airflow.Error](err)
		// A time-out is a wait that goes on. Anything else may be a proxy's doing, or a
		// version's: a plain look tells.
		waits = ok && e.Kind == airflow.Timeout && ctx.Err() == nil
	}
	var down error // why Airflow does not answer now
	for pause := interval; ; {
		run, err := client.Find(ctx, dagID, runID)
		switch {
		case err == nil:
			seen(run.State)
			if airflow.Finished(run.State) {
				return run, nil
			}
			pause, down = interval, nil
		case ctx.Err() != nil:
			return airflow.DAGRun{}, cmp.Or(down, ctx.Err())
		case !passes(err):
			return airflow.DAGRun{}, err
		default:
			pause, down = min(2*pause, longestPause), err
		}
		if err := clock.Sleep(ctx, pause); err != nil {
			return airflow.DAGRun{}, cmp.Or(down, err)
		}
	}
}

// passes reports whether an error goes away when Airflow is up again, or less busy.
func passes(err error) bool {
	e, ok := errors.AsType[*airflow.Error](err)
	if !ok {
		return false
	}
	switch e.Kind {
	case airflow.Network, airflow.Timeout, airflow.ServerFailure, airflow.Throttled:
		return true
	}
	return false
}
