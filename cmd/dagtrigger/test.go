// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/operator/example"
)

const testHelp = `Run the examples of a routes file with the function's own code. An example is an event
and the runs that it must start; differences are printed. No request is made.

  # sales_test.yaml
  config: routes.yaml
  tests:
    - name: a sales file starts load_sales
      upload: gs://acme-landing/sales/eu/2026-11-22/a.csv
      size: 2048
      starts:
        - route: sales-csv
          dag: load_sales
          conf_has: {region: eu}
    - name: a temporary object starts nothing
      upload: gs://acme-landing/sales/_temporary/a.csv
      starts: []
    - name: an order is shipped
      message: {order: 4711, region: eu, amount: 150}
      topic: orders
      starts: [orders]

Ids, generations and times that an example leaves out are constant, and so are run ids.
--update replaces expectations by the actual results, and completes examples without
expectations; comments and layout stay.`

func (p *program) test() *cobra.Command {
	var t testFlags
	cmd := &cobra.Command{
		Use:     "test FILE...",
		Short:   "Run the examples of a routes file",
		Long:    testHelp + "\n\nThe keys of an example:\n" + strings.TrimSuffix(entriesText(example.Keys()), "\n"),
		GroupID: groupRoutes,
		Example: `  dagtrigger test sales_test.yaml
  dagtrigger test *_test.yaml --junit report.xml
  dagtrigger test sales_test.yaml --update`,
		Args:        takesExamples,
		Annotations: exits("all examples pass, or were updated", "an example fails, or a file is invalid"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := atMostOne(cmd, "update", "json"); err != nil {
				return err
			}
			return p.runTest(cmd.Context(), t, args)
		},
	}
	cmd.Flags().BoolVar(&t.update, "update", false, "replace expectations by the actual results")
	cmd.Flags().StringVarP(&t.config, "config", "f", "", "the routes `FILE` (default: the one that the examples name)")
	jsonFlag(cmd.Flags(), &t.json, "one JSON object a file")
	cmd.Flags().StringVar(&t.junit, "junit", "", "also write the results to this `FILE`, as JUnit XML")
	return cmd
}

// takesExamples checks that there is at least one argument.
func takesExamples(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	e := &usageError{text: "no file of examples is given", hint: `"dagtrigger init" writes a first one, beside its routes`}
	if _, err := os.Stat(examplesName); err == nil {
		e.hint = "this folder has one: dagtrigger test " + examplesName
	}
	return e
}

type testFlags struct {
	config string
	update bool
	json   bool
	junit  string
}

// tried is a file of examples with its results.
type tried struct {
	suite    example.Suite
	results  []example.Result
	problems document.Problems // of the file or its routes, in place of results
}

func (p *program) runTest(ctx context.Context, t testFlags, paths []string) error {
	var all []tried
	files := map[string]config.File{}
	for _, path := range paths {
		all = append(all, tryAll(ctx, path, t.config, files))
	}
	if t.junit != "" {
		if err := writeJUnit(t.junit, all); err != nil {
			return err
		}
	}
	if t.update {
		return p.updateAll(all)
	}
	if t.json {
		return p.printTriedJSON(all)
	}
	return p.printTried(all)
}

// tryAll runs the examples of a file, with the routes of another file than theirs
// where routes names one. Each routes file is read once.
func tryAll(ctx context.Context, path, routes string, files map[string]config.File) tried {
	suite, err := example.Load(path)
	if err != nil {
		return tried{suite: example.Suite{Name: path}, problems: wrongFile(asProblems(err), "routes", "it has routes, and no examples",
			"name a file of examples, such as "+examplesName)}
	}
	if routes != "" {
		suite.Config = routes
	}
	file, ok := files[suite.Config]
	if !ok {
		if file, err = config.Load(suite.Config); err != nil {
			return tried{suite: suite, problems: asProblems(err)}
		}
		files[suite.Config] = file
	}
	return tried{suite: suite, results: suite.Try(ctx, file.Table)}
}

// failed counts the examples that do not hold.
func (t tried) failed() int {
	n := 0
	for _, r := range t.results {
		if len(r.Differences) > 0 {
			n++
		}
	}
	return n
}

func (p *program) printTried(all []tried) error {
	paint := p.painter(p.stdout)
	var b strings.Builder
	failed := false
	for _, t := range all {
		b.WriteString(t.text(paint))
		failed = failed || t.failed() > 0 || len(t.problems) > 0
	}
	_, err := io.WriteString(p.prose(p.stdout), b.String())
	if err == nil && failed {
		return errReported
	}
	return err
}

// text tells a person of the examples that do not hold, and sums up.
func (t tried) text(paint painter) string {
	var b strings.Builder
	for _, problem := range t.problems {
		b.WriteString(problem.String() + "\n")
	}
	for i, r := range t.results {
		if len(r.Differences) > 0 {
			e := t.suite.Examples[i]
			fmt.Fprintf(&b, "%s:%d: %s: %s\n", t.suite.Name, e.Line, e.Name, paint.bad("does not hold"))
		}
		for _, d := range r.Differences {
			b.WriteString("  " + d + "\n")
		}
	}
	switch n := t.failed(); {
	case len(t.problems) > 0:
		b.WriteString(paint.bad(t.suite.Name+": "+plural(len(t.problems), "error")) + "\n")
	case n > 0:
		b.WriteString(paint.bad(fmt.Sprintf("%s: %s, %d of them do not hold", t.suite.Name, plural(len(t.results), "example"), n)) + "\n")
	default:
		b.WriteString(paint.good(fmt.Sprintf("%s: %s, all hold", t.suite.Name, plural(len(t.results), "example"))) + "\n")
	}
	return b.String()
}

// updateAll writes what is into the files.
func (p *program) updateAll(all []tried) error {
	failed := false
	for _, t := range all {
		if len(t.problems) > 0 {
			failed = true
			_, _ = io.WriteString(p.prose(p.stdout), t.text(p.painter(p.stdout)))
			continue
		}
		n := 0
		for i, r := range t.results {
			if r.CanUpdate() {
				n++
			}
			left := r.OtherRuns // of two events, not of an event and what is written of it
			if r.Refused {
				left = r.Differences[:1]
			}
			for _, difference := range left {
				failed = true
				_, _ = fmt.Fprintf(p.prose(p.stdout), "%s:%d: %s: %s\n", t.suite.Name, t.suite.Examples[i].Line,
					t.suite.Examples[i].Name, difference)
			}
		}
		if n > 0 {
			if err := t.update(); err != nil {
				return err
			}
		}
		_, _ = fmt.Fprintf(p.prose(p.stdout), "%s: %s, %d of them updated\n", t.suite.Name, plural(len(t.results), "example"), n)
	}
	if failed {
		return errReported
	}
	return nil
}

func (t tried) update() error {
	text, err := t.suite.Update(t.results)
	if err != nil {
		return err
	}
	info, err := os.Stat(t.suite.Name)
	if err == nil {
		err = os.WriteFile(t.suite.Name, text, info.Mode())
	}
	if err != nil {
		return fmt.Errorf("writing the examples: %w", err)
	}
	return nil
}
