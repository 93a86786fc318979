// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/page"
	"example.com/dagtrigger/internal/rest"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// loaded is what the editor gets.
type loaded struct {
	Text, Digest, Error string
	Problems            []struct {
		Line, Column int
		What         string
	}
	Flow []struct {
		Route            string
		Sources, Targets []string
		Counts           map[string]int
	}
}

func (w *world) load(t *testing.T) (l loaded) {
	t.Helper()
	_, text := w.ask("GET", "/api/routes", "")
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return l
}

func TestRoutesAreDrawnWithCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.deliver(t, "1")
	w.deliver(t, "2")
	f := w.load(t).Flow[0]
	if f.Route != "sales" || f.Sources[0] != "gs://acme" || f.Targets[0] != "load_sales" || f.Counts["triggered"] != 2 {
		t.Errorf("the flow is %+v", f)
	}
}

func TestSavedRoutesAreWrittenWithTheirSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.load(t)
	text := strings.Replace(l.Text, "load_sales", "load_orders", 1)
	if status, answer := w.ask("POST", "/api/routes", encode(t, map[string]string{"text": text, "digest": l.Digest})); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	got, err := os.ReadFile(w.path)
	if want := strings.Replace(routesText, "load_sales", "load_orders", 1); err != nil || string(got) != want {
		t.Errorf("the file is %s, want %s", got, want)
	}
	if info, err := os.Stat(w.path); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v: %v", info.Mode(), err)
	}
	if status, _ := w.ask("POST", "/api/routes", encode(t, map[string]string{"text": text, "digest": l.Digest})); status != 409 {
		t.Errorf("an edit of the old file: %d, want 409", status)
	}
}

func TestInvalidRoutesAreNotSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.load(t)
	for _, path := range []string{"/api/check", "/api/routes"} {
		status, answer := w.ask("POST", path, encode(t, map[string]string{"text": l.Text + "route: []\n", "digest": l.Digest}))
		if want := map[string]int{"/api/check": 200, "/api/routes": 422}[path]; status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
		if err := json.Unmarshal([]byte(answer), &l); err != nil || l.Problems[0].Line != 5 || l.Problems[0].Column != 1 ||
			l.Problems[0].What != "route is not a key of the file" {
			t.Errorf("%s: %s", path, answer)
		}
	}
	if got, err := os.ReadFile(w.path); err != nil || string(got) != routesText {
		t.Errorf("the file is %s: %v", got, err)
	}
}

func TestSecretsThatCannotBeHiddenAreNotShown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"environments:\n  prod:\n    headers: |\n      X-Key: hunter2-secret\n",
		"environments:\n  prod:\n    headers: {X-Key: hunter2-secret}\n",
		"environments:\n  prod:\n    password: \"hunter2\\x2dsecret\"\n",
		"environments:\n  prod:\n    password: hunter2-secret\n  : [\n",
		"environments: {a: {password: __HIDDEN_BY_THE_PAGE_0__}, b: {token: hunter2-secret}}\n",
		"environments: {a: {password: PAGE}, b: {token: hunter2-secret}, c: {token: '0'}} # PAGE_0\n__HIDDEN_BY_THE_PAGE_0__: 1\n",
	} {
		w := newWorld(t, nil)
		if err := os.WriteFile(w.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		status, answer := w.ask("GET", "/api/routes", "")
		if status != 200 || strings.Contains(answer, "hunter2") || w.load(t).Error == "" {
			t.Errorf("%s\nis shown: %d %s", text, status, answer)
		}
	}
}

func TestTypedEventIsSentAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	status, text := w.ask("POST", "/api/explain", `{"kind":"object","object":"gs://acme/a.csv","size":7}`)
	if status != 200 || !strings.Contains(text, `"number":"4711"`) || !strings.Contains(text, `\"size\":\"7\"`) {
		t.Errorf("explain: %d %s", status, text)
	}
	if len(w.got) != 0 {
		t.Error("explain has delivered the event")
	}
	status, text = w.ask("POST", "/api/send", `{"kind":"object","object":"gs://acme/a.csv","number":"17"}`)
	if status != 200 || !strings.Contains(text, "run-17") || <-w.got != "17" {
		t.Errorf("send: %d %s", status, text)
	}
	for _, event := range []string{
		`{"kind":"object","object":"gs://acme/a.csv","size":7}`, `{"kind":"message","data":"{\"order\": 4711}","topic":"orders"}`,
		`{"kind":"event","json":"{\"bucket\":\"acme\",\"name\":\"b.csv\",\"generation\":\"1\"}"}`,
	} {
		if status, text = w.ask("POST", "/api/examples", `{"name":`+encode(t, event)+`,"event":`+event+`}`); status != 200 {
			t.Errorf("examples: %d %s", status, text)
		}
	}
	got, err := os.ReadFile(strings.TrimSuffix(w.path, ".yaml") + "_test.yaml")
	if err != nil || strings.Count(string(got), "route: sales") != 2 ||
		!strings.Contains(string(got), "upload: gs://acme/a.csv\n    size: 7\n") ||
		!strings.Contains(string(got), "starts: []") {
		t.Errorf("the examples are\n%s%v", got, err)
	}
	if status, _ = w.ask("POST", "/api/examples", `{"name":"a\"b","event":{"kind":"object","object":"nothing"}}`); status != 422 {
		t.Errorf("an invalid example: %d, want 422", status)
	}
}

func TestNothingIsSentWithoutAFunction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *page.Options) { o.Function = nil })
	if status, text := w.ask("POST", "/api/send", `{"kind":"object","object":"gs://acme/a.csv"}`); status != 409 ||
		!strings.Contains(text, "serve --page") {
		t.Errorf("%d %s", status, text)
	}
}

func TestLogIsShownAsEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *page.Options) { o.Log = "log.json" })
	const line = `{"time":"2026-11-30T09:30:00Z","severity":"INFO","message":"event triggered","outcome":"triggered","route":"sales",` +
		`"dag_id":"load_sales","dag_run_id":"run-1","event_id":"1","event_source":"//storage.googleapis.com/projects/_/buckets/acme",` +
		`"event_subject":"objects/a.csv","count":1}` + "\n"
	n, err := w.recorder.ReadLog(strings.NewReader(line + "no line of the function\n" + strings.Replace(line, "sales", "other", 1) + line))
	if n != 3 || err != nil {
		t.Errorf("%d lines: %v", n, err)
	}
	_, first := w.ask("GET", "/api/events/1", "")
	_, second := w.ask("GET", "/api/events/2", "")
	if !strings.Contains(first, `"at":"2026-11-30T09:30:00Z"`) || !strings.Contains(first, `"route":"other"`) ||
		!strings.Contains(second, `"route":"sales"`) || strings.Contains(second, `"route":"other"`) {
		t.Errorf("the events are %s and %s", first, second)
	}
}

func TestCloudLoggingIsShownOldestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *page.Options) { o.Log = "Cloud Logging of acme" })
	l := googlesim.NewLogging(func(r *http.Request) { t.Errorf("unknown request %s %s", r.Method, r.URL) })
	for i := range 3 {
		entry := fmt.Sprintf(`{"timestamp":"2026-11-30T09:30:0%dZ","jsonPayload":{"outcome":"unmatched","event_id":"e%d"}}`, i, i)
		if err := l.Add("acme", entry); err != nil {
			t.Fatal(err)
		}
	}
	cloud := &outcomelog.Cloud{Project: "acme", Client: &rest.Client{HTTP: &http.Client{Transport: l}, Root: outcomelog.CloudLogging}}
	n, err := w.recorder.ReadCloud(t.Context(), cloud, outcomelog.Filter{})
	_, first := w.ask("GET", "/api/events/1", "")
	if n != 3 || err != nil || !strings.Contains(first, `"id":"e0"`) {
		t.Errorf("%d lines, %v, the first is %s", n, err, first)
	}
}
