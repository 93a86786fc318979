// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

const ordersURI = "s3://acme/orders"

// versionsWithAssets are the embedded Airflows that publish events.
var versionsWithAssets = []airflowsim.Version{airflowsim.Airflow211, airflowsim.Airflow33, airflowsim.Airflow34}

// withAssets is an environment in front of an embedded Airflow whose DAG load makes
// an asset, and whose DAGs bill and audit wait for it.
func withAssets(
	t *testing.T, version airflowsim.Version, role airflowsim.Role, consumers ...airflowsim.DAG,
) (*environment.Airflow, *airflowsim.Server) {
	t.Helper()
	asset := airflowsim.Asset{URI: ordersURI, Name: "orders", Producers: []string{"load"}}
	for _, dag := range consumers {
		asset.Consumers = append(asset.Consumers, dag.ID)
	}
	c := airflowsim.Config{
		Version: version, DAGs: append(consumers, airflowsim.DAG{ID: "load"}), Assets: []airflowsim.Asset{{URI: "s3://acme/orders/eu"}, asset},
		Users:     []airflowsim.User{{Name: "u", Password: "u", Role: role}},
		QueuedFor: time.Nanosecond, // 3.3 cannot list an event whose run is queued
		Unknown:   func(r *http.Request) { t.Errorf("no answer to %s %s", r.Method, r.URL) },
	}
	spec := environment.Spec{API: "auto", Auth: "password", Username: "u", Password: "u"}
	if version == airflowsim.Airflow211 {
		c.Auth, spec.Auth = airflowsim.AuthBasic, "basic"
	}
	sim, err := airflowsim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	spec.URL = server.URL
	return newClient(t, spec, environment.Options{Transport: server.Client().Transport}), sim
}

func orderEvent(id string) airflow.AssetEvent {
	return airflow.AssetEvent{Asset: ordersURI, ID: id, Extra: []byte(`{"day":1}`), Since: time.Now().Add(-time.Minute)}
}

func kindOf(err error) airflow.Kind {
	if e, ok := errors.AsType[*airflow.Error](err); ok {
		return e.Kind
	}
	return ""
}

func TestPublishStartsTheConsumersOnce(t *testing.T) {
	t.Parallel()
	for _, version := range versionsWithAssets {
		env, sim := withAssets(t, version, airflowsim.Op, airflowsim.DAG{ID: "bill"}, airflowsim.DAG{ID: "audit"})
		for i, id := range []string{"a", "b", "a"} {
			certain, err := env.Publish(t.Context(), orderEvent(id), pressure.Policy{})
			if !certain || (err == nil) != (i < 2) || i == 2 && kindOf(err) != airflow.RunExists {
				t.Errorf("%s: event %d: certain %t, %v", version, i, certain, err)
			}
		}
		if n, runs := len(sim.AssetEvents()), len(sim.Runs("bill", "audit")); n != 2 || runs != 4 {
			t.Errorf("%s: %d events, and %d runs", version, n, runs)
		}
		if err := env.FindAssetEvent(t.Context(), orderEvent("b")); err != nil {
			t.Errorf("%s: %v", version, err)
		}
		if err := env.FindAssetEvent(t.Context(), orderEvent("c")); kindOf(err) != airflow.UnknownRun {
			t.Errorf("%s: %v", version, err)
		}
	}
}

// Deliveries of one event at once publish it once: the others are duplicates.
func TestPublishAtOncePublishesOnce(t *testing.T) {
	t.Parallel()
	env, sim := withAssets(t, airflowsim.Airflow34, airflowsim.Op)
	var group sync.WaitGroup
	var mu sync.Mutex
	got := map[airflow.Kind]int{}
	for range 8 {
		group.Go(func() {
			_, err := env.Publish(t.Context(), orderEvent("a"), pressure.Policy{})
			mu.Lock()
			defer mu.Unlock()
			got[kindOf(err)]++
		})
	}
	group.Wait()
	if got[""] != 1 || got[airflow.RunExists] != 7 || len(sim.AssetEvents()) != 1 {
		t.Errorf("%v, with the events %+v", got, sim.AssetEvents())
	}
}

// Airflow drops an asset's event for a DAG that is paused or draining.
func TestPublishWaitsForPausedConsumers(t *testing.T) {
	t.Parallel()
	for _, version := range versionsWithAssets {
		for _, paused := range []airflowsim.DAG{{ID: "audit", Paused: true}, {ID: "audit", Draining: version == airflowsim.Airflow34}} {
			if !paused.Paused && !paused.Draining {
				continue
			}
			start := func(choice pressure.WhenPaused) (*airflowsim.Server, error) {
				env, sim := withAssets(t, version, airflowsim.Op, airflowsim.DAG{ID: "bill"}, paused, airflowsim.DAG{ID: "other"})
				_, err := env.Publish(t.Context(), orderEvent("a"), pressure.Policy{WhenPaused: choice})
				return sim, err
			}
			const held = `the DAG "audit" is paused, and the route says when_paused: defer: unpause it`
			sim, err := start(pressure.Defer)
			if refusal, ok := errors.AsType[*pressure.Refusal](err); !ok || refusal.Reason != held || len(sim.AssetEvents()) > 0 {
				t.Errorf("%s %+v: defer: %v, with the events %v", version, paused, err, sim.AssetEvents())
			}
			sim, err = start(pressure.Fail)
			if _, ok := errors.AsType[*pressure.PausedError](err); !ok || len(sim.AssetEvents()) > 0 {
				t.Errorf("%s %+v: fail: %v", version, paused, err)
			}
			if sim, err = start(pressure.Unpause); err != nil || len(sim.Runs("audit")) != 1 {
				t.Errorf("%s %+v: unpause: %v, with the runs %v", version, paused, err, sim.Runs())
			}
			if sim, err = start(pressure.Trigger); err != nil || len(sim.Runs("audit")) != 0 || len(sim.Runs("bill", "other")) != 2 {
				t.Errorf("%s %+v: trigger: %v, with the runs %v", version, paused, err, sim.Runs())
			}
		}
	}
}

// Where 3.3 cannot list an event, it is not certain that an answer that got lost published none.
func TestFindAssetEventBesideAQueuedRun(t *testing.T) {
	t.Parallel()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, DAGs: []airflowsim.DAG{{ID: "bill"}}, QueuedFor: time.Hour,
		Assets: []airflowsim.Asset{{URI: ordersURI, Consumers: []string{"bill"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	env := newClient(t, environment.Spec{URL: server.URL, API: "v2"}, environment.Options{Transport: server.Client().Transport})
	for i, id := range []string{"a", "b", "a"} {
		certain, err := env.Publish(t.Context(), orderEvent(id), pressure.Policy{})
		if want := map[bool]airflow.Kind{true: airflow.RunExists}[i == 2]; kindOf(err) != want || certain != (i != 1) {
			t.Errorf("event %s: certain %t, %v", id, certain, err)
		}
	}
	if err := env.FindAssetEvent(t.Context(), orderEvent("c")); kindOf(err) != airflow.ServerFailure {
		t.Errorf("got %v", err)
	}
}

// Another instance finds what the first has published.
func TestPublishFindsWhatAnotherInstancePublished(t *testing.T) {
	t.Parallel()
	for _, version := range versionsWithAssets {
		one, sim := withAssets(t, version, airflowsim.Op)
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		spec := environment.Spec{URL: server.URL, Auth: "password", Username: "u", Password: "u"}
		if version == airflowsim.Airflow211 {
			spec.Auth = "basic"
		}
		other := newClient(t, spec, environment.Options{Transport: server.Client().Transport})
		if _, err := one.Publish(t.Context(), orderEvent("a"), pressure.Policy{}); err != nil {
			t.Errorf("%s: %v", version, err)
		}
		_, err := other.Publish(t.Context(), orderEvent("a"), pressure.Policy{})
		if kindOf(err) != airflow.RunExists || len(sim.AssetEvents()) != 1 {
			t.Errorf("%s: %v, with the events %+v", version, err, sim.AssetEvents())
		}
	}
}

// An old event is published again only where Airflow still holds events of its time.
func TestPublishOfAnOldEventNeedsEventsOfItsTime(t *testing.T) {
	t.Parallel()
	for _, version := range versionsWithAssets {
		env, sim := withAssets(t, version, airflowsim.Op)
		old := pressure.Policy{HeldFrom: time.Now().Add(-time.Hour)}
		_, err := env.Publish(t.Context(), orderEvent("a"), old)
		if removed, ok := errors.AsType[*pressure.RemovedError](err); !ok || removed.Asset != ordersURI || len(sim.AssetEvents()) > 0 {
			t.Errorf("%s: %v", version, err)
		}
		if _, err := env.Publish(t.Context(), orderEvent("a"), pressure.Policy{}); err != nil {
			t.Errorf("%s: %v", version, err)
		}
		if _, err := env.Publish(t.Context(), orderEvent("b"), pressure.Policy{HeldFrom: time.Now().Add(time.Minute)}); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func TestMaterializeStartsTheProducer(t *testing.T) {
	t.Parallel()
	for _, version := range []airflowsim.Version{airflowsim.Airflow33, airflowsim.Airflow34} {
		env, sim := withAssets(t, version, airflowsim.Op)
		dag, err := env.Producer(t.Context(), "orders")
		if err != nil || dag != "load" {
			t.Fatalf("%s: the producer is %s, %v", version, dag, err)
		}
		for i := range 2 {
			_, err := env.Materialize(t.Context(), "orders", airflow.Run{DAGID: dag, RunID: "a"}, pressure.Policy{MaxActive: 9})
			if (err == nil) != (i == 0) || i == 1 && kindOf(err) != airflow.RunExists {
				t.Errorf("%s: %v", version, err)
			}
		}
		if runs := sim.Runs("load"); len(runs) != 1 || runs[0].Type != "asset_materialization" {
			t.Errorf("%s: the runs are %+v", version, runs)
		}
	}
	env, _ := withAssets(t, airflowsim.Airflow211, airflowsim.Op)
	if _, err := env.Producer(t.Context(), ordersURI); kindOf(err) != airflow.Invalid {
		t.Errorf("2.11: %v", err)
	}
}

func TestPublishNeedsARole(t *testing.T) {
	t.Parallel()
	for version, role := range map[airflowsim.Version]airflowsim.Role{
		airflowsim.Airflow34: airflowsim.Editor, airflowsim.Airflow211: airflowsim.Viewer,
	} {
		env, sim := withAssets(t, version, role)
		_, err := env.Publish(t.Context(), orderEvent("a"), pressure.Policy{})
		if kindOf(err) != airflow.Forbidden || len(sim.AssetEvents()) > 0 {
			t.Errorf("%s: %v", version, err)
		}
	}
}
