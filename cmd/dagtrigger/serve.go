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
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

const serveHelp = `Run the function as Cloud Run would: it listens on PORT (8080), reads its settings from
environment variables and writes its log as JSON to standard error. At SIGTERM or SIGINT
it accepts no further event, finishes those in flight and ends.

Without a setting for an Airflow, one is embedded, and you need no account. Otherwise
these settings are enough:

  DAG_ID                 the DAG that every event starts, or
  DAGTRIGGER_CONFIG      a routes file, which says which event starts which DAG
  COMPOSER_ENVIRONMENT   projects/P/locations/L/environments/E, or
  AIRFLOW_URL            the URL of any Airflow's web server; other than Composer
                         and loopback, it needs AIRFLOW_AUTH as well

"dagtrigger help settings" lists all of them. Composer sees the account that is logged
in with gcloud, or the service account of the machine. All errors in the settings are
printed at once, and the function does not start.

A routes FILE that is named here is read again whenever it changes. The errors of an
invalid one are printed, and the routes stay as they were.`

func (p *program) serve() *cobra.Command {
	s := serveFlags{host: loopback, version: string(airflowsim.Airflow33)}
	cmd := &cobra.Command{
		Use:     "serve [FILE]",
		Short:   "Run the function, as Cloud Run would",
		Long:    serveHelp,
		GroupID: groupTry,
		Example: `  dagtrigger serve
  dagtrigger serve routes.yaml
  dagtrigger serve --dag load_sales --port 9090
  DAG_ID=load_sales AIRFLOW_URL=https://1a2b-dot-europe-west1.composer.googleusercontent.com \
    dagtrigger serve`,
		Args:        takesFile(&s.config),
		Annotations: exits("it was ended by SIGINT or SIGTERM", "the settings are invalid, or it could not start"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.dag != "" && s.config != "" {
				return usage(cmd, "--dag and a routes file are both given: the routes of a file name their DAGs")
			}
			return p.runServe(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.host, "host", loopback, "the `ADDRESS` to listen on; with 0.0.0.0 any caller in the network can start the runs "+
		"that events start")
	flags.BoolVar(&s.embed, "embed", true, "embed an Airflow where no setting names one; =false makes that an error, as in production")
	flags.Var(&choice{&s.version, texts(versions())}, "airflow-version", "the embedded Airflow's version")
	jsonFlag(flags, &s.json, "the addresses, and each reload, as one JSON object")
	configFlag(flags, &s.config, "DAGTRIGGER_CONFIG, read once")
	flags.StringVar(&s.port, "port", "", "the `PORT` to listen on, 0 for any that is free (default: PORT, or 8080)")
	flags.StringVar(&s.dag, "dag", "", "the `ID` of the DAG that every event starts (default: DAG_ID, or demo with an embedded Airflow)")
	completes(cmd, "airflow-version", texts(versions()))
	return cmd
}

type serveFlags struct {
	embed   bool
	config  string
	dag     string
	host    string
	port    string
	version string // of the embedded Airflow
	json    bool
}

// connection are the settings that name the Airflow. Where none is set, one is
// embedded.
func connection() []string {
	tuning := []string{config.Variable(environment.FieldTimeout), config.Variable(environment.FieldMaxInFlight)}
	return slices.DeleteFunc(config.ConnectionVariables(), func(name string) bool { return slices.Contains(tuning, name) })
}

func (p *program) runServe(ctx context.Context, s serveFlags) (err error) {
	pressure.LimitMemory()
	port, err := p.port(s.port)
	if err != nil {
		return err
	}
	getenv, err := p.settingsWith(s.config)
	if err != nil {
		return err
	}
	if s.dag != "" {
		getenv = over(map[string]string{"DAG_ID": s.dag, config.FileVariable: ""}, getenv)
	}
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
	if err := p.ready(s, served.url, f.config(), local); err != nil {
		return err
	}
	if s.config != "" {
		following, end := context.WithCancel(ctx)
		defer end()
		go f.follow(following)
	}
	return wait(ctx, served.failed, local.failure())
}

// embed starts an Airflow where no setting names one, and returns its settings.
func (p *program) embed(ctx context.Context, getenv func(string) string, file *config.File, version string) (*localAirflow,
	func(string) string, error) {
	if slices.ContainsFunc(connection(), func(name string) bool { return getenv(name) != "" }) {
		return nil, getenv, nil
	}
	settings := map[string]string{}
	dags := []string{dagOf(getenv)}
	switch {
	case file == nil:
		settings["DAG_ID"] = dagOf(getenv)
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

// dagsOf are the DAGs that a file's routes name.
func dagsOf(file *config.File) (dags []string) {
	for i := range file.Routes {
		dags = append(dags, file.Routes[i].Starts()...)
	}
	return dags
}

// withRoutes replaces the settings for routes by the file at path. An empty path
// changes nothing.
func withRoutes(path string, getenv func(string) string) func(string) string {
	if path == "" {
		return getenv
	}
	return over(map[string]string{config.FileVariable: path, "DAG_ID": ""}, getenv)
}

// settingsWith are the settings, with the routes file of --config in place of
// theirs.
func (p *program) settingsWith(path string) (func(string) string, error) {
	if path == "-" {
		return nil, &usageError{text: "the routes cannot come from standard input here", hint: "name a file"}
	}
	return withRoutes(path, p.getenv), nil
}

// port is where to listen: what --port says, or where Cloud Run has a container
// listen, https://cloud.google.com/run/docs/container-contract#port
func (p *program) port(flag string) (int, error) {
	name, text := "--port", flag
	if text == "" {
		name, text = "PORT", p.getenv("PORT")
	}
	if text == "" {
		return 8080, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, &hintedError{fmt.Errorf("%s is %q", name, text), "use a number up to 65535, 0 for any port that is free"}
	}
	return int(port), nil
}

// dagOf is the DAG that every event starts on an embedded Airflow.
func dagOf(getenv func(string) string) string { return cmp.Or(getenv("DAG_ID"), defaultDAG) }

// ready prints the function's URL, and commands to try.
func (p *program) ready(s serveFlags, url string, c config.Config, local *localAirflow) error {
	var airflows []string
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		spec := c.Environments[name]
		airflows = append(airflows, cmp.Or(spec.URL, spec.Composer))
	}
	file, what := "", "every event starts the DAG "+c.DAGID
	if c.File != nil {
		file, what = c.File.Name, "the routes in "+c.File.Name+" decide what events start"
	}
	if s.json {
		return plainjson.Encode(p.stdout, map[string]any{
			"url": url, "airflows": airflows, "dag_id": c.DAGID, "routes": file, "embedded": local != nil,
		})
	}
	where := "Airflow is at " + strings.Join(airflows, ", ") + "."
	if local != nil {
		where = fmt.Sprintf("No setting names an Airflow, so one is embedded: %s, at %s\n(login: %s).", local.name, local.url, local.login)
	}
	_, err := fmt.Fprintf(p.stdout, "The function listens on %s: %s.\n%s\n\nFrom another terminal:\n%s\nIts log follows, one line per "+
		"event. Ctrl-C ends it.\n",
		url, what, where, p.tryThis(url, local))
	return err
}

// tryThis are commands to try.
func (p *program) tryThis(url string, local *localAirflow) string {
	to := ""
	if url != defaultFunction {
		to = " --to " + url
	}
	text := "  # an upload, a message, and many\n" +
		"  " + p.self + " send storage gs://acme-landing/sales/eu.csv" + to + "\n" +
		"  " + p.self + ` send pubsub --data '{"order": 4711}' --as push` + to + "\n" +
		"  " + p.self + ` send pubsub --data '{"n": {n}}' --count 200 --duplicates 20` + to + "\n"
	if local != nil {
		text += "  # the runs that Airflow holds\n  " + local.curl(local.dagID) + "\n"
	}
	return text
}
