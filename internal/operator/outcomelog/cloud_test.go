// SPDX-License-Identifier: Apache-2.0

package outcomelog_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/rest"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

var start = time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)

// cloud is a Cloud Logging with n outcomes of route r, a minute apart, their numbers being
// their event ids, each followed by a line that is of no event.
func cloud(t *testing.T, n int) (*outcomelog.Cloud, *googlesim.Logging) {
	t.Helper()
	l := googlesim.NewLogging(func(r *http.Request) { t.Errorf("unknown request %s %s", r.Method, r.URL) })
	for i := range n {
		at := start.Add(time.Duration(i) * time.Minute).Format(time.RFC3339)
		for _, entry := range []string{
			fmt.Sprintf(`{"insertId":"i%d","timestamp":%q,"severity":"INFO","resource":{"type":"cloud_run_revision","labels":`+
				`{"service_name":"trigger","revision_name":"trigger-2"}},"jsonPayload":{"outcome":"triggered","route":"r","event_id":"%d",`+
				`"age_seconds":1.5}}`, i, at, i),
			fmt.Sprintf(`{"timestamp":%q,"jsonPayload":{"message":"starting"}}`, at),
			fmt.Sprintf(`{"timestamp":%q,"jsonPayload":{"outcome":7}}`, at),
		} {
			if err := l.Add("acme", entry); err != nil {
				t.Fatal(err)
			}
		}
	}
	client := &rest.Client{HTTP: &http.Client{Transport: l}, Root: outcomelog.CloudLogging}
	return &outcomelog.Cloud{Client: client, Project: "acme"}, l
}

// ids are the events of the lines that a query reads.
func ids(t *testing.T, c *outcomelog.Cloud, q outcomelog.Query) string {
	t.Helper()
	var read []string
	more, err := c.Read(t.Context(), q, func(l *outcomelog.Line) bool {
		read = append(read, l.EventID)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if more {
		read = append(read, "more")
	}
	return strings.Join(read, " ")
}

func TestCloudReadsWhatTheQuerySelects(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		q    outcomelog.Query
		want string
	}{
		{"all", outcomelog.Query{}, "0 1 2 3 4"},
		{"the newest first", outcomelog.Query{Newest: true}, "4 3 2 1 0"},
		{"at most so many", outcomelog.Query{Newest: true, Max: 3}, "4 3 2 more"},
		{"a service", outcomelog.Query{Filter: outcomelog.Filter{Service: "trigger"}}, "0 1 2 3 4"},
		{"another service", outcomelog.Query{Filter: outcomelog.Filter{Service: "other"}}, ""},
		{"a time", outcomelog.Query{Filter: outcomelog.Filter{Since: start.Add(time.Minute), Until: start.Add(3 * time.Minute)}}, "1 2"},
		{"an outcome", outcomelog.Query{Filter: outcomelog.Filter{Outcomes: []string{"deferred", "unmatched"}}}, ""},
		{"a route, and shadows", outcomelog.Query{Filter: outcomelog.Filter{Routes: []string{"q", "r"}, Shadows: true}}, "0 1 2 3 4"},
		{"any of two events", outcomelog.Query{Filter: outcomelog.Filter{Any: []outcomelog.Match{
			{"event_id": "3"}, {"event_id": "1", "route": "r"}, {"event_id": "2", "route": `"`}}}}, "1 3"},
	} {
		for _, paged := range []bool{false, true} {
			c, l := cloud(t, 5)
			if paged {
				l.PageSize, l.EmptyPages = 2, true
			}
			if got := ids(t, c, row.q); got != row.want {
				t.Errorf("%s, paged %t: %q, want %q", row.name, paged, got, row.want)
			}
		}
	}
}

func TestCloudTakesWhatLoggingMovedOutOfTheLine(t *testing.T) {
	t.Parallel()
	c, _ := cloud(t, 1)
	if _, err := c.Read(t.Context(), outcomelog.Query{}, func(l *outcomelog.Line) bool {
		got := fmt.Sprint(l.At().Format(time.RFC3339), l.Severity, l.InsertID, l.Revision, l.AgeSeconds)
		if want := fmt.Sprint("2026-11-30T10:00:00Z", "INFO", "i0", "trigger-2", 1.5); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		return false
	}); err != nil {
		t.Error(err)
	}
}

func TestCloudReadsABoundedNumberOfPages(t *testing.T) {
	t.Parallel()
	c, l := cloud(t, 0)
	l.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write([]byte(`{"nextPageToken":"again"}`))
		return true
	})
	if got := ids(t, c, outcomelog.Query{}); got != "more" || len(l.Requests()) != 100 {
		t.Errorf("read %q with %d requests, want 100", got, len(l.Requests()))
	}
}

func TestFilterIsWrittenInTheQueryLanguage(t *testing.T) {
	t.Parallel()
	f := outcomelog.Filter{
		Service: "trigger", Since: start, Until: start.Add(time.Hour), Outcomes: []string{"deferred", "rejected"}, Routes: []string{"r"},
		Any: []outcomelog.Match{{"event_id": "a\"\\\n\u00e9"}, {"event_source": "//s", "event_subject": "objects/it's"}},
	}
	const want = `resource.type="cloud_run_revision"
resource.labels.service_name="trigger"
timestamp>="2026-11-30T10:00:00Z"
timestamp<"2026-11-30T11:00:00Z"
(jsonPayload.outcome="deferred" OR jsonPayload.outcome="rejected")
jsonPayload.route="r"
(jsonPayload.event_id="a\"\\\u000a` + "\u00e9" + `" OR (jsonPayload.event_source="//s" AND jsonPayload.event_subject="objects/it's"))`
	if f.String() != want {
		t.Errorf("got\n%s\nwant\n%s", f, want)
	}
	c := outcomelog.Cloud{}
	const command = `gcloud logging read 'jsonPayload.outcome:* AND jsonPayload.event_id="it'\''s"' ` +
		"--project=PROJECT --format=json --freshness=30d"
	if got := c.Command(outcomelog.Filter{Any: []outcomelog.Match{{"event_id": "it's"}}}); got != command {
		t.Errorf("got\n%s\nwant\n%s", got, command)
	}
	c.Project = "acme"
	const explorer = "https://console.cloud.google.com/logs/query;query=jsonPayload.outcome:%2A%0AjsonPayload.route=%22r%22?project=acme"
	if got := c.Explorer(outcomelog.Filter{Routes: []string{"r"}}); got != explorer {
		t.Errorf("got\n%s\nwant\n%s", got, explorer)
	}
}

func TestCloudErrorsNameTheFix(t *testing.T) {
	t.Parallel()
	const command = `gcloud logging read 'jsonPayload.outcome:*' --project=acme --format=json --freshness=30d`
	const project = "reading the log of the project acme: "
	for _, row := range []struct {
		status           int
		body, role, want string
	}{
		{status: 403, body: `{"error":{"code":403,"message":"Permission denied for all log views"}}`, role: "roles/logging.viewer",
			want: project + "403 Forbidden: Permission denied for all log views; give this account the role: gcloud projects " +
				"add-iam-policy-binding acme --member=user:EMAIL --role=roles/logging.viewer --condition=None"},
		{status: 403, body: `{"error":{"code":403,"message":"off","details":[{"reason":"SERVICE_DISABLED"}]}}`,
			want: project + "403 Forbidden: off; enable the API: gcloud services enable logging.googleapis.com --project=acme"},
		{status: 404, body: `{"error":{"code":404,"message":"none"}}`, want: project + "404 Not Found: none; name a project that is there"},
		{status: 200, body: `<html>`, want: project + rest.ErrNotGoogle.Error()},
	} {
		c, l := cloud(t, 1)
		l.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(row.status)
			_, _ = w.Write([]byte(row.body))
			return true
		})
		_, err := c.Read(t.Context(), outcomelog.Query{}, func(*outcomelog.Line) bool { return true })
		e, ok := errors.AsType[*outcomelog.Error](err)
		if !ok || e.Error() != row.want || e.Role != row.role || e.Command != command {
			t.Errorf("%v\nrole %q, command %s, want\n%s", err, e.Role, e.Command, row.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, _ := cloud(t, 1)
	if _, err := c.Read(ctx, outcomelog.Query{}, func(*outcomelog.Line) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}
