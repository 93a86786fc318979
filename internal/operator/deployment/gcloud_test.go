// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/operator/deployment"
)

// sdk is a real gcloud on this machine: the Python that it runs on, and where it is. The
// Python that it brings has packages beside it, which some commands need.
type sdk struct {
	python, root string
	bundled      bool
}

// findSDK is an error that says what to install where there is none.
func findSDK() (sdk, error) {
	program, err := exec.LookPath("gcloud")
	if err == nil {
		program, err = filepath.EvalSymlinks(program) // SDK/bin/gcloud
	}
	if err != nil {
		return sdk{}, errors.New("gcloud is missing: it is not on the path: install the Google Cloud CLI")
	}
	root := filepath.Dir(filepath.Dir(program))
	if _, err := os.Stat(filepath.Join(root, "lib", "googlecloudsdk")); err != nil {
		return sdk{}, errors.New("gcloud is missing: its program is no part of an SDK: install the Google Cloud CLI")
	}
	python := filepath.Join(root, "platform", "bundledpythonunix", "bin", "python3")
	if _, err := os.Stat(python); err != nil {
		return sdk{python: "python3", root: root}, nil
	}
	return sdk{python: python, root: root, bundled: true}, nil
}

func needGcloud() error {
	_, err := findSDK()
	return err
}

// command runs testdata/gcloud.py, with nothing of this machine's configuration.
func (s sdk) command(t *testing.T, verb string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := filepath.Abs("testdata/gcloud.py")
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{program, verb}, args...)
	if !s.bundled {
		args = append([]string{"-S"}, args...) // as gcloud does
	}
	cmd := exec.CommandContext(t.Context(), s.python, args...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CLOUDSDK_CONFIG=" + t.TempDir(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1", "PYTHONDONTWRITEBYTECODE=1",
	}
	return cmd
}

// serve starts a gcloud that is loaded once, with the commands to expect, and
// returns a folder whose program gcloud has commands run there.
func (s sdk) serve(t *testing.T, expected []deployment.Command) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "gcloud") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket := filepath.Join(folder, "socket")
	cmd := s.command(t, "serve", s.root, socket)
	stdin, err := cmd.StdinPipe() // the server ends when it is closed
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // it is ended by a signal
	})
	for _, command := range expected {
		text, err := json.Marshal(command[1:])
		if err != nil {
			t.Fatal(err)
		}
		_, _ = stdin.Write(append(text, '\n')) // it tells itself where it has ended
	}
	_, _ = stdin.Write([]byte("\n"))
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); strings.TrimSpace(line) != "ready" {
		t.Fatalf("gcloud cannot be loaded: %s%s", line, &stderr)
	}
	program, err := filepath.Abs("testdata/gcloud.py")
	if err != nil {
		t.Fatal(err)
	}
	shim := "#!/bin/sh\nexec '" + s.python + "' -S '" + program + "' call '" + socket + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(folder, "gcloud"), []byte(shim), 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}
