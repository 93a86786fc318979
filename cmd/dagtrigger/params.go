// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
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

Save it beside the DAG, and import from it.

--check compares the route's conf with the Params that a DAG's file declares, or with
a module that was printed here: members without a Param, types that a Param refuses,
and Params without a default that the conf does not give. Python 3.8 or later parses
the file; it is never run. Where the settings or the routes file name the route's
environment, Airflow is requested for the DAG's Params as well: the conf is compared
with these, and the file is, which shows a file that is not deployed yet.

The types are those of the route's expressions. A field of data or of message.json
can be anything: int(…), string(…) and the like give it a type. "dagtrigger doctor
--examples" compares the confs of examples, value by value.`

func (p *program) params() *cobra.Command {
	var file, check string
	cmd := &cobra.Command{
		Use:     "params ROUTE",
		Short:   "Print the Params and types of a route's conf, in Python",
		Long:    paramsHelp,
		GroupID: groupRoutes,
		Example: `  dagtrigger params sales-csv --config routes.yaml > dags/sales_csv_params.py
  dagtrigger params sales-csv --config routes.yaml --check dags/load_sales.py`,
		Args: takes("the ROUTE"),
		Annotations: exits("it was printed, or the Params take the conf",
			"the Params do not take the conf, or the route has no conf with members"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := p.routes(file)
			if err != nil {
				return err
			}
			at := slices.IndexFunc(f.Routes, func(s route.Spec) bool { return s.Name.Value == args[0] })
			if at < 0 {
				return p.unknownRoute(f, args[0])
			}
			contract, err := params.Of(&f.Routes[at])
			if err != nil {
				return fmt.Errorf("the route %s: %w", args[0], err)
			}
			if check != "" {
				return p.checkParams(cmd.Context(), paramsCheck{file, f, check, contract, &f.Routes[at]})
			}
			_, err = io.WriteString(p.stdout, contract.Python())
			return err
		},
	}
	configFlag(cmd.Flags(), &file, config.FileVariable)
	cmd.Flags().StringVar(&check, "check", "", "compare the conf with the Params in a `FILE`, and in Airflow, instead of printing")
	return cmd
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
