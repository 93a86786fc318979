// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
)

// fileReader reads one file.
type fileReader struct {
	document.Reader
	file File
	// apart means that the routes have been decoded separately, and root has none.
	apart bool

	getenv      func(string) string
	local       bool              // see [LocalFileFromEnv]
	varProblems document.Problems // of vars, which are read before all else
	deadLetter  document.Text
}

func newFileReader(name string, text []byte) *fileReader {
	sum := sha256.Sum256(text)
	return &fileReader{Reader: document.Reader{File: name}, file: File{Name: name, Digest: hex.EncodeToString(sum[:])}}
}

const routesExample = "routes: [{name: sales-csv, on: object.finalized, dag: load_sales}]"

// fileKeys are the keys of the file, in the order of the documentation.
func fileKeys() []document.Key[fileReader] {
	return []document.Key[fileReader]{
		{
			Name: "environments", Example: "environments: {prod: {composer: projects/acme/locations/europe-west1/environments/prod}}",
			Doc: "The Airflows that routes start DAGs in, by name. Left out: the one in the environment variables, so that one file serves " +
				"every stage.",
			To: func(r *fileReader) any {
				return document.Custom{
					Reads: r.environments,
					Shape: &document.Schema{Type: "object", MinProperties: 1, PropertyNames: &document.Schema{Pattern: route.NamePattern}},
				}
			},
		},
		{
			Name: "dead_letter", Example: "dead_letter: gs://acme-dead-letters/dagtrigger",
			Doc: "Where events that failed permanently are stored; they are then acknowledged: pubsub://projects/P/topics/T, " +
				"gs://BUCKET/PREFIX or file:///FOLDER. A route may have another store. Left out: DEAD_LETTER.",
			Vars: true, To: func(r *fileReader) any { return &r.deadLetter },
		},
		{
			Name: "give_up_after", Example: "give_up_after: 20h",
			Doc: "For how long an event may fail, from its delivery on, until it becomes a dead letter, before the platform drops it after " +
				"its 24 hours. Left out: what GIVE_UP_AFTER says, or 20h where there is a dead_letter.",
			To: func(r *fileReader) any { return &r.file.GiveUpAfter },
		},
		{
			Name: "match", Example: "match: first", Words: []string{MatchFirst, MatchAll},
			Doc: "Which of the routes that match an event start a run. first: the first in the order of the file, as in a chain of if and elif. " +
				"all: each of them. Left out: all.",
			To: func(r *fileReader) any { return &r.file.Match },
		},
		{
			Name: "vars", Example: "vars: {stage: {env: STAGE, default: dev}, landing: \"acme-${vars.stage}-landing\"}",
			Doc: "Values that routes and environments name as ${vars.NAME}, so that one file serves every stage: text, numbers, tables (maps and " +
				"lists), and {env: NAME, default: TEXT} for an environment variable, whose value stands in no error. They can be named in " +
				"bucket, object, topic, subscription, source, subject, attributes, environment, dags and dead_letter, in an environment's keys " +
				"that are no secrets, and in every expression, as vars.NAME or vars.tables[path.table].",
			To: func(*fileReader) any {
				return document.Custom{
					Shape: (*document.Values)(nil).Schema(document.Entry{}),
					Reads: func(*document.Reader, *yaml.Node) {}, // see readVars
				}
			},
		},
		{
			Name: "routes", Required: true, Example: routesExample,
			Doc: "The routes. Every route that matches an event starts a run, each with a separate outcome, unless match is first.",
			To: func(r *fileReader) any {
				return document.Custom{Reads: r.routes, Shape: &document.Schema{Type: "array", MinItems: 1}}
			},
		},
	}
}

// takeApart decodes the routes one by one, and returns the root of a document
// without them, or nil where that cannot be done. The nodes of a whole file need
// more than ten times the memory of its text; a route's are freed before the next.
func (r *fileReader) takeApart(text []byte) *yaml.Node {
	rest, list, line, ok := cut(text)
	if !ok {
		return nil
	}
	root, problem := document.Parse(rest)
	if problem != nil {
		return nil
	}
	r.readVars(root)
	routes := document.Reader{File: r.File, Constants: r.Constants}
	specs, err := route.DecodeList(&routes, list, line)
	if err != nil || len(specs) == 0 {
		return nil
	}
	r.apart, r.file.Routes = true, specs
	r.Problems = append(r.Problems, routes.Problems...)
	return root
}

// address checks the address of a dead-letter store.
func (r *fileReader) address(at document.Position, text document.Text) {
	_, err := deadletter.ParseAddress(text.Value)
	if bad, ok := errors.AsType[*deadletter.AddressError](err); ok {
		what := bad.What
		if text.Written != nil {
			what = text.Shown() + " is no valid address with the value that it has"
		}
		r.Problem(at, "dead_letter: "+what, bad.Fix)
	}
}

// open returns the root of the document, or nil after an error.
func (r *fileReader) open(text []byte) *yaml.Node {
	root, problem := document.Parse(text)
	if problem != nil {
		r.Problem(problem.Position, problem.What, problem.Fix)
	}
	return root
}

// read reads the document.
func (r *fileReader) read(root *yaml.Node) (File, error) {
	if root == nil {
		r.file.Environments = unknown()
		return r.file, r.Problems
	}
	if !r.apart {
		r.readVars(root)
	}
	r.Problems = append(r.Problems, r.varProblems...)
	places := document.Map(&r.Reader, root, "the file", fileKeys(), r).Places
	if at, ok := places["dead_letter"]; ok {
		r.file.DeadLetter = r.deadLetter.Value
		r.address(at, r.deadLetter)
	}
	for i := range r.file.Routes {
		if own := r.file.Routes[i].DeadLetter; own.IsSet() {
			r.address(own.Position, own)
		}
	}
	if _, ok := places["routes"]; ok {
		r.compile()
	}
	if len(r.Problems) == 0 {
		return r.file, nil
	}
	r.file.Table = nil
	r.Problems.Sort()
	return r.file, r.Problems
}

// routes decodes the list of routes, unless takeApart has.
func (r *fileReader) routes(_ *document.Reader, node *yaml.Node) {
	if r.apart {
		return
	}
	before := len(r.Problems)
	r.List(node, "routes", routesExample, func(item *yaml.Node) {
		r.file.Routes = append(r.file.Routes, route.Decode(&r.Reader, item))
	})
	if len(r.file.Routes) == 0 && len(r.Problems) == before {
		r.Problem(document.At(node), "there are no routes", "add one: without any, every event is acknowledged and starts nothing")
	}
}

// compile compiles the routes.
func (r *fileReader) compile() {
	table, problems := r.file.compile(r.file.Routes)
	r.file.Table = table
	r.Problems = append(r.Problems, problems.In(r.File)...)
}
