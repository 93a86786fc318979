// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
)

const schemaHelp = `Print the JSON Schema of a routes file, with which editors complete and check it. It is
generated from the tables that the file is read with: it accepts what "check" accepts, and
rejects unknown keys, wrong types and missing keys; only "check" finds errors in
expressions and patterns.

Save it beside the routes file, and begin that with the line that names it:

  # yaml-language-server: $schema=routes.schema.json`

func (p *program) schema() *cobra.Command {
	return &cobra.Command{
		Use:         "schema",
		Short:       "Print the JSON Schema of a routes file",
		Long:        schemaHelp,
		GroupID:     groupRoutes,
		Example:     "  dagtrigger schema > routes.schema.json",
		Args:        takes(),
		Annotations: exits("it was printed", "standard output could not be written"),
		RunE: func(*cobra.Command, []string) error {
			text, err := config.Schema()
			if err == nil {
				_, err = p.stdout.Write(text)
			}
			return err
		},
	}
}
