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

const replayHelp = `Send the events of dead letters through the function again, after the cause is fixed,
with the routes and the Airflow of the current settings, as "dagtrigger serve" reads
them. The plan is printed first, and you are asked to confirm.

A dead letter is removed only when every route that matches its event has a run, and at
least one does: an existing run counts as a duplicate. Any other dead letter stays, and
its reason is printed, also when no route matches or it has failed again meanwhile. A
run id depends only on the event and the route, so it is safe to replay again, also
after Ctrl-C, which finishes the events in progress.

It is safe for as long as Airflow keeps the runs. After "airflow db clean", or the
retention of Composer's database, an event that had a run would start another one. So
--retention says how long Airflow keeps runs, and a dead letter that first failed before
that starts a run only where Airflow has a run of the DAG as old, or with --start-old.

All current routes are used. --route selects the dead letters of one route, and sends
them through that route alone; --through sends them through another one.

A deferred event is tried again when Airflow says so, for as long as its DAG accepts a
run every --wait; its age counts from the start of the replay. Dead letters in a topic
are acknowledged instead of removed.

--run-again starts separate runs on purpose: an event that has a run gets another one,
for its dead letter's route alone. It is safe to repeat as well: a dead letter starts
one such run, however often it is replayed.`

// replayFlags are the flags of replay alone.
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
		Short: "Send dead letters through the function again",
		Long:  replayHelp,
		Example: `  dagtrigger dead-letters replay --config routes.yaml
  dagtrigger dead-letters replay dagtrigger__sales__30db3192e426dc5bce4e
  dagtrigger dead-letters replay --reason 'no such param' --since 24h --rate 2 --yes
  dagtrigger dead-letters replay --route sales --through sales-v2
  dagtrigger dead-letters replay --store pubsub://projects/acme-prod/topics/dead --subscription dead`,
		Args:        cobra.ArbitraryArgs,
		Annotations: exits("each selected dead letter has its run and is removed", "some are left, or it was not confirmed"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runReplay(cmd.Context(), s, r, f.filter(p.now(), args), only)
		},
	}
	f.register(cmd.Flags())
	r.register(cmd.Flags())
	cmd.Flags().StringVar(&only.through, "through", "", "send through this `ROUTE` alone (default: --route, or all current routes)")
	cmd.Flags().BoolVar(&only.runAgain, "run-again", false, "start separate runs, also for events that have runs already")
	return cmd
}

func (p *program) runReplay(ctx context.Context, s *storeFlags, r *resend, f deadletter.Filter, only replayFlags) (err error) {
	if err := r.check(); err != nil {
		return err
	}
	if r.sender, err = p.sender(s.config); err != nil {
		return err
	}
	if only.through == "" {
		only.through = f.Route
	}
	if _, err := r.sender.way(only.through); err != nil {
		return &hintedError{err, "name another route with --through"}
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

// item is a dead letter to send, or the error that the listing returned instead.
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
		// Derived from the dead letter, so that it starts one more run, and not
		// another at each replay.
		i.again = l.Name() + " " + l.FirstTime.Format(time.RFC3339Nano)
		if i.route == "" {
			i.route = l.Route
		}
	}
	return i, nil
}
