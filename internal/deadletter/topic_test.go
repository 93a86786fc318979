// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/deadletter"
)

func TestAMessageCarriesTheRecordAndWhatToFilterBy(t *testing.T) {
	t.Parallel()
	f := newFakePubSub(t)
	s, _ := f.open()
	r := failure("x", "no", 0)
	r.Environment, r.DAGID = "", strings.Repeat("d", 1025)
	put(t, s, r)
	m := f.messages[0]
	want := map[string]string{"route": "sales", "dag_run_id": "x", "content_type": "application/json"}
	if diff := cmp.Diff(want, m.Attributes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	body, err := base64.StdEncoding.DecodeString(m.Data)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := deadletter.Decode(body); err != nil || got.DAGID != r.DAGID {
		t.Errorf("Decode = %+v, %v", got, err)
	}
}

func TestWhatIsTooLargeForATopicIsNotSent(t *testing.T) {
	t.Parallel()
	f := newFakePubSub(t)
	s, _ := f.open()
	r := failure("x", "no", 0)
	r.Event = finalized("application/octet-stream", bytes.Repeat([]byte{0xff}, 8_000_000))
	const want = "storing the dead letter in pubsub://projects/proj-1/topics/dead: it has 10667168 bytes, and a message at most 9983616; " +
		"keep dead letters in a bucket, gs://BUCKET/PREFIX"
	if err := s.Put(t.Context(), r); err == nil || err.Error() != want {
		t.Errorf("Put =\n%v, want\n%s", err, want)
	}
	if len(f.messages) != 0 {
		t.Error("it was sent all the same")
	}
}

func TestARefusalByPubSubSaysWhatToDo(t *testing.T) {
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
		f := newFakePubSub(t)
		s, a := f.open()
		f.before = func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, row.route) {
				refuse(w, row.status, "said")
				return true
			}
			return false
		}
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

func TestTheSubscriptionMayStayUnseen(t *testing.T) {
	t.Parallel()
	f := newFakePubSub(t)
	s, a := f.open()
	put(t, s, failure("x", "no", 0))
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet { // roles/pubsub.subscriber alone
			refuse(w, http.StatusForbidden, "no pubsub.subscriptions.get")
			return true
		}
		return false
	}
	if diff := cmp.Diff([]string{"x 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASubscriptionToAnotherTopicIsNotPulled(t *testing.T) {
	t.Parallel()
	f := newFakePubSub(t)
	s, a := f.open()
	put(t, s, failure("x", "no", 0))
	f.topic = "projects/proj-1/topics/uploads"
	want := []string{"error: projects/proj-1/subscriptions/dead-pull is a subscription to projects/proj-1/topics/uploads: " +
		"name one to projects/proj-1/topics/dead"}
	if diff := cmp.Diff(want, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f.messages[0].delivered != 0 {
		t.Error("a message was taken away from whom it is for")
	}
}

func TestMessagesAreHeldWhileTheyAreLookedAtAndThenGivenBack(t *testing.T) {
	t.Parallel()
	f := newFakePubSub(t)
	s, a := f.open()
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
	for _, m := range f.messages {
		want := []int{600, 0} // seconds: for as long as can be, then now
		if m.ID == "2" {
			want = want[:1]
		}
		if m.delivered != 1 || m.out != m.gone || m.gone != (m.ID == "2") || !slices.Equal(m.deadlines, want) {
			t.Errorf("message %s: %+v", m.ID, m)
		}
	}
}

func TestLettersThatThereIsNoRoomForAreGivenBackAndPulledAnew(t *testing.T) {
	t.Parallel()
	f := newFakePubSub(t)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	s, a := opened(t, "pubsub://"+topicName, deadletter.Options{
		Transport: newTransport(t), PubSubEmulator: server.URL, Subscription: "dead-pull", Idle: 20 * time.Millisecond,
		Keep: 750, // between one letter and two
	})
	put(t, s, failure("x", "no", 0), failure("y", "no", 0), failure("z", "no", 0))
	for range 2 {
		if diff := cmp.Diff([]string{"x 1 no", "y 1 no", "z 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
	var delivered []int
	for _, m := range f.messages {
		delivered = append(delivered, m.delivered)
		if !m.out {
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
	for _, m := range f.messages {
		if !m.gone {
			t.Errorf("message %s was not acknowledged", m.ID)
		}
	}
}

func TestAMessageThatIsNoRecordStays(t *testing.T) {
	t.Parallel()
	f := newFakePubSub(t)
	_, a := f.open()
	f.messages = []*published{{ID: "7", Data: base64.StdEncoding.EncodeToString([]byte("hush"))}}
	want := []string{"error: projects/proj-1/subscriptions/dead-pull#7 is no dead letter: it is not a JSON record: byte 1: move it elsewhere"}
	if diff := cmp.Diff(want, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := a.Close(t.Context()); err != nil || f.messages[0].out || f.messages[0].gone {
		t.Errorf("it was not given back: %v", err)
	}
}

func TestAMessageThatComesAgainIsAcknowledgedAsItCameLast(t *testing.T) {
	t.Parallel()
	f := newFakePubSub(t)
	s, a := f.open()
	put(t, s, failure("x", "no", 0))
	l, err := a.Get(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.messages[0].out = false // its lease ends
	f.mu.Unlock()
	if diff := cmp.Diff([]string{"x 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := a.Remove(t.Context(), l); err != nil || !f.messages[0].gone {
		t.Errorf("it was not acknowledged: %v", err)
	}
}

func TestAMessageThatComesAgainAfterItWasRemovedIsAcknowledgedAgain(t *testing.T) {
	t.Parallel()
	f := newFakePubSub(t)
	s, a := f.open()
	put(t, s, failure("x", "no", 0))
	late := true
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if ignored := late && strings.HasSuffix(r.URL.Path, ":acknowledge"); ignored {
			late, f.messages[0].out = false, false // its lease has ended
			writeJSON(w, struct{}{})
			return true
		}
		return false
	}
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
	if m := f.messages[0]; listed != 1 || m.delivered != 2 || !m.gone {
		t.Errorf("listed %d times: %+v", listed, m)
	}
}
