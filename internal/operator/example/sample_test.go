// SPDX-License-Identifier: Apache-2.0

package example_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/example"
)

// sampleOf is the sample for the only route of a file.
func sampleOf(t *testing.T, route string) example.Sample {
	t.Helper()
	file, err := config.Parse("f", []byte("routes:\n  - {name: r, dag: load, "+route+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return example.SampleOf(t.Context(), &file.Routes[0], file.Table)
}

// sends are the calls of send that a sample has, a line each.
func sends(s example.Sample) string {
	var lines []string
	for _, args := range s.Sends {
		lines = append(lines, strings.Join(args, " "))
	}
	return strings.Join(lines, "\n")
}

func TestSampleMatchesItsRoute(t *testing.T) {
	t.Parallel()
	const daily = `on: object.finalized, object: "d/{day=*}/{shop=*}.csv", complete: {prefix: "d/${path.day}/", `
	for _, row := range []struct{ route, args string }{
		{`on: object.finalized`, `storage gs://acme-landing/sales/eu.csv`},
		{`on: object.finalized, bucket: "acme-*", object: "in/{day=*}/**.csv"`, `storage gs://acme-a/in/a/a.csv`},
		{`on: object.deleted, object: "in/*"`, `storage gs://acme-landing/in/a --change deleted`},
		{`on: "google.cloud.storage.object.v1.*", object: "x"`, `storage gs://acme-landing/x`},
		{`on: object.finalized, when: int(object.size) >= 5000`, `storage gs://acme-landing/sales/eu.csv --size 5000`},
		{`on: object.finalized, object: "{n=*}", when: int(path.n) > 0`, `storage gs://acme-landing/1`},
		{`on: object.finalized, when: object.metadata.owner == "ana"`, `storage gs://acme-landing/sales/eu.csv --metadata owner=ana`},
		{`on: object.finalized, when: object.contentType == "text/csv"`, `storage gs://acme-landing/sales/eu.csv --content-type text/csv`},
		{`on: object.finalized, subscription: files`, `storage gs://acme-landing/sales/eu.csv --as notification --subscription files`},
		{`on: message.published`, `pubsub --data {"order":4711}`},
		{`on: message.published, topic: orders`, `pubsub --data {"order":4711} --topic orders`},
		{`on: message.published, topic: projects/acme/topics/orders`, `pubsub --data {"order":4711} --topic projects/acme/topics/orders`},
		{`on: message.published, subscription: s, attributes: {kind: [order, bill]}`,
			`pubsub --data {"order":4711} --as push --subscription s --attribute kind=order`},
		{`on: message.published, when: 'message.json.amount > 100 && message.json.kind in ["a", "b"]'`,
			`pubsub --data {"amount":101,"kind":"a"}`},
		{`on: message.published, when: 'message.json.name.startsWith("a")'`, `pubsub --data {"name":"a"}`},
		{`on: message.published, when: 'message.attributes.kind == "x"', conf: {a: "${data.b.c}"}`,
			`pubsub --data {"b":{"c":4711}} --attribute kind=x`},
		{daily + `names: [us.csv, eu.csv]}`, "storage gs://acme-landing/d/a/eu.csv\nstorage gs://acme-landing/d/a/us.csv"},
		{daily + `count: 3}`, "storage gs://acme-landing/d/a/a{n}.csv --count 3"},
		{daily + `count: 3}, when: int(object.size) > 5000`, "storage gs://acme-landing/d/a/a{n}.csv --size 5001 --count 3"},
		{daily + `manifest: "d/${path.day}/m.json"}`, "storage gs://acme-landing/d/a/a.csv"},
		{daily + `names: [a, b, c, d, e, f, g]}`, "storage gs://acme-landing/d/a/a.csv"},
	} {
		s := sampleOf(t, row.route)
		if got := sends(s); got != row.args || s.Plan == nil {
			t.Errorf("%s\ngot  %s, matches: %t\nwant %s", row.route, got, s.Plan != nil, row.args)
		}
	}
}

func TestSampleOfAnyCloudEventMatchesItsRoute(t *testing.T) {
	t.Parallel()
	for _, route := range []string{
		`on: com.acme.paid`,
		`on: "com.acme.*", source: //acme/**, subject: invoices/*`,
		`on: com.acme.paid, attributes: {tenant: acme}, when: data.amount > 3, conf: {amount: "${data.amount}"}`,
	} {
		if s := sampleOf(t, route); s.Sends != nil || s.Plan == nil {
			t.Errorf("%s: %v, matches: %t", route, s.Sends, s.Plan != nil)
		}
	}
}

// No constant of the condition says what meets it.
func TestSampleReportsThatNothingMatched(t *testing.T) {
	t.Parallel()
	if s := sampleOf(t, `on: message.published, when: size(message.text) == 41`); s.Plan != nil || s.Sends == nil {
		t.Errorf("got %v, matches: %t", s.Sends, s.Plan != nil)
	}
}
