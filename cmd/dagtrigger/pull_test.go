// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// orders is a Pub/Sub whose project acme has a subscription to pull from, and messages.
func orders(t *testing.T, messages int) *pstest.Server {
	t.Helper()
	const topic = "projects/acme-prod/topics/orders"
	q := pstest.NewServer()
	t.Cleanup(func() { _ = q.Close() })
	client, err := pubsub.NewClient(t.Context(), "acme-prod", option.WithEndpoint(q.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	s := &pubsubpb.Subscription{Name: "projects/acme-prod/subscriptions/orders", Topic: topic}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for range messages {
		q.Publish(topic, []byte(`{"order":1}`), nil)
	}
	return q
}

// acknowledged is how many messages are.
func acknowledged(q *pstest.Server) (n int) {
	for _, m := range q.Messages() {
		n += min(m.Acks, 1)
	}
	return n
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for started := time.Now(); !holds(); <-time.After(10 * time.Millisecond) {
		if time.Since(started) > hang {
			t.Fatal("never: " + what)
		}
	}
}

// pulling starts the command as a process. end sends it SIGTERM and returns its log.
func pulling(t *testing.T, settings map[string]string, args ...string) (process *exec.Cmd, end func() string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "dagtrigger", append([]string{"pull"}, args...)...)
	cmd.Stderr = &log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	for name, value := range settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, func() string {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, log.String())
		}
		return log.String()
	}
}

// A process that is killed in the middle acknowledges nothing: Pub/Sub delivers again when
// the leases end, and each message has one run.
func TestKilledPullLosesNothing(t *testing.T) {
	t.Parallel()
	const messages = 200
	q := orders(t, messages)
	killed, requests := make(chan struct{}), atomic.Int64{}
	sim, airflow := startAirflow(t, func() {
		if requests.Add(1) > messages/2 { // the rest is in flight when it is killed
			<-killed
		}
	})
	settings := map[string]string{"AIRFLOW_URL": airflow, "AIRFLOW_AUTH": "none", "DAG_ID": "load", "PUBSUB_EMULATOR_HOST": q.Addr}
	first, _ := pulling(t, settings, "projects/acme-prod/subscriptions/orders")
	waitFor(t, "half have run, and are acknowledged", func() bool { return requests.Load() > messages/2 && acknowledged(q) >= messages/2 })
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	if runs := len(sim.Runs()); runs != messages/2 || acknowledged(q) != runs {
		t.Errorf("there are %d runs, and %d messages are acknowledged", runs, acknowledged(q))
	}
	close(killed)
	q.SetTimeNowFunc(func() time.Time { return time.Now().Add(5 * time.Minute) }) // every lease has ended
	_, end := pulling(t, settings, "projects/acme-prod/subscriptions/orders")
	waitFor(t, "all are acknowledged", func() bool { return acknowledged(q) == messages })
	log := end()
	if n := len(sim.Runs()); n != messages {
		t.Errorf("there are %d runs", n)
	}
	// The log is the function's, with a line where pulling begins and one where it ends.
	contains(t, log, `"message":"pulling","subscription":"projects/acme-prod/subscriptions/orders"`,
		`"message":"event triggered"`, `"message":"pulling ended","subscription":"projects/acme-prod/subscriptions/orders"`)
}

func TestPullAnswersProbes(t *testing.T) {
	t.Parallel()
	q := orders(t, 0)
	_, airflow := startAirflow(t, nil)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	_, end := pulling(t, map[string]string{
		"AIRFLOW_URL": airflow, "AIRFLOW_AUTH": "none", "DAG_ID": "load", "PUBSUB_EMULATOR_HOST": "http://" + q.Addr,
		"GOOGLE_CLOUD_PROJECT": "acme-prod",
		"ALLOW_CALLERS":        "nobody@acme.iam.gserviceaccount.com", // nobody calls
	}, "orders", "--listen", address)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: hang}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/": http.StatusNotFound} {
		waitFor(t, path+" is answered", func() bool {
			answer, err := client.Get("http://" + address + path)
			if err != nil {
				return false
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s: %s", path, answer.Status)
			}
			return true
		})
	}
	if log := end(); strings.Contains(log, "ERROR") {
		t.Error(log)
	}
}

// A message does not name its topic: a route that picks by it matches where the topic is
// named beside the subscription, as a planned worker pool does. Unnamed, it would be lost.
func TestPullMatchesRoutesByTheNamedTopic(t *testing.T) {
	t.Parallel()
	const byTopic, name = "- {name: orders, on: message.published, topic: orders, dag: load}\n", "projects/acme-prod/subscriptions/orders"
	q := orders(t, 1)
	sim, airflow := startAirflow(t, nil)
	settings := map[string]string{
		"AIRFLOW_URL": airflow, "AIRFLOW_AUTH": "none", "PUBSUB_EMULATOR_HOST": q.Addr,
		"DAGTRIGGER_CONFIG": "routes:\n" + byTopic + "- {name: off, on: message.published, dag: load, enabled: false}\n",
	}
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	_, said := commanded(ctx, t, exitFailed, settings, "", "pull", name)
	contains(t, said, name+": its messages do not name their topic, and no message matches orders without one\n",
		"hint: write "+name+"=projects/acme-prod/topics/orders\n")
	if n := acknowledged(q); n > 0 {
		t.Errorf("%d messages are acknowledged", n)
	}
	_, end := pulling(t, settings, name+"=orders")
	waitFor(t, "it is acknowledged", func() bool { return acknowledged(q) == 1 })
	if log := end(); len(sim.Runs()) != 1 {
		t.Errorf("there are %d runs\n%s", len(sim.Runs()), log)
	}
	settings["DAGTRIGGER_CONFIG"] = "routes:\n" + byTopic + "- {name: other, on: message.published, subscription: orders, dag: load}\n"
	_, end = pulling(t, settings, name)
	waitFor(t, "the other message is acknowledged", func() bool {
		if len(q.Messages()) == 1 {
			q.Publish("projects/acme-prod/topics/orders", []byte(`{"order":2}`), nil)
		}
		return acknowledged(q) == 2
	})
	contains(t, end(), "no message matches orders without one: write "+name+"=projects/acme-prod/topics/orders, if its messages are for them")
}
