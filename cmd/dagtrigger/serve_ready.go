// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/route"
)

// ready prints the function's URL, and commands to try.
func (p *program) ready(
	ctx context.Context, s serveFlags, url string, c config.Config, local *localAirflows, bucket *localBucket, shown *servedPage,
) error {
	var airflows []string
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		airflows = append(airflows, place(c.Environments[name]))
	}
	file, what := "", "every event starts the DAG "+c.DAGID
	if c.File != nil {
		file, what = c.File.Name, "the routes in "+c.File.Name+" decide what events start"
	}
	about := map[string]any{"url": url, "airflows": airflows, "dag_id": c.DAGID, "routes": file, "embedded": local != nil}
	if c.Shadow != nil {
		about["shadow"] = c.Shadow.Name
		what += ",\nand " + c.Shadow.Name + " what they would start, as a shadow that starts nothing"
	}
	if shown != nil {
		about["page"] = shown.url
	}
	if s.json {
		return plainjson.Encode(p.stdout, about)
	}
	where := "Airflow is at " + strings.Join(airflows, ", ") + ".\n"
	if local != nil {
		where = local.text(c)
	}
	where += bucket.text(c) + shown.text()
	if s.local {
		where += ignored(c, p.getenv)
	}
	_, err := fmt.Fprintf(p.prose(p.stdout), "The function listens on %s: %s.\n%s\nFrom another terminal:\n%s\nIts log follows, one line per "+
		"event. Ctrl-C ends it.\n",
		url, what, where, p.tryThis(ctx, url, c, local.all(), bucket))
	return err
}

// place is where an environment is.
func place(spec environment.Spec) string { return cmp.Or(spec.URL, spec.Composer) }

// text describes the embedded Airflows.
func (l *localAirflows) text(c config.Config) string {
	if c.File == nil || len(c.File.Environments) == 0 {
		a := l.all()[config.DefaultEnvironment]
		why := "No setting names an Airflow, so one is embedded"
		if l.replace {
			why = "An Airflow is embedded"
		}
		return fmt.Sprintf("%s: %s, at %s\n(login: %s).\n", why, a.name, a.url, a.login)
	}
	text := "Each environment is replaced by an Airflow whose runs end with this command:\n"
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(l.all())) {
		if spec, ok := c.File.Environments[name]; ok {
			a := l.all()[name]
			rows = append(rows, []string{"  " + name, a.name, a.url, "in place of " + place(spec)})
		}
	}
	return text + strings.Join(columns(rows), "\n") + "\n"
}

// maxTried bounds the routes of which a command is printed.
const maxTried = 6

// tryThis are commands to try, made from the routes that are loaded.
func (p *program) tryThis(
	ctx context.Context, url string, c config.Config, airflows map[string]*localAirflow, bucket *localBucket,
) string {
	to := toFlag(url)
	if c.File == nil {
		text := "  # an upload, a message, and many\n" +
			"  " + p.self + " send storage gs://acme-landing/sales/eu.csv" + to + "\n" +
			"  " + p.self + ` send pubsub --data '{"order": 4711}' --as push` + to + "\n" +
			"  " + p.self + ` send pubsub --data '{"n": {n}}' --count 200 --duplicates 20` + to + "\n"
		return text + listRuns(airflows, func(string) []string { return []string{c.DAGID} })
	}
	var b strings.Builder
	tried, more := 0, 0
	started := map[string][]string{} // the DAGs of the commands, by environment
	for i := range c.File.Routes {
		spec := &c.File.Routes[i]
		if !spec.IsLive() {
			continue
		}
		if tried++; tried > maxTried {
			more++
			continue
		}
		text, plan := p.tryRoute(ctx, c.File, spec, url, bucket)
		b.WriteString(text)
		if plan != nil {
			started[plan.Environment] = append(started[plan.Environment], plan.DAG)
		}
	}
	if more > 0 {
		fmt.Fprintf(&b, "  # and %s: \"%s explain\" shows what each makes of an event\n", plural(more, "other route"), p.self)
	}
	return b.String() + listRuns(airflows, func(environment string) []string {
		return append(started[environment], dagsIn(c.File, environment)...)
	})
}

// toFlag names the function at a URL to send, where that is not its default.
func toFlag(url string) string {
	if url == defaultFunction {
		return ""
	}
	return " --to " + url
}

// tryRoute are commands that send an event of a route's, or all of its set, and what
// that starts, if anything.
func (p *program) tryRoute(
	ctx context.Context, file *config.File, spec *route.Spec, url string, bucket *localBucket,
) (string, *route.Plan) {
	table, ok := file.Only(spec.Name.Value)
	if !ok {
		return "", nil
	}
	sample := example.SampleOf(ctx, spec, table).WithID(strconv.FormatInt(p.number(), 10), p.now())
	text := "  # " + spec.Name.Value + " may not match this: edit it to meet the route's conditions"
	if plan := sample.Plan; plan != nil {
		text = "  # " + spec.Name.Value + " starts " + cmp.Or(plan.DAG, plan.Asset)
		if plan.Set != nil {
			text += " once all files of " + plan.Set.Place() + " are there"
		}
		if plan.Set != nil && plan.Set.Manifest != "" && bucket != nil {
			text += "\n  " + bucket.manifest(plan.Set, sample.Event)
		}
	}
	for _, args := range sample.Sends {
		text += "\n  " + p.self + " send " + shellLine(args) + toFlag(url)
	}
	if sample.Sends == nil {
		request, err := sample.Event.Request(delivery.Eventarc)
		if err != nil {
			return "", nil
		}
		text += "\n  " + strings.ReplaceAll(request.Curl(url), "\n", "\n  ")
	}
	return text + "\n", sample.Plan
}

// listRuns are commands that list the runs of the DAGs of local Airflows.
func listRuns(airflows map[string]*localAirflow, dagsOf func(environment string) []string) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(airflows)) {
		dags := dagsOf(name)
		slices.Sort(dags)
		for _, id := range slices.Compact(dags) {
			if route.IsDAG(id) {
				lines = append(lines, "  "+airflows[name].curl(id)+"\n")
			}
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "  # the runs that Airflow holds\n" + strings.Join(lines[:min(len(lines), maxTried)], "")
}

// shellLine are arguments as a POSIX shell reads them.
func shellLine(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = shellWord(arg)
	}
	return strings.Join(words, " ")
}

// shellWord quotes an argument where a POSIX shell would read it as something else.
func shellWord(arg string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+"
	if arg != "" && strings.Trim(arg, plain) == "" {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
