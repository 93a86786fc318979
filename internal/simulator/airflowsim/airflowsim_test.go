// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// began is when every test begins, by its server's clock.
var began = time.Date(2026, 11, 22, 3, 5, 53, 584369000, time.UTC)

// clock is a clock that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: began} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const params = `{
	"n": {"default": 1, "type": "integer", "minimum": 1, "maximum": 10},
	"s": {"default": "a", "type": "string", "minLength": 1, "maxLength": 5, "pattern": "^[a-z]+$"},
	"e": {"default": "x", "enum": ["x", "y"]},
	"o": {"default": null, "type": ["null", "object"], "properties": {"k": {"type": "integer"}},
		"required": ["k"], "additionalProperties": false}
}`

// config is the Airflow of the tables: its DAGs, its users, a clock that
// stands still, and a complaint about every route that it does not know.
func config(t *testing.T, version airflowsim.Version) airflowsim.Config {
	return airflowsim.Config{
		Version: version,
		Users: []airflowsim.User{
			{Name: "admin", Password: "admin", Role: airflowsim.Admin},
			{Name: "op", Password: "op", Role: airflowsim.Op},
			{Name: "user", Password: "user", Role: airflowsim.Editor},
			{Name: "viewer", Password: "viewer", Role: airflowsim.Viewer},
		},
		ExperimentalAPI: true,
		DAGs: []airflowsim.DAG{
			{ID: "d"},
			{ID: "paused", Paused: true},
			{ID: "params", Params: params},
			{ID: "needs", Params: `{"must": {"type": "string"}}`},
			{ID: "broken", ImportError: "Traceback (most recent call last): ..."},
			{ID: "stale", Stale: true},
			{ID: "scheduled_only", NoManualRuns: true},
			{ID: "started", StartDate: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
		},
		Assets:  []airflowsim.Asset{{URI: "s3://b/other"}, {URI: "s3://b/k"}},
		Now:     newClock().Now,
		Unknown: func(req *http.Request) { t.Errorf("unknown to every Airflow: %s %s", req.Method, req.URL) },
	}
}

func newServer(t *testing.T, config airflowsim.Config) *airflowsim.Server {
	t.Helper()
	s, err := airflowsim.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// request is one call of a table. It is made as admin unless it says otherwise.
type request struct {
	method, path, body string
	user               string // of the same password; "-" for none, "wrong" for a wrong password
	header             map[string]string
}

func get(path string) request        { return request{method: http.MethodGet, path: path} }
func head(path string) request       { return request{method: http.MethodHead, path: path} }
func put(path string) request        { return request{method: http.MethodPut, path: path, body: "{}"} }
func post(path, body string) request { return request{method: http.MethodPost, path: path, body: body} }
func patch(path, body string) request {
	return request{method: http.MethodPatch, path: path, body: body}
}
func v1Trigger(dag, body string) request { return post("/api/v1/dags/"+dag+"/dagRuns", body) }
func v2Trigger(dag, body string) request { return post("/api/v2/dags/"+dag+"/dagRuns", body) }
func experiment(dag, body string) request {
	return post("/api/experimental/dags/"+dag+"/dag_runs", body)
}
func (r request) as(user string) request   { r.user = user; return r }
func (r request) typed(as string) request  { return r.with("Content-Type", as) }
func (r request) with(n, v string) request { r.header = map[string]string{n: v}; return r }

// do sends a request to the handler itself.
func do(t *testing.T, s *airflowsim.Server, r request) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), r.method, r.path, strings.NewReader(r.body))
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.user != "-" {
		req.Header.Set("Authorization", credentials(t, s, r))
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w
}

func credentials(t *testing.T, s *airflowsim.Server, r request) string {
	t.Helper()
	user := r.user
	if user == "" {
		user = "admin"
	}
	if strings.HasPrefix(r.path, "/api/v2") && user != "basic" {
		return "Bearer " + token(t, s, user)
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(strings.Replace(user, "wrong", "admin", 1)+":"+user))
}

func token(t *testing.T, s *airflowsim.Server, user string) string {
	t.Helper()
	if user == "wrong" {
		return "x.y.z"
	}
	w := do(t, s, post("/auth/token", fmt.Sprintf(`{"username": %q, "password": %[1]q}`, user)).as("-"))
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusCreated {
		t.Fatalf("no token for %s: %d %s", user, w.Code, w.Body)
	}
	return body.AccessToken
}

// row is one line of a table: after some requests, this one gets that answer.
type row struct {
	name  string
	after []request
	req   request
	want  answer
}

type answer struct {
	status    int
	mediaType string
	body      string // in full, or what a page has in it, where it begins with ~
}

const (
	problemType = "application/problem+json"
	jsonType    = "application/json"
	page        = "text/html; charset=utf-8"
)

func html(status int, holds string) answer { return answer{status, page, "~" + holds} }
func json3(status int, body string) answer { return answer{status, jsonType, body} }

// problem is v1's error in full, its type a section of the documentation.
func problem(status int, title, section, detail string) answer {
	return answer{status, problemType, "{\n  \"detail\": " + detail + ",\n  \"status\": " + fmt.Sprint(status) +
		",\n  \"title\": " + title + ",\n  \"type\": \"" + section + "\"\n}\n"}
}

func docs(section string) string {
	return "https://airflow.apache.org/docs/apache-airflow/2.11.2/stable-rest-api-ref.html#section/Errors/" + section
}

func bad(detail string) answer { return problem(400, `"Bad Request"`, docs("BadRequest"), detail) }

// check runs the rows, each against a separate Airflow.
func check(t *testing.T, config func(*testing.T) airflowsim.Config, rows []row) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, config(t))
			for _, r := range row.after {
				do(t, s, r)
			}
			row.want.compare(t, do(t, s, row.req))
		})
	}
}

func (a answer) compare(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != a.status || w.Header().Get("Content-Type") != a.mediaType {
		t.Errorf("got %d %s, want %d %s", w.Code, w.Header().Get("Content-Type"), a.status, a.mediaType)
	}
	part, isPart := strings.CutPrefix(a.body, "~")
	if got := w.Body.String(); got != a.body && (!isPart || !strings.Contains(got, part)) {
		t.Errorf("got body\n%s\nwant\n%s", got, a.body)
	}
}
