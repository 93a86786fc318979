// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The exit statuses, which every command's help lists.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run is the whole program: it does what args say and returns the exit status.
// When ctx ends, it finishes the events in flight.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	stdout, stderr = newPrintable(stdout), newPrintable(stderr)
	p := &program{
		self: self(os.Args[0]), getenv: getenv, environ: os.Environ, stdin: stdin, stdout: stdout, stderr: stderr,
		now: time.Now, number: newNumber, width: terminalWidth,
	}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(p.prose(stdout))
	root.SetErr(stderr)
	return p.report(root.ExecuteContext(ctx))
}

// program is what the commands share: the process around them.
type program struct {
	self           string // how this program is called, such as dagtrigger
	getenv         func(string) string
	environ        func() []string // as os.Environ: the variables that there may be
	stdin          io.Reader
	stdout, stderr io.Writer
	width          func(io.Writer) int // the columns of a terminal, 0 for anything else; nil for no terminal
	now            func() time.Time
	number         func() int64 // of sixteen digits, where the ids of new events begin
}

// newNumber is a number like Pub/Sub's ids, random so that two calls do not use the
// same ids.
func newNumber() int64 { return 1e15 + rand.Int64N(8e15) }

const rootHelp = `dagtrigger turns cloud events into Airflow DAG runs.

Its function, deployed to Cloud Run, receives uploads, Pub/Sub messages and any
CloudEvent, and starts a DAG run for each through Airflow's REST API: none is
lost, none runs twice, and each is logged with its outcome.

This command line runs the same function on your machine and sends it what the
platform would send. You need no account, no cloud and no Airflow: one is
embedded.

  dagtrigger demo                                see it work, in five seconds
  dagtrigger serve                               run the function and an Airflow
  dagtrigger send storage gs://acme/sales.csv    simulate an upload
  AIRFLOW_URL=https://... DAG_ID=load dagtrigger serve
                                                 the same, with your Airflow

Every command that reads a routes file takes it as -f FILE (--config FILE), and reads
the one that DAGTRIGGER_CONFIG names where it is left out. A command that needs no
other argument also takes FILE alone: "dagtrigger check routes.yaml". With --json, a
command prints JSON. A duration has units from ms to d and w: 90s, 1h30m, 2d.
"go run" ends with 1 for each exit status but 0: a script needs the built program.`

// Commands are in groups, in the order in which a user needs them.
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
		Annotations:   exits("done", "it failed, or a check did"),
	}
	root.Annotations[cobra.CommandDisplayNameAnnotation] = cmp.Or(p.self, "dagtrigger")
	root.SetUsageTemplate(p.usageTemplate())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%s", flagError(err)) })
	root.AddGroup(&cobra.Group{ID: groupTry, Title: "Try it:"}, &cobra.Group{ID: groupRoutes, Title: "Write routes:"},
		&cobra.Group{ID: groupDeployed, Title: "Deploy and operate:"})
	root.SetHelpCommand(help())
	root.AddCommand(p.demo(), p.serve(), p.page(), p.send(), p.airflow(), p.init(), p.check(), p.explain(), p.test(), p.params(), p.schema(),
		p.doctor(), p.deploy(), p.pull(), p.why(), p.tail(), p.shadow(), p.runs(), p.deadLetters(), p.reconcile(), p.version(),
		p.settings(), p.routeHelp(), p.expressions(), p.errors())
	p.completesFromRoutes(root)
	p.typedHelp(root)
	return root
}

// usageTemplate is cobra's own in another order: the examples come last, and the
// exit statuses are listed.
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

"{{.Root.Name}} help {{.Name}}" lists {{.Short}}.{{end}}{{end}}

"{{.CommandPath}} COMMAND --help" describes a command.{{end}}
`

// usageTemplate folds the flags at the terminal's width.
func (p *program) usageTemplate() string {
	width := 0
	if p.width != nil {
		width = p.width(p.stdout)
	}
	if width < minWidth {
		return usageTemplate
	}
	return strings.ReplaceAll(usageTemplate, "FlagUsages ", fmt.Sprintf("FlagUsagesWrapped %d ", width))
}

// exits are a command's exit statuses for its help.
func exits(ok, failed string) map[string]string {
	return map[string]string{"exits": fmt.Sprintf("  %d  %s\n  %d  %s\n  %d  invalid usage", exitOK, ok, exitFailed, failed, exitUsage)}
}

// usageError is an invalid call.
type usageError struct {
	text string
	hint string
}

func (e *usageError) Error() string { return e.text }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...), hint: fmt.Sprintf(`"%s --help" shows the usage`, cmd.CommandPath())}
}

// hintedError is an error with its fix.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// errReported ends a command that has already printed why it failed.
var errReported = errors.New("failed, see the output")

// report prints err and returns the exit status.
func (p *program) report(err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errReported) {
		return exitFailed
	}
	_, _ = fmt.Fprintln(p.prose(p.stderr), "dagtrigger: "+err.Error())
	if e, ok := errors.AsType[*usageError](err); ok {
		_, _ = fmt.Fprintln(p.prose(p.stderr), "dagtrigger: hint: "+p.typed(e.hint))
		return exitUsage
	}
	if e, ok := errors.AsType[*hintedError](err); ok {
		_, _ = fmt.Fprintln(p.prose(p.stderr), "dagtrigger: hint: "+p.typed(e.hint))
	}
	return exitFailed
}

// takes checks that a command has exactly the named arguments.
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

// takesAtMost checks that a command has at most n arguments.
func takesAtMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usage(cmd, "%q is one argument too many", args[n])
		}
		return nil
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
