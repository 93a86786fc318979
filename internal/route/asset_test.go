// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/route"
)

const goodAsset = "- name: r\n  on: object.finalized\n  asset: s3://acme/orders\n"

// problemsOn lists what is invalid in routes of one environment whose API is stated.
func problemsOn(t *testing.T, text, api string) string {
	t.Helper()
	specs, problems := decode(t, text)
	_, more := route.Compile(specs, route.Options{Environments: []string{"prod"}, APIs: map[string]string{"prod": api}})
	return listed(append(problems, more...))
}

func TestProblemsOfAssets(t *testing.T) {
	t.Parallel()
	const ofRun = " is of a run, and an asset's event has none: leave it out, or add materialize: true"
	for _, row := range []struct{ text, api, want string }{
		{goodAsset, "v2", ``},
		{goodAsset, "v1", ``},
		{strings.Replace(goodAsset, "asset", "dataset", 1), "v1", ``},
		{goodAsset + "  extra: {a: 1}\n  when_paused: defer\n  run_id: ${object.name}\n  partition_key: ${object.name}", "v2", ``},
		{goodAsset + "  materialize: true\n  conf: {a: 1}\n  note: n\n  max_active: 3", "v2", ``},
		{goodAsset + "  materialize: false\n  extra: {a: 1}", "v1", ``},

		{goodAsset + "  dag: d", "v2",
			`3:10: asset cannot be combined with dag: keep dag to start one DAG, or asset to start all that wait for it`},
		{goodAsset + "  dataset: d", "v2", `4:12: dataset is Airflow 2's word for asset, and both are given: leave one of the two out`},
		{
			strings.Replace(goodAsset, "s3://acme/orders", `" "`, 1), "v2",
			`3:10: asset: " " is neither the URI nor the name of an asset: ` +
				`write it as Airflow's page of assets shows it, with at most 1500 characters`,
		},
		{
			strings.Replace(goodAsset, "s3://acme/orders", `s3://${object.name}`, 1), "v2",
			`3:10: asset takes no expression: write a route for each asset, or pass what differs in extra or partition_key`,
		},
		{goodAsset + "  dags: [d]", "v2", `4:10: dags is for a dag that is computed: leave dags out`},
		{goodAsset + "  conf: {a: 1}", "v2", `4:9: conf is of a run, and the asset's event has none: name it extra, or add materialize: true`},
		{goodAsset + "  note: n", "v2", `4:9: note` + ofRun},
		{goodAsset + "  every: 5m", "v2", `4:10: every` + ofRun},
		{goodAsset + "  max_active: 3", "v2", `4:15: max_active` + ofRun},
		{goodAsset + "  skip_active: true", "v2", `4:16: skip_active` + ofRun},
		{goodAsset + "  logical_date: ${event.time}", "v2", `4:17: logical_date` + ofRun},
		{goodAsset + "  materialize: true\n  extra: {a: 1}", "v2",
			`5:10: extra is of an asset's event, and materialize starts a run: name it conf`},
		{goodAsset + "  extra: ${object.name}", "v2", `4:10: extra gives text: give a map: Airflow takes an object`},
		{goodAsset + "  extra: [1]", "v2", `4:10: extra is no map: Airflow takes an object: write extra as key: value`},
		{good + "  extra: {a: 1}", "v2", `4:10: extra stands without asset: leave it out, or name an asset in place of dag`},
		{good + "  materialize: true", "v2", `4:16: materialize stands without asset: leave it out, or name an asset in place of dag`},
		{
			good + "  every: 5m\n  partition_key: ${object.name}", "v2",
			`5:18: with every, one run would have the events of several partitions: set run_id to the same as partition_key`,
		},
		{good + "  every: 5m\n  partition_key: ${object.name}\n  run_id: ${object.name}", "v2", ``},

		{
			goodAsset, "experimental",
			`3:10: asset: the environment's API is experimental, which has no assets: name the DAG instead: dag: load_sales`,
		},
		{
			goodAsset + "  materialize: true", "v1",
			`4:16: materialize: the environment's API is v1, which has no materializations: ` +
				`name the DAG that makes the dataset instead: dag: load_sales`,
		},
		{
			good + "  partition_key: x", "v1",
			`4:18: partition_key: the environment's API is v1, and there are no partition keys before Airflow 3.2: ` +
				`leave it out, and pass the value in conf or extra`,
		},
	} {
		if got := problemsOn(t, row.text, row.api); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
		}
	}
}

func TestPlanOfAnAsset(t *testing.T) {
	t.Parallel()
	ev := upload(t, "acme", "orders/eu.csv")
	for _, row := range []struct {
		keys string
		want route.Plan
	}{
		{"extra: {name: '${object.name}'}", route.Plan{Conf: []byte(`{"name":"orders/eu.csv"}`)}},
		{"{}", route.Plan{Conf: ev.Conf()}},
		{"when_paused: defer\n  partition_key: ${object.name}\n  extra: {}", route.Plan{
			Conf: []byte(`{}`), PartitionKey: "orders/eu.csv", Limits: route.Limits{WhenPaused: route.PausedDefer},
		}},
		{"materialize: true\n  conf: {}\n  note: n", route.Plan{Conf: []byte(`{}`), Materialize: true, Note: "n"}},
	} {
		text := goodAsset
		if row.keys != "{}" {
			text += "  " + row.keys
		}
		got := load(t, text, "prod").Decide(t.Context(), ev)
		row.want.Route, row.want.Environment, row.want.Asset, row.want.Identity = "r", "prod", "s3://acme/orders", ev.Key()
		if row.want.Note == "" {
			row.want.Note = "gs://acme/orders/eu.csv, generation 7: finalized"
		}
		if len(got.Plans) != 1 {
			t.Fatalf("%s: %+v", row.keys, got)
		}
		if diff := cmp.Diff(row.want, got.Plans[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.keys, diff)
		}
	}
}

func TestPartitionKeysThatAirflowRefuses(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		`${""}`:                            "it is blank: compute it of something that each event has",
		`${" "}`:                           "it is blank: compute it of something that each event has",
		`${object.name + object.name}`:     "it has 252 characters, and Airflow takes 250: make it shorter",
		`${object.name}`:                   "",
		`partition of ${int(object.name)}`: "failed",
	} {
		ev := upload(t, "acme", strings.Repeat("é", 126))
		d := load(t, good+"  partition_key: "+key, "prod").Decide(t.Context(), ev)
		switch {
		case want == "" && len(d.Plans) == 1:
		case want == "failed" && len(d.Failures) == 1:
		case len(d.Failures) != 1 || d.Failures[0].Err.Error() != "partition_key on line 4, column 18: "+want:
			t.Errorf("%s: %+v", key, d)
		}
	}
}
