// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/route"
)

const initHelp = `Write a first routes file, examples that test it, and the JSON Schemas with which your
editor completes both:

  routes.yaml                which event starts which DAG, with which conf
  routes_test.yaml           events, and the runs that they must start
  routes.schema.json         named by the first line of routes.yaml
  routes_test.schema.json    named by the first line of routes_test.yaml

Name the source of the events: --bucket for uploads, --topic for Pub/Sub messages, or
both. --event makes a route for an existing event: a JSON file with a CloudEvent, an
object resource, a Pub/Sub message or the body of a push. Without them, the files have
one route of each kind, to edit.

No existing file is overwritten without --force. Nothing is sent.`

// The files that init writes.
const (
	routesName         = "routes.yaml"
	examplesName       = "routes_test.yaml"
	schemaName         = "routes.schema.json"
	examplesSchemaName = "routes_test.schema.json"
)

// initFlags say what the first routes are for.
type initFlags struct {
	buckets, topics []string
	object          string
	dag             string
	event           string
	force, json     bool
}

func (p *program) init() *cobra.Command {
	i := initFlags{dag: "load"}
	cmd := &cobra.Command{
		Use:     "init [FOLDER]",
		Short:   "Write a first routes file with tests and schemas",
		Long:    initHelp,
		GroupID: groupRoutes,
		Example: `  dagtrigger init --bucket acme-landing --dag load_sales
  dagtrigger init --topic orders --dag load_orders config/
  dagtrigger init --event event.json --dag load_sales`,
		Args:        takesAtMost(1),
		Annotations: exits("the files are written", "a file exists already, or could not be written"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if i.object != "" && len(i.buckets) == 0 {
				return usage(cmd, "--object needs --bucket")
			}
			if !route.IsDAG(i.dag) {
				return usage(cmd, "--dag %q is not a valid DAG id: %s", i.dag, route.FixDAG)
			}
			folder := "."
			if len(args) == 1 {
				folder = args[0]
			}
			return p.runInit(cmd.Context(), i, folder)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&i.buckets, "bucket", nil, "a `BUCKET` whose uploads start the DAG; may be repeated")
	flags.StringVar(&i.object, "object", "", "the `PATTERN` of the object names, such as sales/{region=*}/*.csv (default: any object)")
	flags.StringArrayVar(&i.topics, "topic", nil, "a `TOPIC` whose messages start the DAG; may be repeated")
	flags.StringVar(&i.dag, "dag", i.dag, "the `DAG` to start")
	flags.StringVar(&i.event, "event", "", "make a route for the event in this JSON `FILE` (-: standard input)")
	jsonFlag(flags, &i.json, "the names of the files as one JSON object")
	flags.BoolVar(&i.force, "force", false, "overwrite files that exist")
	return cmd
}

func (p *program) runInit(ctx context.Context, i initFlags, folder string) error {
	drafts, err := p.drafts(ctx, i)
	if err != nil {
		return err
	}
	files, err := firstFiles(ctx, drafts)
	if err != nil {
		return err
	}
	if err := p.writeNew(folder, files, i.force); err != nil {
		return err
	}
	names, paths := make([]string, len(files)), make([]string, len(files))
	for i, f := range files {
		names[i], paths[i] = f.name, filepath.Join(folder, f.name)
	}
	if i.json {
		return plainjson.Encode(p.stdout, map[string]any{"folder": folder, "files": names})
	}
	_, err = fmt.Fprintf(p.stdout, `wrote %[1]s

Next:
  %[2]s check %[3]s
  %[2]s test %[4]s
  %[2]s serve --local %[3]s
`, strings.Join(paths, ", "), p.self, paths[0], paths[1])
	return err
}

// firstFile is a file to be written.
type firstFile struct {
	name string
	text []byte
	// generated is set for a schema: an older one is replaced.
	generated bool
}

// firstFiles makes the files, the routes and their examples first, and checks that the
// routes have no error and that the examples hold: what init writes works.
func firstFiles(ctx context.Context, drafts []routeDraft) ([]firstFile, error) {
	routes, examples := firstRoutes(drafts), firstExamples(drafts)
	file, err := config.Parse(routesName, routes)
	if err != nil {
		return nil, fmt.Errorf("the routes that would be written are invalid:\n%w", err)
	}
	suite, err := example.Parse(examplesName, examples)
	if err != nil {
		return nil, fmt.Errorf("the examples that would be written are invalid:\n%w", err)
	}
	results := suite.Try(ctx, file.Table)
	for _, r := range results {
		if r.Refused {
			return nil, errors.New(r.Differences[0])
		}
	}
	if examples, err = suite.Update(results); err != nil {
		return nil, err
	}
	schema, err := config.Schema()
	if err != nil {
		return nil, err
	}
	examplesSchema, err := example.Schema()
	return []firstFile{
		{name: routesName, text: routes}, {name: examplesName, text: examples},
		{name: schemaName, text: schema, generated: true}, {name: examplesSchemaName, text: examplesSchema, generated: true},
	}, err
}

// writeNew writes all files, or none where one exists that is not generated and force
// is not set.
func (p *program) writeNew(folder string, files []firstFile, force bool) error {
	var exist []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(folder, f.name)); err == nil && !f.generated {
			exist = append(exist, filepath.Join(folder, f.name))
		}
	}
	if len(exist) > 0 && !force {
		return &hintedError{fmt.Errorf("%s exists already", strings.Join(exist, ", ")), "name another folder, or overwrite with --force"}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(folder, f.name), f.text, 0o644); err != nil {
			return fmt.Errorf("writing the files: %w", err)
		}
	}
	return nil
}
