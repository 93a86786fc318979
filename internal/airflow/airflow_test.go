// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

// reply is what a scripted server answers.
type reply struct {
	status int
	header http.Header
	body   string
}

func answer(status int, mediaType, body string) reply {
	return reply{status, http.Header{"Content-Type": {mediaType}}, body}
}

func json(status int, body string) reply    { return answer(status, "application/json", body) }
func problem(status int, body string) reply { return answer(status, "application/problem+json", body) }
func html(status int) reply {
	return answer(status, "text/html; charset=utf-8", "<!DOCTYPE html><html><title>hunter2</title></html>")
}

// with adds a header to a reply.
func (r reply) with(name, value string) reply {
	r.header = r.header.Clone()
	r.header.Set(name, value)
	return r
}

// script answers by method and escaped path, query included; any other request
// fails the test that met it.
type script map[string]reply

// webServer is a server that follows a script, and what it was asked.
type webServer struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func serve(t *testing.T, s script) *webServer {
	t.Helper()
	w := &webServer{}
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		line := r.Method + " " + r.URL.RequestURI()
		w.mu.Lock()
		w.asked = append(w.asked, line)
		w.mu.Unlock()
		answer, known := s[line]
		if !known {
			t.Errorf("the server was asked for %s, which its script does not have", line)
			answer.status = http.StatusTeapot
		}
		for name, values := range answer.header {
			rw.Header()[name] = values
		}
		rw.WriteHeader(answer.status)
		_, _ = io.WriteString(rw, answer.body)
	}))
	w.Start()
	t.Cleanup(w.Close)
	return w
}

// requests are the lines of all requests so far, in order.
func (w *webServer) requests() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.asked, "\n")
}

// credentials are an auth kind with a value for the Authorization header.
type credentials struct {
	kind, authorization string
	renew               bool
	refused             []string // requests that were refused
	err                 error
}

func (c *credentials) Kind() string { return c.kind }

func (c *credentials) Authorize(r *http.Request) error {
	if c.authorization != "" {
		r.Header.Set("Authorization", c.authorization)
	}
	return c.err
}

func (c *credentials) Answered(r *http.Request, refusal *airflow.Error) bool {
	if refusal == nil || !slices.Contains([]airflow.Kind{airflow.Unauthorized, airflow.Forbidden, airflow.LoginRedirect}, refusal.Kind) {
		return false
	}
	c.refused = append(c.refused, r.Method+" "+r.URL.Path)
	return c.renew
}

func newClient(t testing.TB, c airflow.Config) *airflow.Client {
	t.Helper()
	if c.Transport == nil {
		transport := airflow.NewTransport(8)
		t.Cleanup(transport.CloseIdleConnections)
		c.Transport = transport
	}
	client, err := airflow.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// asError fails the test unless err is the client's own.
func asError(t testing.TB, err error) *airflow.Error {
	t.Helper()
	e, ok := errors.AsType[*airflow.Error](err)
	if !ok {
		t.Fatalf("got %T %v, want an *airflow.Error", err, err)
	}
	return e
}

// asKind fails the test unless err is the client's own, of that kind.
func asKind(t testing.TB, err error, want airflow.Kind) *airflow.Error {
	t.Helper()
	e := asError(t, err)
	if e.Kind != want {
		t.Fatalf("got kind %q, want %q: %v", e.Kind, want, e)
	}
	return e
}

// wantKind is asKind for those who want to know no more.
func wantKind(t testing.TB, err error, want airflow.Kind) {
	t.Helper()
	_ = asKind(t, err, want)
}

// The run that most tests ask for, and where each API takes it.
const (
	postV2           = "POST /api/v2/dags/load_sales/dagRuns"
	postV1           = "POST /api/v1/dags/load_sales/dagRuns"
	postExperimental = "POST /api/experimental/dags/load_sales/dag_runs"
	getV2            = "GET /api/v2/dags/load_sales/dagRuns/dagtrigger__sales__5f3c"
	getV1            = "GET /api/v1/dags/load_sales/dagRuns/dagtrigger__sales__5f3c"
	listExperimental = "GET /api/experimental/dags/load_sales/dag_runs"
	probeV2          = "GET /api/v2/version"
	probeV1          = "GET /api/v1/version"
	probeExp         = "GET /api/experimental/test"
)

var logicalDate = time.Date(2026, 11, 22, 10, 30, 0, 123456789, time.FixedZone("CET", 3600))

func sales() airflow.Run {
	return airflow.Run{DAGID: "load_sales", RunID: "dagtrigger__sales__5f3c", Conf: []byte(`{"region":"emea"}`)}
}

// created is what each API answers once the run is made.
func created(api airflow.API) reply {
	switch api {
	case airflow.V2:
		return json(200, `{"dag_run_id":"dagtrigger__sales__5f3c","dag_id":"load_sales","logical_date":null,"queued_at":"2026-11-22T09:30:00Z",`+
			`"start_date":null,"end_date":null,"duration":null,"data_interval_start":null,"data_interval_end":null,`+
			`"run_after":"2026-11-22T09:30:00.5Z","last_scheduling_decision":null,"run_type":"manual","state":"queued","triggered_by":"rest_api",`+
			`"triggering_user_name":"admin","conf":{"region":"emea"},"note":null,"dag_versions":[],"bundle_version":null,`+
			`"dag_display_name":"load_sales","partition_key":null}`)
	case airflow.V1:
		return json(200, `{"conf":{"region":"emea"},"dag_id":"load_sales","dag_run_id":"dagtrigger__sales__5f3c","end_date":null,`+
			`"execution_date":"2026-11-22T09:30:00.123456+00:00","logical_date":"2026-11-22T09:30:00.123456+00:00","external_trigger":true,`+
			`"start_date":null,"state":"queued","data_interval_end":"2026-11-22T09:30:00+00:00",`+
			`"data_interval_start":"2026-11-22T09:30:00+00:00","last_scheduling_decision":null,"run_type":"manual","note":null}`)
	}
	return json(200, `{"message":"Created <DagRun load_sales @ 2026-11-22T09:30:00.123456+00:00: dagtrigger__sales__5f3c, externally `+
		`triggered: True>","execution_date":"2026-11-22T09:30:00.123456+00:00","run_id":"dagtrigger__sales__5f3c"}`)
}

func post(api airflow.API) string {
	return map[airflow.API]string{airflow.V2: postV2, airflow.V1: postV1, airflow.Experimental: postExperimental}[api]
}
