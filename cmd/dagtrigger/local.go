// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	addAsset func(name string) error
	failed   <-chan error // gets one error where it ends by itself
	close    func() error
}

// failure receives an error when the Airflow ends by itself; nil without one.
func (a *localAirflow) failure() <-chan error {
	if a == nil {
		return nil
	}
	return a.failed
}

// versions are those of the embedded Airflow.
func versions() []airflowsim.Version {
	return []airflowsim.Version{airflowsim.Airflow34, airflowsim.Airflow33, airflowsim.Airflow211, airflowsim.Airflow110}
}

// admin is the user of an embedded Airflow. Its password is not a secret: the
// server listens on loopback, and stores only what it is sent.
const admin = "admin"

// embedded says which Airflow to start in this process.
type embedded struct {
	version string
	host    string
	port    int
	dags    []string
	failing []string // DAGs whose runs fail
	// anyDAG makes it know every DAG that a run is requested of, for routes that
	// compute the DAG. Without it an unknown one is answered as Airflow does.
	anyDAG bool
	// assets are the URIs or names of assets. A DAG on_asset waits for each of them,
	// and a DAG make_asset makes it.
	assets []string
	// signIn makes Airflow 3 require a login. By default every caller is an admin,
	// so that nobody needs a token to look at a run.
	signIn bool
	// seen is called for each request, where it is not nil.
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
	for _, id := range e.failing {
		config.DAGs = append(config.DAGs, airflowsim.DAG{ID: id, Fails: true})
	}
	sim, err := airflowsim.New(config)
	if err != nil {
		return nil, err
	}
	for _, name := range e.assets {
		if err := addAsset(sim, name); err != nil {
			return nil, err
		}
	}
	var handler http.Handler = sim
	if e.anyDAG {
		handler = knowing(sim)
	}
	s, err := listen(ctx, e.host, e.port, programsOnly(e.host, watched(handler, e.seen)))
	if err != nil {
		return nil, err
	}
	a := &localAirflow{
		name: "Airflow " + version.Release() + ", embedded", url: s.url, failed: s.failed, close: s.close,
		dagID:    append(slices.Clone(e.dags), defaultDAG)[0],
		login:    "admin / admin, and viewer / viewer with read access",
		addDAG:   func(id string) error { return sim.AddDAG(airflowsim.DAG{ID: id}) },
		addAsset: func(name string) error { return addAsset(sim, name) },
	}
	e.access(a)
	return a, nil
}

// triggering matches the path of a request for a run, in every API.
var triggering = regexp.MustCompile(`^/api/(?:v1|v2|experimental)/dags/([^/]+)/(?:dagRuns|dag_runs)$`)

// knowing adds a DAG when the first run of it is requested.
func knowing(sim *airflowsim.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := triggering.FindStringSubmatch(r.URL.Path)
		if m != nil && r.Method == http.MethodPost && sim.SchedulingState(m[1]) == "" {
			_ = sim.AddDAG(airflowsim.DAG{ID: m[1]}) // it has an ID, and no Params
		}
		sim.ServeHTTP(w, r)
	})
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

// access sets how the function and a person sign in.
func (e embedded) access(a *localAirflow) {
	switch {
	case e.auth() == airflowsim.AuthOpen:
		a.login = "none required, every caller is an admin"
		a.access("none", "", "", "/api/v2/dags/%s/dagRuns")
	case e.auth() == airflowsim.AuthToken:
		a.access("password", admin, admin, "/api/v2/dags/%s/dagRuns")
	case e.version == string(airflowsim.Airflow211):
		a.access("basic", admin, admin, "/api/v1/dags/%s/dagRuns")
	default:
		a.access("basic", admin, admin, "/api/experimental/dags/%s/dag_runs")
	}
}

// access sets how the function and a person sign in, with a kind of credentials.
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

// watched reports each request when it is answered.
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

// Unwrap lets an answer that comes in parts be flushed.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// over reads settings before getenv does.
func over(settings map[string]string, getenv func(string) string) func(string) string {
	return func(name string) string {
		if value, ok := settings[name]; ok {
			return value
		}
		return getenv(name)
	}
}

// self is how this program was called, so that printed commands work as typed: by
// its name or path, or with go run, which builds into a temporary folder.
func self(arg0 string) string {
	folder, name := filepath.Split(arg0)
	switch {
	case strings.Contains(folder, "go-build") && filepath.Base(folder) == "exe":
		if _, err := os.Stat("cmd/dagtrigger"); err != nil { // not in the module's root
			return "go run " + modulePath
		}
		return "go run ./cmd/dagtrigger"
	case strings.HasSuffix(name, ".test"):
		return "dagtrigger"
	default:
		return shellWord(arg0)
	}
}

// modulePath is this program's, which works everywhere within the module.
const modulePath = "example.com/dagtrigger/cmd/dagtrigger"

// called matches commands of this program in a text: at the start of an indented
// line, after a variable or a pipe, or quoted.
var called = regexp.MustCompile("(?m)(^ +|[\"`]|[A-Z_]+=\\S* |\\| )dagtrigger (\\S)")

// typed makes the commands in a text work as typed.
func (p *program) typed(text string) string {
	if p.self == "" || p.self == "dagtrigger" {
		return text
	}
	return called.ReplaceAllString(text, "${1}"+strings.ReplaceAll(p.self, "$", "$$")+" ${2}")
}

// typedHelp makes the commands in the help of cmd and its subcommands work as typed.
func (p *program) typedHelp(cmd *cobra.Command) {
	cmd.Long, cmd.Example = p.typed(cmd.Long), p.typed(cmd.Example)
	for _, flags := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) { f.Usage = p.typed(f.Usage) })
	}
	for _, sub := range cmd.Commands() {
		p.typedHelp(sub)
	}
}

// addAsset makes an asset known to an embedded Airflow, with a DAG that waits for it
// and one that makes it.
func addAsset(sim *airflowsim.Server, name string) error {
	const consumer, producer = "on_asset", "make_asset"
	for _, id := range []string{consumer, producer} {
		if err := sim.AddDAG(airflowsim.DAG{ID: id}); err != nil {
			return err
		}
	}
	sim.AddAsset(airflowsim.Asset{URI: name, Consumers: []string{consumer}, Producers: []string{producer}})
	return nil
}
