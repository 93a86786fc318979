// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
)

// completesFromRoutes offers the names in the routes file to the shell, for the flags of
// cmd and of its commands that take such a name.
func (p *program) completesFromRoutes(cmd *cobra.Command) {
	for flag, names := range map[string]func(*config.File) []string{"route": routeNames, "topic": topicNames, "dag": dagNames} {
		if cmd.LocalFlags().Lookup(flag) == nil {
			continue
		}
		_ = cmd.RegisterFlagCompletionFunc(flag,
			func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
				return p.namesInRoutes(cmd, names), cobra.ShellCompDirectiveNoFileComp
			})
	}
	for _, sub := range cmd.Commands() {
		p.completesFromRoutes(sub)
	}
}

// namesInRoutes are names in the file that the call so far or the settings name, sorted and
// each once; none where it cannot be read.
func (p *program) namesInRoutes(cmd *cobra.Command, names func(*config.File) []string) []string {
	path := ""
	if f := cmd.Flag("config"); f != nil {
		path = f.Value.String()
	}
	if path == "-" {
		return nil
	}
	file, _ := config.FileFromEnv(withRoutes(path, p.getenv)) // beside an error it is what could be read
	if file == nil {
		return nil
	}
	all := slices.DeleteFunc(names(file), func(name string) bool { return name == "" || strings.ContainsAny(name, "*{$") })
	slices.Sort(all)
	return slices.Compact(all)
}

func routeNames(f *config.File) (names []string) {
	for i := range f.Routes {
		names = append(names, f.Routes[i].Name.Value)
	}
	return names
}

func topicNames(f *config.File) (names []string) {
	for i := range f.Routes {
		for _, topic := range f.Routes[i].Topic {
			names = append(names, topic.Value)
		}
	}
	return names
}

func dagNames(f *config.File) (names []string) {
	for i := range f.Routes {
		names = append(names, f.Routes[i].Starts()...)
	}
	return names
}
