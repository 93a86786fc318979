// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/airflowid"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// shelf is a store that keeps letters in memory, or fails.
type shelf struct {
	letters []deadletter.Record
	err     error
}

func (s *shelf) Put(_ context.Context, r deadletter.Record) error {
	if s.err == nil {
		s.letters = append(s.letters, r)
	}
	return s.err
}

// end runs one plan whose POST is refused as given, with a store.
func end(t *testing.T, store *shelf, ev event.Event, err error, more ...step) trigger.Outcome {
	t.Helper()
	p := &trigger.Pipeline{
		Airflows:    map[string]trigger.Airflow{"default": &scripted{t: t, script: append([]step{post(err)}, more...)}},
		DeadLetters: store, GiveUpAfter: 20 * time.Hour, RoutesDigest: "sha256:ab",
		Now:  func() time.Time { return now },
		Wait: func(context.Context, time.Duration) error { return nil },
	}
	return p.Run(t.Context(), &ev, route.Decision{Plans: []route.Plan{plan()}}, trigger.Replay{})[0]
}

func TestPermanentFailureIsAcknowledgedOnceStored(t *testing.T) {
	t.Parallel()
	origin := event.CloudEvent{ID: "1", Source: "//acme", Type: "paid"}
	store := &shelf{}
	o := end(t, store, event.New(origin), &airflow.Error{Kind: airflow.Invalid, Said: "no such param"})
	if o.Kind != trigger.DeadLettered || o.Status() != 200 {
		t.Errorf("came to %s (%d): %s", o.Kind, o.Status(), o.Reason)
	}
	want := []deadletter.Record{{
		Route: "default", Environment: "default", DAGID: "load", RunID: o.RunID, Reason: "invalid: no such param",
		Time: now, RoutesDigest: "sha256:ab", Event: origin,
	}}
	if diff := cmp.Diff(want, store.letters, cmpopts.IgnoreUnexported(event.CloudEvent{})); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestFailedStoreLeavesTheEventUnacknowledged(t *testing.T) {
	t.Parallel()
	o := end(t, &shelf{err: errors.New("the bucket is gone: make it")}, event.Event{ID: "1"}, refused(airflow.Invalid))
	if o.Kind != trigger.Deferred || o.Status() != 503 || o.Reason != "invalid; storing the dead letter: the bucket is gone: make it" {
		t.Errorf("came to %s (%d): %s", o.Kind, o.Status(), o.Reason)
	}
}

// A store that hangs does not hold the request until its end.
func TestStoringADeadLetterIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p := &trigger.Pipeline{DeadLetters: hanging{}}
		o := p.Refuse(t.Context(), &event.Event{ID: "1"}, "no object", trigger.Replay{})
		if took := time.Since(began); o.Kind != trigger.Deferred || o.Cause != trigger.CauseNoStore || took != 20*time.Second {
			t.Errorf("%s (%s) after %s: %s", o.Kind, o.Cause, took, o.Reason)
		}
	})
}

// hanging is a store that answers nothing.
type hanging struct{}

func (hanging) Put(ctx context.Context, _ deadletter.Record) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAgainStartsAnotherRun(t *testing.T) {
	t.Parallel()
	id := func(exact, again string) string {
		p := &trigger.Pipeline{Airflows: map[string]trigger.Airflow{"default": &scripted{t: t, script: []step{post(nil)}}}}
		one := plan()
		one.RunID = exact
		d := route.Decision{Plans: []route.Plan{one}}
		return p.Run(t.Context(), &event.Event{ID: "1"}, d, trigger.Replay{Again: again})[0].RunID
	}
	for _, exact := range []string{"", "order-7", strings.Repeat("x", airflowid.Max)} {
		first := id(exact, "monday")
		if first == id(exact, "") || first == id(exact, "tuesday") || first != id(exact, "monday") {
			t.Errorf("again made %s, otherwise %s", first, id(exact, ""))
		}
		if err := airflowid.CheckNewRun(first); err != nil {
			t.Error(err)
		}
	}
}

func TestReplayStoresNoDeadLetter(t *testing.T) {
	t.Parallel()
	all, own := &shelf{}, &shelf{}
	p := &trigger.Pipeline{DeadLetters: all, RouteDeadLetters: map[string]trigger.DeadLetters{"gs://own": own}}
	replay := trigger.Replay{StoreNothing: true}
	failures := []route.Failure{{Route: "r", Err: errors.New("x")}, {Route: "s", DeadLetter: "gs://own", Err: errors.New("x")}}
	outcomes := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Failures: failures}, replay)
	outcomes = append(outcomes, p.Refuse(t.Context(), &event.Event{ID: "2"}, "no object", replay))
	for _, o := range outcomes {
		if o.Kind != trigger.Rejected {
			t.Errorf("route %q: got %s", o.Route, o.Kind)
		}
	}
	if len(outcomes) != 3 || len(all.letters)+len(own.letters) != 0 {
		t.Errorf("%d outcomes, stored %v and %v", len(outcomes), all.letters, own.letters)
	}
}

func TestFailedExpressionIsADeadLetter(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	p := &trigger.Pipeline{DeadLetters: store}
	failure := route.Failure{Route: "r", Environment: "default", DAG: "load", Err: errors.New("int(\"x\"): not a number")}
	o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Failures: []route.Failure{failure}}, trigger.Replay{})[0]
	if o.Kind != trigger.DeadLettered || len(store.letters) != 1 || store.letters[0].Reason != failure.Err.Error() {
		t.Errorf("came to %s, stored %v", o.Kind, store.letters)
	}
}

func TestExpressionTimeoutIsDeferred(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	p := &trigger.Pipeline{DeadLetters: store}
	failure := route.Failure{Route: "r", Err: fmt.Errorf("evaluating when: %w", context.DeadlineExceeded)}
	o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Failures: []route.Failure{failure}}, trigger.Replay{})[0]
	if o.Kind != trigger.Deferred || len(store.letters) != 0 {
		t.Errorf("came to %s, stored %v", o.Kind, store.letters)
	}
}

// An overloaded server and one that is down are not asked again, and are distinguished.
func TestRefusedByTheGateIsDeferred(t *testing.T) {
	t.Parallel()
	full := &pressure.Refusal{Reason: "Airflow serves 1 at once", RetryAfter: 2 * time.Second}
	down := &pressure.Refusal{Reason: "Airflow has been down since noon", RetryAfter: time.Second, DownSince: now}
	for status, held := range map[int]*pressure.Refusal{429: full, 503: down} {
		o := end(t, &shelf{}, event.Event{ID: "1"}, held)
		if o.Kind != trigger.Deferred || o.Status() != status || o.Reason != held.Reason || o.RetryAfter != held.RetryAfter {
			t.Errorf("came to %s (%d) after %s: %s", o.Kind, o.Status(), o.RetryAfter, o.Reason)
		}
	}
}

// triggerFunc is an Airflow that answers as the function does.
type triggerFunc func() error

func (f triggerFunc) Start(context.Context, airflow.Run, pressure.Policy) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, f()
}

func (f triggerFunc) Find(context.Context, string, string) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, f()
}

func (f triggerFunc) FindByDate(context.Context, string, time.Time) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, f()
}

func (f triggerFunc) Publish(context.Context, airflow.AssetEvent, pressure.Policy) (bool, error) {
	return true, f()
}

func (f triggerFunc) FindAssetEvent(context.Context, airflow.AssetEvent) error { return f() }

func (f triggerFunc) Producer(context.Context, string) (string, error) { return "load", f() }

func (f triggerFunc) Materialize(context.Context, string, airflow.Run, pressure.Policy) (airflow.DAGRun, error) {
	return airflow.DAGRun{}, f()
}
