// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"
)

const deployHelp = `Print what must exist in Google Cloud for a routes file, and the commands that create it
(plan), or compare that with what is deployed (status). No command is run and nothing is
changed: read the plan, paste its commands, or run it as a script.`

func (p *program) deploy() *cobra.Command {
	cmd := &cobra.Command{
		Use:         "deploy",
		Short:       "Plan the deployment of a routes file, and compare it with what is deployed",
		Long:        deployHelp,
		GroupID:     groupDeployed,
		Args:        unknownCommand,
		Annotations: exits("done", "it failed"),
		Example: `  dagtrigger deploy plan routes.yaml
  dagtrigger deploy status routes.yaml --project acme-prod --region europe-west1`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.deployPlan(), p.deployStatus())
	return cmd
}
