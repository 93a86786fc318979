// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/tail"
	"example.com/dagtrigger/internal/route/pattern"
	"example.com/dagtrigger/internal/trigger"
)

const tailHelp = `Print the outcomes of events as they happen, a line each: the time, the outcome, the event,
the route with its DAG and run, and the reason where no run was started. Ctrl-C ends it and
prints how many outcomes there were of each kind and route.

The log is that of the function in Cloud Logging, which is read every 3 seconds with the
role roles/logging.viewer; a line takes some seconds until it is there. Or it is LOG, a
file with lines of JSON as "serve --log-format json" writes them, which is read from its
beginning and then followed; - is standard input, which is read where LOG and --project
are left out and something is piped in. Other lines are passed over.

Unmatched events of a burst are one line: how many there were since when, and the first of
them. --object selects it where it matches one of those that it names. At the log level
debug each has its own line.

--project is GOOGLE_CLOUD_PROJECT where it is left out. LOGGING_EMULATOR_HOST names another
Cloud Logging.`

type tailFlags struct {
	log              string // the LOG; empty where it is left out
	project, service string
	outcomes, routes []string
	object           string
	since            moment
	json             bool
}

func outcomeKinds() []string {
	return texts(trigger.Kinds())
}

func (p *program) tail() *cobra.Command {
	var f tailFlags
	cmd := &cobra.Command{
		Use:     "tail [LOG]",
		Short:   "Print the outcomes of events as they happen",
		Long:    tailHelp,
		GroupID: groupDeployed,
		Example: `  dagtrigger tail --project acme-prod --service dagtrigger
  dagtrigger tail --project acme-prod --outcome deferred --outcome dead_lettered --since 1h
  dagtrigger tail --project acme-prod --object 'gs://acme-landing/sales/**'
  dagtrigger serve --local routes.yaml 2>&1 | dagtrigger tail
  dagtrigger tail events.log --route sales-csv --json`,
		Args:        takesFile(&f.log),
		Annotations: exits("it was ended by SIGINT or SIGTERM, or standard input ended", "the log cannot be read"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runTail(cmd.Context(), cmd, &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.project, "project", "", "the function's Google Cloud `PROJECT` (default: GOOGLE_CLOUD_PROJECT)")
	flags.StringVar(&f.service, "service", "", "its Cloud Run `SERVICE` (default: all functions of the project)")
	flags.StringArrayVar(&f.outcomes, "outcome", nil, "only this `OUTCOME`; may be repeated")
	flags.StringArrayVar(&f.routes, "route", nil, "only this `ROUTE`; may be repeated")
	flags.StringVar(&f.object, "object", "", "only events of objects whose name matches the `PATTERN`, as in a route, or whose URL does: "+
		"gs://BUCKET/PATTERN")
	flags.Var(&f.since, "since", "from the `TIME` on: 5m (ago), 2d, 2026-11-22T09:30:00Z (default: 5m in Cloud Logging, else the beginning)")
	jsonFlag(flags, &f.json, "each outcome as one JSON object, with the fields of the log that are not empty")
	completes(cmd, "outcome", outcomeKinds())
	return cmd
}

// selection is what the flags select.
func (f *tailFlags) selection(cmd *cobra.Command) (*tail.Selection, error) {
	kinds := outcomeKinds()
	for i := range f.outcomes {
		c := choice{&f.outcomes[i], kinds}
		if err := c.Set(f.outcomes[i]); err != nil {
			return nil, usage(cmd, "--outcome is %q: %v", f.outcomes[i], err)
		}
	}
	s := &tail.Selection{Outcomes: f.outcomes, Routes: f.routes, URL: strings.HasPrefix(f.object, "gs://")}
	if f.object == "" {
		return s, nil
	}
	object, err := pattern.Parse(f.object)
	if err != nil {
		return nil, usage(cmd, "--object: %v", err)
	}
	s.Object = object
	return s, nil
}

// isPiped reports whether a program writes to standard input, or it is a file.
func isPiped(in io.Reader) bool {
	file, ok := in.(*os.File)
	if !ok {
		return in != nil
	}
	info, err := file.Stat()
	return err == nil && (info.Mode().IsRegular() || info.Mode()&os.ModeNamedPipe != 0)
}

func (p *program) runTail(ctx context.Context, cmd *cobra.Command, f *tailFlags) error {
	s, err := f.selection(cmd)
	if err != nil {
		return err
	}
	if f.log != "" && f.project+f.service != "" {
		return usage(cmd, "%s is a log, and --project and --service name one in Cloud Logging", f.log)
	}
	out := &tailPrinter{program: p, json: f.json, counts: tail.Counts{}, paint: p.painter(p.stdout)}
	since := f.since.at(p.now())
	yield := func(l *outcomelog.Line) {
		if s.Selects(l) && !l.At().Before(since) {
			out.line(l)
		}
	}
	switch {
	case f.log != "" && f.log != "-":
		err = tailFile(ctx, f.log, yield)
	case f.log != "", f.project == "" && isPiped(p.stdin):
		err = tailInput(ctx, p.stdin, yield)
	default:
		if since.IsZero() {
			since = p.now().Add(-5 * time.Minute)
		}
		err = p.tailCloud(ctx, f, since, yield)
	}
	if err != nil {
		return err
	}
	return out.end()
}

func tailFile(ctx context.Context, path string, yield func(*outcomelog.Line)) error {
	file, err := tail.Open(ctx, path)
	if err != nil {
		return &hintedError{err, "is the path right? - stands for the standard input, and --project names a log in Cloud Logging"}
	}
	defer file.Close()
	skipped, err := outcomelog.Read(file, yield)
	return logEnded(path, skipped, err)
}

// logEnded is the error of a log that was read to its end.
func logEnded(name string, skipped outcomelog.Skipped, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("reading %s: %w", name, err)
	case skipped.Text > 0:
		return &hintedError{fmt.Errorf("%s is a log for people", name), "write it as JSON: dagtrigger serve --log-format json"}
	}
	return nil
}

// inputTime is for how long standard input is read after Ctrl-C, which a program that
// writes to it gets as well: its last lines are still to come.
const inputTime = 10 * time.Second

func tailInput(ctx context.Context, in io.Reader, yield func(*outcomelog.Line)) error {
	lines, ended := make(chan *outcomelog.Line), make(chan error, 1)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		skipped, err := outcomelog.Read(in, func(l *outcomelog.Line) {
			select {
			case lines <- l:
			case <-stop:
			}
		})
		ended <- logEnded("standard input", skipped, err)
	}()
	interrupted := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case l := <-lines:
			yield(l)
		case err := <-ended:
			return err
		case <-interrupted:
			interrupted, late = nil, time.After(inputTime)
		case <-late:
			return nil
		}
	}
}

func (p *program) tailCloud(ctx context.Context, f *tailFlags, since time.Time, yield func(*outcomelog.Line)) error {
	project := f.project
	if project == "" {
		project = p.getenv("GOOGLE_CLOUD_PROJECT")
	}
	if project == "" {
		return &usageError{"no log is named", "name the function's project with --project, or a file: dagtrigger tail events.log"}
	}
	note := func(format string, values ...any) {
		_, _ = fmt.Fprintf(p.prose(p.stderr), "dagtrigger: "+format+"\n", values...)
	}
	cloud := tail.Cloud{
		Log:    p.cloudLogging(project),
		Filter: outcomelog.Filter{Service: f.service, Outcomes: f.outcomes, Routes: f.routes, Since: since},
		Skipped: func() {
			note("more outcomes than can be read: some may be missing. Select fewer, with --outcome or --route")
		},
		Failed: func(err error) { note("%v; trying again", err) },
	}
	err := cloud.Follow(ctx, yield)
	if refused, ok := errors.AsType[*outcomelog.Error](err); ok {
		return &hintedError{err, "who may read the log sees the same with: " + refused.Command}
	}
	return err
}
