// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// The conf of a route is compared with the Params that Airflow has, and these with the file.
func TestParamsCheckRequestsThemFromAirflow(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed")
	}
	path := filepath.Join(t.TempDir(), "load.py")
	const file = "DAG('load', params={'size': Param(None, type=['null', 'integer'])})"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	const routes = `routes: [{name: sales, on: object.finalized, dag: load, conf: {size: "${int(object.size)}"}}]`
	for _, row := range []struct {
		name, params string
		version      airflowsim.Version
		status       int
		want         string // of the lines about Airflow
	}{
		{"the same", `{"size":{"type":["null","integer"],"default":null}}`, airflowsim.Airflow33, exitOK,
			"Airflow's load: the Params take the conf, and are those of the file"},
		{"the same, on Airflow 2", `{"size":{"type":["null","integer"],"default":null}}`, airflowsim.Airflow211, exitOK,
			"Airflow's load: the Params take the conf, and are those of the file"},
		{"another type", `{"size":{"type":"string","default":""}}`, airflowsim.Airflow33, exitFailed,
			"Airflow's load: conf.size is integer, and has to be string\n" +
				`Airflow's load: Airflow has the Param size with the schema {"type":"string"}`},
		{"one more", `{"size":{"type":["null","integer"],"default":null},"day":{"type":"string"}}`, airflowsim.Airflow33, exitFailed,
			"Airflow's load: the Param day has no default that it takes, and the conf does not give it\n" +
				"Airflow's load: Airflow has a Param day, which the file does not"},
		{"none", ``, airflowsim.Airflow33, exitFailed,
			"Airflow's load: it has no Params, and the conf has 1 members: print them with dagtrigger params sales\n" +
				"Airflow's load: Airflow does not have the Param size"},
		{"no environment", ``, "", exitOK, "Airflow is not compared: no environment is named: set AIRFLOW_URL or COMPOSER_ENVIRONMENT"},
		{"Airflow 1.10", ``, airflowsim.Airflow110, exitOK,
			"Airflow is not compared: the environment default: API absent: the experimental API does not tell; see Airflow's own pages"},
	} {
		t.Run(row.name, func(t *testing.T) {
			settings := map[string]string{"DAGTRIGGER_CONFIG": routes}
			if row.version != "" {
				c := airflowsim.Config{
					Version: row.version, Auth: airflowsim.AuthOpen, DAGs: []airflowsim.DAG{{ID: "load", Params: row.params}},
					Users: []airflowsim.User{{Name: "u", Password: "u", Role: airflowsim.Op}},
				}
				if row.version == airflowsim.Airflow211 { // which lets nobody in without a login
					c.Auth = airflowsim.AuthBasic
					maps.Copy(settings, map[string]string{"AIRFLOW_AUTH": "basic", "AIRFLOW_USERNAME": "u", "AIRFLOW_PASSWORD": "u"})
				}
				sim, err := airflowsim.New(c)
				if err != nil {
					t.Fatal(err)
				}
				settings["AIRFLOW_URL"] = serveAirflow(t, sim)
			}
			out, _ := commanded(t.Context(), t, row.status, settings, "", "params", "sales", "--check", path)
			first, rest, _ := strings.Cut(out, "\n")
			if first != path+": the Params take the conf of the route sales" || strings.TrimSpace(rest) != row.want {
				t.Errorf("%s\nwant %s", out, row.want)
			}
		})
	}
}
