// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package airflowreal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/real/realtest"
)

// caller posts to a real Airflow as one of its users.
type caller struct {
	*airflowreal.Airflow
	user airflowreal.User
}

// post starts a run, and returns the answer's status and body.
func (c caller) post(t *testing.T, dag string, fields map[string]any) (int, string) {
	t.Helper()
	path := "/api/v1/dags/"
	if strings.HasPrefix(c.Version, "3.") {
		path, fields["logical_date"] = "/api/v2/dags/", nil
	}
	return c.request(t, http.MethodPost, path+dag+"/dagRuns", fields)
}

func (c caller) request(t *testing.T, method, path string, fields map[string]any) (int, string) {
	t.Helper()
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	c.authorize(t, req)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func (c caller) authorize(t *testing.T, req *http.Request) {
	t.Helper()
	if !strings.HasPrefix(c.Version, "3.") {
		req.SetBasicAuth(c.user.Name, c.user.Password)
		return
	}
	token, err := c.Token(t.Context(), c.user)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
}

// want fails the test where an answer is not as it should be.
func want(t *testing.T, what string, status int, body string, wantStatus int, wantInBody string) {
	t.Helper()
	if status != wantStatus || !strings.Contains(body, wantInBody) {
		t.Errorf("%s: %d %s\nwant %d with %s", what, status, body, wantStatus, wantInBody)
	}
}

// forEachVersion runs a test on every version, one after the other: each has both cores to itself.
func forEachVersion(t *testing.T, o airflowreal.Options, test func(t *testing.T, a *airflowreal.Airflow)) {
	realtest.Need(t)
	for _, version := range realtest.Versions() {
		t.Run(version, func(t *testing.T) {
			o.Version = version
			begin := time.Now()
			a := realtest.Start(t, o)
			t.Logf("on %s, started in %.1f s", a.Database, time.Since(begin).Seconds())
			test(t, a)
		})
	}
}

// taskBound is how long a run may take from its start to its file. It bounds hangs.
const taskBound = 3 * time.Minute

func TestRunSucceedsAndItsConfIsRead(t *testing.T) {
	forEachVersion(t, airflowreal.Options{Scheduler: true}, func(t *testing.T, a *airflowreal.Airflow) {
		testARun(t, a)
		addresses := airflowreal.Listening(t)
		if len(addresses) < 2 {
			t.Errorf("it listens on %q alone", addresses)
		}
		for _, address := range addresses {
			if !strings.HasPrefix(address, "127.0.0.1:") {
				t.Errorf("it listens on %s", address)
			}
		}
	})
}

// testARun starts a run, and reads what its task saw.
func testARun(t *testing.T, a *airflowreal.Airflow) {
	t.Helper()
	status, body := caller{a, a.Admin}.post(t, airflowreal.RecordDAG, map[string]any{
		"dag_run_id": "one", "conf": map[string]any{"uri": "gs://acme/ü.csv", "size": json.Number("9007199254740993")},
	})
	want(t, "a run", status, body, 200, `"one"`)
	ctx, cancel := context.WithTimeout(t.Context(), taskBound)
	defer cancel()
	conf, err := a.Conf(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		URI  string
		Size json.Number
	}
	if err := json.Unmarshal(conf, &read); err != nil || read.URI != "gs://acme/ü.csv" || read.Size != "9007199254740993" {
		t.Errorf("the task saw %s, %v", conf, err)
	}
}

// TestRunSucceedsOnSQLite is for the version that treats SQLite apart, of those that there are.
func TestRunSucceedsOnSQLite(t *testing.T) {
	realtest.Need(t)
	a := realtest.Start(t, airflowreal.Options{Version: airflowreal.Versions()[0], Scheduler: true, Database: airflowreal.SQLite})
	if a.Database != "SQLite" {
		t.Errorf("it runs on %s", a.Database)
	}
	testARun(t, a)
}

func TestDAGsUsersAndSettings(t *testing.T) {
	forEachVersion(t, airflowreal.Options{}, func(t *testing.T, a *airflowreal.Airflow) {
		admin, viewer := caller{a, a.Admin}, caller{a, a.Viewer}
		for _, row := range []struct {
			who    caller
			dag    string
			conf   map[string]any
			status int
			body   string
		}{
			{admin, airflowreal.PlainDAG, nil, 200, `"queued"`},
			{admin, airflowreal.PausedDAG, nil, 200, `"queued"`},
			{admin, airflowreal.TypedDAG, map[string]any{"region": "us", "rows": 7}, 200, `"queued"`},
			{admin, airflowreal.TypedDAG, map[string]any{"rows": -1}, 400, "rows"},
			{admin, airflowreal.RetiredDAG, nil, 404, "not found"},
			{admin, airflowreal.OnAssetDAG, nil, 200, `"queued"`},
			{admin, airflowreal.MakeAssetDAG, nil, 200, `"queued"`},
			{admin, "nope", nil, 404, "not found"},
			{viewer, airflowreal.PlainDAG, nil, 403, "Forbidden"},
		} {
			fields := map[string]any{}
			if row.conf != nil {
				fields["conf"] = row.conf
			}
			status, body := row.who.post(t, row.dag, fields)
			want(t, fmt.Sprintf("%s starts %s with %v", row.who.user.Name, row.dag, row.conf), status, body, row.status, row.body)
		}
		testOddDAGs(t, admin)
		testOtherSettings(t, admin)
	})
}

// testOddDAGs looks at what differs by the major version.
func testOddDAGs(t *testing.T, admin caller) {
	t.Helper()
	status, body := admin.post(t, airflowreal.BrokenDAG, map[string]any{})
	assets, api := "/assets", "/api/v2"
	if strings.HasPrefix(admin.Version, "3.") {
		want(t, "a broken DAG is stale as well", status, body, 404, "not found")
	} else {
		want(t, "a broken DAG", status, body, 400, "has import errors")
		assets, api = "/datasets", "/api/v1"
	}
	status, body = admin.request(t, http.MethodGet, api+"/importErrors", nil)
	want(t, "import errors", status, body, 200, "a_name_that_is_not_there")
	want(t, "import errors, of the broken DAG alone", status, strings.ReplaceAll(body, " ", ""), 200, `"total_entries":1`)
	status, body = admin.request(t, http.MethodGet, api+"/dags/"+airflowreal.PausedDAG, nil)
	want(t, "the paused DAG", status, strings.ReplaceAll(body, " ", ""), 200, `"is_paused":true`)
	status, body = admin.request(t, http.MethodGet, api+assets, nil)
	want(t, "the asset", status, strings.ReplaceAll(body, " ", ""), 200, `"uri":"`+airflowreal.AssetURI+`"`)
}

// testOtherSettings kills the web server, and starts it again where an admin may no longer trigger.
func testOtherSettings(t *testing.T, admin caller) {
	t.Helper()
	other := map[string]string{"API__AUTH_BACKENDS": "airflow.api.auth.backend.deny_all"}
	if strings.HasPrefix(admin.Version, "3.") {
		other = map[string]string{"CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:viewer"}
	}
	if err := admin.KillWebServer(); err != nil {
		t.Fatal(err)
	}
	anyone := caller{&airflowreal.Airflow{URL: admin.URL}, admin.user} // needs no token
	if status, body := anyone.request(t, http.MethodGet, "/", nil); status != 0 {
		t.Errorf("killed, it answers %d %s", status, body)
	}
	begin := time.Now()
	if err := admin.RestartWebServer(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	t.Logf("started again in %.1f s", time.Since(begin).Seconds())
	status, body := admin.post(t, airflowreal.PlainDAG, map[string]any{})
	want(t, "a run under other settings", status, body, 403, "Forbidden")
}

func TestKilledProgramLeavesNoAirflow(t *testing.T) {
	realtest.Need(t)
	for _, version := range realtest.Versions() {
		t.Run(version, func(t *testing.T) {
			// PostgreSQL, scheduler, web server and their supervisors; and what those start.
			airflowreal.KillChild(t, version, syscall.SIGKILL, 7)
		})
	}
}
