// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
)

const checkHelp = `Read routes files as the function does at its start, and print every error as
FILE:LINE:COLUMN: what: fix, in the order of the file, with the line and a caret below
the place. The function starts with a file that has no errors here. The file - is
standard input. --format github prints annotations for a GitHub workflow.

Warnings are about what is valid and surely not meant: a route that repeats another, a
pattern that cannot match, the syntax of Jinja, shells or regular expressions.

--against compares the file with the deployed one, and lists what changes for events in
flight: those that are delivered before the deployment and again after it. It is a warning
where they would start twice (another name, run_id, every, DAG or environment, or another
value of vars in one of these) or not at all (a route that is gone, or takes fewer events),
and a change otherwise. This prints the deployed file of a function that "deploy plan"
deployed:

  gcloud functions describe dagtrigger --gen2 --region=REGION \
    --format='value(serviceConfig.environmentVariables.DAGTRIGGER_CONFIG)' > deployed.yaml

Where that is a path, the file is in the source that was deployed; the page "Deployment
guides" says how to download it.

"dagtrigger help routes" describes the file.`

// groupRoutes are the commands about a routes file.
const groupRoutes = "routes"

func (p *program) check() *cobra.Command {
	c := checkFlags{format: formatText}
	cmd := &cobra.Command{
		Use:     "check [FILE...]",
		Short:   "Print every error in a routes file",
		Long:    checkHelp,
		GroupID: groupRoutes,
		Example: `  dagtrigger check routes.yaml
  dagtrigger check routes.yaml --against deployed.yaml
  dagtrigger check routes.yaml --format github
  git show main:routes.yaml | dagtrigger check -`,
		Annotations: exits("no file has an error; there may be warnings", "a file has an error, or cannot be read"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := atMostOne(cmd, "json", "format"); err != nil {
				return err
			}
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
	cmd.Flags().StringVar(&c.against, "against", "", "the deployed `FILE`, to list what changes for events in flight")
	cmd.Flags().Var(&choice{&c.format, checkFormats()}, "format", "the output format")
	jsonFlag(cmd.Flags(), &c.json, "one JSON object a file, as --format json does")
	completes(cmd, "format", checkFormats())
	configFlag(cmd.Flags(), &c.config, config.FileVariable)
	return cmd
}

type checkFlags struct {
	config  string
	against string
	format  string
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
	e := &usageError{
		text: "no routes file is given", hint: "name it with -f FILE, or in " + config.FileVariable + `; "dagtrigger init" writes a first one`,
	}
	if info, err := os.Stat(routesName); err == nil && info.Mode().IsRegular() {
		e.hint = "this folder has one: -f " + routesName
	}
	return e
}

func (p *program) runCheck(c checkFlags, paths []string) error {
	p.warnUnknown()
	if c.json {
		c.format = formatJSON
	}
	var old config.File
	if c.against != "" {
		var err error
		if old, err = p.routesFile(c.against); err != nil {
			return err
		}
	}
	failed := false
	for _, path := range paths {
		one, err := p.checkOne(path)
		if err != nil {
			return err
		}
		if len(one.problems) == 0 {
			one.warnings = one.Warnings()
			if c.against != "" {
				risks, changes := one.Against(old)
				one.warnings, one.changes = append(one.warnings, risks...), changes
			}
		}
		failed = failed || len(one.problems) > 0
		if err := p.printChecked(c.format, one); err != nil {
			return err
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// examine reads a routes file. It returns the file's errors, and separately the
// error of reading standard input.
func (p *program) examine(path string) (config.File, document.Problems, error) {
	one, err := p.checkOne(path)
	return one.File, one.problems, err
}

// checkOne is as examine, and keeps the text to show places in it.
func (p *program) checkOne(path string) (checkedFile, error) {
	name, text, err := config.Read(path)
	if path == "-" {
		name = "standard input"
		if text, err = p.read("@-"); err != nil {
			return checkedFile{}, err
		}
	}
	if err != nil {
		return checkedFile{File: config.File{Name: name}, problems: asProblems(err)}, nil
	}
	file, err := config.Parse(name, text)
	problems := wrongFile(asProblems(err), "tests", "it has examples, and no routes", `run them with "dagtrigger test"`)
	return checkedFile{File: file, problems: problems, source: document.NewSource(text)}, nil
}

// wrongFile is the one error about a file of the other kind, which has a key that
// tells; problems about any other.
func wrongFile(problems document.Problems, key, what, fix string) document.Problems {
	for _, problem := range problems {
		if strings.HasPrefix(problem.What, key+" is not a key of ") {
			return document.Problems{{File: problem.File, What: what, Fix: fix}}
		}
	}
	return problems
}

func asProblems(err error) document.Problems {
	problems, _ := errors.AsType[document.Problems](err)
	return problems
}

// routesFile reads a routes file, which must be valid.
func (p *program) routesFile(path string) (config.File, error) {
	f, problems, err := p.examine(path)
	if err != nil {
		return f, err
	}
	if len(problems) > 0 {
		return f, fmt.Errorf("invalid routes:\n%w", problems)
	}
	return f, nil
}
