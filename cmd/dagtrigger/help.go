// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
)

// help is cobra's own command, but that it does not take whatever it does not
// know for a wish to see everything.
func (p *program) help() *cobra.Command {
	return &cobra.Command{
		Use:         "help [COMMAND]",
		Short:       "Tell more about a command or a topic",
		Long:        "Tell more about a command or a topic, as --help does. \"help routes KEY\" describes one key of a routes file.",
		Example:     "  dagtrigger help send storage\n  dagtrigger help settings\n  dagtrigger help routes when",
		Annotations: exits("it was printed", "standard output could not be written"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 && args[0] == routesTopic {
				return keyNames(), cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			if topic, _, err := cmd.Root().Find(args); err == nil {
				for _, sub := range topic.Commands() {
					names = append(names, sub.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			switch {
			case err != nil:
				return unknownCommand(cmd.Root(), args)
			case len(rest) == 1 && topic.Name() == routesTopic:
				return p.keyHelp(rest[0])
			case len(rest) > 0:
				return unknownCommand(topic, rest)
			}
			topic.InitDefaultHelpFlag() // its help lists the flag as well
			return topic.Help()
		},
	}
}

// routesTopic is the topic that documents a routes file.
const routesTopic = "routes"

// table is a table of keys with its title.
type table struct {
	title string
	keys  []document.Entry
}

// keyTables are all keys of a routes file.
func keyTables() []table {
	return []table{
		{"The keys of the file", config.Keys()}, {"The keys of a route", route.Keys()}, {"The keys of an environment", config.EnvironmentKeys()},
	}
}

// keyNames are the names of all keys, each once.
func keyNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, t := range keyTables() {
		for _, k := range t.keys {
			if !seen[k.Name] {
				names = append(names, k.Name)
			}
			seen[k.Name] = true
		}
	}
	return names
}

// keyHelp describes one key, in each of the tables that have it.
func (p *program) keyHelp(name string) error {
	var b strings.Builder
	for _, t := range keyTables() {
		for _, k := range t.keys {
			if k.Name != name {
				continue
			}
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "%s:\n%s", t.title, entriesText([]document.Entry{k}))
			if len(k.Words) > 0 {
				b.WriteString("      one of " + strings.Join(k.Words, ", ") + "\n")
			}
			if k.Vars {
				b.WriteString("      ${vars.NAME} is a value of the file's vars\n")
			}
		}
	}
	if b.Len() == 0 {
		return &usageError{text: fmt.Sprintf("there is no key %q in a routes file", name), hint: document.Suggestion(name, keyNames())}
	}
	_, err := io.WriteString(p.stdout, b.String())
	return err
}
