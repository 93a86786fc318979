// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The scripts of the repository are what the command prints for its routes.
func TestScriptsMatchThePlan(t *testing.T) {
	t.Parallel()
	for format, name := range map[string]string{"script": "deploy.sh", "undo": "undeploy.sh"} {
		var stdout, stderr bytes.Buffer
		call := []string{"deploy", "plan", "../../deploy/routes.yaml", "--format", format}
		if status := run(t.Context(), call, func(string) string { return "" }, nil, &stdout, &stderr); status != exitOK {
			t.Fatalf("%v ends with %d: %s", call, status, &stderr)
		}
		want, err := os.ReadFile("../../deploy/gcloud/" + name)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(stdout.String(), "../../deploy/", "deploy/") // as from the root
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
}
