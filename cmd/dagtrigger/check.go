// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/plainjson"
)

const checkHelp = `Read files of routes as the function does at its start, and tell all that is wrong
with each: as FILE:LINE:COLUMN: what: fix, in the order of the file. A file without a
fault here starts there. The file - is the standard input.

Warnings tell of what has no fault and is surely wrong: a route that repeats another,
a pattern that can match nothing.

With --against the file is compared with the one that is deployed. Run ids are made of
a route's name and its run_id: where one of the two has changed, an event that is
delivered before and after the deployment starts twice, and that is a warning too.

"dagtrigger help routes" tells what stands in a file.`

// groupRoutes are the commands about a file of routes.
const groupRoutes = "routes"

func (p *program) check() *cobra.Command {
	var c checkFlags
	cmd := &cobra.Command{
		Use:     "check FILE...",
		Short:   "Tell all that is wrong with a file of routes",
		Long:    checkHelp,
		GroupID: groupRoutes,
		Example: `  dagtrigger check routes.yaml
  dagtrigger check routes.yaml --against deployed.yaml
  git show main:routes.yaml | dagtrigger check -`,
		Args:        takesSome("the FILE"),
		Annotations: exits("no file has a fault; warnings may have been told", "a file has a fault, or cannot be read"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.against != "" && len(args) > 1 {
				return usage(cmd, "--against compares one file, and these are %d", len(args))
			}
			return p.runCheck(c, args)
		},
	}
	cmd.Flags().StringVar(&c.against, "against", "", "the `FILE` that is deployed, to tell what would start events in flight twice")
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object a file")
	return cmd
}

type checkFlags struct {
	against string
	json    bool
}

// takesSome checks that a command is given one argument or more.
func takesSome(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(cmd, "%s is missing", name)
		}
		return nil
	}
}

// checked is what is to be told of a file.
type checked struct {
	File         string    `json:"file"`
	Routes       int       `json:"routes"`
	Environments int       `json:"environments"`
	Faults       []finding `json:"faults"`
	Warnings     []finding `json:"warnings"`
}

// finding is a fault or a warning, for a machine.
type finding struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	What   string `json:"what"`
	Fix    string `json:"fix"`
}

func (p *program) runCheck(c checkFlags, paths []string) error {
	var old config.File
	if c.against != "" {
		var err error
		if old, err = p.routesFile(c.against); err != nil {
			return err
		}
	}
	failed := false
	for _, path := range paths {
		f, faults, err := p.examine(path)
		if err != nil {
			return err
		}
		var warnings document.Faults
		if len(faults) == 0 {
			warnings = f.Warnings()
			if c.against != "" {
				warnings = append(warnings, f.Against(old)...)
			}
		}
		failed = failed || len(faults) > 0
		if err := p.tellChecked(c.json, f, faults, warnings); err != nil {
			return err
		}
	}
	if failed {
		return errTold
	}
	return nil
}

func (p *program) tellChecked(asJSON bool, f config.File, faults, warnings document.Faults) error {
	if asJSON {
		return plainjson.Encode(p.stdout, checked{
			File: f.Name, Routes: len(f.Routes), Environments: len(f.Environments), Faults: findings(faults), Warnings: findings(warnings),
		})
	}
	paint := p.painter(p.stdout)
	var b strings.Builder
	for _, fault := range faults {
		b.WriteString(fault.String() + "\n")
	}
	for _, warning := range warnings {
		warning.What = "warning: " + warning.What
		b.WriteString(warning.String() + "\n")
	}
	for _, note := range f.Advice() {
		note.What = "note: " + note.What
		b.WriteString(note.String() + "\n")
	}
	if len(faults) > 0 {
		b.WriteString(paint.bad(f.Name+": "+plural(len(faults), "fault")) + "\n")
	} else {
		b.WriteString(paint.good(f.Name+": "+about(f, len(warnings))) + "\n")
	}
	_, err := io.WriteString(p.stdout, b.String())
	return err
}

// about sums a good file up.
func about(f config.File, warnings int) string {
	text := plural(len(f.Routes), "route")
	if len(f.Environments) > 0 {
		text += ", " + plural(len(f.Environments), "environment")
	}
	if warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	return text + ", no fault"
}

func findings(faults document.Faults) []finding {
	list := make([]finding, len(faults))
	for i, f := range faults {
		list[i] = finding{f.Line, f.Column, f.What, f.Fix}
	}
	return list
}

// examine reads a file of routes, and gives its faults apart from what keeps the
// standard input from being read.
func (p *program) examine(path string) (config.File, document.Faults, error) {
	if path != "-" {
		f, err := config.Load(path)
		return f, asFaults(err), nil
	}
	text, err := p.read("@-")
	if err != nil {
		return config.File{}, nil, err
	}
	f, err := config.Parse("standard input", text)
	return f, asFaults(err), nil
}

func asFaults(err error) document.Faults {
	faults, _ := errors.AsType[document.Faults](err)
	return faults
}

// routesFile reads a file of routes that must have no fault.
func (p *program) routesFile(path string) (config.File, error) {
	f, faults, err := p.examine(path)
	if err != nil {
		return f, err
	}
	if len(faults) > 0 {
		return f, fmt.Errorf("the routes are faulty:\n%w", faults)
	}
	return f, nil
}
