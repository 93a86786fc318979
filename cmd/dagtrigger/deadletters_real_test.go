// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
)

// keep stores letters at an address as the function does.
func keep(t *testing.T, address string, o deadletter.Options, records ...deadletter.Record) {
	t.Helper()
	o.Transport = newTransport()
	store, err := deadletter.Open(address, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := store.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReplayFromARealSubscription(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedPubSub)
	server, err := googlereal.StartPubSub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if err := server.CreateTopic(t.Context(), "dead"); err != nil {
		t.Fatal(err)
	}
	if err := server.Subscribe(t.Context(), googlereal.Subscription{Name: "dead-pull", Topic: "dead"}); err != nil {
		t.Fatal(err)
	}
	sim, airflow := startAirflow(t, nil)
	settings := map[string]string{
		"AIRFLOW_URL": airflow, "DAG_ID": "load", "PUBSUB_EMULATOR_HOST": server.Host,
		"DEAD_LETTER": "pubsub://" + googlereal.TopicName("dead"),
	}
	keep(t, settings["DEAD_LETTER"], deadletter.Options{PubSubEmulator: server.Host}, letters(25)...)
	pull := func(args ...string) []string {
		return append(append([]string{"dead-letters"}, args...), "--subscription", "dead-pull", "--idle", "2s")
	}
	out, _ := commanded(t.Context(), t, exitOK, settings, "", pull("list")...)
	contains(t, out, "25 dead letters in pubsub://projects/proj-1/topics/dead\n")
	out, _ = commanded(t.Context(), t, exitOK, settings, "yes\n", pull("replay", "--rate", "1000")...)
	contains(t, out, "     25  start a run, or find the existing one: ", "     25  triggered  ", "25 removed: their runs exist\n")
	out, _ = commanded(t.Context(), t, exitOK, settings, "", pull("replay")...)
	contains(t, out, "no dead letters in ")
	if runs := sim.Runs(); len(runs) != 25 {
		t.Errorf("there are %d runs, want 25", len(runs))
	}
}

func TestReplayAndReconcileOnARealBucket(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedStorage)
	server, err := googlereal.StartStorage(t.Context(), googlereal.Notify{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	sim, airflow := startAirflow(t, nil)
	settings := map[string]string{
		"AIRFLOW_URL": airflow, "DAG_ID": "load", "STORAGE_EMULATOR_HOST": server.URL, "DEAD_LETTER": "gs://acme-dead/letters",
	}
	for _, bucket := range []string{"acme-dead", "acme-landing"} {
		if err := server.CreateBucket(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
	}
	keep(t, settings["DEAD_LETTER"], deadletter.Options{StorageEmulator: server.URL}, letters(40)...)
	out, _ := commanded(t.Context(), t, exitOK, settings, "", "dead-letters", "list")
	contains(t, out, "40 dead letters in gs://acme-dead/letters\n")
	out, _ = commanded(t.Context(), t, exitOK, settings, "", "dead-letters", "replay", "--yes", "--rate", "1000")
	contains(t, out, "     40  triggered  ", "40 removed: their runs exist\n")
	out, _ = commanded(t.Context(), t, exitOK, settings, "", "dead-letters", "replay")
	contains(t, out, "no dead letters in ")

	const uploaded = 510 // more than a page
	for i := range uploaded {
		if err := server.Upload(t.Context(), "acme-landing", fmt.Sprintf("sales/%d.csv", i), "text/csv", []byte("1,2\n")); err != nil {
			t.Fatal(err)
		}
	}
	reconcile := []string{"reconcile", "gs://acme-landing/sales/", "--since", "1h", "--yes", "--rate", "10000"}
	out, _ = commanded(t.Context(), t, exitOK, settings, "", reconcile...)
	contains(t, out, "    510  triggered  ", "510 whose runs exist\n")
	out, _ = commanded(t.Context(), t, exitOK, settings, "", reconcile...)
	contains(t, out, "    510  duplicate  ", "510 whose runs exist\n")
	if runs := sim.Runs(); len(runs) != 40+uploaded {
		t.Errorf("there are %d runs, want %d", len(runs), 40+uploaded)
	}
}
