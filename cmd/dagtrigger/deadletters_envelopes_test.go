// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// TestReplayStartsTheFailedRun has every kind of event fail, in every
// envelope, and holds the run of its replay to that of an event which did not.
func TestReplayStartsTheFailedRun(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	events := map[string]delivery.Event{
		"object": delivery.Object{Bucket: "acme", Name: "sales/a&b ü.csv", Generation: 17, Time: at, MessageID: "11"},
		"message": delivery.Message{ID: "12", Topic: "projects/p/topics/t", Subscription: "projects/p/subscriptions/s", PublishTime: at,
			Attributes: map[string]string{"region": "eu"}, Data: []byte(`{"amount": 1.10}`)},
		"bytes": delivery.Message{ID: "13", Topic: "projects/p/topics/t", Subscription: "projects/p/subscriptions/s", PublishTime: at,
			Data: []byte{0, 255, '\n'}},
		"event": delivery.CloudEvent{ID: "14", Source: "//example.com", Type: "com.example.paid", Time: at, ContentType: "text/plain",
			Data: []byte(" a\n")},
	}
	for name, e := range events {
		for _, as := range delivery.Envelopes() {
			if _, err := e.Request(as); err != nil {
				if !strings.Contains(err.Error(), "does not travel as") {
					t.Error(err)
				}
				continue // the platform has no such envelope
			}
			t.Run(name+" as "+string(as), func(t *testing.T) {
				t.Parallel()
				want, _ := replayed(t, e, as, true)
				got, letter := replayed(t, e, as, false)
				if diff := cmp.Diff(want, got); diff != "" || len(got) != 1 || got[0].RunID != letter {
					t.Errorf("the letter is of %s; (-at once +replayed):\n%s", letter, diff)
				}
			})
		}
	}
}

// replayed delivers an event to a function whose Airflow knows its DAG from the
// start, or only when it is replayed. It gives the runs, and the letter's run id.
func replayed(t *testing.T, e delivery.Event, as delivery.Envelope, known bool) (runs []ran, letter string) {
	t.Helper()
	sim, err := airflowsim.New(airflowsim.Config{Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen,
		DAGs: []airflowsim.DAG{{ID: "other"}}})
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{
		"AIRFLOW_URL": serveAirflow(t, sim), "DAG_ID": "load",
		"DEAD_LETTER": "file://" + filepath.ToSlash(t.TempDir()), "GIVE_UP_AFTER": "1ns",
	}
	learn := func() {
		if err := sim.AddDAG(airflowsim.DAG{ID: "load"}); err != nil {
			t.Fatal(err)
		}
	}
	if known {
		learn()
	}
	tell(t, settings, e, as)
	if !known {
		letter = only(t, settings["DEAD_LETTER"])
		learn()
		commanded(t.Context(), t, exitOK, settings, "", "dead-letters", "replay", "--yes")
	}
	for _, r := range sim.Runs() {
		runs = append(runs, ran{r.ID, string(r.Conf), r.Note})
	}
	return runs, letter
}

// ran is what matters of a run.
type ran struct{ RunID, Conf, Note string }

// only is the run id of the one letter in a store.
func only(t *testing.T, store string) string {
	t.Helper()
	archive, err := deadletter.OpenArchive(store, deadletter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	for l, err := range archive.List(t.Context(), deadletter.Filter{}) {
		if err != nil || id != "" {
			t.Fatalf("more than one letter, or none: %v", err)
		}
		id = l.RunID
	}
	return id
}
