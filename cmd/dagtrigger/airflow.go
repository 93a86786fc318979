// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

const airflowHelp = `Run an embedded Airflow by itself: an HTTP server, in memory, that answers like the
real one's REST API. It starts, lists and looks up DAG runs, and moves them from
queued to success, or to failed; it runs no task and has no pages.

  --version 3.4    API v2, of Airflow 3.4.0b2
  --version 3.3    API v2, of Airflow 3.3.2
  --version 2.11   API v1 and the experimental one, of Airflow 2.11.2
  --version 1.10   the experimental API, of Airflow 1.10.15

Use it to try a client, or the function with other settings. All runs are gone when it
ends.`

// defaultDAG is the DAG of who names none.
const defaultDAG = "demo"

func (p *program) airflow() *cobra.Command {
	e := embedded{version: string(airflowsim.Airflow33)}
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "airflow",
		Short:   "Run an embedded Airflow by itself",
		Long:    airflowHelp,
		GroupID: groupTry,
		Example: `  dagtrigger airflow
  dagtrigger airflow --version 2.11 --dag load_sales --dag load_stock --port 0`,
		Args:        takes(),
		Annotations: exits("it was ended by SIGINT or SIGTERM", "it could not start"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runAirflow(cmd.Context(), e, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.Var(&choice{&e.version, texts(versions())}, "version", "the Airflow to be: "+strings.Join(texts(versions()), ", "))
	flags.StringVar(&e.host, "host", loopback, "the `ADDRESS` to listen on")
	flags.IntVar(&e.port, "port", 8081, "the `PORT` to listen on, 0 for any that is free")
	flags.StringSliceVar(&e.dags, "dag", []string{defaultDAG}, "the `ID` of a DAG to have; may be repeated")
	flags.StringSliceVar(&e.failing, "failing-dag", nil, "the `ID` of a DAG to have whose runs fail; may be repeated")
	flags.StringSliceVar(&e.assets, "asset", nil,
		"the `URI` of an asset to have, for which a DAG on_asset waits and which a DAG make_asset makes; may be repeated")
	flags.BoolVar(&e.signIn, "sign-in", false, "ask for a login on Airflow 3 too, where else every caller is an admin")
	jsonFlag(flags, &asJSON, "the address, the login and each request as JSON, one object a line")
	completes(cmd, "version", texts(versions()))
	return cmd
}

func (p *program) runAirflow(ctx context.Context, e embedded, asJSON bool) error {
	e.seen = func(method, path string, status int) {
		if asJSON {
			_ = plainjson.Encode(p.stdout, map[string]any{"method": method, "path": path, "status": status})
			return
		}
		_, _ = fmt.Fprintf(p.prose(p.stdout), "%s %s: %d\n", method, visible(path), status)
	}
	a, err := e.start(ctx)
	if err != nil {
		return err
	}
	dags := slices.Concat(e.dags, e.failing)
	if asJSON {
		err = plainjson.Encode(p.stdout, map[string]any{"name": a.name, "url": a.url, "dags": dags, "settings": a.settings})
	} else {
		_, err = fmt.Fprint(p.prose(p.stdout), p.typed(a.text(dags)))
	}
	if err == nil {
		err = wait(ctx, a.failed, nil)
	}
	if closed := a.close(); err == nil {
		err = closed
	}
	return err
}

// text describes how to use a.
func (a *localAirflow) text(dags []string) string {
	return fmt.Sprintf(`%s, listens on %s
login: %s
DAGs:  %s

Its runs:
  %s
The function on it, in another terminal:
  %s dagtrigger serve

Ctrl-C ends it, and its runs are gone. Requests:
`, a.name, a.url, a.login, strings.Join(dags, ", "), a.curl(a.dagID), a.assignments(a.dagID))
}

// assignments are the settings with which the function uses a, for a shell.
func (a *localAirflow) assignments(dagID string) string {
	words := []string{"DAG_ID=" + dagID}
	for _, name := range slices.Sorted(maps.Keys(a.settings)) {
		words = append(words, name+"="+a.settings[name])
	}
	return strings.Join(words, " ")
}
