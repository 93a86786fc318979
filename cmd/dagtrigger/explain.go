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
	"example.com/dagtrigger/internal/complete"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

const explainHelp = `Show what each route makes of an event, with the function's own code: the request to
Airflow where the route matches, or the first thing that does not match, with its value.
Each part of a route's condition is shown with its value. No request is made, unless
--look has the bucket listed for a route with complete: its set is compared with what is
there now, as this account (or at STORAGE_EMULATOR_HOST). Without --look, what would be
listed is shown.
--live requests from Airflow the DAGs that wait for a route's asset, and their states.

` + eventArgs + `
Without a routes file, DAG_ID is the DAG that every event starts, as for the function.

The run key is what the run id is made of: the text of the route's run_id, or the
event's key. Events with the same key are the same run.

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
  dagtrigger dead-letters show dagtrigger__sales__30db3192e426dc5bce4e | dagtrigger explain -
  dagtrigger explain --data '{"order": 4711}' --topic orders --attribute kind=order`,
		Annotations: exits("the result of each route was printed", "a route could not be evaluated, or the routes or the event are invalid"),
		RunE: func(cmd *cobra.Command, args []string) error {
			events, err := p.events(cmd, &f, x.as, args)
			if err != nil {
				return err
			}
			request, err := envelope(events, 0, x.as)
			if err != nil {
				return err
			}
			return p.runExplain(cmd.Context(), x, request)
		},
	}
	flags := cmd.Flags()
	configFlag(flags, &x.config, config.FileVariable)
	flags.Var(&choice{&x.as, texts(delivery.Envelopes())}, "as", "how the event is delivered, as in \"dagtrigger send\" "+defaultAs)
	apis := texts([]airflow.API{airflow.V2, airflow.V1, airflow.Experimental})
	flags.Var(&choice{&x.api, apis}, "api", "the API version where the environment names none: "+strings.Join(apis, ", "))
	flags.BoolVar(&x.look, "look", false, "list the bucket of a route with complete")
	flags.BoolVar(&x.live, "live", false, "request from Airflow the DAGs that wait for a route's asset, and their states")
	jsonFlag(flags, &x.json, "one JSON object for each event")
	f.register(cmd)
	completes(cmd, "as", texts(delivery.Envelopes()))
	completes(cmd, "api", apis)
	return cmd
}

type explainFlags struct {
	config string
	as     string
	api    string
	look   bool
	json   bool
	live   bool
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

// explained is what decides what an event starts: the routes of the file that a flag or
// the settings name, or the DAG of a function without a file.
func (p *program) explained(path string) (*config.File, error) {
	dag := strings.TrimSpace(p.getenv("DAG_ID"))
	file := strings.TrimSpace(p.getenv(config.FileVariable))
	switch {
	case path != "" || dag == "":
		return p.routes(path)
	case file != "":
		return nil, &usageError{text: "DAG_ID and " + config.FileVariable + " are both given", hint: "leave one of them out, as for the function"}
	case !route.IsDAG(dag):
		return nil, &usageError{text: fmt.Sprintf("DAG_ID is %q, which is not a valid DAG id", dag), hint: route.FixDAG}
	}
	return &config.File{Name: "DAG_ID", Table: route.Default(dag, config.DefaultEnvironment)}, nil
}

// runExplain explains each event that a request brings.
func (p *program) runExplain(ctx context.Context, x explainFlags, request delivery.Request) error {
	file, err := p.explained(x.config)
	if err != nil {
		return err
	}
	events, err := example.Receive(ctx, request)
	if err == nil && len(events) == 1 && events[0].Invalid != nil {
		err = events[0].Invalid
	}
	if len(events) == 0 || len(events) == 1 && err != nil {
		return fmt.Errorf("reading the event: %w", err)
	}
	failed := err != nil
	for i := range events {
		result := p.explainEvent(ctx, x, file, &events[i])
		if x.live {
			if err := p.askConsumers(ctx, x.config, result.Routes); err != nil {
				return err
			}
		}
		failed = failed || result.failed()
		if x.json {
			err = errors.Join(err, plainjson.Encode(p.stdout, result))
			continue
		}
		text := result.text(p.painter(p.stdout))
		if i > 0 {
			text = "\n" + text
		}
		_, wrong := io.WriteString(p.prose(p.stdout), text)
		err = errors.Join(err, wrong)
	}
	if err != nil {
		return fmt.Errorf("reading the events: %w", err)
	}
	if failed {
		return errReported
	}
	return nil
}

// explainEvent is what the routes make of an event. One whose data is not what its type
// promises meets no route.
func (p *program) explainEvent(ctx context.Context, flags explainFlags, file *config.File, ev *event.Event) explanation {
	x := explanation{Event: seen(ev), file: file}
	if ev.Invalid != nil {
		x.Error = ev.Invalid.Error()
		return x
	}
	x.Routes = p.explainRoutes(ctx, flags, file, ev)
	return x
}

// explainRoutes is what each route makes of an event.
func (p *program) explainRoutes(ctx context.Context, x explainFlags, file *config.File, ev *event.Event) []routeResult {
	var all []routeResult
	for _, r := range file.Table.Explain(ctx, ev) {
		result := routeResult{Route: r.Route, Shadow: r.Shadow, Reason: r.Reason, When: partOf(r.When)}
		for i := range r.Vars {
			result.Vars = append(result.Vars, partOf(&r.Vars[i]))
		}
		var err error
		switch {
		case r.Plan != nil && r.Plan.Set != nil:
			result.Set, result.Run, err = p.previewSet(ctx, x, file, r.Plan)
		case r.Plan != nil:
			result.Run, err = p.preview(ctx, x.api, file, r.Plan)
		case r.Failure != nil:
			err = r.Failure.Err
		}
		if err != nil {
			result.Error = err.Error()
		}
		result.Matched = result.Run != nil || result.Set != nil && err == nil
		all = append(all, result)
	}
	return all
}

// previewSet is the set that a plan waits for and, where the set was looked at and is
// complete, the run.
func (p *program) previewSet(ctx context.Context, x explainFlags, file *config.File, plan *route.Plan) (*setResult, *runResult, error) {
	s := plan.Set
	set := &setResult{
		Bucket: s.Bucket, Prefix: s.Prefix, Names: s.Names, Count: s.Count, Manifest: s.Manifest,
		targetResult: targetOf(plan), Environment: plan.Environment,
	}
	if !s.ByContent {
		set.RunID = trigger.RunID(plan)
	}
	if !x.look {
		return set, nil, nil
	}
	checker := complete.Checker{Bucket: &complete.Storage{Client: storageClient(newTransport(), p.getenv(storageVariable))}}
	completed, err := checker.Complete(ctx, plan)
	if e, ok := errors.AsType[*complete.Error](err); ok && e.Kind == complete.Incomplete {
		set.Incomplete = e.Reason
		return set, nil, nil
	}
	if err != nil {
		return set, nil, err
	}
	run, err := p.preview(ctx, x.api, file, &completed)
	return set, run, err
}

func targetOf(plan *route.Plan) targetResult {
	return targetResult{DAG: plan.DAG, Asset: plan.Asset, Materialize: plan.Materialize}
}

// silent is a transport that sends nothing.
type silent struct{}

func (silent) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("explain sends no request")
}

// requestOf is the request for what a plan asks for. An asset's id is looked up by
// the function alone: 0 stands for it.
func requestOf(ctx context.Context, client *airflow.Client, plan *route.Plan) (*http.Request, error) {
	asset := airflow.Asset{URI: plan.Asset}
	switch {
	case plan.Materialize:
		return client.MaterializeRequest(ctx, asset, trigger.Run(plan))
	case plan.Asset != "":
		return client.PublishRequest(ctx, asset, trigger.AssetEvent(plan))
	}
	return client.Request(ctx, trigger.Run(plan))
}

// preview is the run that a plan asks for, and the request for it.
func (p *program) preview(ctx context.Context, api string, file *config.File, plan *route.Plan) (*runResult, error) {
	spec := file.Environments[plan.Environment]
	if file.Environments == nil {
		spec = environment.Spec{
			Composer: p.getenv("COMPOSER_ENVIRONMENT"), Outbox: p.getenv("AIRFLOW_OUTBOX"),
			URL: p.getenv("AIRFLOW_URL"), API: p.getenv("AIRFLOW_API"),
		}
	}
	r := &runResult{
		Environment: plan.Environment, targetResult: targetOf(plan),
		RunID: trigger.RunID(plan), RunKey: trigger.RunKey(plan), API: spec.API,
	}
	if spec.Outbox != "" {
		return r, r.publish(spec.Outbox, plan)
	}
	if r.API == "" || r.API == string(airflow.Auto) {
		r.API, r.Assumed = api, true
	}
	const unknown = "https://airflow.invalid"
	client, err := airflow.New(airflow.Config{URL: cmp.Or(spec.URL, unknown), API: airflow.API(r.API), Transport: silent{}, Insecure: true})
	if err != nil {
		return nil, fmt.Errorf("building the request: %w", err)
	}
	request, err := requestOf(ctx, client, plan)
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

// publish is the message of an outbox.
func (r *runResult) publish(topic string, plan *route.Plan) (err error) {
	r.Body, err = environment.OutboxMessage(trigger.Run(plan), plan.Route, plan.Environment)
	r.Method, r.Where, r.URL = "publish", topic, "the run"
	return err
}

// askConsumers requests the DAGs that wait for the assets of which events
// would be published.
func (p *program) askConsumers(ctx context.Context, path string, routes []routeResult) error {
	c, err := config.FromEnv(withRoutes(path, p.getenv))
	if err != nil {
		return fmt.Errorf("invalid settings:\n%w", err)
	}
	for _, r := range routes {
		if r.Run == nil || r.Run.Asset == "" || r.Run.Materialize {
			continue
		}
		name := r.Run.Environment
		if r.Run.Consumers, err = consumersOf(ctx, c.Environments[name], r.Run.Asset); err != nil {
			return fmt.Errorf("asking the environment %s for the DAGs that wait for %s: %w", name, r.Run.Asset, err)
		}
	}
	return nil
}

func consumersOf(ctx context.Context, spec environment.Spec, asset string) ([]string, error) {
	env, err := environment.New(spec, config.Variable, environment.Options{UserAgent: "dagtrigger explain"})
	if err != nil {
		return nil, err
	}
	connection, err := env.Connection(ctx)
	if err != nil {
		return nil, err
	}
	found, err := connection.Airflow.Asset(ctx, asset)
	if err != nil {
		return nil, err
	}
	states, _, err := doctor.ConsumerStates(ctx, connection.Airflow, found)
	if err == nil && len(states) == 0 {
		states = []string{"no DAG"}
	}
	return states, err
}
