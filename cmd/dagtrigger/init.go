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

const initHelp = `Write a first routes file, examples that test it, and the JSON Schema with which your
editor completes it:

  routes.yaml           which event starts which DAG, with which conf
  routes_test.yaml      events, and the runs that they must start
  routes.schema.json    named by the first line of routes.yaml

Name the source of the events: --bucket for uploads, --topic for Pub/Sub messages, or
both. --event makes a route for an existing event: a JSON file with a CloudEvent, an
object resource, a Pub/Sub message or the body of a push. Without them, the files have
one route of each kind, to edit.

No existing file is overwritten without --force. Nothing is sent.`

// The files that init writes.
const (
	routesName   = "routes.yaml"
	examplesName = "routes_test.yaml"
	schemaName   = "routes.schema.json"
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
		Short:   "Write a first routes file with tests and schema",
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
	if i.json {
		return plainjson.Encode(p.stdout, map[string]any{"folder": folder, "files": []string{routesName, examplesName, schemaName}})
	}
	at := func(name string) string { return filepath.Join(folder, name) }
	_, err = fmt.Fprintf(p.stdout, `wrote %s, %s and %s

Next:
  %s check %s
  %s test %s
  %s serve --local %s
`, at(routesName), at(examplesName), at(schemaName), p.self, at(routesName), p.self, at(examplesName), p.self, at(routesName))
	return err
}

// firstFile is a file to be written.
type firstFile struct {
	name string
	text []byte
}

// firstFiles makes the three files, and checks that the routes have no error and
// that the examples hold: what init writes works.
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
	return []firstFile{{routesName, routes}, {examplesName, examples}, {schemaName, schema}}, nil
}

// writeNew writes all files, or none where one exists and force is not set. A
// schema is generated: an older one is replaced.
func (p *program) writeNew(folder string, files []firstFile, force bool) error {
	var exist []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(folder, f.name)); err == nil && f.name != schemaName {
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
