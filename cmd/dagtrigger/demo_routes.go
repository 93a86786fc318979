// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/operator/delivery"
)

// demoRoutes is the routes file of the second half. All its routes start one DAG,
// so that it works on any Airflow that has one.
const demoRoutes = `routes:
  - name: sales-csv
    on: object.finalized
    bucket: acme-landing
    object: sales/{region=*}/*.csv
    skip: [folders, temporary]
    dag: DAG
    conf:
      uri: gs://${object.bucket}/${object.name}
      region: ${path.region}
      size: ${int(object.size)}
  - name: large-files
    on: object.finalized
    bucket: acme-landing
    when: int(object.size) > 1000000
    dag: DAG
  - name: orders
    on: message.published
    subscription: dagtrigger
    attributes: {region: eu}
    when: message.json.amount > 100
    dag: DAG
    run_id: ${message.json.order}
  - name: daily
    on: object.finalized
    bucket: acme-landing
    object: daily/{day=*}/{shop=*}.csv
    complete:
      prefix: daily/${path.day}/
      names: [eu.csv, us.csv, asia.csv]
    dag: DAG
    conf: {day: "${path.day}", files: "${complete.files.map(f, f.name)}"}
`

// routesFor is the routes file for a DAG.
func routesFor(dagID string) string { return strings.ReplaceAll(demoRoutes, "DAG", dagID) }

// secondHalf are the events of the second half, in which a routes file decides.
func (a *author) secondHalf(dagID string) []scene {
	large, order := a.upload("sales/us/2026.csv"), a.id()
	large.Size = 2_000_000
	day := "daily/" + order + "/" // another one in each demo, so that its run is a new one
	paid := fmt.Sprintf(`{"order": %s, "amount": 150}`, order)
	return []scene{
		{routes: routesFor(dagID), title: "an upload that a route matches", what: "gs://acme-landing/sales/eu/a.csv", deliveries: []sending{
			{title: "by an Eventarc trigger", as: delivery.Eventarc, event: a.upload("sales/eu/a.csv")},
		}},
		{title: "an upload that two routes match", what: "gs://acme-landing/sales/us/2026.csv, 2 MB", due: 2, deliveries: []sending{
			{title: "by an Eventarc trigger", as: delivery.Eventarc, event: large},
		}},
		{title: "an upload in progress", what: "gs://acme-landing/sales/_temporary/b.csv", noRun: "no route matches", deliveries: []sending{
			{title: "by an Eventarc trigger", as: delivery.Eventarc, event: a.upload("sales/_temporary/b.csv")},
		}},
		{title: "two messages about one order", what: paid, deliveries: []sending{
			{title: "by a push subscription", as: delivery.Push, event: a.message(paid)},
			{title: "as another message", as: delivery.Eventarc, event: a.message(paid)},
		}},
		{title: "a set of three files", what: "gs://acme-landing/" + day, deliveries: []sending{
			{title: "the first", as: delivery.Eventarc, event: a.upload(day + "us.csv")},
			{title: "the second", as: delivery.Eventarc, event: a.upload(day + "asia.csv")},
			{title: "the last", as: delivery.Eventarc, event: a.upload(day + "eu.csv")},
		}},
		{title: "a small order", what: `{"order": 4716, "amount": 20}`, noRun: "no route matches", deliveries: []sending{
			{title: "by a push subscription", as: delivery.PushUnwrapped, event: a.message(`{"order": 4716, "amount": 20}`)},
		}},
		{title: "an order whose amount is not a number", what: `{"order": 4717, "amount": [1]}`,
			noRun: "a condition cannot be evaluated, which never counts as false", deliveries: []sending{
				{title: "by a push subscription", as: delivery.PushUnwrapped, event: a.message(`{"order": 4717, "amount": [1]}`)},
			}},
	}
}
