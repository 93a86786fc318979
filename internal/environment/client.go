// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/composer"
	"example.com/dagtrigger/internal/flight"
)

const (
	// lookUpTime bounds one look-up.
	lookUpTime = 30 * time.Second
	// lookUpPause is the least time between two look-ups: while an environment
	// is down, asking what it is does not bring it back.
	lookUpPause = time.Minute
)

// Client asks one environment. Where its web server's address is looked up,
// that is done on first need, once for all who wait, and again when the
// address stops being right. Its methods may be called concurrently.
type Client struct {
	spec    *Spec // a pointer, so that who prints a Client prints no secret
	options Options

	fixed *Connection // where the operator gave the address
	api   *composer.Client
	name  composer.Name

	flight flight.Group[*Connection]
	mu     sync.Mutex
	known  found
}

// found is what a look-up came to.
type found struct {
	*Connection // nil before the first look-up
	at          time.Time
	stale       bool // the address may have stopped being right
}

// Trigger asks for a run, see [airflow.Client.Trigger].
func (c *Client) Trigger(ctx context.Context, run airflow.Run) (airflow.DAGRun, error) {
	return ask(ctx, c, func(a *airflow.Client) (airflow.DAGRun, error) {
		if err := c.refuseToWait(ctx, a, run); err != nil {
			return airflow.DAGRun{}, err
		}
		return a.Trigger(ctx, run)
	})
}

// KeyInFuture is the setting by which a run of Airflow 2 or before does not
// wait for its logical date, as Composer's API names it. See
// https://airflow.apache.org/docs/apache-airflow/2.11.2/configurations-ref.html#allow-trigger-in-future
const KeyInFuture = "scheduler-allow_trigger_in_future"

// refuseToWait refuses a run that is to wait where it is known that none does.
func (c *Client) refuseToWait(ctx context.Context, a *airflow.Client, run airflow.Run) error {
	if run.RunAfter.IsZero() || !c.current().StartsEarly() {
		return nil
	}
	dialect, err := a.Dialect(ctx)
	if err != nil || dialect == airflow.V2 {
		return err
	}
	return &airflow.Error{
		Kind: airflow.Invalid, Dialect: dialect,
		Said: "not sent: the run is to wait, and the environment's [scheduler] allow_trigger_in_future lets none wait",
		Hint: "gcloud composer environments update " + c.name.Environment + " --project=" + c.name.Project + " --location=" + c.name.Location +
			" --remove-airflow-configs=" + KeyInFuture,
	}
}

// StartsEarly reports whether Composer told that before Airflow 3 a run does
// not wait for a date ahead.
func (c *Connection) StartsEarly() bool {
	if c == nil || c.Composer == nil {
		return false
	}
	on, err := strconv.ParseBool(c.Composer.Overrides[KeyInFuture])
	return err == nil && on
}

// Find looks for a run, see [airflow.Client.Find].
func (c *Client) Find(ctx context.Context, dagID, runID string) (airflow.DAGRun, error) {
	return ask(ctx, c, func(a *airflow.Client) (airflow.DAGRun, error) { return a.Find(ctx, dagID, runID) })
}

// DAG asks how a DAG stands, see [airflow.Client.DAG].
func (c *Client) DAG(ctx context.Context, id string) (airflow.DAG, error) {
	return ask(ctx, c, func(a *airflow.Client) (airflow.DAG, error) { return a.DAG(ctx, id) })
}

// Runs asks for a DAG's runs, see [airflow.Client.Runs].
func (c *Client) Runs(ctx context.Context, dagID string, query airflow.RunsQuery) (airflow.Runs, error) {
	return ask(ctx, c, func(a *airflow.Client) (airflow.Runs, error) { return a.Runs(ctx, dagID, query) })
}

func ask[T any](ctx context.Context, c *Client, question func(*airflow.Client) (T, error)) (T, error) {
	var none T
	connection, err := c.Connection(ctx)
	if err != nil {
		return none, err
	}
	answer, err := question(connection.Airflow)
	c.doubt(connection, err)
	return answer, err
}

// Airflow returns the web server's client, see [Client.Connection].
func (c *Client) Airflow(ctx context.Context) (*airflow.Client, error) {
	connection, err := c.Connection(ctx)
	if err != nil {
		return nil, err
	}
	return connection.Airflow, nil
}

// Connection returns the way to the web server, looking its address up first
// where that is left to Composer's API. Its error is an [*airflow.Error]:
// nothing was sent to Airflow.
func (c *Client) Connection(ctx context.Context) (*Connection, error) {
	if c.fixed != nil {
		return c.fixed, nil
	}
	if connection := c.current(); connection != nil {
		return connection, nil
	}
	connection, err := c.flight.Do(ctx, "", lookUpTime, c.lookUp)
	if gaveUp, ok := errors.AsType[*flight.GaveUpError](err); ok {
		err = fmt.Errorf("waiting for Composer's API: %w", gaveUp.Err)
	}
	if err != nil {
		return nil, unresolved(err)
	}
	return connection, nil
}

// current is the connection in force, nil where a look-up is due.
func (c *Client) current() *Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known.stale && time.Since(c.known.at) >= lookUpPause {
		return nil
	}
	return c.known.Connection
}

// lookUp asks Composer's API, and makes the connection that fits its answer.
// The one that was right until now stays where nothing has changed, and where
// the API itself is in trouble.
func (c *Client) lookUp(ctx context.Context) (*Connection, error) {
	if connection := c.current(); connection != nil { // found while this caller came
		return connection, nil
	}
	before := c.last()
	env, err := c.api.Environment(ctx, c.name)
	switch {
	case err != nil && before != nil && composer.IsTransient(err):
		c.options.Logger.WarnContext(ctx, "the environment's address may have changed, and cannot be looked up", slog.String("reason", err.Error()))
		return c.keep(before, true), nil
	case err != nil:
		return nil, fmt.Errorf("looking up %s: %w", c.name, err)
	case before != nil && before.Composer.URL == env.URL && before.Composer.Image == env.Image:
		return c.keep(before, false), nil
	}
	connection, err := c.spec.connectTo(&env, c.options)
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", c.name, err)
	}
	return c.keep(connection, false), nil
}

func (c *Client) last() *Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.Connection
}

func (c *Client) keep(connection *Connection, stale bool) *Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = found{Connection: connection, at: time.Now(), stale: stale}
	return connection
}

// doubt has the address looked up again where err may mean that it has stopped
// being right: no connection, no Airflow there, another page. An environment
// that was upgraded or made anew looks so from here.
func (c *Client) doubt(connection *Connection, err error) {
	failed, ok := errors.AsType[*airflow.Error](err)
	if !ok {
		return
	}
	switch failed.Kind {
	case airflow.Network, airflow.APIAbsent, airflow.LoginRedirect, airflow.Unexpected:
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.known.Connection == connection {
			c.known.stale = true
		}
	}
}

// unresolved is the error of an environment that could not be looked up:
// nothing was sent to Airflow.
func unresolved(err error) *airflow.Error {
	e := &airflow.Error{Kind: airflow.NoAddress, Said: err.Error(), Err: err}
	if met, ok := errors.AsType[*cause.Error](err); ok {
		e.Said, e.Hint = strings.TrimSuffix(e.Said, ": "+met.Cause.Fix), met.Cause.Fix
	}
	switch {
	case errors.Is(err, context.Canceled):
		e.Kind = airflow.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind = airflow.Timeout
	case composer.IsTransient(err):
		e.Kind = airflow.Network
	}
	return e
}
