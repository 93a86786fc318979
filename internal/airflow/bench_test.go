// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

// BenchmarkTrigger is the client's own share of an event, the network left out.
func BenchmarkTrigger(b *testing.B) {
	for _, api := range []airflow.API{airflow.V2, airflow.V1, airflow.Experimental} {
		b.Run(string(api), func(b *testing.B) { benchmarkTrigger(b, api, created(api), false) })
	}
	duplicate := json(409, `{"detail":{"reason":"Unique constraint violation","statement":"hidden","orig_error":"hidden","message":"Serious `+
		`error when handling your request. Check logs for more details - you will find it in api server when you look for ID XXXX"}}`)
	b.Run("v2-duplicate", func(b *testing.B) { benchmarkTrigger(b, airflow.V2, duplicate, true) })
}

func benchmarkTrigger(b *testing.B, api airflow.API, r reply, fails bool) {
	client := newClient(b, airflow.Config{
		URL: "https://airflow.example.com", API: api, Credentials: &credentials{kind: "google", authorization: "Bearer ya29.token"},
		Transport: roundTrip(func(request *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: r.status, Header: r.header, ContentLength: int64(len(r.body)),
				Body: io.NopCloser(strings.NewReader(r.body)), Request: request,
			}, nil
		}),
	})
	run := sales()
	run.Conf = []byte(`{"kind":"storage#object","id":"acme-landing/sales/emea/2026-11-22/orders.csv/1732832936756275",` +
		`"selfLink":"https://www.googleapis.com/storage/v1/b/acme-landing/o/sales%2Femea%2F2026-11-22%2Forders.csv",` +
		`"name":"sales/emea/2026-11-22/orders.csv","bucket":"acme-landing","generation":"1732832936756275","metageneration":"1",` +
		`"contentType":"text/csv","timeCreated":"2026-11-22T09:30:00.763Z","updated":"2026-11-22T09:30:00.763Z","storageClass":"STANDARD",` +
		`"size":"1829906","md5Hash":"1B2M2Y8AsgTpgAmY7PhCfg==","crc32c":"AAAAAA==","etag":"CLPLhZKE4okDEAE="}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Trigger(b.Context(), run); (err != nil) != fails {
			b.Fatal(err)
		}
	}
}
