// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/build"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/page"
	"example.com/dagtrigger/internal/rest"
)

const pageHelp = `Show a log of the function, or a routes file, in a browser on this machine.

--log reads a file of log lines, as the function writes them, or as Cloud Logging exports
them, and shows the last 10,000 events: what happened, from where, the outcome of each
route and the run. --project reads them from Cloud Logging, as this account, which needs
roles/logging.viewer; this writes the same to a file:

  gcloud logging read 'jsonPayload.outcome:*' --freshness=1d --format=json > log.json

With a routes file, the page draws its routes, has an editor with the errors of "check" in
place and completion, and shows what the routes make of an event, as "explain" does.
Nothing is sent.

"dagtrigger serve --page" shows a function that is running: its events as they arrive,
their runs as Airflow works on them, and it sends the events that you type.

The page listens on 127.0.0.1 alone, and refuses requests from other pages and to other
hosts. It shows no credentials.`

type pageFlags struct {
	config  string
	log     string
	project string
	since   time.Duration
	port    uint16
}

// pagePort is where the page is by default.
const pagePort = 8090

func pagePortFlag(flags *pflag.FlagSet, port *uint16, name string) {
	flags.Uint16Var(port, name, pagePort, "the `PORT` of the page, 0 for any that is free")
}

func (p *program) page() *cobra.Command {
	var x pageFlags
	cmd := &cobra.Command{
		Use:     "page [FILE]",
		Short:   "Show a log or a routes file in a browser",
		Long:    pageHelp,
		GroupID: groupTry,
		Example: `  dagtrigger page routes.yaml
  dagtrigger page --log log.json
  dagtrigger page --project acme-prod --since 2d
  dagtrigger page --log log.json -f routes.yaml --port 0
  dagtrigger serve --local routes.yaml --page`,
		Args:        takesFile(&x.config),
		Annotations: exits("it was ended by SIGINT or SIGTERM", "the log or the routes cannot be read, or it could not start"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := atMostOne(cmd, "log", "project"); err != nil {
				return err
			}
			return p.runPage(cmd.Context(), x)
		},
	}
	flags := cmd.Flags()
	configFlag(flags, &x.config, config.FileVariable)
	flags.StringVar(&x.log, "log", "", "a `FILE` of log lines to show, - for standard input")
	flags.StringVar(&x.project, "project", "", "the `PROJECT` whose Cloud Logging has the log to show")
	spanFlag(flags, &x.since, "since", 24*time.Hour, "with --project: the `DURATION` until now that is shown")
	pagePortFlag(flags, &x.port, "port")
	return cmd
}

func (p *program) runPage(ctx context.Context, x pageFlags) error {
	hasRoutes := x.config != "" || strings.TrimSpace(p.getenv("DAG_ID")+p.getenv(config.FileVariable)) != ""
	if !hasRoutes && x.log+x.project == "" {
		return &usageError{text: "there is nothing to show: neither a log nor a routes file is given",
			hint: `name a log with --log FILE, or the routes with -f FILE; "dagtrigger serve --page" shows a running function`}
	}
	routes := &latestRoutes{}
	if hasRoutes {
		file, err := p.explained(x.config)
		if err != nil {
			return err
		}
		routes.file, routes.path = file, p.pathOf(x.config)
	}
	recorder := page.NewRecorder(func() page.Explain { return p.explains(routes.current(), p.getenv, false) })
	note := ""
	if x.log+x.project != "" {
		n, err := p.readLog(ctx, recorder, x)
		if err != nil {
			return err
		}
		note = fmt.Sprintf("%s: %s.\n", x.name(), plural(n, "outcome"))
	}
	shown, err := p.openPage(ctx, x.port, "--port", page.Options{
		Recorder: recorder, Log: x.name(), HasRoutes: hasRoutes, Now: p.now, Number: p.number,
		Routes: page.Routes{
			Path:    routes.path,
			Parse:   func(text []byte) (config.File, error) { return config.Parse(routes.path, text) },
			Current: func() (*config.File, string) { return routes.current().ofPage(p.getenv("DAG_ID")) },
		},
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.prose(p.stdout), "%sThe page is at %s\nCtrl-C ends it.\n", note, shown.url)
	if err == nil {
		err = wait(ctx, shown.failed, nil)
	}
	return errors.Join(err, shown.close())
}

// name is that of the log; empty for none.
func (x *pageFlags) name() string {
	if x.project != "" {
		return "Cloud Logging of " + x.project
	}
	return x.log
}

// readLog reads a log, and returns how many lines are of outcomes.
func (p *program) readLog(ctx context.Context, recorder *page.Recorder, x pageFlags) (int, error) {
	if x.project != "" {
		n, err := recorder.ReadCloud(ctx, p.cloudLogging(x.project), outcomelog.Filter{Since: p.now().Add(-x.since)})
		if e, ok := errors.AsType[*outcomelog.Error](err); ok {
			err = &hintedError{err, "read it with the command, and show the file with --log: " + e.Command}
		}
		return n, err
	}
	in := p.stdin
	if x.log != "-" {
		file, err := os.Open(x.log)
		if err != nil {
			return 0, &hintedError{err, "name a file of log lines; - stands for the standard input"}
		}
		defer file.Close()
		in = file
	}
	n, err := recorder.ReadLog(in)
	if err != nil {
		return n, fmt.Errorf("reading the log %s: %w", x.log, err)
	}
	return n, nil
}

// cloudLogging is the log of a project, read as this account, or an emulator's.
func (p *program) cloudLogging(project string) *outcomelog.Cloud {
	transport := newTransport()
	return &outcomelog.Cloud{Project: project, Client: rest.ForGoogle(rest.Options{
		Transport: transport, Google: identity.NewGoogle(&identity.ADC{Transport: transport}).Client,
		UserAgent: build.Read().UserAgent(), Root: outcomelog.CloudLogging, Emulator: p.getenv(loggingVariable),
	})}
}

// pathOf is the path of the routes file of a flag, or else of the settings; empty where
// the routes are in no file.
func (p *program) pathOf(flag string) string {
	value := strings.TrimSpace(cmp.Or(flag, p.getenv(config.FileVariable)))
	if name, _, err := config.Read(value); value == "" || err != nil || name != value {
		return ""
	}
	return value
}

// latestRoutes are the routes of a file as they were last valid.
type latestRoutes struct {
	path string // empty for one DAG

	mu   sync.Mutex
	file *config.File
}

// current reads the file again. An invalid one changes nothing.
func (l *latestRoutes) current() *pageRoutes {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path != "" {
		if file, err := config.Load(l.path); err == nil {
			l.file = &file
		}
	}
	return &pageRoutes{l.file, l.path != ""}
}

// pageRoutes are the routes that explain an event.
type pageRoutes struct {
	*config.File
	isFile bool
}

func (r *pageRoutes) ofPage(dag string) (*config.File, string) {
	if r.isFile {
		return r.File, ""
	}
	return nil, dag
}

// explains explains the events of a request by routes, as "dagtrigger explain" does. look
// has buckets listed.
func (p *program) explains(routes *pageRoutes, getenv func(string) string, look bool) page.Explain {
	q := *p
	q.getenv = getenv
	flags := explainFlags{api: string(airflow.V2), look: look}
	return func(ctx context.Context, request delivery.Request) ([]page.Explained, error) {
		if routes.File == nil {
			return nil, noRoutes()
		}
		events, err := example.Receive(ctx, request)
		all := make([]page.Explained, 0, len(events))
		for i := range events {
			all = append(all, page.Explained{EventID: events[i].ID, Result: q.explainEvent(ctx, flags, routes.File, &events[i])})
		}
		if err != nil {
			err = fmt.Errorf("reading the event: %w", err)
		}
		return all, err
	}
}

// openedPage is a page that listens.
type openedPage struct {
	*server
	stop context.CancelFunc
}

// openPage opens the page. flag names where its port comes from.
func (p *program) openPage(ctx context.Context, port uint16, flag string, o page.Options) (*openedPage, error) {
	ctx, stop := context.WithCancel(ctx)
	handler, err := page.New(ctx, o)
	if err != nil {
		stop()
		return nil, err
	}
	s, err := listen(ctx, loopback, int(port), handler)
	if err != nil {
		stop()
		return nil, &hintedError{fmt.Errorf("the page: %w", err), "choose another port with " + flag + ", 0 for any that is free"}
	}
	return &openedPage{s, stop}, nil
}

// close ends the streams, then the server.
func (o *openedPage) close() error {
	o.stop()
	return o.server.close()
}
