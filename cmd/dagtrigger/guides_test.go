// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// guides is the folder of the pages that take a reader from what he has to runs.
const guides = repository + "/deploy/"

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGuideExamplesPass checks every routes file, and tries it on the
// events beside it: none is without.
func TestGuideExamplesPass(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(guides + "examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".yaml")
		if strings.HasSuffix(name, "_test") {
			continue
		}
		for _, args := range [][]string{{"check", file}, {"test", name + "_test.yaml"}} {
			out := newOutput()
			if status := run(t.Context(), args, none, nil, out, out); status != exitOK || strings.Contains(out.String(), "warning") {
				t.Errorf("%v ended with %d:\n%s", args, status, out)
			}
		}
	}
}

// TestGuidesShowTheirExamples holds the routes in the page to the files that
// are tried.
func TestGuidesShowTheirExamples(t *testing.T) {
	t.Parallel()
	shown := contents(t, guides+"README.md")
	for _, name := range []string{"bucket.yaml", "topic.yaml", "airflow_2_to_3.yaml"} {
		routes := regexp.MustCompile(`(?m)^ *#.*\n`).ReplaceAllString(contents(t, guides+"examples/"+name), "")
		if !strings.Contains(shown, "```yaml\n"+routes+"```") {
			t.Errorf("the guide does not show %s as it is:\n%s", name, routes)
		}
	}
}

// TestTopicGuideOnALaptop does what the guide says before anything is deployed.
func TestTopicGuideOnALaptop(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	out, log := newOutput(), newOutput()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--config", guides + "examples/topic.yaml"}, set(map[string]string{"PORT": "0"}), nil, out, log)
	}()
	url := out.after(t, "The function listens on ", ended)
	_, line, found := strings.Cut(contents(t, guides+"README.md"), "from another terminal:\n\n```sh\n")
	line, _, _ = strings.Cut(line, "\n")
	if !found {
		t.Fatal("the guide sends nothing")
	}
	sent := newOutput()
	if status := run(t.Context(), append(call(line), "--to", url), none, nil, sent,
		sent); status != exitOK || !strings.Contains(sent.String(), "triggered  route orders, DAG print_conf,") {
		t.Errorf("%s ended with %d:\n%s", line, status, sent)
	}
	end()
	if status := <-ended; status != exitOK {
		t.Errorf("serve ended with %d: %s", status, log)
	}
}

// TestCostFiguresAreComputed by the formula that stands above them.
func TestCostFiguresAreComputed(t *testing.T) {
	t.Parallel()
	const events, cpu, memory, requests = 1e6, 0.000024, 0.5 * 0.0000025, 0.40 // dollars a second of an instance; a million requests
	number := func(text string) float64 {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	shown := contents(t, guides+"README.md")
	if formula := "dollars = 1,000,000 × seconds ÷ at once × (1 vCPU × 0.000024 + 0.5 GiB × 0.0000025) + 0.40"; !strings.Contains(shown,
		formula) {
		t.Errorf("the guide does not show %s", formula)
	}
	rows := regexp.MustCompile(`(?m)^\| ([\d.]+) s \| (\d+) \| \$([\d.]+) \|$`).FindAllStringSubmatch(shown, -1)
	if len(rows) == 0 {
		t.Error("the guide has no costs")
	}
	for _, row := range rows {
		seconds, atOnce := number(row[1]), number(row[2])
		if want := fmt.Sprintf("%.2f", events*seconds/atOnce*(cpu+memory)+requests); row[3] != want {
			t.Errorf("%s: computed, it is $%s", row[0], want)
		}
	}
}

// TestSystemdUnitIsValid where there is a systemd to ask.
func TestSystemdUnitIsValid(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is missing: the unit is not verified")
	}
	unit := strings.Replace(contents(t, guides+"examples/dagtrigger.service"), "/usr/local/bin/dagtrigger ", "/bin/true ", 1)
	file := filepath.Join(t.TempDir(), "dagtrigger.service")
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// oldAirflow is what print_conf needs of an Airflow, as strict as that was.
var oldAirflow = map[string]string{
	"1.10": `
class PythonOperator:
    def __init__(self, task_id, python_callable, provide_context=False):
        assert provide_context, "without it no context is given"
        loaded.append(python_callable)
module("airflow", DAG=DAG)
module("airflow.operators")
module("airflow.operators.python_operator", PythonOperator=PythonOperator)`,
	"2.0": `
class PythonOperator:
    def __init__(self, task_id, python_callable):
        loaded.append(python_callable)
module("airflow", DAG=DAG)
module("airflow.operators")
module("airflow.operators.python", PythonOperator=PythonOperator)`,
}

// TestPrintConfOnOldAirflows loads the DAG where no real Airflow runs any more,
// in the Python that its Airflow had, as far as its grammar goes.
func TestPrintConfOnOldAirflows(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is missing: the DAG is not loaded")
	}
	const before = `
import ast, sys, types
loaded = []
class DAG:
    def __init__(self, dag_id, start_date, schedule_interval):
        assert schedule_interval is None
    def __enter__(self): return self
    def __exit__(self, *_): pass
def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(members)
`
	const after = `
source = open(sys.argv[1], encoding="utf-8").read()
ast.parse(source, feature_version=(3, 6))
exec(compile(source, sys.argv[1], "exec"), {})
for conf in {"b": 1, "a": "ü"}, None:
    loaded[0](dag_run=types.SimpleNamespace(run_id="r", conf=conf), ds="2026-11-22")
`
	for version, airflow := range oldAirflow {
		out, err := exec.CommandContext(t.Context(), python, "-c", before+airflow+after, guides+"dags/print_conf.py").CombinedOutput()
		if want := "run id: r\nconf: {\"a\": \"\\u00fc\", \"b\": 1}\nrun id: r\nconf: {}\n"; err != nil || string(out) != want {
			t.Errorf("Airflow %s: %v, it printed\n%s\nwant\n%s", version, err, out, want)
		}
	}
}
