// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// embeddedAssets are the assets of airflowreal's DAGs.
func embeddedAssets(v airflowsim.Version) []airflowsim.Asset {
	all := []airflowsim.Asset{
		{URI: airflowreal.AssetURI, Consumers: []string{airflowreal.OnAssetDAG}, Producers: []string{airflowreal.MakeAssetDAG}},
		{URI: airflowreal.BothURI, Producers: []string{airflowreal.MakeAssetDAG, airflowreal.MakeBothDAG}},
		{URI: airflowreal.OrdersURI, Name: airflowreal.OrdersName, Consumers: []string{airflowreal.OnOrdersDAG}},
	}
	if v.ServesV2() {
		all = append(all, airflowsim.Asset{
			URI: airflowreal.PartsURI, Consumers: []string{airflowreal.OnPartsDAG}, Producers: []string{airflowreal.MakePartsDAG},
		})
	}
	return all
}

// everyAsset are the scenarios of assets on v2, and of datasets on v1.
func everyAsset() []scenario {
	const orders, sales = airflowreal.OrdersURI, airflowreal.AssetURI
	rows := []scenario{
		row("look up an asset by its URI", orders+" starts on_orders", lookUp(orders)),
		row("look up an asset that a DAG makes", sales+" made by make_asset starts on_asset", lookUp(sales)),
		row("look up an asset that is not there", "not sent: unknown asset", lookUp("s3://nope")),
		row("look up a wildcard", "not sent: unknown asset", lookUp("dagtrigger://acme/%")),
		row("look up a viewer's asset", orders+" starts on_orders", lookUp(orders).as(viewer)),
		row("an event is found by its id", "not there; published; found; not there",
			findEvent(sales, "a"), publish(sales, "a"), findEvent(sales, "a"), findEvent(sales, "b")),
		row("an event with an extra", "published; found", publish(sales, "a").conf(`{"day":"$day","n":[1,{"x":null}]}`), findEvent(sales, "a")),
		row("an event of no asset", "not sent: unknown asset", publish("s3://nope", "a")),
		row("an event of a viewer's", "403 forbidden", publish(sales, "a").as(viewer)),
		row("an event is read by a viewer", "published; found", publish(sales, "a"), findEvent(sales, "a").as(viewer)),
		row("the permission to publish", "it may", mayPublish()),
		row("a viewer has no permission to publish", "403 forbidden", mayPublish().as(viewer)),
		row("an event starts the DAG that waits for it", "published; on_orders success", publish(orders, "a"), awaitConsumer(orders, "a")),
		row("an event of a paused DAG is dropped", "published; nobody", publish(sales, "a"), consumer(sales, "a")),
	}
	return slices.Concat(in(airflow.V2, slices.Clone(rows)...), in(airflow.V1, rows...), v2OnlyAssets(), v1OnlyAssets())
}

// v2OnlyAssets are names, partitions and materializations.
func v2OnlyAssets() []scenario {
	const sales, parts = airflowreal.AssetURI, airflowreal.PartsURI
	return in(airflow.V2,
		row("look up an asset by its name", airflowreal.OrdersURI+" starts on_orders", lookUp(airflowreal.OrdersName)),
		row("an event by the asset's name", "published; on_orders success",
			publish(airflowreal.OrdersName, "a"), awaitConsumer(airflowreal.OrdersName, "a")),
		row("materialize", "created; 409 run exists; queued",
			makeAsset(sales, "a"), makeAsset(sales, "a").conf(`{"x":1}`), find("a").of(airflowreal.MakeAssetDAG)),
		row("materialize with a conf and a note", `created; queued with {"n":[1,{"x":null}]} noted "n"`,
			makeAsset(sales, "a").conf(`{"n":[1,{"x":null}]}`).noted("n"), find("a").of(airflowreal.MakeAssetDAG)),
		row("materialize an asset that nothing makes", "not sent: unknown asset", makeAsset(airflowreal.OrdersURI, "a")),
		row("materialize an asset that two DAGs make", "not sent: invalid", makeAsset(airflowreal.BothURI, "a")),
		row("materialize as a viewer", "403 forbidden", makeAsset(sales, "a").as(viewer)),
		row("materialize an asset that nothing makes, by its id", "404", postTo("/api/v2/assets/ID(orders)/materialize").sending(`{}`)),
		row("materialize an asset that two DAGs make, by its id", "409", postTo("/api/v2/assets/ID(both)/materialize").sending(`{}`)),
		row("materialize an asset that is not there", "404", postTo("/api/v2/assets/99/materialize").sending(`{}`)),
		row("an event of a partition starts a partitioned DAG", "published; on_parts success",
			publish(parts, "a").partition("2026-11-30"), awaitConsumer(parts, "a")),
		row("an event without a partition is dropped by a partitioned DAG", "published; nobody", publish(parts, "a"), consumer(parts, "a")),
		row("a run of a partition", "created", start("a").of(airflowreal.OnPartsDAG).partition("2026-11-30")),
		row("a run of a partition, of a DAG without", "400 invalid", start("a").partition("x")),
		row("a materialization of a partition", "400 invalid", makeAsset(sales, "a").partition("x")),
		row("a partition key that is too long", "not sent: invalid", start("a").of(airflowreal.OnPartsDAG).partition(strings.Repeat("x", 251))),
		row("a blank partition key", "not sent: invalid", start("a").of(airflowreal.OnPartsDAG).partition(" ")),
		row("a blank partition key, sent", "400 invalid", start("a").of(airflowreal.OnPartsDAG).with(`"partition_key":" "`)),
		row("a long partition key, sent", "400 invalid",
			start("a").of(airflowreal.OnPartsDAG).with(`"partition_key":"`+strings.Repeat("x", airflow.MaxPartitionKey+1)+`"`)),
	)
}

func v1OnlyAssets() []scenario {
	return in(airflow.V1,
		row("a partition key", "not sent: invalid", start("a").partition("x")),
		row("an event with a partition key", "not sent: invalid", publish(airflowreal.AssetURI, "a").partition("x")),
		row("a materialization", "not sent: invalid", makeAsset(airflowreal.AssetURI, "a")),
		row("datasets by a part of their URIs", "200", get("/api/v1/datasets?uri_pattern=acme/ord&order_by=uri")),
	)
}

func lookUp(asset string) step { return step{title: "look up", call: askAsset, asset: asset} }
func mayPublish() step         { return step{title: "ask whether it may publish", call: askPublishing} }

func publish(asset, id string) step {
	return step{title: "publish", call: publishEvent, asset: asset, run: airflow.Run{RunID: "$" + id}}
}

func findEvent(asset, id string) step {
	return step{title: "find", call: findAssetEvent, asset: asset, run: airflow.Run{RunID: "$" + id}}
}

// makeAsset asks for a run of the DAG that makes the asset.
func makeAsset(asset, id string) step {
	return step{title: "materialize", call: materialize, asset: asset, run: airflow.Run{RunID: "$" + id}}
}

// consumer reads which DAGs an event has started so far, awaitConsumer until one has and has succeeded.
func consumer(asset, id string) step {
	s := findEvent(asset, id)
	s.title, s.call = "consumers of", readConsumers
	return s
}

func awaitConsumer(asset, id string) step {
	s := consumer(asset, id)
	s.title, s.call = "await a consumer of", awaitConsumers
	return s
}

func (s step) partition(key string) step { s.run.PartitionKey = key; return s }

// event is the step's event, published a minute ago at the earliest.
func (s step) event(p *play) airflow.AssetEvent {
	return airflow.AssetEvent{
		Asset: s.asset, ID: s.run.RunID, Extra: s.run.Conf, PartitionKey: s.run.PartitionKey, Since: p.now().Add(-time.Minute),
	}
}

func askAsset(ctx context.Context, p *play, s step) (string, error) {
	asset, err := p.client.Asset(ctx, s.asset)
	text := asset.URI
	for _, part := range []struct {
		what string
		dags []string
	}{{" made by ", asset.Producers}, {" starts ", asset.Consumers}} {
		if len(part.dags) > 0 {
			text += part.what + strings.Join(part.dags, ", ")
		}
	}
	return text, err
}

func askPublishing(ctx context.Context, p *play, _ step) (string, error) {
	return "it may", p.client.MayPublish(ctx)
}

func publishEvent(ctx context.Context, p *play, s step) (string, error) {
	return "published", p.client.Publish(ctx, s.event(p))
}

func findAssetEvent(ctx context.Context, p *play, s step) (string, error) {
	found, all, err := p.client.FindAssetEvent(ctx, s.event(p))
	switch {
	case found:
		return "found", err
	case all:
		return "not there", err
	}
	return "perhaps", err
}

func materialize(ctx context.Context, p *play, s step) (string, error) {
	dag, err := p.client.Producer(ctx, s.asset)
	if err != nil {
		return "", err
	}
	run := s.run
	run.DAGID = dag
	_, err = p.client.Materialize(ctx, s.asset, run)
	return "created", err
}

// consumerOf is a DAG that an event started, with the state of its run.
func consumerOf(ctx context.Context, p *play, s step) (dag, state string, err error) {
	asset, err := p.client.Asset(ctx, s.asset)
	if err != nil {
		return "", "", err
	}
	path := fmt.Sprintf("/api/v2/assets/events?asset_id=%d&order_by=-timestamp", asset.ID)
	if s.api == airflow.V1 {
		path = fmt.Sprintf("/api/v1/datasets/events?dataset_id=%d&order_by=-timestamp", asset.ID)
	}
	s.method, s.path = http.MethodGet, path
	if _, err := askPlainly(ctx, p, s); err != nil {
		return "", "", err
	}
	type events []struct {
		Extra map[string]any
		Runs  []struct {
			DAG   string `json:"dag_id"`
			State string
		} `json:"created_dagruns"`
	}
	var answer struct {
		Assets   events `json:"asset_events"`
		Datasets events `json:"dataset_events"`
	}
	_ = json.Unmarshal(p.recorder.text, &answer) // an Airflow that fails is asked again
	for _, e := range append(answer.Assets, answer.Datasets...) {
		if e.Extra[airflow.EventIDKey] == s.run.RunID && len(e.Runs) > 0 {
			return e.Runs[0].DAG, e.Runs[0].State, nil
		}
	}
	return "", "", nil
}

func readConsumers(ctx context.Context, p *play, s step) (string, error) {
	dag, _, err := consumerOf(ctx, p, s)
	if dag == "" {
		dag = "nobody"
	}
	return dag, err
}

func awaitConsumers(ctx context.Context, p *play, s step) (string, error) {
	for range p.polls(bound) {
		dag, state, err := consumerOf(ctx, p, s)
		if err != nil || state == "success" || state == "failed" {
			return dag + " " + state, err
		}
	}
	return "hung", ctx.Err()
}
