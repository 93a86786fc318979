// SPDX-License-Identifier: Apache-2.0

package why

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/airflowid"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// planRunID is the id of a plan's run; empty where that depends on a bucket's listing.
func planRunID(plan *route.Plan) string {
	if plan.Set != nil && plan.Set.ByContent {
		return ""
	}
	return trigger.RunID(plan)
}

// byRoutes answers for each live route, as the routes decide that decided the last
// delivery.
func (f *search) byRoutes(ctx context.Context) {
	by := f.decidedBy()
	now := map[string]bool{}
	for _, e := range f.Current.Table.Explain(ctx, f.ev) {
		now[e.Route] = e.Plan != nil
	}
	for _, e := range by.Table.Explain(ctx, f.ev) {
		if e.Shadow {
			continue // it starts nothing
		}
		facts := f.facts(e.Route)
		row := Row{Route: e.Route}
		facts.Unmatched = e.Reason
		if by.Digest != f.Current.Digest {
			facts.By, facts.NowMatches = fmt.Sprintf("%s (digest %.12s)", by.Name, by.Digest), now[e.Route]
		}
		switch {
		case e.Plan != nil:
			row.Environment, row.DAG, row.Asset, row.RunID = e.Plan.Environment, e.Plan.DAG, e.Plan.Asset, planRunID(e.Plan)
			if row.RunID == "" && facts.Last != nil && facts.Last.Route == e.Route {
				row.RunID = facts.Last.RunID
			}
			facts.DAG, facts.Asset, facts.RunID = row.DAG, row.Asset, row.RunID
			f.askPlan(ctx, &facts, &row, e.Plan)
		case e.Failure != nil:
			row.Environment, row.DAG, row.RunID = e.Failure.Environment, e.Failure.DAG, ""
			facts.Failure = e.Failure.Err.Error()
		}
		f.add(row, &facts)
	}
}

// facts are what is known of a route without Airflow.
func (f *search) facts(routeName string) Facts {
	facts := Facts{
		Route: routeName, Flags: f.Flags, Deployed: f.Deployed, Now: f.Now, LogQuery: f.answer.LogCommand, Letter: f.letters[routeName],
		LettersUnread: f.lettersUnread,
	}
	facts.Last, facts.Deliveries = f.last(routeName)
	if f.object != "" {
		facts.Object = f.Quote(f.object)
	}
	return facts
}

// add judges a route.
func (f *search) add(row Row, facts *Facts) {
	row.Verdict = Judge(*facts)
	if facts.Run != nil {
		row.State, row.RunID, row.DAG = facts.Run.State, facts.Run.RunID, facts.Run.DAGID
		if !facts.Run.StartDate.IsZero() {
			row.Started = stamp(facts.Run.StartDate)
		}
	}
	if facts.Letter != nil {
		row.DeadLetter = facts.Letter.Name
	}
	f.answer.Routes = append(f.answer.Routes, row)
}

// askPlan requests from Airflow the run of a plan, or the event of its asset.
func (f *search) askPlan(ctx context.Context, facts *Facts, row *Row, plan *route.Plan) {
	client, err := f.Airflow(ctx, plan.Environment)
	if err != nil {
		facts.AirflowErr = err
		return
	}
	dag := plan.DAG
	switch {
	case plan.Materialize:
		if dag, err = client.Producer(ctx, plan.Asset); err != nil {
			facts.AirflowErr = err
			return
		}
		row.DAG, facts.DAG = dag, dag
	case plan.Asset != "":
		facts.Published, _, facts.AirflowErr = client.FindAssetEvent(ctx, trigger.AssetEvent(plan))
		return
	}
	for _, id := range f.candidates(facts, row, plan) {
		facts.Run, facts.AirflowErr = f.findRun(ctx, client, facts, dag, id)
		if facts.Run != nil || facts.AirflowErr != nil {
			return
		}
	}
}

// candidates are the ids that the run of a plan may have. An event that came too late for
// its window has none, or one for itself.
func (f *search) candidates(facts *Facts, row *Row, plan *route.Plan) []string {
	var ids []string
	logged := facts.Last != nil && facts.Last.Route == row.Route
	if logged && facts.Last.Outcome == string(trigger.Unmatched) && plan.Window != nil {
		return nil
	}
	if logged {
		ids = append(ids, facts.Last.RunID)
	}
	if plan.Window != nil && plan.Window.Late != nil {
		ids = append(ids, trigger.RunID(plan.Window.Late))
	}
	ids = append(ids, row.RunID)
	seen := map[string]bool{"": true}
	return slices.DeleteFunc(ids, func(id string) bool {
		known := seen[id]
		seen[id] = true
		return known
	})
}

// findRun is the run, nil where Airflow has none, and what holds it where it is queued.
func (f *search) findRun(ctx context.Context, client *airflow.Client, facts *Facts, dag, id string) (*airflow.DAGRun, error) {
	run, err := client.Find(ctx, dag, id)
	if e, ok := errors.AsType[*airflow.Error](err); ok && (e.Kind == airflow.UnknownRun || e.Kind == airflow.UnknownDAG) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	run.DAGID, run.RunID = dag, id
	if run.State != "queued" {
		return &run, nil
	}
	// What cannot be read here is left out: the run is there.
	if d, err := client.DAG(ctx, dag); err == nil {
		facts.Paused = d.Paused || d.Draining
	}
	if runs, err := client.Runs(ctx, dag, airflow.RunsQuery{States: []string{"running"}, Limit: 1}); err == nil {
		facts.Running = runs.Total
	}
	return &run, nil
}

// byLog answers for the routes that the log and the dead letters name, of an event that
// is not known itself.
func (f *search) byLog(ctx context.Context) {
	var names []string
	for i := range f.lines {
		names = append(names, f.lines[i].Route)
	}
	for name := range f.letters {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		facts := f.facts(name)
		if name == "" && facts.Letter == nil && len(f.lines) > 0 {
			f.addUnmatched(facts.Last)
			continue
		}
		row := Row{Route: name}
		if l := facts.Last; l != nil && l.Route == name {
			row.Environment, row.DAG, row.Asset, row.RunID = l.Environment, l.DAG, l.Asset, l.RunID
		}
		facts.DAG, facts.Asset, facts.RunID = row.DAG, row.Asset, row.RunID
		if row.DAG != "" && row.RunID != "" && facts.Letter == nil {
			f.askRun(ctx, &facts, row.Environment)
		}
		f.add(row, &facts)
	}
	if len(f.answer.Routes) == 0 {
		f.searchRun(ctx)
	}
}

// addUnmatched adds what the log says of an event that no route matched.
func (f *search) addUnmatched(l *outcomelog.Line) {
	f.answer.Routes = append(f.answer.Routes, Row{Verdict: Verdict{
		Unmatched, fmt.Sprintf("It ended as %s at %s%s.", l.Outcome, stamp(l.At()), prefixed(": ", trimmed(l.Reason))),
		"See what the current routes make of it: dagtrigger explain EVENT" + f.Flags,
	}})
}

func (f *search) askRun(ctx context.Context, facts *Facts, environment string) {
	client, err := f.Airflow(ctx, environment)
	if err == nil {
		facts.Run, err = f.findRun(ctx, client, facts, facts.DAG, facts.RunID)
	}
	facts.AirflowErr = err
}

// maxDAGs bounds the DAGs of which a run is searched by its id alone.
const maxDAGs = 100

// searchRun looks for a run of the id among the DAGs of the routes.
func (f *search) searchRun(ctx context.Context) {
	facts := f.facts("")
	var failures []string                // of Airflow
	if airflowid.CheckRun(f.ID) == nil { // else no run has the id
		name, _ := trigger.RouteOf(f.ID)
		for _, dag := range f.DAGs[:min(len(f.DAGs), maxDAGs)] {
			facts.Route, facts.DAG, facts.RunID = name, dag.ID, f.ID
			if f.askRun(ctx, &facts, dag.Environment); facts.Run != nil {
				f.add(Row{Route: name, Environment: dag.Environment}, &facts)
				return
			}
			if facts.AirflowErr != nil {
				failures = append(failures, facts.AirflowErr.Error())
			}
		}
	}
	slices.Sort(failures)
	for _, failure := range slices.Compact(failures) { // of an Airflow that is down, one for all DAGs
		f.note("%s", failure)
	}
	f.answer.Routes = append(f.answer.Routes, Row{Verdict: f.nothing(len(failures) > 0)})
}

// nothing is the verdict where no source that was read has anything of the event.
func (f *search) nothing(airflowFailed bool) Verdict {
	what := cmp.Or(f.object, f.ID)
	var unread []string
	next := ""
	for _, source := range []struct {
		unread     bool
		name, next string
	}{
		{f.answer.LogCommand != "", "the log", "Read the log: " + f.answer.LogCommand},
		{airflowFailed, "Airflow", "Find the cause: dagtrigger doctor" + f.Flags},
		{f.lettersUnread, "the dead letters", "Read the dead letters: dagtrigger dead-letters list" + f.Flags},
	} {
		if source.unread {
			unread, next = append(unread, source.name), cmp.Or(next, source.next)
		}
	}
	if len(unread) > 0 {
		return Verdict{Unknown, fmt.Sprintf("Nothing that was read has anything of %s. Not read, or not all: %s.", what,
			strings.Join(unread, ", ")), next}
	}
	next = "Check the name; then see whether the trigger delivers: dagtrigger doctor " + f.Deployed + f.Flags
	if f.object == "" {
		next = "Of many events at once that no route matches, the log names a few and counts the others. If it may be one of those, write it " +
			"to a file and ask dagtrigger why FILE. Else: " + next
	}
	return Verdict{Missing, fmt.Sprintf("Neither the log nor a dead letter nor a DAG of the routes has anything of %s.", what), next}
}

// findID finds the event that an id is of: by the log and the dead letters. A dead letter
// has the event; of an upload, the bucket has it.
func (f *search) findID(ctx context.Context) error {
	if err := f.readLog(ctx); err != nil {
		return err
	}
	if err := f.readLetters(ctx); err != nil {
		return err
	}
	if _, isRun := trigger.RouteOf(f.ID); len(f.letters) == 0 && len(f.lines) == 0 && !isRun {
		if err := f.searchLetters(ctx); err != nil {
			return err
		}
	}
	for _, l := range f.letters {
		ev := event.New(l.event)
		f.ev = &ev
		return nil
	}
	for i := range f.lines {
		l := &f.lines[i]
		bucket, isObject := strings.CutPrefix(l.Source, "//storage.googleapis.com/projects/_/buckets/")
		name, isNamed := strings.CutPrefix(l.Subject, "objects/")
		if isObject && isNamed && strings.HasSuffix(l.Type, ".finalized") {
			f.Question.Bucket, f.Object = bucket, name
			f.At = eventTime(l)
			return f.findObject(ctx, l.RunID)
		}
	}
	return nil
}
