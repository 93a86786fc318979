// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

// silent is a web server that never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const notAbsolute = "the URL is not absolute: write it like https://airflow.example.com"
	url := func(url string) airflow.Config { return airflow.Config{URL: url, Transport: silent{}} }
	good := "https://airflow.example.com"
	for _, row := range []struct {
		config airflow.Config
		want   string
	}{
		{url(""), notAbsolute},
		{url("airflow.example.com"), notAbsolute},
		{url("https:airflow"), notAbsolute},
		{url("https://admin:hunter2@%zz"), notAbsolute},
		{url("ftp://airflow.example.com"), `the URL begins with "ftp": use https`},
		{url("https://admin:hunter2@airflow.example.com"), "the URL holds a user: take it out, and set the user and the password apart"},
		{url(good + "?x=1"), "the URL has a query or a fragment: give the web server's root alone"},
		{url(good + "?"), "the URL has a query or a fragment: give the web server's root alone"},
		{url(good + "#x"), "the URL has a query or a fragment: give the web server's root alone"},
		{url("http://airflow.example.com"), "the URL is http, which anyone on the way can read: use https, or allow it by insecure"},
		{url("http://127.0.0.1.example.com"), "the URL is http, which anyone on the way can read: use https, or allow it by insecure"},
		{airflow.Config{URL: good, Transport: silent{}, API: "v3"}, `there is no API "v3": choose auto, v2, v1 or experimental`},
		{airflow.Config{URL: good}, "a client needs a transport"},
		{airflow.Config{URL: good, Transport: silent{}, Timeout: -time.Second}, "a time-out of -1s is none: give a positive one"},
	} {
		if _, err := airflow.New(row.config); err == nil || err.Error() != row.want {
			t.Errorf("%s: got %v, want %s", row.config.URL, err, row.want)
		}
	}
}

func TestNewAcceptsCommonURLForms(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://airflow.example.com":           "https://airflow.example.com/api/v2/dags/load_sales/dagRuns",
		"https://airflow.example.com/":          "https://airflow.example.com/api/v2/dags/load_sales/dagRuns",
		"HTTPS://airflow.example.com:8443//":    "https://airflow.example.com:8443/api/v2/dags/load_sales/dagRuns",
		"https://example.com/team%2Fa/airflow/": "https://example.com/team%2Fa/airflow/api/v2/dags/load_sales/dagRuns",
		"http://localhost:8080":                 "http://localhost:8080/api/v2/dags/load_sales/dagRuns",
		"http://127.3.2.1:8080":                 "http://127.3.2.1:8080/api/v2/dags/load_sales/dagRuns",
		"http://[::1]:8080/x":                   "http://[::1]:8080/x/api/v2/dags/load_sales/dagRuns",
		"http://[::ffff:127.0.0.1]:8080":        "http://[::ffff:127.0.0.1]:8080/api/v2/dags/load_sales/dagRuns",
	} {
		client := newClient(t, airflow.Config{URL: url, API: airflow.V2, Transport: silent{}})
		request, err := client.Request(t.Context(), sales())
		if err != nil || request.URL.String() != want {
			t.Errorf("%s: got %v %v, want %s", url, request.URL, err, want)
		}
	}
}

func TestInsecureAllowsHTTP(t *testing.T) {
	t.Parallel()
	if _, err := airflow.New(airflow.Config{URL: "http://airflow.example.com", Transport: silent{}, Insecure: true}); err != nil {
		t.Error(err)
	}
}

func TestTriggerCreatesTheRunInOneRequest(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 9, 30, 0, 123456000, time.UTC)
	for api, want := range map[airflow.API]airflow.DAGRun{
		airflow.V2:           {State: "queued", RunAfter: time.Date(2026, 11, 22, 9, 30, 0, 5e8, time.UTC)},
		airflow.V1:           {State: "queued", LogicalDate: at},
		airflow.Experimental: {LogicalDate: at},
	} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			server := serve(t, script{post(api): created(api)})
			client := newClient(t, airflow.Config{URL: server.URL, API: api})
			run, err := client.Trigger(t.Context(), sales())
			if err != nil {
				t.Fatal(err)
			}
			if run.DAGID != "load_sales" || run.RunID != "dagtrigger__sales__5f3c" || run.State != want.State ||
				!run.LogicalDate.Equal(want.LogicalDate) || !run.RunAfter.Equal(want.RunAfter) {
				t.Errorf("got %+v, want %+v", run, want)
			}
			if server.requests() != post(api) {
				t.Errorf("got requests\n%s", server.requests())
			}
		})
	}
}

// A 2xx that is not the run asked for is no success: the run may exist or not.
func TestUnexpectedResponseIsAnError(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		api   airflow.API
		reply reply
		said  string
	}{
		"a login page": {airflow.V2, html(200), "200 text/html: not what was asked for: it is not JSON of Airflow's; "},
		"nothing": {airflow.V2, reply{status: 204},
			"204 without media type: not what was asked for: it is not JSON of Airflow's; "},
		"other JSON": {airflow.V2, json(200, `{"status":"ok"}`),
			"200 application/json: not what was asked for: it names another run, or none; "},
		"a list": {airflow.V2, json(200, `[]`), "200 application/json: not what was asked for: it is not JSON of Airflow's; "},
		"another run": {airflow.V2, json(200, `{"dag_id":"load_sales","dag_run_id":"x"}`),
			"200 application/json: not what was asked for: it names another run, or none; "},
		"another DAG": {airflow.V1, json(200, `{"dag_id":"x","dag_run_id":"dagtrigger__sales__5f3c"}`),
			"200 application/json: not what was asked for: it names another run, or none; "},
		"a run id without its DAG": {airflow.Experimental, json(200, `{"run_id":"dagtrigger__sales__5f3c"}`),
			"200 application/json: not what was asked for: it names another run, or none; "},
		"another run's message": {airflow.Experimental,
			json(200, `{"message":"Created <DagRun load_sales @ 2020-03-01: dagtrigger__sales__5f3c0, externally triggered: True>"}`),
			"200 application/json: not what was asked for: it names another run, or none; "},
		"another DAG's message": {airflow.Experimental,
			json(200, `{"message":"Created <DagRun load @ 2020-03-01: dagtrigger__sales__5f3c, externally triggered: True>"}`),
			"200 application/json: not what was asked for: it names another run, or none; "},
		"the other API's words": {airflow.V2,
			json(200, `{"message":"Created <DagRun load_sales @ 2020-03-01: dagtrigger__sales__5f3c, externally triggered: True>"}`),
			"200 application/json: not what was asked for: it names another run, or none; "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, script{post(row.api): row.reply})
			client := newClient(t, airflow.Config{URL: server.URL, API: row.api})
			_, err := client.Trigger(t.Context(), sales())
			e := asKind(t, err, airflow.Unexpected)
			if !e.InDoubt || !strings.HasPrefix(e.Error(), row.said) {
				t.Errorf("got %v, want %s", e, row.said)
			}
		})
	}
}

// Before 1.10.10 the run id is in the message only.
func TestOldMessageNamesTheRun(t *testing.T) {
	t.Parallel()
	server := serve(t, script{postExperimental: json(200,
		`{"message":"Created <DagRun load_sales @ 2020-03-01T00:00:00+00:00: dagtrigger__sales__5f3c, externally triggered: True>"}`)})
	client := newClient(t, airflow.Config{URL: server.URL, API: airflow.Experimental})
	if run, err := client.Trigger(t.Context(), sales()); err != nil || run.RunID != sales().RunID {
		t.Errorf("got %+v, %v", run, err)
	}
}

func TestOversizedResponseIsAnError(t *testing.T) {
	t.Parallel()
	endless := roundTrip(func(r *http.Request) (*http.Response, error) {
		spaces := io.LimitReader(blanks{}, 33<<20)
		return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: io.NopCloser(spaces), Request: r}, nil
	})
	client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Transport: endless})
	_, err := client.Trigger(t.Context(), sales())
	e := asKind(t, err, airflow.Unexpected)
	if !strings.Contains(e.Error(), "it has more than 33554432 bytes") {
		t.Error(e)
	}
}

// blanks is white space without end.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	copy(p, bytes.Repeat([]byte(" "), len(p)))
	return len(p), nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRedirectIsNeverFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		other := serve(t, script{}) // any request to it fails the test
		server := serve(t, script{postV2: html(status).with("Location", other.URL+"/login?next=s3cr3t")})
		id := &credentials{kind: "bearer", authorization: "Bearer t0ken-of-the-caller", renew: true}
		client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2, Credentials: id})
		_, err := client.Trigger(t.Context(), sales())
		e := asKind(t, err, airflow.LoginRedirect)
		if e.InDoubt || !e.Renewed || strings.Contains(e.Error(), "s3cr3t") {
			t.Errorf("%d: got %+v", status, e)
		}
	}
}

func TestRenewIsCalledForEachRefusal(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reply reply
		renew bool
	}{
		{json(401, `{}`), true},
		{json(403, `{}`), true},
		{html(302), true},
		{json(404, `{}`), false},
		{json(500, `{}`), false},
	} {
		id := &credentials{kind: "google", authorization: "Bearer t0ken-of-the-caller", renew: true}
		server := serve(t, script{postV1: row.reply})
		client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V1, Credentials: id})
		_, err := client.Trigger(t.Context(), sales())
		e := asError(t, err)
		if renewed := len(id.refused) == 1; renewed != row.renew || e.Renewed != row.renew {
			t.Errorf("%d: Renew was called for %v, and the error says renewed %v", row.reply.status, id.refused, e.Renewed)
		}
	}
}

func TestNothingIsSentWithoutCredentials(t *testing.T) {
	t.Parallel()
	server := serve(t, script{})
	id := &credentials{kind: "google", err: errors.New("fetching a token: the metadata server\nis away")}
	client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2, Credentials: id})
	_, err := client.Trigger(t.Context(), sales())
	e := asKind(t, err, airflow.NoCredentials)
	want := "no credentials: fetching a token: the metadata server is away; the credentials could not be obtained"
	if e.InDoubt || !errors.Is(e, id.err) || !strings.HasPrefix(e.Error(), want) {
		t.Errorf("got %v, want %s", e, want)
	}
}

func TestDeprecationIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	server := serve(t, script{postExperimental: created(airflow.Experimental).with("Deprecation", "true")})
	client := newClient(t, airflow.Config{URL: server.URL, API: airflow.Experimental, Logger: logger})
	for range 3 {
		if _, err := client.Trigger(t.Context(), sales()); err != nil {
			t.Fatal(err)
		}
	}
	want := "level=WARN msg=\"this Airflow's experimental API is deprecated and has no roles: set AIRFLOW_API to v1\"\n"
	if log.String() != want {
		t.Errorf("got %q, want %q", log.String(), want)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	list := `[{"id":1,"run_id":"x","state":"success","dag_id":"load_sales","execution_date":"2026-11-22T09:00:00+00:00","start_date":"",` +
		`"dag_run_url":"/"},` +
		`{"id":2,"run_id":"dagtrigger__sales__5f3c","state":"running","dag_id":"load_sales","execution_date":"2026-11-22T09:30:00+00:00"}]`
	for api, row := range map[airflow.API]struct {
		line  string
		reply reply
		state string
		conf  string
	}{
		airflow.V2:           {getV2, created(airflow.V2), "queued", `{"region":"emea"}`},
		airflow.V1:           {getV1, created(airflow.V1), "queued", `{"region":"emea"}`},
		airflow.Experimental: {listExperimental, json(200, list), "running", ""},
	} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			server := serve(t, script{row.line: row.reply})
			client := newClient(t, airflow.Config{URL: server.URL, API: api})
			run, err := client.Find(t.Context(), "load_sales", "dagtrigger__sales__5f3c")
			if err != nil {
				t.Fatal(err)
			}
			if run.RunID != "dagtrigger__sales__5f3c" || run.State != row.state || string(run.Conf) != row.conf {
				t.Errorf("got %+v with conf %s", run, run.Conf)
			}
		})
	}
}

func TestFindNothing(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		api   airflow.API
		line  string
		reply reply
		kind  airflow.Kind
	}{
		"v2": {airflow.V2, getV2,
			json(404, "{\"detail\":\"The DagRun with dag_id: `load_sales` and run_id: `dagtrigger__sales__5f3c` was not found\"}"),
			airflow.UnknownRun},
		"v1": {airflow.V1, getV1,
			problem(404, `{"detail":"DAGRun with DAG ID: 'load_sales' and DagRun ID: 'dagtrigger__sales__5f3c' not found","title":"DAGRun `+
				`not found"}`), airflow.UnknownRun},
		"experimental": {airflow.Experimental, listExperimental, json(200, `[]`), airflow.UnknownRun},
		"experimental, no such DAG": {airflow.Experimental, listExperimental, json(400, `{"error":"Dag id load_sales not found in DagModel"}`),
			airflow.UnknownDAG},
		"experimental, a 400":       {airflow.Experimental, listExperimental, html(400), airflow.Unexpected},
		"v2, a proxy's 404":         {airflow.V2, getV2, html(404), airflow.APIAbsent},
		"v2, another run":           {airflow.V2, getV2, json(200, `{"dag_id":"load_sales","dag_run_id":"x"}`), airflow.Unexpected},
		"experimental, no list":     {airflow.Experimental, listExperimental, json(200, `{}`), airflow.Unexpected},
		"experimental, a bad list":  {airflow.Experimental, listExperimental, json(200, `[7]`), airflow.Unexpected},
		"experimental, half a list": {airflow.Experimental, listExperimental, json(200, `[{"run_id":"x"}`), airflow.Unexpected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, script{row.line: row.reply})
			client := newClient(t, airflow.Config{URL: server.URL, API: row.api})
			_, err := client.Find(t.Context(), "load_sales", "dagtrigger__sales__5f3c")
			if e := asKind(t, err, row.kind); e.Hint == "" || e.InDoubt {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// Ids travel escaped, + and : too.
func TestIDsAreEscapedInPaths(t *testing.T) {
	t.Parallel()
	line := "GET /api/v2/dags/gr%C3%B6%C3%9Fe.v-1/dagRuns/manual__2026-11-22T09%3A30%3A00%2B00%3A00~x"
	server := serve(t, script{line: json(200, `{"dag_id":"größe.v-1","dag_run_id":"manual__2026-11-22T09:30:00+00:00~x"}`)})
	client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2})
	if _, err := client.Find(t.Context(), "größe.v-1", "manual__2026-11-22T09:30:00+00:00~x"); err != nil {
		t.Error(err)
	}
	if want := []string{line}; !slices.Equal(server.asked, want) {
		t.Errorf("got %v, want %v", server.asked, want)
	}
}
