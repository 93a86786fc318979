// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// localAirflow is an Airflow on this machine that this program has started.
type localAirflow struct {
	name     string // such as Airflow 3.3.2, embedded
	url      string
	dagID    string            // a DAG that it has
	login    string            // who may sign in, in words
	settings map[string]string // the variables that lead the function to it
	curl     func(dagID string) string
	addDAG   func(id string) error
	failed   <-chan error // gets one error where it ends by itself
	close    func() error
}

// failure is where a tells that it ended by itself; nil where there is no a.
func (a *localAirflow) failure() <-chan error {
	if a == nil {
		return nil
	}
	return a.failed
}

// versions are what an embedded Airflow can be.
func versions() []airflowsim.Version {
	return []airflowsim.Version{airflowsim.Airflow34, airflowsim.Airflow33, airflowsim.Airflow211, airflowsim.Airflow110}
}

// admin is the user of an embedded Airflow. Its password is no secret: it
// listens on loopback, and holds nothing but what it is sent.
const admin = "admin"

// embedded says which Airflow to start in this process.
type embedded struct {
	version string
	host    string
	port    int
	dags    []string
	// signIn has Airflow 3 ask for a login. A person would need a token for every
	// look at a run, so that by default each caller is an admin.
	signIn bool
	// seen is told of each request, where it is not nil.
	seen func(method, path string, status int)
}

// start starts it. It holds nothing on disk: its runs end with it.
func (e embedded) start(ctx context.Context) (*localAirflow, error) {
	version := airflowsim.Version(e.version)
	config := airflowsim.Config{
		Version: version, ExperimentalAPI: true, Auth: e.auth(),
		Users: []airflowsim.User{
			{Name: admin, Password: admin, Role: airflowsim.Admin},
			{Name: "viewer", Password: "viewer", Role: airflowsim.Viewer},
		},
	}
	for _, id := range e.dags {
		config.DAGs = append(config.DAGs, airflowsim.DAG{ID: id})
	}
	sim, err := airflowsim.New(config)
	if err != nil {
		return nil, err
	}
	s, err := listen(ctx, e.host, e.port, programsOnly(e.host, watched(sim, e.seen)))
	if err != nil {
		return nil, err
	}
	a := &localAirflow{
		name: "Airflow " + version.Release() + ", embedded", url: s.url, dagID: e.dags[0], failed: s.failed, close: s.close,
		login:  "admin / admin, and viewer / viewer who may only look",
		addDAG: func(id string) error { return sim.AddDAG(airflowsim.DAG{ID: id}) },
	}
	e.access(a)
	return a, nil
}

func (e embedded) auth() airflowsim.Auth {
	switch {
	case !airflowsim.Version(e.version).ServesV2():
		return airflowsim.AuthBasic
	case e.signIn:
		return airflowsim.AuthToken
	default:
		return airflowsim.AuthOpen
	}
}

// access is how the function, and a person, get in.
func (e embedded) access(a *localAirflow) {
	switch {
	case e.auth() == airflowsim.AuthOpen:
		a.login = "none is asked for, every caller is an admin"
		a.access("none", "", "", "/api/v2/dags/%s/dagRuns")
	case e.auth() == airflowsim.AuthToken:
		a.access("password", admin, admin, "/api/v2/dags/%s/dagRuns")
	case e.version == string(airflowsim.Airflow211):
		a.access("basic", admin, admin, "/api/v1/dags/%s/dagRuns")
	default:
		a.access("basic", admin, admin, "/api/experimental/dags/%s/dag_runs")
	}
}

// access says how the function, and a person, get in, by a kind of credentials.
// runs is the path of a DAG's runs.
func (a *localAirflow) access(auth, user, password, runs string) {
	a.settings = map[string]string{"AIRFLOW_URL": a.url, "AIRFLOW_AUTH": auth}
	login := ""
	if auth != "none" {
		a.settings["AIRFLOW_USERNAME"], a.settings["AIRFLOW_PASSWORD"] = user, password
		login = "-u " + user + ":" + password + " "
	}
	if auth == "password" {
		login = fmt.Sprintf(`-H "Authorization: Bearer $(curl -s %s/auth/token -H 'Content-Type: application/json' `+
			`-d '{"username": "%s", "password": "%s"}' | cut -d '"' -f 4)" `, a.url, user, password)
	}
	a.curl = func(dagID string) string { return "curl -s " + login + a.url + fmt.Sprintf(runs, dagID) }
}

// watched tells of each request once it is answered.
func watched(handler http.Handler, seen func(method, path string, status int)) http.Handler {
	if seen == nil {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		handler.ServeHTTP(recorder, r)
		seen(r.Method, r.URL.Path, recorder.status)
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// over reads settings before getenv does.
func over(settings map[string]string, getenv func(string) string) func(string) string {
	return func(name string) string {
		if value, ok := settings[name]; ok {
			return value
		}
		return getenv(name)
	}
}

// self is how a person calls this program: by its name, or by "go run" where
// that has built it into a folder of its own.
func self() string {
	path, err := os.Executable()
	if err == nil && strings.Contains(path, "go-build") && filepath.Base(filepath.Dir(path)) == "exe" {
		return "go run ./cmd/dagtrigger"
	}
	return "dagtrigger"
}
