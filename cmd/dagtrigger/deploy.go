// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"
)

const deployHelp = `Say what must exist in Google Cloud for a file of routes, and how it is made. Nothing
here runs a command or asks anybody: the plan is for you to read, to paste, or to run
as the script that it is printed as.`

func (p *program) deploy() *cobra.Command {
	cmd := &cobra.Command{
		Use:         "deploy",
		Short:       "Plan the deployment of a file of routes",
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
