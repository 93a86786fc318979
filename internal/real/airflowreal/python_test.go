// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// folderOf makes a folder of executable scripts.
func folderOf(t *testing.T, scripts map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func lookIn(folder string) lookPath {
	return func(name string) (string, error) { return exec.LookPath(filepath.Join(folder, name)) }
}

func TestFindPythonTakesALockedVersion(t *testing.T) {
	t.Parallel()
	const other, bare, good = "echo 3.13; echo /opt/other", "echo 3.12; exit 1", "echo 3.11; echo '/opt/a b/python3'"
	l := list{version: "3.9.1", pythons: []string{"3.11", "3.12"}}
	for what, scripts := range map[string]map[string]string{
		"the default":                   {"python3": good},
		"beside one of another version": {"python3": other, "python3.11": good},
		"beside one without venv":       {"python3.12": bare, "python3.11": good},
		"beside one that does not run":  {"python3": "exit 127", "python3.11": good},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path, err := findPython(t.Context(), l, lookIn(folderOf(t, scripts)))
			if err != nil || path != "/opt/a b/python3" {
				t.Errorf("found %q, %v", path, err)
			}
		})
	}
}

func TestMissingPythonNamesTheInstallCommand(t *testing.T) {
	t.Parallel()
	l := list{version: "3.9.1", pythons: []string{"3.11", "3.12"}}
	const needs = "Python is missing: Airflow 3.9.1 needs Python 3.11 or 3.12 with its venv module, and PATH has "
	const install = ": install one of these versions (Debian: apt-get install python3 python3-venv; macOS: brew install python@3.12)"
	for _, row := range []struct {
		what    string
		scripts map[string]string
		found   func(folder string) string
	}{
		{"nothing", nil, func(string) string { return "no Python 3" }},
		{"another version", map[string]string{"python3": "echo 3.9; echo /opt/python3"}, func(f string) string { return f + "/python3 (3.9)" }},
		{"two that will not do", map[string]string{"python3": "exit 1", "python3.12": "echo 3.12; exit 1"}, func(f string) string {
			return f + "/python3 (does not run), " + f + "/python3.12 (3.12, without venv)"
		}},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			folder := folderOf(t, row.scripts)
			_, err := findPython(t.Context(), l, lookIn(folder))
			missing := (*MissingError)(nil)
			if want := needs + row.found(folder) + install; !errors.As(err, &missing) || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}
