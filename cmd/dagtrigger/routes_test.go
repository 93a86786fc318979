// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample is the YAML that a help shows: what is indented by two blanks, from the
// line that begins with first on.
func sample(t *testing.T, help, first string) string {
	t.Helper()
	_, rest, ok := strings.Cut(help, "\n  "+first)
	if !ok {
		t.Fatalf("the help shows no %s", first)
	}
	yaml, _, _ := strings.Cut("  "+first+rest, "\n\n")
	return strings.ReplaceAll("\n"+yaml, "\n  ", "\n")
}

// TestHelpSamplesWork checks the routes and tries the examples that the
// help shows.
func TestHelpSamplesWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	routes := sample(t, routesHelp, "# yaml-language-server") + `
  - {name: orders, on: message.published, topic: orders, dag: ship}`
	for name, text := range map[string]string{"routes.yaml": routes, "sales_test.yaml": sample(t, testHelp, "# sales_test.yaml")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"check", filepath.Join(dir, "routes.yaml")},
		{"test", filepath.Join(dir, "sales_test.yaml")},
	} {
		out := newOutput()
		if status := run(t.Context(), args, none, nil, out, out); status != exitOK || strings.Contains(out.String(), "warning") {
			t.Errorf("%v ended with %d:\n%s", args, status, out)
		}
	}
}
