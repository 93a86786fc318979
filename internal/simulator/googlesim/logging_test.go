// SPDX-License-Identifier: Apache-2.0

package googlesim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/simulator/googlesim"
)

const listPath = "POST /v2/entries:list"

// newLogging has three entries of the project acme, 1 to 3, in another order.
func newLogging(t *testing.T, unknown func(*http.Request)) *googlesim.Logging {
	t.Helper()
	l := googlesim.NewLogging(unknown)
	for _, entry := range []string{
		`{"insertId":"2","timestamp":"2026-11-30T10:02:00Z","severity":"WARNING","resource":{"type":"cloud_run_revision","labels":` +
			`{"service_name":"trigger"}},"jsonPayload":{"outcome":"deferred","route":"a"}}`,
		`{"insertId":"3","timestamp":"2026-11-30T10:03:00Z","severity":"ERROR","textPayload":"boom"}`,
		`{"insertId":"1","timestamp":"2026-11-30T10:01:00Z","jsonPayload":{"outcome":"triggered","route":"B \"b\"","count":2,` +
			`"examples":[{"event_id":"7"},{"event_id":"8"}]}}`,
	} {
		if err := l.Add("acme", entry); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// list returns the ids of the entries that a request body selects, or the status.
func list(h http.Handler, body string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v2/entries:list", strings.NewReader(body)))
	var page struct {
		Entries       []struct{ InsertID string }
		NextPageToken string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
		return http.StatusText(w.Code)
	}
	text := ""
	for _, e := range page.Entries {
		text += e.InsertID
	}
	if page.NextPageToken != "" {
		text += " next " + page.NextPageToken
	}
	return text
}

func TestLoggingSelectsByTheQueryLanguage(t *testing.T) {
	t.Parallel()
	l := newLogging(t, unknown(t))
	for _, row := range []struct{ filter, want string }{
		{``, "123"},
		{`jsonPayload.outcome:*`, "12"},
		{`NOT jsonPayload.outcome:*`, "3"},
		{`jsonPayload.route="A"`, "2"}, // case does not matter
		{`jsonPayload.route="b \"B\""`, "1"},
		{`jsonPayload.route!="a"`, "1"}, // an entry without the field does not match
		{`jsonPayload.count="2"`, "1"},
		{`jsonPayload.examples.event_id="8"`, "1"}, // of any element of a list
		{`jsonPayload.examples.event_id="9"`, ""},
		{`timestamp>="2026-11-30T11:02:00+01:00"`, "23"},
		{`timestamp>"2026-11-30T10:01:00Z" timestamp<"2026-11-30T10:03:00Z"`, "2"},
		{`severity>="WARNING"`, "23"},
		{`severity<"INFO"`, "1"},
		{`resource.type="cloud_run_revision" AND resource.labels.service_name="trigger"`, "2"},
		{`insertId="1" OR insertId="2" AND insertId="2" OR insertId="3"`, "2"}, // OR binds more tightly
		{`(insertId="1" AND jsonPayload.outcome:*) OR insertId="3"`, "13"},
	} {
		if got := list(l, fmt.Sprintf(`{"resourceNames":["projects/acme"],"filter":%q}`, row.filter)); got != row.want {
			t.Errorf("%s selects %q, want %q", row.filter, got, row.want)
		}
	}
}

func TestLoggingPages(t *testing.T) {
	t.Parallel()
	l := newLogging(t, unknown(t))
	for _, row := range []struct{ body, want string }{
		{`{"resourceNames":["projects/acme"],"orderBy":"timestamp desc"}`, "321"},
		{`{"resourceNames":["projects/acme"],"pageSize":2}`, "12 next 2"},
		{`{"resourceNames":["projects/acme"],"pageSize":2,"pageToken":"2"}`, "3"},
		{`{"resourceNames":["projects/other"]}`, ""},
		{`{"resourceNames":["projects/acme"],"orderBy":"severity"}`, "Bad Request"},
		{`{"resourceNames":["projects/acme"],"pageSize":-1}`, "Bad Request"},
		{`{"resourceNames":[]}`, "Bad Request"},
	} {
		if got := list(l, row.body); got != row.want {
			t.Errorf("%s: %q, want %q", row.body, got, row.want)
		}
	}
	l.EmptyPages = true
	if got := list(l, `{"resourceNames":["projects/acme"]}`); got != " next 0+" {
		t.Errorf("got %q, want an empty page", got)
	}
	if got := list(l, `{"resourceNames":["projects/acme"],"pageToken":"0+"}`); got != "123" {
		t.Errorf("got %q after the empty page", got)
	}
}

func TestLoggingReportsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	got := 0
	l := newLogging(t, func(*http.Request) { got++ })
	for _, body := range []string{
		`{"resourceNames":["projects/acme"],"filter":"boom"}`,
		`{"resourceNames":["projects/acme"],"filter":"textPayload=~\"b\""}`,
		`{"resourceNames":["projects/acme"],"filter":"jsonPayload.a.b=\"x\""}`,
		`{"resourceNames":["projects/acme"],"filter":"jsonPayload.route>\"x\""}`,
		`{"resourceNames":["projects/acme"],"filter":"severity=\"LOUD\""}`,
		`{"resourceNames":["projects/acme"],"filter":"timestamp>\"today\""}`,
		`{"resourceNames":["projects/acme"],"filter":"(insertId=\"1\""}`,
		`{"resourceNames":["projects/acme"],"filter":"insertId=\"1\")"}`,
		`{"resourceNames":["projects/acme"],"filter":"insertId=1"}`,
		`{"resourceNames":["projects/acme"],"view":"x"}`,
	} {
		got = 0
		if answer := list(l, body); got != 1 || answer == "123" {
			t.Errorf("%s: reported %d times, %s", body, got, answer)
		}
	}
	got = 0
	check(t, l, exchange{"another method", "GET /v2/entries:list", "", 404,
		`{"error":{"code":404,"message":"googlesim has no answer to this","status":"NOT_FOUND"}}`})
	if got != 1 {
		t.Errorf("an unknown route was reported %d times", got)
	}
}

func TestLoggingTakesLinesOfAService(t *testing.T) {
	t.Parallel()
	l := googlesim.NewLogging(unknown(t))
	l.Project, l.Service = "acme", "trigger"
	for _, part := range []string{
		`{"time":"2026-11-30T10:00:00Z","severity":"INFO","message":"event triggered","outcome":"tri`, "ggered\"}\nplain\n",
	} {
		if _, err := l.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	check(t, l, exchange{"a line", listPath, `{"resourceNames":["projects/acme"],"filter":"severity=\"INFO\""}`, 200,
		`{"entries":[{"insertId":"1","jsonPayload":{"message":"event triggered","outcome":"triggered"},` +
			`"logName":"projects/acme/logs/run.googleapis.com%2Fstderr","resource":{"labels":{"project_id":"acme",` +
			`"revision_name":"trigger-00001-abc","service_name":"trigger"},"type":"cloud_run_revision"},"severity":"INFO",` +
			`"timestamp":"2026-11-30T10:00:00Z"}]}`})
}

func TestLoggingNeedsARole(t *testing.T) {
	t.Parallel()
	g := googlesim.New(googlesim.Config{
		Accounts: []googlesim.Account{{Email: robot, Roles: []string{"roles/logging.viewer"}}, {Email: guest}},
		Logging:  newLogging(t, unknown(t)), Unknown: unknown(t),
	})
	for _, row := range []struct{ email, want string }{
		{robot, "Bad Request"}, // no body
		{guest, `Forbidden {"error":{"code":403,"details"`},
	} {
		got := send(g, http.MethodPost, "logging.googleapis.com/v2/entries:list", "Bearer "+g.AccessToken(row.email))
		if !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: %s, want %s", row.email, got, row.want)
		}
	}
}
