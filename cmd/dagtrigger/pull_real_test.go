// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
)

// TestPullFromARealSubscription ends the command in the middle, and starts it again: each
// message has one run. A push subscription is an error that says what to do.
func TestPullFromARealSubscription(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedPubSub)
	server, err := googlereal.StartPubSub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if err := server.CreateTopic(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []googlereal.Subscription{
		{Name: "orders", Topic: "orders"}, {Name: "pushed", Topic: "orders", Push: "http://127.0.0.1:1/"},
	} {
		if err := server.Subscribe(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	sim, airflow := startAirflow(t, nil)
	settings := map[string]string{"AIRFLOW_URL": airflow, "DAG_ID": "load", "PUBSUB_EMULATOR_HOST": server.Host}
	const messages = 200
	for i := range messages {
		if err := server.Publish(t.Context(), "orders", fmt.Appendf(nil, `{"order":%d}`, i), nil); err != nil {
			t.Fatal(err)
		}
	}
	// until runs the command until there are so many runs, and a little longer.
	until := func(runs int, more time.Duration) {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		log, ended := newOutput(), make(chan int, 1)
		go func() {
			ended <- run(ctx, []string{"pull", "orders", "--project", googlereal.Project, "--log-format", "json"}, set(settings), nil, log, log)
		}()
		for started := time.Now(); len(sim.Runs()) < runs; <-time.After(10 * time.Millisecond) {
			if time.Since(started) > hang {
				t.Fatalf("%d runs:\n%s", len(sim.Runs()), log)
			}
		}
		<-time.After(more) // for runs too many
		end()
		if status := <-ended; status != exitOK || !strings.Contains(log.String(), `"message":"pulling ended"`) {
			t.Errorf("it ended with %d:\n%s", status, log)
		}
	}
	until(20, 0)
	until(messages, time.Second)
	if n := len(sim.Runs()); n != messages {
		t.Errorf("there are %d runs, want %d", n, messages)
	}
	_, said := commanded(t.Context(), t, exitFailed, settings, "", "pull", googlereal.SubscriptionName("pushed"))
	contains(t, said, "Pub/Sub pushes its messages to http://127.0.0.1:1/\n",
		"hint: have them pulled instead: gcloud pubsub subscriptions modify-push-config ")
}
