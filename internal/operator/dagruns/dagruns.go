// SPDX-License-Identifier: Apache-2.0

// Package dagruns lists the DAG runs that dagtrigger started, from Airflow alone, and
// follows one to its end.
//
// A run is dagtrigger's by its id: dagtrigger__ROUTE__DIGEST. The ids of a route with
// run_id_exact are its senders': of these only the constant beginning is known, where
// there is one.
//
// The package changes nothing in Airflow, and reads a bounded number of runs.
package dagruns

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/trigger"
)

// Source is a DAG whose runs routes start.
type Source struct {
	Environment string
	DAG         string
	// Asset is the one whose materializations are the runs, where DAG is empty: they are
	// of the DAG that makes it.
	Asset string
	// Routes are those that start runs of the DAG.
	Routes []Route
}

// Route is a route as far as its run ids depend on it.
type Route struct {
	Name string
	// Exact reports that the route has run_id_exact, whose ids begin with Begin.
	Exact bool
	Begin string
}

// Query chooses runs. Its zero value chooses all.
type Query struct {
	Route  string   // empty for all, those of routes that are no longer in the file included
	States []string // nil for all
	Since  time.Time
	// Limit bounds how many runs of one DAG are read, also those that others started.
	Limit int
}

// Run is a run that dagtrigger started.
type Run struct {
	Route       string
	Environment string
	airflow.DAGRun
}

// At is when the run was created: on Airflow 2 and before when it started, zero until then.
func At(r *airflow.DAGRun) time.Time {
	if !r.QueuedAt.IsZero() {
		return r.QueuedAt
	}
	return r.StartDate
}

// Listing is what was found in one DAG.
type Listing struct {
	DAG  string // also of an asset
	Runs []Run  // the newest first
	// More reports that the limit was met before all runs were read that may be chosen.
	// Back is how far back they were: zero where that is unknown.
	More bool
	Back time.Time
}

// page is how many runs are asked for at once: [api] maximum_page_limit, by default.
const page = 100

// List lists the runs of a source.
func List(ctx context.Context, client *airflow.Client, s Source, q Query) (Listing, error) {
	l := Listing{DAG: s.DAG}
	if l.DAG == "" {
		var err error
		if l.DAG, err = client.Producer(ctx, s.Asset); err != nil {
			return l, err
		}
	}
	api, err := client.DetectAPI(ctx)
	if err != nil {
		return l, err
	}
	query := airflow.RunsQuery{States: q.States, Newest: true, Limit: page, Prefix: s.prefix(q.Route)}
	if api == airflow.Experimental { // it has no pages, and a list in another order
		query.Limit = q.Limit
	}
	seen := map[string]bool{} // runs that were created meanwhile move the others to the next page
	for query.Offset < q.Limit {
		query.Limit = min(query.Limit, q.Limit-query.Offset)
		got, err := client.Runs(ctx, l.DAG, query)
		if err != nil {
			return l, err
		}
		for _, run := range got.Runs {
			if !seen[run.RunID] && chosen(&run, q.Since) {
				l.add(s, q.Route, run)
			}
			seen[run.RunID] = true
		}
		query.Offset += len(got.Runs)
		if len(got.Runs) == 0 || query.Offset >= got.Total || api != airflow.Experimental && isOlder(got.Runs, q.Since) {
			return l, nil
		}
		l.Back = At(&got.Runs[len(got.Runs)-1])
	}
	l.More = true
	return l, nil
}

// prefix is what the ids of the runs to be found begin with; empty where they have
// nothing in common.
func (s *Source) prefix(route string) string {
	if slices.ContainsFunc(s.Routes, func(r Route) bool { return r.Exact && (route == "" || r.Name == route) }) {
		return ""
	}
	prefix := trigger.RunIDPrefix(route)
	if route != "" {
		prefix = strings.TrimSuffix(prefix, "__") // so that Airflow can use its index
	}
	return prefix
}

// add keeps a run that a route started which is asked for.
func (l *Listing) add(s Source, route string, run airflow.DAGRun) {
	name, ok := trigger.RouteOf(run.RunID)
	for _, r := range s.Routes {
		if !ok && r.Exact && r.Begin != "" && strings.HasPrefix(run.RunID, r.Begin) && (route == "" || r.Name == route) {
			name, ok = r.Name, true
		}
	}
	if ok && (route == "" || name == route) {
		l.Runs = append(l.Runs, Run{Route: name, Environment: s.Environment, DAGRun: run})
	}
}

// chosen reports whether a run was created by then. One that nobody knows about is
// waiting now.
func chosen(run *airflow.DAGRun, since time.Time) bool {
	at := At(run)
	return at.IsZero() || !at.Before(since)
}

// isOlder reports whether what follows these runs was created before a time: ids grow,
// and a run is created before it is queued or starts.
func isOlder(runs []airflow.DAGRun, since time.Time) bool {
	return slices.ContainsFunc(runs, func(r airflow.DAGRun) bool { return !chosen(&r, since) })
}

// Sort puts runs in the order of a report: by route and DAG, the newest first.
func Sort(runs []Run) {
	slices.SortStableFunc(runs, func(a, b Run) int {
		return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.DAGID, b.DAGID),
			At(&b.DAGRun).Compare(At(&a.DAGRun)))
	})
}
