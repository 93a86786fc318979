// SPDX-License-Identifier: Apache-2.0

// Package endtoend_test holds the proofs that need the whole function: built
// as the platform builds it, stormed by clients, delivered to twice and out of
// order. It exports nothing.
package endtoend_test

import (
	"bytes"
	"context"
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	// The generated main imports it, so go.sum must hold what it needs.
	_ "github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

// generatedMain is the program that the buildpack writes beside the function,
// for a module that imports the framework's functions package:
// https://github.com/GoogleCloudPlatform/buildpacks/blob/main/cmd/go/functions_framework/lib/template_declarative.go
const generatedMain = `package main

import (
	"log"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	_ "example.com/dagtrigger"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	if err := funcframework.StartHostPort("127.0.0.1", port); err != nil {
		log.Fatalf("funcframework.StartHostPort: %v\n", err)
	}
}
`

// TestMain ends what the tests of this package share.
func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(shared.dir)
	os.Exit(code)
}

// shared is the function built once for all tests.
var shared struct {
	sync.Once
	dir, binary string
}

// buildFunction builds the function as the buildpack does: the user's module in
// a separate folder, a generated main in another module beside it.
func buildFunction(t testing.TB) string {
	t.Helper()
	shared.Do(func() {
		dir, err := os.MkdirTemp("", "dagtrigger-build-")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
		binary := filepath.Join(dir, "function")
		build(t, generatedMain, binary)
		shared.binary = binary
	})
	if shared.binary == "" {
		t.Fatal("the function did not build: see the test that tried first")
	}
	return shared.binary
}

// build builds a main program in a module that has this one beside it.
func build(t testing.TB, program, binary string) {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), read(t, filepath.Join(root, "go.sum")))
	write(t, filepath.Join(dir, "main.go"), program)
	mod := strings.Replace(read(t, filepath.Join(root, "go.mod")), "module example.com/dagtrigger", "module functions.local/app", 1)
	write(t, filepath.Join(dir, "go.mod"), mod+"\nrequire example.com/dagtrigger v0.0.0\nreplace example.com/dagtrigger => "+root+"\n")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", binary, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building as the platform does: %v\n%s", err, out)
	}
}

func TestFunctionBuildsAndServesLikeTheBuildpack(t *testing.T) {
	t.Parallel()
	airflow := newAirflow(t)
	binary := buildFunction(t)
	url := startFunction(t, binary, "AIRFLOW_URL="+airflow.URL, "DAG_ID=load")
	status, body := post(t, url, upload("acme", "a.csv", 1))
	if status != http.StatusOK || !strings.Contains(body, `"outcome":"triggered"`) {
		t.Fatalf("answered %d %s", status, body)
	}
	if runs := airflow.sim.Runs("load"); len(runs) != 1 {
		t.Errorf("Airflow holds %d runs, want 1", len(runs))
	}
}

// The counts of the log are the number of events, however the platform ends the process.
func TestUnmatchedEventsAreAllInTheLogWhenTheProcessEnds(t *testing.T) {
	t.Parallel()
	const events = 40
	function := startInstance(t, buildFunction(t), "AIRFLOW_URL=http://127.0.0.1:1",
		"DAGTRIGGER_CONFIG=routes: [{name: other, on: object.finalized, bucket: other, dag: load}]")
	for i := range events {
		if status, body := post(t, function.url, upload("acme", "a.csv", i)); status != http.StatusOK {
			t.Fatalf("answered %d %s", status, body)
		}
	}
	if err := function.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	exit, _ := errors.AsType[*exec.ExitError](function.process.Wait())
	if exit == nil || exit.Exited() {
		t.Errorf("ended with %v, want the signal", exit)
	}
	logged := 0
	counts := regexp.MustCompile(`"message":"event unmatched".*"count":(\d+)`)
	for _, count := range counts.FindAllStringSubmatch(function.written.String(), -1) {
		n, err := strconv.Atoi(count[1])
		if err != nil {
			t.Fatal(err)
		}
		logged += n
	}
	if logged != events {
		t.Errorf("the log counts %d of %d events", logged, events)
	}
}

func TestInvalidSettingsEndTheProcessAndAreAllListed(t *testing.T) {
	t.Parallel()
	binary := buildFunction(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = []string{"FUNCTION_TARGET=TriggerDAG", "PORT=" + freePort(t), "AIRFLOW_URL=http://127.0.0.1:1", "AIRFLOW_API=v9"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 1 {
		t.Errorf("ended with %v, want exit status 1", err)
	}
	want := "dagtrigger cannot start, invalid settings:\n" +
		"DAG_ID is missing: name the DAG that every event starts, or give a routes file in DAGTRIGGER_CONFIG\n" +
		"AIRFLOW_API is \"v9\": use one of auto, v2, v1, experimental\n"
	if got := stderr.String(); got != want {
		t.Errorf("stderr is %q, want %q", got, want)
	}
}

// The buildpack reads the package's name from all Go files at the root, and
// fails on a second one, such as that of an external test package.
func TestRootHasOnePackage(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(os.DirFS("../.."), "*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %v: %v", files, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", name), nil, parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if file.Name.Name != "dagtrigger" {
			t.Errorf("%s is in package %s, want dagtrigger", name, file.Name.Name)
		}
	}
}
