// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/dagruns"
	"example.com/dagtrigger/internal/operator/replay"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/trigger"
)

// followFlags are about the runs that an event starts.
type followFlags struct {
	wait   bool
	bound  time.Duration
	config string
}

func (f *followFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.wait, "wait", false, "wait until each run of the event is over, and exit with 1 where one fails")
	spanFlag(flags, &f.bound, "wait-timeout", time.Hour, "with --wait, the `DURATION` to wait at most")
	configFlag(flags, &f.config, "DAGTRIGGER_CONFIG or DAG_ID, for --wait")
}

// followed is a run that was followed to its end, or why it was not.
type followed struct {
	Route       string `json:"route"`
	Environment string `json:"environment"`
	DAGID       string `json:"dag_id"`
	RunID       string `json:"dag_run_id"`
	State       string `json:"state"` // the last one seen
	// StartDate and EndDate are those that Airflow gives, null where it gives none.
	StartDate *time.Time `json:"start_date"`
	EndDate   *time.Time `json:"end_date"`
	Error     string     `json:"error,omitempty"` // why its end was not seen
}

// airflowsToFollow are the Airflows of the settings. They need no DAG: the function says
// which runs there are.
func (p *program) airflowsToFollow(routes string) (*environments, error) {
	getenv, err := p.settingsWith(routes)
	if err != nil {
		return nil, err
	}
	if getenv("DAG_ID")+getenv(config.FileVariable) == "" {
		getenv = over(map[string]string{"DAG_ID": defaultDAG}, getenv)
	}
	c, err := config.FromEnv(getenv)
	if err != nil {
		return nil, &hintedError{
			fmt.Errorf("--wait needs the settings of the function's Airflow:\n%w", err),
			`set AIRFLOW_URL or COMPOSER_ENVIRONMENT, or name the routes file with --config: "dagtrigger help settings" lists them all`,
		}
	}
	return newEnvironments(c.Environments), nil
}

// followAll follows the runs of an answer, all at the same time, and prints how they ended.
func (p *program) followAll(ctx context.Context, s *sendFlags, a *answer, airflows *environments) error {
	if !s.json { // the runs take longer than a reader waits
		if err := p.printAnswer(s, a); err != nil {
			return err
		}
	}
	bounded, cancel := context.WithTimeoutCause(ctx, s.follow.bound,
		fmt.Errorf("it was not over after %s: wait longer with --wait-timeout", clock.FormatDuration(s.follow.bound)))
	defer cancel()
	var group sync.WaitGroup
	var runs []*followed
	for _, o := range a.Outcomes {
		if !replay.Ran(o.Kind) || o.DAGID == "" || o.RunID == "" { // the event of an asset has no run
			continue
		}
		f := &followed{Route: o.Route, Environment: o.Environment, DAGID: o.DAGID, RunID: o.RunID}
		runs = append(runs, f)
		env, err := airflows.get(f.Environment)
		if err != nil {
			f.Error = err.Error()
			continue
		}
		group.Go(func() { p.follow(bounded, env, f) })
	}
	group.Wait()
	return p.printFollowed(ctx, s, a, runs)
}

// follow follows one run, and prints its states as they change.
func (p *program) follow(ctx context.Context, env *environment.Airflow, f *followed) {
	client, err := env.Client(ctx)
	var run airflow.DAGRun
	if err == nil {
		run, err = dagruns.Follow(ctx, client, f.DAGID, f.RunID, dagruns.Interval, func(state string) {
			f.State = state
			_, _ = fmt.Fprintf(p.prose(p.stderr), "%s  run %s of %s: %s\n", p.now().Format(time.TimeOnly), visible(f.RunID), visible(f.DAGID),
				visible(state))
		})
	}
	switch {
	case ctx.Err() != nil && err != nil:
		f.Error = context.Cause(ctx).Error()
		if down, ok := errors.AsType[*airflow.Error](err); ok {
			f.Error += "; Airflow did not answer last: " + down.Error()
		}
	case err != nil:
		f.Error = err.Error()
	default:
		f.StartDate, f.EndDate = jsonTime(run.StartDate), jsonTime(run.EndDate)
	}
}

// printFollowed prints how the runs ended, and returns the command's error.
func (p *program) printFollowed(ctx context.Context, s *sendFlags, a *answer, runs []*followed) error {
	a.Runs = runs
	if s.json {
		if err := plainjson.Encode(p.stdout, a); err != nil {
			return err
		}
	}
	ok := a.Acknowledged && len(runs) > 0 && !slices.ContainsFunc(a.Outcomes, func(o trigger.Outcome) bool {
		return o.Kind == trigger.DeadLettered // it is acknowledged, and has no run
	})
	for _, f := range runs {
		ok = ok && f.State == "success" && f.Error == ""
		if !s.json {
			if _, err := fmt.Fprint(p.prose(p.stdout), f.text(p.painter(p.stdout))); err != nil {
				return err
			}
		}
	}
	switch {
	case ok:
		return nil
	case ctx.Err() != nil:
		return errors.New("interrupted: the runs go on without being awaited")
	case a.Acknowledged && len(runs) == 0:
		return errors.New("the event started no run that could be awaited")
	}
	return errReported
}

// text is a run for a person.
func (f *followed) text(paint painter) string {
	text := "  " + paint.state(cmp.Or(visible(f.State), "unknown")) + "  " + destination(trigger.Outcome{DAGID: f.DAGID, RunID: f.RunID})
	if f.StartDate != nil && f.EndDate != nil {
		text += ", in " + took(f.EndDate.Sub(*f.StartDate))
	}
	if f.Error != "" {
		text += "\n    " + visible(f.Error)
	}
	return text + "\n"
}
