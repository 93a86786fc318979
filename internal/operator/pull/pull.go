// SPDX-License-Identifier: Apache-2.0

// Package pull implements pulling messages from Pub/Sub subscriptions, for where no push
// can reach the function. Each message becomes the request by which Pub/Sub would push
// it, so that the function decodes it as it decodes pushes, and its run ids are the same.
//
// A message is acknowledged where the function answers with a success, and otherwise
// returned to its subscription. While Airflow is overloaded or down, it is held: its
// lease is extended, and the function gets it again after a pause. The package never
// looks into a message, and decides no outcome.
package pull

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"

	"example.com/dagtrigger/internal/clock"
)

const (
	// ahead is how many messages are pulled for each that is handled: those that are
	// held leave others their turn.
	ahead = 4
	// maxBytes is how many bytes of messages are held, of all subscriptions
	// together: as many as the function holds of requests' bodies.
	maxBytes = 32 << 20
	// maxExtension is beyond the longest time for which a message is held.
	maxExtension = time.Hour
	// lease is how long Pub/Sub waits for a process that was killed, and at the end for
	// what was on its way here: leases are extended by that time.
	lease = 20 * time.Second
	// returnTime is for telling Pub/Sub at the end what became of the last messages.
	returnTime = 2 * time.Second
)

// Pauses are how long a message is held, and when the function gets it again.
type Pauses struct {
	First, Longest time.Duration // between two tries, doubled from the first to the longest; Retry-After can ask for more
	// Rejected is for how long one is held that can only be returned: else it would
	// come again at once, for as long as the subscription keeps it.
	Rejected time.Duration
	// Hold is for how long a message is held that the function defers, and Crowded for
	// how long where others cannot be pulled for it.
	Hold, Crowded time.Duration
}

// DefaultPauses are those of the command line. The pause before a message is returned is
// the least that a subscription's retry policy has by default:
// https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff
func DefaultPauses() Pauses {
	return Pauses{
		First: time.Second, Longest: time.Minute, Rejected: 10 * time.Second, Hold: 30 * time.Minute, Crowded: time.Minute,
	}
}

// Puller pulls from subscriptions. Its fields are set before [Puller.Run].
type Puller struct {
	Options       []option.ClientOption // of the client of Pub/Sub
	Subscriptions []string              // projects/P/subscriptions/S
	Topics        map[string]string     // projects/P/topics/T by subscription, where routes pick by it
	// ByTopic are the routes that match no message whose topic is not named, and OnlyByTopic
	// says that there is no other.
	ByTopic     []string
	OnlyByTopic bool
	Function    http.Handler // gets the messages as pushes
	Log         *slog.Logger
	// AtOnce is how many messages the function handles at the same time.
	AtOnce int
	// Grace is for how long the messages in flight may go on when Run is to end.
	Grace  time.Duration
	Pauses Pauses

	client *pubsub.Client
	turns  chan struct{} // one value for each message that the function handles
	idle   chan struct{} // closed at the end, once the function handles none
}

// Run pulls until ctx ends, or a subscription cannot be pulled from: the error is then
// an [*Error]. It returns once every message is acknowledged or returned; where Pub/Sub
// does not answer, the leases end by themselves.
func (p *Puller) Run(ctx context.Context) (err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// Each subscription names its project.
	if p.client, err = pubsub.NewClient(ctx, "-", p.Options...); err != nil {
		return fmt.Errorf("setting up Pub/Sub: %w", err)
	}
	defer func() { _ = p.client.Close() }() // every message is acknowledged or returned
	if err := p.check(ctx); err != nil {
		return err
	}
	p.turns, p.idle = make(chan struct{}, p.AtOnce), make(chan struct{})
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	late := make(chan struct{})
	context.AfterFunc(ctx, func() {
		time.AfterFunc(p.Grace, cut)
		for range cap(p.turns) {
			p.turns <- struct{}{} // with all of them, no message is in the function
		}
		close(p.idle)
		time.AfterFunc(returnTime, func() { close(late) })
	})
	failures := make([]error, len(p.Subscriptions))
	var all sync.WaitGroup
	for i, name := range p.Subscriptions {
		all.Go(func() {
			if failures[i] = p.receive(ctx, work, name); failures[i] != nil {
				stop(failures[i]) // a platform restarts a process that has ended, and does not see one that pulls half
			}
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return errors.Join(failures...)
	case <-late:
		p.Log.Warn("Pub/Sub did not answer at the end: the last messages may be delivered again, and find the runs that exist")
		if failure, ok := errors.AsType[*Error](context.Cause(ctx)); ok {
			return failure
		}
		return nil
	}
}

// receive pulls from one subscription until ctx ends. work is the context of what is in
// flight.
func (p *Puller) receive(ctx, work context.Context, name string) error {
	s := &subscription{Puller: p, name: name, bytes: max(1, maxBytes/int64(len(p.Subscriptions)))}
	subscriber := p.client.Subscriber(name)
	subscriber.ReceiveSettings = pubsub.ReceiveSettings{
		// Without ShutdownOptions, Receive returns once each message is acknowledged or returned.
		MaxExtension: maxExtension, MaxDurationPerAckExtension: lease, NumGoroutines: 1,
		MaxOutstandingMessages: ahead * p.AtOnce, MaxOutstandingBytes: int(s.bytes),
	}
	p.Log.Info("pulling", slog.String("subscription", name))
	err := subscriber.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		if s.handle(ctx, work, m) {
			s.acknowledged.Add(1)
			m.Ack()
			return
		}
		if ctx.Err() != nil {
			// The client keeps its stream open until the last message is done, and does not
			// read it: what is returned before can be delivered into that, and comes back
			// only when its lease ends. The stream must not be cut: what is on its way then
			// does not come back to the emulator's other streams.
			<-s.idle
		}
		s.returned.Add(1)
		m.Nack()
	})
	p.Log.Info("pulling ended", slog.String("subscription", name),
		slog.Int64("acknowledged", s.acknowledged.Load()), slog.Int64("returned", s.returned.Load()))
	return explain(name, err)
}

// subscription is one that is pulled from.
type subscription struct {
	*Puller
	name  string
	bytes int64 // that may be held

	messages, held         atomic.Int64 // in memory, and their bytes
	acknowledged, returned atomic.Int64
}

// crowded reports whether no other message can be pulled for those that are held.
func (s *subscription) crowded() bool {
	return s.messages.Load() >= int64(ahead*s.AtOnce) || s.held.Load() >= s.bytes
}

// handle reports whether m is done, and can be acknowledged. When ctx ends, a message that
// is not in the function is returned; one that is has until work ends.
func (s *subscription) handle(ctx, work context.Context, m *pubsub.Message) bool {
	s.messages.Add(1)
	s.held.Add(int64(len(m.Data)))
	defer func() {
		s.messages.Add(-1)
		s.held.Add(-int64(len(m.Data)))
	}()
	came := time.Now()
	for backoff := s.Pauses.First; ; backoff = min(2*backoff, s.Pauses.Longest) {
		select {
		case s.turns <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		status, retryAfter := s.turn(ctx, work, m)
		switch {
		case 200 <= status && status < 300:
			return true
		case status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable:
			_ = clock.Sleep(ctx, s.Pauses.Rejected) // it is returned in any case
			return false
		}
		// Some later than others, so that they do not come back in step.
		pause := max(backoff, retryAfter)
		pause += rand.N(pause/2 + 1)
		if !s.hold(ctx, came, pause) {
			return false
		}
	}
}

// hold waits until a message that came at some time is to be tried again, and reports
// false where it is to be returned before.
func (s *subscription) hold(ctx context.Context, came time.Time, pause time.Duration) bool {
	again, most := time.Now().Add(pause), came.Add(s.Pauses.Hold)
	for time.Now().Before(again) {
		wait := min(time.Until(again), time.Until(most), s.Pauses.Crowded)
		if clock.Sleep(ctx, wait) != nil || !time.Now().Before(most) || s.crowded() && time.Since(came) > s.Pauses.Crowded {
			return false
		}
	}
	return true
}

// turn has the function handle m in its turn, unless all is to end.
func (s *subscription) turn(ctx, work context.Context, m *pubsub.Message) (status int, retryAfter time.Duration) {
	defer func() { <-s.turns }()
	if ctx.Err() != nil {
		return http.StatusServiceUnavailable, 0
	}
	return s.serve(work, m)
}

// serve has the function handle m, and returns its status and its Retry-After.
func (s *subscription) serve(ctx context.Context, m *pubsub.Message) (status int, retryAfter time.Duration) {
	defer func() { // as in an HTTP server, one message must not end the others
		if fault := recover(); fault != nil {
			s.Log.Error("the function failed", slog.String("event_id", m.ID), slog.Any("panic", fault), slog.String("stack", string(debug.Stack())))
			status, retryAfter = http.StatusInternalServerError, 0
		}
	}()
	r, err := pushOf(ctx, s.name, s.Topics[s.name], m)
	if err != nil {
		s.Log.Error("no event", slog.String("event_id", m.ID), slog.String("reason", err.Error()))
		return http.StatusBadRequest, 0
	}
	body := r.Body // the function wraps it
	defer func() { _ = body.Close() }()
	answer := &answer{header: make(http.Header), status: http.StatusOK}
	s.Function.ServeHTTP(answer, r)
	seconds, _ := strconv.Atoi(answer.header.Get("Retry-After")) // zero where there is none
	return answer.status, time.Duration(seconds) * time.Second
}

// answer keeps what decides about a message: the function's log has the rest.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }
