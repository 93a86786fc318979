// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The exit statuses, as every command's help tells them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run is the whole program: it does what args say and returns the exit status.
// When ctx ends, it finishes what is in flight.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	stdout, stderr = newPrintable(stdout), newPrintable(stderr)
	p := &program{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now, number: newNumber}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return p.report(root.ExecuteContext(ctx))
}

// program is what the commands share: the process around them.
type program struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	number         func() int64 // of sixteen digits, where the ids of new events begin
}

// newNumber is a number like Pub/Sub's ids. Two calls far from each other would
// meet as seldom as two of a million lottery tickets win.
func newNumber() int64 { return 1e15 + rand.Int64N(8e15) }

const rootHelp = `dagtrigger turns cloud events into Airflow DAG runs.

Its function, deployed to Cloud Run, receives uploads, Pub/Sub messages and any
CloudEvent, and starts a DAG run for each through Airflow's REST API: none is
lost, none runs twice, and each says how it ended.

This command line runs that same function on your machine and sends it what
the platform would send. Nothing needs an account, a cloud or an Airflow: where
you have none, one is embedded.

  dagtrigger demo                                see it work, in five seconds
  dagtrigger serve                               run the function and an Airflow
  dagtrigger send storage gs://acme/sales.csv    upload a file, so to speak
  AIRFLOW_URL=https://... DAG_ID=load dagtrigger serve
                                                 the same, on an Airflow you have`

// Commands stand in groups, in the order in which a user meets them.
const groupTry = "try"

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "dagtrigger",
		Short:         "Cloud events in, Airflow DAG runs out",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Annotations:   exits("done", "it failed, or what was asked for does not hold"),
	}
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%s", err.Error()) })
	root.AddGroup(&cobra.Group{ID: groupTry, Title: "Try it:"}, &cobra.Group{ID: groupRoutes, Title: "Say what starts what:"},
		&cobra.Group{ID: groupDeployed, Title: "Look after what is deployed:"})
	root.SuggestionsMinimumDistance = 2
	root.SetHelpCommand(help())
	root.AddCommand(p.demo(), p.serve(), p.send(), p.airflow(), p.init(), p.check(), p.explain(), p.test(), p.params(), p.schema(),
		p.doctor(), p.deploy(), p.deadLetters(), p.reconcile(), p.version(), p.settings(), p.routeHelp(), p.errors())
	return root
}

// usageTemplate is cobra's own in another order: the examples come last, where
// the eye rests, and the exit statuses are told.
const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}
{{- if .HasAvailableSubCommands}}{{$commands := .Commands}}
{{- range $group := .Groups}}

{{.Title}}{{range $commands}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}
{{- end}}
{{- if not .AllChildCommandsHaveGroup}}

{{if .Groups}}More:{{else}}Commands:{{end}}{{range $commands}}{{if and (eq .GroupID "") .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableInheritedFlags}}

Flags of {{.Parent.CommandPath}}:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- with .Annotations.exits}}

Exit status:
{{.}}{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}

{{- range .Commands}}{{if .IsAdditionalHelpTopicCommand}}

"{{.Root.Name}} help {{.Name}}" tells {{.Short}}.{{end}}{{end}}

"{{.CommandPath}} COMMAND --help" tells more about a command.{{end}}
`

// exits are a command's exit statuses for its help.
func exits(ok, failed string) map[string]string {
	return map[string]string{"exits": fmt.Sprintf("  %d  %s\n  %d  %s\n  %d  it was called in a wrong way", exitOK, ok, exitFailed, failed, exitUsage)}
}

// usageError is a call that cannot be understood.
type usageError struct {
	text string
	hint string
}

func (e *usageError) Error() string { return e.text }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...), hint: fmt.Sprintf(`"%s --help" shows how it is used`, cmd.CommandPath())}
}

// hintedError is an error whose mend is known.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// errTold ends a command whose output has said already that it failed.
var errTold = errors.New("it failed, as the output says")

// report tells of err and chooses the exit status.
func (p *program) report(err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errTold) {
		return exitFailed
	}
	_, _ = fmt.Fprintln(p.stderr, "dagtrigger: "+err.Error())
	if e, ok := errors.AsType[*usageError](err); ok {
		_, _ = fmt.Fprintln(p.stderr, "dagtrigger: hint: "+e.hint)
		return exitUsage
	}
	if e, ok := errors.AsType[*hintedError](err); ok {
		_, _ = fmt.Fprintln(p.stderr, "dagtrigger: hint: "+e.hint)
	}
	return exitFailed
}

// unknownCommand is where cobra ends when the first word is no command.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	e := &usageError{text: fmt.Sprintf("there is no command %q", args[0]), hint: `"dagtrigger --help" lists the commands`}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		e.hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return e
}

// takes checks that a command is given exactly the arguments that names tell.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage(cmd, "%s is missing", names[len(args)])
		case len(args) > len(names):
			return usage(cmd, "%q is one argument too many", args[len(names)])
		default:
			return nil
		}
	}
}

// atMostOne checks that flags which contradict each other are not given together.
func atMostOne(cmd *cobra.Command, flags ...string) error {
	var given []string
	for _, flag := range flags {
		if cmd.Flags().Changed(flag) {
			given = append(given, "--"+flag)
		}
	}
	if len(given) < 2 {
		return nil
	}
	return usage(cmd, "%s cannot be given together", strings.Join(given, " and "))
}
