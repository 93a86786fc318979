// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

func TestOutcomeIsOneLine(t *testing.T) {
	t.Parallel()
	const source = "//storage.googleapis.com/projects/_/buckets/acme"
	for _, row := range []struct {
		line outcomelog.Line
		want string
	}{
		{outcomelog.Line{Outcome: "triggered", Route: "r", DAG: "d", RunID: "id", Environment: "default", EventID: "7", Reason: "created"},
			"triggered      7  route r, DAG d, run id"},
		{outcomelog.Line{Outcome: "duplicate", Route: "r", Asset: "a", Environment: "prod", EventID: "7", Source: source, Subject: "objects/o"},
			"duplicate      gs://acme/o  route r, asset a, environment prod"},
		{outcomelog.Line{Outcome: "dead_lettered", Route: "r", EventID: "7", Reason: "400"}, "dead_lettered  7  route r  400"},
		{outcomelog.Line{Outcome: "deferred", Route: "r", Count: 30, Reason: "busy"}, "deferred       30 events  route r  busy"},
		{outcomelog.Line{Outcome: "unmatched", Count: 2, Examples: []outcomelog.Example{{EventID: "1"}, {EventID: "2"}}, Reason: "none"},
			"unmatched      2 events, the first 1, 2  none"},
	} {
		if got := tailText(painter{}, time.Now(), &row.line); got != "--------  "+row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
	const colored = "~[2m--------~[0m  ~[33mdeferred     ~[0m  ~[1m7~[0m  ~[2mbusy~[0m"
	if got := tailText(painter{"~"}, time.Now(), &outcomelog.Line{Outcome: "deferred", EventID: "7", Reason: "busy"}); got != colored {
		t.Errorf("got %s, want %s", got, colored)
	}
	when := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	for age, layout := range map[time.Duration]string{time.Hour: time.TimeOnly, 25 * time.Hour: time.DateTime} {
		got := tailText(painter{}, when.Add(age), &outcomelog.Line{Time: "2026-11-30T10:00:00Z", Outcome: "deferred", EventID: "7"})
		if want := when.Local().Format(layout) + "  deferred       7"; got != want {
			t.Errorf("after %s: got %s, want %s", age, got, want)
		}
	}
}

// tailing runs "dagtrigger tail" until it has printed a text, then ends it as Ctrl-C does.
func tailing(t *testing.T, settings map[string]string, text string, args ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, ended := newOutput(), make(chan int, 1)
	go func() { ended <- run(ctx, append([]string{"tail"}, args...), set(settings), nil, out, out) }()
	if text != "" {
		out.after(t, text, ended)
		cancel()
	}
	return <-ended, out.String()
}

func TestTailFollowsCloudLogging(t *testing.T) {
	t.Parallel()
	log := googlesim.NewLogging(func(r *http.Request) { t.Errorf("unknown request %s %s", r.Method, r.URL) })
	log.Project, log.Service = "acme", "trigger"
	at := time.Now().UTC().Format(time.RFC3339Nano)
	for _, line := range []string{
		`{"time":"2026-01-02T10:00:00Z","severity":"INFO","outcome":"triggered","route":"r","event_id":"old","count":1}`,
		`{"time":"` + at + `","severity":"INFO","outcome":"deferred","route":"q","event_id":"of another route","count":1}`,
		`{"time":"` + at + `","severity":"INFO","outcome":"triggered","route":"r","event_id":"7","count":1}`,
	} {
		if _, err := log.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(log)
	t.Cleanup(server.Close)
	settings := map[string]string{loggingVariable: server.URL, "GOOGLE_CLOUD_PROJECT": "acme"}
	status, text := tailing(t, settings, "  7  route ", "--service", "trigger", "--route", "r")
	if status != exitOK || strings.Contains(text, "other") || !strings.HasSuffix(text, "\n\n       1  triggered  route r\n1 outcome\n") {
		t.Errorf("ended with %d:\n%s", status, text)
	}

	log.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		googlesim.Refuse(w, http.StatusForbidden, "no")
		return true
	})
	status, text = tailing(t, settings, "", "--project", "acme")
	if status != exitFailed || !strings.Contains(text, "roles/logging.viewer") || !strings.Contains(text, "gcloud logging read") {
		t.Errorf("ended with %d:\n%s", status, text)
	}
	if status, text = tailing(t, nil, ""); status != exitUsage || !strings.Contains(text, "name the function's project with --project") {
		t.Errorf("without a log it ended with %d:\n%s", status, text)
	}
}

func TestTailFollowsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.log")
	if err := os.WriteFile(path, []byte(`{"outcome":"triggered","route":"r","event_id":"7"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, text := tailing(t, nil, "  7  route ", path)
	if status != exitOK || !strings.HasSuffix(text, "\n1 outcome\n") {
		t.Errorf("ended with %d:\n%s", status, text)
	}
}
