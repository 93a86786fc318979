// SPDX-License-Identifier: Apache-2.0

package googlesim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/simulator/googlesim"
)

const (
	topic        = "projects/acme/topics/dead"
	pullName     = "projects/acme/subscriptions/pull"
	pullResource = `{"name":"` + pullName + `","topic":"` + topic + `"}`
)

func newPubSub(t *testing.T, report func(*http.Request)) *googlesim.PubSub {
	t.Helper()
	p := googlesim.NewPubSub(report)
	if err := p.Subscribe(pullResource); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPubSubDeliversUntilAcknowledged(t *testing.T) {
	t.Parallel()
	const publish = "POST /v1/" + topic + ":publish"
	const pull = "POST /v1/" + pullName + ":pull"
	const deadline = "POST /v1/" + pullName + ":modifyAckDeadline"
	const acknowledge = "POST /v1/" + pullName + ":acknowledge"
	const two = `{"maxMessages":2,"returnImmediately":true}`
	delivered := func(ack, id string) string {
		return `{"receivedMessages":[{"ackId":"` + ack + `","message":{"messageId":"` + id + `","data":"aGk="}}]}`
	}
	p := newPubSub(t, unknown(t))
	p.PullSize = 1
	check(t, p, []exchange{
		{"publish", publish, `{"messages":[{"data":"aGk="},{"data":"aGk="}]}`, 200, `{"messageIds":["1","2"]}`},
		{"the first", pull, two, 200, delivered("ack-1-1", "1")},
		{"the second", pull, two, 200, delivered("ack-2-1", "2")},
		{"none are left", pull, two, 200, `{}`},
		{"extend one", deadline, `{"ackIds":["ack-1-1"],"ackDeadlineSeconds":600}`, 200, `{}`},
		{"give one back", deadline, `{"ackIds":["ack-2-1"],"ackDeadlineSeconds":0}`, 200, `{}`},
		{"it comes again", pull, two, 200, delivered("ack-2-2", "2")},
		{"an old ack id has no effect", acknowledge, `{"ackIds":["ack-2-1"]}`, 200, `{}`},
		{"acknowledge", acknowledge, `{"ackIds":["ack-1-1"]}`, 200, `{}`},
		{"an unknown ack id", acknowledge, `{"ackIds":["ack-2-2","ack-3-1"]}`, 400,
			refusal("400", "Bad Request", "You have passed an invalid ack ID to the service (ack_id=ack-3-1).")},
	}...)
	want := []googlesim.Message{
		{ID: "1", Data: []byte("hi"), Delivered: 1, Leased: true, Acknowledged: true, Deadlines: []int{600}},
		{ID: "2", Data: []byte("hi"), Delivered: 2, Leased: true, Deadlines: []int{0}},
	}
	if diff := cmp.Diff(want, p.Messages(pullName)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.EndLeases(pullName)
	check(t, p, exchange{"once its lease ended", pull, two, 200, delivered("ack-2-3", "2")})
}

func TestPubSubReadsSubscriptions(t *testing.T) {
	t.Parallel()
	check(t, newPubSub(t, unknown(t)), []exchange{
		{"get", "GET /v1/" + pullName, "", 200, pullResource},
		{"get a field", "GET /v1/" + pullName + "?fields=topic", "", 200, `{"topic":"` + topic + `"}`},
		{"list", "GET /v1/projects/acme/subscriptions", "", 200, `{"subscriptions":[` + pullResource + `],"nextPageToken":""}`},
		{"get another", "GET /v1/projects/acme/subscriptions/x", "", 404,
			refusal("404", "Not Found", "Resource not found (resource=projects/acme/subscriptions/x).")},
		{"publish to another", "POST /v1/projects/acme/topics/x:publish", "{}", 404,
			refusal("404", "Not Found", "Resource not found (resource=projects/acme/topics/x).")},
		{"an unknown field", "POST /v1/" + topic + ":publish", `{"message":1}`, 400,
			refusal("400", "Bad Request", `Invalid JSON payload received: json: unknown field \"message\"`)},
	}...)
}

func TestPubSubReportsUnknownRequests(t *testing.T) {
	t.Parallel()
	var got int
	p := newPubSub(t, func(*http.Request) { got++ })
	for _, request := range []string{
		"GET / ", "GET /v1/" + topic + " ", "DELETE /v1/" + pullName + " ", "POST /v1/" + topic + ":pull {}",
		"POST /v1/" + pullName + `:pull {"maxMessages":1}`, "POST /v1/" + pullName + `:pull {"returnImmediately":true}`,
		"POST /v1/" + pullName + `:modifyAckDeadline {"ackIds":[]}`, "POST /v1/" + pullName + ":seek {}",
	} {
		part := strings.SplitN(request, " ", 3)
		got = 0
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(part[0], part[1], strings.NewReader(part[2])))
		if got != 1 || w.Code != http.StatusNotFound {
			t.Errorf("%s: reported %d times, status %d", request, got, w.Code)
		}
	}
}
