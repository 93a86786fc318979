// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// assets is an Airflow that publishes and materializes by a script, and remembers what.
type assets struct {
	scripted
	certain  bool
	producer string
	events   []airflow.AssetEvent
	limits   pressure.Policy
}

func (a *assets) Publish(_ context.Context, e airflow.AssetEvent, p pressure.Policy) (bool, error) {
	a.events, a.limits = append(a.events, e), p
	return a.certain, a.next("POST")
}

func (a *assets) FindAssetEvent(context.Context, airflow.AssetEvent) error { return a.next("GET") }

func (a *assets) Producer(context.Context, string) (string, error) {
	return a.producer, a.next("GET producer")
}

func (a *assets) Materialize(_ context.Context, _ string, run airflow.Run, p pressure.Policy) (airflow.DAGRun, error) {
	a.runs, a.limits = append(a.runs, run), p
	return airflow.DAGRun{}, a.next("POST")
}

func assetPlan() route.Plan {
	return route.Plan{
		Route: "default", Environment: "default", Asset: "s3://acme/orders", Identity: []string{"a"}, Conf: []byte(`{"day":1}`),
		PartitionKey: "2026-11-30", Limits: route.Limits{WhenPaused: route.PausedDefer},
	}
}

func runAsset(t *testing.T, fake *assets, p route.Plan, ev event.Event, replay trigger.Replay) trigger.Outcome {
	t.Helper()
	fake.t = t
	pipeline := &trigger.Pipeline{
		Airflows: map[string]trigger.Airflow{"default": fake}, Now: func() time.Time { return now },
		Random: func() float64 { return 0 }, Wait: func(context.Context, time.Duration) error { return nil }, Sets: sets{},
	}
	o := pipeline.Run(t.Context(), &ev, route.Decision{Plans: []route.Plan{p}}, replay)[0]
	if len(fake.script) > 0 {
		t.Errorf("%d answers were not asked for", len(fake.script))
	}
	return o
}

func TestOutcomeOfEachAssetResponse(t *testing.T) {
	t.Parallel()
	const held = "Airflow holds the asset event, though the answer was: timeout"
	gone := refused(airflow.UnknownRun)
	for _, row := range []struct {
		name    string
		certain bool
		script  []step
		want    trigger.Kind
		status  int
		reason  string // empty for any
	}{
		{"published", true, []step{post(nil)}, trigger.Triggered, 200, "Airflow created the asset event"},
		{
			"published, perhaps again", false, []step{post(nil)}, trigger.Triggered, 200,
			"Airflow created the asset event; an earlier delivery may have created one as well, " +
				"since Airflow could not list all of the asset's events",
		},
		{"published before", true, []step{post(refused(airflow.RunExists))}, trigger.Duplicate, 200, "the asset event exists already"},
		{"an answer got lost", true, []step{post(inDoubt(airflow.Timeout)), get(nil)}, trigger.Triggered, 200, held},
		{"a request got lost", true, []step{post(inDoubt(airflow.Timeout)), get(gone), post(nil)}, trigger.Triggered, 200, ""},
		{"an unknown asset", true, []step{post(refused(airflow.UnknownAsset))}, trigger.Deferred, 503, ""},
		{"an Airflow without assets", true, []step{post(refused(airflow.Invalid))}, trigger.Rejected, 422, ""},
		{
			"a paused consumer", true, []step{post(&pressure.Refusal{Reason: "paused", Cause: pressure.CausePaused})},
			trigger.Deferred, 429, "paused",
		},
		{"a paused consumer: fail", true, []step{post(&pressure.PausedError{DAGID: "bill"})}, trigger.Rejected, 422, ""},
		{"too old to be known", true, []step{post(&pressure.RemovedError{Asset: "s3://acme/orders"}), get(gone)}, trigger.Rejected, 422, ""},
		{
			"old, and there", true, []step{post(&pressure.RemovedError{Asset: "s3://acme/orders"}), get(nil)}, trigger.Duplicate,
			200, "the asset event exists already",
		},
	} {
		fake := &assets{scripted: scripted{script: row.script}, certain: row.certain}
		o := runAsset(t, fake, assetPlan(), event.Event{ID: "1"}, trigger.Replay{})
		if o.Kind != row.want || o.Status() != row.status || row.reason != "" && o.Reason != row.reason {
			t.Errorf("%s: came to %s (%d): %s", row.name, o.Kind, o.Status(), o.Reason)
		}
		if o.Asset != "s3://acme/orders" || o.DAGID != "" || o.RunID == "" {
			t.Errorf("%s: the outcome names the asset %q, the DAG %q and the id %q", row.name, o.Asset, o.DAGID, o.RunID)
		}
	}
}

// An asset event is looked for from its delivery on: a sender's own time may lie ahead of that.
func TestAssetEventHasItsIDInExtra(t *testing.T) {
	t.Parallel()
	at := now.Add(-time.Hour)
	for _, row := range []struct {
		name  string
		ev    event.Event
		since time.Time
	}{
		{"a message", event.Event{ID: "1", Published: at, Time: now}, at.Add(-10 * time.Second)},
		{"an object's change", event.Event{ID: "1", Object: &event.Object{}, Time: at}, at.Add(-10 * time.Second)},
		{"one of several with an id", event.Event{ID: "1", Published: at}, time.Time{}},
		{"a sender's claim", event.Event{ID: "1", Time: at}, time.Time{}},
	} {
		fake := &assets{scripted: scripted{script: []step{post(nil)}}, certain: true}
		p := assetPlan()
		p.Identity = row.ev.Key()
		if row.name == "one of several with an id" {
			p.Identity = []string{"a"}
		}
		o := runAsset(t, fake, p, row.ev, trigger.Replay{HeldFrom: at})
		want := []airflow.AssetEvent{{
			Asset: "s3://acme/orders", ID: trigger.RunID(&p), Extra: []byte(`{"day":1}`), PartitionKey: "2026-11-30", Since: row.since,
		}}
		if diff := cmp.Diff(want, fake.events); diff != "" || o.RunID != want[0].ID {
			t.Errorf("%s, with the id %s (-want +got):\n%s", row.name, o.RunID, diff)
		}
		if limits := (pressure.Policy{WhenPaused: pressure.Defer, HeldFrom: at}); fake.limits != limits {
			t.Errorf("%s: the limits are %+v", row.name, fake.limits)
		}
	}
}

// The event of a set may have been published for any of its objects: it is looked for
// without a time.
func TestSetPublishesAnAssetEvent(t *testing.T) {
	t.Parallel()
	ev := event.Event{ID: "1", Published: now}
	p := assetPlan()
	p.Set, p.Conf, p.Identity = &route.Set{}, nil, []string{"complete", "acme", "d1/"}
	fake := &assets{scripted: scripted{script: []step{post(nil)}}, certain: true}
	o := runAsset(t, fake, p, ev, trigger.Replay{})
	want := []airflow.AssetEvent{{
		Asset: "s3://acme/orders", ID: trigger.RunID(&p), Extra: []byte(`{"files":[]}`), PartitionKey: "2026-11-30",
	}}
	if diff := cmp.Diff(want, fake.events); diff != "" || o.Kind != trigger.Triggered || o.RunID != want[0].ID {
		t.Errorf("came to %+v (-want +got):\n%s", o, diff)
	}
}

func TestMaterializationIsARunOfTheProducer(t *testing.T) {
	t.Parallel()
	producer := func(err error) step { return step{"GET producer", err} }
	for _, row := range []struct {
		name   string
		script []step
		want   trigger.Kind
		dag    string
	}{
		{"created", []step{producer(nil), post(nil)}, trigger.Triggered, "load"},
		{"a duplicate", []step{producer(nil), post(refused(airflow.RunExists))}, trigger.Duplicate, "load"},
		{"lost", []step{producer(nil), post(inDoubt(airflow.Timeout)), get(nil)}, trigger.Triggered, "load"},
		{"no producer", []step{producer(refused(airflow.UnknownAsset))}, trigger.Deferred, "load"},
		{"several producers", []step{producer(refused(airflow.Invalid))}, trigger.Rejected, "load"},
	} {
		p := assetPlan()
		p.Materialize = true
		fake := &assets{scripted: scripted{script: row.script}, producer: "load"}
		o := runAsset(t, fake, p, event.Event{ID: "1"}, trigger.Replay{})
		if o.Kind != row.want || o.DAGID != row.dag || o.Asset != p.Asset {
			t.Errorf("%s: came to %s of the DAG %q and the asset %q: %s", row.name, o.Kind, o.DAGID, o.Asset, o.Reason)
		}
		for _, run := range fake.runs {
			if run.DAGID != "load" || run.RunID != trigger.RunID(&p) || string(run.Conf) != `{"day":1}` || run.PartitionKey != "2026-11-30" {
				t.Errorf("%s: asked for %+v", row.name, run)
			}
		}
	}
}

func TestUnknownAssetIsPermanentAfterAWhile(t *testing.T) {
	t.Parallel()
	at := now
	p := &trigger.Pipeline{
		Airflows: map[string]trigger.Airflow{"default": triggerFunc(func() error { return refused(airflow.UnknownAsset) })},
		Now:      func() time.Time { return at },
	}
	var got []trigger.Kind
	for _, minutes := range []int{0, 5, 11} {
		at = now.Add(time.Duration(minutes) * time.Minute)
		got = append(got, p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{assetPlan()}}, trigger.Replay{})[0].Kind)
	}
	if diff := cmp.Diff([]trigger.Kind{trigger.Deferred, trigger.Deferred, trigger.Rejected}, got); diff != "" {
		t.Errorf("after 0, 5 and 11 minutes (-want +got):\n%s", diff)
	}
}

func TestLogNamesTheAsset(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := trigger.Outcome{Kind: trigger.Triggered, Asset: "s3://acme/orders"}
	trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo), "").Outcome(t.Context(), &event.Event{}, &o, 0)
	if line := lines(t, &log)[0]; line["asset"] != "s3://acme/orders" || o.Status() != http.StatusOK {
		t.Errorf("the line is %v", line)
	}
}
