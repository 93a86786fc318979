// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
)

const schemaHelp = `Print the JSON Schema of a file of routes, for editors to complete and check it while it
is written. It is made from the tables by which the file is read: it takes what "check"
takes, and refuses unknown keys, wrong types and what is missing; whether expressions
and patterns are right "check" alone can tell.

Write it beside the routes, and begin them with the line that names it:

  # yaml-language-server: $schema=routes.schema.json`

func (p *program) schema() *cobra.Command {
	return &cobra.Command{
		Use:         "schema",
		Short:       "Print the JSON Schema of a file of routes",
		Long:        schemaHelp,
		GroupID:     groupRoutes,
		Example:     "  dagtrigger schema > routes.schema.json",
		Args:        takes(),
		Annotations: exits("it is printed", "standard output could not be written"),
		RunE: func(*cobra.Command, []string) error {
			text, err := config.Schema()
			if err == nil {
				_, err = p.stdout.Write(text)
			}
			return err
		},
	}
}
