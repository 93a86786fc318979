// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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

// found is what a look-up came to.
type found struct {
	*Connection // nil before the first look-up
	at          time.Time
	stale       bool // the address may have stopped being right
}

// Client returns the web server's client, whose calls pass no gate; see
// [Airflow.Connection].
func (a *Airflow) Client(ctx context.Context) (*airflow.Client, error) {
	connection, err := a.Connection(ctx)
	if err != nil {
		return nil, err
	}
	return connection.Airflow, nil
}

// Connection returns the way to the web server, looking its address up first
// where that is left to Composer's API. Its error is an [*airflow.Error]:
// nothing was sent to Airflow.
func (a *Airflow) Connection(ctx context.Context) (*Connection, error) {
	if a.fixed != nil {
		return a.fixed, nil
	}
	if connection := a.current(); connection != nil {
		return connection, nil
	}
	connection, err := a.flight.Do(ctx, "", lookUpTime, a.lookUp)
	if gaveUp, ok := errors.AsType[*flight.GaveUpError](err); ok {
		err = fmt.Errorf("waiting for Composer's API: %w", gaveUp.Err)
	}
	if err != nil {
		return nil, unresolved(err)
	}
	return connection, nil
}

// current is the connection in force, nil where a look-up is due.
func (a *Airflow) current() *Connection {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known.stale && time.Since(a.known.at) >= lookUpPause {
		return nil
	}
	return a.known.Connection
}

// lookUp asks Composer's API, and makes the connection that fits its answer.
// The one that was right until now stays where nothing has changed, and where
// the API itself is in trouble.
func (a *Airflow) lookUp(ctx context.Context) (*Connection, error) {
	if connection := a.current(); connection != nil { // found while this caller came
		return connection, nil
	}
	before := a.last()
	env, err := a.api.Environment(ctx, a.name)
	switch {
	case err != nil && before != nil && composer.IsTransient(err):
		const warning = "the environment's address may have changed, and cannot be looked up"
		a.options.Logger.WarnContext(ctx, warning, slog.String("reason", err.Error()))
		return a.keep(before, true), nil
	case err != nil:
		return nil, fmt.Errorf("looking up %s: %w", a.name, err)
	case before != nil && before.Composer.URL == env.URL && before.Composer.Image == env.Image:
		return a.keep(before, false), nil
	}
	connection, err := a.spec.connectTo(&env, a.options)
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", a.name, err)
	}
	return a.keep(connection, false), nil
}

func (a *Airflow) last() *Connection {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known.Connection
}

func (a *Airflow) keep(connection *Connection, stale bool) *Connection {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = found{Connection: connection, at: time.Now(), stale: stale}
	return connection
}

// doubt has the address looked up again where err may mean that it has stopped
// being right: no connection, no Airflow there, another page. An environment
// that was upgraded or created again looks so from here.
func (a *Airflow) doubt(connection *Connection, err error) {
	failed, ok := errors.AsType[*airflow.Error](err)
	if !ok {
		return
	}
	switch failed.Kind {
	case airflow.Network, airflow.APIAbsent, airflow.LoginRedirect, airflow.Unexpected:
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.known.Connection == connection {
			a.known.stale = true
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
