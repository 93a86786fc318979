// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

// refusalRow is an answer to a Trigger and what becomes of it. said is the text
// of the Error up to its hint.
type refusalRow struct {
	name    string
	api     airflow.API
	reply   reply
	dated   bool // the run asks for a logical date
	kind    airflow.Kind
	said    string
	inDoubt bool
}

// sure is a refusal after which the run does not exist, or is known to.
func sure(name string, api airflow.API, r reply, kind airflow.Kind, said string) refusalRow {
	return refusalRow{name: name, api: api, reply: r, kind: kind, said: said}
}

// doubtful is a refusal after which only a look decides whether the run exists.
func doubtful(name string, api airflow.API, r reply, kind airflow.Kind, said string) refusalRow {
	return refusalRow{name: name, api: api, reply: r, kind: kind, said: said, inDoubt: true}
}

func (r refusalRow) withDate() refusalRow { r.dated = true; return r }

// The rows are the answers that Airflow's code gives; those said to be seen
// were given by real servers of the release named.
func refusals() []refusalRow {
	const v2, v1, exp = airflow.V2, airflow.V1, airflow.Experimental
	unique := `{"detail":{"reason":"Unique constraint violation","statement":"hidden","orig_error":"hidden","message":"Check logs, look for ` +
		`ID XXXX"}}`
	uniqueSaid := "409 application/json: Unique constraint violation: Check logs, look for ID XXXX"
	return []refusalRow{
		sure("v2: none or basic (3.3.2)", v2, json(401, `{"detail":"Not authenticated"}`), airflow.Unauthorized,
			"401 application/json: Not authenticated"),
		sure("v2: expired", v2, json(401, `{"detail":"Token Expired"}`), airflow.Unauthorized, "401 application/json: Token Expired"),
		sure("v2: wrong JWT (3.3.2)", v2, json(403, `{"detail":"Invalid JWT token"}`), airflow.Forbidden,
			"403 application/json: Invalid JWT token"),
		sure("v2: a viewer (3.3.2)", v2, json(403, `{"detail":"Forbidden"}`), airflow.Forbidden, "403 application/json: Forbidden"),
		sure("v2: unknown DAG (3.3.2)", v2, json(404, `{"detail":"Dag with dag_id: 'load_sales' not found"}`), airflow.UnknownDAG,
			"404 application/json: Dag with dag_id: 'load_sales' not found"),
		sure("v2: unknown DAG (3.0)", v2, json(404, `{"detail":"DAG with dag_id: 'load_sales' not found"}`), airflow.UnknownDAG,
			"404 application/json: DAG with dag_id: 'load_sales' not found"),
		sure("v2: not serialized", v2, json(404, "{\"detail\":\"The Dag with ID: `load_sales` was not found\"}"), airflow.UnknownDAG,
			"404 application/json: The Dag with ID: `load_sales` was not found"),
		sure("v2: gone between two queries", v2, json(404, `{"detail":"Unable to obtain dag with id load_sales from session"}`),
			airflow.UnknownDAG, "404 application/json: Unable to obtain dag with id load_sales from session"),
		sure("v2: import errors", v2, json(400, `{"detail":"Dag with dag_id: 'load_sales' has import errors and cannot be triggered"}`),
			airflow.BrokenDAG, "400 application/json: Dag with dag_id: 'load_sales' has import errors and cannot be triggered"),
		sure("v2: no manual runs (3.2)", v2, json(400, `{"detail":"Dag with dag_id: 'load_sales' does not allow manual runs"}`),
			airflow.Invalid, "400 application/json: Dag with dag_id: 'load_sales' does not allow manual runs"),
		sure("v2: Params", v2, json(400,
			`{"detail":"Invalid input for param size: 'big' is not of type 'integer'\n\nFailed validating 'type' in schema:\n    {'type': `+
				`'integer'}\n\nOn instance:\n    'big'"}`), airflow.Invalid,
			"400 application/json: Invalid input for param size: '…' is not of type 'integer'"),
		sure("v2: run id pattern", v2, json(400, `{"detail":"The run_id provided 'x' does not match regex pattern 'p' or 'q'"}`),
			airflow.Invalid, "400 application/json: The run_id provided '…' does not match regex pattern '…' or '…'"),
		sure("v2: missing field", v2,
			json(422, `{"detail":[{"type":"missing","loc":["body","logical_date"],"msg":"Field required","input":{"conf":{"region":"emea"}}},`+
				`{"type":"extra_forbidden","loc":["body","run_id"],"msg":"Extra inputs are not permitted","input":"x"}]}`), airflow.Invalid,
			"422 application/json: body.logical_date: Field required; body.run_id: Extra inputs are not permitted"),
		sure("v2: NUL (3.3.2, PostgreSQL)", v2,
			json(422, `{"detail":{"reason":"Value rejected by database","statement":"hidden","orig_error":"hidden","message":"look for `+
				`ID XXXX"}}`), airflow.Invalid, "422 application/json: Value rejected by database: look for ID XXXX"),
		sure("v2: the run id is taken (3.3.2)", v2, json(409, unique), airflow.RunExists, uniqueSaid),
		doubtful("v2: the run id or the date is taken", v2, json(409, unique), airflow.Conflict, uniqueSaid).withDate(),
		sure("v2: the run id is taken, not the date (3.0)", v2,
			json(409, `{"detail":{"reason":"Unique constraint violation","statement":"INSERT","orig_error":"duplicate key value violates unique `+
				`constraint \"dag_run_dag_id_run_id_key\""}}`), airflow.RunExists, "409 application/json: Unique constraint violation").withDate(),
		doubtful("v2: the date is taken (3.0)", v2,
			json(409, `{"detail":{"reason":"Unique constraint violation","statement":"INSERT","orig_error":"UNIQUE constraint failed: `+
				`dag_run.dag_id, dag_run.logical_date"}}`), airflow.Conflict, "409 application/json: Unique constraint violation").withDate(),
		doubtful("v1: another run id", v1,
			problem(409, `{"detail":"DAGRun with DAG ID: 'load_sales' and DAGRun ID: 'other' already exists","status":409,"title":"Conflict"}`),
			airflow.Conflict, "409 application/problem+json: Conflict: DAGRun with DAG ID: 'load_sales' and DAGRun ID: 'other' already exists"),
		doubtful("v2: a proxy's 409", v2, html(409), airflow.Unexpected, "409 text/html: something before Airflow answered"),
		doubtful("v2: another 409", v2, json(409, `{"detail":"Conflict"}`), airflow.Conflict, "409 application/json: Conflict"),
		sure("v2 on Airflow 2", v2, html(404), airflow.APIAbsent, "404 text/html"),
		sure("v2: a POST to no route", v2, json(405, `{"detail":"Method Not Allowed"}`), airflow.APIAbsent,
			"405 application/json: Method Not Allowed"),
		sure("v2: no route", v2, json(404, `{"error":"API route not found"}`), airflow.APIAbsent, "404 application/json: API route not found"),
		sure("v2: a proxy's JSON 404", v2, json(404, `{"message":"no Route matched with those values"}`), airflow.APIAbsent,
			"404 application/json: answered by Kong: no Route matched with those values"),
		sure("v2: a proxy that names the DAG's path", v2, json(404, `{"detail":"/api/v2/dags/load_sales/dagRuns not found"}`),
			airflow.APIAbsent, "404 application/json: /api/v2/dags/load_sales/dagRuns not found"),
		doubtful("v2: database error", v2,
			json(500, `{"detail":{"reason":"Database error","statement":"hidden","orig_error":"hidden","message":"look for ID XXXX"}}`),
			airflow.ServerFailure, "500 application/json: Database error: look for ID XXXX"),
		doubtful("v2: uvicorn's own", v2, answer(500, "text/plain; charset=utf-8", "Internal Server Error"), airflow.ServerFailure,
			"500 text/plain: Internal Server Error"),

		sure("v1: none, wrong, or no permission (2.11)", v1, problem(403, `{"detail":null,"status":403,"title":"Forbidden"}`),
			airflow.Forbidden, "403 application/problem+json: Forbidden"),
		sure("v1: Composer", v1, problem(401, `{"detail":null,"status":401,"title":"Unauthorized"}`).with("WWW-Authenticate", "Composer"),
			airflow.Unauthorized, "401 application/problem+json: Unauthorized"),
		sure("v1: unknown DAG", v1, problem(404, `{"detail":"DAG with dag_id: 'load_sales' not found","status":404,"title":"DAG not found"}`),
			airflow.UnknownDAG, "404 application/problem+json: DAG not found: DAG with dag_id: 'load_sales' not found"),
		sure("v1: no such path", v1,
			problem(404, `{"detail":"The requested URL was not found on the server.","status":404,"title":"Not Found"}`), airflow.APIAbsent,
			"404 application/problem+json: Not Found: The requested URL was not found on the server."),
		sure("v1 on Airflow 3", v1, json(405, `{"detail":"Method Not Allowed"}`), airflow.APIAbsent, "405 application/json: Method Not Allowed"),
		sure("v1 on 1.10", v1, html(404), airflow.APIAbsent, "404 text/html"),
		sure("v1: import errors", v1,
			problem(400, `{"detail":"DAG with dag_id: 'load_sales' has import errors","status":400,"title":"DAG cannot be triggered"}`),
			airflow.BrokenDAG, "400 application/problem+json: DAG cannot be triggered: DAG with dag_id: 'load_sales' has import errors"),
		sure("v1: Params (2.9.2)", v1,
			problem(400, `{"detail":"Invalid input for param size: 7 is too small","status":400,"title":"Bad Request"}`), airflow.Invalid,
			"400 application/problem+json: Bad Request: Invalid input for param size: … is too small"),
		doubtful("v1: Params before 2.9.2, a bad run id, a lost race", v1, html(500), airflow.ServerFailure, "500 text/html"),
		sure("v1: empty body", v1, problem(400, `{"detail":"Request body must not be empty","status":400,"title":"Bad Request"}`),
			airflow.Invalid, "400 application/problem+json: Bad Request: Request body must not be empty"),
		sure("v1: note before 2.5", v1, problem(400, `{"detail":"{'note': ['Unknown field.']}","status":400,"title":"Bad Request"}`),
			airflow.Invalid, "400 application/problem+json: Bad Request: {'note': ['Unknown field.']}"),
		sure("v1: media type", v1, problem(415, `{"detail":"Invalid Content-type","status":415,"title":"Unsupported Media Type"}`),
			airflow.Invalid, "415 application/problem+json: Unsupported Media Type: Invalid Content-type"),
		sure("v1: too large (2.11)", v1, html(413), airflow.TooLarge, "413 text/html"),
		sure("v1: the run id is taken", v1,
			problem(409, `{"detail":"DAGRun with DAG ID: 'load_sales' and DAGRun ID: 'dagtrigger__sales__5f3c' already exists","status":409,`+
				`"title":"Conflict"}`), airflow.RunExists,
			"409 application/problem+json: Conflict: DAGRun with DAG ID: 'load_sales' and DAGRun ID: 'dagtrigger__sales__5f3c' already exists"),
		doubtful("v1: the date is taken", v1,
			problem(409, `{"detail":"DAGRun with DAG ID: 'load_sales' and DAGRun logical date: '2026-11-22 10:30:00+00:00' already exists",`+
				`"status":409,"title":"Conflict"}`), airflow.Conflict,
			"409 application/problem+json: Conflict: DAGRun with DAG ID: 'load_sales' and DAGRun logical date: '…' already exists"),

		sure("experimental: denied (2.11)", exp, answer(401, "text/html", "Unauthorized"), airflow.Unauthorized, "401 text/html"),
		sure("experimental: denied (1.10.11)", exp, answer(403, "text/html", "Forbidden"), airflow.Forbidden, "403 text/html"),
		sure("experimental: unknown DAG", exp, json(404, `{"error":"Dag id load_sales not found in DagModel"}`), airflow.UnknownDAG,
			"404 application/json: Dag id load_sales not found in DagModel"),
		sure("experimental: off (2.x)", exp, html(404), airflow.APIAbsent, "404 text/html"),
		sure("experimental on Airflow 3", exp, json(405, `{"detail":"Method Not Allowed"}`), airflow.APIAbsent,
			"405 application/json: Method Not Allowed"),
		doubtful("experimental: duplicate (1.10)", exp,
			json(400, `{"error":"Run id dagtrigger__sales__5f3c already exists for dag id load_sales"}`), airflow.Conflict,
			"400 application/json: Run id dagtrigger__sales__5f3c already exists for dag id load_sales"),
		doubtful("experimental: duplicate (2.x)", exp,
			json(400, `{"error":"A DAG Run already exists for DAG load_sales at 2026-11-22T09:30:00+00:00 with run id dagtrigger__sales__5f3c"}`),
			airflow.Conflict, "400 application/json: A DAG Run already exists for DAG load_sales at … with run id dagtrigger__sales__5f3c"),
		sure("experimental: conf", exp, json(400, `{"error":"Dag Run conf must be a dictionary object, other types are not supported"}`),
			airflow.Invalid, "400 application/json: Dag Run conf must be a dictionary object, other types are not supported"),
		sure("experimental: no JSON", exp, html(400), airflow.Unexpected, "400 text/html: something before Airflow answered"),
		sure("experimental: Params (2.x)", exp, json(500, `{"error":"Invalid input for param size: None is not of type 'integer'"}`),
			airflow.Invalid, "500 application/json: Invalid input for param size: None is not of type 'integer'"),
		sure("experimental: bad run id (2.6.3)", exp,
			json(500, `{"error":"The provided run ID 'x' is invalid. It does not match either the configured pattern: 'p' or the built-in `+
				`pattern: 'q'"}`), airflow.Invalid,
			"500 application/json: The provided run ID '…' is invalid. It does not match either the configured pattern: '…' or the built-in "+
				"pattern: '…'"),
		doubtful("experimental: any other exception", exp, json(500, `{"error":"The database is away"}`), airflow.ServerFailure,
			"500 application/json: The database is away"),
		doubtful("experimental: lost race, clash of dates (1.10)", exp, html(500), airflow.ServerFailure, "500 text/html"),

		sure("throttled", v2, answer(429, "text/plain", "slow down"), airflow.Throttled, "429 text/plain: slow down"),
		sure("too early", v2, answer(425, "text/plain", ""), airflow.Throttled, "425 text/plain"),
		doubtful("request timeout", v2, answer(408, "text/plain", ""), airflow.Timeout, "408 text/plain"),
		doubtful("bad gateway", v2, html(502), airflow.ServerFailure, "502 text/html"),
		doubtful("unavailable", v2, html(503), airflow.ServerFailure, "503 text/html"),
		doubtful("gateway timeout", v2, html(504), airflow.ServerFailure, "504 text/html"),
		doubtful("a status that Airflow does not send", v2, html(418), airflow.Unexpected, "418 text/html: something before Airflow answered"),
		sure("no media type", v1, reply{status: 403, body: "no"}.plain(), airflow.Forbidden, "403 without media type: no"),
		sure("a malformed media type", v1, answer(403, "<b>text</b>", "no"), airflow.Forbidden, "403 without media type: no"),
		sure("HTML within JSON", v2, json(400, `{"detail":"<!DOCTYPE html><html>no</html>"}`), airflow.Invalid, "400 application/json"),
		sure("JSON of another shape", v2, json(400, `{"detail":{"reason":7},"title":["x"],"error":{}}`), airflow.Unexpected,
			"400 application/json: something before Airflow answered"),
		sure("words over several lines", v2, json(400, `{"detail":" some\r\n\tlines\u0000 "}`), airflow.Invalid,
			"400 application/json: some lines"),
		sure("a redirect to a login page", v2,
			html(302).with("Location", "https://accounts.google.com/o/oauth2/v2/auth?client_id=1-x.apps.googleusercontent.com&state=s3cr3t"),
			airflow.LoginRedirect, "302 text/html: redirect to accounts.google.com"),
		sure("a redirect within the host", v1, html(307).with("Location", "/login/?next=s3cr3t"), airflow.LoginRedirect,
			"307 text/html: redirect to the same host"),
		sure("a redirect to nowhere", v1, html(302).with("Location", "http://%zz"), airflow.LoginRedirect,
			"302 text/html: redirect to an address that cannot be read"),
	}
}

// plain takes the header away that net/http would guess.
func (r reply) plain() reply {
	r.header = map[string][]string{"Content-Type": nil}
	return r
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, row := range refusals() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, script{post(row.api): row.reply})
			client := newClient(t, airflow.Config{URL: server.URL, API: row.api})
			run := sales()
			if row.dated {
				run.LogicalDate = logicalDate
			}
			_, err := client.Trigger(t.Context(), run)
			e := asKind(t, err, row.kind)
			if e.InDoubt != row.inDoubt {
				t.Errorf("InDoubt is %v, want %v", e.InDoubt, row.inDoubt)
			}
			if got := strings.TrimSuffix(strings.TrimSuffix(e.Error(), e.Hint), "; "); strings.TrimSuffix(got, ": ") != row.said {
				t.Errorf("before its hint the error says\n\t%s\nwant\n\t%s", got, row.said)
			}
			if e.Hint == "" {
				t.Error("the error does not say what to do")
			}
			if e.API != row.api || e.Status != row.reply.status {
				t.Errorf("got API %s and status %d", e.API, e.Status)
			}
			if server.requests() != post(row.api) {
				t.Errorf("got requests\n%s\nwant the one POST", server.requests())
			}
		})
	}
}

func TestErrorReadsAsOneLine(t *testing.T) {
	t.Parallel()
	server := serve(t, script{postV1: problem(404, `{"detail":"DAG with dag_id: 'load_sales' not found","title":"DAG not found"}`)})
	client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V1})
	_, err := client.Trigger(t.Context(), sales())
	want := "404 application/problem+json: DAG not found: DAG with dag_id: 'load_sales' not found; " +
		"Airflow does not know the DAG: misspelt, not parsed yet, or deactivated: check the DAG id, that its file is in the DAGs " +
		"folder, and Airflow's import errors"
	if err.Error() != want {
		t.Errorf("got\n\t%s\nwant\n\t%s", err, want)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"soon":                          0,
		"999999999":                     24 * time.Hour,
		"Sun, 22 Nov 2026 10:00:30 GMT": 30 * time.Second,
		"Sun, 22 Nov 2026 09:00:00 GMT": 0,
		"Mon, 22 Nov 2027 10:00:00 GMT": 24 * time.Hour,
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			server := serve(t, script{postV2: html(429).with("Retry-After", header)})
			client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2, Now: func() time.Time { return now }})
			_, err := client.Trigger(t.Context(), sales())
			if e := asKind(t, err, airflow.Throttled); e.RetryAfter != want {
				t.Errorf("got %v, want %v", e.RetryAfter, want)
			}
		})
	}
}

// A question holds nothing of an event: no refusal of one is the event's fault.
func TestRefusedReadIsNeverInvalid(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 409, 413, 415, 422} {
		server := serve(t, script{getV2: json(status, `{"detail":"no"}`)})
		client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2})
		_, err := client.Find(t.Context(), "load_sales", "dagtrigger__sales__5f3c")
		if e := asKind(t, err, airflow.Unexpected); e.InDoubt {
			t.Error("a question leaves no run in doubt")
		}
	}
}

// Airflow repeats a parameter's value in full; its refusal stays one.
func TestLongRefusalIsReadUpToItsLimit(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, body, said string
		kind             airflow.Kind
	}{
		{"v1", `{"detail":"Invalid input for param size: '` + strings.Repeat("x", 1<<20) + `'","status":400,"title":"Bad Request"}`,
			"Invalid input for param size: '…", airflow.Invalid},
		{"a proxy's", `{"message":"` + strings.Repeat("x", 1<<20) + `"}`, "something before Airflow answered", airflow.Unexpected},
	} {
		server := serve(t, script{postV1: problem(400, row.body)})
		client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V1})
		_, err := client.Trigger(t.Context(), sales())
		if e := asKind(t, err, row.kind); e.Said != row.said {
			t.Errorf("%s: quoted %q", row.name, e.Said)
		}
	}
}

func TestQuotedTextHasAtMost500Characters(t *testing.T) {
	t.Parallel()
	server := serve(t, script{postV1: problem(400, `{"title":"Bad Request","detail":"`+strings.Repeat("word ", 800)+`"}`)})
	client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V1})
	_, err := client.Trigger(t.Context(), sales())
	e := asKind(t, err, airflow.Invalid)
	if n := len([]rune(e.Said)); n != airflow.MaxSaid || !strings.HasSuffix(e.Said, "…") {
		t.Errorf("got %d characters, want %d with an ellipsis", n, airflow.MaxSaid)
	}
}

func TestTimeoutBoundsEachCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Transport: silent{}})
		start := time.Now()
		_, err := client.Trigger(t.Context(), sales())
		e := asKind(t, err, airflow.Timeout)
		if took := time.Since(start); took != airflow.DefaultTimeout {
			t.Errorf("gave up after %v, want %v", took, airflow.DefaultTimeout)
		}
		if !e.InDoubt || e.Status != 0 ||
			!strings.HasPrefix(e.Error(), "timeout: no answer: context deadline exceeded; the web server is overloaded") {
			t.Errorf("got %v", e)
		}
	})
}
