// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

func TestTopicMessageHasRecordAndAttributes(t *testing.T) {
	t.Parallel()
	f := newPubSub(t, topicName)
	s, _ := openTopic(t, f, 0)
	r := failure("x", "no", 0)
	r.Environment, r.DAGID = "", strings.Repeat("d", 1025)
	put(t, s, r)
	m := f.Messages(subscriptionName)[0]
	want := map[string]string{"route": "sales", "dag_run_id": "x", "content_type": "application/json"}
	if diff := cmp.Diff(want, m.Attributes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := deadletter.Decode(m.Data); err != nil || got.DAGID != r.DAGID {
		t.Errorf("Decode = %+v, %v", got, err)
	}
}

func TestTopicRefusesOversizedRecord(t *testing.T) {
	t.Parallel()
	f := newPubSub(t, topicName)
	s, _ := openTopic(t, f, 0)
	r := failure("x", "no", 0)
	r.Event = finalized("application/octet-stream", bytes.Repeat([]byte{0xff}, 8_000_000))
	const want = "storing the dead letter in pubsub://projects/proj-1/topics/dead: it has 10667168 bytes, and a message at most 9983616; " +
		"keep dead letters in a bucket, gs://BUCKET/PREFIX"
	if err := s.Put(t.Context(), r); err == nil || err.Error() != want {
		t.Errorf("Put =\n%v, want\n%s", err, want)
	}
	if len(f.Messages(subscriptionName)) != 0 {
		t.Error("it was sent all the same")
	}
}

func TestPubSubRefusalNamesTheFix(t *testing.T) {
	t.Parallel()
	const storing = "storing the dead letter in pubsub://projects/proj-1/topics/dead: "
	const pulling = "pulling dead letters in projects/proj-1/subscriptions/dead-pull: "
	for _, row := range []struct {
		route  string
		status int
		want   string
	}{
		{":publish", 403, storing + "403 Forbidden: said; give this account the role roles/pubsub.publisher on the topic"},
		{":publish", 404, storing + "404 Not Found: said; make the topic: gcloud pubsub topics create dead --project=proj-1"},
		{":publish", 400, storing + "400 Bad Request; keep dead letters in a bucket, gs://BUCKET/PREFIX"},
		{":publish", 503, storing + "503 Service Unavailable: said"},
		{":pull", 403, pulling + "403 Forbidden: said; give this account the role roles/pubsub.subscriber on the subscription"},
		{":pull", 400, pulling + "400 Bad Request; the subscription has to be one to pull from, without a push endpoint"},
		{"dead-pull", 404, "reading the subscription in projects/proj-1/subscriptions/dead-pull: 404 Not Found: said; make the subscription: " +
			"gcloud pubsub subscriptions create projects/proj-1/subscriptions/dead-pull --topic=projects/proj-1/topics/dead"},
	} {
		f := newPubSub(t, topicName)
		s, a := openTopic(t, f, 0)
		f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, row.route) {
				googlesim.Refuse(w, row.status, "said")
				return true
			}
			return false
		})
		var got string
		if row.route == ":publish" {
			got = s.Put(t.Context(), failure("x", "no", 0)).Error()
		} else {
			got = strings.TrimPrefix(strings.Join(list(t, a, deadletter.Filter{}), ""), "error: ")
		}
		if got != row.want {
			t.Errorf("%s:\n%s, want\n%s", row.route, got, row.want)
		}
	}
}

func TestListWithoutPermissionToReadTheSubscription(t *testing.T) {
	t.Parallel()
	f := newPubSub(t, topicName)
	s, a := openTopic(t, f, 0)
	put(t, s, failure("x", "no", 0))
	f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet { // roles/pubsub.subscriber alone
			googlesim.Refuse(w, http.StatusForbidden, "no pubsub.subscriptions.get")
			return true
		}
		return false
	})
	if diff := cmp.Diff([]string{"x 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestListRefusesASubscriptionToAnotherTopic(t *testing.T) {
	t.Parallel()
	const other = "projects/proj-1/topics/uploads"
	f := newPubSub(t, other)
	_, a := openTopic(t, f, 0)
	f.Publish(other, []byte("an upload"), nil)
	want := []string{"error: projects/proj-1/subscriptions/dead-pull is a subscription to projects/proj-1/topics/uploads: " +
		"name one to projects/proj-1/topics/dead"}
	if diff := cmp.Diff(want, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f.Messages(subscriptionName)[0].Delivered != 0 {
		t.Error("a message was taken away from whom it is for")
	}
}

func TestSubscriptionLeasesMessagesUntilClosed(t *testing.T) {
	t.Parallel()
	f := newPubSub(t, topicName)
	s, a := openTopic(t, f, 0)
	put(t, s, failure("x", "no", 0), failure("y", "no", 0), failure("z", "no", 0))
	for range 2 { // a second listing, as after a question, meets what is held
		if got := list(t, a, deadletter.Filter{}); len(got) != 3 {
			t.Fatalf("listed %v", got)
		}
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
	for _, m := range f.Messages(subscriptionName) {
		want := []int{600, 0} // seconds: for as long as can be, then now
		if m.ID == "2" {
			want = want[:1]
		}
		if m.Delivered != 1 || m.Leased != m.Acknowledged || m.Acknowledged != (m.ID == "2") || !slices.Equal(m.Deadlines, want) {
			t.Errorf("message %s: %+v", m.ID, m)
		}
	}
}

func TestLettersOverTheMemoryBoundArePulledAgain(t *testing.T) {
	t.Parallel()
	f := newPubSub(t, topicName)
	s, a := openTopic(t, f, 750) // bytes: between one letter and two
	put(t, s, failure("x", "no", 0), failure("y", "no", 0), failure("z", "no", 0))
	for range 2 {
		if diff := cmp.Diff([]string{"x 1 no", "y 1 no", "z 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
	var delivered []int
	for _, m := range f.Messages(subscriptionName) {
		delivered = append(delivered, m.Delivered)
		if !m.Leased {
			t.Errorf("message %s can be delivered to others", m.ID)
		}
	}
	slices.Sort(delivered)
	if !slices.Equal(delivered, []int{1, 2, 2}) {
		t.Errorf("the messages were delivered %v times: only one letter fits in memory", delivered)
	}
	for l, err := range a.List(t.Context(), deadletter.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Remove(t.Context(), l); err != nil {
			t.Error(err)
		}
	}
	for _, m := range f.Messages(subscriptionName) {
		if !m.Acknowledged {
			t.Errorf("message %s was not acknowledged", m.ID)
		}
	}
}

func TestInvalidMessageIsReturnedToTheSubscription(t *testing.T) {
	t.Parallel()
	f := newPubSub(t, topicName)
	_, a := openTopic(t, f, 0)
	f.Publish(topicName, []byte("hush"), nil)
	want := []string{"error: projects/proj-1/subscriptions/dead-pull#1 is no dead letter: it is not a JSON record: byte 1: move it elsewhere"}
	if diff := cmp.Diff(want, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := a.Close(t.Context()); err != nil || f.Messages(subscriptionName)[0].Leased || f.Messages(subscriptionName)[0].Acknowledged {
		t.Errorf("it was not given back: %v", err)
	}
}

func TestRemoveAcknowledgesTheLastDelivery(t *testing.T) {
	t.Parallel()
	f := newPubSub(t, topicName)
	s, a := openTopic(t, f, 0)
	put(t, s, failure("x", "no", 0))
	l, err := a.Get(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	f.EndLeases(subscriptionName)
	if diff := cmp.Diff([]string{"x 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := a.Remove(t.Context(), l); err != nil || !f.Messages(subscriptionName)[0].Acknowledged {
		t.Errorf("it was not acknowledged: %v", err)
	}
}

func TestRedeliveredRemovedMessageIsAcknowledgedAgain(t *testing.T) {
	t.Parallel()
	f := newPubSub(t, topicName)
	s, a := openTopic(t, f, 0)
	put(t, s, failure("x", "no", 0))
	f.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		ignored := strings.HasSuffix(r.URL.Path, ":acknowledge")
		if ignored {
			f.Intercept(nil)
			f.EndLeases(subscriptionName)
		}
		return ignored
	})
	listed := 0
	for l, err := range a.List(t.Context(), deadletter.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		listed++
		if err := a.Remove(t.Context(), l); err != nil {
			t.Error(err)
		}
	}
	if m := f.Messages(subscriptionName)[0]; listed != 1 || m.Delivered != 2 || !m.Acknowledged {
		t.Errorf("listed %d times: %+v", listed, m)
	}
}
