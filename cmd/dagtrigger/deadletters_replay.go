// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/deadletter"
)

const replayHelp = `Send dead letters through the function once more, once the cause is mended: by the
routes and to the Airflow that the settings tell of now, as "dagtrigger serve" reads
them. What would be done is told first, and asked about.

A letter is removed only once a run exists for every route that its event went to, and
for one at least: a run that was there already is met as a duplicate. Any other letter
stays, and its reason is told: also one that no route wants, or that has failed again
meanwhile. A run id depends on the event and the route alone, so that it is safe to
replay again, also after Ctrl-C, which finishes what is under way.

It is safe as long as Airflow holds the runs. After "airflow db clean", or the retention
of Composer's database, a letter of an event that has run would run again, by another route say. So
--retention says how long Airflow keeps its runs, and a letter that first failed before
that starts a run only where Airflow holds a run of the DAG as old, or with --start-old.

All routes of today decide. With --route only that route's letters are sent, and
through that route alone; with --through they go through another one.

An event that is deferred is tried again when Airflow says, and as long as its DAG
takes a run every --wait; its age counts from the start of the replay. Letters of a
topic are acknowledged where those of a bucket are removed.

--run-again makes runs of their own, on purpose: an event that has a run starts another
one, of its letter's route alone. Also that is safe to repeat: a letter starts one such
run, however often it is replayed.`

// replayFlags are those of replay alone.
type replayFlags struct {
	through  string
	runAgain bool
}

func (p *program) deadLettersReplay(s *storeFlags) *cobra.Command {
	var f filterFlags
	var only replayFlags
	r := &resend{
		program: p, noun: "dead letter", doing: "replaying",
		settled: "removed: their runs exist", left: "left where they are",
	}
	cmd := &cobra.Command{
		Use:   "replay [NAME...]",
		Short: "Send dead letters through the function once more",
		Long:  replayHelp,
		Example: `  dagtrigger dead-letters replay --config routes.yaml
  dagtrigger dead-letters replay dagtrigger__sales__30db3192e426dc5bce4e
  dagtrigger dead-letters replay --reason 'no such param' --since 24h --rate 2 --yes
  dagtrigger dead-letters replay --route sales --through sales-v2
  dagtrigger dead-letters replay --store pubsub://projects/acme/topics/dead --subscription dead-pull`,
		Args:        cobra.ArbitraryArgs,
		Annotations: exits("each letter that was chosen has its run, and is removed", "some are left, or nobody said yes"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runReplay(cmd.Context(), s, r, f.filter(p.now(), args), only)
		},
	}
	f.register(cmd.Flags())
	r.register(cmd.Flags())
	cmd.Flags().StringVar(&only.through, "through", "", "send through this `ROUTE` alone (default: --route, or all of today's)")
	cmd.Flags().BoolVar(&only.runAgain, "run-again", false, "start runs of their own, where the events have some already")
	return cmd
}

func (p *program) runReplay(ctx context.Context, s *storeFlags, r *resend, f deadletter.Filter, only replayFlags) (err error) {
	if err := r.check(); err != nil {
		return err
	}
	if r.sender, err = p.sender(withRoutes(s.config, p.getenv)); err != nil {
		return err
	}
	if only.through == "" {
		only.through = f.Route
	}
	if _, err := r.sender.way(only.through); err != nil {
		return &hintedError{err, "--through names the route to send through"}
	}
	all, stores, err := p.openStores(s, r.sender.config.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	r.from = strings.Join(stores, ", ")
	found := map[string]bool{}
	err = r.run(ctx, func() iter.Seq2[item, error] {
		return func(yield func(item, error) bool) {
			for l, err := range all.list(ctx, f) {
				if len(f.Names) > 0 {
					found[l.Name()] = true
				}
				if !yield(only.item(l, err)) {
					return
				}
			}
		}
	})
	if err == nil {
		err = missing(f.Names, found)
	}
	return err
}

// item is a letter to be sent, or the error that a listing gave in its place.
func (only replayFlags) item(l stored, err error) (item, error) {
	if bad, ok := errors.AsType[*deadletter.UnreadableError](err); ok {
		return item{place: bad.Place, err: bad}, nil
	}
	if err != nil {
		return item{}, err
	}
	i := item{
		place: l.Place, event: l.Event, happened: l.FirstTime, route: only.through,
		settle: func(ctx context.Context) error { return l.archive.Remove(ctx, l.Letter) },
	}
	if only.through == "" {
		i.failed = l.Route
	}
	if only.runAgain {
		// The letter's own word, so that it starts one run more and not another
		// whenever it is replayed.
		i.again = l.Name() + " " + l.FirstTime.Format(time.RFC3339Nano)
		if i.route == "" {
			i.route = l.Route
		}
	}
	return i, nil
}
