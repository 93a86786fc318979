// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/replay/uploads"
	"example.com/dagtrigger/internal/operator/why"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
)

// loadedVersion is the Airflow that is put under a load, and that goes down meanwhile.
const loadedVersion = "3.3.2"

// What is proved with a real Airflow behind the built function, each started once.
func TestFunctionWithRealAirflow(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedPubSub, googlereal.NeedStorage)
	binary := buildFunction(t)
	pubsub, err := googlereal.StartPubSub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, pubsub)
	for _, version := range realtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			a := startAirflow(t, airflowreal.Options{Version: version, Scheduler: true})
			t.Run("an upload becomes one run", func(t *testing.T) {
				function := startFunction(t, binary, a.settings(a.URL, airflowreal.RecordDAG)...)
				proveUploads(t, a, newBucket(t, pubsub, version, function, false), newBucket(t, pubsub, version, function, true))
			})
			proveBounds(t, a, binary)
			if version == loadedVersion || strings.HasPrefix(version, "3.") && everything() {
				t.Run("an event of an asset starts the DAG that waits for it", func(t *testing.T) { proveAsset(t, a, binary) })
				t.Run("a load has one run of each event through an outage", func(t *testing.T) { proveTheLoad(t, a) })
			}
		})
	}
}

// proveUploads uses nothing of this project but the function: an upload to Cloud
// Storage, its notification, Pub/Sub's push, the function, Airflow, its
// scheduler, and a task that writes down the conf that it was given. However
// often a push comes again, there is one run for each upload, and each has run.
func proveUploads(t *testing.T, a *realAirflow, buckets ...*pushedBucket) {
	cases := []uploadCase{
		{"a/first ü.csv", "triggered"},
		{"refused.csv", "triggered, duplicate"}, // it is delivered again
		{"lost.csv", "triggered, duplicate"},    // nobody heard that it was done
		{"twice.csv", "triggered, duplicate"},   // it was notified twice
	}
	for _, r := range buckets {
		for _, c := range cases {
			r.upload(t, c.object)
		}
		twice := r.copyProxy.about(t, "twice.csv", 1)[0]
		if err := r.pubsub.Publish(t.Context(), r.topic, twice.data, twice.attributes); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range buckets {
		for _, c := range cases {
			c.check(t, r)
			checkConf(t, a, r.copyProxy.about(t, c.object, 1)[0])
		}
	}
	for _, r := range buckets {
		proveWhy(t, a, r, "a/first ü.csv")
	}
	if confs := a.confs(t, airflowreal.RecordDAG); len(confs) != len(buckets)*len(cases) {
		t.Errorf("%d uploads made %d runs: %v", len(buckets)*len(cases), len(confs), confs)
	}
}

// proveWhy has the operator's question answered by the bucket and by Airflow alone, as
// where nobody may read the log: the object that is listed leads to the run that its push
// started.
func proveWhy(t *testing.T, a *realAirflow, r *pushedBucket, object string) {
	t.Helper()
	settings := map[string]string{}
	for _, setting := range a.settings(a.URL, airflowreal.RecordDAG) {
		name, value, _ := strings.Cut(setting, "=")
		settings[name] = value
	}
	c, err := config.FromEnv(func(name string) string { return settings[name] })
	if err != nil {
		t.Fatal(err)
	}
	env, err := environment.New(c.Environments[config.DefaultEnvironment], config.Variable, environment.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := why.Sources{
		Current: why.Routes{Name: "DAG_ID", Table: c.Table},
		Bucket: func(name string) uploads.Bucket {
			return uploads.Bucket{Name: name, Client: a.client, Root: r.storage.URL}
		},
		Airflow: func(ctx context.Context, _ string) (*airflow.Client, error) { return env.Client(ctx) },
		ReadLog: func(context.Context, outcomelog.Filter, func(*outcomelog.Line)) error { return errors.New("no role") },

		LogCommand: outcomelog.Filter.String, Quote: strconv.Quote, Now: time.Now(),
	}
	answer, err := s.Find(t.Context(), why.Question{Bucket: bucket, Object: object})
	if err != nil {
		t.Fatal(err)
	}
	want := r.copyProxy.about(t, object, 1)[0].run
	if len(answer.Routes) != 1 || answer.Routes[0].RunID != want || answer.Routes[0].State == "" || answer.Routes[0].Ending == why.Missing {
		t.Errorf("why %s: %+v, want the run %s", object, answer.Routes, want)
	}
}

// uploadCase is an upload, and what its pushes come to.
type uploadCase struct{ object, outcomes string }

func (j uploadCase) check(t *testing.T, r *pushedBucket) {
	var outcomes, runs, messages []string
	for _, p := range r.copyProxy.about(t, j.object, strings.Count(j.outcomes, ",")+1) {
		outcomes, runs, messages = append(outcomes, p.outcome), append(runs, p.run), append(messages, p.message)
	}
	if got := strings.Join(outcomes, ", "); got != j.outcomes {
		t.Errorf("%s, %s: the outcomes are %s, want %s", r.topic, j.object, got, j.outcomes)
	}
	if len(slices.Compact(runs)) != 1 {
		t.Errorf("%s, %s: the runs are %v, want one", r.topic, j.object, runs)
	}
	if again := len(slices.Compact(messages)) == 1; again == (j.object == "twice.csv") {
		t.Errorf("%s, %s: it came as messages %v", r.topic, j.object, messages)
	}
}

// checkConf reads the file that the run's task wrote.
func checkConf(t *testing.T, a *realAirflow, p pushCopy) {
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

// pushedBucket is a bucket whose changes are pushed to the function.
type pushedBucket struct {
	pubsub    *googlereal.PubSub
	storage   *googlereal.Storage
	copyProxy *copyProxy
	topic     string
}

const bucket = "acme"

func newBucket(t *testing.T, pubsub *googlereal.PubSub, version, function string, unwrapped bool) *pushedBucket {
	t.Helper()
	r := &pushedBucket{pubsub: pubsub, copyProxy: startCopyProxy(t, function), topic: "wrapped-" + version}
	if unwrapped {
		r.topic = "unwrapped-" + version
	}
	ctx := t.Context()
	err := errors.Join(pubsub.CreateTopic(ctx, r.topic), pubsub.Subscribe(ctx, googlereal.Subscription{
		Name: r.topic + "-to-function", Topic: r.topic, Push: r.copyProxy.url, Unwrapped: unwrapped,
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

func (r *pushedBucket) upload(t *testing.T, object string) {
	t.Helper()
	if err := r.storage.Upload(t.Context(), bucket, object, "text/csv", []byte("1,2\n")); err != nil {
		t.Fatal(err)
	}
}

// program is one of Google's that was started.
type program interface {
	Log() string
	Close() error
}

func closeAtEnd(t testing.TB, p program) {
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
