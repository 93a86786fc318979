// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// wantsUpload holds what was uploaded to what the buildpack asks of a function:
// that all is there of which it is built, and no test, which it would read at
// the root as a second package.
func (s *standIn) wantsUpload(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	upload := s.upload
	s.mu.Unlock()
	source, err := zip.NewReader(bytes.NewReader(upload), int64(len(upload)))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range source.File {
		name := file.Name
		if strings.HasSuffix(name, "/") {
			continue
		}
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".md") || strings.HasPrefix(name,
			"deploy/") && !strings.HasPrefix(name, "deploy/container/") {
			t.Errorf("%s is uploaded, and nothing is built of it", name)
		}
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, source); err != nil {
		t.Fatal(err)
	}
	// As the container is built, so that what was compiled for one serves the other.
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "./...")
	build.Dir, build.Env = folder, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("what is uploaded cannot be built: %v\n%s", err, out)
	}
}
