// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

const demoHelp = `Start the function and an embedded Airflow on free ports of this machine, and send it
events: uploads, messages and a CloudEvent in every envelope that Google's platform
uses, redeliveries, an upload notified twice, a lost response, an Airflow that is down
and comes back, a request that is not an event, and a message whose conf Airflow
rejects. In the second half, a routes file decides which DAG each event starts, and the
last file of a set starts one run for all of them. What the function does not
acknowledge is sent again, as Pub/Sub would.

Each step is printed as it happens. At the end, the runs in Airflow are compared with
the events: each must have exactly one run for each route that matches, or a reason why
it has none.

The failures are injected between the function and Airflow, so --airflow-url runs the
same demo on your Airflow; the usual settings (AIRFLOW_AUTH and so on) say how to sign
in. It starts twelve runs of the DAG; use a DAG that nothing else starts meanwhile and
that accepts any conf.

--real installs a real Airflow into your cache folder, in a minute, and runs
the demo on it; afterwards you can look at the runs in Airflow's own UI. It takes any
version that pip has from 2.7.0 on. It needs Python, and uses PostgreSQL where it is
installed.`

type demoFlags struct {
	airflowURL string
	real       string // the version of a real Airflow to start, empty for none
	dag        string
	version    string
	serve      bool
	log        bool
	json       bool
	logFormat  string
}

func (p *program) demo() *cobra.Command {
	d := demoFlags{version: string(airflowsim.Airflow33), logFormat: logAuto}
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "See events start DAG runs, through every kind of trouble",
		Long:    demoHelp,
		GroupID: groupTry,
		Example: `  dagtrigger demo
  dagtrigger demo --airflow-version 2.11 --serve
  dagtrigger demo --real 3.3.2
  AIRFLOW_AUTH=basic AIRFLOW_USERNAME=ana AIRFLOW_PASSWORD_FILE=secret \
    dagtrigger demo --airflow-url http://127.0.0.1:8080 --dag example_bash_operator`,
		Args: takes(),
		Annotations: exits("each event has exactly the runs that it must have, or a reason for none",
			"an event was lost or ran twice, or the demo could not run"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := atMostOne(cmd, "airflow-url", "real", "airflow-version"); err != nil {
				return err
			}
			return p.runDemo(cmd.Context(), d)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&d.airflowURL, "airflow-url", "", "run the demo on the Airflow at this `URL`")
	flags.Var(&release{&d.real, airflowreal.CheckVersion}, "real",
		"install and run a real Airflow, of any version that pip has from "+airflowreal.Least+" on")
	flags.StringVar(&d.dag, "dag", "", "the `ID` of the DAG that the events start (default: DAG_ID, or demo)")
	flags.Var(&choice{&d.version, texts(versions())}, "airflow-version",
		"the embedded Airflow's version: "+strings.Join(texts(versions()), ", "))
	flags.BoolVar(&d.serve, "serve", false, "keep both running afterwards, and print commands to try")
	flags.BoolVar(&d.log, "log", false, "show the function's log on standard error")
	flags.Var(&choice{&d.logFormat, logFormats()}, "log-format", logFormatHelp+"; text and json turn --log on")
	completes(cmd, "log-format", logFormats())
	jsonFlag(flags, &d.json, "what happened as one JSON object at the end")
	completes(cmd, "airflow-version", texts(versions()))
	completes(cmd, "real", airflowreal.Versions())
	return cmd
}

func (p *program) runDemo(ctx context.Context, d demoFlags) (err error) {
	st, err := p.openStage(ctx, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	out := p.prose(p.stdout)
	if d.json {
		out = io.Discard
	}
	t := &teller{stage: st, out: out, paint: p.painter(p.stdout)}
	if _, err := fmt.Fprintf(out, "The function listens on %s.\n%s.\n\n", st.function.url, st.about); err != nil {
		return err
	}
	r, err := t.run(ctx, story(p.now(), p.number(), st.dagID))
	if err != nil {
		return err
	}
	if d.json {
		err = plainjson.Encode(p.stdout, r)
	} else {
		_, err = fmt.Fprint(out, r.text(t.paint))
	}
	if err == nil && !r.Holds {
		err = errReported
	}
	if err != nil || !d.serve && d.real == "" {
		return err
	}
	if err := st.decide(ctx, ""); err != nil {
		return err
	}
	return p.keepUp(ctx, st, out)
}

// keepUp keeps the stage running until ctx ends.
func (p *program) keepUp(ctx context.Context, st *stage, out io.Writer) error {
	about := ""
	if st.local != nil {
		about = fmt.Sprintf("%s: %s (login: %s)\n", st.local.name, st.local.url, st.local.login)
	}
	_, err := fmt.Fprintf(out, "\nBoth stay up.\n%sFrom another terminal:\n%s\nCtrl-C ends them.\n", about,
		p.tryThis(ctx, st.function.url, st.served.config(), st.airflows(), st.bucket))
	if err != nil {
		return err
	}
	return wait(ctx, st.function.failed, st.local.failure())
}

// airflows are those that the stage has started.
func (st *stage) airflows() map[string]*localAirflow {
	if st.local == nil {
		return nil
	}
	return map[string]*localAirflow{config.DefaultEnvironment: st.local}
}

// stage is what the demo runs on: the function, an Airflow, and the injected
// failures between the two.
type stage struct {
	function *server
	settings func(string) string // of the function
	served   *reloading
	trouble  *trouble
	airflow  *airflow.Client // a client without injected failures, to list runs
	local    *localAirflow   // nil for the user's Airflow
	bucket   *localBucket    // what the route with complete lists
	about    string          // Airflow, in words
	dagID    string
	poster   *poster
}

func (p *program) openStage(ctx context.Context, d demoFlags) (*stage, error) {
	st := &stage{dagID: cmp.Or(d.dag, dagOf(p.getenv))}
	settings := map[string]string{"AIRFLOW_URL": d.airflowURL, "COMPOSER_ENVIRONMENT": "", config.FileVariable: "", "DEAD_LETTER": ""}
	st.about = "Your Airflow is at " + d.airflowURL
	if d.airflowURL == "" {
		if err := p.openAirflow(ctx, st, d); err != nil {
			return nil, err
		}
		st.about = fmt.Sprintf("%s, is at %s", st.local.name, st.local.url)
		for _, name := range connection() {
			settings[name] = st.local.settings[name]
		}
	}
	settings["DAG_ID"] = st.dagID
	if err := p.openFunction(ctx, st, d, over(settings, p.getenv)); err != nil {
		return nil, errors.Join(err, st.close())
	}
	return st, nil
}

// openAirflow starts an Airflow for the demo.
func (p *program) openAirflow(ctx context.Context, st *stage, d demoFlags) (err error) {
	if d.real == "" {
		st.local, err = embedded{version: d.version, host: loopback, dags: []string{st.dagID}}.start(ctx)
		return err
	}
	st.dagID = cmp.Or(d.dag, airflowreal.PlainDAG)
	st.local, err = startReal(ctx, d.real, func(line string) { _, _ = fmt.Fprintln(p.stderr, line) })
	return err
}

func (p *program) openFunction(ctx context.Context, st *stage, d demoFlags, getenv func(string) string) error {
	log := jsonLog(io.Discard)
	if d.log || d.logFormat != logAuto {
		log = p.log(d.logFormat)
	}
	st.trouble = &trouble{way: airflow.NewTransport(1)}
	var err error
	if st.bucket, err = openLocalBucket(ctx); err != nil {
		return err
	}
	st.settings, st.served = st.bucket.settings(getenv), &reloading{log: log, transport: st.trouble}
	if err := st.decide(ctx, ""); err != nil {
		return err
	}
	env, err := environment.New(st.served.config().Environments[config.DefaultEnvironment], config.Variable, environment.Options{
		Transport: st.trouble.way, UserAgent: "dagtrigger demo",
	})
	if err != nil {
		return err
	}
	if st.airflow, err = env.Client(ctx); err != nil {
		return err
	}
	if st.function, err = listen(ctx, loopback, 0, programsOnly(loopback, st.bucket.fill(st.served))); err != nil {
		return err
	}
	st.poster = newPoster(st.function.url, 1, answerTime, nil)
	return nil
}

// decide loads a routes file; without one every event starts the stage's DAG.
func (st *stage) decide(ctx context.Context, routes string) error {
	st.served.getenv = st.settings
	if routes != "" {
		st.served.getenv = withRoutes(routes, st.settings)
	}
	_, err := st.served.reload(ctx)
	return err
}

// close stops what the stage has started, the function first.
func (st *stage) close() error {
	var errs []error
	if st.function != nil {
		errs = append(errs, st.function.close())
	}
	if st.local != nil {
		errs = append(errs, st.local.close())
	}
	errs = append(errs, st.bucket.close())
	return errors.Join(errs...)
}
