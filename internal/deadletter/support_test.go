// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

const (
	topicName        = "projects/proj-1/topics/dead"
	subscriptionName = "projects/proj-1/subscriptions/dead-pull"
)

// newStorage is a Cloud Storage with the bucket acme-dead.
func newStorage(t *testing.T) *googlesim.Storage {
	s := googlesim.NewStorage(unknownRoute(t), "acme-dead")
	s.PageSize = 2
	return s
}

func unknownRoute(t *testing.T) func(*http.Request) {
	return func(r *http.Request) { t.Errorf("unknown request to Google: %s %s", r.Method, r.URL) }
}

// openBucket opens gs://acme-dead/letters in s.
func openBucket(t *testing.T, s *googlesim.Storage) (deadletter.Store, deadletter.Archive) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return opened(t, "gs://acme-dead/letters", deadletter.Options{Transport: newTransport(t), StorageEmulator: server.URL})
}

// newPubSub is a Pub/Sub with the topic dead, or another one, and its subscription dead-pull.
func newPubSub(t *testing.T, topic string) *googlesim.PubSub {
	t.Helper()
	p := googlesim.NewPubSub(unknownRoute(t))
	p.PullSize = 2
	if err := p.Subscribe(`{"name":"` + subscriptionName + `","topic":"` + topic + `"}`); err != nil {
		t.Fatal(err)
	}
	return p
}

// openTopic opens the topic dead in p. keep is the bound on memory, 0 for the default.
func openTopic(t *testing.T, p *googlesim.PubSub, keep int) (deadletter.Store, deadletter.Archive) {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return opened(t, "pubsub://"+topicName, deadletter.Options{
		Transport: newTransport(t), PubSubEmulator: server.URL, Subscription: "dead-pull", Idle: 20 * time.Millisecond, Keep: keep,
	})
}

// newTransport is a separate transport for one test.
func newTransport(t *testing.T) *http.Transport {
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// opened opens both sides of an address.
func opened(t *testing.T, address string, o deadletter.Options) (deadletter.Store, deadletter.Archive) {
	t.Helper()
	archive, err := deadletter.OpenArchive(address, o)
	if err != nil {
		t.Fatal(err)
	}
	store, err := deadletter.Open(address, o)
	if err != nil {
		t.Fatal(err)
	}
	return store, archive
}
