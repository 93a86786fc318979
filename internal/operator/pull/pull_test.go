// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
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
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

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

// While Airflow is down or overloaded, messages are held: none is delivered twice, and
// Airflow gets few requests.
func TestMessagesAreHeldWhileAirflowRefuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			q := newQueue(t)
			a, f := newAirflow(t)
			a.refuse(status, "1")
			stop := start(t, q.puller(f, func(p *pull.Puller) { p.Pauses.First, p.Pauses.Longest = time.Second, time.Second }))
			q.publish(50, `{"order":1}`)
			eventually(t, "Airflow refuses some", func() bool { return a.requests.Load() > 2 })
			<-time.After(2 * time.Second)        // of an outage
			if n := a.requests.Load(); n > 250 { // the function itself tries three times, and looks
				t.Errorf("Airflow got %d requests for 50 messages in 2 s", n)
			}
			a.refusing.Store(nil)
			eventually(t, "50 messages are acknowledged", func() bool { n, _ := q.count(1); return n == 50 })
			if err := stop(); err != nil {
				t.Error(err)
			}
			if _, deliveries := q.count(1); len(a.Runs("load")) != 50 || deliveries != 1 {
				t.Errorf("%d runs, %d deliveries of a message", len(a.Runs("load")), deliveries)
			}
		})
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

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	times := make(chan time.Time, 2)
	start(t, q.puller(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		times <- time.Now()
		if len(times) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}), nil))
	q.publish(1, "x")
	eventually(t, "it is acknowledged", func() bool { n, _ := q.count(1); return n == 1 })
	if paused := -(<-times).Sub(<-times); paused < time.Second {
		t.Errorf("the next try came after %s", paused)
	}
}

// Airflow may ask for a day: no lease is extended for so long.
func TestRetryAfterHoldsNoMessageLongerThanOthers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*pull.Puller){
		"held": func(p *pull.Puller) { p.Pauses.Hold = 20 * time.Millisecond },
		"crowded": func(p *pull.Puller) {
			p.AtOnce, p.Pauses.Crowded = 1, 20*time.Millisecond
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newQueue(t)
			start(t, q.puller(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "86400")
				w.WriteHeader(http.StatusServiceUnavailable)
			}), change))
			q.publish(4, "x")
			eventually(t, "one is returned", func() bool { _, most := q.count(0); return most > 1 })
		})
	}
}

// Messages that are held for longer than others can wait for are returned.
func TestHeldMessagesLeaveOthersTheirTurn(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	const held = 12 // 4 for each that is handled at once are pulled
	q.publish(held, "held")
	var tries atomic.Int64
	start(t, q.puller(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if string(decode(r)) == "held" {
			tries.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}), func(p *pull.Puller) { p.AtOnce, p.Pauses.Crowded = 1, 10*time.Millisecond }))
	eventually(t, "those that are held fill it", func() bool { return tries.Load() > 4 })
	q.publish(1, "other")
	eventually(t, "the other is acknowledged", func() bool { n, _ := q.count(1); return n == 1 })
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

// At the end, what is in the function may finish; what is held or waits is returned
// then, and the next process gets it. No run is lost, and none starts twice.
func TestMessagesInFlightFinishAtTheEnd(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	inside, release := make(chan struct{}, 100), make(chan struct{})
	var held atomic.Int64
	function := func(w http.ResponseWriter, r *http.Request) {
		switch string(decode(r)) {
		case "slow":
			inside <- struct{}{}
			select {
			case <-release:
			case <-r.Context().Done():
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case "held":
			held.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	q.publish(3, "slow")
	q.publish(5, "held")
	p := q.puller(http.HandlerFunc(function), func(p *pull.Puller) { p.Pauses.First, p.Pauses.Longest = hang, hang })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for range 3 {
		<-inside
	}
	eventually(t, "all are delivered", func() bool { return held.Load() == 5 })
	cancel()
	<-time.After(300 * time.Millisecond) // in which it would return some
	if n := q.returned(); n > 0 {
		t.Errorf("%d are returned while others are in flight: they come back into the stream that ends", n)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended before what was in flight: %v", err)
	default:
	}
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := q.returned(); n != 5 {
		t.Errorf("%d are returned, want those that were held", n)
	}
	if n, _ := q.count(1); n != 3 {
		t.Errorf("%d are acknowledged, want those that were in flight", n)
	}
	start(t, q.puller(status(200), nil))
	eventually(t, "the next process has the rest", func() bool { n, _ := q.count(1); return n == 8 })
}

// returned is how many messages were returned: their deadline was set to now.
func (q *queue) returned() (n int) {
	for _, m := range q.Messages() {
		for _, change := range m.Modacks {
			if change.AckDeadline == 0 {
				n++
				break
			}
		}
	}
	return n
}

func TestMessagesAreReturnedAfterTheGracePeriod(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	inside := make(chan struct{})
	stop := start(t, q.puller(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done()
		w.WriteHeader(http.StatusServiceUnavailable)
	}), func(p *pull.Puller) { p.Grace = time.Millisecond }))
	q.publish(1, "x")
	<-inside
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n, _ := q.count(1); n != 0 || q.returned() != 1 {
		t.Errorf("%d acknowledged, %d returned", n, q.returned())
	}
}

// A process that ends in the middle returns what it has, and its successor starts what
// is left: each message has one run.
func TestSuccessorStartsTheRest(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	a, f := newAirflow(t)
	q.publish(200, `{"order":1}`)
	stop := start(t, q.puller(f, func(p *pull.Puller) { p.AtOnce, p.Grace = 4, time.Nanosecond }))
	eventually(t, "some have run", func() bool { return len(a.Runs("load")) > 20 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n, _ := q.count(1); n == 200 {
		t.Fatal("nothing was left")
	}
	start(t, q.puller(f, nil))
	eventually(t, "200 messages are acknowledged", func() bool { n, _ := q.count(1); return n == 200 })
	if n := len(a.Runs("load")); n != 200 {
		t.Errorf("%d runs", n)
	}
}

// Nobody is left to wait for where Pub/Sub is gone, and nothing is in flight.
func TestPullEndsThoughPubSubIsGone(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	stop := start(t, q.puller(status(200), func(p *pull.Puller) { p.Grace = 2 * hang }))
	q.publish(1, "x")
	eventually(t, "it pulls", func() bool { n, _ := q.count(1); return n == 1 })
	if err := q.end(); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A platform that restarts what failed must see that it did.
func TestFailureIsReportedThoughPubSubIsGone(t *testing.T) {
	t.Parallel()
	second, gone, came := subscription+"-2", make(chan struct{}), make(chan struct{}, 2)
	refusal := func(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string, do grpc.Streamer, o ...grpc.CallOption) (
		grpc.ClientStream, error,
	) {
		sent, _ := metadata.FromOutgoingContext(ctx)
		if !slices.Contains(sent.Get("x-goog-request-params"), "subscription="+url.QueryEscape(second)) {
			return do(ctx, d, c, method, o...)
		}
		<-gone
		return nil, grpcstatus.Error(codes.PermissionDenied, "no")
	}
	q := newQueue(t, option.WithGRPCDialOption(grpc.WithStreamInterceptor(refusal)))
	q.subscribe(t, &pubsubpb.Subscription{Name: second})
	inFlight := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		came <- struct{}{}
		<-gone
	})
	p := q.puller(inFlight, func(p *pull.Puller) { p.Subscriptions = append(p.Subscriptions, second) })
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context()) }()
	q.publish(1, "x")
	eventually(t, "a message is in flight", func() bool { return len(came) > 0 })
	if err := q.end(); err != nil {
		t.Fatal(err)
	}
	close(gone)
	select {
	case err := <-ended:
		if e, ok := errors.AsType[*pull.Error](err); !ok || e.Subscription != second {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(hang):
		t.Error("it goes on")
	}
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

// refused are a client's options that refuse to look at a subscription, and to pull from it.
func refused(name string, code codes.Code, words string) []option.ClientOption {
	concerns := func(ctx context.Context) bool {
		sent, _ := metadata.FromOutgoingContext(ctx)
		return slices.Contains(sent.Get("x-goog-request-params"), "subscription="+url.QueryEscape(name))
	}
	stream := func(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string, do grpc.Streamer, o ...grpc.CallOption) (
		grpc.ClientStream, error,
	) {
		if concerns(ctx) {
			return nil, grpcstatus.Error(code, words)
		}
		return do(ctx, d, c, method, o...)
	}
	single := func(ctx context.Context, method string, in, out any, c *grpc.ClientConn, do grpc.UnaryInvoker, o ...grpc.CallOption) error {
		if concerns(ctx) {
			return grpcstatus.Error(codes.PermissionDenied, "not allowed to look")
		}
		return do(ctx, method, in, out, c, o...)
	}
	return []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithStreamInterceptor(stream)), option.WithGRPCDialOption(grpc.WithUnaryInterceptor(single)),
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, subscription string
		options            []option.ClientOption
		err, fix           string
	}{
		{
			"unknown", "projects/acme-prod/subscriptions/missing", nil,
			`projects/acme-prod/subscriptions/missing: it does not exist: subscription projects/acme-prod/subscriptions/missing`,
			"is the name right? One is created with: gcloud pubsub subscriptions create missing --project=acme-prod --topic=TOPIC",
		},
		{
			"push", "projects/acme-prod/subscriptions/pushed", nil,
			"projects/acme-prod/subscriptions/pushed: Pub/Sub pushes its messages to https://run.example.com",
			"have them pulled instead: gcloud pubsub subscriptions modify-push-config projects/acme-prod/subscriptions/pushed --push-endpoint=''",
		},
		{
			"no permission", subscription, refused(subscription, codes.PermissionDenied, "User not authorized to perform this action."),
			subscription + ": no permission to pull from it (403): User not authorized to perform this action.",
			"grant the role: gcloud pubsub subscriptions add-iam-policy-binding orders --project=acme-prod --member=serviceAccount:ACCOUNT " +
				"--role=roles/pubsub.subscriber",
		},
		{
			"no credentials", subscription, refused(subscription, codes.Unauthenticated, "Invalid credentials."),
			subscription + ": the credentials are not accepted (401): Invalid credentials.",
			"run as a service account, or sign in: gcloud auth application-default login",
		},
		{
			"push, where it may not be looked at", subscription, refused(subscription, codes.FailedPrecondition, "This method is not supported."),
			subscription + ": it cannot be pulled from: This method is not supported.",
			"if Pub/Sub pushes its messages, have them pulled: gcloud pubsub subscriptions modify-push-config orders --project=acme-prod " +
				"--push-endpoint=''",
		},
		{
			"another", subscription, refused(subscription, codes.DataLoss, "no words"), subscription + ": pulling failed: no words",
			"what Pub/Sub says may pass: start it again",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			q := newQueue(t, row.options...)
			q.subscribe(t, &pubsubpb.Subscription{
				Name: "projects/acme-prod/subscriptions/pushed", PushConfig: &pubsubpb.PushConfig{PushEndpoint: "https://run.example.com"},
			})
			p := q.puller(status(200), func(p *pull.Puller) { p.Subscriptions = []string{row.subscription} })
			err := p.Run(t.Context())
			if err == nil || err.Error() != row.err || pull.Fix(err) != row.fix {
				t.Errorf("%v\nwant %s\nfix %s\nwant %s", err, row.err, pull.Fix(err), row.fix)
			}
		})
	}
}

// One that cannot be pulled from ends the others: a platform then restarts the process.
func TestFailureOfOneSubscriptionEndsAll(t *testing.T) {
	t.Parallel()
	second := subscription + "-2"
	q := newQueue(t, refused(second, codes.PermissionDenied, "no")...)
	p := q.puller(status(200), func(p *pull.Puller) { p.Subscriptions = append(p.Subscriptions, second) })
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context()) }()
	select {
	case err := <-ended:
		if e, ok := errors.AsType[*pull.Error](err); !ok || e.Subscription != second {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(hang):
		t.Error("it goes on")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		names, project string
		want           string // the names, or the error
	}{
		{subscription, "", subscription},
		{"orders", "acme-prod", subscription},
		{subscription + " other", "acme-prod", subscription + " projects/acme-prod/subscriptions/other"},
		{"projects/example.com:acme/subscriptions/orders", "", "projects/example.com:acme/subscriptions/orders"},
		{"projects/acme/subscriptions/orders", "", `"projects/acme/subscriptions/orders" names a project that cannot be: ` +
			`"acme" has to have 6 to 100 of a-z 0-9 : . -: write projects/PROJECT/subscriptions/NAME`},
		{"orders", "", `"orders" names no project: write projects/PROJECT/subscriptions/orders, or give --project`},
		{"or", "acme-prod", `"projects/acme-prod/subscriptions/or" names a subscription that cannot be: ` +
			`"or" has to have 3 to 255 of A-Z a-z 0-9 . _ ~ + % -, a letter first, not goog: write projects/PROJECT/subscriptions/NAME`},
		{topic, "", `"projects/acme-prod/topics/orders" names no subscription: write projects/PROJECT/subscriptions/NAME`},
		{"orders " + subscription, "acme-prod", `"projects/acme-prod/subscriptions/orders" is given twice`},
		{
			"projects/471112345678/subscriptions/orders", "",
			`"projects/471112345678/subscriptions/orders" has the project's number: give its id, as a push does, or run ids would differ from a push's`,
		},
		{"orders=orders", "acme-prod", subscription + " of " + topic},
		{subscription + "=projects/other-1/topics/orders", "", subscription + " of projects/other-1/topics/orders"},
		{"orders=", "acme-prod", `"projects/acme-prod/topics/" names a topic that cannot be: ` +
			`"" has to have 3 to 255 of A-Z a-z 0-9 . _ ~ + % -, a letter first, not goog: write projects/PROJECT/topics/NAME`},
		{"orders=acme/orders", "acme-prod", `"acme/orders" names no topic: write projects/PROJECT/topics/NAME`},
		{"orders=projects/471112345678/topics/orders", "acme-prod",
			`"projects/471112345678/topics/orders" has the project's number: give its id, as a push does, or run ids would differ from a push's`},
	} {
		names, topics, err := pull.Names(strings.Fields(row.names), row.project)
		got := strings.Join(names, " ")
		for _, name := range slices.Sorted(maps.Keys(topics)) {
			got += " of " + topics[name]
		}
		if err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.names, got, row.want)
		}
	}
}

// decode is the data of the message that r pushes.
func decode(r *http.Request) []byte {
	events, err := event.FromRequest(r, event.MaxBody)
	if err != nil {
		return nil
	}
	return events[0].Data
}
