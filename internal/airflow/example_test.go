// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"example.com/dagtrigger/internal/airflow"
)

// A refusal that leaves a doubt is settled by looking.
func ExampleClient_Trigger() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusBadGateway) // the answer was lost on the way
			return
		}
		_, _ = io.WriteString(w, `{"dag_id":"load_sales","dag_run_id":"dagtrigger__sales__5f3c","state":"queued"}`)
	}))
	defer server.Close()
	client, err := airflow.New(airflow.Config{
		URL:       server.URL,
		API:       airflow.V2,
		Transport: airflow.NewTransport(80),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	run, err := client.Trigger(ctx, airflow.Run{
		DAGID: "load_sales",
		RunID: "dagtrigger__sales__5f3c",
		Conf:  []byte(`{"uri":"gs://acme-landing/sales/orders.csv"}`),
	})
	if e, ok := errors.AsType[*airflow.Error](err); ok && e.InDoubt {
		fmt.Println(e)
		run, err = client.Find(ctx, "load_sales", "dagtrigger__sales__5f3c")
	}
	fmt.Println(run.State, err)
	// Output:
	// 502 without media type: the web server failed or is overloaded: see its log
	// queued <nil>
}
