// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/deadletter"
)

const (
	topicName        = "projects/proj-1/topics/dead"
	subscriptionName = "projects/proj-1/subscriptions/dead-pull"
)

// fakePubSub speaks what is used of Pub/Sub's REST API, for one topic and one
// subscription: https://cloud.google.com/pubsub/docs/reference/rest. The real
// emulator that it is held against is in real_test.go.
type fakePubSub struct {
	t *testing.T

	mu       sync.Mutex
	messages []*published
	topic    string // of the subscription
	before   func(w http.ResponseWriter, r *http.Request) bool
}

type published struct {
	ID         string            `json:"messageId"`
	Data       string            `json:"data"`
	Attributes map[string]string `json:"attributes"`

	delivered int // how often; leased while it is out
	out, gone bool
	deadlines []int
}

func newFakePubSub(t *testing.T) *fakePubSub { return &fakePubSub{t: t, topic: topicName} }

func (f *fakePubSub) open() (deadletter.Store, deadletter.Archive) {
	f.t.Helper()
	server := httptest.NewServer(f)
	f.t.Cleanup(server.Close)
	return opened(f.t, "pubsub://"+topicName, deadletter.Options{
		Transport: newTransport(f.t), PubSubEmulator: server.URL, Subscription: "dead-pull", Idle: 20 * time.Millisecond,
	})
}

type pubsubRequest struct {
	Messages           []*published `json:"messages"`
	MaxMessages        int          `json:"maxMessages"`
	ReturnImmediately  bool         `json:"returnImmediately"`
	AckIDs             []string     `json:"ackIds"`
	AckDeadlineSeconds *int         `json:"ackDeadlineSeconds"`
}

func (f *fakePubSub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.before != nil && f.before(w, r) {
		return
	}
	var request pubsubRequest
	if r.Method == http.MethodPost {
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields() // as Google's front end does
		if err := decoder.Decode(&request); err != nil {
			f.t.Errorf("%s: %v", r.URL, err)
		}
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/" + topicName + ":publish":
		f.publish(w, request)
	case "GET /v1/" + subscriptionName:
		writeJSON(w, map[string]string{"name": subscriptionName, "topic": f.topic})
	case "POST /v1/" + subscriptionName + ":pull":
		f.pull(w, request)
	case "POST /v1/" + subscriptionName + ":acknowledge":
		f.each(w, request.AckIDs, func(m *published) { m.gone = true })
	case "POST /v1/" + subscriptionName + ":modifyAckDeadline":
		if request.AckDeadlineSeconds == nil {
			f.t.Error("a deadline was left out, which is no 0")
			return
		}
		f.each(w, request.AckIDs, func(m *published) {
			m.deadlines = append(m.deadlines, *request.AckDeadlineSeconds)
			m.out = *request.AckDeadlineSeconds > 0
		})
	default:
		f.t.Errorf("the store asked for %s %s, which Pub/Sub does not know", r.Method, r.URL)
		refuse(w, http.StatusNotImplemented, "unknown route")
	}
}

func (f *fakePubSub) publish(w http.ResponseWriter, request pubsubRequest) {
	var ids []string
	for _, m := range request.Messages {
		if _, err := base64.StdEncoding.DecodeString(m.Data); err != nil {
			f.t.Errorf("message data that is no base64: %v", err)
		}
		m.ID = strconv.Itoa(len(f.messages) + 1)
		f.messages = append(f.messages, m)
		ids = append(ids, m.ID)
	}
	writeJSON(w, map[string][]string{"messageIds": ids})
}

// pull gives at most two messages: a server may give less than was asked for.
func (f *fakePubSub) pull(w http.ResponseWriter, request pubsubRequest) {
	if request.MaxMessages < 1 || !request.ReturnImmediately {
		f.t.Errorf("a pull of %d messages, at once: %v", request.MaxMessages, request.ReturnImmediately)
	}
	type received struct {
		AckID   string     `json:"ackId"`
		Message *published `json:"message"`
	}
	var answer struct {
		Received []received `json:"receivedMessages,omitempty"`
	}
	for _, m := range f.messages {
		if m.out || m.gone || len(answer.Received) == min(2, request.MaxMessages) {
			continue
		}
		m.out = true
		m.delivered++
		answer.Received = append(answer.Received, received{AckID: m.ack(), Message: m})
	}
	writeJSON(w, answer)
}

// ack is another id for each delivery, as with the real one.
func (m *published) ack() string { return "ack-" + m.ID + "-" + strconv.Itoa(m.delivered) }

func (f *fakePubSub) each(w http.ResponseWriter, acks []string, do func(*published)) {
	for _, ack := range acks {
		i := slices.IndexFunc(f.messages, func(m *published) bool { return m.ack() == ack })
		if i < 0 {
			f.t.Errorf("no message is out as %s", ack)
			continue
		}
		do(f.messages[i])
	}
	writeJSON(w, struct{}{})
}
