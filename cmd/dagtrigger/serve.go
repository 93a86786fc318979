// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

const serveHelp = `Run the function as Cloud Run would: it listens on PORT (8080), reads its settings
from the environment, writes its log as JSON to standard error, and at SIGTERM or
SIGINT takes no further event, finishes those in flight and ends.

Where no setting says which Airflow it works for, one is embedded, and everything
works without an account. Otherwise these are enough:

  DAG_ID                 the DAG that every event starts, or
  DAGTRIGGER_CONFIG      a file of routes, which say what starts which DAG
  COMPOSER_ENVIRONMENT   projects/P/locations/L/environments/E, or
  AIRFLOW_URL            the address of any Airflow's web server, which but on
                         Composer and loopback needs AIRFLOW_AUTH too

"dagtrigger help settings" lists all. Towards Composer the function is whoever is
logged in by gcloud, or the service account that it runs as. Faulty settings are
told, all at once, and the function does not start.

With --config the file of routes is read again whenever it changes. A faulty one is
told of, with all its faults, and the routes stay as they were.`

func (p *program) serve() *cobra.Command {
	s := serveFlags{host: loopback, version: string(airflowsim.Airflow33)}
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Run the function, as Cloud Run would",
		Long:    serveHelp,
		GroupID: groupTry,
		Example: `  dagtrigger serve
  dagtrigger serve --config routes.yaml
  DAG_ID=load_sales PORT=9090 dagtrigger serve
  DAG_ID=load_sales AIRFLOW_URL=https://1a2b-dot-europe-west1.composer.googleusercontent.com \
    dagtrigger serve`,
		Args:        takes(),
		Annotations: exits("it was ended by SIGINT or SIGTERM", "the settings are faulty, or it could not start"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runServe(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.host, "host", loopback, "the `ADDRESS` to listen on; 0.0.0.0 lets others in, who may start any run that events start")
	flags.BoolVar(&s.embed, "embed", true, "embed an Airflow where no setting says which; =false refuses to start then, as it should where events count")
	flags.Var(&choice{&s.version, texts(versions())}, "airflow-version", "the embedded Airflow's version")
	flags.BoolVar(&s.json, "json", false, "print the addresses, and each reload, as one JSON object")
	flags.StringVar(&s.config, "config", "", "the `FILE` of routes, which is read again when it changes (default: what DAGTRIGGER_CONFIG says, read once)")
	completes(cmd, "airflow-version", texts(versions()))
	return cmd
}

type serveFlags struct {
	embed   bool
	config  string
	host    string
	version string // of the embedded Airflow
	json    bool
}

// connection are the settings that say which Airflow the function works for.
// Where none is set, one is embedded.
func connection() []string {
	tuning := []string{config.Variable(environment.FieldTimeout), config.Variable(environment.FieldMaxInFlight)}
	return slices.DeleteFunc(config.ConnectionVariables(), func(name string) bool { return slices.Contains(tuning, name) })
}

func (p *program) runServe(ctx context.Context, s serveFlags) (err error) {
	port, err := p.port()
	if err != nil {
		return err
	}
	getenv := withRoutes(s.config, p.getenv)
	loaded := look(s.config) // before it is read, so that no later change is missed
	file, fileErr := config.FileFromEnv(getenv)
	var local *localAirflow
	if s.embed && fileErr == nil {
		if local, getenv, err = p.embed(ctx, getenv, file, s.version); err != nil {
			return err
		}
	}
	if local != nil {
		defer func() { err = errors.Join(err, local.close()) }()
	}
	f := &reloading{
		getenv: getenv, log: p.stderr, path: s.config, local: local, out: p.stdout, json: s.json, loaded: loaded,
	}
	if _, err := f.load(file, fileErr); err != nil {
		return err
	}
	var handler http.Handler = f
	if p.getenv("K_SERVICE") == "" { // else Cloud Run decides who gets in
		handler = programsOnly(s.host, f)
	}
	served, err := listen(ctx, s.host, port, handler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, served.close()) }()
	if err := p.ready(s, served.url, f.config, local); err != nil {
		return err
	}
	if s.config != "" {
		following, end := context.WithCancel(ctx)
		defer end()
		go f.follow(following)
	}
	return wait(ctx, served.failed, local.failure())
}

// embed starts an Airflow where no setting says which one the function works
// for, and gives the settings that lead to it.
func (p *program) embed(ctx context.Context, getenv func(string) string, file *config.File, version string) (*localAirflow, func(string) string, error) {
	if slices.ContainsFunc(connection(), func(name string) bool { return getenv(name) != "" }) {
		return nil, getenv, nil
	}
	settings := map[string]string{}
	dags := []string{p.dag()}
	switch {
	case file == nil:
		settings["DAG_ID"] = p.dag()
	case file.Environments != nil:
		return nil, getenv, nil
	default:
		dags = dagsOf(file)
	}
	local, err := embedded{version: version, host: loopback, dags: dags}.start(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("starting the embedded Airflow: %w", err)
	}
	maps.Copy(settings, local.settings)
	return local, over(settings, getenv), nil
}

// dagsOf are the DAGs that the routes of a file name.
func dagsOf(file *config.File) (dags []string) {
	for i := range file.Routes {
		dags = append(dags, file.Routes[i].Starts()...)
	}
	return dags
}

// withRoutes makes the routes file at path stand for every setting that says
// what events start. An empty path changes nothing.
func withRoutes(path string, getenv func(string) string) func(string) string {
	if path == "" {
		return getenv
	}
	return over(map[string]string{config.FileVariable: path, "DAG_ID": ""}, getenv)
}

// port is where Cloud Run has a container listen:
// https://cloud.google.com/run/docs/container-contract#port
func (p *program) port() (int, error) {
	text := p.getenv("PORT")
	if text == "" {
		return 8080, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, &hintedError{fmt.Errorf("PORT is %q", text), "use a number up to 65535, 0 for any port that is free"}
	}
	return int(port), nil
}

// dag is the DAG that every event starts on an embedded Airflow.
func (p *program) dag() string {
	if id := p.getenv("DAG_ID"); id != "" {
		return id
	}
	return defaultDAG
}

// ready tells that the function listens, and what to do with it.
func (p *program) ready(s serveFlags, url string, c config.Config, local *localAirflow) error {
	var airflows []string
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		spec := c.Environments[name]
		airflows = append(airflows, cmp.Or(spec.URL, spec.Composer))
	}
	file, what := "", "every event starts the DAG "+c.DAGID
	if c.File != nil {
		file, what = c.File.Name, "events start what the routes in "+c.File.Name+" say"
	}
	if s.json {
		return plainjson.Encode(p.stdout, map[string]any{
			"url": url, "airflows": airflows, "dag_id": c.DAGID, "routes": file, "embedded": local != nil,
		})
	}
	where := "Airflow is at " + strings.Join(airflows, ", ") + "."
	if local != nil {
		where = fmt.Sprintf("No setting says which Airflow, so one is embedded: %s, at %s\n(login: %s).", local.name, local.url, local.login)
	}
	_, err := fmt.Fprintf(p.stdout, "The function listens on %s: %s.\n%s\n\nFrom another terminal:\n%s\nIts log follows, a line for each event. Ctrl-C ends it.\n",
		url, what, where, tryThis(url, local))
	return err
}

// tryThis are commands to paste.
func tryThis(url string, local *localAirflow) string {
	to := ""
	if url != defaultFunction {
		to = " --to " + url
	}
	text := "  # an upload, a message, and many\n" +
		"  " + self() + " send storage gs://acme-landing/sales/eu.csv" + to + "\n" +
		"  " + self() + ` send pubsub --data '{"order": 4711}' --as push` + to + "\n" +
		"  " + self() + ` send pubsub --data '{"n": {n}}' --count 200 --duplicates 20` + to + "\n"
	if local != nil {
		text += "  # the runs that Airflow holds\n  " + local.curl(local.dagID) + "\n"
	}
	return text
}
