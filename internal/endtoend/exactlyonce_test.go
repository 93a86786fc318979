// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// DAGTRIGGER_PROOF is the size of the proofs: full in .ci/run; all adds what takes
// minutes more on two cores; without either they are small.
func full() bool       { return everything() || os.Getenv("DAGTRIGGER_PROOF") == "full" }
func everything() bool { return os.Getenv("DAGTRIGGER_PROOF") == "all" }

// seed is what a randomised test starts from: the one of an earlier run where
// DAGTRIGGER_SEED repeats it.
func seed(t testing.TB) uint64 {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv("DAGTRIGGER_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("DAGTRIGGER_SEED: %v", err)
		}
	}
	t.Logf("repeat with DAGTRIGGER_SEED=%d", n)
	return n
}

// Whatever goes wrong on the way, and however often and in which envelopes an
// event is delivered, in the end each event has exactly one run, with its conf.
func TestEveryEventEndsInExactlyOneRun(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"v2", "v1", "experimental"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			proveExactlyOnce(t, api)
		})
	}
}

// dags is how many DAGs the events are spread over. The experimental API has
// no look-up by run id, so that each look reads the DAG's whole history.
const dags = 50

func dagID(i int) string { return fmt.Sprintf("load_%d", i) }

func proveExactlyOnce(t *testing.T, api string) {
	n := seed(t)
	rng := rand.New(rand.NewPCG(n, 1))
	events := 200
	switch {
	case everything():
		events = 1000
	case full():
		events = 400
	}
	sim, settings := proofAirflow(t, api)
	functions := make([][2]string, dags)
	for i := range functions {
		settings["DAG_ID"] = dagID(i)
		functions[i] = [2]string{newFunction(t, settings), newFunction(t, settings)}
	}
	sim.InjectRandom(rand.New(rand.NewPCG(n, 2)), 0.25, airflowsim.EveryFault()...)

	var queue []*oneDelivery
	wanted := map[string]string{}
	for i := range events {
		conf, deliveries := randomEvent(t, rng, i, functions[i%dags])
		wanted[strconv.Itoa(i)] = conf
		queue = append(queue, deliveries...)
	}
	rng.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	deliverAll(t, queue, n)

	got := map[string]string{}
	for _, run := range sim.Runs() {
		number := numberOf(t, run.Conf)
		if other, ok := got[number]; ok {
			t.Errorf("event %s has two runs, the second with %s besides %s", number, run.Conf, other)
		}
		got[number] = canonical(t, run.Conf)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("events and runs (-want +got):\n%s", diff)
	}
}

// proofAirflow is an embedded Airflow that speaks api, and the settings of a
// function in front of it.
func proofAirflow(t *testing.T, api string) (*airflowsim.Server, map[string]string) {
	t.Helper()
	c := airflowsim.Config{
		Users:   []airflowsim.User{{Name: "robot", Password: "robot", Role: airflowsim.Op}},
		Unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) },
	}
	for i := range dags {
		c.DAGs = append(c.DAGs, airflowsim.DAG{ID: dagID(i)})
	}
	settings := map[string]string{"AIRFLOW_TIMEOUT": "10s"}
	switch api {
	case "v2":
		c.Version = airflowsim.Airflow33
		settings["AIRFLOW_AUTH"] = "bearer"
	case "v1":
		c.Version = airflowsim.Airflow211
		settings["AIRFLOW_AUTH"], settings["AIRFLOW_USERNAME"], settings["AIRFLOW_PASSWORD"] = "basic", "robot", "robot"
	default:
		c.Version, c.Auth = airflowsim.Airflow110, airflowsim.AuthOpen
		settings["AIRFLOW_API"] = "experimental"
	}
	sim, err := airflowsim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	settings["AIRFLOW_URL"] = server.URL
	if api == "v2" {
		settings["AIRFLOW_TOKEN"] = signIn(t, server.URL)
	}
	return sim, settings
}

// signIn gets a token for robot.
func signIn(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url+"/auth/token", jsonBody(`{"username":"robot","password":"robot"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	_, body := post(t, url+"/auth/token", r)
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Token == "" {
		t.Fatalf("no token in %s: %v", body, err)
	}
	return answer.Token
}

// newFunction serves an instance of the function, and returns its address.
func newFunction(t *testing.T, settings map[string]string) string {
	t.Helper()
	c, err := config.FromEnv(func(name string) string { return settings[name] })
	if err != nil {
		t.Fatal(err)
	}
	f, err := dagtrigger.New(c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

// oneDelivery is one delivery of an event, repeated until it is acknowledged.
type oneDelivery struct {
	request   delivery.Request
	functions [2]string // two instances, either of which may get it
	// impatient senders give up the first time, before they have the answer.
	impatient time.Duration
}

// randomEvent is event number i, whose conf holds that number, and its one to
// four deliveries, each in its own envelope.
func randomEvent(t *testing.T, rng *rand.Rand, i int, functions [2]string) (conf string, deliveries []*oneDelivery) {
	t.Helper()
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	data := fmt.Appendf(nil, `{"n":"%d","big":90071992547409931,"text":"ü\u0001 <&>","list":[1,2.50,null]}`, i)
	id := fmt.Sprintf("id-%d", i)
	var ev delivery.Event
	var envelopes []delivery.Envelope
	switch rng.IntN(3) {
	case 0:
		data = fmt.Appendf(nil, `{"bucket":"acme","name":"eu/%d.csv","generation":"%d","metageneration":"1","size":"3","n":"%d"}`, i, 1000+i, i)
		ev = delivery.Object{
			Bucket:     "acme",
			Name:       fmt.Sprintf("eu/%d.csv", i),
			Generation: int64(1000 + i),
			Time:       at,
			MessageID:  id,
			Resource:   data,
		}
		envelopes = delivery.Envelopes()
	case 1:
		ev = delivery.Message{ID: id, Topic: delivery.DefaultTopic, Subscription: delivery.DefaultSubscription, PublishTime: at, Data: data}
		envelopes = []delivery.Envelope{delivery.Push, delivery.PushUnwrapped}
	default:
		ev = delivery.CloudEvent{ID: id, Source: "/jobs", Type: "com.acme.done", ContentType: "application/json", Time: at, Data: data}
		envelopes = []delivery.Envelope{delivery.Eventarc, delivery.Structured, delivery.Push, delivery.PushUnwrapped}
	}
	for range 1 + rng.IntN(4) {
		as := envelopes[rng.IntN(len(envelopes))]
		request, err := ev.Request(as)
		if err != nil {
			t.Fatalf("event %d as %s: %v", i, as, err)
		}
		s := &oneDelivery{request: request, functions: functions}
		if rng.IntN(10) == 0 {
			s.impatient = time.Duration(rng.IntN(5000)) * time.Microsecond
		}
		deliveries = append(deliveries, s)
	}
	return canonical(t, data), deliveries
}

// deliverAll delivers as Pub/Sub does: concurrently, to either instance, and
// again until it is acknowledged.
func deliverAll(t *testing.T, queue []*oneDelivery, seed uint64) {
	t.Helper()
	const senders = 64
	ctx, cancel := context.WithTimeout(t.Context(), 5*hang)
	defer cancel()
	todo := make(chan *oneDelivery, len(queue))
	for _, s := range queue {
		todo <- s
	}
	var open, again atomic.Int64
	open.Store(int64(len(queue)))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for sender := range senders {
		rng := rand.New(rand.NewPCG(seed, uint64(10+sender)))
		group.Go(func() {
			for s := range todo {
				if !deliver(ctx, client, s.functions[rng.IntN(2)], s) && ctx.Err() == nil {
					again.Add(1)
					todo <- s
				} else if open.Add(-1) == 0 {
					close(todo)
				}
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		t.Fatal("deliveries were not acknowledged in time")
	}
	if again.Load() < int64(len(queue)/20) {
		t.Errorf("of %d deliveries %d were not acknowledged at first: the simulator injected too few faults", len(queue), again.Load())
	}
}

// deliver reports whether the delivery was acknowledged, as far as its sender knows.
func deliver(ctx context.Context, client *http.Client, url string, s *oneDelivery) bool {
	if s.impatient > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.impatient)
		defer cancel()
		s.impatient = 0
	}
	r, err := s.request.HTTP(ctx, url)
	if err != nil {
		return false
	}
	resp, err := client.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}

func numberOf(t *testing.T, conf []byte) string {
	t.Helper()
	var c struct{ N string }
	if err := json.Unmarshal(conf, &c); err != nil {
		t.Fatalf("conf %s: %v", conf, err)
	}
	return c.N
}
