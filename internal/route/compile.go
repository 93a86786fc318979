// SPDX-License-Identifier: Apache-2.0

package route

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"example.com/dagtrigger/internal/airflowid"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route/expression"
	"example.com/dagtrigger/internal/route/habit"
	"example.com/dagtrigger/internal/route/nearest"
	"example.com/dagtrigger/internal/route/pattern"
)

// Options are what a route needs to know of the rest of the file.
type Options struct {
	// Environments are the names of the environments. A route may leave its own
	// out where there is one; with none, no route may name one.
	Environments []string
	// Default is the environment of all routes where Environments has none.
	Default string
	// Constants are the values of the file's vars.
	Constants document.Constants
	// First has the first route that matches an event win, instead of all.
	First bool
	// APIs are the APIs that environments state, by name: v2, v1 or experimental, or
	// [Outbox].
	APIs map[string]string
}

// Compile makes a table of specs, or reports all that is wrong with them, in the
// order of the file. It uses all cores.
func Compile(specs []Spec, opts Options) (*Table, document.Problems) {
	expressions, err := expression.NewCompiler()
	if err != nil {
		return nil, document.Problems{{What: err.Error(), Fix: "this is a bug in the program: report it"}}
	}
	shared := &workshop{options: opts, expressions: expressions, patterns: map[string]parsed{}, constants: constantsOf(opts.Constants)}
	expressions.Declare(shared.constants)
	rules := make([]rule, len(specs))
	problems := make([]document.Problems, len(specs))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(len(specs), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(specs); i = int(next.Add(1)) - 1 {
				c := compiler{workshop: shared, spec: &specs[i]}
				rules[i] = c.rule()
				rules[i].place = i
				problems[i] = c.problems
			}
		})
	}
	workers.Wait()
	all := append(slices.Concat(problems...), repeatedNames(specs)...)
	if len(all) > 0 {
		all.Sort()
		return nil, all
	}
	return newTable(rules, opts.First), nil
}

func repeatedNames(specs []Spec) document.Problems {
	var problems document.Problems
	first := map[string]Position{}
	for _, s := range specs {
		if at, ok := first[s.Name.Value]; ok && s.Name.Value != "" {
			problems = append(problems, problem(s.Name.Position, fmt.Sprintf("name: %s is taken by the route on line %d", s.Name.Value, at.Line),
				"give each route a unique name"))
			continue
		}
		first[s.Name.Value] = s.Name.Position
	}
	return problems
}

// workshop is what the routes of one file share while they are compiled.
type workshop struct {
	options     Options
	expressions *expression.Compiler
	constants   map[string]expression.Constant

	mu       sync.Mutex
	patterns map[string]parsed
}

type parsed struct {
	pattern *pattern.Pattern
	err     error
}

// pattern parses text once, however often it stands in the file.
func (w *workshop) pattern(text string) (*pattern.Pattern, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.patterns[text]
	if !ok {
		p.pattern, p.err = pattern.Parse(text)
		w.patterns[text] = p
	}
	return p.pattern, p.err
}

// compiler compiles one route.
type compiler struct {
	*workshop
	spec     *Spec
	problems document.Problems

	vars            *expression.Vars // those of the file and of the route; nil for none
	object, message bool             // whether an event that matches on can be one
	captures        []string         // those that every event of the route makes
}

func (c *compiler) problem(at Position, what, fix string) {
	c.problems = append(c.problems, problem(at, what, fix))
}

// missing reports a key that is not there, unless what is there is invalid.
func (c *compiler) missing(key, what, fix string) {
	if !slices.Contains(c.spec.invalid, key) {
		c.problem(c.spec.Position, what, fix)
	}
}

// rule compiles the spec. Where there are problems it is of no use.
func (c *compiler) rule() rule {
	s := c.spec
	c.name()
	r := rule{name: s.Name.Value, disabled: s.Enabled.Off, shadow: s.Shadow.On()}
	r.filters = c.filters()
	r.skip = c.skip()
	r.vars, r.varNames = c.variables()
	r.when = c.when()
	c.target(&r)
	r.reject = c.template("reject", s.Reject)
	r.runID = c.template("run_id", s.RunID)
	r.exactRunID = c.exactRunID()
	r.logicalDate = c.logicalDate()
	r.note = c.template("note", s.Note)
	r.environment = c.environment()
	c.api(r.environment)
	r.window = c.windowing()
	r.complete = c.completion()
	r.limits = Limits{
		DeadLetter: s.DeadLetter.Value, MaxActive: s.MaxActive.Value,
		WhenPaused: s.WhenPaused.Value, SkipActive: c.skipActive(),
	}
	return r
}

// NamePattern is the form of the name of a route or an environment.
const NamePattern = `^[a-z0-9][a-z0-9_-]{0,62}$`

// maxName is the most characters of a route's name: the default run id holds
// it, with space for the rest.
const maxName = 63

func isName(name string) bool {
	const first = "abcdefghijklmnopqrstuvwxyz0123456789"
	return name != "" && len(name) <= maxName && strings.Trim(name, first+"_-") == "" && strings.IndexByte(first, name[0]) >= 0
}

func (c *compiler) name() {
	name := c.spec.Name
	if name.IsSet() && !isName(name.Value) {
		c.problem(name.Position, fmt.Sprintf("name: %q is not a valid name of a route", name.Value),
			fmt.Sprintf("use lower-case letters, digits, _ and -, beginning with a letter or digit, at most %d", maxName))
	}
}

// IsDAG reports whether Airflow accepts id as a DAG id.
func IsDAG(id string) bool { return airflowid.CheckDAG(id) == nil }

// FixDAG is the fix for an invalid DAG id.
const FixDAG = "use letters, digits, _, - and ., at most 250"

func (c *compiler) dag() (*located, []*pattern.Pattern) {
	s := c.spec
	if !s.DAG.IsSet() {
		return nil, nil
	}
	before := len(c.problems)
	dag := c.template("dag", s.DAG)
	if len(c.problems) > before {
		return nil, nil
	}
	id, literal := dag.Literal()
	if literal && len(s.DAGs) == 0 && !IsDAG(id) {
		id = s.DAG.Value // as it is written: a value of the environment is not shown
	}
	switch {
	case literal && len(s.DAGs) > 0:
		c.problem(s.DAGs[0].Position, "dags is for a dag that is computed", "leave dags out")
	case literal && !IsDAG(id):
		c.problem(s.DAG.Position, fmt.Sprintf("dag: %q is not a valid DAG id", id), c.fixDAG(id))
	case !literal && len(s.DAGs) == 0 && !slices.Contains(s.invalid, "dags"):
		c.problem(s.DAG.Position, "dag is computed, and nothing says what it may become",
			"list the DAGs it may start, such as dags: [load_eu, load_us]")
	}
	return dag, c.dags()
}

// dags compiles the names and patterns of dags.
func (c *compiler) dags() []*pattern.Pattern {
	var dags []*pattern.Pattern
	seen := map[string]bool{}
	for _, id := range c.spec.DAGs {
		switch {
		case !IsDAG(strings.ReplaceAll(id.Value, "*", "x")):
			c.problem(id.Position, fmt.Sprintf("dags: %q is not a valid DAG id", id.Shown()), FixDAG)
			continue
		case seen[id.Value]:
			c.problem(id.Position, "dags: "+id.Shown()+" stands there twice", "remove one of the two")
		}
		seen[id.Value] = true
		p, err := c.pattern(id.Value)
		if f, ok := errors.AsType[*pattern.Problem](err); ok {
			c.problem(id.At(f.Offset), "dags: "+f.What, f.Fix)
			continue
		}
		dags = append(dags, p)
	}
	return dags
}

// fixDAG is the fix for an invalid DAG id, which may be written in another language.
func (c *compiler) fixDAG(id string) string {
	if found, ok := habit.Text(id, c.known()); ok {
		return found.Fix + ", and list what it may become in dags"
	}
	if strings.Contains(id, ",") {
		return "write one DAG, and a route for each other"
	}
	if file := path.Base(id); strings.HasSuffix(file, ".py") {
		return "name the DAG, not its file, such as " + strings.TrimSuffix(file, ".py")
	}
	return FixDAG
}

func (c *compiler) skipActive() bool {
	s := c.spec
	if !s.SkipActive.On() {
		return false
	}
	if s.MaxActive.Value > 0 {
		c.problem(s.SkipActive.Position, "skip_active cannot be combined with max_active, which defers what skip_active would skip",
			"leave one of the two out")
	}
	if s.Every.Value > 0 {
		c.problem(s.SkipActive.Position, "skip_active cannot be combined with every, whose waiting run counts as active",
			"leave skip_active out: every makes one run of a window")
	}
	return true
}

// exactRunID compiles run_id_exact. A text without expressions is checked here.
func (c *compiler) exactRunID() *located {
	text := c.spec.RunIDExact
	if !text.IsSet() {
		return nil
	}
	if c.spec.RunID.IsSet() {
		c.problem(text.Position, "run_id_exact cannot be combined with run_id",
			"keep run_id_exact for an id of the sender's, or run_id for one made of a hash")
	}
	if c.spec.Every.Value > 0 {
		c.problem(text.Position, "run_id_exact cannot be combined with every, whose windows make the run ids", "leave one of the two out")
	}
	t := c.template("run_id_exact", text)
	if t == nil {
		return nil
	}
	if id, literal := t.Literal(); literal {
		if e, invalid := errors.AsType[*airflowid.Error](airflowid.CheckNewRun(id)); invalid {
			what := e.What
			if id != text.Value { // it has a value of vars, which may be from the environment
				what = "Airflow takes no run id that is " + text.Value
			}
			c.problem(text.Position, "run_id_exact: "+what, e.Fix)
		}
	}
	return t
}

func (c *compiler) environment() string {
	name, known := c.spec.Environment, c.options.Environments
	switch {
	case c.spec.Reject.IsSet() && !name.IsSet():
		return ""
	case name.IsSet() && !slices.Contains(known, name.Value):
		fix := "declare it under environments, or leave it out"
		if len(known) > 0 {
			fix = "use one of " + strings.Join(known, ", ")
		}
		if near := nearest.Of(name.Shown(), known...); near != "" {
			fix = "did you mean " + near + "?"
		}
		c.problem(name.Position, "environment: "+name.Shown()+" is not declared", fix)
	case !name.IsSet() && len(known) > 1:
		c.missing("environment", "the route names no environment, and there are several", "add environment: "+nearest.Join(known...))
	case !name.IsSet() && len(known) == 1:
		return known[0]
	case len(known) == 0:
		return c.options.Default
	}
	return name.Value
}

func (c *compiler) skip() []preset {
	var skip []preset
	for _, name := range c.spec.Skip {
		if at := slices.IndexFunc(presets, func(p preset) bool { return p.name == name.Value }); at >= 0 { // else it was reported
			skip = append(skip, presets[at])
		}
	}
	return skip
}
