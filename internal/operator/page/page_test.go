// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/page"
)

const routesText = `environments:
  prod: {url: "https://airflow.example.com", auth: password, username: ana, password: hunter2-secret}
routes:
  - {name: sales, on: object.finalized, bucket: acme, dag: load_sales}
`

// world is a page with a function that starts a run for each event.
type world struct {
	*page.Page
	recorder *page.Recorder
	function http.Handler
	path     string // of the routes file
	got      chan string
}

func newWorld(t *testing.T, change func(*page.Options)) *world {
	t.Helper()
	w := &world{path: filepath.Join(t.TempDir(), "routes.yaml"), got: make(chan string, 100)}
	if err := os.WriteFile(w.path, []byte(routesText), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := config.Load(w.path)
	if err != nil {
		t.Fatal(err)
	}
	w.recorder = page.NewRecorder(func() page.Explain {
		return func(_ context.Context, r delivery.Request) ([]page.Explained, error) {
			return []page.Explained{{Result: map[string]string{"explained": string(r.Body)}}}, nil
		}
	})
	w.function = w.recorder.Handler(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("Ce-Id")
		log := w.recorder.Log(slog.New(slog.NewTextHandler(t.Output(), nil)))
		log.LogAttrs(r.Context(), slog.LevelInfo, "event triggered", slog.String("event_id", id))
		w.got <- id
		_, _ = fmt.Fprintf(out, `{"outcomes":[{"event_id":%q,"route":"sales","outcome":"triggered","environment":"prod",`+
			`"dag_id":"load_sales","dag_run_id":"run-%s"}]}`, id, id)
	}))
	o := page.Options{
		Recorder: w.recorder, Function: w.function, HasRoutes: true, Now: time.Now, Number: func() int64 { return 4711 },
		Routes: page.Routes{
			Path:    w.path,
			Parse:   func(text []byte) (config.File, error) { return config.Parse(w.path, text) },
			Current: func() (*config.File, string) { return &file, "" },
		},
	}
	if change != nil {
		change(&o)
	}
	if w.Page, err = page.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return w
}

// ask sends a request as the page does, and returns the status and the body.
func (w *world) ask(method, path, body string, headers ...string) (int, string) {
	r := httptest.NewRequest(method, "http://127.0.0.1:8090"+path, strings.NewReader(body))
	r.Header.Set("X-Dagtrigger-Page", "1")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out.Code, out.Body.String()
}

// deliver sends the function an upload.
func (w *world) deliver(t *testing.T, id string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080", strings.NewReader(`{"bucket":"acme","name":"a.csv"}`))
	for name, value := range map[string]string{
		"Ce-Id": id, "Ce-Source": "//storage.googleapis.com/projects/_/buckets/acme", "Ce-Type": "google.cloud.storage.object.v1.finalized",
		"Ce-Specversion": "1.0", "Ce-Subject": "objects/a.csv", "Content-Type": "application/json", "Authorization": "Bearer the-token",
	} {
		r.Header.Set(name, value)
	}
	w.function.ServeHTTP(httptest.NewRecorder(), r)
	<-w.got
}

func TestPageRefusesOtherHostsAndOrigins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const send = `{"kind":"object","object":"gs://acme/a.csv"}`
	for _, row := range []struct {
		name    string
		method  string
		headers []string
		status  int
	}{
		{"the page's own", "POST", []string{"Origin", "http://127.0.0.1:8090", "Sec-Fetch-Site", "same-origin"}, 200},
		{"by the name localhost", "GET", []string{"Host", "localhost:8090"}, 200},
		{"by IPv6", "GET", []string{"Host", "[::1]:8090"}, 200},
		{"typed into the address bar", "GET", []string{"Sec-Fetch-Site", "none"}, 200},
		{"a name that is rebound", "GET", []string{"Host", "evil.dev:8090"}, 403},
		{"an address of the network", "GET", []string{"Host", "192.168.0.7:8090"}, 403},
		{"a name below localhost", "GET", []string{"Host", "evil.localhost:8090"}, 403},
		{"another origin", "POST", []string{"Origin", "https://evil.dev"}, 403},
		{"another port", "POST", []string{"Origin", "http://127.0.0.1:9"}, 403},
		{"https of the same host", "POST", []string{"Origin", "https://127.0.0.1:8090"}, 403},
		{"a sandbox", "POST", []string{"Origin", "null"}, 403},
		{"another site", "GET", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another port of the same site", "GET", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"a form", "POST", []string{"X-Dagtrigger-Page", ""}, 403},
	} {
		path, body := "/api/about", ""
		if row.method == "POST" {
			path, body = "/api/send", send
		}
		status, text := w.ask(row.method, path, body, row.headers...)
		if status != row.status {
			t.Errorf("%s: %d %s, want %d", row.name, status, text, row.status)
		}
	}
	if n := len(w.got); n != 1 {
		t.Errorf("%d events were delivered, want 1", n)
	}
}

func TestPageAnswersOnlyItsMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, path := range []string{"check", "explain", "send", "examples"} {
		if status, _ := w.ask("GET", "/api/"+path, ""); status == 200 {
			t.Errorf("GET %s is answered", path)
		}
	}
	for _, row := range [][2]string{{"DELETE", "/api/routes"}, {"POST", "/api/about"}, {"PUT", "/"}, {"OPTIONS", "/api/send"}} {
		if status, _ := w.ask(row[0], row[1], ""); status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d, want 405", row[0], row[1], status)
		}
	}
}

func TestPageLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, name := range strings.Split(" app.js events.js story.js try.js routes.js flow.js complete.js style.css icon.svg", " ") {
		out := httptest.NewRecorder()
		w.ServeHTTP(out, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8090/"+name, nil))
		text := strings.ReplaceAll(out.Body.String(), "http://www.w3.org/2000/svg", "")
		for _, bad := range []string{"http://", "https://", "innerHTML", "eval(", " style=", "onclick="} {
			if strings.Contains(text, bad) {
				t.Errorf("/%s has %s", name, bad)
			}
		}
		policy := out.Header().Get("Content-Security-Policy")
		if out.Code != 200 || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("/%s: %d, policy %q", name, out.Code, policy)
		}
	}
}

func TestPageShowsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.deliver(t, "1")
	for _, path := range []string{"/api/about", "/api/routes", "/api/events/1", "/api/schema"} {
		status, text := w.ask("GET", path, "")
		if status != 200 || strings.Contains(text, "hunter2") || strings.Contains(text, "the-token") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	status, text := w.ask("POST", "/api/check", encode(t, map[string]string{"text": "environments: {a: {password: [hunter2-secret]}}"}))
	if status != 200 || strings.Contains(text, "hunter2") {
		t.Errorf("check: %d %s", status, text)
	}
}

func TestPageForgetsTheOldestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for range page.MaxEvents + 1 {
		w.deliver(t, "1")
	}
	if status, text := w.ask("GET", "/api/events/1", ""); status != 404 || !strings.Contains(text, "the page keeps the last 10000") {
		t.Errorf("the first event: %d %s", status, text)
	}
	for _, number := range []int{2, page.MaxEvents + 1} {
		if status, _ := w.ask("GET", fmt.Sprintf("/api/events/%d", number), ""); status != 200 {
			t.Errorf("the event %d: %d", number, status)
		}
	}
	for _, number := range []string{"0", "-1", "10002", "x"} {
		if status, _ := w.ask("GET", "/api/events/"+number, ""); status == 200 {
			t.Errorf("there is an event %s", number)
		}
	}
}

func TestPageBoundsWhatItReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	if status, _ := w.ask("POST", "/api/check", `{"text":"`+strings.Repeat("a", 5<<20)+`"}`); status != http.StatusRequestEntityTooLarge {
		t.Errorf("5 MiB: %d, want 413", status)
	}
	for _, body := range []string{"", "[]", `{"kind":"object"} {}`, `{"unknown":1}`} {
		if status, _ := w.ask("POST", "/api/explain", body); status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", body, status)
		}
	}
}

func TestStoryHasEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.deliver(t, "4711")
	_, text := w.ask("GET", "/api/events/1", "")
	var got struct {
		ID, Subject, Body, Response string
		Headers                     []struct{ Name, Value string }
		Explanation                 []map[string]string
		Lines                       []string
		Outcomes                    []page.Outcome
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != "4711" || got.Subject != "objects/a.csv" || got.Body != `{"bucket":"acme","name":"a.csv"}` || len(got.Headers) != 7 ||
		got.Explanation[0]["explained"] != got.Body || !strings.Contains(got.Lines[0], `"event_id":"4711"`) ||
		got.Outcomes[0].RunID != "run-4711" || !strings.Contains(got.Response, "run-4711") {
		t.Errorf("the story is %s", text)
	}
}

// wire answers each request with its own path.
type wire struct{ t *testing.T }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("answer to " + r.URL.Path))}, nil
}

func TestStoryHasRequestsToAirflowAndNoCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	transport := w.recorder.Transport(wire{t})
	handler := w.recorder.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, path := range []string{"/auth/token", "/api/v2/dags/load/dagRuns"} {
			req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://airflow.example"+path, strings.NewReader("body of "+path))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := io.ReadAll(resp.Body); string(text) != "answer to "+path {
				t.Errorf("the function reads %q", text)
			}
			_ = resp.Body.Close()
		}
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}")))
	_, text := w.ask("GET", "/api/events/1", "")
	if !strings.Contains(text, "body of /api/v2/dags/load/dagRuns") || !strings.Contains(text, "answer to /api/v2/dags/load/dagRuns") ||
		strings.Contains(text, "token") {
		t.Errorf("the story is %s", text)
	}
}

func TestStreamSendsEachChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *page.Options) {
		o.State = func(_ context.Context, environment, dag, run string) (string, error) {
			if environment != "prod" || dag != "load_sales" || run != "run-1" {
				t.Errorf("the state of %s, %s, %s is read", environment, dag, run)
			}
			return "success", nil
		}
	})
	server := httptest.NewUnstartedServer(w)
	server.Config.ReadTimeout = 500 * time.Millisecond
	server.Start()
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a hang
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	until := func(part string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), part) {
				return
			}
		}
		t.Fatalf("the stream ended without %s: %v", part, lines.Err())
	}
	until("data: []")
	<-time.After(2 * server.Config.ReadTimeout) // the stream outlives it
	w.deliver(t, "1")
	until(`"state":"success"`) // which may come with the outcome, in one message
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	server := httptest.NewServer(w)
	defer server.Close()
	for i := range 17 {
		resp, err := server.Client().Get(server.URL + "/api/stream")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if want := map[bool]int{true: 200, false: 503}[i < 16]; resp.StatusCode != want {
			t.Errorf("stream %d: %d, want %d", i+1, resp.StatusCode, want)
		}
	}
	server.CloseClientConnections()
}

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
