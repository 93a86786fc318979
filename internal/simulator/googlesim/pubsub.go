// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// PubSub imitates topics and pull subscriptions of Pub/Sub's REST API, in
// memory: https://cloud.google.com/pubsub/docs/reference/rest. A lease ends when a
// test ends it, and never by time. A pull that would wait for messages is passed
// to Unknown.
//
// It is an http.Handler and an http.RoundTripper, and safe for concurrent use.
type PubSub struct {
	// PullSize is the number of messages that a pull returns at most, whatever
	// the request wants: a server may return fewer. Zero stands for 1,000.
	PullSize int
	// Unknown gets each request that is not answered here. Required.
	Unknown func(*http.Request)

	interceptor
	mu            sync.Mutex // guards all below
	subscriptions []*subscription
	published     int
}

type subscription struct {
	name, topic string
	resource    string
	messages    []*Message
}

// Message is a message of a subscription.
type Message struct {
	ID         string            `json:"messageId"`
	Data       []byte            `json:"data,omitempty"` // base64 in JSON
	Attributes map[string]string `json:"attributes,omitempty"`

	// Delivered counts the deliveries.
	Delivered int `json:"-"`
	// Leased reports whether it is not delivered to others now.
	Leased bool `json:"-"`
	// Acknowledged reports whether it is never delivered again.
	Acknowledged bool `json:"-"`
	// Deadlines are those that it was given, in seconds.
	Deadlines []int `json:"-"`
}

// NewPubSub makes a Pub/Sub without topics.
func NewPubSub(unknown func(*http.Request)) *PubSub { return &PubSub{Unknown: unknown} }

// Subscribe makes a subscription of its resource, whose name and topic are full
// resource names. The topic exists by that.
func (p *PubSub) Subscribe(resource string) error {
	var s struct{ Name, Topic string }
	if err := json.Unmarshal([]byte(resource), &s); err != nil {
		return fmt.Errorf("decoding a subscription: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subscriptions = append(p.subscriptions, &subscription{name: s.Name, topic: s.Topic, resource: resource})
	return nil
}

// Publish adds a message to each subscription of a topic, and returns its id.
func (p *PubSub) Publish(topic string, data []byte, attributes map[string]string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.publish(topic, Message{Data: data, Attributes: attributes})
}

// publish is [PubSub.Publish]. The caller holds the lock.
func (p *PubSub) publish(topic string, m Message) string {
	p.published++
	m.ID = strconv.Itoa(p.published)
	for _, s := range p.subscriptions {
		if s.topic == topic {
			copied := m
			s.messages = append(s.messages, &copied)
		}
	}
	return m.ID
}

// Messages returns the messages of a subscription, in the order of publication.
func (p *PubSub) Messages(name string) []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Message
	if s := p.find(name); s != nil {
		for _, m := range s.messages {
			all = append(all, *m)
		}
	}
	return all
}

// EndLeases has the messages of a subscription delivered again.
func (p *PubSub) EndLeases(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.find(name).messages {
		m.Leased = false
	}
}

// find returns the subscription of that name, or nil. The caller holds the lock.
func (p *PubSub) find(name string) *subscription {
	if i := slices.IndexFunc(p.subscriptions, func(s *subscription) bool { return s.name == name }); i >= 0 {
		return p.subscriptions[i]
	}
	return nil
}

// RoundTrip answers a request without a listener.
func (p *PubSub) RoundTrip(r *http.Request) (*http.Response, error) { return roundTrip(p, r) }

// ServeHTTP answers a request of the REST API.
func (p *PubSub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.intercepted(w, r) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name, found := strings.CutPrefix(r.URL.Path, "/v1/")
	name, method, _ := strings.Cut(name, ":")
	switch {
	case !found:
		unknown(p.Unknown, w, r)
	case r.Method == http.MethodGet && method == "" && strings.HasSuffix(name, "/subscriptions"):
		p.list(w, r)
	case r.Method == http.MethodGet && method == "" && strings.Contains(name, "/subscriptions/"):
		if s := p.find(name); s != nil {
			writeFields(w, r, json.RawMessage(s.resource))
			return
		}
		Refuse(w, http.StatusNotFound, "Resource not found (resource="+name+").")
	case r.Method == http.MethodPost && method != "":
		p.post(w, r, name, method)
	default:
		unknown(p.Unknown, w, r)
	}
}

// list is projects.subscriptions.list, in pages of one.
func (p *PubSub) list(w http.ResponseWriter, r *http.Request) {
	var all []string
	for _, s := range p.subscriptions {
		all = append(all, s.resource)
	}
	writePage(w, r, "subscriptions", all)
}

// pubsubRequest has the fields of all requests with a body.
type pubsubRequest struct {
	Messages           []Message `json:"messages"`
	MaxMessages        int       `json:"maxMessages"`
	ReturnImmediately  bool      `json:"returnImmediately"`
	AckIDs             []string  `json:"ackIds"`
	AckDeadlineSeconds *int      `json:"ackDeadlineSeconds"`
}

// post is a method of a topic or a subscription.
func (p *PubSub) post(w http.ResponseWriter, r *http.Request, name, method string) {
	var request pubsubRequest
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields() // as Google's front end does
	if err := decoder.Decode(&request); err != nil && err != io.EOF {
		Refuse(w, http.StatusBadRequest, "Invalid JSON payload received: "+err.Error())
		return
	}
	s := p.find(name)
	topic := slices.ContainsFunc(p.subscriptions, func(s *subscription) bool { return s.topic == name })
	switch {
	case s == nil && !topic:
		Refuse(w, http.StatusNotFound, "Resource not found (resource="+name+").")
	case topic && method == "publish":
		p.publishAll(w, name, request)
	case s != nil && method == "pull" && request.MaxMessages > 0 && request.ReturnImmediately:
		s.pull(w, min(request.MaxMessages, cmp.Or(p.PullSize, 1000)))
	case s != nil && method == "acknowledge":
		s.each(w, request.AckIDs, func(m *Message) { m.Acknowledged = true })
	case s != nil && method == "modifyAckDeadline" && request.AckDeadlineSeconds != nil:
		s.each(w, request.AckIDs, func(m *Message) {
			m.Deadlines = append(m.Deadlines, *request.AckDeadlineSeconds)
			m.Leased = *request.AckDeadlineSeconds > 0
		})
	default:
		unknown(p.Unknown, w, r)
	}
}

func (p *PubSub) publishAll(w http.ResponseWriter, topic string, request pubsubRequest) {
	var ids []string
	for _, m := range request.Messages {
		ids = append(ids, p.publish(topic, m))
	}
	writeJSON(w, http.StatusOK, string(encodeJSON(map[string][]string{"messageIds": ids})))
}

func (s *subscription) pull(w http.ResponseWriter, size int) {
	type received struct {
		AckID   string   `json:"ackId"`
		Message *Message `json:"message"`
	}
	var answer struct {
		Received []received `json:"receivedMessages,omitempty"`
	}
	for _, m := range s.messages {
		if m.Leased || m.Acknowledged || len(answer.Received) == size {
			continue
		}
		m.Leased = true
		m.Delivered++
		answer.Received = append(answer.Received, received{AckID: "ack-" + m.ID + "-" + strconv.Itoa(m.Delivered), Message: m})
	}
	writeJSON(w, http.StatusOK, string(encodeJSON(answer)))
}

// each does something with the messages that ack ids name. Each delivery has
// another id; that of an earlier one is accepted, and has no effect.
func (s *subscription) each(w http.ResponseWriter, acks []string, do func(*Message)) {
	var named []*Message
	for _, ack := range acks {
		id, delivery, _ := strings.Cut(strings.TrimPrefix(ack, "ack-"), "-")
		i := slices.IndexFunc(s.messages, func(m *Message) bool { return m.ID == id })
		count, err := strconv.Atoi(delivery)
		if i < 0 || err != nil || count > s.messages[i].Delivered {
			Refuse(w, http.StatusBadRequest, "You have passed an invalid ack ID to the service (ack_id="+ack+").")
			return
		}
		if count == s.messages[i].Delivered {
			named = append(named, s.messages[i])
		}
	}
	for _, m := range named {
		do(m)
	}
	writeJSON(w, http.StatusOK, "{}")
}
