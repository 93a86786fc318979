// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"errors"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

func TestMayTrigger(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		api   airflow.API
		reply reply
		kind  airflow.Kind // empty: it may
	}{
		"v2, it may": {airflow.V2,
			json(422, `{"detail":[{"type":"missing","loc":["body","logical_date"],"msg":"Field required"}]}`), ""},
		"v2, a viewer":          {airflow.V2, json(403, `{"detail":"Forbidden"}`), airflow.Forbidden},
		"v2, no DAG":            {airflow.V2, json(404, "{\"detail\":\"The Dag with ID: `load_sales` was not found\"}"), airflow.UnknownDAG},
		"v2, a proxy":           {airflow.V2, html(422), airflow.Unexpected},
		"v2, it accepts it":     {airflow.V2, json(200, `{}`), ""},
		"v2, it has the run":    {airflow.V2, json(409, `{"detail":"DAGRun already exists"}`), ""},
		"v1, it may":            {airflow.V1, problem(400, `{"title":"logical_date conflicts with execution_date"}`), ""},
		"v1, it may, 2.0":       {airflow.V1, problem(400, `{"detail":"{'logical_date': ['Unknown field.']}"}`), ""},
		"v1, a viewer":          {airflow.V1, problem(403, `{"title":"Forbidden"}`), airflow.Forbidden},
		"v1, another refusal":   {airflow.V1, problem(415, `{}`), airflow.Unexpected},
		"v1, it is out of work": {airflow.V1, html(500), airflow.ServerFailure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, airflow.Config{URL: serve(t, script{post(row.api): row.reply}).URL, API: row.api})
			err := client.MayTrigger(t.Context(), "load_sales")
			if row.kind == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantKind(t, err, row.kind)
		})
	}
}

func TestMayTriggerSendsNothingWithoutPermission(t *testing.T) {
	t.Parallel()
	client := newClient(t, airflow.Config{URL: serve(t, script{}).URL, API: airflow.Experimental})
	if err := client.MayTrigger(t.Context(), "load_sales"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	wantKind(t, client.MayTrigger(t.Context(), "../x"), airflow.Invalid)
}
