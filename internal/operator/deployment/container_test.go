// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/dagtrigger/internal/real/realtest"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// The tests have no container engine. They check the parts of the image instead:
// the base images are pinned, the program is static, and it serves when started
// with the image's entry point.

// instruction is one of a Dockerfile, with what follows it.
type instruction struct{ name, text string }

func dockerfile(t *testing.T) (all []instruction) {
	t.Helper()
	text, err := os.ReadFile(root + "/deploy/container/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(name, "#") {
			all = append(all, instruction{name, rest})
		}
	}
	return all
}

// texts are those of all instructions of a name.
func texts(all []instruction, name string) (found []string) {
	for _, i := range all {
		if i.name == name {
			found = append(found, i.text)
		}
	}
	return found
}

func TestImageIsSmallAndPinnedByDigest(t *testing.T) {
	t.Parallel()
	all := dockerfile(t)
	from := texts(all, "FROM")
	if len(from) != 2 {
		t.Fatalf("it has the stages %q", from)
	}
	pinned := regexp.MustCompile(`^(--platform=\$BUILDPLATFORM )?[a-z0-9./-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}( AS build)?$`)
	for _, base := range from {
		if !pinned.MatchString(base) || strings.Contains(base, ":latest@") {
			t.Errorf("%s is not pinned by a tag and a digest", base)
		}
	}
	// For each processor of the release, on the one that builds: https://docs.docker.com/build/building/multi-platform/
	native, ok := strings.CutPrefix(from[0], "--platform=$BUILDPLATFORM ")
	run := texts(all, "RUN")
	if from[0] = native; !ok || !strings.Contains(run[len(run)-1], " GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build ") {
		t.Errorf("it does not build for another processor: %s, %s", from[0], run[len(run)-1])
	}
	module, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(module); version == nil || !strings.HasPrefix(from[0],
		"golang:"+string(version[1])+".") {
		t.Errorf("it builds with %s, and go.mod asks for Go %s", from[0], version)
	}
	if !strings.HasPrefix(from[1], "gcr.io/distroless/static-") || !strings.Contains(from[1], ":nonroot@") {
		t.Errorf("it runs on %s", from[1])
	}
	if user := texts(all, "USER"); len(user) != 1 || user[0] != "nonroot:nonroot" {
		t.Errorf("it runs as %q", user)
	}
}

// buildImage runs the build of the Dockerfile, and returns the program.
func buildImage(t *testing.T) string {
	t.Helper()
	run := texts(dockerfile(t), "RUN")
	line := run[len(run)-1]
	program := filepath.Join(t.TempDir(), "dagtrigger")
	if strings.Count(line, " -o /dagtrigger ") != 1 {
		t.Fatalf("it does not build /dagtrigger: %s", line)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(line, " -o /dagtrigger ", " -o "+program+" ", 1))
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "VERSION=v1.2.3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return program
}

func TestImageServes(t *testing.T) {
	t.Parallel()
	realtest.Need(t) // a first build of all that it is made of takes a minute or more
	if goruntime.GOOS != "linux" {
		t.Skip("the image is one of Linux, and this machine is not")
	}
	program := buildImage(t)
	wantsStatic(t, program)
	if out, err := exec.CommandContext(t.Context(), program, "version").Output(); err != nil || !strings.HasPrefix(string(out),
		"dagtrigger v1.2.3") {
		t.Errorf("it says that it is %s (%v)", out, err)
	}
	// Without settings it refuses to start, rather than to embed an Airflow.
	if out, err := asImage(t, program).CombinedOutput(); err == nil || !strings.Contains(string(out), "AIRFLOW_URL is missing") {
		t.Errorf("without settings: %v\n%s", err, out)
	}

	airflow, err := airflowsim.New(airflowsim.Config{Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen,
		DAGs: []airflowsim.DAG{{ID: "load"}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(airflow)
	t.Cleanup(server.Close)
	container := asImage(t, program, "PORT=0", "DAG_ID=load", "AIRFLOW_URL="+server.URL, "AIRFLOW_API=v2", "AIRFLOW_AUTH=none")
	stdout, err := container.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	container.Stderr = &log
	if err := container.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if status, answer := postEvent(t, regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(line)); status != http.StatusOK ||
		!strings.Contains(answer, `"outcome":"triggered"`) {
		t.Errorf("it answers %d: %s", status, answer)
	}
	// A container is ended by SIGTERM.
	if err := container.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := container.Wait(); err != nil {
		t.Errorf("it ends with %v\n%s", err, &log)
	}
}

// asImage is the program, started as the image starts it, with further settings.
func asImage(t *testing.T, program string, settings ...string) *exec.Cmd {
	t.Helper()
	all := dockerfile(t)
	var entry []string
	if err := json.Unmarshal([]byte(texts(all, "ENTRYPOINT")[0]), &entry); err != nil || entry[0] != "/dagtrigger" {
		t.Fatal(entry, err)
	}
	cmd := exec.CommandContext(t.Context(), program, entry[1:]...)
	cmd.Env = append(texts(all, "ENV"), settings...)
	return cmd
}

// postEvent sends an event, and returns how it was answered.
func postEvent(t *testing.T, url string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"order": 4711}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "1", "ce-type": "com.acme.order", "ce-source": "//acme",
		"Content-Type": "application/json"} {
		request.Header.Set(name, value)
	}
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// wantsStatic holds a program to need nothing of the system that it runs on.
func wantsStatic(t *testing.T, program string) {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it needs the libraries %q (%v)", libraries, err)
	}
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("it needs the system's loader")
		}
	}
}
