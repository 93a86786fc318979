// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

const outboxTopic = "projects/acme-data/topics/runs"

// newOutbox is an outbox at an emulator that serve answers for.
func newOutbox(t *testing.T, serve http.Handler) *environment.Outbox {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	b, err := environment.NewOutbox(environment.Spec{Outbox: outboxTopic}, plain, server.URL, environment.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOutboxMessageHasTheRunAndAttributes(t *testing.T) {
	t.Parallel()
	pubsub := googlesim.NewPubSub(func(r *http.Request) { t.Errorf("unknown request: %s", r.URL) })
	if err := pubsub.Subscribe(`{"name":"projects/acme-data/subscriptions/runs","topic":"` + outboxTopic + `"}`); err != nil {
		t.Fatal(err)
	}
	b := newOutbox(t, pubsub)
	at := time.Date(2026, 11, 30, 1, 2, 3, 4005, time.FixedZone("", 3600))
	for _, run := range []airflow.Run{
		{DAGID: "load", RunID: "dagtrigger__a__1", Conf: []byte(`{"n":12345678901234567890,"f":150.250,"t":"<ü>"}`), Note: "says why",
			LogicalDate: at, RunAfter: at.Add(time.Hour), PartitionKey: "eu"},
		{DAGID: "load", RunID: "dagtrigger__a__2"},
	} {
		if err := b.Publish(t.Context(), run, "a", "private"); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, m := range pubsub.Messages("projects/acme-data/subscriptions/runs") {
		got = append(got, string(m.Data))
		want := map[string]string{
			"format": "1", "dag_id": "load", "dag_run_id": "dagtrigger__a__" + string(rune('0'+len(got))), "route": "a", "environment": "private",
			"content_type": "application/json",
		}
		if diff := cmp.Diff(want, m.Attributes); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{
		`{"format":"1","dag_id":"load","dag_run_id":"dagtrigger__a__1","conf":{"n":12345678901234567890,"f":150.250,"t":"<ü>"},` +
			`"note":"says why","logical_date":"2026-11-30T00:02:03.000004Z","run_after":"2026-11-30T01:02:03.000004Z","partition_key":"eu",` +
			`"route":"a","environment":"private"}`,
		`{"format":"1","dag_id":"load","dag_run_id":"dagtrigger__a__2","conf":{},"route":"a","environment":"private"}`,
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Python before 3.11 reads a time with three digits after the point, or six, and no other.
func TestOutboxTimesHaveSixDigits(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 1, 2, 3, 120_000_000, time.UTC)
	run := airflow.Run{DAGID: "load", RunID: "r", LogicalDate: at, RunAfter: at.Truncate(time.Second)}
	data, err := environment.OutboxMessage(run, "a", "b")
	const want = `"logical_date":"2026-11-30T01:02:03.120000Z","run_after":"2026-11-30T01:02:03.000000Z"`
	if err != nil || !strings.Contains(string(data), want) {
		t.Errorf("%s, %v, want %s", data, err, want)
	}
}

func TestOutboxRefusalNamesTheFix(t *testing.T) {
	t.Parallel()
	const doing = "publishing the run in " + outboxTopic + ": "
	for status, want := range map[int]string{
		403: doing + "403 Forbidden: said; give this account the role roles/pubsub.publisher on the topic",
		404: doing + "404 Not Found: said; make the topic: gcloud pubsub topics create runs --project=acme-data",
		400: doing + "400 Bad Request; make conf smaller: pass the object's URI in place of its content",
	} {
		b := newOutbox(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			googlesim.Refuse(w, status, "said")
		}))
		if err := b.Publish(t.Context(), airflow.Run{DAGID: "load", RunID: "r"}, "a", "private"); err == nil || err.Error() != want {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestOutboxHasNoOtherSettings(t *testing.T) {
	t.Parallel()
	for want, spec := range map[string]environment.Spec{
		"":                                   {Outbox: outboxTopic},
		"outbox":                             {Outbox: "pubsub://" + outboxTopic},
		"composer":                           {Outbox: outboxTopic, Composer: composerName},
		"url":                                {Outbox: outboxTopic, URL: composerURL},
		"auth username password":             {Outbox: outboxTopic, Auth: "basic", Username: "u", Password: "p"},
		"api insecure timeout max_in_flight": {Outbox: outboxTopic, API: "v2", Timeout: time.Minute, MaxInFlight: 2, Insecure: true},
	} {
		var fields []string
		for _, p := range spec.Check(plain) {
			fields = append(fields, p.Field)
		}
		if got := strings.Join(fields, " "); got != want {
			t.Errorf("%v: problems of %q, want %q", spec, got, want)
		}
	}
}
