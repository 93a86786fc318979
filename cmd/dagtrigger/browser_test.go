// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestServeRefusesWebPages(t *testing.T) {
	t.Parallel()
	const own = "127.0.0.1:8080"
	tests := []struct {
		name, listens, host string
		header              http.Header
		status              int
	}{
		{"curl", loopback, own, nil, 200},
		{"a CloudEvents sender", loopback, "localhost:8080", http.Header{"Ce-Id": {"1"}, "Webhook-Request-Origin": {"eventgrid.azure.net"}}, 200},
		{"a name of loopback", loopback, "Trigger.localhost:8080", nil, 200},
		{"IPv6", "::1", "[::1]:8080", nil, 200},
		{"IPv6 without a port", "::1", "[::1]", nil, 200},
		{"an address that was typed into a browser", loopback, own, http.Header{"Sec-Fetch-Site": {"none"}}, 200},
		{"a page's request", loopback, own, http.Header{"Origin": {"https://evil.example"}}, 403},
		{"a page in a file or a sandbox", loopback, own, http.Header{"Origin": {"null"}}, 403},
		{"a page of another program on this machine", loopback, own, http.Header{"Origin": {"http://127.0.0.1:3000"}}, 403},
		{"a page's image", loopback, own, http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"an image of another program on this machine", loopback, own, http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"a page whose name is rebound to loopback", loopback, "evil.dev:8080", nil, 403},
		{"the same, on another host", loopback, "evil.dev:8080", http.Header{"Sec-Fetch-Site": {"same-origin"}}, 403},
		{"a name that looks like loopback", loopback, "127.0.0.1.evil.dev", nil, 403},
		{"a name that DNS never resolves, as in a recorded request", loopback, "trigger.example", nil, 200},
		{"a page with such a name", loopback, "trigger.example", http.Header{"Origin": {"http://trigger.example"}}, 403},
		{"a name without a dot", loopback, "f", nil, 200},
		{"a name that only ends like one", loopback, "evil.notexample", nil, 403},
		{"no host", loopback, "", nil, 403},
		{"a container's name, where others are let in", "0.0.0.0", "dagtrigger:8080", nil, 200},
		{"a page, where others are let in", "0.0.0.0", "dagtrigger:8080", http.Header{"Origin": {"https://evil.example"}}, 403},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodPost, "http://"+own, strings.NewReader("{}"))
		r.Host = tt.host
		for name, values := range tt.header {
			r.Header[name] = values
		}
		w := httptest.NewRecorder()
		programsOnly(tt.listens, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, w.Code, w.Body, tt.status)
		}
		if tt.status == 403 && !strings.HasPrefix(w.Body.String(), `{"error":"the request comes from a web page (`) {
			t.Errorf("%s: %s", tt.name, w.Body)
		}
	}
}

// Both the function and the embedded Airflow refuse pages, unless the function
// is deployed, where Cloud Run decides who gets in.
func TestOriginIsAcceptedOnlyWhenDeployed(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		args     []string
		settings map[string]string
		after    string
		status   int
	}{
		{[]string{"serve"}, map[string]string{"PORT": "0"}, "The function listens on ", 403},
		{[]string{"serve"}, map[string]string{"PORT": "0", "K_SERVICE": "trigger-dag"}, "The function listens on ", 200},
		{[]string{"airflow", "--port", "0"}, nil, "listens on ", 403},
		{[]string{"demo", "--serve"}, nil, "The function listens on ", 403},
	} {
		ctx, end := context.WithCancel(t.Context())
		out, ended := newOutput(), make(chan int, 1)
		go func() { ended <- run(ctx, row.args, set(row.settings), nil, out, newOutput()) }()
		url := strings.TrimRight(out.after(t, row.after, ended), ".:")
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url,
			strings.NewReader(`{"message":{"messageId":"1","data":"eA=="},"subscription":"projects/p/subscriptions/s"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", "https://evil.example")
		resp, err := (&http.Client{Timeout: hang}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != row.status {
			t.Errorf("%v: %s, want %d", row.args, resp.Status, row.status)
		}
		end()
		<-ended
	}
}
