// SPDX-License-Identifier: Apache-2.0

// Package kubernetes_test checks the manifests by the schema that Kubernetes publishes.
package kubernetes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/real/program"
	"example.com/dagtrigger/internal/real/realtest"
)

// validator has the schemas of all versions of Kubernetes, and sends no request.
var validator = program.PyPI{Name: "kubernetes-validate", Version: "1.37.0", With: []string{
	"attrs==26.1.0", "importlib-resources==7.1.0", "jsonschema==4.26.0", "jsonschema-specifications==2025.9.1", "packaging==26.4",
	"PyYAML==6.0.4", "referencing==0.37.0", "rpds-py==2026.9.1", "typing-extensions==4.16.0",
}}

func TestManifestIsValidForThePublishedSchema(t *testing.T) {
	t.Parallel()
	var packages string
	realtest.Need(t, func() (err error) {
		packages, err = validator.Install(t.Context())
		return err
	})
	const oldest, newest = "1.30", "1.37" // the oldest is the one that the manifests name
	for file, resources := range map[string]int{"dagtrigger.yaml": 2, "pull.yaml": 1} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct {
			name, from, to, want string
			versions             []string
		}{
			{"as it is", "", "", "", []string{oldest, newest}},
			// Errors that the check must find.
			{"a misspelt field", "readOnlyRootFilesystem", "readOnlyRootFileSystem", "'readOnlyRootFileSystem' was unexpected", []string{newest}},
			{"another type", "replicas: 2", "replicas: two", "'two' is not of type 'integer'", []string{newest}},
			{"a probe without a port", ", port: http}", "}", "'port' is a required property", []string{newest}},
		} {
			t.Run(file+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "manifest.yaml")
				changed := strings.Replace(string(text), row.from, row.to, 1)
				if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
					t.Fatal(err)
				}
				for _, version := range row.versions {
					said, err := validate(t, packages, version, path)
					if row.want == "" && (err != nil || strings.Count(said, " passed for resource ") != resources) {
						t.Errorf("Kubernetes %s: %v\n%s", version, err, said)
					}
					if row.want != "" && (err == nil || !strings.Contains(said, row.want)) {
						t.Errorf("Kubernetes %s: %v, want %q in\n%s", version, err, row.want, said)
					}
				}
			})
		}
	}
}

// validate runs the validator, which rejects fields that the schema does not have.
func validate(t *testing.T, packages, version, path string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "python3", "-m", "kubernetes_validate", "--strict", "--kubernetes-version="+version, path)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages)
	said, err := cmd.CombinedOutput()
	return string(said), err
}
