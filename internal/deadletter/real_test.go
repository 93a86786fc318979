// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
)

// What the fakes are believed to do, the real programs have to do as well.

func TestRealStorageKeepsARecordForEachEvent(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedStorage)
	server, err := googlereal.StartStorage(t.Context(), googlereal.Notify{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	o := deadletter.Options{Transport: newTransport(t), StorageEmulator: server.URL, UserAgent: "dagtrigger"}
	s, a := opened(t, "gs://acme-dead/letters", o)

	want := "storing the dead letter in gs://acme-dead/letters/x.json: 404 Not Found"
	if err := s.Put(t.Context(), failure("x", "no", 0)); err == nil || err.Error()[:len(want)] != want {
		t.Errorf("without a bucket: %v", err)
	}
	if err := server.CreateBucket(t.Context(), "acme-dead"); err != nil {
		t.Fatal(err)
	}
	put(t, s, failure("x", "first", 0), failure("x", "second", time.Hour), failure("y+z:1", "no", 0))
	if diff := cmp.Diff([]string{"x 2 second", "y+z:1 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	put(t, s, failure("x", "third", 2*time.Hour))
	fresh, err := a.Get(t.Context(), "x")
	if err != nil || fresh.Attempts != 3 || !fresh.FirstTime.Equal(noon) || string(fresh.Event.Data) != `{"a": 1}` {
		t.Errorf("Get = %+v, %v", fresh.Record, err)
	}
	for range 2 {
		// fake-gcs-server takes no precondition on a removal (v1.56.1).
		if err := a.Remove(t.Context(), fresh); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"y+z:1 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRealPubSubReturnsPublishedLetters(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedPubSub)
	server, err := googlereal.StartPubSub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	open := func() (deadletter.Store, deadletter.Archive) {
		return opened(t, "pubsub://"+topicName, deadletter.Options{
			Transport: newTransport(t), PubSubEmulator: server.Host, Subscription: "dead-pull", Idle: 2 * time.Second,
		})
	}
	s, a := open()
	want := "storing the dead letter in pubsub://projects/proj-1/topics/dead: 404 Not Found"
	if err := s.Put(t.Context(), failure("x", "no", 0)); err == nil || err.Error()[:len(want)] != want {
		t.Errorf("without a topic: %v", err)
	}
	for _, err := range []error{
		server.CreateTopic(t.Context(), "dead"),
		server.Subscribe(t.Context(), googlereal.Subscription{Name: "dead-pull", Topic: "dead"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, failure("x", "no", 0), failure("y", "no", 0), failure("z", "no", 0))
	if diff := cmp.Diff([]string{"x 1 no", "y 1 no", "z 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l, err := a.Get(t.Context(), "y")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Remove(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	// What was not acknowledged is redelivered at once, to the next listing.
	_, a = open()
	if diff := cmp.Diff([]string{"x 1 no", "z 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
