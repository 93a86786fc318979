// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/dagtrigger/internal/real/airflowreal"
)

// BenchmarkRealAirflowUnderLoad prints a table of what a real Airflow takes
// from a plain loop of POSTs, and from the function in front of it. .ci/figures
// runs it, once. Only the ratio of the two, in one run, means anything.
func BenchmarkRealAirflowUnderLoad(b *testing.B) {
	y := newTestbed(b, startAirflow(b, airflowreal.Options{Version: "3.3.2"}))
	for b.Loop() {
		f := figures{testbed: y, out: b.Output()}
		fmt.Fprintln(f.out, "| load | events | pushes | requests to Airflow per event | events/s | of the plain loop |")
		fmt.Fprintln(f.out, "|---|--:|--:|--:|--:|--:|")
		f.findBest(b)
		f.compare(b)
		f.rough(b)
	}
}

type figures struct {
	*testbed
	out  io.Writer
	best int // how many plain POSTs at once the server takes best
	loop rate
	made int // runs that plain loops made
}

// rate is events, in a time.
type rate struct {
	events int
	took   time.Duration
}

func (r rate) perSecond() float64  { return float64(r.events) / r.took.Seconds() }
func (r rate) and(other rate) rate { return rate{r.events + other.events, r.took + other.took} }

// findBest tries the plain loop with more and more POSTs at once.
func (f *figures) findBest(b *testing.B) {
	b.Helper()
	f.plainLoop(b, 1, 50, asTheFunction) // to warm up
	best := 0.0
	for _, atOnce := range []int{1, 2, 4, 8, 16} {
		r := f.plainLoop(b, atOnce, 200, asTheFunction)
		f.print(fmt.Sprintf("plain loop, %d at once", atOnce), r, carried{requests: int64(r.events)}, "")
		if r.perSecond() > best {
			f.best, best = atOnce, r.perSecond()
		}
	}
}

// asTheFunction is a note such as the function gives each run.
const asTheFunction = "message loop-1 on projects/example/topics/example"

// compare lets the plain loop at its best and the function take turns, so that
// a machine that slows down slows both.
func (f *figures) compare(b *testing.B) {
	b.Helper()
	var all carried
	var function, bare rate
	for i := range 3 {
		f.loop = f.loop.and(f.plainLoop(b, f.best, 300, asTheFunction))
		bare = bare.and(f.plainLoop(b, f.best, 300, ""))
		l := load{name: fmt.Sprintf("good %d", i), events: 500}
		c := f.carry(b, l)
		function = function.and(rate{l.events, c.took})
		all.requests, all.pushes = all.requests+c.requests, all.pushes+c.pushes
	}
	loop := fmt.Sprintf("in turns: plain loop, %d at once", f.best)
	f.print(loop, f.loop, carried{requests: int64(f.loop.events)}, "1.00")
	f.print(loop+", runs without a note", bare, carried{requests: int64(bare.events)}, f.ratio(bare))
	f.print("in turns: the function, 80 pushes at once", function, all, f.ratio(function))
}

// rough is the same with what Pub/Sub and a bad day do to it.
func (f *figures) rough(b *testing.B) {
	b.Helper()
	l := load{name: "a fifth delivered twice", events: 500, again: 100}
	c := f.carry(b, l)
	f.print(l.name, rate{l.events, c.took}, c, f.ratio(rate{l.events, c.took}))
	l.name, l.outage = l.name+", the web server killed and started again", true
	c = f.carry(b, l)
	f.print(fmt.Sprintf("%s: down for %.1f s", l.name, c.down.Seconds()), rate{l.events, c.took}, c, "")
}

func (f *figures) ratio(r rate) string { return fmt.Sprintf("%.2f", r.perSecond()/f.loop.perSecond()) }

func (f *figures) print(name string, r rate, c carried, ratio string) {
	pushes := ""
	if c.pushes > 0 {
		pushes = fmt.Sprint(c.pushes)
	}
	fmt.Fprintf(f.out, "| %s | %d | %s | %.2f | %.1f | %s |\n", name, r.events, pushes, float64(c.requests)/float64(r.events), r.perSecond(),
		ratio)
}

// plainLoop posts runs as fast as the server takes them from so many at once. A
// note takes Airflow another row.
func (f *figures) plainLoop(b *testing.B, atOnce, runs int, note string) rate {
	b.Helper()
	var next atomic.Int64
	next.Store(int64(f.made))
	f.made += runs
	last := int64(f.made)
	faults := make(chan error, atOnce)
	var group sync.WaitGroup
	start := time.Now()
	for range atOnce {
		group.Go(func() {
			for n := next.Add(1); n <= last; n = next.Add(1) {
				if err := f.post(b.Context(), n, note); err != nil {
					faults <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(faults)
	if err := <-faults; err != nil {
		b.Fatal(err)
	}
	return rate{runs, time.Since(start)}
}

func (f *figures) post(ctx context.Context, n int64, note string) error {
	status, err := f.create(ctx, fmt.Sprintf("loop-%d", n), fmt.Appendf(nil, `{"load":"loop","n":%d}`, n), note)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("run %d was answered %d", n, status)
	}
	return err
}

// create posts a run, as a plain function does.
func (y *testbed) create(ctx context.Context, id string, conf []byte, note string) (status int, err error) {
	url := y.counter.url() + y.airflow.api + "/dags/" + loadedDAG + "/dagRuns"
	body := fmt.Appendf(nil, `{"dag_run_id":%q,"logical_date":null,"conf":%s`, id, conf)
	if note != "" {
		body = fmt.Appendf(body, `,"note":%q`, note)
	}
	body = append(body, '}')
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	y.airflow.authorize(r)
	resp, err := y.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
