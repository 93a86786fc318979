// SPDX-License-Identifier: Apache-2.0

package why_test

import (
	"errors"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/why"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// facts are those of the route r, which matches; change adds to them.
func facts(change func(*why.Facts)) why.Facts {
	f := why.Facts{
		Route: "r", DAG: "d", RunID: "id", Object: "gs://b/o", Flags: " --config f.yaml", Deployed: "--project p --service s", Now: now,
	}
	change(&f)
	return f
}

// run is the run in a state, created and started an hour ago.
func run(state string) *airflow.DAGRun {
	r := &airflow.DAGRun{DAGID: "d", RunID: "id", State: state, RunAfter: now.Add(-time.Hour), StartDate: now.Add(-time.Hour)}
	if state == "queued" {
		r.StartDate = time.Time{}
	}
	return r
}

// line is a line of the log about the route, so many minutes old.
func line(outcome, cause string, minutes int) *outcomelog.Line {
	at := now.Add(-time.Duration(minutes) * time.Minute).Format(time.RFC3339)
	return &outcomelog.Line{Time: at, Outcome: outcome, Cause: cause, Route: "r", DAG: "d", RunID: "id", Reason: "said so."}
}

// logged are the facts of a route of which the log has this line.
func logged(outcome, cause string, minutes int) why.Facts {
	return facts(func(f *why.Facts) { f.Last, f.Deliveries = line(outcome, cause, minutes), 1 })
}

func TestEachEndingIsOneSentenceAndTheNextStep(t *testing.T) {
	t.Parallel()
	const again = "dagtrigger reconcile gs://b/o --route r --config f.yaml"
	for _, row := range []struct {
		name           string
		facts          why.Facts
		ending         why.Ending
		sentence, next string
	}{
		{"published to an outbox", facts(func(f *why.Facts) {
			f.Last, f.AirflowErr = line("published", "", 5), &environment.OutboxError{Topic: "projects/p/topics/t"}
		}), why.Published, "Run id of DAG d was published to projects/p/topics/t at 2026-11-30T11:55:00Z, as the log says: " +
			"its Airflow alone says what became of it.",
			"Look for the run in that Airflow; where it is not there, see the log of the DAG dagtrigger_outbox and deploy/outbox.md."},
		{"not published, as far as the log was read", facts(func(f *why.Facts) {
			f.AirflowErr = &environment.OutboxError{Topic: "projects/p/topics/t"}
		}), why.Unknown, "Airflow did not say whether the run exists: it is the outbox projects/p/topics/t, which answers nothing: " +
			"look at the runs in its Airflow (deploy/outbox.md).", "Find the cause: dagtrigger doctor --config f.yaml"},
		{"success", facts(func(f *why.Facts) { f.Run = run("success") }), why.Started,
			"Run id of DAG d started at 2026-11-30T11:00:00Z; its state is success now.", "Nothing: it is done."},
		{"failed", facts(func(f *why.Facts) { f.Run = run("failed") }), why.Started,
			"Run id of DAG d started at 2026-11-30T11:00:00Z; its state is failed now.",
			"See the log of the failed task in Airflow, and clear the task to run it again."},
		{"queued", facts(func(f *why.Facts) { f.Run = run("queued") }), why.Started, "Run id of DAG d exists and is queued.",
			"Wait; where it stays queued, see the scheduler: dagtrigger doctor --config f.yaml"},
		{"a window", facts(func(f *why.Facts) { f.Run = run("queued"); f.Run.RunAfter = now.Add(time.Hour) }), why.Started,
			"Run id of DAG d exists and starts at 2026-11-30T13:00:00Z.", "Wait until then."},
		{"a paused DAG", facts(func(f *why.Facts) { f.Run, f.Paused = run("queued"), true }), why.Held,
			"Run id of DAG d exists and is queued, because the DAG is paused.", "Unpause it: airflow dags unpause d"},
		{"running runs", facts(func(f *why.Facts) { f.Run, f.Running = run("queued"), 2 }), why.Held,
			"Run id of DAG d exists and is still queued, beside 2 of the DAG's runs that are running.",
			"Wait for their end, or raise the DAG's max_active_runs."},
		{"running runs, a moment ago", facts(func(f *why.Facts) {
			f.Run, f.Running = run("queued"), 2
			f.Run.RunAfter, f.Last = time.Time{}, line("triggered", "", 0)
		}), why.Started, "Run id of DAG d exists and is queued.",
			"Wait; where it stays queued, see the scheduler: dagtrigger doctor --config f.yaml"},
		{"an asset", facts(func(f *why.Facts) { f.Asset, f.Published = "s3://a", true }), why.Started,
			"The event id of the asset s3://a exists.", "Nothing: it is done."},

		{"a dead letter", facts(func(f *why.Facts) {
			f.Letter = &why.Letter{Name: "id", Store: "gs://dead", Reason: "no such param.", Time: now, Attempts: 3}
			f.AirflowErr = errors.New("down")
		}), why.GivenUp,
			"Route r gave the event up at 2026-11-30T12:00:00Z, the last of 3 failures, and it is the dead letter id in gs://dead: no such param.",
			"Remove the cause, then: dagtrigger dead-letters replay id --config f.yaml"},
		{"Airflow is down", facts(func(f *why.Facts) { f.AirflowErr = errors.New("no answer") }), why.Unknown,
			"Airflow did not say whether the run exists: no answer.", "Find the cause: dagtrigger doctor --config f.yaml"},

		{"a failed delivery", logged("deferred", "unavailable", 5), why.Missing,
			"The delivery at 2026-11-30T11:55:00Z, the only one, failed: said so.",
			"Remove the cause: the event is delivered again within 10 minutes."},
		{"long ago", logged("deferred", "unavailable", 60), why.Missing, "The delivery at 2026-11-30T11:00:00Z, the only one, failed: said so.",
			"It has not been delivered since, so it may have expired. Remove the cause, then: " + again},
		{"held back", logged("deferred", "max_active", 5), why.Held, "Route r held the event back at 2026-11-30T11:55:00Z: said so.",
			"Remove the cause: the event is delivered again within 10 minutes."},
		{"an active run", logged("unmatched", "active", 5), why.Held, "Route r started no run at 2026-11-30T11:55:00Z: said so.",
			"When that run has ended: " + again},
		{"a set that is incomplete", logged("unmatched", "incomplete", 5), why.Unmatched,
			"Route r matched and started no run at 2026-11-30T11:55:00Z: said so.",
			"See what it would do now: dagtrigger explain EVENT --look --config f.yaml"},
		{"rejected", logged("rejected", "invalid", 5), why.Missing,
			"The delivery at 2026-11-30T11:55:00Z failed permanently, and route r has no dead-letter store: said so.",
			"Remove the cause, then: " + again},
		{"a letter that is gone", logged("dead_lettered", "invalid", 5), why.Missing,
			"Route r gave the event up at 2026-11-30T11:55:00Z, and no store that was searched has its dead letter now: said so.",
			"List the dead letters, in other stores too (--store): dagtrigger dead-letters list --route r --config f.yaml"},
		{"a run that was removed", logged("duplicate", "", 5), why.Removed,
			"Run id of DAG d existed at 2026-11-30T11:55:00Z, as the log says, and Airflow no longer has it: it was deleted, or \"airflow db " +
				"clean\" removed it.", "To start it again: " + again},

		{"unmatched", facts(func(f *why.Facts) { f.Unmatched = "object is x" }), why.Unmatched, "Route r does not match: object is x.",
			why.NotMeant},
		{"unmatched then", facts(func(f *why.Facts) { f.Unmatched, f.By, f.NowMatches = "object is x", "old.yaml", true }), why.Unmatched,
			"Route r did not match by old.yaml: object is x.", "The current routes match it: " + again},
		{"an error of the route", facts(func(f *why.Facts) { f.Failure = "no such key: size" }), why.Missing,
			"Route r cannot be evaluated: no such key: size.", "Correct the route, deploy it, then: " + again},

		{"never delivered", facts(func(*why.Facts) {}), why.Missing,
			"Route r matches, and Airflow has no run id of DAG d: the log has no delivery of the event.",
			"See whether the trigger delivers (dagtrigger doctor --project p --service s --config f.yaml), then: " + again},
		{"without the log and the dead letters", facts(func(f *why.Facts) { f.LogQuery, f.LettersUnread = "gcloud x", true }), why.Missing,
			"Route r matches, and Airflow has no run id of DAG d: neither the dead letters nor the log were read.", "Read the log: gcloud x"},
		{"without a log", facts(func(f *why.Facts) { f.LogQuery = "gcloud x" }), why.Missing,
			"Route r matches, and Airflow has no run id of DAG d: no dead letter has it, and the log was not read.", "Read the log: gcloud x"},
		{"another route's line", facts(func(f *why.Facts) {
			f.Last = line("unmatched", "", 5)
			f.Last.Route = ""
		}), why.Missing, "Route r matches, and Airflow has no run id of DAG d: the delivery at 2026-11-30T11:55:00Z ended as unmatched: said so.",
			"If the route is newer than that: " + again},
		{"a message", facts(func(f *why.Facts) { f.Failure, f.Object = "x", "" }), why.Missing, "Route r cannot be evaluated: x.",
			"Correct the route, deploy it, then: publish the message again, or: gcloud pubsub subscriptions seek SUBSCRIPTION --time=TIME"},
	} {
		got := why.Judge(row.facts)
		if want := (why.Verdict{Ending: row.ending, Sentence: row.sentence, Next: row.next}); got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", row.name, got, want)
		}
	}
}

func TestAnswerIsOKWhereEachMatchingRouteHasItsRun(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		endings []why.Ending
		want    bool
	}{
		{nil, false},
		{[]why.Ending{why.Started}, true},
		{[]why.Ending{why.Unmatched, why.Started}, true},
		{[]why.Ending{why.Unmatched}, false},
		{[]why.Ending{why.Started, why.Held}, false},
		{[]why.Ending{why.Started, why.Unknown}, false},
	} {
		var a why.Answer
		for _, ending := range row.endings {
			a.Routes = append(a.Routes, why.Row{Verdict: why.Verdict{Ending: ending}})
		}
		if a.OK() != row.want {
			t.Errorf("%v: OK is %t", row.endings, a.OK())
		}
	}
}
