// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// mostMemory is what an instance of 512 MiB may take under the worst load.
const mostMemory = 400 << 20

// Anybody who may publish can send these, and routes are as operators wrote them.
// DAGTRIGGER_PROOF=full sends as many of the largest as an instance gets at once.
func TestHostileMessagesAtOnceStayWithinTheMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the memory of a process is bounded and read as only Linux does")
	}
	count, size := 20, 2<<20
	if full() {
		count, size = senders, 10<<20
	}
	airflow := &echo{turns: make(chan struct{}, 4), unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) }}
	server := httptest.NewServer(airflow)
	t.Cleanup(server.Close)
	function := startInstance(t, limited(t, buildFunction(t)), "AIRFLOW_URL="+server.URL, "AIRFLOW_API=v2", "LOG_LEVEL=error",
		"GOMAXPROCS="+instanceCPUs, "DEAD_LETTER=file://"+t.TempDir(), "DAGTRIGGER_CONFIG="+routePerSubscription(t))

	messages := hostileMessages(size)
	names := slices.Sorted(maps.Keys(messages))
	var group sync.WaitGroup
	for i := range count {
		name, subscription := names[i%len(names)], "tried-"+strconv.Itoa(i*7%len(hostileRoutes))
		body := wrappedPush(t, strconv.Itoa(i), subscription, messages[name])
		group.Go(func() {
			switch status, text, err := pushOnce(t, function.url, body); {
			case err != nil:
				t.Errorf("%s to %s: %v", name, subscription, err)
			case !slices.Contains([]int{http.StatusOK, http.StatusServiceUnavailable, http.StatusTooManyRequests}, status):
				t.Errorf("%s to %s: answered %d %.300s", name, subscription, status, text)
			}
		})
	}
	group.Go(func() {
		if status, text, err := pushOnce(t, function.url, wrappedPush(t, "i", "innocent", `{"n":2}`)); err != nil || status != http.StatusOK {
			t.Errorf("an innocent event beside them was answered %d %s, %v", status, text, err)
		}
	})
	group.Wait()
	peak := function.peakMemory(t)
	t.Logf("%d messages of %d MiB at once: at most %d MiB", count, size>>20, peak>>20)
	if peak > mostMemory {
		t.Errorf("the function took %d MiB, want at most %d", peak>>20, mostMemory>>20)
	}
}

// limited is a program that runs another within 512 MB of data, which ends a
// process as Cloud Run's limit does.
func limited(t testing.TB, binary string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "limited")
	text := "#!/bin/sh\nulimit -d 500000 || exit 1\nexec '" + binary + "'\n"
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	return path
}

// routePerSubscription is a routes file in which each hostile route has a subscription.
func routePerSubscription(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("routes:\n")
	route := func(name, keys string) {
		fmt.Fprintf(&b, "  - name: %s\n    on: message.published\n    subscription: %s\n    dag: load\n    %s\n", name, name, keys)
	}
	for i, keys := range hostileRoutes {
		route("tried-"+strconv.Itoa(i), keys)
	}
	route("innocent", "when: message.json.n > 1")
	path := filepath.Join(t.TempDir(), "routes.yaml")
	write(t, path, b.String())
	return path
}

func pushOnce(t testing.TB, url string, body []byte) (status int, text []byte, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err = io.ReadAll(response.Body)
	return response.StatusCode, text, err
}
