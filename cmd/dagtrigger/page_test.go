// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pageClient sends the requests of the page.
type pageClient struct {
	t   *testing.T
	url string
}

// ask sends a request with a JSON body, or without one, and returns the answer.
func (c pageClient) ask(path string, body any) string {
	c.t.Helper()
	method, text := http.MethodGet, ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		method, text = http.MethodPost, string(b)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(text))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("X-Dagtrigger-Page", "1")
	client := http.Client{Timeout: hang}
	resp, err := client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %d %s %v", path, resp.StatusCode, answer, err)
	}
	return string(answer)
}

// TestPageOfServeSendsExplainsAndSaves holds the page to the function beside it: what is
// sent starts a run, its story has explain's values and Airflow's answer, and a saved edit
// is loaded as serve loads it.
func TestPageOfServeSendsExplainsAndSaves(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "routes.yaml")
	const text = "environments: {prod: {url: 'https://airflow.example.com', auth: basic, username: ana, password: hunter2-secret}}\n" +
		"routes: [{name: sales, on: object.finalized, bucket: acme, when: int(object.size) > 7, dag: first}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	out, log := newOutput(), newOutput()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--local", path, "--page", "--page-port", "0"}, set(map[string]string{"PORT": "0"}), nil, out, log)
	}()
	page := pageClient{t, out.after(t, "The page is at ", ended)}
	out.after(t, "Its log follows,", ended)

	event := map[string]any{"kind": "object", "object": "gs://acme/a.csv", "size": 8}
	if answer := page.ask("/api/send", event); !strings.Contains(answer, `\"outcome\":\"triggered\"`) {
		t.Errorf("it was answered %s", answer)
	}
	story := page.ask("/api/events/1", nil)
	for _, want := range []string{
		`{"text":"int(object.size)","value":"8","parts":[{"text":"object.size","value":"\"8\""}]}`, `"path":"/api/v2/dags/first/dagRuns"`,
		`\"state\":\"queued\"`, `\"message\":\"event triggered\"`,
	} {
		if !strings.Contains(story, want) {
			t.Errorf("the story has no %s: %s", want, story)
		}
	}
	var file struct{ Text, Digest string }
	if err := json.Unmarshal([]byte(page.ask("/api/routes", nil)), &file); err != nil || strings.Contains(file.Text, "hunter2") {
		t.Errorf("the file is %s: %v", file.Text, err)
	}
	page.ask("/api/routes", map[string]string{"text": strings.Replace(file.Text, "first", "second", 1), "digest": file.Digest})
	out.after(t, path+" has changed, and its routes are in", ended)
	if saved, err := os.ReadFile(path); err != nil || string(saved) != strings.Replace(text, "first", "second", 1) {
		t.Errorf("the file is %s: %v", saved, err)
	}
	if answer := page.ask("/api/send", event); !strings.Contains(answer, `\"dag_id\":\"second\"`) {
		t.Errorf("after the edit it was answered %s", answer)
	}
	end()
	if status := <-ended; status != exitOK {
		t.Errorf("serve ended with %d: %s", status, log)
	}
}
