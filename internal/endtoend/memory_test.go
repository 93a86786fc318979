// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
)

// What one instance of the function is deployed with, as the README says.
const (
	instanceMemory = 256 << 20
	instanceCPUs   = "1"
)

// An instance that needs more than its memory is killed by the platform, with
// all requests that it has. What counts is what the process takes, whatever of
// it the heap uses.
func TestFunctionStaysWithinItsMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the memory of a process is read from /proc, which only Linux has")
	}
	for _, c := range senderLoads() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// One is sent away after the other, which takes minutes for a hundred:
			// here most go by themselves, and the figures see all of them go.
			c.rounds, c.leave = 1, 3*time.Second
			m := c.measure(t)
			t.Logf("%d pushes for %d events, at most %d MiB", m.pushes, c.rounds*senders, m.peak>>20)
			if m.peak >= instanceMemory {
				t.Errorf("the function took %d MiB, want less than %d", m.peak>>20, instanceMemory>>20)
			}
		})
	}
}

// BenchmarkMemory prints a table of what an instance takes. .ci/figures runs it, once.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		out := b.Output()
		_, _ = fmt.Fprintf(out, "| %d pushes at once of 1 MB each | events | pushes | at most, MiB |\n|---|--:|--:|--:|\n", senders)
		for _, c := range senderLoads() {
			m := c.measure(b)
			_, _ = fmt.Fprintf(out, "| %s | %d | %d | %d |\n", c.name, c.rounds*senders, m.pushes, m.peak>>20)
		}
	}
}

// senderLoad is what an instance is sent: rounds of as many events at once as it
// gets, each of a megabyte, and besides them senders that stall.
type senderLoad struct {
	name     string
	data     func(i, size int) []byte
	settings []string
	rounds   int
	stalled  int
	leave    time.Duration // after which most that stall go away; 0: never
}

func senderLoads() []senderLoad {
	mapped := []string{"DAGTRIGGER_CONFIG=" + `
routes:
  - name: mapped
    on: message.published
    when: size(message.json.list) > 1
    dag: load
    conf: {last: "${message.json.list[1]}", all: "${message.json}"}
`}
	plain := []string{"DAG_ID=load"}
	return []senderLoad{
		{name: "an event's data is a text", data: textOf, settings: plain, rounds: 5},
		{name: "a route reads the whole of a long list", data: listOf, settings: mapped, rounds: 3},
		{name: "and a hundred senders stall at 15 MiB", data: textOf, settings: plain, rounds: 3, stalled: 100},
	}
}

// textOf and listOf are JSON of so many bytes, and another for each number.
func textOf(i, size int) []byte {
	head := fmt.Appendf(nil, `{"n":%d,"text":"`, i)
	return append(append(head, bytes.Repeat([]byte("x"), size-len(head)-2)...), `"}`...)
}

func listOf(i, size int) []byte {
	head := fmt.Appendf(nil, `{"n":%d,"list":[1`, i)
	return append(append(head, bytes.Repeat([]byte(",7"), (size-len(head)-2)/2)...), `]}`...)
}

// measured is what a senderLoad came to.
type measured struct {
	peak   int64 // bytes of memory
	pushes int64
}

// measure sends a senderLoad to a separate function, until all events are acknowledged.
func (c senderLoad) measure(t testing.TB) measured {
	t.Helper()
	airflow := &echo{turns: make(chan struct{}, 4), unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) }}
	server := httptest.NewServer(airflow)
	t.Cleanup(server.Close)
	settings := append([]string{"AIRFLOW_URL=" + server.URL, "AIRFLOW_API=v2", "LOG_LEVEL=error", "GOMAXPROCS=" + instanceCPUs}, c.settings...)
	function := startInstance(t, buildFunction(t), settings...)

	ctx, cancel := context.WithTimeout(t.Context(), 5*hang)
	defer cancel()
	held := c.stall(ctx, t, function)
	var m measured
	m.pushes = c.push(ctx, t, function)
	held.Wait()
	m.peak = function.peakMemory(t)
	if runs := int(airflow.runs.Load()); runs != c.rounds*senders {
		t.Errorf("Airflow was asked for %d runs, want %d", runs, c.rounds*senders)
	}
	return m
}

// echo is an Airflow 3 that keeps nothing: it answers with the run that it is
// asked for, conf and all, after a while, a few at a time, so that requests
// wait with what they brought.
type echo struct {
	turns   chan struct{}
	runs    atomic.Int64
	unknown func(*http.Request)
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/api/v2/dags/load/dagRuns" {
		e.unknown(r)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var run struct {
		ID   string          `json:"dag_run_id"`
		Conf json.RawMessage `json:"conf"`
	}
	if err := json.NewDecoder(r.Body).Decode(&run); err != nil {
		return // who asked has gone
	}
	e.runs.Add(1)
	e.turns <- struct{}{}
	<-time.After(40 * time.Millisecond)
	<-e.turns
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"dag_run_id":%q,"dag_id":"load","logical_date":null,"state":"queued","note":null,"conf":%s}`, run.ID, run.Conf)
}

// push sends all events, as many at once as an instance is given, and each
// again until it is acknowledged.
func (c senderLoad) push(ctx context.Context, t testing.TB, function *instance) (pushes int64) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	var count atomic.Int64
	var group sync.WaitGroup
	for i := range senders {
		group.Go(func() {
			for round := range c.rounds {
				n := round*senders + i
				tries, err := pushLarge(ctx, client, function.url, n, c.data(n, 750_000))
				count.Add(tries)
				if err != nil {
					t.Errorf("event %d: %v", n, err)
					return
				}
			}
		})
	}
	group.Wait()
	return count.Load()
}

// pushLarge pushes a message until it is acknowledged. Its request is a
// megabyte where its data is three quarters of one; it is built once, because
// building it takes the time of the Airflow beside it.
func pushLarge(ctx context.Context, client *http.Client, url string, n int, data []byte) (tries int64, err error) {
	message := delivery.Message{
		ID: strconv.Itoa(n), Topic: delivery.DefaultTopic, Subscription: delivery.DefaultSubscription,
		PublishTime: time.Now(), Data: data,
	}
	request, err := message.Request(delivery.Push)
	if err != nil {
		return 0, err
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		tries++
		status, text, err := sendOnce(ctx, client, url, request)
		switch {
		case err != nil || status == http.StatusOK:
			return tries, err
		case status != http.StatusTooManyRequests:
			return tries, fmt.Errorf("answered %d %s", status, text)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return tries, ctx.Err()
		}
	}
}

func sendOnce(ctx context.Context, client *http.Client, url string, request delivery.Request) (status int, text []byte, err error) {
	r, err := request.HTTP(ctx, url)
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// stall opens the connections of senders that announce the largest body,
// send all but a part of it, and then nothing. It returns once each has begun,
// and the group is done once each has been sent away.
func (c senderLoad) stall(ctx context.Context, t testing.TB, function *instance) *sync.WaitGroup {
	t.Helper()
	const stay = 8 // whatever the others do
	part := bytes.Repeat([]byte("x"), 15<<20)
	var ended sync.WaitGroup
	for n := range c.stalled {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(function.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: function\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
			event.MaxBody)
		if err != nil {
			t.Fatal(err)
		}
		ended.Go(func() {
			defer func() { _ = conn.Close() }()
			leaves := c.leave > 0 && n >= stay
			if leaves {
				_ = conn.SetDeadline(time.Now().Add(c.leave))
			} else {
				_ = conn.SetDeadline(time.Now().Add(5 * hang))
			}
			_, _ = conn.Write(part)    // it ends early where the function gives up
			_, err := io.ReadAll(conn) // until the function does
			if !leaves && errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("sender %d stalled, and was not sent away", n)
			}
		})
	}
	return &ended
}

// peakMemory is the most that the process has held in memory so far, in bytes.
func (i *instance) peakMemory(t testing.TB) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no VmHWM in %s", text)
	return 0
}
