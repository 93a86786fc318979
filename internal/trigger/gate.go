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

// Counted tells an admission how DAGs stand, asking through the gate that the
// environment's runs pass.
type Counted struct {
	Airflow interface {
		DAG(ctx context.Context, id string) (airflow.DAG, error)
		Runs(ctx context.Context, dagID string, query airflow.RunsQuery) (airflow.Runs, error)
	}
	Gate *pressure.Gate
}

// ActiveRuns is how many runs of the DAG are queued or running.
func (c *Counted) ActiveRuns(ctx context.Context, dagID string) (int, error) {
	query := airflow.RunsQuery{States: []string{"queued", "running"}, Limit: 1}
	runs, err := pass(ctx, c.Gate, func() (airflow.Runs, error) { return c.Airflow.Runs(ctx, dagID, query) })
	return runs.Total, err
}

// Paused reports whether the DAG is paused.
func (c *Counted) Paused(ctx context.Context, dagID string) (bool, error) {
	dag, err := pass(ctx, c.Gate, func() (airflow.DAG, error) { return c.Airflow.DAG(ctx, dagID) })
	return dag.Paused, err
}

func pass[T any](ctx context.Context, gate *pressure.Gate, ask func() (T, error)) (T, error) {
	done, err := gate.Enter(ctx)
	if err != nil {
		var none T
		return none, err
	}
	answer, err := ask()
	done(finding(err))
	return answer, err
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
