// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheReadmesRoutesHaveNoFault(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) == 0 {
		t.Fatal("README.md has no routes")
	}
	for _, block := range blocks {
		file := filepath.Join(t.TempDir(), "routes.yaml")
		if err := os.WriteFile(file, block[1], 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		getenv := func(string) string { return "" }
		if code := run(t.Context(), []string{"check", file}, getenv, strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Errorf("exit %d: %s%s\n%s", code, &stdout, &stderr, block[1])
		}
	}
}
