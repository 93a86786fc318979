// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
)

const outboxRoute = `
environments:
  private: {outbox: %s}
routes:
- name: orders
  on: object.finalized
  object: orders/*
  dag: target
  conf: {uri: "gs://${object.bucket}/${object.name}"}
  note: an order
- name: nowhere
  on: object.finalized
  object: nowhere/*
  dag: no_such_dag
`

// outboxTarget is a paused DAG, whose runs stay queued.
const outboxTarget = `
from datetime import datetime
try:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG
    from airflow.operators.empty import EmptyOperator
with DAG("target", schedule=None, start_date=datetime(2020, 1, 1), is_paused_upon_creation=True):
    EmptyOperator(task_id="nothing")
`

// The built function publishes 500 runs to a topic of the real emulator, and the DAG
// dagtrigger_outbox starts them in a real Airflow, whose scheduler and tasks are killed in
// the middle: in the end each run exists once, with its conf, whatever messages cannot start one.
func TestOutboxDAGStartsEachRunOnce(t *testing.T) {
	t.Parallel()
	if !everything() {
		t.Skip("a real Airflow starts 500 runs from an outbox in minutes: set DAGTRIGGER_PROOF=all to run it")
	}
	realtest.Need(t, googlereal.NeedPubSub)
	binary := buildFunction(t)
	pubsub, err := googlereal.StartPubSub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, pubsub)
	dag, err := os.ReadFile("../../deploy/dags/dagtrigger_outbox.py")
	if err != nil {
		t.Fatal(err)
	}
	dags := fstest.MapFS{"dagtrigger_outbox.py": {Data: dag}, "target.py": {Data: []byte(outboxTarget)}}
	for _, version := range []string{"2.11.2", "3.3.2"} {
		t.Run(version, func(t *testing.T) { proveOutbox(t, pubsub, binary, version, dags) })
	}
}

func proveOutbox(t *testing.T, pubsub *googlereal.PubSub, binary, version string, dags fstest.MapFS) {
	const events, atOnce = 500, 8
	topic := "outbox-" + strings.ReplaceAll(version, ".", "-")
	if err := pubsub.CreateTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if err := pubsub.Subscribe(t.Context(), googlereal.Subscription{Name: topic, Topic: topic, AckDeadline: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	a := startAirflow(t, airflowreal.Options{
		Version: version, Scheduler: true, DAGs: dags,
		Environment: map[string]string{
			"PUBSUB_EMULATOR_HOST": pubsub.Host, "AIRFLOW_VAR_DAGTRIGGER_OUTBOX_SUBSCRIPTION": googlereal.SubscriptionName(topic),
			"AIRFLOW_VAR_DAGTRIGGER_OUTBOX_SECONDS": "60",
		},
		// The tasks of a killed scheduler start again once it counts as dead, by default after 5 minutes.
		Config: map[string]string{"SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10"},
	})
	began := time.Now()
	function := startFunction(t, binary, "PUBSUB_EMULATOR_HOST="+pubsub.Host,
		"DAGTRIGGER_CONFIG="+fmt.Sprintf(outboxRoute, googlereal.TopicName(topic)))
	status, body := post(t, function, upload("acme", "nowhere/x", 1)) // holds no other up
	if status != http.StatusOK || !strings.Contains(body, `"outcome":"published"`) {
		t.Fatalf("%d %s", status, body)
	}
	if err := pubsub.Publish(t.Context(), topic, []byte("{no JSON"), nil); err != nil {
		t.Fatal(err)
	}
	date := time.Date(2026, 11, 30, 1, 2, 3, 4000, time.UTC)
	publishRuns(t, pubsub, topic,
		airflow.Run{DAGID: "target", RunID: "waits", RunAfter: date.AddDate(10, 0, 0), Note: "says why"},
		airflow.Run{DAGID: "target", RunID: "dated", LogicalDate: date},
	)
	var want []string
	var group sync.WaitGroup
	names := make(chan string)
	for range atOnce {
		group.Go(func() {
			for name := range names {
				for range 1 + len(name)%2 { // some are delivered twice
					if status, body := post(t, function, upload("acme", name, 1)); status != http.StatusOK {
						t.Errorf("%d %s", status, body)
					}
				}
			}
		})
	}
	for i := range events {
		name := fmt.Sprintf("orders/%d", i)
		want = append(want, "gs://acme/"+name)
		names <- name
	}
	close(names)
	group.Wait()
	t.Logf("published after %s", time.Since(began).Round(time.Second))
	killed := false
	var runs map[string]string
	for len(runs) < events+2 && time.Since(began) < 10*time.Minute {
		if runs = a.confs(t, "target"); len(runs) >= events/5 && !killed {
			killed = true
			if err := a.RestartScheduler(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Logf("the scheduler was killed at %d runs, after %s", len(runs), time.Since(began).Round(time.Second))
		}
		_ = pause(t.Context(), time.Second)
	}
	if !killed || len(runs) != events+2 {
		t.Fatalf("%d runs, killed: %t\n%s", len(runs), killed, a.Log())
	}
	t.Logf("%d runs after %s", events, time.Since(began).Round(time.Second))
	confs := slices.Sorted(maps.Values(runs))
	for i, uri := range want {
		want[i] = fmt.Sprintf(`{"uri":%q}`, uri)
	}
	want = append(want, "{}", "{}")
	slices.Sort(want)
	if !slices.Equal(confs, want) {
		t.Errorf("the confs are %q", confs)
	}
	a.hasRun(t, "waits", `"note":"says why"`, date.AddDate(10, 0, 0))
	a.hasRun(t, "dated", `"dag_run_id":"dated"`, date)
	if err := a.Close(); err != nil { // which holds leases of what it has pulled
		t.Fatal(err)
	}
	wantWaiting(t, pubsub, topic, "{no JSON", `"dag_id":"no_such_dag"`)
}

// wantWaiting pulls until messages with all of the texts have come.
func wantWaiting(t *testing.T, pubsub *googlereal.PubSub, subscription string, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // a lease ends after 20 s
	defer cancel()
	url := "http://" + pubsub.Host + "/v1/" + googlereal.SubscriptionName(subscription) + ":pull"
	for len(texts) > 0 && pause(ctx, time.Second) == nil {
		r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"maxMessages":100}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		_, body := post(t, url, r)
		var pulled struct {
			ReceivedMessages []struct{ Message struct{ Data []byte } }
		}
		if err := json.Unmarshal([]byte(body), &pulled); err != nil {
			t.Fatal(err)
		}
		for _, r := range pulled.ReceivedMessages {
			texts = slices.DeleteFunc(texts, func(text string) bool { return strings.Contains(string(r.Message.Data), text) })
		}
	}
	if len(texts) > 0 {
		t.Errorf("no message with %q waits: each that starts no run has to", texts)
	}
}

// hasRun finds a run with a text, and with a date in one of its dates.
func (a *realAirflow) hasRun(t *testing.T, id, text string, date time.Time) {
	t.Helper()
	run := strings.ReplaceAll(string(a.get(t, a.URL+a.api+"/dags/target/dagRuns/"+id)), `": `, `":`)
	if !strings.Contains(run, text) || !strings.Contains(run, date.Format("2006-01-02T15:04:05.000000")) {
		t.Errorf("%s is %s", id, run)
	}
}

// publishRuns publishes runs as the function does.
func publishRuns(t *testing.T, pubsub *googlereal.PubSub, topic string, runs ...airflow.Run) {
	t.Helper()
	spec := environment.Spec{Outbox: googlereal.TopicName(topic)}
	outbox, err := environment.NewOutbox(spec, config.Variable, pubsub.Host, environment.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range runs {
		if err := outbox.Publish(t.Context(), run, "route", "private"); err != nil {
			t.Fatal(err)
		}
	}
}
