// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hangBound only tells a hang.
const hangBound = time.Minute

// The function sends the version that the linker has set to Airflow with each
// request, and logs it in its first line.
func TestFunctionReportsItsLinkedVersion(t *testing.T) {
	t.Parallel()
	if os.Getenv("DAGTRIGGER_PROOF") == "" {
		t.Skip("it builds the whole function: set DAGTRIGGER_PROOF=full to run this")
	}
	agents := make(chan string, 100)
	airflow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agents <- r.UserAgent()
		w.WriteHeader(http.StatusBadRequest)
	}))
	defer airflow.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(address, ":")

	binary := filepath.Join(t.TempDir(), "function")
	const flag = "-X=example.com/dagtrigger/internal/build.linked=v1.2.3"
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", flag, "-o", binary, "./testdata/function")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var log bytes.Buffer
	function := exec.Command(binary)
	function.Env = []string{"FUNCTION_TARGET=TriggerDAG", "PORT=" + port, "DAG_ID=load", "AIRFLOW_API=v2", "AIRFLOW_URL=" + airflow.URL}
	function.Stderr = &log
	if err := function.Start(); err != nil {
		t.Fatal(err)
	}
	push(t, "http://"+address)
	if err := function.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = function.Wait() // it was killed

	if got, want := <-agents, "dagtrigger/v1.2.3"; got != want {
		t.Errorf("Airflow met %q, want %q", got, want)
	}
	line, _, _ := bytes.Cut(log.Bytes(), []byte("\n"))
	var first struct{ Message, Version string }
	if err := json.Unmarshal(line, &first); err != nil || first.Message != "starting" || first.Version != "v1.2.3" {
		t.Errorf("it begins with %s", line)
	}
}

// push pushes a message to the function, once it listens.
func push(t *testing.T, url string) {
	t.Helper()
	const message = `{"message":{"messageId":"1","data":"e30="},"subscription":"projects/p/subscriptions/s"}`
	tick, client := time.NewTicker(20*time.Millisecond), &http.Client{Timeout: hangBound}
	defer tick.Stop()
	for started := time.Now(); time.Since(started) < hangBound; <-tick.C {
		answer, err := client.Post(url, "application/json", strings.NewReader(message))
		if err == nil {
			_ = answer.Body.Close()
			return
		}
	}
	t.Fatal("the function does not answer")
}
