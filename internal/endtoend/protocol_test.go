// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// exchange writes raw bytes to the function, and returns the beginning of what it
// writes back until it closes the connection.
func exchange(i *instance, raw string) (string, error) {
	conn, err := net.Dial("tcp", "127.0.0.1:"+i.port)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(hang))
	_, _ = io.WriteString(conn, raw) // the function may close it before it has read all
	text, err := io.ReadAll(io.LimitReader(conn, 4<<10))
	if len(text) > 0 {
		err = nil // a reset after the answer
	}
	return string(text), err
}

// wantsAnEventServed sends an event that has nothing to do with an attack.
func wantsAnEventServed(t *testing.T, i *instance, generation int) {
	t.Helper()
	if status, body := post(t, i.url, upload("acme", "a.csv", generation)); status != http.StatusOK {
		t.Errorf("an event afterwards is answered %d %s", status, body)
	}
}

// Cloud Run sends HTTP/1.1 unless a service asks for HTTP/2, which this one does not.
func TestFunctionRefusesHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	airflow := newAirflow(t)
	i := startInstance(t, buildFunction(t), "AIRFLOW_URL="+airflow.URL, "DAG_ID=load")
	const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // an empty SETTINGS frame
	answer, err := exchange(i, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+settings)
	if err != nil || !strings.HasPrefix(answer, "HTTP/1.1 505 ") && !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
		t.Errorf("prior knowledge of HTTP/2 is answered %q, %v; want an error of HTTP/1.1", answer, err)
	}
	r := upload("acme", "a.csv", 1)
	r.Header.Set("Connection", "Upgrade, HTTP2-Settings")
	r.Header.Set("Upgrade", "h2c")
	r.Header.Set("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA")
	if status, body := post(t, i.url, r); status != http.StatusOK || !strings.Contains(body, `"outcome":"triggered"`) {
		t.Errorf("an upgrade is answered %d %s, want the event served by HTTP/1.1", status, body)
	}
	wantsAnEventServed(t, i, 2)
}

// Headers can be of up to 1 MB, which no body's bound covers.
func TestFunctionSurvivesAFloodOfHeaders(t *testing.T) {
	t.Parallel()
	airflow := newAirflow(t)
	i := startInstance(t, buildFunction(t), "AIRFLOW_URL="+airflow.URL, "DAG_ID=load", "GOMEMLIMIT=400MiB")
	const begin = "POST / HTTP/1.1\r\nHost: function.invalid\r\nConnection: close\r\nContent-Length: 2\r\nContent-Type: application/json\r\n" +
		"Ce-Specversion: 1.0\r\nCe-Type: t\r\nCe-Source: //flood\r\nCe-Id: 1\r\n"
	var many strings.Builder
	for n := range 10_000 {
		fmt.Fprintf(&many, "Ce-Ext%d: 0123456789abcdef\r\n", n)
	}
	for name, tt := range map[string]struct{ headers, status string }{
		"10,000 extensions in 300 KB": {many.String(), ""},
		"one of 1 MB":                 {"Ce-Ext: " + strings.Repeat("x", 1<<20-1<<10) + "\r\n", ""},
		"over 1 MB":                   {"Ce-Ext: " + strings.Repeat("x", 2<<20) + "\r\n", "HTTP/1.1 431 "},
	} {
		var group sync.WaitGroup
		for range 30 {
			group.Go(func() {
				answer, err := exchange(i, begin+tt.headers+"\r\n{}")
				if err == nil && !strings.HasPrefix(answer, "HTTP/1.1 "+strings.TrimPrefix(tt.status, "HTTP/1.1 ")) {
					t.Errorf("%s: answered %.80q", name, answer)
				}
			})
		}
		group.Wait()
		wantsAnEventServed(t, i, len(name))
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(i.process.Process.Pid) + "/status")
	if err != nil {
		t.Skipf("the peak of memory cannot be read here: %v", err)
	}
	peak, _ := strconv.Atoi(regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindStringSubmatch(string(status))[1])
	t.Logf("peak memory %d MiB", peak>>10)
	if peak > 512<<10 {
		t.Errorf("the peak of memory is %d MiB, want at most 512", peak>>10)
	}
}
