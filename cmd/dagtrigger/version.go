// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/build"
	"example.com/dagtrigger/internal/plainjson"
)

func (p *program) version() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Print the version, the commit that it was built from, and the version of Go.

A build from a clone has the commit as its version; "modified" means that
files had been changed since.`,
		Args:        takes(),
		Example:     "  dagtrigger version --json",
		Annotations: exits("always", "standard output could not be written"),
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return plainjson.Encode(p.stdout, build.Read())
			}
			_, err := fmt.Fprintln(p.stdout, build.Read())
			return err
		},
	}
	jsonFlag(cmd.Flags(), &asJSON, "one JSON object")
	return cmd
}
