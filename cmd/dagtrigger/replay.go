// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/replay"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// item is an event to send through the function again.
type item struct {
	place string
	event event.CloudEvent
	// happened is when its runs were started, if they were.
	happened time.Time
	route    string                      // the only route to use; empty for all
	again    string                      // makes its run ids different where it is not empty
	failed   string                      // the route that must have a run; empty for any
	settle   func(context.Context) error // called when its runs exist; nil for nothing
	err      error                       // why it cannot be read
}

// resend prints what it would do with items, asks, does it, and prints a summary.
type resend struct {
	*program
	sender *sender

	noun    string // the name of an item: dead letter
	doing   string // what is done with it: replaying
	from    string // the place of the items
	settled string // describes those whose runs exist, after their number
	left    string // describes the others
	// listed means that the items are objects in a bucket: an unmatched one is
	// settled, and the run of a window has seen it.
	listed bool
	// lookOnly starts nothing: see [resend.list].
	lookOnly bool

	rate      float64
	patience  time.Duration
	retention time.Duration // for which Airflow keeps its runs
	startOld  bool
	yes       bool
	json      bool
}

// defaultRetention is a month: the shortest that Composer 3 can be set to,
// https://cloud.google.com/composer/docs/composer-3/configure-db-retention
const defaultRetention = 30 * 24 * time.Hour

// beyond reports whether Airflow may have removed runs of a time.
func (r *resend) beyond(at time.Time) bool { return !at.IsZero() && r.now().Sub(at) > r.retention }

// old reports whether Airflow may have removed the run of an item, which is not
// to be repeated on purpose.
func (r *resend) old(i *item) bool { return i.again == "" && r.beyond(i.happened) }

// maxRate is the largest --rate, against typing errors.
const maxRate = 10_000

func (r *resend) register(flags *pflag.FlagSet) {
	flags.Float64Var(&r.rate, "rate", 10, "send at most `N` per second")
	spanFlag(flags, &r.patience, "wait", replay.DefaultPatience,
		"wait at most this `DURATION` for a DAG that accepts no run because Airflow is overloaded or down")
	spanFlag(flags, &r.retention, "retention", defaultRetention,
		"the `DURATION` for which Airflow keeps its runs: what is older starts none unless Airflow holds a run of its DAG as old")
	flags.BoolVar(&r.startOld, "start-old", false,
		"start also what is older than all runs that Airflow holds of its DAG: it may run a second time")
	flags.BoolVar(&r.yes, "yes", false, "do not ask")
	jsonFlag(flags, &r.json, "the result as one JSON object, and the plan on standard error")
}

func (r *resend) check() error {
	switch {
	case r.rate <= 0 || r.rate > maxRate:
		return &usageError{text: "--rate is out of bounds", hint: fmt.Sprintf("use a number above 0, at most %d", maxRate)}
	case r.retention <= 0:
		return &usageError{text: "--retention is out of bounds", hint: "give how long Airflow keeps its runs, such as 30d"}
	case r.patience < 0:
		return &usageError{text: "--wait is out of bounds", hint: "use a duration such as 5m, or 0s not to wait"}
	case r.patience == 0:
		r.patience = -1
	}
	return nil
}

// run sends items, which are listed twice: for the plan, and to send them.
func (r *resend) run(ctx context.Context, items func() iter.Seq2[item, error]) error {
	plan, err := r.plan(ctx, items())
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err == nil {
		err = r.printPlan(plan)
	}
	if err != nil || plan.Events == 0 {
		return err
	}
	if err := r.confirm(ctx, "Continue? [y/N] ", r.yes, r.planned()); err != nil {
		return err
	}
	watch := r.watch(plan.Events)
	pass := replay.Pass{Rate: r.rate, Patience: r.patience, Ended: watch.ended, Waiting: watch.waiting, Ending: watch.ending}
	started := time.Now()
	sum, err := pass.Run(ctx, r.events(ctx, items()))
	watch.finish()
	if printErr := r.print(sum, watch, time.Since(started)); err == nil {
		err = printErr
	}
	if err == nil && (sum.Interrupted || len(watch.left) > 0) {
		return errReported
	}
	return err
}

// plan returns what would be done.
func (r *resend) plan(ctx context.Context, items iter.Seq2[item, error]) (*replay.Plan, error) {
	plan := &replay.Plan{}
	for i, err := range items {
		if err != nil {
			return nil, err
		}
		way, err := r.sender.way(i.route)
		if err = errors.Join(i.err, err); err != nil {
			plan.Skip()
			continue
		}
		plan.Add(ctx, way.table, i.event)
		if r.old(&i) {
			plan.Old++
		}
	}
	return plan, nil
}

// events are the items in the form that a pass needs.
func (r *resend) events(ctx context.Context, items iter.Seq2[item, error]) iter.Seq2[replay.Event, error] {
	return func(yield func(replay.Event, error) bool) {
		for i, err := range items {
			if !yield(r.event(ctx, i), err) || err != nil {
				return
			}
		}
	}
}

func (r *resend) event(ctx context.Context, i item) replay.Event {
	way, err := r.sender.way(i.route)
	if err = errors.Join(i.err, err); err != nil {
		return replay.Event{Place: i.place, Send: func(context.Context) ([]trigger.Outcome, error) { return nil, err }}
	}
	again := trigger.Replay{
		Since: r.sender.started, Again: i.again, IgnoreLate: r.listed, StoreNothing: true, LookOnly: r.lookOnly,
	}
	if r.old(&i) && !r.startOld {
		again.HeldFrom = i.happened
	}
	unpaced := i.isUnwanted(ctx, way.table)
	return replay.Event{Place: i.place, Settle: i.settle, Unpaced: unpaced, Send: func(ctx context.Context) ([]trigger.Outcome, error) {
		ev := event.New(i.event)
		outcomes := way.function.Handle(ctx, &ev, again)
		if r.lookOnly && r.old(&i) {
			doubtMissing(outcomes, r.retention)
		}
		return outcomes, i.missed(outcomes)
	}}
}

// doubtMissing adds to a missing run that it may have been removed.
func doubtMissing(outcomes []trigger.Outcome, retention time.Duration) {
	for i := range outcomes {
		if outcomes[i].Kind == trigger.Missing {
			outcomes[i].Reason += ", and it is older than " + retention.String() +
				", for which Airflow keeps its runs (--retention): it may have run, and been removed"
		}
	}
}

// isUnwanted reports whether no route wants the item, so that it makes no request.
func (i *item) isUnwanted(ctx context.Context, table *route.Table) bool {
	ev := event.New(i.event)
	if ev.Invalid != nil {
		return true
	}
	d := table.Decide(ctx, &ev)
	return len(d.Plans)+len(d.Failures) == 0
}

// missed is the error for an item whose route no longer matches it: that other
// routes have their runs does not mean that its run exists.
func (i *item) missed(outcomes []trigger.Outcome) error {
	if i.failed == "" || slices.ContainsFunc(outcomes, func(o trigger.Outcome) bool {
		return o.Route == i.failed || o.Kind != trigger.Duplicate
	}) {
		return nil
	}
	return fmt.Errorf("its route %s no longer matches it, and the other routes have their runs: send it --through a current "+
		"route, or drop it", i.failed)
}

// sender makes the functions that events go through, with all current routes or
// with one of them.
type sender struct {
	config   config.Config
	started  time.Time
	function func() (*dagtrigger.Function, error) // of all routes, whose environments the others share
	ways     map[string]*way                      // by route, "" for all
}

type way struct {
	table    *route.Table
	function *dagtrigger.Function
	err      error
}

// sender reads the settings, with the routes file of --config in place of theirs.
func (p *program) sender(routes string) (*sender, error) {
	getenv, err := p.settingsWith(routes)
	if err != nil {
		return nil, err
	}
	c, err := config.FromEnv(getenv)
	if err != nil {
		return nil, &hintedError{fmt.Errorf("invalid settings:\n%w", err), `"dagtrigger help settings" lists them all`}
	}
	c.DeadLetter, c.RouteDeadLetters = "", nil // no store is opened, which would make its folder
	function := sync.OnceValues(func() (*dagtrigger.Function, error) {
		return dagtrigger.New(c, slog.New(slog.DiscardHandler), nil)
	})
	return &sender{config: c, started: p.now(), function: function, ways: map[string]*way{}}, nil
}

// way is the function with one route, or with all.
func (s *sender) way(name string) (*way, error) {
	if s.ways[name] == nil {
		w := &way{}
		if w.table, w.err = s.table(name); w.err == nil {
			w.function, w.err = s.function()
		}
		if w.err == nil {
			w.function = w.function.Through(w.table)
		}
		s.ways[name] = w
	}
	return s.ways[name], s.ways[name].err
}

// defaultRoute is the name of the route that DAG_ID stands for.
const defaultRoute = "default"

func (s *sender) table(name string) (*route.Table, error) {
	if name == "" || s.config.File == nil && name == defaultRoute {
		return s.config.Table, nil
	}
	if s.config.File != nil {
		if table, ok := s.config.File.Only(name); ok {
			return table, nil
		}
	}
	return nil, fmt.Errorf("no live route is named %q: name another one", name)
}

var errInterrupted = errors.New("interrupted before anything was done")

// confirm asks whether to continue, and returns an error for a no.
func (p *program) confirm(ctx context.Context, question string, yes bool, w io.Writer) error {
	if yes {
		return nil
	}
	if _, err := fmt.Fprint(w, question); err != nil {
		return err
	}
	answer := make(chan string, 1)
	go func() {
		var line string
		if p.stdin != nil {
			line, _ = bufio.NewReader(p.stdin).ReadString('\n') // a missing line is not a yes
		}
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return errInterrupted
	case line := <-answer:
		if stdin, ok := p.stdin.(*os.File); !ok || !isTerminal(stdin) {
			_, _ = fmt.Fprintln(w) // a terminal has the line end that was typed
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		case "":
			return &hintedError{errors.New("nothing was done: it was not confirmed"), "use --yes where nobody can answer"}
		default:
			return errors.New("nothing was done: it was declined")
		}
	}
}
