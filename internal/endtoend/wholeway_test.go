// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflowreal"
	"example.com/dagtrigger/internal/airflowreal/realtest"
	"example.com/dagtrigger/internal/googlereal"
)

// The whole way, with nothing of this project but the built function: an
// upload to Cloud Storage, its notification, Pub/Sub's push, the function,
// Airflow, its scheduler, and a task that writes down the conf that it was
// given. However often a push comes again, there is one run for each upload.
func TestAnUploadBecomesOneRunTheWholeWay(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedPubSub, googlereal.NeedStorage)
	binary := buildFunction(t)
	pubsub, err := googlereal.StartPubSub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, pubsub)
	for _, version := range airflowreal.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			a := startAirflow(t, airflowreal.Options{Version: version, Scheduler: true})
			function := startFunction(t, binary, a.settings(a.URL, airflowreal.RecordDAG)...)
			uploads := 0
			for _, unwrapped := range []bool{false, true} {
				uploads += proveTheWay(t, a, newRoad(t, pubsub, version, function, unwrapped))
			}
			if confs := a.confs(t, airflowreal.RecordDAG); len(confs) != uploads {
				t.Errorf("%d uploads made %d runs: %v", uploads, len(confs), confs)
			}
		})
	}
}

// proveTheWay uploads objects, and tells how many.
func proveTheWay(t *testing.T, a *realAirflow, r *road) int {
	t.Helper()
	cases := []struct{ object, outcomes string }{
		{"a/first ü.csv", "triggered"},
		{"refused.csv", "triggered, duplicate"}, // it is delivered again
		{"lost.csv", "triggered, duplicate"},    // nobody heard that it was done
		{"twice.csv", "triggered, duplicate"},   // it was notified twice
	}
	for _, c := range cases {
		if err := r.storage.Upload(t.Context(), bucket, c.object, "text/csv", []byte("1,2\n")); err != nil {
			t.Fatal(err)
		}
	}
	twice := r.courier.about(t, "twice.csv", 1)[0]
	if err := r.pubsub.Publish(t.Context(), r.topic, twice.data, twice.attributes); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var outcomes, runs, messages []string
		for _, p := range r.courier.about(t, c.object, strings.Count(c.outcomes, ",")+1) {
			outcomes, runs, messages = append(outcomes, p.outcome), append(runs, p.run), append(messages, p.message)
		}
		if got := strings.Join(outcomes, ", "); got != c.outcomes {
			t.Errorf("%s, %s: the outcomes are %s, want %s", r.topic, c.object, got, c.outcomes)
		}
		if len(slices.Compact(runs)) != 1 {
			t.Errorf("%s, %s: the runs are %v, want one", r.topic, c.object, runs)
		}
		if number := len(slices.Compact(messages)); number != 1 && c.object != "twice.csv" {
			t.Errorf("%s, %s: it came as messages %v, want one", r.topic, c.object, messages)
		}
	}
	checkConf(t, a, r.courier.about(t, cases[0].object, 1)[0])
	return len(cases)
}

// checkConf reads the file that the run's task wrote.
func checkConf(t *testing.T, a *realAirflow, p parcel) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*hang)
	defer cancel()
	conf, err := a.Conf(ctx, p.run)
	if err != nil {
		t.Fatal(err)
	}
	got, want := canonical(t, conf), canonical(t, p.data)
	if got != want || !strings.Contains(got, `"bucket":"acme"`) {
		t.Errorf("the task was given\n%s\nand the notification said\n%s", got, want)
	}
}

// road is a bucket whose changes are pushed to the function.
type road struct {
	pubsub  *googlereal.PubSub
	storage *googlereal.Storage
	courier *courier
	topic   string
}

const bucket = "acme"

func newRoad(t *testing.T, pubsub *googlereal.PubSub, version, function string, unwrapped bool) *road {
	t.Helper()
	r := &road{pubsub: pubsub, courier: startCourier(t, function), topic: "wrapped-" + version}
	if unwrapped {
		r.topic = "unwrapped-" + version
	}
	ctx := t.Context()
	err := errors.Join(pubsub.CreateTopic(ctx, r.topic), pubsub.Subscribe(ctx, googlereal.Subscription{
		Name: r.topic + "-to-function", Topic: r.topic, Push: r.courier.url, Unwrapped: unwrapped,
		AckDeadline: time.Minute, Backoff: time.Second,
	}))
	if err != nil {
		t.Fatal(err)
	}
	if r.storage, err = googlereal.StartStorage(ctx, googlereal.Notify{PubSub: pubsub, Topic: r.topic}); err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, r.storage)
	if err := r.storage.CreateBucket(ctx, bucket); err != nil {
		t.Fatal(err)
	}
	return r
}

// program is one of Google's that was started.
type program interface {
	Log() string
	Close() error
}

func closeAtEnd(t *testing.T, p program) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("a program wrote at the end:\n%s", p.Log())
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}
