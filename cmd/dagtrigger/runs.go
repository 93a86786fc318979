// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/dagruns"
)

const runsHelp = `List the DAG runs that dagtrigger started, with their state, route, DAG and event, from
Airflow alone: the routes say which DAGs to look at, and a run id which route started it.
It reads, and changes nothing.

--since counts from when a run was created: on Airflow 2 and before from its start, so
that a run that waits is always listed. Runs of routes that have another name today are
listed too; --route chooses one.

Some runs cannot be found, and standard error says so: those of DAGs that a route's dags
gives by a pattern; those that Airflow starts for the events of an asset; and those of a
route with run_id_exact, unless the ids begin with a fixed text, in which case a run that
anybody else started under such an id is listed as well.

Airflow from 3.1 on chooses by the run id. Before that all runs of a DAG are read, the
newest first, and other people's runs count toward --limit.

With --fail-on, the exit status is 1 where such a run is listed, and where not all runs
could be read: so that a scheduled job can raise an alarm.`

// runStates are those of a DAG run, in the order of a summary.
func runStates() []string { return []string{"failed", "running", "queued", "success"} }

type runsFlags struct {
	config, route  string
	states, failOn []string
	since          moment
	limit          int
	json           bool
}

func (p *program) runs() *cobra.Command {
	var f runsFlags
	cmd := &cobra.Command{
		Use:     "runs [FILE]",
		Short:   "List the DAG runs that dagtrigger started, and their states",
		Long:    runsHelp,
		GroupID: groupDeployed,
		Example: `  dagtrigger runs routes.yaml
  dagtrigger runs -f routes.yaml --route sales --state failed --since 7d
  dagtrigger runs -f routes.yaml --since 1h --fail-on failed   # for a scheduled job
  dagtrigger runs -f routes.yaml --json`,
		Args: takesFile(&f.config),
		Annotations: exits("the runs were listed", "some could not be listed, or one has a state of --fail-on; with --fail-on also where "+
			"--limit was met"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return p.runRuns(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	configFlag(flags, &f.config, "DAGTRIGGER_CONFIG or DAG_ID")
	flags.StringVar(&f.route, "route", "", "only runs that the `ROUTE` started")
	flags.StringSliceVar(&f.states, "state", nil, "only runs in the `STATE`: queued, running, success or failed; may be repeated")
	_ = f.since.Set("24h")
	flags.Var(&f.since, "since", "only runs created at the `TIME` or later: 2d (ago), 12h, 2026-11-22 or 2026-11-22T09:30:00Z")
	flags.StringSliceVar(&f.failOn, "fail-on", nil, "exit with 1 where a run is in the `STATE`; may be repeated")
	flags.IntVar(&f.limit, "limit", 2000, "read at most `N` runs of each DAG")
	jsonFlag(flags, &f.json, "one JSON object")
	completes(cmd, "state", runStates())
	completes(cmd, "fail-on", runStates())
	return cmd
}

func (f *runsFlags) check(cmd *cobra.Command) error {
	for name, states := range map[string][]string{"state": f.states, "fail-on": f.failOn} {
		for _, state := range states {
			if !slices.Contains(runStates(), state) {
				return usage(cmd, "--%s %q is not a state: use %s", name, state, strings.Join(runStates(), ", "))
			}
		}
	}
	for _, state := range f.failOn {
		if len(f.states) > 0 && !slices.Contains(f.states, state) {
			return usage(cmd, "--fail-on %s can never be met: --state does not list it", state)
		}
	}
	if f.limit < 1 {
		return usage(cmd, "--limit is out of bounds: use 1 or more")
	}
	return nil
}

// unlisted is what keeps a route's runs from being listed, or some of them.
type unlisted struct {
	Route  string `json:"route"`
	DAGID  string `json:"dag_id"`
	Reason string `json:"reason"`

	limit bool // --limit was met
}

func (u *unlisted) String() string {
	place := "route " + u.Route
	if u.Route == "" {
		place = "DAG " + u.DAGID
	}
	return place + ": " + u.Reason
}

// report is what was found.
type runsReport struct {
	since      time.Time
	runs       []dagruns.Run
	unlisted   []unlisted // by the routes
	incomplete []unlisted // by Airflow
}

func (p *program) runRuns(ctx context.Context, f runsFlags) error {
	getenv, err := p.settingsWith(f.config)
	if err != nil {
		return err
	}
	c, err := config.FromEnv(getenv)
	if err != nil {
		return &hintedError{fmt.Errorf("invalid settings:\n%w", err), `"dagtrigger help settings" lists them all`}
	}
	sources, cannot, err := runSources(&c, f.route)
	if err != nil {
		return err
	}
	if len(sources) == 0 && len(cannot) > 0 {
		return fmt.Errorf("no runs can be listed: %s", cannot[0].String())
	}
	report := runsReport{since: f.since.at(p.now()), unlisted: cannot}
	query := dagruns.Query{Route: f.route, States: f.states, Since: report.since, Limit: f.limit}
	if err := report.read(ctx, c.Environments, sources, query); err != nil {
		return err
	}
	if err := p.printRuns(&report, f); err != nil {
		return err
	}
	return report.verdict(f)
}

// sourcesAtOnce is how many DAGs are asked for at the same time.
const sourcesAtOnce = 4

// read lists the runs of all sources. A DAG that cannot be listed does not keep the others
// from being.
func (r *runsReport) read(ctx context.Context, specs map[string]environment.Spec, sources []dagruns.Source, q dagruns.Query) error {
	environments := newEnvironments(specs)
	listings, errs := make([]dagruns.Listing, len(sources)), make([]error, len(sources))
	var group errgroup.Group
	group.SetLimit(sourcesAtOnce)
	for i, s := range sources {
		env, err := environments.get(s.Environment)
		if err != nil {
			return err
		}
		group.Go(func() error {
			client, err := env.Client(ctx)
			if err == nil {
				listings[i], err = dagruns.List(ctx, client, s, q)
			}
			errs[i] = err
			return nil
		})
	}
	_ = group.Wait() // each source has its own error
	if ctx.Err() != nil {
		return errors.New("interrupted before all runs were read")
	}
	for i, l := range listings {
		r.runs = append(r.runs, l.Runs...)
		switch dag := sources[i].DAG + sources[i].Asset; {
		case errs[i] != nil:
			r.incomplete = append(r.incomplete, unlisted{DAGID: dag, Reason: errs[i].Error()})
		case l.More:
			r.incomplete = append(r.incomplete, unlisted{DAGID: l.DAG, Reason: limitMet(&l, q.Limit), limit: true})
		}
	}
	dagruns.Sort(r.runs)
	return nil
}

func limitMet(l *dagruns.Listing, limit int) string {
	text := fmt.Sprintf("--limit was met after %s", plural(limit, "run"))
	if !l.Back.IsZero() {
		text += ", back to " + l.Back.UTC().Format(time.RFC3339)
	}
	return text + ": raise it, or ask for less with --since, --state or --route"
}

// verdict is the command's error once all is printed.
func (r *runsReport) verdict(f runsFlags) error {
	for _, run := range r.runs {
		if slices.Contains(f.failOn, run.State) {
			return errReported
		}
	}
	for _, u := range r.incomplete {
		if len(f.failOn) > 0 || !u.limit {
			return errReported
		}
	}
	return nil
}
