// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/flight"
	"example.com/dagtrigger/internal/pressure"
)

// Publish makes an event of an asset, unless Airflow holds one with the same id:
// the error is then of kind [airflow.RunExists]. The limits apply to each of the
// DAGs that wait for the asset; errors are as those of [Airflow.Start]. certain is
// false where not all of the asset's events could be searched.
//
// An instance remembers what it published. Two instances that publish the same event
// at the same moment both make one: Airflow has no id for an asset event that could
// be unique.
func (a *Airflow) Publish(ctx context.Context, event airflow.AssetEvent, limits pressure.Policy) (certain bool, err error) {
	if a.published.has(event.ID) {
		return true, &airflow.Error{Kind: airflow.RunExists, Said: "this instance has published the asset event"}
	}
	first := false
	certain, err = a.events.Do(ctx, event.ID, MaxTimeout, func(ctx context.Context) (bool, error) {
		first = true
		return a.publish(ctx, event, limits)
	})
	switch gaveUp, ok := errors.AsType[*flight.GaveUpError](err); {
	case ok:
		return false, fmt.Errorf("publishing the asset event: %w", gaveUp.Err)
	case err == nil && first:
		a.published.add(event.ID)
	case err == nil:
		return certain, &airflow.Error{Kind: airflow.RunExists, Said: "another request has published the asset event"}
	}
	return certain, err
}

// remembered bounds the asset events that an instance remembers to have published,
// at about 100 bytes each.
const remembered = 20_000

// memory holds the ids that were added most recently: at least half of remembered.
type memory struct {
	mu         sync.Mutex
	young, old map[string]struct{}
}

func (m *memory) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, young := m.young[id]
	_, old := m.old[id]
	return young || old
}

func (m *memory) add(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || len(m.young) >= remembered/2 {
		m.young, m.old = map[string]struct{}{}, m.young
	}
	m.young[id] = struct{}{}
}

func (a *Airflow) publish(ctx context.Context, event airflow.AssetEvent, limits pressure.Policy) (certain bool, err error) {
	if err := a.admitConsumers(ctx, event.Asset, limits.WhenPaused); err != nil {
		return false, err
	}
	return call(ctx, a, func(c *airflow.Client) (bool, error) {
		found, all, err := c.FindAssetEvent(ctx, event)
		if err == nil && found {
			err = &airflow.Error{Kind: airflow.RunExists, Said: "Airflow holds the asset event"}
		}
		if err != nil {
			return all, err
		}
		if !limits.HeldFrom.IsZero() {
			held, err := c.HasAssetEventsFrom(ctx, event.Asset, limits.HeldFrom)
			if err == nil && !held {
				err = &pressure.RemovedError{Asset: event.Asset, At: limits.HeldFrom}
			}
			if err != nil {
				return all, err
			}
		}
		return all, c.Publish(ctx, event)
	})
}

// admitConsumers holds an event back while one of the DAGs that wait for the
// asset is paused: Airflow drops the event for that DAG, without a trace.
func (a *Airflow) admitConsumers(ctx context.Context, asset string, choice pressure.WhenPaused) error {
	if choice == "" || choice == pressure.Trigger {
		return nil
	}
	found, err := call(ctx, a, func(c *airflow.Client) (airflow.Asset, error) { return c.Asset(ctx, asset) })
	if err != nil {
		return err
	}
	for _, dag := range found.Consumers {
		done, err := a.admission.Admit(ctx, dag, pressure.Policy{WhenPaused: choice})
		if err != nil {
			return err
		}
		done(false)
	}
	return nil
}

// FindAssetEvent looks for an event of an asset. Its error is of kind
// [airflow.UnknownRun] where there is none, and of another where there may be one.
func (a *Airflow) FindAssetEvent(ctx context.Context, event airflow.AssetEvent) error {
	all := false
	found, err := call(ctx, a, func(c *airflow.Client) (found bool, err error) {
		found, all, err = c.FindAssetEvent(ctx, event)
		return found, err
	})
	switch {
	case err != nil || found:
		return err
	case !all:
		return &airflow.Error{
			Kind: airflow.ServerFailure, Said: "Airflow cannot list all of the asset's events now", Hint: "the event is tried again later",
		}
	}
	return &airflow.Error{Kind: airflow.UnknownRun, Said: "Airflow holds no such asset event"}
}

// Producer is the DAG that makes an asset, see [airflow.Client.Producer].
func (a *Airflow) Producer(ctx context.Context, asset string) (string, error) {
	return call(ctx, a, func(c *airflow.Client) (string, error) { return c.Producer(ctx, asset) })
}

// Materialize starts a run of the DAG that makes an asset, as Start does.
func (a *Airflow) Materialize(ctx context.Context, asset string, run airflow.Run, limits pressure.Policy) (airflow.DAGRun, error) {
	return a.start(ctx, run, limits, func(c *airflow.Client) (airflow.DAGRun, error) { return c.Materialize(ctx, asset, run) })
}
