// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/composer"
	"example.com/dagtrigger/internal/flight"
	"example.com/dagtrigger/internal/pressure"
)

// Airflow is one Airflow environment. Every request to it passes one gate, so
// that an overloaded web server is not asked for more than it serves, and one
// that is down is asked by one request at a time. Where the web server's
// address is looked up, that is done on first need, once for all callers, and
// again when the address may have changed. Its methods may be called
// concurrently.
type Airflow struct {
	spec      *Spec // a pointer, so that printing an Airflow prints no secret
	options   Options
	gate      *pressure.Gate
	admission *pressure.Admission

	fixed *Connection // where the operator gave the address
	api   *composer.Client
	name  composer.Name

	flight flight.Group[*Connection]

	events    flight.Group[bool] // asset events that are being published, by id
	published memory             // of asset events
	mu        sync.Mutex
	known     found
}

// New makes the environment that s describes. It sends no request. The error is
// [Problems] where s is invalid; they name the fields of s by name, see
// [Spec.Check].
func New(s Spec, name func(field string) string, o Options) (*Airflow, error) {
	if problems := s.Check(name); len(problems) > 0 {
		return nil, problems
	}
	if s.Outbox != "" {
		return nil, &OutboxError{s.Outbox}
	}
	o = o.withDefaults()
	a := &Airflow{spec: &s, options: o, gate: pressure.New(pressure.Config{MaxInFlight: int(s.MaxInFlight)})}
	a.admission = pressure.NewAdmission(dags{a}, 0)
	var err error
	if s.Composer != "" {
		a.name, err = composer.ParseName(s.Composer)
		a.api = &composer.Client{HTTP: o.Google.Client(o.wrap(o.Transport)), Member: o.Google.Member}
		return a, err
	}
	a.fixed, err = s.connect(s.URL, s.AuthKind(), airflow.API(s.API), nil, o)
	return a, err
}

// Start asks for a run, in one request unless the limits need to know about the
// DAG. The error is a [*pressure.Refusal] or a [*pressure.PausedError] where the
// gate or the limits stand against it, a [*pressure.ActiveError] where a run is
// active that the limits skip for, else that of [airflow.Client.Trigger].
func (a *Airflow) Start(ctx context.Context, run airflow.Run, limits pressure.Policy) (airflow.DAGRun, error) {
	return a.start(ctx, run, limits, func(c *airflow.Client) (airflow.DAGRun, error) { return c.Trigger(ctx, run) })
}

func (a *Airflow) start(
	ctx context.Context, run airflow.Run, limits pressure.Policy, send func(*airflow.Client) (airflow.DAGRun, error),
) (airflow.DAGRun, error) {
	done, err := a.admission.Admit(ctx, run.DAGID, limits)
	if err != nil {
		return airflow.DAGRun{}, err
	}
	started, err := call(ctx, a, func(c *airflow.Client) (airflow.DAGRun, error) {
		if err := a.refuseToWait(ctx, c, run); err != nil {
			return airflow.DAGRun{}, err
		}
		return send(c)
	})
	done(err == nil)
	return started, err
}

// Find looks for a run, see [airflow.Client.Find].
func (a *Airflow) Find(ctx context.Context, dagID, runID string) (airflow.DAGRun, error) {
	return call(ctx, a, func(c *airflow.Client) (airflow.DAGRun, error) { return c.Find(ctx, dagID, runID) })
}

// FindByDate looks for the run that has a logical date, see
// [airflow.Client.FindByDate].
func (a *Airflow) FindByDate(ctx context.Context, dagID string, date time.Time) (airflow.DAGRun, error) {
	return call(ctx, a, func(c *airflow.Client) (airflow.DAGRun, error) { return c.FindByDate(ctx, dagID, date) })
}

// dags tells an admission about DAGs, through the gate.
type dags struct{ *Airflow }

// ActiveRuns is how many runs of the DAG are queued or running.
func (d dags) ActiveRuns(ctx context.Context, dagID string) (int, error) {
	query := airflow.RunsQuery{States: []string{"queued", "running"}, Limit: 1}
	runs, err := call(ctx, d.Airflow, func(c *airflow.Client) (airflow.Runs, error) { return c.Runs(ctx, dagID, query) })
	return runs.Total, err
}

// Paused reports whether the DAG is paused, or draining (Airflow 3.4): it is then
// paused as soon as its runs are over.
func (d dags) Paused(ctx context.Context, dagID string) (bool, error) {
	dag, err := call(ctx, d.Airflow, func(c *airflow.Client) (airflow.DAG, error) { return c.DAG(ctx, dagID) })
	return dag.Paused || dag.Draining, err
}

// HasRunsFrom reports whether Airflow holds runs of the DAG that started at a time
// or before. "airflow db clean" keeps the last scheduled run of each DAG, whatever
// its age (airflow/utils/db_cleanup.py), so that one such run alone says nothing.
func (d dags) HasRunsFrom(ctx context.Context, dagID string, at time.Time) (bool, error) {
	query := airflow.RunsQuery{StartedBy: at, Limit: 2}
	runs, err := call(ctx, d.Airflow, func(c *airflow.Client) (airflow.Runs, error) { return c.Runs(ctx, dagID, query) })
	old := slices.DeleteFunc(runs.Runs, func(r airflow.DAGRun) bool { return r.StartDate.IsZero() || r.StartDate.After(at) })
	return len(old) > 1 || len(old) == 1 && old[0].Type != "scheduled", err
}

// Unpause unpauses the DAG.
func (d dags) Unpause(ctx context.Context, dagID string) error {
	_, err := call(ctx, d.Airflow, func(c *airflow.Client) (none struct{}, err error) { return none, c.Unpause(ctx, dagID) })
	return err
}

// call makes one request through the gate.
func call[T any](ctx context.Context, a *Airflow, request func(*airflow.Client) (T, error)) (T, error) {
	var none T
	done, err := a.gate.Enter(ctx)
	if err != nil {
		return none, err
	}
	connection, err := a.Connection(ctx)
	if err != nil {
		done(resultOf(err))
		return none, err
	}
	answer, err := request(connection.Airflow)
	done(resultOf(err))
	a.doubt(connection, err)
	return answer, err
}

// resultOf is what an error means for the gate: what it says about the web
// server's load, and nothing of the run or the caller.
func resultOf(err error) pressure.Result {
	if err == nil {
		return pressure.Served
	}
	e, ok := errors.AsType[*airflow.Error](err)
	if !ok {
		return pressure.Ignored // not sent
	}
	switch e.Kind {
	case airflow.RunExists, airflow.Conflict:
		return pressure.Served // it looks for the run as if to create it
	case airflow.Unauthorized, airflow.Forbidden, airflow.LoginRedirect:
		if e.Status == 0 { // not sent, see [identity.Credentials]
			return pressure.Ignored
		}
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
	return pressure.Answered
}

// KeyInFuture is the setting by which a run of Airflow 2 or before does not
// wait for its logical date, as Composer's API names it. See
// https://airflow.apache.org/docs/apache-airflow/2.11.2/configurations-ref.html#allow-trigger-in-future
const KeyInFuture = "scheduler-allow_trigger_in_future"

// refuseToWait refuses a run that is to wait in an environment where none does.
func (a *Airflow) refuseToWait(ctx context.Context, c *airflow.Client, run airflow.Run) error {
	if run.RunAfter.IsZero() || !a.current().StartsEarly() {
		return nil
	}
	api, err := c.DetectAPI(ctx)
	if err != nil || api == airflow.V2 {
		return err
	}
	return &airflow.Error{
		Kind: airflow.Invalid, API: api,
		Said: "not sent: the run is to wait, and the environment's [scheduler] allow_trigger_in_future lets none wait",
		Hint: "gcloud composer environments update " + a.name.Environment + " --project=" + a.name.Project + " --location=" + a.name.Location +
			" --remove-airflow-configs=" + KeyInFuture,
	}
}

// StartsEarly reports whether the environment's settings have a run start
// before its date is reached, which Airflow 3 never does.
func (c *Connection) StartsEarly() bool {
	if c == nil || c.Composer == nil {
		return false
	}
	on, err := strconv.ParseBool(c.Composer.Overrides[KeyInFuture])
	return err == nil && on
}
