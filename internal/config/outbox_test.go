// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/config"
)

// The variable holds for the routes of a file without environments, which are read before it.
func TestOutboxVariable(t *testing.T) {
	t.Parallel()
	const outbox = "AIRFLOW_OUTBOX=projects/acme-data/topics/runs"
	routes := func(key string) string {
		return "DAGTRIGGER_CONFIG=routes: [{name: all, on: object.finalized, dag: load" + key + "}]"
	}
	for _, row := range []struct {
		name string
		set  []string
		want string // the error
	}{
		{"one DAG", []string{outbox, "DAG_ID=load"}, ""},
		{"routes", []string{outbox, routes("")}, ""},
		{"routes that need an answer", []string{outbox, routes(", max_active: 2")},
			"DAGTRIGGER_CONFIG:1:67: max_active cannot be used with an outbox, which answers nothing: " +
				"leave it out, and set max_active_runs in the DAG"},
		{"a shadow that needs an answer", []string{outbox, "DAG_ID=load", "DAGTRIGGER_SHADOW=" + strings.TrimPrefix(routes(", max_active: 2"),
			"DAGTRIGGER_CONFIG=")}, "DAGTRIGGER_SHADOW:1:67: max_active cannot be used with an outbox, which answers nothing: " +
			"leave it out, and set max_active_runs in the DAG"},
		{"an address beside it", []string{outbox, "DAG_ID=load", "AIRFLOW_URL=https://airflow.example.com"},
			"AIRFLOW_URL and AIRFLOW_OUTBOX are both given: leave one of the two out: no request is sent to an environment with AIRFLOW_OUTBOX"},
	} {
		_, err := config.FromEnv(set(row.set...))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s: %s\nwant %s", row.name, got, row.want)
		}
	}
}
