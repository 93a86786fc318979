// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"slices"
	"testing"

	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// withAsset is a world whose route names an asset, for which DAGs wait.
func withAsset(t *testing.T, image string, r doctor.Route, consumers ...airflowsim.DAG) *world {
	t.Helper()
	w := newWorld(t, image)
	asset := airflowsim.Asset{URI: "s3://acme/orders", Producers: []string{"load"}}
	for _, dag := range consumers {
		asset.Consumers = append(asset.Consumers, dag.ID)
	}
	w.airflow.Assets, w.airflow.DAGs = []airflowsim.Asset{asset}, append(w.airflow.DAGs, consumers...)
	r.Name, r.Environment = "sales", "default"
	w.target.Routes = []doctor.Route{r}
	return w
}

func TestAssetOfARouteIsChecked(t *testing.T) {
	t.Parallel()
	const unpause = "\ngcloud composer environments run prod --project=acme --location=europe-west1 dags unpause -- audit"
	orders := doctor.Route{Asset: "s3://acme/orders"}
	deferred, failing, unpausing, made := orders, orders, orders, orders
	deferred.WhenPaused, failing.WhenPaused, unpausing.WhenPaused, made.Materialize = "defer", "fail", "unpause", true
	bill, audit, paused := airflowsim.DAG{ID: "bill"}, airflowsim.DAG{ID: "audit"}, airflowsim.DAG{ID: "audit", Paused: true}
	for _, tt := range []struct {
		name      string
		image     string
		route     doctor.Route
		consumers []airflowsim.DAG
		check     string
		want      string
	}{
		{"known", composer33, orders, nil, "asset", "ok: it is there: s3://acme/orders"},
		{"known, on Airflow 2", composer21, orders, nil, "asset", "ok: it is there: s3://acme/orders"},
		{
			"unknown", composer33, doctor.Route{Asset: "s3://nope"}, nil, "asset",
			`failed: unknown asset: no asset has the URI or the name "s3://nope"` + fixes(t, "unknown-asset"),
		},
		{
			"nobody waits", composer33, orders, nil, "consumers",
			"warning: no DAG that this caller may read waits for it: its events start nothing\n" +
				"schedule a DAG by the asset, or name the DAG in the route: dag in place of asset",
		},
		{"two wait", composer21, orders, []airflowsim.DAG{bill, audit}, "consumers", "ok: audit (active), bill (active)"},
		{
			"one is paused", composer33, orders, []airflowsim.DAG{bill, paused}, "consumers",
			"warning: audit (paused), bill (active): Airflow drops the asset's events for a DAG that is paused or draining, without a trace\n" +
				"add when_paused: defer to the route, which holds events back meanwhile" + unpause,
		},
		{
			"one is paused, defer", composer33, deferred, []airflowsim.DAG{paused}, "consumers",
			"warning: audit (paused): events are deferred until all are active" + unpause,
		},
		{
			"one is paused, fail", composer33, failing, []airflowsim.DAG{paused}, "consumers",
			"warning: audit (paused): events fail permanently until all are active" + unpause,
		},
		{
			"one is paused, unpause", composer33, unpausing, []airflowsim.DAG{paused}, "consumers",
			"ok: audit (paused): the next event unpauses it",
		},
		{"the permission", composer33, orders, nil, "publish", "ok: it may"},
		{"the permission, on Airflow 2", composer21, orders, nil, "publish", "ok: it may"},
		{"a materialization", composer33, made, nil, "consumers", "ok: load makes it"},
		{"a materialization publishes nothing", composer33, made, nil, "publish", "skipped: the route publishes no event"},
		{"the DAG of a materialization", composer33, made, nil, "dag", "ok: it is there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := withAsset(t, tt.image, tt.route, tt.consumers...)
			all, _ := w.examine()
			w.wants(all, tt.check, tt.want)
			if r := result(t, all, tt.check); r.Environment != "default" || r.Route != "sales" || r.Asset != tt.route.Asset {
				t.Errorf("it is reported for %s, %s, %s", r.Environment, r.Route, r.Asset)
			}
			isDAGs := func(r doctor.Result) bool { return r.Check == "dag" }
			if slices.ContainsFunc(all, isDAGs) != tt.route.Materialize {
				t.Error("a DAG is looked at where the route starts none, or none where it starts one")
			}
		})
	}
}

func TestAssetReportsACallerThatMayNotPublish(t *testing.T) {
	t.Parallel()
	w := plain(t, airflowsim.Airflow33, environment.Spec{Auth: "password", Username: "viewer", Password: "viewer"})
	w.airflow.Assets = []airflowsim.Asset{{URI: "s3://acme/orders"}}
	w.target.Routes = []doctor.Route{{Name: "sales", Environment: "default", Asset: "s3://acme/orders"}}
	w.account = identity.Account{}
	all, _ := w.examine()
	w.wants(all, "publish", "failed: 403 application/json: Forbidden"+fixes(t, "token-refused", "role"))
}
