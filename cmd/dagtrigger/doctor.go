// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/route"
)

const doctorHelp = `Check everything between an event and a DAG run, from this machine, and print for each
check its result, the reason and the fix: a command to paste where there is one. It
starts no run and changes nothing.

  each environment   its settings, the credentials and whose they are, its web server's
                     name, connection, certificate and access control, Airflow's REST
                     API and version, and the role that the account has there
  each route's DAG   that Airflow knows it, that it has no import error and is not
                     paused, its Params (against what --examples make), and that
                     this account may trigger it
  the platform       retries, the deadline, the backoff and the dead letters of the
                     trigger, with --project and --service

Settings are read from environment variables, as "dagtrigger serve" reads them. Requests
to Google are made with your account: use the function's service account to see what the
function sees (gcloud auth application-default login
--impersonate-service-account=ACCOUNT).

A result is ok, warning (it works, and may surprise), failed or skipped (it does not
apply, or could not be checked). "dagtrigger help errors" lists the causes of failures.`

// groupDeployed are the commands about a function that is deployed.
const groupDeployed = "deployed"

func (p *program) doctor() *cobra.Command {
	var d doctorFlags
	cmd := &cobra.Command{
		Use:     "doctor [FILE]",
		Short:   "Find what keeps events from becoming DAG runs, with the fix",
		Long:    doctorHelp,
		GroupID: groupDeployed,
		Example: `  DAG_ID=load_sales COMPOSER_ENVIRONMENT=projects/acme/locations/europe-west1/environments/prod \
    dagtrigger doctor
  dagtrigger doctor routes.yaml --examples routes_test.yaml
  dagtrigger doctor --project acme-prod --service dagtrigger
  dagtrigger doctor --json`,
		Args:        takesFile(&d.config),
		Annotations: exits("no check failed; there may be warnings", "a check failed, or the settings are invalid"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runDoctor(cmd.Context(), d)
		},
	}
	flags := cmd.Flags()
	configFlag(flags, &d.config, "DAGTRIGGER_CONFIG or DAG_ID")
	flags.StringVar(&d.examples, "examples", "", "a `FILE` of examples, as for \"dagtrigger test\", whose confs are checked against the "+
		"DAGs' Params")
	flags.StringVar(&d.project, "project", "", "the Google Cloud `PROJECT` that the function is in (default: GOOGLE_CLOUD_PROJECT)")
	flags.StringVar(&d.service, "service", "", "the function's `NAME` (default: K_SERVICE, which Cloud Run sets)")
	jsonFlag(flags, &d.json, "one JSON object")
	return cmd
}

type doctorFlags struct {
	config, examples string // files
	project, service string
	json             bool
}

func (p *program) runDoctor(ctx context.Context, d doctorFlags) error {
	getenv, err := p.settingsWith(d.config)
	if err != nil {
		return err
	}
	target := p.target(ctx, getenv, d)
	target.Unknown = p.unknownVariables()
	if d.json {
		var report doctor.Report
		summary := doctor.Run(ctx, target, report.Observe)
		return examined(ctx, summary, report.JSON(p.stdout, summary))
	}
	summary := doctor.Run(ctx, target, doctor.Table(p.prose(p.stdout), p.painter(p.stdout).finding))
	_, err = fmt.Fprintf(p.prose(p.stdout), "\n%s\n", summary.Line())
	return examined(ctx, summary, err)
}

// examined is the command's error; err is that of writing the result.
func examined(ctx context.Context, s doctor.Summary, err error) error {
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted before all checks were made; some may have failed for that reason")
	case err != nil:
		return fmt.Errorf("writing the result: %w", err)
	case !s.Healthy():
		return errReported
	}
	return nil
}

// finding colours a text by how a check ended.
func (p painter) finding(status doctor.Status, s string) string {
	switch status {
	case doctor.OK:
		return p.good(s)
	case doctor.Warning:
		return p.paint(s, yellow)
	case doctor.Failed:
		return p.bad(s)
	default:
		return p.dim(s)
	}
}

// target is what doctor checks. A routes file on the command line replaces the
// routes of the settings.
func (p *program) target(ctx context.Context, getenv func(string) string, d doctorFlags) doctor.Target {
	c, err := config.FromEnv(getenv)
	if err != nil {
		return doctor.Target{Settings: err}
	}
	routes, name := routed(c)
	if d.examples != "" {
		if err := exemplify(ctx, routes, c.Table, d.examples); err != nil {
			return doctor.Target{Settings: err}
		}
	}
	return doctor.Target{
		Environments: c.Environments,
		Name:         name,
		Routes:       routes,
		Platform: doctor.Platform{
			Project: cmp.Or(d.project, c.Project),
			Service: cmp.Or(d.service, c.Service),
		},
	}
}

// routed returns the routes of c, and how messages name the fields of its
// environments.
func routed(c config.Config) ([]doctor.Route, func(field string) string) {
	if c.File == nil {
		return []doctor.Route{{Name: "default", Environment: config.DefaultEnvironment, DAGs: []string{c.DAGID}}}, config.Variable
	}
	name := config.Variable
	if c.File.Environments != nil {
		name = func(field string) string { return field }
	}
	return routesOf(c.File), name
}

// routesOf are the enabled routes.
func routesOf(file *config.File) []doctor.Route {
	only := config.DefaultEnvironment
	for name := range file.Environments {
		only = name // where there are several, each route names its own
	}
	var routes []doctor.Route
	for _, spec := range file.Routes {
		if spec.Enabled.Off {
			continue
		}
		if spec.Shadow.On() { // its DAG need not exist yet
			environment := cmp.Or(spec.Environment.Value, only)
			routes = append(routes, doctor.Route{Name: spec.Name.Value, Environment: environment, Lists: listedBuckets(&spec)})
			continue
		}
		routes = append(routes, doctor.Route{
			Name: spec.Name.Value, Environment: cmp.Or(spec.Environment.Value, only), DAGs: spec.Starts(),
			Waits: spec.Every.Value > 0, Asset: spec.AssetName(), Materialize: spec.Materialize.On(), WhenPaused: spec.WhenPaused.Value,
			Lists: listedBuckets(&spec),
		})
	}
	return routes
}

// listedBuckets are the buckets that a route with complete names.
func listedBuckets(spec *route.Spec) (names []string) {
	if !spec.Complete.IsSet() {
		return nil
	}
	for _, bucket := range spec.Bucket {
		if !strings.Contains(bucket.Value, "*") {
			names = append(names, bucket.Value)
		}
	}
	return names
}

// exemplify adds to routes the confs that they make of the examples in a file. It
// does not compare them with the expected ones: the test command does.
func exemplify(ctx context.Context, routes []doctor.Route, table *route.Table, path string) error {
	suite, err := example.Load(path)
	if err != nil {
		return err
	}
	for i, result := range suite.Try(ctx, table) {
		for _, start := range result.Starts {
			at := slices.IndexFunc(routes, func(r doctor.Route) bool { return r.Name == start.Route })
			if at >= 0 {
				routes[at].Examples = append(routes[at].Examples, doctor.Example{Name: suite.Examples[i].Name, DAG: start.DAG, Conf: start.Conf})
			}
		}
	}
	return nil
}
