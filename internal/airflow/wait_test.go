// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

const (
	waitedRun = "dagtrigger__sales__5f3c"
	waitV2    = getV2 + "/wait?interval=2.5"
)

func TestWait(t *testing.T) {
	t.Parallel()
	const queued, running = `{"state": "queued"}` + "\n", `{"state": "running"}` + "\n"
	for name, row := range map[string]struct {
		version, answer string
		want            string // the states
		kind            airflow.Kind
	}{
		"a success": {"3.3.2", queued + running + running + `{"state": "success", "results": {"op": [42]}}` + "\n",
			"queued running running success", ""},
		"a failure":          {"3.1.0", `{"state": "failed"}`, "failed", ""},
		"it ends too early":  {"3.3.2", queued + running, "queued running", airflow.Unexpected},
		"half a line":        {"3.3.2", queued + `{"sta`, "queued", airflow.Unexpected},
		"a line of no state": {"3.3.2", queued + `{"error": "x"}` + "\n", "queued", airflow.Unexpected},
		"Airflow 3.0":        {"3.0.6", "", "", airflow.APIAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := script{probeV2: version(row.version)}
			if row.answer != "" {
				s[waitV2] = json(200, row.answer)
			}
			var states []string
			client := newClient(t, airflow.Config{URL: serve(t, s).URL, API: airflow.V2})
			err := client.Wait(t.Context(), "load_sales", waitedRun, 2500*time.Millisecond, func(state string) { states = append(states, state) })
			if got := strings.Join(states, " "); got != row.want {
				t.Errorf("saw %q, want %q", got, row.want)
			}
			if row.kind == "" && err != nil {
				t.Error(err)
			} else if row.kind != "" {
				wantKind(t, err, row.kind)
			}
		})
	}
	client := newClient(t, airflow.Config{URL: serve(t, script{}).URL, API: airflow.V1})
	err := client.Wait(t.Context(), "load_sales", waitedRun, time.Second, nil)
	if e := asKind(t, err, airflow.APIAbsent); !errors.Is(e, errors.ErrUnsupported) {
		t.Error(e)
	}
}

// Each line is seen when it comes, and a run that goes on ends the wait with a time-out.
func TestWaitSeesEachLineAtOnce(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/wait") {
			_, _ = w.Write([]byte(`{"version":"3.3.2"}`))
			return
		}
		_, _ = w.Write([]byte(`{"state": "running"}` + "\n"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2, Timeout: 2 * time.Second})
	done := make(chan error, 1)
	go func() {
		done <- client.Wait(t.Context(), "load_sales", waitedRun, time.Second, func(state string) { seen <- state })
	}()
	if state := <-seen; state != "running" {
		t.Errorf("saw %q", state)
	}
	wantKind(t, <-done, airflow.Timeout)
}
