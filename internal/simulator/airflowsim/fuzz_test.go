// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"net/http"
	"testing"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// Whatever is posted is answered in one of Airflow's ways, and a run is made
// if and only if the answer says so.
func FuzzTrigger(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"logical_date":null,"dag_run_id":"r","conf":{"n":99}}`, `{"run_id":"r","replace_microseconds":"false","conf":"{}"}`,
		`{"dag_run_id":"r","logical_date":"2024-01-01T00:00:00Z","note":"n"}`, `["run_id"]`, `"conf"`, `{bad`, ``, `{"logical_date":1e30}`,
		`{"logical_date":null,"run_after":"9"}`, `{"execution_date":"2023","conf":{"o":{"k":"x"}}}`,
	} {
		f.Add([]byte(seed), "application/json")
	}
	f.Add([]byte(`{}`), "text/plain; x")
	f.Fuzz(func(t *testing.T, body []byte, mediaType string) {
		for version, trigger := range map[airflowsim.Version]func(dag, body string) request{
			airflowsim.Airflow110: experiment, airflowsim.Airflow211: v1Trigger, airflowsim.Airflow33: v2Trigger,
		} {
			c := config(t, version)
			if version != airflowsim.Airflow211 {
				c.Auth = airflowsim.AuthOpen
			}
			s := newServer(t, c)
			r := trigger("params", string(body)).typed(mediaType)
			if version == airflowsim.Airflow33 {
				r = r.as("-")
			}
			w := do(t, s, r)
			if made := len(s.Runs()) == 1; made != (w.Code == http.StatusOK) || w.Code == 0 {
				t.Errorf("%s: %d, made: %t, %s", version, w.Code, made, w.Body)
			}
		}
	})
}
