// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"example.com/dagtrigger/internal/operator/pull"
)

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
