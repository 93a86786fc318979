// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/plainjson"
)

const checkHelp = `Read routes files as the function does at its start, and print every error as
FILE:LINE:COLUMN: what: fix, in the order of the file. The function starts with a file
that has no errors here. The file - is standard input.

Warnings are about what is valid and surely not meant: a route that repeats another, a
pattern that cannot match.

--against compares the file with the deployed one. A run id depends on the route's name
and its run_id: where one of the two has changed, an event that is delivered before and
after the deployment starts two runs. That is a warning as well.

"dagtrigger help routes" describes the file.`

// groupRoutes are the commands about a routes file.
const groupRoutes = "routes"

func (p *program) check() *cobra.Command {
	var c checkFlags
	cmd := &cobra.Command{
		Use:     "check [FILE...]",
		Short:   "Print every error in a routes file",
		Long:    checkHelp,
		GroupID: groupRoutes,
		Example: `  dagtrigger check routes.yaml
  dagtrigger check routes.yaml --against deployed.yaml
  git show main:routes.yaml | dagtrigger check -`,
		Annotations: exits("no file has an error; there may be warnings", "a file has an error, or cannot be read"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := p.files(c.config, args)
			if err != nil {
				return err
			}
			if c.against != "" && len(files) > 1 {
				return usage(cmd, "--against compares one file, and these are %d", len(files))
			}
			return p.runCheck(c, files)
		},
	}
	cmd.Flags().StringVar(&c.against, "against", "", "the deployed `FILE`, to warn about changes that start events in flight twice")
	jsonFlag(cmd.Flags(), &c.json, "one JSON object a file")
	configFlag(cmd.Flags(), &c.config, config.FileVariable)
	return cmd
}

type checkFlags struct {
	config  string
	against string
	json    bool
}

// files are the routes files that a command is to read: those of its arguments and
// of --config, or else that of the settings.
func (p *program) files(path string, args []string) ([]string, error) {
	if path != "" {
		args = append(args, path)
	}
	value := strings.TrimSpace(p.getenv(config.FileVariable))
	switch {
	case len(args) > 0:
		return args, nil
	case value == "":
		return nil, noRoutes()
	default:
		return []string{value}, nil
	}
}

// noRoutes is the error of a command that needs a routes file.
func noRoutes() error {
	e := &usageError{text: "no routes file is given", hint: "name it with -f FILE, or in " + config.FileVariable}
	if info, err := os.Stat(routesName); err == nil && info.Mode().IsRegular() {
		e.hint = "this folder has one: -f " + routesName
	}
	return e
}

// takesSome checks that a command has at least one argument.
func takesSome(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(cmd, "%s is missing", name)
		}
		return nil
	}
}

// checked is the result for a file, in JSON.
type checked struct {
	File         string    `json:"file"`
	Routes       int       `json:"routes"`
	Environments int       `json:"environments"`
	Faults       []finding `json:"faults"`
	Warnings     []finding `json:"warnings"`
}

// finding is an error or a warning, in JSON.
type finding struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	What   string `json:"what"`
	Fix    string `json:"fix"`
}

func (p *program) runCheck(c checkFlags, paths []string) error {
	p.warnUnknown()
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
		if err := p.printChecked(c.json, f, faults, warnings); err != nil {
			return err
		}
	}
	if failed {
		return errReported
	}
	return nil
}

func (p *program) printChecked(asJSON bool, f config.File, faults, warnings document.Faults) error {
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
		b.WriteString(paint.bad(f.Name+": "+plural(len(faults), "error")) + "\n")
	} else {
		b.WriteString(paint.good(f.Name+": "+about(f, len(warnings))) + "\n")
	}
	_, err := io.WriteString(p.prose(p.stdout), b.String())
	return err
}

// about describes a valid file.
func about(f config.File, warnings int) string {
	text := plural(len(f.Routes), "route")
	if len(f.Environments) > 0 {
		text += ", " + plural(len(f.Environments), "environment")
	}
	if warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	return text + ", no errors"
}

func findings(faults document.Faults) []finding {
	list := make([]finding, len(faults))
	for i, f := range faults {
		list[i] = finding{int(f.Line), int(f.Column), f.What, f.Fix}
	}
	return list
}

// examine reads a routes file. It returns the file's errors, and separately the
// error of reading standard input.
func (p *program) examine(path string) (config.File, document.Faults, error) {
	if path != "-" {
		f, err := config.Find(path)
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

// routesFile reads a routes file, which must be valid.
func (p *program) routesFile(path string) (config.File, error) {
	f, faults, err := p.examine(path)
	if err != nil {
		return f, err
	}
	if len(faults) > 0 {
		return f, fmt.Errorf("invalid routes:\n%w", faults)
	}
	return f, nil
}
