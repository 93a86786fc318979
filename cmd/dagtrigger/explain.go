// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

const explainHelp = `Show what each route makes of an event, with the function's own code: the request to
Airflow where the route matches, or the first thing that does not match, with its value.
Each part of a route's condition is shown with its value. No request is made.

EVENT is gs://BUCKET/OBJECT for an upload of that object (or what --change says), or a
JSON file: a CloudEvent, an object resource, a Pub/Sub message or the body of a push.
- is standard input. With --data it is a Pub/Sub message. The other flags are those of
"dagtrigger send".

The request uses the API version of the route's environment, or of --api where the
environment has none. The credentials are left out.`

func (p *program) explain() *cobra.Command {
	x := explainFlags{api: string(airflow.V2)}
	var f eventFlags
	cmd := &cobra.Command{
		Use:     "explain [EVENT]",
		Short:   "Show what each route makes of an event, and why",
		Long:    explainHelp,
		GroupID: groupRoutes,
		Example: `  dagtrigger explain gs://acme-landing/sales/eu/2026-11-22/a.csv --config routes.yaml
  dagtrigger explain event.json --config routes.yaml
  dagtrigger explain --data '{"order": 4711}' --topic orders --attribute kind=order`,
		Args:        takesAtMost(1),
		Annotations: exits("the result of each route was printed", "a route could not be evaluated, or the routes or the event are invalid"),
		RunE: func(cmd *cobra.Command, args []string) error {
			made, err := p.oneEvent(cmd, &f, x.as, args)
			if err != nil {
				return err
			}
			return p.runExplain(cmd.Context(), x, made)
		},
	}
	flags := cmd.Flags()
	configFlag(flags, &x.config, config.FileVariable)
	flags.Var(&choice{&x.as, texts(delivery.Envelopes())}, "as", "how the event is delivered, as in \"dagtrigger send\" "+defaultAs)
	apis := texts([]airflow.API{airflow.V2, airflow.V1, airflow.Experimental})
	flags.Var(&choice{&x.api, apis}, "api", "the API version where the environment names none: "+strings.Join(apis, ", "))
	jsonFlag(flags, &x.json, "one JSON object")
	f.common(flags)
	f.storage(flags)
	f.pubsub(flags)
	completes(cmd, "as", texts(delivery.Envelopes()))
	completes(cmd, "api", apis)
	return cmd
}

type explainFlags struct {
	config string
	as     string
	api    string
	json   bool
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

// oneEvent makes the event that the argument or flags describe.
func (p *program) oneEvent(cmd *cobra.Command, f *eventFlags, as string, args []string) (delivery.Event, error) {
	var events maker
	var err error
	switch isMessage := cmd.Flags().Changed("data"); {
	case isMessage && len(args) > 0:
		return nil, usage(cmd, "%q is an event, and --data is another", args[0])
	case isMessage:
		p.noteTopic(cmd, f, as)
		events, err = p.makeMessage(f)
	case len(args) == 0:
		return nil, usage(cmd, "the EVENT is missing")
	case strings.HasPrefix(args[0], "gs://"):
		events, err = p.makeObject(f, args[0])
	default:
		events, err = p.makeFile(f, args[0])
	}
	if err != nil {
		return nil, err
	}
	return events(0)
}

// routes reads the routes file that a flag or else the settings name.
func (p *program) routes(path string) (*config.File, error) {
	if path != "" {
		f, err := p.routesFile(path)
		return &f, err
	}
	f, err := config.FileFromEnv(p.getenv)
	switch {
	case err != nil:
		return nil, fmt.Errorf("invalid routes:\n%w", err)
	case f == nil:
		return nil, noRoutes()
	}
	return f, nil
}

func (p *program) runExplain(ctx context.Context, x explainFlags, made delivery.Event) error {
	file, err := p.routes(x.config)
	if err != nil {
		return err
	}
	request, err := made.Request(cmp.Or(delivery.Envelope(x.as), delivery.DefaultEnvelope(made)))
	if err != nil {
		return fmt.Errorf("building the request: %w", err)
	}
	ev, err := example.Receive(ctx, request)
	if err != nil {
		return fmt.Errorf("reading the event: %w", err)
	}
	result := explanation{Event: seen(ev), Routes: p.explainRoutes(ctx, x.api, file, ev), file: file}
	if x.json {
		err = plainjson.Encode(p.stdout, result)
	} else {
		_, err = io.WriteString(p.prose(p.stdout), result.text(p.painter(p.stdout)))
	}
	if err == nil && result.failed() {
		return errReported
	}
	return err
}

// explainRoutes is what each route makes of an event.
func (p *program) explainRoutes(ctx context.Context, api string, file *config.File, ev *event.Event) []routeResult {
	var all []routeResult
	for _, r := range file.Table.Explain(ctx, ev) {
		result := routeResult{Route: r.Route, Reason: r.Reason, When: partOf(r.When)}
		var err error
		switch {
		case r.Plan != nil:
			result.Run, err = p.preview(ctx, api, file, r.Plan)
		case r.Failure != nil:
			err = r.Failure.Err
		}
		if err != nil {
			result.Error = err.Error()
		}
		result.Matched = result.Run != nil
		all = append(all, result)
	}
	return all
}

// silent is a transport that sends nothing.
type silent struct{}

func (silent) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("explain sends no request")
}

// preview is the run that a plan asks for, and the request for it.
func (p *program) preview(ctx context.Context, api string, file *config.File, plan *route.Plan) (*runResult, error) {
	spec := file.Environments[plan.Environment]
	if file.Environments == nil {
		spec = environment.Spec{Composer: p.getenv("COMPOSER_ENVIRONMENT"), URL: p.getenv("AIRFLOW_URL"), API: p.getenv("AIRFLOW_API")}
	}
	r := &runResult{Environment: plan.Environment, DAG: plan.DAG, RunID: trigger.RunID(plan), API: spec.API}
	if r.API == "" || r.API == string(airflow.Auto) {
		r.API, r.Assumed = api, true
	}
	const unknown = "https://airflow.invalid"
	client, err := airflow.New(airflow.Config{URL: cmp.Or(spec.URL, unknown), API: airflow.API(r.API), Transport: silent{}, Insecure: true})
	if err != nil {
		return nil, fmt.Errorf("building the request: %w", err)
	}
	request, err := client.Request(ctx, trigger.Run(plan))
	if err != nil {
		return nil, err
	}
	if r.Body, err = io.ReadAll(request.Body); err != nil {
		return nil, fmt.Errorf("building the request: %w", err)
	}
	r.Method, r.URL = request.Method, request.URL.String()
	if spec.URL == "" {
		r.URL = request.URL.EscapedPath()
		r.Where = cmp.Or(spec.Composer, "the web server")
	}
	return r, nil
}
