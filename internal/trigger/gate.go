// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"
	"net/http"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/pressure"
)

// Gated is an Airflow whose requests pass a gate, which keeps a full server
// from being asked more than serves it best, and a server that is down from
// being asked by more than one request at a time.
type Gated struct {
	Airflow Airflow
	Gate    *pressure.Gate
}

// Trigger is Airflow's, or a [*pressure.Refusal] where the gate lets it not through.
func (g *Gated) Trigger(ctx context.Context, run airflow.Run) (airflow.DAGRun, error) {
	return pass(ctx, g.Gate, func() (airflow.DAGRun, error) { return g.Airflow.Trigger(ctx, run) })
}

// Find is Airflow's, or a [*pressure.Refusal] where the gate lets it not through.
func (g *Gated) Find(ctx context.Context, dagID, runID string) (airflow.DAGRun, error) {
	return pass(ctx, g.Gate, func() (airflow.DAGRun, error) { return g.Airflow.Find(ctx, dagID, runID) })
}

func pass(ctx context.Context, gate *pressure.Gate, ask func() (airflow.DAGRun, error)) (airflow.DAGRun, error) {
	done, err := gate.Enter(ctx)
	if err != nil {
		return airflow.DAGRun{}, err
	}
	run, err := ask()
	done(finding(err))
	return run, err
}

// finding is what an answer says about the server, rather than about the run.
func finding(err error) pressure.Result {
	e, ok := errors.AsType[*airflow.Error](err)
	if !ok {
		return pressure.Served
	}
	switch e.Kind {
	case airflow.Throttled:
		return pressure.Overloaded
	case airflow.Network, airflow.Timeout:
		return pressure.Down
	case airflow.Canceled, airflow.NoCredentials:
		return pressure.Ignored
	case airflow.ServerFailure:
		switch e.Status {
		case http.StatusServiceUnavailable:
			return pressure.Overloaded
		case http.StatusBadGateway, http.StatusGatewayTimeout:
			return pressure.Down
		}
	}
	return pressure.Served
}
