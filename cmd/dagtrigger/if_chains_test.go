// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/example"
)

// recorder runs a Cloud Function with a session of google.auth that records its requests.
// It reads a background event a line, and prints the requests for it.
const recorder = `
import json, os, sys, types
calls = []
class AuthorizedSession:
    def __init__(self, credentials):
        assert credentials == "credentials"
    def request(self, method, url, json, timeout):
        calls.append({"method": method, "url": url, "body": json})
        return types.SimpleNamespace(raise_for_status=lambda: None)
def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(members)
    return sys.modules[name]
auth = module("google.auth", default=lambda scopes: ("credentials", "acme"))
module("google", auth=auth)
module("google.auth.transport")
module("google.auth.transport.requests", AuthorizedSession=AuthorizedSession)
os.environ.update(PROD_WEB_SERVER="https://prod.invalid", STAGING_WEB_SERVER="https://staging.invalid")
function = {}
with open(sys.argv[1], encoding="utf-8") as f:
    exec(compile(f.read(), sys.argv[1], "exec"), function)
for line in sys.stdin:
    event = json.loads(line)
    said = event["context"]
    context = types.SimpleNamespace(event_id=said["eventId"], timestamp=said["timestamp"],
                                    event_type=said["eventType"], resource=said["resource"])
    calls.clear()
    function["trigger_dag_gcf"](event["data"], context)
    print(json.dumps(calls))
`

// request is what the Cloud Function sends to Airflow.
type request struct {
	Method string
	URL    string
	Body   struct{ Conf json.RawMessage }
}

// started is a run in a form that can be compared: environment, DAG and conf.
func started(t *testing.T, environment, dag string, conf []byte) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(conf, &value); err != nil {
		t.Fatalf("conf of %s: %v in %s", dag, err, conf)
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return environment + " " + dag + " " + string(sorted)
}

// started is the run that a request asks for.
func (r request) started(t *testing.T) string {
	t.Helper()
	host, path, ok := strings.Cut(strings.TrimPrefix(r.URL, "https://"), ".invalid/api/v1/dags/")
	dag, ok2 := strings.CutSuffix(path, "/dagRuns")
	if !ok || !ok2 || r.Method != http.MethodPost {
		t.Fatalf("the function sends %s to %s", r.Method, r.URL)
	}
	return started(t, host, dag, r.Body.Conf)
}

// TestRoutesStartWhatTheIfChainsStarted gives each event of the examples to the Python
// function and to the routes: both start the same DAGs in the same environments with
// the same conf.
func TestRoutesStartWhatTheIfChainsStarted(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is missing: the function is not run")
	}
	file, err := config.Load(guides + "examples/if_chains.yaml")
	if err != nil {
		t.Fatal(err)
	}
	suite, err := example.Load(guides + "examples/if_chains_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var events bytes.Buffer
	for _, e := range suite.Examples {
		r, err := e.Event.Request(delivery.Background)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		fmt.Fprintf(&events, "%s\n", r.Body)
	}
	command := exec.CommandContext(t.Context(), python, "-c", recorder, guides+"examples/if_chains.py")
	command.Stdin = &events
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("the function fails: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	results := suite.Try(t.Context(), file.Table)
	if len(lines) != len(results) {
		t.Fatalf("the function was called %d times for %d events:\n%s", len(lines), len(results), out)
	}
	runs := 0
	for i, r := range results {
		var requests []request
		if err := json.Unmarshal([]byte(lines[i]), &requests); err != nil {
			t.Fatal(err)
		}
		var before, after []string
		for _, sent := range requests {
			before = append(before, sent.started(t))
		}
		for _, s := range r.Starts {
			after = append(after, started(t, s.Environment, s.DAG, s.Conf))
		}
		slices.Sort(before)
		slices.Sort(after)
		runs += len(after)
		if diff := cmp.Diff(before, after); diff != "" || len(r.Fails) > 0 {
			t.Errorf("%s (-if-chains +routes), %v:\n%s", suite.Examples[i].Name, r.Fails, diff)
		}
	}
	if runs == 0 {
		t.Error("no event starts a run: nothing is compared")
	}
}

// TestPageShowsTheIfChainsAndTheRoutes as they are run.
func TestPageShowsTheIfChainsAndTheRoutes(t *testing.T) {
	t.Parallel()
	page := contents(t, guides+"from-if-chains.md")
	for language, name := range map[string]string{"python": "if_chains.py", "yaml": "if_chains.yaml"} {
		_, shown, _ := strings.Cut(contents(t, guides+"examples/"+name), "\n") // without the license
		if !strings.Contains(page, "```"+language+"\n"+shown+"```\n") {
			t.Errorf("the page does not show %s as it is", name)
		}
	}
}
