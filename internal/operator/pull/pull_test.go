// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/pull"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

const (
	topic = "projects/acme-prod/topics/orders"
	// hang bounds a wait that only a hang would reach.
	hang = time.Minute
)

// queue is a Pub/Sub with a topic and a subscription of it.
type queue struct {
	*pstest.Server
	client  *pubsub.Client
	options []option.ClientOption
	end     func() error
}

// newQueue serves one. options are of its clients.
func newQueue(t *testing.T, options ...option.ClientOption) *queue {
	t.Helper()
	q := &queue{Server: pstest.NewServer()}
	q.end = sync.OnceValue(q.Close)
	t.Cleanup(func() { _ = q.end() })
	q.options = append(options, option.WithEndpoint(q.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	client, err := pubsub.NewClient(t.Context(), "acme-prod", q.options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	q.client = client
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	q.subscribe(t, &pubsubpb.Subscription{Name: subscription})
	return q
}

func (q *queue) subscribe(t *testing.T, s *pubsubpb.Subscription) {
	t.Helper()
	s.Topic, s.AckDeadlineSeconds = topic, 10
	if _, err := q.client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func (q *queue) publish(n int, data string) {
	for range n {
		q.Publish(topic, []byte(data), nil)
	}
}

// count is how many messages have at least so many acknowledgements, and deliveries is
// how often the one that was delivered most often was.
func (q *queue) count(acks int) (n, deliveries int) {
	for _, m := range q.Messages() {
		if m.Acks >= acks {
			n++
		}
		deliveries = max(deliveries, m.Deliveries)
	}
	return n, deliveries
}

// quick are pauses that a test need not wait for.
var quick = pull.Pauses{
	First: 5 * time.Millisecond, Longest: 20 * time.Millisecond, Rejected: 20 * time.Millisecond, Hold: hang, Crowded: hang,
}

// puller pulls with function, with changes.
func (q *queue) puller(function http.Handler, change func(*pull.Puller)) *pull.Puller {
	p := &pull.Puller{
		Options: q.options, Subscriptions: []string{subscription}, Function: function, Log: slog.New(slog.DiscardHandler),
		AtOnce: 80, Grace: hang, Pauses: quick,
	}
	if change != nil {
		change(p)
	}
	return p
}

// start runs p until stop is called, which returns the error of its end.
func start(t *testing.T, p *pull.Puller) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(hang):
			return errors.New("it does not end")
		}
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for started := time.Now(); !holds(); {
		if time.Since(started) > hang {
			t.Fatal("never: " + what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// airflow is a simulated Airflow with the DAG load, in front of which refusing answers
// requests where it is not nil.
type airflow struct {
	*airflowsim.Server
	requests atomic.Int64
	refusing atomic.Pointer[http.HandlerFunc]
}

// newAirflow returns an Airflow and the function that triggers its DAG for every event.
func newAirflow(t *testing.T) (*airflow, http.Handler) {
	t.Helper()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, DAGs: []airflowsim.DAG{{ID: "load"}},
		Unknown: func(r *http.Request) { t.Errorf("unknown request: %s %s", r.Method, r.URL) },
	})
	if err != nil {
		t.Fatal(err)
	}
	a := &airflow{Server: sim}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.requests.Add(1)
		if refuse := a.refusing.Load(); refuse != nil {
			(*refuse)(w, r)
			return
		}
		a.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	settings := map[string]string{"AIRFLOW_URL": server.URL, "AIRFLOW_AUTH": "none", "AIRFLOW_API": "v2", "DAG_ID": "load"}
	c, err := config.FromEnv(func(name string) string { return settings[name] })
	if err != nil {
		t.Fatal(err)
	}
	f, err := dagtrigger.New(c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return a, f
}

func (a *airflow) refuse(status int, retryAfter string) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(status)
	})
	a.refusing.Store(&h)
}

func TestEveryMessageStartsOneRun(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	a, f := newAirflow(t)
	stop := start(t, q.puller(f, nil))
	q.publish(200, `{"order":1}`)
	eventually(t, "200 messages are acknowledged", func() bool { n, _ := q.count(1); return n == 200 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, deliveries := q.count(1); len(a.Runs("load")) != 200 || deliveries != 1 {
		t.Errorf("%d runs, %d deliveries of a message", len(a.Runs("load")), deliveries)
	}
}

// A message is acknowledged where the function answers with a success, and only there.
func TestOnlySuccessIsAcknowledged(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		answer   http.HandlerFunc
		done     bool
		returned bool // to its subscription; else it is held
	}{
		{"200", status(200), true, false},
		{"204", status(204), true, false},
		{"no status", func(http.ResponseWriter, *http.Request) {}, true, false},
		{"rejected", status(422), false, true},
		{"no event", status(400), false, true},
		{"too large", status(413), false, true},
		{"a failure", status(500), false, true},
		{"a panic", func(http.ResponseWriter, *http.Request) { panic("at this message") }, false, true},
		{"overloaded", status(429), false, false},
		{"deferred", status(503), false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			q := newQueue(t)
			var tries atomic.Int64
			stop := start(t, q.puller(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				row.answer(w, r)
			}), nil))
			q.publish(1, "x")
			if row.done {
				eventually(t, "it is acknowledged", func() bool { n, _ := q.count(1); return n == 1 })
			} else {
				eventually(t, "the function has it twice", func() bool { return tries.Load() > 1 })
			}
			acknowledged, deliveries := q.count(1)
			if (acknowledged == 1) != row.done || (deliveries > 1) != row.returned {
				t.Errorf("acknowledged %d, delivered %d times", acknowledged, deliveries)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// A message of the greatest size, and many that are invalid, do not stop others.
func TestHostileMessagesDoNotStopOthers(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	a, f := newAirflow(t)
	start(t, q.puller(f, nil))
	large := append(bytes.Repeat([]byte("x"), 10<<20-1000), '"')
	for _, data := range [][]byte{large, {0xff, 0}, bytes.Repeat([]byte("["), 1<<20), nil} {
		q.Publish(topic, data, nil)
		q.Publish(topic, data, map[string]string{"content-type": "application/cloudevents+json"})
		q.Publish(topic, data, map[string]string{"eventType": "OBJECT_FINALIZE", "payloadFormat": "JSON_API_V1", "bucketId": "b"})
	}
	q.publish(20, `{"order":1}`)
	eventually(t, "20 runs", func() bool {
		n := 0
		for _, run := range a.Runs("load") {
			if strings.Contains(string(run.Conf), `"order"`) {
				n++
			}
		}
		return n == 20
	})
}

func TestSubscriptionsShareOnePuller(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	second := subscription + "-2"
	q.subscribe(t, &pubsubpb.Subscription{Name: second})
	a, f := newAirflow(t)
	start(t, q.puller(f, func(p *pull.Puller) { p.Subscriptions = append(p.Subscriptions, second) }))
	q.publish(10, `{"order":1}`)
	// The subscription is a part of the run id, as in pushes of both.
	eventually(t, "20 runs", func() bool { return len(a.Runs("load")) == 20 })
}

// decode is the data of the message that r pushes.
func decode(r *http.Request) []byte {
	events, err := event.FromRequest(r, event.MaxBody)
	if err != nil {
		return nil
	}
	return events[0].Data
}
