// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"net/http"
	"testing"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// with is an Airflow whose authentication a test chooses.
func with(version airflowsim.Version, auth airflowsim.Auth, more func(*airflowsim.Config)) func(*testing.T) airflowsim.Config {
	return func(t *testing.T) airflowsim.Config {
		c := config(t, version)
		c.Auth = auth
		if more != nil {
			more(&c)
		}
		return c
	}
}

// What the API answers under each backend, with the experimental API off and
// on. Under deny_all and default v1 knows nobody, so that it refuses an admin
// as it refuses wrong credentials.
func TestBackends(t *testing.T) {
	t.Parallel()
	const v110, v211, v33 = airflowsim.Airflow110, airflowsim.Airflow211, airflowsim.Airflow33
	off := func(c *airflowsim.Config) { c.ExperimentalAPI = false }
	forbidden := problem(403, `"Forbidden"`, docs("PermissionDenied"), "null")
	htmlForbidden, htmlUnauthorized := answer{403, page, "Forbidden"}, answer{401, page, "Unauthorized"}
	switchedOff := html(404, "<title>Airflow 404</title>")
	nonsense := bad(`"1 is not of type 'object' - 'conf'"`)
	for name, backend := range map[string]struct {
		config func(*testing.T) airflowsim.Config
		rows   []row
	}{
		"1.10 denies all by default": {with(v110, "", nil), []row{
			{name: "trigger", req: experiment("d", "{}"), want: htmlForbidden},
			{name: "probe", req: get("/api/experimental/test"), want: htmlForbidden},
			{name: "health", req: get("/health").as("-"), want: answer{200, jsonType, "~healthy"}},
		}},
		"1.10 with passwords": {with(v110, airflowsim.AuthBasic, nil), []row{
			{name: "right", req: get("/api/experimental/test"), want: json3(200, `{"status":"OK"}`+"\n")},
			{name: "a viewer may do everything", req: experiment("d", exactly("r", "")).as("viewer"), want: json3(200, `~"run_id":"r"`)},
			{name: "none", req: experiment("d", "{bad").as("-"), want: htmlUnauthorized},
			{name: "wrong", req: experiment("d", "{}").as("wrong"), want: htmlForbidden},
		}},
		"2.11 deny_all": {with(v211, airflowsim.AuthDenyAll, nil), []row{
			{name: "v1 trigger", req: v1Trigger("d", "{}"), want: forbidden},
			{name: "v1 nonsense", req: v1Trigger("d", `{"conf": 1}`), want: nonsense},
			{name: "v1 version", req: get("/api/v1/version"), want: answer{200, jsonType, "~2.11.2"}},
			{name: "experimental trigger", req: experiment("d", "{}"), want: htmlUnauthorized},
			{name: "experimental probe", req: get("/api/experimental/test").as("-"), want: htmlUnauthorized},
		}},
		"2.11 default": {with(v211, airflowsim.AuthOpen, nil), []row{
			{name: "v1 trigger", req: v1Trigger("d", "{}"), want: forbidden},
			{name: "experimental trigger", req: experiment("d", exactly("r", "")).as("-"), want: json3(200, `~"run_id": "r"`)},
			{name: "experimental probe, wrong credentials", req: get("/api/experimental/test").as("wrong"), want: json3(200, `{"status": "OK"}`)},
		}},
		"2.11 basic_auth, experimental API off": {with(v211, airflowsim.AuthBasic, off), []row{
			{name: "v1 trigger", req: v1Trigger("d", `{"dag_run_id": "r"}`), want: answer{200, jsonType, "~\"dag_run_id\": \"r\""}},
			{name: "experimental trigger", req: experiment("d", "{}"), want: switchedOff},
			{name: "experimental probe", req: get("/api/experimental/test").as("-"), want: switchedOff},
		}},
		"2.11 deny_all, experimental API off": {with(v211, airflowsim.AuthDenyAll, off), []row{
			{name: "v1 trigger", req: v1Trigger("d", "{}"), want: forbidden},
			{name: "experimental trigger", req: experiment("d", "{}"), want: switchedOff},
		}},
		"2.11 with a public role": {with(v211, airflowsim.AuthBasic, func(c *airflowsim.Config) { c.PublicRole = airflowsim.Admin }), []row{
			{name: "none", req: v1Trigger("d", `{"dag_run_id": "r"}`).as("-"), want: answer{200, jsonType, "~\"dag_run_id\": \"r\""}},
			{name: "wrong", req: v1Trigger("d", `{"dag_run_id": "r"}`).as("wrong"), want: answer{200, jsonType, "~\"dag_run_id\": \"r\""}},
			{name: "a viewer is a viewer", req: v1Trigger("d", "{}").as("viewer"), want: forbidden},
		}},
		"3.3 with everybody an admin": {with(v33, airflowsim.AuthOpen, nil), []row{
			{name: "trigger", req: v2Trigger("d", wish("r", "")).as("-"), want: json3(200, `~"triggering_user_name":"Anonymous"`)},
			{name: "a wrong token", req: v2Trigger("d", wish("r", "")).as("wrong"), want: detail(403, "Invalid JWT token")},
			{name: "a right token", req: v2Trigger("d", wish("r", "")).as("viewer"), want: json3(200, `~"triggering_user_name":"Anonymous"`)},
			{name: "a token for everybody", req: get("/auth/token").as("-"), want: json3(201, `~{"access_token":"eyJ`)},
			{
				name: "a token for any password",
				req:  post("/auth/token", `{"username":"x","password":"y"}`).as("-"),
				want: json3(201, `~{"access_token":"eyJ`),
			},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, backend.config, backend.rows)
		})
	}
}

func TestNewRejectsInvalidConfig(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]airflowsim.Config{
		`making an embedded Airflow: unknown version "2"; choose 1.10, 2.11, 3.3 or 3.4`: {Version: "2"},
		`making an embedded Airflow: Airflow 3.3 has no authentication "basic"; leave it out for the default`: {
			Version: airflowsim.Airflow33, Auth: airflowsim.AuthBasic,
		},
		`making an embedded Airflow: user "eve" has the unknown role ""`: {
			Version: airflowsim.Airflow33, Users: []airflowsim.User{{Name: "eve"}},
		},
		`adding a DAG: it has no ID`: {Version: airflowsim.Airflow33, DAGs: []airflowsim.DAG{{}}},
		`adding DAG d: reading Params: no JSON at byte 2`: {
			Version: airflowsim.Airflow33, DAGs: []airflowsim.DAG{{ID: "d", Params: "{bad"}},
		},
		`adding DAG d: reading Params: want an object of name to schema, have []`: {
			Version: airflowsim.Airflow33, DAGs: []airflowsim.DAG{{ID: "d", Params: "[]"}},
		},
		`adding DAG d: reading Params: n: want a schema, have 5`: {
			Version: airflowsim.Airflow33, DAGs: []airflowsim.DAG{{ID: "d", Params: `{"n": 5}`}},
		},
		`adding DAG d: reading Params: n: type: 5 is no value of this keyword`: {
			Version: airflowsim.Airflow33, DAGs: []airflowsim.DAG{{ID: "d", Params: `{"n": {"type": 5}}`}},
		},
		`adding DAG d: reading Params: n: format: this keyword of JSON Schema is not simulated; leave it out or teach it to ` +
			`internal/simulator/airflowsim`: {
			Version: airflowsim.Airflow33, DAGs: []airflowsim.DAG{{ID: "d", Params: `{"n": {"format": "date"}}`}},
		},
	} {
		_, err := airflowsim.New(config)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestUnknownGetsUnservedRequests(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		"/api/v2/nope":                         1,
		"/api/v2/dags/d/dagRuns?state=queued":  0,
		"/api/v2/dags/d/dagRuns?run_after_gte": 1, // a filter that is not simulated
		"/api/v1/version":                      0, // a probe
		"/api/v1/dags/d/dagRuns":               0,
	} {
		calls := 0
		c := airflow33(t)
		c.Unknown = func(*http.Request) { calls++ }
		do(t, newServer(t, c), get(path))
		if calls != want {
			t.Errorf("%s: called %d times, want %d", path, calls, want)
		}
	}
}
