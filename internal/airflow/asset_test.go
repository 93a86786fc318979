// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

const (
	ordersURI = "s3://acme/orders"
	escaped   = "s3%3A%2F%2Facme%2Forders"

	byURI34    = "GET /api/v2/assets?limit=100&offset=0&order_by=uri&uri=" + escaped
	byURI33    = "GET /api/v2/assets?limit=100&offset=0&order_by=uri&uri_pattern=" + escaped
	byName     = "GET /api/v2/assets?limit=100&name_pattern=orders&offset=0&order_by=name"
	byURI2     = "GET /api/v1/datasets?limit=100&offset=0&order_by=uri&uri_pattern=" + escaped
	newEventV2 = "POST /api/v2/assets/events"
	newEventV1 = "POST /api/v1/datasets/events"
	find34     = "GET /api/v2/assets/events?asset_id=7&extra=dagtrigger_id%3Dx1&limit=1"
)

// The answers about an asset that schedules two DAGs and is made by one.
var (
	orders3 = json(200, `{"assets":[{"id":6,"name":"s3://acme/orders/eu","uri":"s3://acme/orders/eu"},`+
		`{"id":7,"name":"orders","uri":"s3://acme/orders","scheduled_dags":[{"dag_id":"bill"},{"dag_id":"audit"}],`+
		`"producing_tasks":[{"dag_id":"load","task_id":"a"},{"dag_id":"load","task_id":"b"}]}],"total_entries":2}`)
	orders2 = json(200, `{"datasets":[{"id":7,"uri":"s3://acme/orders","consuming_dags":[{"dag_id":"bill"}],"producing_tasks":[]}],`+
		`"total_entries":9}`)
	none3 = json(200, `{"assets":[],"total_entries":0}`)
	taken = json(200, `{"id":3,"asset_id":7,"extra":{"dagtrigger_id":"x1","from_rest_api":true}}`)
)

func ordersEvent() airflow.AssetEvent {
	return airflow.AssetEvent{Asset: ordersURI, ID: "x1", Extra: []byte(`{"day":1}`)}
}

func of(t *testing.T, api airflow.API, version string, s script) (*airflow.Client, *webServer) {
	t.Helper()
	server := serve(t, s)
	return newClient(t, airflow.Config{URL: server.URL, API: api, Version: version}), server
}

func TestAssetIsFoundByItsURIOrName(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, version, asked string
		api                  airflow.API
		s                    script
		want                 string
	}{
		{"3.4, URI", "3.4.0", ordersURI, airflow.V2, script{byURI34: orders3}, "7 orders [audit bill] [load]"},
		{"3.3, URI", "3.3.2", ordersURI, airflow.V2, script{byURI33: orders3}, "7 orders [audit bill] [load]"},
		{
			"name", "3.4.0", "orders", airflow.V2, script{strings.Replace(byURI34, escaped, "orders", 1): none3, byName: orders3},
			"7 orders [audit bill] [load]",
		},
		{"2.11", "2.11.2", ordersURI, airflow.V1, script{byURI2: orders2}, "7 s3://acme/orders [bill] []"},
		{
			"version asked", "", ordersURI, airflow.V1,
			script{probeV1: version("2.9.0"), byURI2: orders2}, "7 s3://acme/orders [bill] []",
		},
	} {
		client, server := of(t, row.api, row.version, row.s)
		for range 2 { // the second time it is known
			a, err := client.Asset(t.Context(), row.asked)
			if got := fmt.Sprint(a.ID, " ", a.Name, " ", a.Consumers, " ", a.Producers); err != nil || got != row.want || a.URI != ordersURI {
				t.Errorf("%s: got %s, %v, want %s", row.name, got, err, row.want)
			}
		}
		if got := len(strings.Split(server.requests(), "\n")); got != len(row.s) {
			t.Errorf("%s: %d requests, want %d", row.name, got, len(row.s))
		}
	}
}

func TestAssetSearchEscapesPatterns(t *testing.T) {
	t.Parallel()
	const escapedPattern = "GET /api/v1/datasets?limit=100&offset=0&order_by=uri&uri_pattern=a_b_%25"
	client, _ := of(t, airflow.V1, "2.11.2", script{escapedPattern: json(200, `{"datasets":[]}`)})
	_, err := client.Asset(t.Context(), `a\b|%`)
	e := asKind(t, err, airflow.UnknownAsset)
	const want = `unknown asset: no asset has the URI or the name "a\\b|%"; Airflow does not know the asset: misspelt, or no DAG that it ` +
		`has parsed ` +
		`uses it: write the URI or the name as Airflow's page of assets shows it, and see that a DAG is scheduled by it or makes it`
	if e.Error() != want {
		t.Errorf("got  %v\nwant %s", e, want)
	}
}

func TestAssetSearchIsBounded(t *testing.T) {
	t.Parallel()
	page := json(200, `{"assets":[`+strings.TrimSuffix(strings.Repeat(`{"id":1,"uri":"s3://acme/orders/x","name":"x"},`, 100), ",")+`]}`)
	s := script{}
	for offset := 0; offset < 1000; offset += 100 {
		s[strings.Replace(byURI33, "offset=0", fmt.Sprint("offset=", offset), 1)] = page
	}
	client, _ := of(t, airflow.V2, "3.3.2", s)
	_, err := client.Asset(t.Context(), ordersURI)
	wantKind(t, err, airflow.Invalid)
}

// What an Airflow cannot do is refused before it is asked for, with the way out.
func TestAssetsNeedAnAirflowThatHasThem(t *testing.T) {
	t.Parallel()
	const upgrade = "; upgrade to Airflow 2.9 (datasets) or 3 (assets), or start the DAG itself: dag in place of asset"
	publish := func(t *testing.T, c *airflow.Client) error { return c.Publish(t.Context(), ordersEvent()) }
	produce := func(t *testing.T, c *airflow.Client) error { _, err := c.Producer(t.Context(), ordersURI); return err }
	partition := func(t *testing.T, c *airflow.Client) error {
		e := ordersEvent()
		e.PartitionKey = "2026-11-30"
		return c.Publish(t.Context(), e)
	}
	run := func(key string) func(*testing.T, *airflow.Client) error {
		return func(t *testing.T, c *airflow.Client) error {
			r := sales()
			r.PartitionKey = key
			_, err := c.Trigger(t.Context(), r)
			return err
		}
	}
	const noKeys = "invalid: not sent: there are no partition keys before Airflow 3.2; " +
		"leave partition_key out of the route, and pass the value in its conf or extra"
	for _, row := range []struct {
		name    string
		api     airflow.API
		version string
		call    func(*testing.T, *airflow.Client) error
		want    string
	}{
		{"1.10", airflow.Experimental, "", publish, "invalid: not sent: the experimental API has no assets" + upgrade},
		{"2.8", airflow.V1, "2.8.4", publish, "invalid: not sent: Airflow 2.8.4 does not accept dataset events" + upgrade},
		{"a partition on 2.11", airflow.V1, "2.11.2", partition, noKeys},
		{"a run's partition on 2.11", airflow.V1, "2.11.2", run("x"), noKeys},
		{
			"a blank partition", airflow.V2, "3.4.0", run(" \t"),
			"invalid: not sent: the partition key is blank; compute it of something that each event has",
		},
		{
			"a long partition", airflow.V2, "3.4.0", run(strings.Repeat("é", 251)),
			"invalid: not sent: the partition key has 251 characters, and Airflow takes 250; make it shorter",
		},
		{
			"a materialization on 3.2.1", airflow.V2, "3.2.1", produce,
			"invalid: not sent: Airflow 3.2.1 generates the run id of a materialization, so that a redelivered event would start a second run; " +
				"upgrade to Airflow 3.2.2, or start the DAG that makes the asset: dag in place of asset",
		},
	} {
		client, _ := of(t, row.api, row.version, script{byURI2: orders2})
		if err := row.call(t, client); err == nil || err.Error() != row.want {
			t.Errorf("%s:\ngot  %v\nwant %s", row.name, err, row.want)
		}
	}
}

func TestPublishSendsTheExtraWithTheID(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, extra, partition, want string }{
		{"no extra", "", "", `{"extra":{"dagtrigger_id":"x1"},"asset_id":7}`},
		{"an empty extra", " { } ", "", `{"extra":{"dagtrigger_id":"x1"},"asset_id":7}`},
		{"an extra as it stands", `{"n": 1.50, "o": {}}`, "", `{"extra":{"n": 1.50, "o": {},"dagtrigger_id":"x1"},"asset_id":7}`},
		{"the id wins", `{"dagtrigger_id":"mine"}`, "", `{"extra":{"dagtrigger_id":"mine","dagtrigger_id":"x1"},"asset_id":7}`},
		{"a partition", "", `a"b`, `{"extra":{"dagtrigger_id":"x1"},"asset_id":7,"partition_key":"a\"b"}`},
	} {
		client, _ := of(t, airflow.V2, "3.4.0", script{})
		e := ordersEvent()
		e.Extra, e.PartitionKey = []byte(row.extra), row.partition
		r, err := client.PublishRequest(t.Context(), airflow.Asset{ID: 7}, e)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if got := string(body); err != nil || got != row.want || r.Method+" "+r.URL.Path != newEventV2 {
			t.Errorf("%s: %s %s %s, %v, want %s", row.name, r.Method, r.URL, got, err, row.want)
		}
	}
	client, _ := of(t, airflow.V1, "2.9.0", script{})
	r, err := client.PublishRequest(t.Context(), airflow.Asset{URI: ordersURI}, ordersEvent())
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	const want = `{"extra":{"day":1,"dagtrigger_id":"x1"},"dataset_uri":"s3://acme/orders"}`
	if got := string(body); err != nil || got != want || r.Method+" "+r.URL.Path != newEventV1 {
		t.Errorf("%s %s %s, %v, want %s", r.Method, r.URL, got, err, want)
	}
}

func TestPublishAnswers(t *testing.T) {
	t.Parallel()
	detail := func(status int, text string) reply { return json(status, `{"detail":"`+text+`"}`) }
	for _, row := range []struct {
		name    string
		reply   reply
		kind    airflow.Kind // empty for none
		inDoubt bool
	}{
		{"taken", taken, "", false},
		{"another event", json(200, `{"id":3,"asset_id":7,"extra":{}}`), airflow.Unexpected, true},
		{"not JSON", html(200), airflow.Unexpected, true},
		{"no such asset", detail(404, "Asset with ID: `7` was not found"), airflow.UnknownAsset, false},
		{"no such path", detail(404, "Not Found"), airflow.APIAbsent, false},
		{"no permission", detail(403, "Forbidden"), airflow.Forbidden, false},
		{
			"no partition keys",
			json(422, `{"detail":[{"type":"extra_forbidden","loc":["body","partition_key"],"msg":"Extra inputs are not permitted"}]}`),
			airflow.Invalid, false,
		},
		{"overloaded", html(503), airflow.ServerFailure, true},
	} {
		client, server := of(t, airflow.V2, "3.4.0", script{byURI34: orders3, newEventV2: row.reply})
		err := client.Publish(t.Context(), ordersEvent())
		if row.kind == "" {
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		if e := asKind(t, err, row.kind); e.InDoubt != row.inDoubt {
			t.Errorf("%s: in doubt: %t", row.name, e.InDoubt)
		}
		if row.kind == airflow.UnknownAsset { // its id is looked up again
			_ = client.Publish(t.Context(), ordersEvent())
			if n := strings.Count(server.requests(), "GET "); n != 2 {
				t.Errorf("%s: %d look-ups", row.name, n)
			}
		}
	}
}

// The causes that a refusal names are found in its words as they are quoted.
func TestCausesOfARefusedAsset(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, want string
		reply      reply
	}{
		{
			"no partition keys", "no-partition-keys",
			json(422, `{"detail":[{"type":"extra_forbidden","loc":["body","partition_key"],"msg":"Extra inputs are not permitted"}]}`),
		},
		{
			"not partitioned", "not-partitioned",
			json(400, `{"detail":"Dag 'load' is not a partitioned Dag and does not accept a partition_key."}`),
		},
		{"several DAGs", "several-producers", json(409, "{\"detail\":\"More than one Dag materializes asset with ID: 7\"}")},
		{"no DAG", "no-producer", json(404, `{"detail":"No Dag materializes asset with ID: 7"}`)},
		{
			"no materializations", "materialization-runs",
			json(400, `{"detail":"Dag with dag_id: 'load' does not allow asset materialization runs"}`),
		},
	} {
		client, _ := of(t, airflow.V2, "3.4.0", script{byURI34: orders3, "POST /api/v2/assets/7/materialize": row.reply})
		_, err := client.Materialize(t.Context(), ordersURI, airflow.Run{DAGID: "load", RunID: "x1", PartitionKey: "p"})
		if got := named(asError(t, err).Hint); !slices.Equal(got, []string{row.want}) {
			t.Errorf("%s: %v, from %v", row.name, got, err)
		}
	}
}

func TestProducerIsTheOneDAGThatMakesTheAsset(t *testing.T) {
	t.Parallel()
	asset := func(producers string) reply {
		return json(200, `{"assets":[{"id":7,"uri":"s3://acme/orders","producing_tasks":[`+producers+`]}]}`)
	}
	for _, row := range []struct {
		producers, want string
		kind            airflow.Kind
	}{
		{`{"dag_id":"load"}`, "load", ""},
		{``, "", airflow.UnknownAsset},
		{`{"dag_id":"load"},{"dag_id":"other"}`, "", airflow.Invalid},
	} {
		client, _ := of(t, airflow.V2, "3.4.0", script{byURI34: asset(row.producers)})
		dag, err := client.Producer(t.Context(), ordersURI)
		if row.kind != "" {
			if e := asKind(t, err, row.kind); len(named(e.Hint)) != 1 {
				t.Errorf("the hint is %s", e.Hint)
			}
		} else if err != nil || dag != row.want {
			t.Errorf("got %s, %v, want %s", dag, err, row.want)
		}
	}
}

func TestMaterializeAsksForItsRunID(t *testing.T) {
	t.Parallel()
	run := func(id string) reply { return json(200, `{"dag_id":"load","dag_run_id":"`+id+`","state":"queued"}`) }
	unique := json(409, `{"detail":{"reason":"Unique constraint violation","statement":"hidden","orig_error":"hidden","message":"x"}}`)
	for _, row := range []struct {
		reply reply
		kind  airflow.Kind
	}{{run("x1"), ""}, {run("asset_materialization__2026"), airflow.Unexpected}, {unique, airflow.RunExists}} {
		client, _ := of(t, airflow.V2, "3.2.2", script{byURI33: orders3, "POST /api/v2/assets/7/materialize": row.reply})
		got, err := client.Materialize(t.Context(), ordersURI, airflow.Run{DAGID: "load", RunID: "x1"})
		if row.kind != "" {
			wantKind(t, err, row.kind)
		} else if err != nil || got.RunID != "x1" {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}
