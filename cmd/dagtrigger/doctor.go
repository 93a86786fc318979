// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/doctor"
	"example.com/dagtrigger/internal/route"
)

const doctorHelp = `Look at all that has to hold between an event and a DAG run, from where this runs,
and tell of each thing whether it holds, why, and what mends it: a command to paste
where there is one. It starts no run and changes nothing.

  each environment   its settings, the credentials and whose they are, its web server's
                     name, connection, certificate and access control, Airflow's REST
                     API and version, and the role that the account has there
  each route's DAG   that Airflow knows it, that it has no import error and is not
                     paused, its Params, and that this account may trigger it
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
  dagtrigger doctor --config routes.yaml --project acme --service dagtrigger
  dagtrigger doctor --json`,
		Args:        takes(),
		Annotations: exits("no check failed; some may have warned", "a check failed, or faulty settings left nothing to check"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runDoctor(cmd.Context(), d)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&d.config, "config", "", "the `FILE` of routes to examine (default: what DAGTRIGGER_CONFIG or DAG_ID says)")
	flags.StringVar(&d.project, "project", "", "the Google Cloud `PROJECT` that the function is in (default: GOOGLE_CLOUD_PROJECT)")
	flags.StringVar(&d.service, "service", "", "the function's `NAME` (default: K_SERVICE, which Cloud Run sets)")
	flags.BoolVar(&d.json, "json", false, "print one JSON object")
	return cmd
}

type doctorFlags struct {
	config, project, service string
	json                     bool
}

func (p *program) runDoctor(ctx context.Context, d doctorFlags) error {
	target := p.target(d)
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
		return p.paint(s, color.FgYellow)
	case doctor.Failed:
		return p.bad(s)
	default:
		return p.dim(s)
	}
}

// target is what is to be examined. A file that is named on the command line
// stands for all that would say otherwise what events start.
func (p *program) target(d doctorFlags) doctor.Target {
	getenv := p.getenv
	if d.config != "" {
		getenv = over(map[string]string{routesVariable: d.config, "DAG_ID": ""}, getenv)
	}
	c, err := config.FromEnv(getenv)
	if err != nil {
		return doctor.Target{Settings: err}
	}
	t := doctor.Target{
		Environments: c.Environments,
		Name:         config.Variable,
		Platform: doctor.Platform{
			Project: cmp.Or(d.project, c.Project),
			Service: cmp.Or(d.service, p.getenv("K_SERVICE")),
		},
	}
	if c.File == "" {
		t.Routes = []doctor.Route{{Name: "default", Environment: config.DefaultEnvironment, DAGs: []string{c.DAGID}}}
		return t
	}
	file, err := config.Find(getenv(routesVariable))
	if err != nil {
		return doctor.Target{Settings: err} // it has changed since it was read
	}
	if file.Environments != nil {
		t.Name = func(field string) string { return field }
	}
	t.Routes = routesOf(file)
	return t
}

// routesOf are the routes that can start something.
func routesOf(file config.File) []doctor.Route {
	only := config.DefaultEnvironment
	if len(file.Environments) == 1 {
		for only = range file.Environments {
		}
	}
	var routes []doctor.Route
	for _, spec := range file.Routes {
		if spec.Enabled.Off {
			continue
		}
		r := doctor.Route{Name: spec.Name.Value, Environment: cmp.Or(spec.Environment.Value, only)}
		names := spec.DAGs // where the DAG is computed, what it may become
		if len(names) == 0 {
			names = []route.Text{spec.DAG}
		}
		for _, name := range names {
			r.DAGs = append(r.DAGs, name.Value)
		}
		routes = append(routes, r)
	}
	return routes
}
