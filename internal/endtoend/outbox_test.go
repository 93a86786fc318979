// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

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
// the middle: in the end each run exists once, with its conf, and each message but those of an
// unknown DAG is acknowledged.
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
	want := map[string]string{}
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
		want["gs://acme/"+name] = ""
		names <- name
	}
	close(names)
	group.Wait()
	t.Logf("published after %s", time.Since(began).Round(time.Second))
	killed := false
	var runs map[string]string
	for len(runs) < events && time.Since(began) < 10*time.Minute {
		if runs = a.confs(t, "target"); len(runs) >= events/5 && !killed {
			killed = true
			if err := a.RestartScheduler(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Logf("the scheduler was killed at %d runs, after %s", len(runs), time.Since(began).Round(time.Second))
		}
		_ = pause(t.Context(), time.Second)
	}
	if !killed || len(runs) != events {
		t.Fatalf("%d runs, killed: %t\n%s", len(runs), killed, a.Log())
	}
	t.Logf("%d runs after %s", events, time.Since(began).Round(time.Second))
	confs := map[string]bool{}
	for id, conf := range runs {
		confs[conf] = true
		if !strings.HasPrefix(id, "dagtrigger__orders__") {
			t.Errorf("the run id %s", id)
		}
	}
	for uri := range want {
		if !confs[fmt.Sprintf(`{"uri":%q}`, uri)] {
			t.Errorf("no run has the conf of %s", uri)
		}
	}
}
