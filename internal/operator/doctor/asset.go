// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/route"
)

// assetRoute examines the asset of a route, and the DAG that makes it where the
// route starts that.
func (p *subject) assetRoute(ctx context.Context, r Route) {
	p.route, p.missing = r, maps.Clone(p.missing)
	p.examine(ctx, PerAsset)
	switch checks := Checks(); {
	case p.dag != "":
		p.examine(ctx, PerDAG)
	case len(r.Lists) > 0: // it starts no DAG, and lists buckets all the same
		p.check(ctx, checks[slices.IndexFunc(checks, func(c Check) bool { return c.Name == "files" })])
	}
}

func asset(ctx context.Context, p *subject) Finding {
	found, err := p.connection.Airflow.Asset(ctx, p.route.Asset)
	if err != nil {
		return p.because(err)
	}
	p.asset = found
	return ok("it is there: %s", found.URI)
}

// consumers says who waits for the asset, and who never sees its events.
func consumers(ctx context.Context, p *subject) Finding {
	if p.route.Materialize {
		dag, err := p.connection.Airflow.Producer(ctx, p.route.Asset)
		if err != nil {
			return p.because(err)
		}
		p.dag = dag
		return ok("%s makes it", dag)
	}
	states, asleep, err := ConsumerStates(ctx, p.connection.Airflow, p.asset)
	if err != nil {
		return p.because(err)
	}
	all := strings.Join(states, ", ")
	var unpause Fix
	if len(asleep) > 0 {
		unpause.Do = p.unpause(asleep[0])
	}
	switch {
	case len(states) == 0:
		return warning("no DAG that this caller may read waits for it: its events start nothing",
			Fix{Do: "schedule a DAG by the asset, or name the DAG in the route: dag in place of asset"})
	case len(asleep) == 0:
		return ok("%s", all)
	case p.route.WhenPaused == route.PausedDefer:
		return warning(all+": events are deferred until all are active", unpause)
	case p.route.WhenPaused == route.PausedFail:
		return warning(all+": events fail permanently until all are active", unpause)
	case p.route.WhenPaused == route.PausedUnpause:
		return ok("%s: the next event unpauses it", all)
	}
	return warning(all+": Airflow drops the asset's events for a DAG that is paused or draining, without a trace",
		Fix{Do: "add when_paused: defer to the route, which holds events back meanwhile"}, unpause)
}

// ConsumerStates are the DAGs that wait for an asset, each with its state, and
// those of them that are paused or draining.
func ConsumerStates(ctx context.Context, client *airflow.Client, a airflow.Asset) (states, asleep []string, err error) {
	for _, id := range a.Consumers {
		dag, err := client.DAG(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		state := "active"
		switch {
		case dag.Paused:
			state = "paused"
		case dag.Draining:
			state = "draining"
		case dag.Stale:
			state = "no longer in the DAGs folder"
		}
		if dag.Paused || dag.Draining {
			asleep = append(asleep, id)
		}
		states = append(states, fmt.Sprintf("%s (%s)", id, state))
	}
	return states, asleep, nil
}

func mayPublish(ctx context.Context, p *subject) Finding {
	if p.route.Materialize {
		return skipped("the route publishes no event")
	}
	if err := p.connection.Airflow.MayPublish(ctx); err != nil {
		return p.because(err)
	}
	return ok("it may")
}
