// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The linker says nothing where it does not find the variable that it is to
// set, so the name that deployments use is held by a build.
func TestLinkerSetsTheVersion(t *testing.T) {
	t.Parallel()
	const flag = "-X=example.com/dagtrigger/internal/build.linked=v1.2.3"
	out, err := exec.CommandContext(t.Context(), "go", "run", "-ldflags", flag, "./testdata/tell").CombinedOutput()
	if got, want := strings.TrimSpace(string(out)), "v1.2.3 dagtrigger/v1.2.3"; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

// The version of a release is its tag: Go records it, so that no release has to
// set its version.
func TestVersionIsTheTag(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("../../.git"); err != nil {
		t.Skip("this needs a clone of the repository")
	}
	clone := filepath.Join(t.TempDir(), "clone")
	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		if name != "git" {
			cmd.Dir = clone
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("git", "clone", "--quiet", "--no-local", "--depth=1", "../..", clone)
	run("git", "-C", clone, "tag", "v1.2.3")
	run("go", "build", "-buildvcs=true", "-o", "tell.exe", "./internal/build/testdata/tell")
	if got, want := run(filepath.Join(clone, "tell.exe")), "v1.2.3 dagtrigger/v1.2.3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
