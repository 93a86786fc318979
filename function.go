// SPDX-License-Identifier: Apache-2.0

// Package dagtrigger implements the Cloud Run function TriggerDAG, which turns cloud
// events into Airflow DAG runs.
//
// The function receives CloudEvents, Pub/Sub pushes and background events over HTTP,
// and starts the runs that its routes plan through Airflow's REST API. The package
// joins the packages below internal/ and turns their outcomes into one HTTP response;
// it decides nothing itself.
//
// Importing the package only registers the function. Where FUNCTION_TARGET is set, as
// the platform does, invalid settings end the process, so that the last good revision
// keeps serving.
package dagtrigger

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"golang.org/x/sync/errgroup"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/build"
	"example.com/dagtrigger/internal/caller"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/complete"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/response"
	"example.com/dagtrigger/internal/rest"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/tracing"
	"example.com/dagtrigger/internal/trigger"
)

// Target is the function's name, FUNCTION_TARGET and --entry-point.
const Target = "TriggerDAG"

// maxTime bounds the work on a request where the platform sets no deadline.
const maxTime = 300 * time.Second

// answerTime is left before a deadline, for the response.
const answerTime = time.Second

// connections is how many stay open to each host: enough for a fully used instance.
const connections = 100

// eventsAtOnce bounds how many events of a batch are handled at the same time.
const eventsAtOnce = 4

func init() {
	if os.Getenv("FUNCTION_TARGET") == "" {
		functions.HTTP(Target, fromEnvironment())
		return
	}
	f, err := open(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	functions.HTTP(Target, f.ServeHTTP)
}

// fromEnvironment is the function for a server without FUNCTION_TARGET: the first
// request reads the settings.
func fromEnvironment() http.HandlerFunc {
	first := sync.OnceValues(func() (*Function, error) { return open(os.Getenv) })
	return func(w http.ResponseWriter, r *http.Request) {
		f, err := first()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		f.ServeHTTP(w, r)
	}
}

// open makes the function that the environment variables describe. Its error lists
// every invalid setting with its fix.
func open(getenv func(string) string) (*Function, error) {
	c, err := config.FromEnv(getenv)
	if err != nil {
		return nil, fmt.Errorf("dagtrigger cannot start, invalid settings:\n%w", err)
	}
	log := cloudlog.New(os.Stderr, c.LogLevel)
	pressure.LimitMemory()
	// Once per process: Cloud Run adds the revision to every line.
	for _, unknown := range config.Unknown(os.Environ()) {
		log.Warn("unknown variable", slog.String("reason", unknown.String()))
	}
	version := build.Read()
	log.Info("starting", slog.String("version", version.Version), slog.String("commit", version.Revision), slog.String("go", version.Go))
	f, err := New(c, log, nil)
	if err == nil {
		// A process without such an event leaves signals alone, and can be measured by
		// callgrind, which ends at a handled one.
		f.reports.Held = sync.OnceFunc(func() { go cloudlog.AtEnd(f.Close) })
	}
	return f, err
}

// Function handles events. Any number of requests may share it.
type Function struct {
	table    *route.Table
	pipeline *trigger.Pipeline
	callers  *caller.Checker // nil where any caller is allowed
	traces   *tracing.Tracer // nil where nothing is traced
	handler  http.Handler    // serve, traced
	bytes    *pressure.Bytes // of bodies in memory
	turns    *pressure.Turns // of events that are evaluated
	reports  *trigger.Reporter
	shadows  *trigger.Shadows      // nil for none
	prefetch func(context.Context) // of the token, while the first request is read
	log      *slog.Logger
	project  string
}

// New makes the function that c describes. transport sends all requests; nil means a
// new one. New makes no request.
func New(c config.Config, log *slog.Logger, transport http.RoundTripper) (*Function, error) {
	f := &Function{
		table: c.Table,
		pipeline: &trigger.Pipeline{
			Airflows:         make(map[string]trigger.Airflow, len(c.Environments)),
			Outboxes:         map[string]trigger.Outbox{},
			RouteDeadLetters: make(map[string]trigger.DeadLetters, len(c.RouteDeadLetters)),
			GiveUpAfter:      c.GiveUpAfter,
			RoutesDigest:     digest(c),
		},
		bytes:   pressure.NewBytes(0),
		turns:   pressure.NewTurns(runtime.GOMAXPROCS(0)),
		reports: trigger.NewReporter(log, digest(c)),
		log:     log,
		project: c.Project,
	}
	if transport == nil {
		transport = airflow.NewTransport(connections)
	}
	traces, err := tracing.New(context.Background(), tracing.Config{
		Endpoint: c.TracesTo, Service: cmp.Or(c.Service, "dagtrigger"), Version: build.Read().Version,
		Transport: transport, Log: log,
	})
	if err != nil {
		return nil, err
	}
	f.traces, f.handler = traces, traces.Handler(Target, http.HandlerFunc(f.serve))
	untraced := transport
	transport = traces.Transport(untraced)
	f.callers, err = caller.New(caller.Config{Accounts: c.AllowCallers, Audiences: c.AllowAudience, Transport: transport})
	if err != nil {
		return nil, err
	}
	// One account for all environments: they share its tokens.
	google := identity.NewGoogle(&identity.ADC{Transport: transport})
	f.shadow(c)
	if err := f.openEnvironments(c, environment.Options{
		Transport: untraced, Wrap: traces.Transport, Google: google, UserAgent: build.Read().UserAgent(), Logger: log,
	}); err != nil {
		return nil, err
	}
	f.pipeline.Sets = &complete.Checker{
		Turns: f.turns,
		Bucket: &complete.Storage{Client: rest.ForGoogle(rest.Options{
			Google: google.Client, Transport: transport, UserAgent: build.Read().UserAgent(),
			Emulator: c.StorageEmulator, Root: rest.CloudStorage,
		})},
	}
	if err := f.openStores(c, google, transport); err != nil {
		return nil, err
	}
	if c.File != nil {
		log.Info("routes loaded", slog.String("file", c.File.Name), slog.String("digest", c.Digest()))
	}
	return f, nil
}

// shadow has the routes decide that start nothing: those of the file, and a whole file.
func (f *Function) shadow(c config.Config) {
	s := &trigger.Shadows{Pipeline: f.pipeline, Turns: f.turns}
	if c.Table.HasShadows() {
		s.Routes = append(s.Routes, trigger.ShadowRoutes{Decide: c.Table.DecideShadows})
	}
	if c.Shadow != nil {
		f.log.Info("shadow routes loaded", slog.String("file", c.Shadow.Name), slog.String("digest", c.Shadow.Digest))
		s.Routes = append(s.Routes, trigger.ShadowRoutes{
			ShadowFile: trigger.ShadowFile{Name: c.Shadow.Name, Digest: c.Shadow.Digest},
			Decide: func(ctx context.Context, ev *event.Event, _ route.Decision) route.Decision {
				return c.Shadow.Table.Decide(ctx, ev)
			},
		})
	}
	if len(s.Routes) > 0 {
		f.shadows, f.pipeline.Compare = s, true
	}
}

// openEnvironments makes the environments, without a request.
func (f *Function) openEnvironments(c config.Config, options environment.Options) (err error) {
	f.prefetch = func(context.Context) {}
	for name, spec := range c.Environments {
		if spec.Composer != "" || spec.AuthKind() == identity.KindGoogle || spec.Outbox != "" && c.PubSubEmulator == "" {
			f.prefetch = options.Google.Prefetch
		}
		if spec.Outbox != "" {
			f.pipeline.Outboxes[name], err = environment.NewOutbox(spec, config.Variable, c.PubSubEmulator, options)
		} else {
			f.pipeline.Airflows[name], err = environment.New(spec, config.Variable, options)
		}
		if err != nil {
			return fmt.Errorf("setting up the environment %s: %w", name, err)
		}
	}
	return nil
}

// openStores opens the dead-letter stores, without a request.
func (f *Function) openStores(c config.Config, google *identity.Google, transport http.RoundTripper) (err error) {
	options := deadletter.Options{
		Google: google.Client, Transport: transport, UserAgent: build.Read().UserAgent(),
		StorageEmulator: c.StorageEmulator, PubSubEmulator: c.PubSubEmulator,
	}
	for _, address := range c.RouteDeadLetters {
		if f.pipeline.RouteDeadLetters[address], err = deadletter.Open(address, options); err != nil {
			return err
		}
	}
	if c.DeadLetter != "" {
		f.pipeline.DeadLetters, err = deadletter.Open(c.DeadLetter, options)
	}
	return err
}

// Through is f with other routes and no shadows, which shares its environments with f:
// the bounds on the calls to an Airflow hold for both together.
func (f *Function) Through(table *route.Table) *Function {
	g := *f
	g.table, g.shadows = table, nil
	g.handler = f.traces.Handler(Target, http.HandlerFunc(g.serve))
	return &g
}

// Close writes the lines of the log that add up events of the last second, before the
// process ends. The function may go on: later lines are written at once.
func (f *Function) Close() { f.reports.Close() }

// digest identifies the routes file in dead letters; empty without one.
func digest(c config.Config) string {
	if c.File == nil {
		return ""
	}
	return "sha256:" + c.Digest()
}

// Handle decides what ev starts, starts it, and logs each outcome: in a line, or in the count of one.
// It returns when all of that is done. replay is the zero value for an event
// that is delivered as it happens.
func (f *Function) Handle(ctx context.Context, ev *event.Event, replay trigger.Replay) []trigger.Outcome {
	report := f.reports.Request()
	defer report.End(ctx)
	return f.handle(ctx, ev, replay, nil, report)
}

func (f *Function) handle(
	ctx context.Context, ev *event.Event, replay trigger.Replay, body *pressure.Body, report *trigger.RequestReport,
) []trigger.Outcome {
	started := time.Now()
	if len(ev.Dropped) > 0 {
		f.log.LogAttrs(ctx, slog.LevelDebug, "attributes dropped", slog.String("event_id", ev.ID), slog.Any("attributes", ev.Dropped))
	}
	var outcomes []trigger.Outcome
	var judge func() []trigger.Shadow
	if ev.Invalid != nil {
		outcomes = []trigger.Outcome{f.pipeline.Refuse(ctx, ev, ev.Invalid.Reason, replay)}
	} else {
		d, err := f.decide(ctx, ev, body)
		outcomes = f.pipeline.Run(pressure.WithBody(ctx, body), ev, d, replay)
		if f.shadows != nil && err == nil && replay == (trigger.Replay{}) {
			judge = func() []trigger.Shadow { return f.shadows.Judge(ctx, ev, d, body) }
		}
	}
	for i := range outcomes {
		outcomes[i].Shorten()
	}
	report.Event(ctx, ev, outcomes, started, judge)
	return outcomes
}

// decide evaluates the routes when it is the event's turn. What they computed is
// counted with the body before another event has the turn, so that the memory
// of all requests together stays bounded; body is nil outside of a request. Beside an
// error the decision defers the event, which did not get its turn.
func (f *Function) decide(ctx context.Context, ev *event.Event, body *pressure.Body) (route.Decision, error) {
	if body != nil {
		if err := body.WaitForMemory(); err != nil {
			return undecided(err), err
		}
	}
	done, err := f.turns.Take(ctx, ev.Size())
	if err != nil {
		return undecided(err), err
	}
	defer done()
	d := f.table.Decide(ctx, ev)
	if body != nil {
		body.Hold(d.Written)
	}
	return d, nil
}

// undecided is the decision about an event that did not get its turn.
func undecided(err error) route.Decision {
	return route.Decision{Failures: []route.Failure{{Err: fmt.Errorf("waiting to evaluate the routes: %w", err)}}}
}

// ServeHTTP responds to a request, on any path, when all its events are handled.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.handler.ServeHTTP(w, r) }

func (f *Function) serve(w http.ResponseWriter, r *http.Request) {
	if caller.AnswerProbe(w, r) || caller.AnswerHandshake(w, r) {
		return
	}
	ctx, cancel := f.context(r)
	defer cancel()
	if err := f.callers.Check(ctx, r.Header); err != nil {
		f.reports.CallerRefused(ctx, response.CallerRefused(w, err), err.Error())
		return
	}
	f.prefetch(ctx)
	r = r.WithContext(ctx)
	if err := event.DecodeContent(r); err != nil {
		f.refuse(ctx, w, err)
		return
	}
	body := f.bytes.Body(ctx, r.Body, r.ContentLength, http.NewResponseController(w).SetReadDeadline)
	defer body.Release()
	r.Body = body
	events, err := event.FromRequest(r, event.MaxBody)
	outcomes := f.handleAll(ctx, events, body)
	if err != nil {
		f.refuse(ctx, w, err, outcomes...)
		return
	}
	response.Outcomes(w, outcomes)
}

// handleAll handles the events of one request: one, or those of a batch.
func (f *Function) handleAll(ctx context.Context, events []event.Event, body *pressure.Body) []trigger.Outcome {
	report := f.reports.Request()
	defer report.End(ctx)
	if len(events) == 1 {
		return f.handle(ctx, &events[0], trigger.Replay{}, body, report)
	}
	outcomes := make([][]trigger.Outcome, len(events))
	var group errgroup.Group
	group.SetLimit(eventsAtOnce)
	for i := range events {
		group.Go(func() error {
			outcomes[i] = f.handle(ctx, &events[i], trigger.Replay{}, body, report)
			return nil
		})
	}
	_ = group.Wait() // no event returns an error: each has its outcomes
	return slices.Concat(outcomes...)
}

// context bounds the time of r, and links its log lines to its trace.
func (f *Function) context(r *http.Request) (context.Context, context.CancelFunc) {
	ctx := r.Context()
	if trace, ok := cloudlog.TraceOf(r.Header, f.project); ok {
		ctx = cloudlog.WithTrace(ctx, trace)
	}
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-answerTime))
	}
	return context.WithTimeout(ctx, maxTime-answerTime)
}

// refuse answers and logs a request that brought no event. Of a batch there may be
// others, whose outcomes are known.
func (f *Function) refuse(ctx context.Context, w http.ResponseWriter, err error, others ...trigger.Outcome) {
	status := response.Error(w, err, others)
	f.log.LogAttrs(ctx, slog.LevelError, "no event", slog.Int("status", status), slog.String("reason", trigger.Short(err.Error())))
}
