// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// hang bounds waits that only a hang would reach.
const hang = 2 * time.Minute

// airflowServer is an embedded Airflow behind a loopback port.
type airflowServer struct {
	*httptest.Server
	sim *airflowsim.Server
}

func newAirflow(t *testing.T) airflowServer {
	t.Helper()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow110, Auth: airflowsim.AuthOpen,
		DAGs:    []airflowsim.DAG{{ID: "load"}},
		Unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return airflowServer{server, sim}
}

func waitForPort(t testing.TB, port string) {
	t.Helper()
	for start := time.Now(); time.Since(start) < hang; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatalf("nothing listens on port %s", port)
}

// freePort names a loopback port that nobody listened on a moment ago.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// upload is the request that Eventarc sends for a finalized object.
func upload(bucket, name string, generation int) *http.Request {
	body := fmt.Sprintf(`{"kind":"storage#object","bucket":%q,"name":%q,"generation":"%d","metageneration":"1","size":"3"}`,
		bucket, name, generation)
	r, err := http.NewRequest(http.MethodPost, "http://function.invalid/", strings.NewReader(body))
	if err != nil {
		panic(err) // the address is a constant
	}
	for header, value := range map[string]string{
		"Ce-Specversion": "1.0", "Ce-Type": "google.cloud.storage.object.v1.finalized",
		"Ce-Source": "//storage.googleapis.com/projects/_/buckets/" + bucket, "Ce-Subject": "objects/" + name,
		"Ce-Id": fmt.Sprintf("%s-%d", name, generation), "Content-Type": "application/json",
	} {
		r.Header.Set(header, value)
	}
	return r
}

// post sends r to the function at url.
func post(t *testing.T, url string, r *http.Request) (status int, body string) {
	t.Helper()
	host, err := http.NewRequest(http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL, r.Host = host.URL, ""
	client := &http.Client{Timeout: hang}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lockedBuffer gathers what a process writes while others read it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func jsonBody(text string) io.Reader { return strings.NewReader(text) }

// canonical is JSON with its keys in order and its numbers as they stand.
func canonical(t testing.TB, text []byte) string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
