// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/operator/doctor"
)

func TestHealthyDeployment(t *testing.T) {
	t.Parallel()
	for name, image := range map[string]string{"composer3": composer33, "composer2": composer21, "composer1": composer1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, image)
			w.start()
			var b strings.Builder
			table := doctor.Table(&b, nil)
			summary := doctor.Run(t.Context(), w.target, table)
			b.WriteString("\n" + summary.Line() + "\n")
			if !summary.Healthy() {
				t.Error("it is not healthy")
			}
			golden(t, "healthy-"+name+".txt", b.String())
		})
	}
}

// golden holds text against a file; DAGTRIGGER_UPDATE=1 writes it again.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("DAGTRIGGER_UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant %s\n%s", got, path, want)
	}
}
