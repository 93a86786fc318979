// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/route"
)

const doctorHelp = `Look at all that has to hold between an event and a DAG run, from where this runs,
and tell of each thing whether it holds, why, and what mends it: a command to paste
where there is one. It starts no run and changes nothing.

  each environment   its settings, the credentials and whose they are, its web server's
                     name, connection, certificate and access control, Airflow's REST
                     API and version, and the role that the account has there
  each route's DAG   that Airflow knows it, that it has no import error and is not
                     paused, its Params (against what --examples make), and that
                     this account may trigger it
  the platform       retries, the deadline, the backoff and the dead letters of the
                     trigger; where --project and --service say whose

Settings are read from the environment, as "dagtrigger serve" reads them. Towards
Google the account is that of who runs this: run it as the function's service account
(gcloud auth application-default login --impersonate-service-account=ACCOUNT) to see
what the function sees.

A finding is ok, warning (it works, and will surprise), failed or skipped (it does not
apply, or could not be told). "dagtrigger help errors" lists the causes of failures.`

// groupDeployed are the commands about a function that is deployed.
const groupDeployed = "deployed"

func (p *program) doctor() *cobra.Command {
	var d doctorFlags
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Tell what keeps events from becoming DAG runs, and what mends it",
		Long:    doctorHelp,
		GroupID: groupDeployed,
		Example: `  DAG_ID=load_sales COMPOSER_ENVIRONMENT=projects/acme/locations/europe-west1/environments/prod \
    dagtrigger doctor
  dagtrigger doctor --config routes.yaml --examples routes_test.yaml
  dagtrigger doctor --project acme --service dagtrigger
  dagtrigger doctor --json`,
		Args:        takes(),
		Annotations: exits("no check failed; some may have warned", "a check failed, or faulty settings left nothing to check"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runDoctor(cmd.Context(), d)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&d.config, "config", "", "the `FILE` of routes to examine (default: what DAGTRIGGER_CONFIG or DAG_ID says)")
	flags.StringVar(&d.examples, "examples", "", "a `FILE` of examples, as \"dagtrigger test\" takes it, whose confs are held against the DAGs' Params")
	flags.StringVar(&d.project, "project", "", "the Google Cloud `PROJECT` that the function is in (default: GOOGLE_CLOUD_PROJECT)")
	flags.StringVar(&d.service, "service", "", "the function's `NAME` (default: K_SERVICE, which Cloud Run sets)")
	flags.BoolVar(&d.json, "json", false, "print one JSON object")
	return cmd
}

type doctorFlags struct {
	config, examples string // files
	project, service string
	json             bool
}

func (p *program) runDoctor(ctx context.Context, d doctorFlags) error {
	target := p.target(ctx, d)
	if d.json {
		var report doctor.Report
		summary := doctor.Run(ctx, target, report.Observe)
		return examined(ctx, summary, report.JSON(p.stdout, summary))
	}
	summary := doctor.Run(ctx, target, doctor.Table(p.stdout, p.painter(p.stdout).finding))
	_, err := fmt.Fprintf(p.stdout, "\n%s\n", summary.Line())
	return examined(ctx, summary, err)
}

// examined is how the command ends whose result was written with err.
func examined(ctx context.Context, s doctor.Summary, err error) error {
	switch {
	case ctx.Err() != nil:
		return errors.New("it was ended before all checks were made, and some have failed for that")
	case err != nil:
		return fmt.Errorf("writing the result: %w", err)
	case !s.Healthy():
		return errTold
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

// target is what is to be examined. A file that is named on the command line
// stands for all that would say otherwise what events start.
func (p *program) target(ctx context.Context, d doctorFlags) doctor.Target {
	c, err := config.FromEnv(withRoutes(d.config, p.getenv))
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

// routed are the routes of c, which a file may say, and how the fields of its
// environments are called there.
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

// routesOf are the routes that can start something.
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
		routes = append(routes, doctor.Route{
			Name: spec.Name.Value, Environment: cmp.Or(spec.Environment.Value, only), DAGs: spec.Starts(),
			Waits: spec.Every.Value > 0,
		})
	}
	return routes
}

// exemplify gives routes the confs that they make of the examples in a file.
// Whether those are what was said there is not asked: that is what test is for.
func exemplify(ctx context.Context, routes []doctor.Route, table *route.Table, path string) error {
	suite, err := example.Load(path)
	if err != nil {
		return err
	}
	for i := range suite.Examples {
		e := &suite.Examples[i]
		for _, start := range e.Try(ctx, table).Starts {
			at := slices.IndexFunc(routes, func(r doctor.Route) bool { return r.Name == start.Route })
			if at >= 0 {
				routes[at].Examples = append(routes[at].Examples, doctor.Example{Name: e.Name, DAG: start.DAG, Conf: start.Conf})
			}
		}
	}
	return nil
}
