// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/build"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/deployed"
	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/operator/gcp"
	"example.com/dagtrigger/internal/plainjson"
)

const deployStatusHelp = `Compare what is deployed with what "dagtrigger deploy plan" prints for a routes file, given
the same flags, and print for each difference the gcloud command that sets it right:

  the function       its state, revision and traffic, runtime, memory, concurrency,
                     service account, settings and secrets
  the routes         by the digest that dead letters name, against the file here
  the triggers       what they watch, where they deliver and as whom; others that
                     deliver to the function too
  the subscriptions  deadline, delays, retention, dead-letter topic and expiration
  the jobs           of Cloud Scheduler: when, as whom, and how they repeat what fails
  accounts and roles those of the plan, and more that its accounts have there

Nothing is changed. What this account may not read is "unreadable", with the role that it
needs; roles/viewer and roles/iam.securityReviewer on the project read everything. The
value of a setting is shown only where the plan sets it, and that of a secret never. APIs,
metrics and alerts are not compared. Where Terraform has deployed the function, only the
function and its routes are: "terraform plan" compares the rest.`

func (p *program) deployStatus() *cobra.Command {
	var d deployFlags
	cmd := &cobra.Command{
		Use:   "status [FILE]",
		Short: "Compare what is deployed with the plan, with the command for each difference",
		Long:  deployStatusHelp,
		Example: `  dagtrigger deploy status routes.yaml --project acme-prod --region europe-west1 \
    --composer projects/acme-prod/locations/europe-west1/environments/prod
  dagtrigger deploy status routes.yaml --project acme-prod --region europe-west1 --json`,
		Args:        takesFile(&d.config),
		Annotations: exits("all is deployed as planned", "something differs or could not be read, or the file has an error"),
		RunE:        func(cmd *cobra.Command, _ []string) error { return p.runDeployStatus(cmd, d) },
	}
	d.define(cmd)
	jsonFlag(cmd.Flags(), &d.json, "one JSON object")
	return cmd
}

func (p *program) runDeployStatus(cmd *cobra.Command, d deployFlags) error {
	d.settings.Project = cmp.Or(d.settings.Project, p.getenv("GOOGLE_CLOUD_PROJECT"))
	if d.settings.Project == "" || d.settings.Region == "" {
		return usage(cmd, "give --project and --region of what is deployed")
	}
	plan, err := p.plan(cmd, &d)
	if err == nil {
		err = gaps(&plan)
	}
	if err != nil {
		return err
	}
	if strings.HasSuffix(strings.Join(plan.Settings.Composer, " "), "/ENVIRONMENT") { // a placeholder
		return usage(cmd, "give --composer, as to deploy plan: no setting says where Airflow is")
	}
	target, err := p.deployedTarget(cmd.Context(), &plan, d)
	if err != nil {
		return err
	}
	report, err := deployed.Compare(cmd.Context(), target)
	if err != nil {
		return fmt.Errorf("reading what is deployed: %w", err)
	}
	if d.json {
		err = plainjson.Indent(p.stdout, &report)
	} else {
		err = report.Write(p.prose(p.stdout), p.painter(p.stdout).compared)
	}
	switch {
	case err != nil:
		return fmt.Errorf("writing the result: %w", err)
	case !report.Same:
		return errReported
	}
	return nil
}

// deployedTarget reads with this machine's Google account.
func (p *program) deployedTarget(ctx context.Context, plan *deployment.Plan, d deployFlags) (deployed.Target, error) {
	transport := newTransport()
	google := identity.NewGoogle(&identity.ADC{Transport: transport})
	texts := map[string]string{}
	for name, path := range map[string]string{config.FileVariable: d.config, config.ShadowVariable: d.shadow} {
		if path == "" {
			continue
		}
		text, err := p.read("@" + path)
		if err != nil {
			return deployed.Target{}, err
		}
		texts[name] = string(text)
	}
	if ctx.Err() != nil {
		return deployed.Target{}, errors.New("interrupted")
	}
	return deployed.Target{
		Plan: plan, Texts: texts, Member: google.Member(ctx),
		Cloud: &gcp.Reader{HTTP: google.Client(transport), UserAgent: build.Read().UserAgent()},
	}, nil
}

// compared colours a text by how a row ended.
func (p painter) compared(status deployed.Status, s string) string {
	switch status {
	case deployed.Same:
		return p.good(s)
	case deployed.Info:
		return p.dim(s)
	case deployed.Unreadable:
		return p.paint(s, yellow)
	default:
		return p.bad(s)
	}
}
