// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/real/airflowreal"
)

// senders is how many pushes are under way at once: the concurrency of one
// instance of the function, as the README deploys it.
const senders = 80

// load is a number of events, pushed until each push is acknowledged.
type load struct {
	name   string
	events int
	again  int  // how many of them are delivered twice
	outage bool // the web server is killed in the middle, and started again
}

// carried is what became of a load.
type carried struct {
	requests int64 // to Airflow
	pushes   int64 // to the function, those that were not acknowledged included
	took     time.Duration
	down     time.Duration // of which no web server was there
}

// proveTheLoad is a shortened form of what .ci/figures measures: that nothing
// is lost, and nothing runs twice, by an Airflow that goes down under load.
func proveTheLoad(t *testing.T, a *realAirflow) {
	y := newTestbed(t, a)
	for _, l := range []load{
		{name: "quiet", events: 40},
		{name: "rough", events: 160, again: 32, outage: true},
	} {
		c := y.carry(t, l)
		t.Logf("%s: %d events by %d pushes and %d requests to Airflow, in %.1f s, of which it was down for %.1f s",
			l.name, l.events, c.pushes, c.requests, c.took.Seconds(), c.down.Seconds())
		if l.name == "quiet" && c.requests != int64(l.events) {
			t.Errorf("%d events took %d requests to Airflow, want one each", l.events, c.requests)
		}
	}
}

// testbed is a real Airflow behind a counter, and the function in front of both.
type testbed struct {
	airflow  *realAirflow
	counter  *counter
	function string
	client   *http.Client
}

// loadedDAG is paused, so that its runs stay as they were made.
const loadedDAG = airflowreal.PausedDAG

func newTestbed(t testing.TB, a *realAirflow) *testbed {
	t.Helper()
	c := startCounter(t, a.URL)
	y := &testbed{airflow: a, counter: c, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}, Timeout: 5 * hang}}
	t.Cleanup(y.client.CloseIdleConnections)
	settings := append(a.settings(c.url(), loadedDAG), "AIRFLOW_API=v2", "LOG_LEVEL=error")
	y.function = startFunction(t, buildFunction(t), settings...)
	return y
}

// carry pushes a load, and checks that Airflow then holds one run of each
// event, and each run that an acknowledgement spoke of.
func (y *testbed) carry(t testing.TB, l load) carried {
	t.Helper()
	before := y.airflow.confs(t, loadedDAG)
	ctx, cancel := context.WithTimeout(t.Context(), 5*hang)
	defer cancel()
	d := &drive{load: l, testbed: y, queue: l.shuffled(), published: time.Now()}
	if l.outage {
		d.half = make(chan struct{})
	}
	requests, start := y.counter.requests.Load(), time.Now()
	err := d.run(ctx)
	c := carried{requests: y.counter.requests.Load() - requests, pushes: d.pushes.Load(), took: time.Since(start), down: d.down}
	if err != nil {
		t.Fatalf("%s: %v", l.name, err)
	}
	runs := y.check(t, l, before)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(runs)), slices.Sorted(maps.Keys(d.acknowledged))); diff != "" {
		t.Errorf("%s: the runs and those that were acknowledged (-Airflow's +acknowledged):\n%s", l.name, diff)
	}
	return c
}

// check sees that each event has one run with its conf among those made since
// before, and gives their confs by run id.
func (y *testbed) check(t testing.TB, l load, before map[string]string) map[string]string {
	t.Helper()
	runs := y.airflow.confs(t, loadedDAG)
	maps.DeleteFunc(runs, func(id, _ string) bool { return before[id] != "" })
	var want []string
	for i := range l.events {
		want = append(want, canonical(t, l.data(i)))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Values(runs))); diff != "" {
		t.Errorf("%s: the events and the confs of the runs (-want +got):\n%s", l.name, diff)
	}
	return runs
}

func (l load) data(i int) []byte { return fmt.Appendf(nil, `{"load":%q,"n":%d}`, l.name, i) }

// shuffled is the numbers of the events in the order of their deliveries.
func (l load) shuffled() []int {
	var queue []int
	for i := range l.events {
		queue = append(queue, i)
		if i < l.again {
			queue = append(queue, i)
		}
	}
	rand.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	return queue
}

// drive pushes one load, as Pub/Sub does: so many at once, and what was not
// acknowledged again later, while others have their turn.
type drive struct {
	load
	*testbed
	queue     []int
	published time.Time
	due       chan due // closed once everything is acknowledged
	pushes    atomic.Int64
	half      chan struct{} // closed once half of it is acknowledged; nil without an outage
	down      time.Duration

	mu           sync.Mutex
	acknowledged map[string]bool // by run id
	done         int             // deliveries that were acknowledged
}

// due is a delivery, and how long it waits where it is not acknowledged.
type due struct {
	event int
	wait  time.Duration
}

// Pub/Sub waits from a tenth of a second up to a minute.
const firstWait, longestWait = 100 * time.Millisecond, 2 * time.Second

func (d *drive) run(ctx context.Context) error {
	d.acknowledged = map[string]bool{}
	d.due = make(chan due, len(d.queue))
	for _, i := range d.queue {
		d.due <- due{i, firstWait}
	}
	faults := make(chan error, senders+1)
	var group sync.WaitGroup
	if d.half != nil {
		group.Go(func() { faults <- d.breakDown(ctx) })
	}
	for range senders {
		group.Go(func() { faults <- d.send(ctx) })
	}
	group.Wait()
	close(faults)
	for err := range faults {
		if err != nil {
			return err
		}
	}
	return nil
}

// send pushes what is due, until nothing is left.
func (d *drive) send(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case next, open := <-d.due:
			if !open {
				return nil
			}
			run, err := d.push(ctx, next.event)
			if err != nil {
				return err
			}
			if run != "" {
				d.note(run)
				continue
			}
			again := due{next.event, min(2*next.wait, longestWait)}
			time.AfterFunc(next.wait, func() { d.due <- again }) // the buffer fits all
		}
	}
}

// breakDown kills the web server when half of the load is acknowledged, and starts it again.
func (d *drive) breakDown(ctx context.Context) error {
	select {
	case <-d.half:
	case <-ctx.Done():
		return ctx.Err()
	}
	start := time.Now()
	defer func() { d.down = time.Since(start) }()
	err := errors.Join(d.airflow.KillWebServer(), d.counter.shut(), d.airflow.RestartWebServer(ctx, nil))
	return errors.Join(err, d.counter.open())
}

// push pushes an event once. An acknowledgement names its run; without one, the run is empty.
func (d *drive) push(ctx context.Context, event int) (run string, err error) {
	d.pushes.Add(1)
	status, answer, err := d.deliver(ctx, d.message(event, d.published))
	if err != nil || status != http.StatusOK {
		return "", err
	}
	if said := outcomes(answer); len(said) == 1 && said[0].Run != "" {
		return said[0].Run, nil
	}
	return "", fmt.Errorf("event %d was acknowledged with %s", event, answer)
}

// message is the Pub/Sub message of an event.
func (l load) message(event int, published time.Time) delivery.Message {
	return delivery.Message{
		ID: fmt.Sprintf("%s-%d", l.name, event), Topic: delivery.DefaultTopic, Subscription: delivery.DefaultSubscription,
		PublishTime: published, Data: l.data(event),
	}
}

// deliver pushes a message to the function, and gives its answer.
func (y *testbed) deliver(ctx context.Context, m delivery.Message) (status int, answer []byte, err error) {
	request, err := m.Request(delivery.Push)
	if err != nil {
		return 0, nil, err
	}
	r, err := request.HTTP(ctx, y.function)
	if err != nil {
		return 0, nil, err
	}
	resp, err := y.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// outcome is one of those that an answer of the function tells.
type outcome struct {
	Outcome string
	Run     string `json:"dag_run_id"`
}

// outcomes are those of an answer, none where it has something else.
func outcomes(answer []byte) []outcome {
	var said struct{ Outcomes []outcome }
	_ = json.Unmarshal(answer, &said) // what is no such answer has none
	return said.Outcomes
}

func (d *drive) note(run string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acknowledged[run] = true
	d.done++
	if d.half != nil && d.done == len(d.queue)/2 {
		close(d.half)
	}
	if d.done == len(d.queue) {
		close(d.due)
	}
}
