// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

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

// startProject starts a Google with the project that a JSON file describes, and leads further
// commands there: project FILE.
func startProject(ts *testscript.TestScript, _ bool, args []string) {
	var file struct {
		Roles                   []string
		Resources, Policies     map[string]json.RawMessage
		Triggers, Subscriptions []json.RawMessage
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &file))
	const robot = "robot@acme-1.iam.gserviceaccount.com"
	config := googlesim.Config{
		Attached: robot, Project: "acme-1", Accounts: []googlesim.Account{{Email: robot, ID: "1", Roles: file.Roles}},
		Resources: map[string]string{}, Policies: map[string]string{},
		Unknown: func(r *http.Request) { ts.Logf("unknown request to Google: %s %s%s", r.Method, r.Host, r.URL) },
	}
	for name, text := range file.Resources {
		config.Resources[name] = string(text)
	}
	for name, text := range file.Policies {
		config.Policies[name] = string(text)
	}
	for _, text := range file.Triggers {
		config.Triggers = append(config.Triggers, string(text))
	}
	for _, text := range file.Subscriptions {
		config.Subscriptions = append(config.Subscriptions, string(text))
	}
	served, err := googlesim.New(config).Serve(context.Background())
	ts.Check(err)
	ts.Defer(served.Close)
	authority := ts.MkAbs("authority.pem")
	ts.Check(os.WriteFile(authority, served.Authority(), 0o600))
	for _, variable := range served.Variables(authority) {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
}
