// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/example"
)

const schemaHelp = `Print the JSON Schema of a routes file, or of a file of examples, with which editors
complete and check it. It is generated from the tables that the file is read with: it
accepts what "check" accepts, and rejects unknown keys, wrong types and missing keys; only
"check" finds errors in expressions and patterns.

Save it beside the file, and begin that with the line that names it:

  # yaml-language-server: $schema=routes.schema.json`

func (p *program) schema() *cobra.Command {
	return &cobra.Command{
		Use:         "schema [routes | examples]",
		Short:       "Print the JSON Schema of a routes file or of examples",
		Long:        schemaHelp,
		GroupID:     groupRoutes,
		Example:     "  dagtrigger schema > routes.schema.json\n  dagtrigger schema examples > routes_test.schema.json",
		ValidArgs:   []string{"routes", "examples"},
		Args:        takesAtMost(1),
		Annotations: exits("it was printed", "standard output could not be written"),
		RunE: func(cmd *cobra.Command, args []string) error {
			schema := config.Schema
			switch {
			case len(args) == 0 || args[0] == "routes":
			case args[0] == "examples":
				schema = example.Schema
			default:
				return usage(cmd, "there is a schema of routes and of examples, and none of %q", args[0])
			}
			text, err := schema()
			if err == nil {
				_, err = p.stdout.Write(text)
			}
			return err
		},
	}
}
