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
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/airflowreal"
	"example.com/dagtrigger/internal/delivery"
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
}

// proveTheLoad is a shortened form of what .ci/figures measures: that nothing
// is lost, and nothing runs twice, by an Airflow that goes down under load.
func proveTheLoad(t *testing.T, a *realAirflow) {
	y := newYard(t, a)
	for _, l := range []load{
		{name: "quiet", events: 40},
		{name: "rough", events: 160, again: 32, outage: true},
	} {
		c := y.carry(t, l)
		t.Logf("%s: %d events by %d pushes and %d requests to Airflow, in %.1f s", l.name, l.events, c.pushes, c.requests, c.took.Seconds())
		if l.name == "quiet" && c.requests != int64(l.events) {
			t.Errorf("%d events took %d requests to Airflow, want one each", l.events, c.requests)
		}
	}
}

// yard is a real Airflow behind a counter, and the function in front of both.
type yard struct {
	airflow  *realAirflow
	counter  *counter
	function string
	client   *http.Client
}

// loadedDAG is paused, so that its runs stay as they were made.
const loadedDAG = airflowreal.PausedDAG

func newYard(t testing.TB, a *realAirflow) *yard {
	t.Helper()
	c := startCounter(t, a.URL)
	y := &yard{airflow: a, counter: c, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}, Timeout: 5 * hang}}
	t.Cleanup(y.client.CloseIdleConnections)
	settings := append(a.settings(c.url(), loadedDAG), "AIRFLOW_API=v2", "LOG_LEVEL=error")
	y.function = startFunction(t, buildFunction(t), settings...)
	return y
}

// carry pushes a load, and checks that Airflow then holds one run of each
// event, and each run that an acknowledgement spoke of.
func (y *yard) carry(t testing.TB, l load) carried {
	t.Helper()
	before := y.airflow.confs(t, loadedDAG)
	ctx, cancel := context.WithTimeout(t.Context(), 5*hang)
	defer cancel()
	d := &drive{load: l, yard: y, queue: l.shuffled()}
	if l.outage {
		d.half = make(chan struct{})
	}
	requests, start := y.counter.requests.Load(), time.Now()
	err := d.run(ctx)
	c := carried{requests: y.counter.requests.Load() - requests, pushes: d.pushes.Load(), took: time.Since(start)}
	if err != nil {
		t.Fatalf("%s: %v", l.name, err)
	}
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
	if diff := cmp.Diff(slices.Sorted(maps.Keys(runs)), slices.Sorted(maps.Keys(d.acknowledged))); diff != "" {
		t.Errorf("%s: the runs and those that were acknowledged (-Airflow's +acknowledged):\n%s", l.name, diff)
	}
	return c
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

// drive pushes one load.
type drive struct {
	load
	*yard
	queue  []int
	pushes atomic.Int64
	half   chan struct{} // closed once half of it is acknowledged; nil without an outage

	mu           sync.Mutex
	acknowledged map[string]bool // by run id
	done         int             // deliveries that were acknowledged
}

func (d *drive) run(ctx context.Context) error {
	d.acknowledged = map[string]bool{}
	var group sync.WaitGroup
	var outage error
	if d.half != nil {
		group.Go(func() { outage = d.breakDown(ctx) })
	}
	todo := make(chan int, len(d.queue))
	for _, i := range d.queue {
		todo <- i
	}
	close(todo)
	faults := make(chan error, senders)
	for range senders {
		group.Go(func() {
			for i := range todo {
				if err := d.deliver(ctx, i); err != nil {
					faults <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(faults)
	return errors.Join(outage, <-faults)
}

// breakDown kills the web server when half of the load is acknowledged, and starts it again.
func (d *drive) breakDown(ctx context.Context) error {
	select {
	case <-d.half:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := errors.Join(d.airflow.KillWebServer(), d.counter.shut(), d.airflow.RestartWebServer(ctx, nil))
	return errors.Join(err, d.counter.open())
}

// deliver pushes an event until it is acknowledged, waiting between the tries
// as Pub/Sub does, in less time.
func (d *drive) deliver(ctx context.Context, i int) error {
	message := delivery.Message{
		ID: fmt.Sprintf("%s-%d", d.name, i), Topic: delivery.DefaultTopic, Subscription: delivery.DefaultSubscription,
		PublishTime: time.Now(), Data: d.data(i),
	}
	request, err := message.Request(delivery.Push)
	if err != nil {
		return err
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		answer, err := d.push(ctx, request)
		if err != nil {
			return err
		}
		if run, ok := strings.CutPrefix(answer, "acknowledged "); ok {
			d.note(run)
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("%w: event %d was answered %s", ctx.Err(), i, answer)
		}
	}
}

// push is one try. An acknowledgement names its run.
func (d *drive) push(ctx context.Context, request delivery.Request) (answer string, err error) {
	r, err := request.HTTP(ctx, d.function)
	if err != nil {
		return "", err
	}
	d.pushes.Add(1)
	resp, err := d.client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Sprintf("%s %s", resp.Status, text), err
	}
	var said struct {
		Outcomes []struct {
			Run string `json:"dag_run_id"`
		}
	}
	if err := json.Unmarshal(text, &said); err != nil || len(said.Outcomes) != 1 {
		return "", fmt.Errorf("it was acknowledged with %s: %w", text, err)
	}
	return "acknowledged " + said.Outcomes[0].Run, nil
}

func (d *drive) note(run string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acknowledged[run] = true
	if d.done++; d.half != nil && d.done == len(d.queue)/2 {
		close(d.half)
	}
}
