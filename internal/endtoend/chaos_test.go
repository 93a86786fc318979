// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// Whatever is killed, and whenever, each event ends in one run or in one dead
// letter. Google's own Pub/Sub emulator is the one who delivers again. The
// embedded Airflow's runs outlive its connections, as those of a real one, in a
// database, outlive the web server.
func TestEveryEventSurvivesChaos(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedPubSub, googlereal.NeedStorage)
	for name, row := range map[string]struct {
		events int
		store  func(testing.TB) store
	}{
		"dead letters in a bucket": {500, bucketStore},
		"dead letters in a folder": {200, folderStore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := chaos{events: row.events, up: 4 * time.Second, airflow: embeddedAirflow(t), store: row.store(t)}
			t.Log(c.run(t))
		})
	}
}

// BenchmarkChaos prints a table of the same through ten thousand events, with a
// real Airflow 3.3.2 on PostgreSQL, whose web server is killed. .ci/figures
// runs it, once.
func BenchmarkChaos(b *testing.B) {
	realtest.Need(b, googlereal.NeedPubSub, googlereal.NeedStorage)
	for b.Loop() {
		c := chaos{events: 10_000, up: 15 * time.Second, airflow: killedAirflow(b), store: bucketStore(b)}
		row := c.run(b)
		_, _ = fmt.Fprintf(
			b.Output(),
			"| events | runs | dead letters | pushes by their answer | killed | took |\n|--:|--:|--:|---|---|--:|\n%s\n",
			row,
		)
	}
}

// chaos is a number of events on their way, while what they meet is killed and
// started again at random.
type chaos struct {
	events  int
	up      time.Duration // how long the function and the store live at most
	airflow airflowPart
	store   store
}

// airflowPart is an Airflow that can be killed, and keeps its runs.
type airflowPart struct {
	part
	settings []string
	confs    func(testing.TB) []string // of all runs
}

// store is a place for dead letters that can be killed, and keeps them.
type store struct {
	part
	settings []string
	letters  func(testing.TB) []deadletter.Record
}

// part is what is killed and started again. A part that cannot be killed has no kill.
type part struct {
	name  string
	kill  func() error
	start func(context.Context) error
	// It is up, and then down, for at most so long, each time a random duration.
	up, down time.Duration
	kills    int
}

// rage kills the part at random until the context ends, and leaves it up.
func (p *part) rage(ctx context.Context, rng *rand.Rand) error {
	if p.kill == nil {
		return nil
	}
	for pause(ctx, time.Duration(rng.Int64N(int64(p.up)))) == nil {
		if err := p.kill(); err != nil {
			return fmt.Errorf("killing %s: %w", p.name, err)
		}
		p.kills++
		_ = pause(ctx, time.Duration(rng.Int64N(int64(p.down)))) // it is started in any case
		if err := p.start(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("starting %s again: %w", p.name, err)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// chaosRoutes let a part of the events fail permanently: some by what Airflow
// answers, some before a request is sent.
const chaosRoutes = `
routes:
  - name: good
    on: message.published
    when: message.json.kind == "good"
    dag: paused
  - name: refused
    on: message.published
    when: message.json.kind == "refused"
    dag: typed
    conf: {region: mars, n: "${message.json.n}"}
  - name: unreadable
    on: message.published
    when: message.json.kind == "unreadable"
    dag: paused
    note: ${message.json.absent}
`

// kindOf is what becomes of an event: a fifth of them fails permanently.
func kindOf(n int) (kind, end string) {
	switch n % 10 {
	case 3:
		return "refused", "dead letter by refused"
	case 7:
		return "unreadable", "dead letter by unreadable"
	}
	return "good", "run"
}

// run sends all events, and checks how each ended. It returns a table's row.
func (c *chaos) run(t testing.TB) string {
	t.Helper()
	randomSeed := seed(t)
	pubsub, err := googlereal.StartPubSub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, pubsub)
	settings := append([]string{"DAGTRIGGER_CONFIG=" + chaosRoutes, "LOG_LEVEL=error"}, c.airflow.settings...)
	i := startInstance(t, buildFunction(t), append(settings, c.store.settings...)...)
	function := part{
		name:  "the function",
		kill:  i.kill,
		start: func(context.Context) error { return i.start() },
		up:    c.up,
		down:  time.Second,
	}
	c.store.up, c.store.down = c.up, time.Second
	w := startAckProxy(t, i.url)
	for topic := range topics {
		// The emulator (0.8.20) pushes again after a second by itself. With a retry
		// policy of the subscription it can stop pushing permanently.
		err := errors.Join(pubsub.CreateTopic(t.Context(), topicName(topic)), pubsub.Subscribe(t.Context(), googlereal.Subscription{
			Name: topicName(topic) + "-to-function", Topic: topicName(topic), Push: w.url, AckDeadline: 10 * time.Minute,
		}))
		if err != nil {
			t.Fatal(err)
		}
	}

	began := time.Now()
	raging, calm := context.WithCancel(t.Context())
	faults := make(chan error, 3)
	var group sync.WaitGroup
	for n, p := range []*part{&c.airflow.part, &c.store.part, &function} {
		group.Go(func() { faults <- p.rage(raging, rand.New(rand.NewPCG(randomSeed, uint64(n)))) })
	}
	err = c.publish(t.Context(), pubsub, w)
	calm()
	group.Wait()
	close(faults)
	for fault := range faults {
		err = errors.Join(err, fault)
	}
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	for _, p := range []part{c.airflow.part, c.store.part, function} {
		if p.kill != nil && p.kills == 0 {
			t.Errorf("%s was never killed", p.name)
		}
	}
	runs, letters := c.check(t)
	return fmt.Sprintf("| %d | %d | %d | %s | %s %d times, %s %d, %s %d | %.0f s |", c.events, runs, letters, w.counts(),
		c.airflow.name, c.airflow.kills, c.store.name, c.store.kills, function.name, function.kills, took.Seconds())
}

// topics is how many the events are spread over, and as many subscriptions: the
// emulator has only two pushes of each under way.
const topics = 8

func topicName(n int) string { return fmt.Sprintf("events-%d", n%topics) }

// underWay is how many events wait for their acknowledgement at the most: as
// with Pub/Sub, whose window for a push endpoint shrinks where it refuses.
const underWay = 200

// publish publishes all events, and returns when all are acknowledged and no
// push is under way.
func (c *chaos) publish(ctx context.Context, pubsub *googlereal.PubSub, w *ackProxy) error {
	ctx, cancel := context.WithTimeout(ctx, 2*hang+time.Duration(c.events)*200*time.Millisecond)
	defer cancel()
	for n := range c.events {
		kind, _ := kindOf(n)
		if err := w.wait(ctx, n-underWay); err != nil {
			return err
		}
		if err := pubsub.Publish(ctx, topicName(n), fmt.Appendf(nil, `{"n":%d,"kind":%q}`, n, kind), nil); err != nil {
			return err
		}
	}
	return errors.Join(w.wait(ctx, c.events), w.idle(ctx))
}

// check sees that each event ended once, and as it should.
func (c *chaos) check(t testing.TB) (runs, letters int) {
	t.Helper()
	want, got := map[int]string{}, map[int]string{}
	for n := range c.events {
		_, want[n] = kindOf(n)
	}
	add := func(text []byte, end string) {
		var event struct{ N int }
		if err := json.Unmarshal(text, &event); err != nil {
			t.Errorf("%s: %v in %s", end, err, text)
		}
		got[event.N] = strings.TrimPrefix(got[event.N]+", "+end, ", ")
	}
	for _, conf := range c.airflow.confs(t) {
		runs++
		add([]byte(conf), "run")
	}
	for _, r := range c.store.letters(t) {
		ev := event.New(r.Event)
		if ev.Invalid != nil || ev.Message == nil {
			t.Fatalf("a dead letter's event is %v: %v", r.Event, ev.Invalid)
		}
		letters++
		add(ev.Message.Data, "dead letter by "+r.Route)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events, and how they ended (-want +got):\n%s", diff)
	}
	return runs, letters
}

// embeddedAirflow takes its time for each request, so that some are under way
// when it is killed: their connections break, and its work is done or not.
func embeddedAirflow(t testing.TB) airflowPart {
	t.Helper()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, NoScheduler: true,
		DAGs: []airflowsim.DAG{
			{ID: airflowreal.PausedDAG, Paused: true},
			{ID: airflowreal.TypedDAG, Params: `{"region": {"default": "eu", "type": "string", "enum": ["eu", "us"]}}`},
		},
		Unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) },
	})
	if err != nil {
		t.Fatal(err)
	}
	sim.SetCapacity(airflowsim.Capacity{AtOnce: 4, Waiting: 100, PerRequest: 60 * time.Millisecond})
	server := newServer(t, sim)
	c := startCounter(t, server.URL)
	return airflowPart{
		part: part{
			name: "Airflow", kill: c.shut, start: func(context.Context) error { return c.open() },
			up: 4 * time.Second, down: time.Second,
		},
		settings: []string{"AIRFLOW_URL=" + c.url()},
		confs: func(testing.TB) (confs []string) {
			for _, run := range sim.Runs() {
				confs = append(confs, string(run.Conf))
			}
			return confs
		},
	}
}

// killedAirflow is a real one, whose web server is killed by SIGKILL.
func killedAirflow(t testing.TB) airflowPart {
	t.Helper()
	a := startAirflow(t, airflowreal.Options{Version: "3.3.2"})
	return airflowPart{
		part: part{
			name: "Airflow", kill: a.KillWebServer, start: func(ctx context.Context) error { return a.RestartWebServer(ctx, nil) },
			up: 2 * time.Minute, down: 3 * time.Second,
		},
		settings: a.settings(a.URL, ""),
		confs: func(t testing.TB) (confs []string) {
			for _, dag := range []string{airflowreal.PausedDAG, airflowreal.TypedDAG} {
				for _, conf := range a.confs(t, dag) {
					confs = append(confs, conf)
				}
			}
			return confs
		},
	}
}

// bucketStore is a bucket of a program that is killed by SIGKILL.
func bucketStore(t testing.TB) store {
	t.Helper()
	s, err := googlereal.StartStorageIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, s)
	if err := s.CreateBucket(t.Context(), "acme-dead"); err != nil {
		t.Fatal(err)
	}
	const address = "gs://acme-dead/letters"
	return store{
		part: part{
			name: "the store", kill: s.Kill, start: s.Restart,
		},
		settings: []string{"DEAD_LETTER=" + address, "STORAGE_EMULATOR_HOST=" + s.URL},
		letters: func(t testing.TB) []deadletter.Record {
			return lettersIn(t, address, deadletter.Options{Transport: &http.Transport{DisableKeepAlives: true}, StorageEmulator: s.URL})
		},
	}
}

// folderStore is a folder, which nothing can kill.
func folderStore(t testing.TB) store {
	t.Helper()
	address := "file://" + t.TempDir()
	return store{
		part:     part{name: "the folder"},
		settings: []string{"DEAD_LETTER=" + address},
		letters:  func(t testing.TB) []deadletter.Record { return lettersIn(t, address, deadletter.Options{}) },
	}
}

func lettersIn(t testing.TB, address string, o deadletter.Options) (all []deadletter.Record) {
	t.Helper()
	archive, err := deadletter.OpenArchive(address, o)
	if err != nil {
		t.Fatal(err)
	}
	for l, err := range archive.List(t.Context(), deadletter.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l.Record)
	}
	return all
}
