// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"fmt"
	"net/http/httptest"
	"strings"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// An answer is lost on the way: the run exists, and the second try gets a conflict.
func Example() {
	airflow, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33,
		Auth:    airflowsim.AuthOpen,
		DAGs:    []airflowsim.DAG{{ID: "load_sales"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(airflow)
	defer server.Close()
	airflow.Inject(airflowsim.Fault{Kind: airflowsim.HangUp, Served: true})

	for range 2 {
		resp, err := server.Client().Post(server.URL+"/api/v2/dags/load_sales/dagRuns", "application/json",
			strings.NewReader(`{"logical_date": null, "dag_run_id": "dagtrigger__sales__1"}`))
		if err != nil {
			fmt.Println("no answer")
			continue
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	for _, run := range airflow.Runs() {
		fmt.Println(run.DAG, run.ID, run.State)
	}
	// Output:
	// no answer
	// 409 Conflict
	// load_sales dagtrigger__sales__1 queued
}
