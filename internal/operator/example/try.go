// SPDX-License-Identifier: Apache-2.0

package example

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/complete"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/nearest"
	"example.com/dagtrigger/internal/trigger"
)

// Result is what came of an example.
type Result struct {
	Starts []Start // what the event starts
	Fails  []Failure
	// Differences list where that is not what the example expects, a line each.
	// Without any, the example passes.
	Differences []string
	// Refused reports that the function refuses the request, or the event as invalid.
	Refused bool
	// OtherRuns are those of the differences that are between two examples, of which one
	// must start the same run as the other: Update cannot remove them.
	OtherRuns []string
}

// CanUpdate reports whether the example can be made to pass by what Update writes.
func (r Result) CanUpdate() bool { return !r.Refused && len(r.Differences) > len(r.OtherRuns) }

// Try tries all examples on the routes of table.
func (s Suite) Try(ctx context.Context, table *route.Table) []Result {
	results := make([]Result, len(s.Examples))
	for i := range s.Examples {
		results[i] = s.Examples[i].try(ctx, table)
	}
	for i := range s.Examples {
		for _, want := range s.Examples[i].Starts {
			other := slices.IndexFunc(s.Examples, func(e Example) bool { return e.Name == want.SameRunAs })
			if want.SameRunAs != "" && other >= 0 {
				results[i].sameRun(want, results[other])
			}
		}
	}
	return results
}

// sameRun compares the run that r starts by a route with that of another example.
func (r *Result) sameRun(want Start, other Result) {
	here, ok := r.by(want.Route)
	if !ok {
		return // which is a difference already
	}
	there, ok := other.by(want.Route)
	var difference string
	switch {
	case !ok:
		difference = "which starts none by this route"
	case here.RunID != there.RunID:
		difference = fmt.Sprintf("whose run_key is %q, and here it is %q", there.key(), here.key())
	case here.DAG != there.DAG || here.Environment != there.Environment:
		difference = fmt.Sprintf("which starts %s in %s, and this starts %s in %s", there.DAG, there.Environment, here.DAG, here.Environment)
	default:
		return
	}
	difference = fmt.Sprintf("%s: must start the same run as %q, %s", want.Route, want.SameRunAs, difference)
	r.OtherRuns = append(r.OtherRuns, difference)
	r.Differences = append(r.Differences, difference)
}

// by is the run that a route starts.
func (r *Result) by(route string) (Start, bool) {
	at := slices.IndexFunc(r.Starts, func(s Start) bool { return s.Route == route })
	if at < 0 {
		return Start{}, false
	}
	return r.Starts[at], true
}

// key is what the run id is made of, or the run id where the route gives that itself.
func (s Start) key() string { return cmp.Or(s.RunKey, s.RunID) }

// try tries the example on the routes of table.
func (e *Example) try(ctx context.Context, table *route.Table) Result {
	var r Result
	request, err := e.Event.Request(e.As)
	if err != nil {
		return Result{Refused: true, Differences: []string{"the event cannot be sent: " + err.Error()}}
	}
	ev, err := ReceiveOne(ctx, request)
	if err != nil {
		return Result{Refused: true, Differences: []string{"the function refuses the event: " + err.Error()}}
	}
	decision := table.Decide(ctx, ev)
	waits := map[string]string{} // why a set starts nothing, by route
	for i := range decision.Plans {
		r.try(ctx, e, &decision.Plans[i], waits)
	}
	for _, f := range decision.Failures {
		r.Fails = append(r.Fails, Failure{Route: f.Route, Error: f.Err.Error(), Lasting: lasting(f.Err)})
	}
	reason := why(ctx, table, ev)
	r.compare(e, func(route string) string { return cmp.Or(waits[route], reason(route)) })
	return r
}

// try adds what comes of a plan. One that waits for a set is completed by the
// example's files.
func (r *Result) try(ctx context.Context, e *Example, plan *route.Plan, waits map[string]string) {
	if plan.Set != nil {
		checker := complete.Checker{Bucket: e.Bucket}
		completed, err := checker.Complete(ctx, plan)
		if incomplete, ok := errors.AsType[*complete.Error](err); ok {
			waits[plan.Route] = incomplete.Reason
			return
		}
		if err != nil {
			r.Fails = append(r.Fails, Failure{Route: plan.Route, Error: err.Error()})
			return
		}
		plan = &completed
	}
	r.Starts = append(r.Starts, started(plan))
}

// compare lists where r is not what e expects.
func (r *Result) compare(e *Example, why func(route string) string) {
	if !e.Expects {
		r.Differences = []string{"nothing is said to come of it: add starts, or have --update write it"}
		return
	}
	c := comparison{Result: r, why: why}
	c.starts(e.Starts)
	c.fails(e.Fails)
}

// lasting is an error's text without its place in the routes file.
func lasting(err error) string {
	text := err.Error()
	if placed, ok := errors.AsType[*route.KeyError](err); ok {
		text = strings.Replace(text, placed.Error(), placed.Key+": "+placed.Err.Error(), 1)
	}
	return text
}

func started(p *route.Plan) Start {
	s := Start{
		Route: p.Route, DAG: p.DAG, Environment: p.Environment, RunID: trigger.RunID(p), RunKey: trigger.RunKey(p),
		Note: p.Note, Conf: p.Conf, Asset: p.Asset, Partition: p.PartitionKey,
	}
	if !p.LogicalDate.IsZero() {
		s.LogicalDate = p.LogicalDate.UTC().Format(time.RFC3339Nano)
	}
	return s
}

// why gives the reason for which a route starts nothing, looked for when one is
// asked for.
func why(ctx context.Context, table *route.Table, ev *event.Event) func(name string) string {
	var all []route.Explanation
	return func(name string) string {
		if all == nil {
			all = table.Explain(ctx, ev)
		}
		var names []string
		for _, x := range all {
			if x.Route == name && x.Shadow {
				return cmp.Or(x.Reason, "shadow is true")
			}
			if x.Route == name {
				return x.Reason
			}
			names = append(names, x.Route)
		}
		if near := nearest.Of(name, names...); near != "" {
			return "there is no such route; did you mean " + near + "?"
		}
		return "there is no such route"
	}
}

// comparison lists where a result is not what was expected.
type comparison struct {
	*Result
	why func(route string) string
}

func (c *comparison) differ(format string, args ...any) {
	c.Differences = append(c.Differences, fmt.Sprintf(format, args...))
}

func (c *comparison) starts(wanted []Start) {
	for _, want := range wanted {
		at := slices.IndexFunc(c.Starts, func(s Start) bool { return s.Route == want.Route })
		failed := slices.IndexFunc(c.Fails, func(f Failure) bool { return f.Route == want.Route })
		switch {
		case at >= 0:
			c.start(want, c.Starts[at])
		case failed >= 0:
			c.differ("%s: fails, and must start a run", want.Route)
		default:
			c.differ("%s: starts nothing: %s", want.Route, c.why(want.Route))
		}
	}
	for _, got := range c.Starts {
		if !slices.ContainsFunc(wanted, func(s Start) bool { return s.Route == got.Route }) {
			c.differ("%s: starts %s, which is not said", got.Route, cmp.Or(got.DAG, got.Asset))
		}
	}
}

// start compares what was said of a run.
func (c *comparison) start(want, got Start) {
	for _, part := range []struct{ name, want, got string }{
		{"dag", want.DAG, got.DAG}, {"asset", want.Asset, got.Asset}, {"partition_key", want.Partition, got.Partition},
		{"environment", want.Environment, got.Environment},
		{"run_key", want.RunKey, got.RunKey}, {"run_id", want.RunID, got.RunID}, {"note", want.Note, got.Note},
		{"logical_date", instant(want.LogicalDate), instant(got.LogicalDate)},
	} {
		if part.want != "" && part.want != part.got {
			c.differ("%s: %s is %q, and must be %q", want.Route, part.name, part.got, part.want)
		}
	}
	if want.Conf != nil {
		c.json(want.Route+": conf", want.Conf, got.Conf, false)
	}
	if want.ConfHas != nil {
		c.json(want.Route+": conf", want.ConfHas, got.Conf, true)
	}
}

// instant writes a time in one of its many ways.
func instant(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// says reports whether the error has that part.
func (f Failure) says(part string) bool {
	return strings.Contains(f.Error, part) || strings.Contains(f.Lasting, part)
}

func (c *comparison) fails(wanted []Failure) {
	for _, want := range wanted {
		at := slices.IndexFunc(c.Fails, func(f Failure) bool { return f.Route == want.Route })
		switch {
		case at >= 0 && !c.Fails[at].says(want.Error):
			c.differ("%s: fails otherwise than with %q: %s", want.Route, want.Error, c.Fails[at].Error)
		case at < 0:
			c.differ("%s: must fail: %s", want.Route, cmp.Or(c.why(want.Route), "it starts a run"))
		}
	}
	for _, got := range c.Fails {
		if !slices.ContainsFunc(wanted, func(f Failure) bool { return f.Route == got.Route }) {
			c.differ("%s: fails: %s", got.Route, got.Error)
		}
	}
}
