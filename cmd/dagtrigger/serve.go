// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

const serveHelp = `Run the function as Cloud Run would: it listens on PORT (8080), reads its settings from
environment variables and writes its log to standard error: for people on a terminal, else
as JSON. At SIGTERM or SIGINT it accepts no further event, finishes those in flight and
ends.

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

--local tries a routes file on a laptop: it embeds an Airflow in place of each that the
file or the settings name, with the API that the environment names (else that of
--airflow-version), and with the file's DAGs. Credentials are not used, nor are dead
letters stored in Google Cloud: what would become one is rejected. A variable that the
file's vars name need not be set. What a route with complete lists is an embedded Cloud
Storage, unless STORAGE_EMULATOR_HOST names another: it has the objects of the events that
are sent, so that the last file of a set starts its run here too.

--shadow tries a routes file beside the routes: it decides and maps every event and starts
nothing; the log has a line of what it would start. "dagtrigger shadow" compares the two.

A routes FILE that is named here is read again whenever it changes. The errors of an
invalid one are printed, and the routes stay as they were.

--page shows it all in a browser on this machine: events as they arrive and the runs that
they become, the routes file in an editor, and a place to try an event.`

func (p *program) serve() *cobra.Command {
	s := serveFlags{host: loopback, version: string(airflowsim.Airflow33), logFormat: logAuto}
	cmd := &cobra.Command{
		Use:     "serve [FILE]",
		Short:   "Run the function, as Cloud Run would",
		Long:    serveHelp,
		GroupID: groupTry,
		Example: `  dagtrigger serve
  dagtrigger serve routes.yaml
  dagtrigger serve --local routes.yaml
  dagtrigger serve --local routes.yaml --shadow new.yaml
  dagtrigger serve --local routes.yaml --page
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
	flags.BoolVar(&s.local, "local", false, "embed an Airflow in place of each that the settings or the file name, without credentials")
	flags.BoolVar(&s.embed, "embed", true, "embed an Airflow where no setting names one; =false makes that an error, as in production")
	flags.Var(&choice{&s.version, texts(versions())}, "airflow-version", "the embedded Airflow's version")
	flags.Var(&choice{&s.logFormat, logFormats()}, "log-format", logFormatHelp)
	completes(cmd, "log-format", logFormats())
	jsonFlag(flags, &s.json, "the addresses, and each reload, as one JSON object")
	configFlag(flags, &s.config, "DAGTRIGGER_CONFIG, read once")
	flags.StringVar(&s.shadow, "shadow", "", "a routes `FILE` to try beside the routes: it starts nothing (default: DAGTRIGGER_SHADOW, "+
		"read once)")
	flags.StringVar(&s.port, "port", "", "the `PORT` to listen on, 0 for any that is free (default: PORT, or 8080)")
	flags.BoolVar(&s.page, "page", false, "show events, runs and routes in a browser on this machine")
	pagePortFlag(flags, &s.pagePort, "page-port")
	flags.StringVar(&s.dag, "dag", "", "the `ID` of the DAG that every event starts (default: DAG_ID, or demo with an embedded Airflow)")
	completes(cmd, "airflow-version", texts(versions()))
	return cmd
}

type serveFlags struct {
	embed  bool
	local  bool
	config string
	shadow string
	dag    string
	host   string

	page      bool
	pagePort  uint16
	logFormat string
	port      string
	version   string // of the embedded Airflow
	json      bool
}

// connection are the settings that name the Airflow. Where none is set, one is
// embedded.
func connection() []string {
	tuning := []string{config.Variable(environment.FieldTimeout), config.Variable(environment.FieldMaxInFlight)}
	return slices.DeleteFunc(config.ConnectionVariables(), func(name string) bool { return slices.Contains(tuning, name) })
}

func (p *program) runServe(ctx context.Context, s serveFlags) (err error) {
	pressure.LimitMemory()
	if err := p.pageFile(&s); err != nil {
		return err
	}
	port, getenv, err := p.serveSettings(s)
	if err != nil {
		return err
	}
	loaded := look(s.config, s.shadow) // before it is read, so that no later change is missed
	file, fileErr := readFile(getenv, s.local)
	local, getenv := s.locals(getenv, file)
	defer func() { err = errors.Join(err, local.close()) }()
	var bucket *localBucket
	if s.local && getenv(storageVariable) == "" {
		if bucket, err = openLocalBucket(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, bucket.close()) }()
		getenv = bucket.settings(getenv)
	}
	f := &reloading{
		getenv: getenv, log: p.log(s.logFormat), path: s.config, shadow: s.shadow, local: local, out: p.prose(p.stdout),
		json: s.json, loaded: loaded,
	}
	var shown *servedPage
	if s.page {
		shown = p.newServedPage(f, s, bucket)
	}
	if _, err := f.load(ctx, file, fileErr); err != nil {
		return err
	}
	defer f.close()
	handler := shown.record(bucket.fill(f))
	if p.getenv("K_SERVICE") == "" { // else Cloud Run decides who gets in
		handler = programsOnly(s.host, handler)
	}
	served, err := listen(ctx, s.host, port, handler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, served.close()) }()
	if err := shown.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shown.close()) }()
	if err := p.ready(ctx, s, served.url, f.config(), local, bucket, shown); err != nil {
		return err
	}
	following, end := context.WithCancel(ctx)
	defer end()
	go f.follow(following)
	return wait(ctx, served.failed, local.failure())
}

// serveSettings are the port and the settings, with what the flags say in place of theirs.
// It logs the settings that are not known.
func (p *program) serveSettings(s serveFlags) (port int, getenv func(string) string, err error) {
	p.logUnknown(s.logFormat)
	if port, err = p.port(s.port); err != nil {
		return 0, nil, err
	}
	getenv, err = p.settingsWith(s.config)
	switch {
	case err != nil:
		return 0, nil, err
	case s.shadow == "-":
		return 0, nil, &usageError{text: "the shadow file cannot come from standard input", hint: "name a file"}
	case s.shadow != "":
		getenv = over(map[string]string{config.ShadowVariable: s.shadow}, getenv)
	}
	if s.dag != "" {
		getenv = over(map[string]string{"DAG_ID": s.dag, config.FileVariable: ""}, getenv)
	}
	return port, getenv, nil
}

// logUnknown logs the settings that are not known.
func (p *program) logUnknown(format string) {
	for _, unknown := range p.unknownVariables() {
		p.log(format)(slog.LevelInfo).Warn("unknown variable", slog.String("reason", p.typed(unknown.String())))
	}
}

// locals are the Airflows to embed: with --local in place of every other one, else
// where nothing names one. It returns the settings without those that are replaced.
func (s *serveFlags) locals(getenv func(string) string, file *config.File) (*localAirflows, func(string) string) {
	named := func(name string) bool { return getenv(name) != "" }
	switch {
	case s.local:
		left := map[string]string{}
		for _, name := range connection() {
			left[name] = ""
		}
		left[config.Variable(environment.FieldAPI)] = getenv(config.Variable(environment.FieldAPI))
		return newLocalAirflows(s.version, true), over(left, getenv)
	case !s.embed || slices.ContainsFunc(connection(), named) || file != nil && file.Environments != nil:
		return nil, getenv
	default:
		return newLocalAirflows(s.version, false), getenv
	}
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
