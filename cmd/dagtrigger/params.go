// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/params"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/nearest"
)

const paramsHelp = `Print the DAG's side of a route: a Python module with the Params of the route's conf,
each with its type and with the expression that it comes from, a TypedDict for the
code that reads the conf, and a test for pytest. Airflow 2.2 and later import it.

Save it beside the DAG, and import from it. With --check the module that you have
saved is compared with the route as it is now; "dagtrigger doctor" compares the Params
that Airflow knows with the conf of the route's examples.

The types are those of the route's expressions. A field of data or of message.json
can be anything: int(…), string(…) and the like give it a type.`

func (p *program) params() *cobra.Command {
	var file, check string
	cmd := &cobra.Command{
		Use:     "params ROUTE",
		Short:   "Print the Params and types of a route's conf, in Python",
		Long:    paramsHelp,
		GroupID: groupRoutes,
		Example: `  dagtrigger params sales-csv --config routes.yaml > dags/sales_csv_params.py
  dagtrigger params sales-csv --config routes.yaml --check dags/sales_csv_params.py`,
		Args: takes("the ROUTE"),
		Annotations: exits("it was printed, or the file of --check is up to date",
			"the file is not up to date, or the route has no conf with members"),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := p.routes(file)
			if err != nil {
				return err
			}
			return p.runParams(f, args[0], check)
		},
	}
	configFlag(cmd.Flags(), &file, config.FileVariable)
	cmd.Flags().StringVar(&check, "check", "", "compare with this `FILE` instead of printing")
	return cmd
}

func (p *program) runParams(f *config.File, name, check string) error {
	at := slices.IndexFunc(f.Routes, func(s route.Spec) bool { return s.Name.Value == name })
	if at < 0 {
		return p.unknownRoute(f, name)
	}
	contract, err := params.Of(&f.Routes[at])
	if err != nil {
		return fmt.Errorf("the route %s: %w", name, err)
	}
	if check == "" {
		_, err = io.WriteString(p.stdout, contract.Python())
		return err
	}
	saved, err := os.ReadFile(check)
	if err != nil {
		return fmt.Errorf("reading the module: %w", err)
	}
	if line := firstDifference(contract.Python(), string(saved)); line > 0 {
		return &hintedError{
			fmt.Errorf("%s:%d: it is not what the route %s gives now", check, line, name),
			fmt.Sprintf("write it again: %s params %s > %s", cmp.Or(p.self, "dagtrigger"), name, check),
		}
	}
	_, err = fmt.Fprintf(p.stdout, "%s is up to date\n", check)
	return err
}

// unknownRoute names the routes of a file.
func (p *program) unknownRoute(f *config.File, name string) error {
	var names []string
	for i := range f.Routes {
		names = append(names, f.Routes[i].Name.Value)
	}
	hint := "its routes are " + strings.Join(names, ", ")
	if near := nearest.Of(name, names...); near != "" {
		hint = "did you mean " + near + "?"
	}
	return &hintedError{fmt.Errorf("%s has no route %q", f.Name, name), hint}
}

// firstDifference is the number of the first line in which two texts differ; 0
// where they do not.
func firstDifference(a, b string) int {
	if a == b {
		return 0
	}
	lines, others := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(lines), len(others)) {
		if lines[i] != others[i] {
			return i + 1
		}
	}
	return min(len(lines), len(others)) + 1
}
