// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// none is an environment without variables.
func none(string) string { return "" }

// set is an environment of the given variables.
func set(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// output is what a command writes while a test looks.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // gets one item when there may be more
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// after waits for a text of a command that goes on, and gives the word that follows it.
func (o *output) after(t *testing.T, text string, ended <-chan int) string {
	t.Helper()
	for {
		if _, rest, ok := strings.Cut(o.String(), text); ok {
			if line, _, whole := strings.Cut(rest, "\n"); whole {
				return strings.Trim(strings.Fields(line)[0], ".:,")
			}
		}
		select {
		case <-o.more:
		case status := <-ended:
			t.Fatalf("it ended with the exit status %d before it wrote %q, but:\n%s", status, text, o)
		}
	}
}

// TestServeFinishesRequestsInFlight ends the function while Airflow is still busy.
func TestServeFinishesRequestsInFlight(t *testing.T) {
	t.Parallel()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, DAGs: []airflowsim.DAG{{ID: "load"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	arrived, answer := make(chan struct{}), make(chan struct{})
	airflow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			close(arrived)
			<-answer
		}
		sim.ServeHTTP(w, r)
	}))
	defer airflow.Close()

	ctx, end := context.WithCancel(t.Context())
	defer end()
	out, log := newOutput(), newOutput()
	ended := make(chan int, 1)
	settings := set(map[string]string{"AIRFLOW_URL": airflow.URL, "DAG_ID": "load", "PORT": "0"})
	go func() { ended <- run(ctx, []string{"serve"}, settings, nil, out, log) }()
	url := out.after(t, "The function listens on ", ended)

	sent := make(chan int, 1)
	output := newOutput()
	go func() {
		sent <- run(t.Context(), []string{"send", "pubsub", "--data", "hello", "--to", url}, none, nil, output, output)
	}()
	<-arrived
	end()
	close(answer)
	if status := <-sent; status != exitOK || !strings.Contains(output.String(), "triggered") {
		t.Errorf("the event in flight ended with %d: %s", status, output)
	}
	if status := <-ended; status != exitOK {
		t.Errorf("serve ended with %d: %s", status, log)
	}
	if runs := sim.Runs(); len(runs) != 1 {
		t.Errorf("Airflow holds %d runs, want 1", len(runs))
	}
}

// lying is an Airflow that answers well and does something else.
func lying(t *testing.T, lie func(sim, other http.Handler) http.HandlerFunc) string {
	t.Helper()
	var sims [2]http.Handler
	for i := range sims {
		sim, err := airflowsim.New(airflowsim.Config{
			Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, DAGs: []airflowsim.DAG{{ID: "demo"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		sims[i] = sim
	}
	server := httptest.NewServer(lie(sims[0], sims[1]))
	t.Cleanup(server.Close)
	return server.URL
}

// TestDemoReportsWhatAirflowHas holds that the story fails where Airflow does not
// hold what the function was output.
func TestDemoReportsWhatAirflowHas(t *testing.T) {
	t.Parallel()
	forgetful := lying(t, func(sim, other http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				other.ServeHTTP(w, r)
				return
			}
			sim.ServeHTTP(w, r)
		}
	})
	eager := lying(t, func(sim, _ http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				again := httptest.NewRequest(http.MethodPost, r.URL.Path, strings.NewReader(`{"logical_date": null}`))
				again.Header.Set("Content-Type", "application/json")
				sim.ServeHTTP(httptest.NewRecorder(), again)
			}
			sim.ServeHTTP(w, r)
		}
	})
	rows := []struct{ name, url, want string }{
		{"an Airflow that forgets", forgetful, "11 events, 0 runs: event 1 is lost, event 2 is lost, event 3 is lost, " +
			"event 4 is lost, event 5 is lost, event 6 is lost, event 7 is lost, event 10 is lost, event 11 is lost, event 13 is lost, " +
			"event 14 is lost\n"},
		// It makes a run more for each of 15 triggers, three of them duplicates.
		{"an Airflow that runs twice", eager, "11 events, 12 runs: the DAG has 27 new runs\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			out := newOutput()
			status := run(t.Context(), []string{"demo", "--airflow-url", row.url}, none, nil, out, out)
			if status != exitFailed || !strings.HasSuffix(out.String(), row.want) {
				t.Errorf("it ended with %d:\n%s\nwant %d and %s", status, out, exitFailed, row.want)
			}
		})
	}
}

// TestVerdictNamesWhatIsWrong covers what no Airflow of these tests does.
func TestVerdictNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	once, twice := map[string]string{"a": "queued"}, map[string]string{"a": "queued", "b": "queued"}
	rows := []struct {
		name   string
		report report
		want   string
	}{
		{"all is well", report{Due: 1, Runs: 1, NewRuns: 1, Holds: true, Events: []eventReport{{Due: 1, Runs: once}, {NoRun: "x"}}},
			"1 event, 1 run, nothing lost, nothing twice"},
		{"twice", report{Due: 1, Runs: 2, NewRuns: 2, Events: []eventReport{{Due: 1, Runs: twice}}},
			"1 event, 2 runs: event 1 ran twice"},
		{"once of twice", report{Due: 1, Runs: 1, NewRuns: 1, Events: []eventReport{{Due: 2, Runs: once}}},
			"1 event, 1 run: event 1 ran once"},
		{"a run of a request that is not an event", report{Runs: 1, NewRuns: 1, Events: []eventReport{{NoRun: "x", Runs: once}}},
			"0 events, 1 run: event 1 has a run"},
	}
	for _, row := range rows {
		if got := row.report.verdict(painter{}); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

// TestSendReportsTheServer where that is not the function.
func TestSendReportsTheServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<html>\n  <b>Your client does not have permission</b>" + strings.Repeat("ü", 200)))
	}))
	defer server.Close()
	rows := []struct{ path, want string }{
		{"", "not acknowledged, so the platform would send it again (Retry-After: 7)\n" +
			"  the response is not from dagtrigger: <html> <b>Your client does not have permission</b>"},
		{"/login", "302 Found in "},
	}
	for _, row := range rows {
		out := newOutput()
		status := run(t.Context(), []string{"send", "pubsub", "--data", "hello", "--to", server.URL + row.path}, none, nil, out, out)
		if status != exitFailed || !strings.Contains(out.String(), row.want) {
			t.Errorf("%s: it ended with %d:\n%s\nwant %s", row.path, status, out, row.want)
		}
	}
}

func TestPrintedCommandsWorkAsTyped(t *testing.T) {
	t.Parallel()
	for arg0, want := range map[string]string{
		"dagtrigger": "dagtrigger", "./dagtrigger": "./dagtrigger", "/opt/bin/dagtrigger": "/opt/bin/dagtrigger",
		"/tmp/go-build417/b001/exe/dagtrigger":  "go run example.com/dagtrigger/cmd/dagtrigger",
		"/tmp/go-build417/b001/dagtrigger.test": "dagtrigger", "./dt": "./dt", "/opt/my tools/dagtrigger": "'/opt/my tools/dagtrigger'",
	} {
		if got := self(arg0); got != want {
			t.Errorf("called as %s, it prints %s, want %s", arg0, got, want)
		}
	}
	out := newOutput()
	p := &program{self: "./dagtrigger", getenv: none, stdin: nil, stdout: out, stderr: out}
	root := p.root()
	root.SetOut(out)
	root.SetArgs([]string{"serve", "--help"})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.report(&hintedError{errors.New("x"), `"dagtrigger help settings" lists them all`})
	for _, want := range []string{
		"  ./dagtrigger serve routes.yaml\n", "  ./dagtrigger serve --dag load_sales --port 9090\n",
		"  ./dagtrigger serve [FILE] [flags]\n", `"./dagtrigger help settings" lists all of them`,
		`hint: "./dagtrigger help settings" lists them all`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it did not print %q:\n%s", want, out)
		}
	}
	if strings.Contains(strings.ReplaceAll(out.String(), "./dagtrigger", ""), "dagtrigger serve") {
		t.Errorf("a command is printed as it cannot be typed:\n%s", out)
	}
}
