// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/pubsub"
	"example.com/dagtrigger/internal/rest"
)

const (
	// pullSize is how many messages a pull asks for: each may have 10 MB.
	pullSize = 10
	// maxPull bounds the response to a pull, in bytes: each message has at most
	// 10 MB, a third more in base64.
	maxPull = pullSize * 16 << 20
	// lease is for how long a message that was pulled is kept from others, the
	// longest that Pub/Sub grants: https://cloud.google.com/pubsub/docs/lease-management
	lease = 10 * time.Minute
	// idsAtOnce is how many messages one request names; a request has at most 512 KiB.
	idsAtOnce = 500
	// pullPause is the pause after an answer without messages.
	pullPause = 200 * time.Millisecond
)

// subscription is the archive of a topic. What it has pulled it holds until it
// is closed, so that letters can be listed first and removed afterwards. A
// letter held for longer than its lease comes again to another listing: that
// is safe, for the run that was started of it exists.
type subscription struct {
	address Address // of the topic
	name    string  // projects/P/subscriptions/S
	idle    time.Duration
	keeps   int // bytes of letters at most, beside the one that is yielded
	pubsub  *rest.Client

	mu   sync.Mutex
	held []*message // in the order in which they came
	kept int        // bytes of the letters held
}

// message is a message that was pulled.
type message struct {
	id     string
	ack    string
	gone   bool // acknowledged
	size   int  // of its letter in bytes, 0 where that is not kept
	letter Letter
	err    error // an [*UnreadableError] in place of a letter
}

func openSubscription(a Address, o Options) (*subscription, error) {
	name, err := a.subscription(o.Subscription)
	if err != nil {
		return nil, err
	}
	client, err := o.client(a, o.PubSubEmulator, "https://pubsub.googleapis.com")
	if err != nil {
		return nil, err
	}
	idle, keeps := cmp.Or(o.Idle, DefaultIdle), cmp.Or(o.Keep, DefaultKeep)
	return &subscription{address: a, name: name, idle: idle, keeps: keeps, pubsub: client}, nil
}

// subscription is the resource name of a topic's subscription.
func (a Address) subscription(text string) (string, error) {
	project, name := a.project, text
	if parts := strings.Split(text, "/"); len(parts) == 4 && parts[0] == "projects" && parts[2] == "subscriptions" {
		project, name = parts[1], parts[3]
	}
	switch {
	case text == "":
		return "", &AddressError{
			What: fmt.Sprintf("%s is a topic, which gives nothing back", a),
			Fix:  "name a pull subscription to it, with --subscription",
		}
	case !pubsub.IsProject(project) || !pubsub.IsID(name):
		return "", &AddressError{
			What: fmt.Sprintf("%.200q is not a valid subscription", text),
			Fix:  "write projects/PROJECT/subscriptions/SUBSCRIPTION, or its name alone",
		}
	}
	return "projects/" + project + "/subscriptions/" + name, nil
}

// List implements [Archive]. It ends once no message has come for a while.
func (s *subscription) List(ctx context.Context, f Filter) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		err := s.check(ctx)
		if err == nil {
			err = s.giveBack(ctx, func(m *message) bool { return m.size > 0 })
		}
		if err != nil {
			yield(Letter{}, err)
			return
		}
		for i := 0; ; i++ {
			m, found, err := s.message(ctx, i)
			if err != nil {
				yield(Letter{}, err)
				return
			}
			if !found {
				return
			}
			matches := m.err != nil || f.Match(&m.letter.Record)
			s.letGo(i)
			if !m.gone && matches && !yield(m.letter, m.err) {
				return
			}
		}
	}
}

// check refuses a subscription to another topic: it would take messages away from
// their consumer. A subscription that this account may not read is accepted.
func (s *subscription) check(ctx context.Context) error {
	var found struct{ Topic string }
	err := s.pubsub.Call(ctx, rest.Request{Method: http.MethodGet, Path: "/v1/" + s.name, Query: url.Values{"fields": {"topic"}}}, nil, &found)
	switch {
	case hasStatus(err, http.StatusForbidden):
		return nil
	case err != nil:
		return s.failed("reading the subscription", err)
	case found.Topic != s.address.topic().String():
		return &AddressError{
			What: fmt.Sprintf("%s is a subscription to %s", s.name, found.Topic),
			Fix:  "name one to " + s.address.topic().String(),
		}
	}
	return nil
}

// message gives the message of a number, which it pulls where it is a new one.
// It finds none where no other came in time.
func (s *subscription) message(ctx context.Context, i int) (message, bool, error) {
	idle, cancel := context.WithTimeout(ctx, s.idle)
	defer cancel()
	for {
		if m, held := s.at(i); held {
			return m, true, nil
		}
		// A pull that waited, and that this side then gave up, could still be
		// given messages, which nobody would see until their deadline.
		var answer pullResponse
		err := s.call(ctx, "pull", map[string]any{"maxMessages": pullSize, "returnImmediately": true}, &answer)
		if err == nil {
			err = s.keep(ctx, answer.ReceivedMessages)
		}
		switch {
		case err != nil:
			return message{}, false, s.failed("pulling dead letters", err)
		case len(answer.ReceivedMessages) > 0:
		case idle.Err() != nil:
			return message{}, false, nil
		default:
			_ = clock.Sleep(idle, pullPause)
		}
	}
}

func (s *subscription) at(i int) (m message, held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i < len(s.held) {
		return *s.held[i], true
	}
	return message{}, false
}

// letGo drops a letter over the bound on memory. Its message stays leased.
func (s *subscription) letGo(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept > s.keeps {
		s.drop(s.held[i])
	}
}

// drop forgets a message's letter. The caller holds the lock.
func (s *subscription) drop(m *message) {
	s.kept -= m.size
	m.size, m.letter, m.err = 0, Letter{}, nil
}

// keep holds messages that were pulled, and extends their leases. One that is
// held already was redelivered because its lease had ended: Pub/Sub may then have
// ignored its acknowledgement, so it is acknowledged again.
func (s *subscription) keep(ctx context.Context, received []receivedMessage) error {
	var acks, gone []string
	s.mu.Lock()
	for j := range received {
		r := &received[j]
		i := slices.IndexFunc(s.held, func(m *message) bool { return m.id == r.Message.MessageID })
		if i < 0 {
			i = len(s.held)
			s.held = append(s.held, s.read(r))
			s.kept += s.held[i].size
		}
		m := s.held[i]
		m.ack = r.AckID
		if m.gone {
			gone = append(gone, m.ack)
		} else {
			acks = append(acks, m.ack)
		}
	}
	s.mu.Unlock()
	if len(gone) > 0 {
		if err := s.acknowledge(ctx, gone); err != nil {
			return err
		}
	}
	if len(acks) > 0 {
		return s.extend(ctx, acks, lease)
	}
	return nil
}

func (s *subscription) acknowledge(ctx context.Context, acks []string) error {
	return s.call(ctx, "acknowledge", map[string]any{"ackIds": acks}, nil)
}

// call calls a method of the subscription:
// https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
func (s *subscription) call(ctx context.Context, method string, in, out any) error {
	r := rest.Request{Method: http.MethodPost, Path: "/v1/" + s.name + ":" + method, MaxResponse: maxPull}
	return s.pubsub.Call(ctx, r, in, out)
}

type pullResponse struct {
	ReceivedMessages []receivedMessage `json:"receivedMessages"`
}

type receivedMessage struct {
	AckID   string         `json:"ackId"`
	Message pubsub.Message `json:"message"`
}

func (s *subscription) read(r *receivedMessage) *message {
	m := &message{id: r.Message.MessageID, size: max(len(r.Message.Data), 1)}
	place := s.name + "#" + m.id
	body := r.Message.Data
	m.letter = Letter{Place: place, version: m.id}
	m.letter.Record, m.err = decodeAt(place, body)
	return m
}

// extend moves the time at which messages are delivered again; 0 means now.
func (s *subscription) extend(ctx context.Context, acks []string, by time.Duration) error {
	return s.call(ctx, "modifyAckDeadline", map[string]any{"ackIds": acks, "ackDeadlineSeconds": int64(by.Seconds())}, nil)
}

// Get implements [Archive]. It has to list to find one.
func (s *subscription) Get(ctx context.Context, name string) (Letter, error) {
	for l, err := range s.List(ctx, Filter{}) {
		if _, unreadable := errors.AsType[*UnreadableError](err); unreadable {
			continue
		}
		if err != nil || l.Name() == name {
			return l, err
		}
	}
	return Letter{}, fmt.Errorf("%s in %s: %w", name, s.name, ErrNotFound)
}

// Remove implements [Archive].
func (s *subscription) Remove(ctx context.Context, l Letter) error {
	s.mu.Lock()
	i := slices.IndexFunc(s.held, func(m *message) bool { return m.id == l.version })
	if i < 0 {
		s.mu.Unlock()
		return fmt.Errorf("removing the dead letter %s: it is not from %s", l.Place, s.name)
	}
	m := s.held[i]
	ack := m.ack
	s.mu.Unlock()
	if err := s.acknowledge(ctx, []string{ack}); err != nil {
		return s.failed("acknowledging the dead letter", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.gone = true
	s.drop(m)
	return nil
}

// Close implements [Archive].
func (s *subscription) Close(ctx context.Context) error {
	return s.giveBack(ctx, func(*message) bool { return false })
}

// giveBack has Pub/Sub redeliver the messages that keep does not select.
func (s *subscription) giveBack(ctx context.Context, keep func(*message) bool) error {
	s.mu.Lock()
	var acks []string
	s.held = slices.DeleteFunc(s.held, func(m *message) bool {
		if !m.gone && keep(m) {
			return false
		}
		if !m.gone {
			acks = append(acks, m.ack)
		}
		s.drop(m)
		return true
	})
	s.mu.Unlock()
	for part := range slices.Chunk(acks, idsAtOnce) {
		if err := s.extend(ctx, part, 0); err != nil {
			return s.failed("giving dead letters back", err)
		}
	}
	return nil
}

func (s *subscription) failed(doing string, err error) error {
	return rest.Explain(doing, s.name, err, rest.Fixes{
		Forbidden: "give this account the role roles/pubsub.subscriber on the subscription",
		Missing: fmt.Sprintf("make the subscription: gcloud pubsub subscriptions create %s --topic=%s",
			s.name, s.address.topic().String()),
		TooLarge: "the subscription has to be one to pull from, without a push endpoint",
	})
}
