// SPDX-License-Identifier: Apache-2.0

package monitoring_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// logged are the lines of outcomes of every kind that a real function writes.
func logged(t *testing.T) []map[string]any {
	t.Helper()
	run.Do(func() { run.lines = runs(t) })
	if run.lines == nil {
		t.Fatal("the function did not run: see the test that tried first")
	}
	return run.lines
}

// run is shared by all tests: the lines do not depend on them.
var run struct {
	sync.Once
	lines []map[string]any
}

func runs(t *testing.T) []map[string]any {
	t.Helper()
	w := &world{t: t, url: airflow(t, airflowsim.Airflow211, nil)}
	const robot, password = "AIRFLOW_USERNAME=robot", "AIRFLOW_PASSWORD=hush"
	both := w.function("AIRFLOW_AUTH=basic", robot, password)
	w.send(both, "1") // triggered
	w.send(both, "1") // duplicate
	w.sendBatch(both, "many")
	other := w.function("AIRFLOW_AUTH=basic", robot, password, "DAG_ID=",
		"DAGTRIGGER_CONFIG=routes: [{name: other, on: com.acme.other, dag: load}]")
	w.sendBatch(other, "unmatched")
	w.send(other, "2")
	other.Close()
	w.send(w.function("AIRFLOW_AUTH=basic", robot, password, "DAG_ID=typed"), "3")                                        // rejected
	w.send(w.function("AIRFLOW_AUTH=basic", robot, password, "DAG_ID=typed", "DEAD_LETTER=file://"+t.TempDir()), "4")     // dead_lettered
	w.send(w.function("AIRFLOW_AUTH=basic", robot, "AIRFLOW_PASSWORD=wrong"), "5")                                        // forbidden
	w.send(w.function("AIRFLOW_AUTH=basic", robot, "AIRFLOW_PASSWORD=", "AIRFLOW_PASSWORD_FILE="+t.TempDir()+"/no"), "6") // no credentials
	w.url = airflow(t, airflowsim.Airflow211, &airflowsim.Fault{Kind: airflowsim.LoginRedirect, Count: -1})
	refused := w.function("AIRFLOW_AUTH=basic", robot, password)
	w.send(refused, "7") // a login page
	w.sendBatch(refused, "refused")
	w.url = airflow(t, airflowsim.Airflow33, nil)
	w.send(w.function("AIRFLOW_API=v2", "AIRFLOW_AUTH=none"), "8")                                                      // unauthorized
	w.send(w.function("AIRFLOW_URL=", "AIRFLOW_API=", "AIRFLOW_OUTBOX="+topic, "PUBSUB_EMULATOR_HOST="+pubsub(t)), "9") // published
	return w.lines()
}

const topic = "projects/acme-data/topics/runs"

// pubsub starts an embedded Pub/Sub that has the topic.
func pubsub(t *testing.T) string {
	t.Helper()
	sim := googlesim.NewPubSub(func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) })
	if err := sim.Subscribe(`{"name":"projects/acme-data/subscriptions/runs","topic":"` + topic + `"}`); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return server.URL
}

// airflow starts an embedded Airflow that knows the DAGs load and typed, which refuses a conf without rows, and the user robot.
func airflow(t *testing.T, version airflowsim.Version, fault *airflowsim.Fault) string {
	t.Helper()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: version, DAGs: []airflowsim.DAG{{ID: "load"}, {ID: "typed", Params: `{"rows": {"type": "integer"}}`}},
		Users:   []airflowsim.User{{Name: "robot", Password: "hush", Role: airflowsim.Op}},
		Unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if fault != nil {
		sim.Inject(*fault)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return server.URL
}

// world makes functions that share a log.
type world struct {
	t   *testing.T
	url string // of the Airflow
	log bytes.Buffer
}

func (w *world) function(settings ...string) *dagtrigger.Function {
	w.t.Helper()
	env := map[string]string{"DAG_ID": "load", "AIRFLOW_URL": w.url, "AIRFLOW_API": "v1"}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		env[name] = value
	}
	c, err := config.FromEnv(func(name string) string { return env[name] })
	if err != nil {
		w.t.Fatal(err)
	}
	f, err := dagtrigger.New(c, cloudlog.New(&w.log, slog.LevelInfo), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

// batch is more events than have a line each.
const batch = 130

// event is one of that id, which happened long ago.
func event(id string) string {
	return `{"specversion":"1.0","id":"` + id + `","type":"com.acme.done","source":"/jobs","time":"2026-01-02T10:00:00Z"}`
}

// send gives f an event.
func (w *world) send(f *dagtrigger.Function, id string) {
	w.t.Helper()
	w.post(f, "application/cloudevents+json", event(id))
}

// sendBatch gives f many events in one request, whose ids begin with a word.
func (w *world) sendBatch(f *dagtrigger.Function, word string) {
	w.t.Helper()
	all := make([]string, batch)
	for i := range all {
		all[i] = event(word + strconv.Itoa(i))
	}
	w.post(f, "application/cloudevents-batch+json", "["+strings.Join(all, ",")+"]")
}

func (w *world) post(f *dagtrigger.Function, coding, body string) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", coding)
	f.ServeHTTP(httptest.NewRecorder(), r)
}

// lines are the lines of outcomes in the log.
func (w *world) lines() (all []map[string]any) {
	w.t.Helper()
	for dec := json.NewDecoder(&w.log); ; {
		var line map[string]any
		if err := dec.Decode(&line); err == io.EOF {
			return all
		} else if err != nil {
			w.t.Fatal(err)
		}
		if _, ok := line["event_id"]; ok {
			all = append(all, line)
		}
	}
}
