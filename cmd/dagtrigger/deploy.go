// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"
)

const deployHelp = `Print what must exist in Google Cloud for a routes file, and the commands that create it.
No command is run and no request made: read the plan, paste its commands, or run it as a
script.`

func (p *program) deploy() *cobra.Command {
	cmd := &cobra.Command{
		Use:         "deploy",
		Short:       "Plan the deployment of a routes file",
		Long:        deployHelp,
		GroupID:     groupDeployed,
		Args:        unknownCommand,
		Annotations: exits("done", "it failed"),
		Example:     "  dagtrigger deploy plan routes.yaml",
		RunE:        func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.deployPlan())
	return cmd
}
