// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

const (
	deadTopic        = "projects/proj-1/topics/dead"
	deadSubscription = "projects/proj-1/subscriptions/dead-pull"
)

// google is a Cloud Storage with the bucket acme, and a Pub/Sub with the topic
// dead. The real programs are used in deadletters_real_test.go.
type google struct {
	t                     *testing.T
	storage               *googlesim.Storage
	pubsub                *googlesim.PubSub
	storageURL, pubsubURL string
}

func newGoogle(t *testing.T) *google {
	t.Helper()
	unknown := func(r *http.Request) { t.Errorf("unknown request to Google: %s %s", r.Method, r.URL) }
	g := &google{t: t, storage: googlesim.NewStorage(unknown, "acme"), pubsub: googlesim.NewPubSub(unknown)}
	if err := g.pubsub.Subscribe(`{"name":"` + deadSubscription + `","topic":"` + deadTopic + `"}`); err != nil {
		t.Fatal(err)
	}
	serve := func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	g.storageURL, g.pubsubURL = serve(g.storage), serve(g.pubsub)
	return g
}

// settings are those of a command that uses g.
func (g *google) settings(airflow string) map[string]string {
	return map[string]string{
		"STORAGE_EMULATOR_HOST": g.storageURL, "PUBSUB_EMULATOR_HOST": g.pubsubURL,
		"AIRFLOW_URL": airflow, "DAG_ID": "load", "DEAD_LETTER": "gs://acme/dead",
	}
}

// store stores records in the bucket and publishes them, as the function does.
func (g *google) store(records ...deadletter.Record) {
	g.t.Helper()
	for _, r := range records {
		body, err := r.Encode()
		if err != nil {
			g.t.Fatal(err)
		}
		g.storage.Put("acme", googlesim.Object{Name: "dead/" + r.Name() + ".json", Body: body})
		g.pubsub.Publish(deadTopic, body, nil)
	}
}

// objects returns the names of the bucket's objects.
func (g *google) objects() []string { return g.storage.Names("acme") }

func (g *google) messages() []googlesim.Message { return g.pubsub.Messages(deadSubscription) }
