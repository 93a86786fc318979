// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The linker says nothing where it does not find the variable that it is to
// set, so the name that deployments use is held by a build.
func TestTheLinkerSetsTheVersion(t *testing.T) {
	t.Parallel()
	const flag = "-X=example.com/dagtrigger/internal/build.linked=v1.2.3"
	out, err := exec.CommandContext(t.Context(), "go", "run", "-ldflags", flag, "./testdata/tell").CombinedOutput()
	if got, want := strings.TrimSpace(string(out)), "v1.2.3 dagtrigger/v1.2.3"; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
