// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

// help is cobra's own command, but that it does not take whatever it does not
// know for a wish to see everything.
func help() *cobra.Command {
	return &cobra.Command{
		Use:         "help [COMMAND]",
		Short:       "Tell more about a command or a topic",
		Long:        "Tell more about a command or a topic, as --help does.",
		Example:     "  dagtrigger help send storage\n  dagtrigger help settings",
		Annotations: exits("it was printed", "standard output could not be written"),
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			switch {
			case err != nil:
				return unknownCommand(cmd.Root(), args)
			case len(rest) > 0:
				return unknownCommand(topic, rest)
			}
			topic.InitDefaultHelpFlag() // its help lists the flag as well
			return topic.Help()
		},
	}
}
