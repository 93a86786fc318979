// SPDX-License-Identifier: Apache-2.0

package dagtrigger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// world is the function in front of an embedded Airflow.
type world struct {
	t        *testing.T
	airflow  *airflowsim.Server
	function *Function
	log      *bytes.Buffer
	url      string // of the Airflow
}

// newWorld makes a function of the given settings, as NAME=VALUE. The function
// does not pause between tries.
func newWorld(t *testing.T, settings ...string) *world {
	t.Helper()
	airflow, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow211,
		Users:   []airflowsim.User{{Name: "robot", Password: "hush-hush", Role: airflowsim.Op}},
		DAGs: []airflowsim.DAG{
			{ID: "load"},
			{ID: "typed", Params: `{"rows": {"type": "integer", "default": 1}}`},
		},
		Unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(airflow)
	t.Cleanup(server.Close)
	env := map[string]string{
		"DAG_ID": "load", "AIRFLOW_URL": server.URL, "AIRFLOW_AUTH": "basic",
		"AIRFLOW_USERNAME": "robot", "AIRFLOW_PASSWORD": "hush-hush", "GOOGLE_CLOUD_PROJECT": "acme",
	}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		env[name] = value
	}
	c, err := config.FromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	f, err := New(c, cloudlog.New(&log, slog.LevelInfo), nil)
	if err != nil {
		t.Fatal(err)
	}
	f.pipeline.Wait = noWait
	return &world{t: t, airflow: airflow, function: f, log: &log, url: server.URL}
}

// send gives the function a request, and returns its answer.
func (w *world) send(r *http.Request) (int, string) {
	w.t.Helper()
	recorder := httptest.NewRecorder()
	w.function.ServeHTTP(recorder, r)
	return recorder.Code, recorder.Body.String()
}

// outcome is the one outcome of an answer.
func (w *world) outcome(r *http.Request) map[string]string {
	w.t.Helper()
	_, body := w.send(r)
	var answer struct{ Outcomes []map[string]string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Outcomes) != 1 {
		w.t.Fatalf("not one outcome: %v: %s", err, body)
	}
	return answer.Outcomes[0]
}

// lines are the lines of the log so far.
func (w *world) lines() []map[string]any {
	w.t.Helper()
	var lines []map[string]any
	dec := json.NewDecoder(bytes.NewReader(w.log.Bytes()))
	for {
		var line map[string]any
		if err := dec.Decode(&line); err == io.EOF {
			return lines
		} else if err != nil {
			w.t.Fatalf("the log is not JSON: %v: %s", err, w.log.Bytes())
		}
		lines = append(lines, line)
	}
}

const resource = `{"kind":"storage#object","bucket":"acme","name":"eu/a.csv","generation":"17","metageneration":"1","size":"3",` +
	`"big":9007199254740993}`

// upload is Eventarc's request for a finalized object.
func upload(data string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/any/path", strings.NewReader(data))
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": "1276",
		"Ce-Type": "google.cloud.storage.object.v1.finalized", "Ce-Source": "//storage.googleapis.com/projects/_/buckets/acme",
		"Ce-Subject": "objects/eu/a.csv", "Ce-Time": "2026-01-02T10:00:00Z",
		"Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	} {
		r.Header.Set(name, value)
	}
	return r
}

const uploadRun = "dagtrigger__default__30db3192e426dc5bce4e"

func TestUploadStartsOneRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, body := w.send(upload(resource))
	want := `{"outcomes":[{"event_id":"1276","route":"default","outcome":"triggered","environment":"default",` +
		`"dag_id":"load","dag_run_id":"` + uploadRun + `","reason":"Airflow created the run"}]}` + "\n"
	if status != 200 || body != want {
		t.Errorf("answered %d %s, want 200 %s", status, body, want)
	}
	runs := w.airflow.Runs()
	if len(runs) != 1 || runs[0].ID != uploadRun || runs[0].DAG != "load" || string(runs[0].Conf) != resource {
		t.Errorf("Airflow holds %+v", runs)
	}
	line := w.lines()[0]
	for _, variable := range []string{"time", "age_seconds", "duration_seconds"} {
		if _, ok := line[variable]; !ok {
			t.Errorf("the log line has no %s", variable)
		}
		delete(line, variable)
	}
	if diff := cmp.Diff(map[string]any{
		"severity": "INFO", "message": "event triggered", "outcome": "triggered", "route": "default",
		"environment": "default", "dag_id": "load", "dag_run_id": uploadRun, "cause": "", "reason": "Airflow created the run", "count": 1.0,
		"event_id": "1276", "event_source": "//storage.googleapis.com/projects/_/buckets/acme",
		"event_type": "google.cloud.storage.object.v1.finalized", "event_subject": "objects/eu/a.csv",
		"logging.googleapis.com/trace":         "projects/acme/traces/4bf92f3577b34da6a3ce929d0e0e4736",
		"logging.googleapis.com/spanId":        "00f067aa0ba902b7",
		"logging.googleapis.com/trace_sampled": true,
	}, line); diff != "" {
		t.Errorf("the log line (-want +got):\n%s", diff)
	}
}

func TestRedeliveryIsADuplicate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(upload(resource))
	if o := w.outcome(upload(resource)); o["outcome"] != "duplicate" || o["dag_run_id"] != uploadRun {
		t.Errorf("came to %v", o)
	}
	if runs := w.airflow.Runs(); len(runs) != 1 {
		t.Errorf("Airflow holds %d runs, want 1", len(runs))
	}
}

func TestAPIVersionIsDetectedOnceAndEachRunCostsOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(upload(resource))
	before := w.airflow.Requests()
	for i := range 10 {
		w.send(upload(strings.Replace(resource, `"17"`, fmt.Sprintf("%d", 100+i), 1)))
	}
	if after := w.airflow.Requests(); after.Total-before.Total != 10 || after.Triggers-before.Triggers != 10 {
		t.Errorf("10 events cost %d requests, %d of them triggers", after.Total-before.Total, after.Triggers-before.Triggers)
	}
}

func TestStatusOfEachFailure(t *testing.T) {
	t.Parallel()
	message := func(body string) *http.Request {
		return httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	}
	tests := []struct {
		name     string
		settings []string
		fault    airflowsim.Fault
		request  *http.Request
		status   int
		outcome  string
		reason   string // a part of it
		level    string
	}{
		{"a conf that Airflow refuses", []string{"DAG_ID=typed"}, airflowsim.Fault{},
			message(`{"message":{"messageId":"5","data":"eyJyb3dzIjoic2VjcmV0LXZhbHVlIn0="},"subscription":"projects/acme/subscriptions/s"}`),
			422, "rejected", "400 application/problem+json: ", "ERROR"},
		{"an unknown DAG, whatever the event's time", []string{"DAG_ID=nope"}, airflowsim.Fault{}, upload(resource),
			503, "deferred", "404 application/problem+json: DAG not found", "ERROR"},
		{"a wrong password", []string{"AIRFLOW_PASSWORD=hush-wrong"}, airflowsim.Fault{}, upload(resource),
			503, "deferred", "403 application/problem+json: Forbidden", "ERROR"},
		{"a login page by redirect", nil, airflowsim.Fault{Kind: airflowsim.LoginRedirect, Count: -1}, upload(resource),
			503, "deferred", "302 ", "ERROR"},
		{"an outage", nil, airflowsim.Fault{Kind: airflowsim.Reset, Count: -1}, upload(resource), 503, "deferred", "network", "WARNING"},
		{"a full server", []string{"AIRFLOW_API=v1"}, airflowsim.Fault{Kind: airflowsim.Refuse, Status: 429, Count: -1}, upload(resource),
			429, "deferred", "429 text/html", "WARNING"},
		{"an answer that was lost", []string{"AIRFLOW_API=v1"}, airflowsim.Fault{Kind: airflowsim.HangUp, Served: true, Method: "POST"},
			upload(resource), 200, "triggered", "", "INFO"},
		{"data that is not an object resource", nil, airflowsim.Fault{}, upload(`[]`), 422, "rejected", "", "ERROR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.settings...)
			if tt.fault != (airflowsim.Fault{}) {
				w.airflow.Inject(tt.fault)
			}
			status, body := w.send(tt.request)
			if status != tt.status || !strings.Contains(body, `"outcome":"`+tt.outcome+`"`) || !strings.Contains(body, tt.reason) {
				t.Errorf("answered %d %s", status, body)
			}
			lines := w.lines()
			if got := lines[len(lines)-1]["severity"]; got != tt.level {
				t.Errorf("logged as %v, want %s", got, tt.level)
			}
			for _, text := range []string{body, w.log.String()} {
				for _, secret := range []string{"hush", "secret-value", "9007199254740993"} {
					if strings.Contains(text, secret) {
						t.Errorf("%q stands in %s", secret, text)
					}
				}
			}
		})
	}
}

func TestInvalidRequestIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		request *http.Request
		status  int
	}{
		{"nothing", httptest.NewRequest(http.MethodPost, "/", nil), 400},
		{"a page request", httptest.NewRequest(http.MethodGet, "/favicon.ico", nil), 400},
		{"some JSON", httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"hello":"world"}`)), 400},
		{"too much", upload(`{"bucket":"` + strings.Repeat("x", event.MaxBody) + `"}`), 413},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			status, body := w.send(tt.request)
			var answer struct{ Error string }
			if err := json.Unmarshal([]byte(body), &answer); err != nil || status != tt.status || answer.Error == "" {
				t.Errorf("answered %d %s, want %d", status, body, tt.status)
			}
			if got := w.lines()[0]["severity"]; got != "ERROR" {
				t.Errorf("logged as %v", got)
			}
			if n := w.airflow.Requests().Total; n != 0 {
				t.Errorf("Airflow got %d requests", n)
			}
		})
	}
}

func TestBatchHasItsWorstStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.airflow.Inject(airflowsim.Fault{Kind: airflowsim.Refuse, Status: 503, Method: "POST", Count: 9})
	var batch []string
	for i := range 12 {
		batch = append(batch, fmt.Sprintf(`{"specversion":"1.0","id":"%d","type":"com.acme.done","source":"/jobs","data":{"n":%d}}`, i, i))
	}
	send := func() (int, string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("["+strings.Join(batch, ",")+"]"))
		r.Header.Set("Content-Type", "application/cloudevents-batch+json")
		return w.send(r)
	}
	if status, body := send(); status != 503 || strings.Count(body, `"event_id"`) != 12 {
		t.Errorf("answered %d %s", status, body)
	}
	if status, body := send(); status != 200 || !strings.Contains(body, `"outcome":"duplicate"`) {
		t.Errorf("redelivered: answered %d %s", status, body)
	}
	if runs := w.airflow.Runs(); len(runs) != 12 {
		t.Errorf("Airflow holds %d runs, want 12", len(runs))
	}
}

func noWait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// Events that wait for one environment are bounded, so that an instance can serve
// for the others.
func TestSlowEnvironmentDoesNotDelayTheOthers(t *testing.T) {
	t.Parallel()
	const events, share = 40, 16
	slow, quick := newWorld(t), newWorld(t)
	release := make(chan struct{})
	slow.airflow.Inject(airflowsim.Fault{Kind: airflowsim.Stall, Until: release, Count: -1})
	w := newWorld(t, "DAG_ID=", "AIRFLOW_URL=", "AIRFLOW_AUTH=", "AIRFLOW_USERNAME=", "AIRFLOW_PASSWORD=", "DAGTRIGGER_CONFIG="+fmt.Sprintf(`
environments:
  slow: {url: %q, api: v1, auth: basic, username: robot, password: hush-hush, max_in_flight: %d}
  quick: {url: %q, api: v1, auth: basic, username: robot, password: hush-hush}
routes:
  - {name: slow, on: com.acme.slow, environment: slow, dag: load}
  - {name: quick, on: com.acme.quick, environment: quick, dag: load}
`, slow.url, share, quick.url))
	custom := func(kind string, id int) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(fmt.Sprintf(
			`{"specversion":"1.0","id":"%d","type":"com.acme.%s","source":"/jobs"}`, id, kind)))
		r.Header.Set("Content-Type", "application/cloudevents+json")
		return r
	}
	statuses := make(chan int, events)
	for i := range events {
		go func() {
			recorder := httptest.NewRecorder()
			w.function.ServeHTTP(recorder, custom("slow", i))
			statuses <- recorder.Code
		}()
	}
	for range events - share {
		if status := <-statuses; status != http.StatusTooManyRequests {
			t.Errorf("beyond the share: answered %d, want 429", status)
		}
	}
	if status, body := w.send(custom("quick", 1)); status != http.StatusOK {
		t.Errorf("the other environment: answered %d %s", status, body)
	}
	close(release)
	started := 0
	for range share {
		switch status := <-statuses; status {
		case http.StatusOK:
			started++
		case http.StatusTooManyRequests:
		default:
			t.Errorf("within the share: answered %d", status)
		}
	}
	if started == 0 {
		t.Error("nothing was let through")
	}
	if peak := slow.airflow.Requests().Peak; peak > share {
		t.Errorf("%d requests at once, want at most %d", peak, share)
	}
}

// The routes of a replay share a gate, as those of the function do.
func TestReplayFunctionsShareTheEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "AIRFLOW_MAX_IN_FLIGHT=1")
	release := make(chan struct{})
	w.airflow.Inject(airflowsim.Fault{Kind: airflowsim.Stall, Until: release, Count: -1})
	statuses := make(chan int, 2)
	for _, f := range []*Function{w.function, w.function.Through(w.function.table)} {
		go func() {
			recorder := httptest.NewRecorder()
			f.ServeHTTP(recorder, upload(resource))
			statuses <- recorder.Code
		}()
	}
	if status := <-statuses; status != http.StatusTooManyRequests {
		t.Errorf("beside the request that is under way: answered %d, want 429", status)
	}
	close(release)
	<-statuses
	if peak := w.airflow.Requests().Peak; peak != 1 {
		t.Errorf("%d requests at once, want 1", peak)
	}
}
