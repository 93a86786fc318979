// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGenerations(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	now, before, err := generations(fstest.MapFS{
		"plain.py": file("plain"), "team/broken.py": file("broken"),
		"before/team/broken.py": file("whole"), "before/retired.py": file("retired"),
	})
	if err != nil {
		t.Fatal(err)
	}
	wantNow := map[string][]byte{"plain.py": []byte("plain"), "team/broken.py": []byte("broken")}
	wantBefore := map[string][]byte{"plain.py": []byte("plain"), "team/broken.py": []byte("whole"), "retired.py": []byte("retired")}
	if diff := cmp.Diff(wantNow, now) + cmp.Diff(wantBefore, before); diff != "" {
		t.Error(diff)
	}
}

func TestDAGsWithoutABeforeFolderAreLoadedOnce(t *testing.T) {
	t.Parallel()
	_, before, err := generations(fstest.MapFS{"plain.py": {Data: []byte("plain")}})
	if err != nil || len(before) != 0 {
		t.Errorf("before: %v, %v", before, err)
	}
}

func TestWriteDAGsLeavesNoOtherFile(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "dags")
	for _, files := range []map[string][]byte{{"retired.py": nil, "a/b.py": nil}, {"plain.py": []byte("x")}} {
		if err := writeDAGs(folder, files); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 || entries[0].Name() != "plain.py" {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestPreparedKeyDependsOnDatabaseAndDAGs(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, row := range []struct {
		db   database
		dags fstest.MapFS
	}{
		{sqlite{}, fstest.MapFS{"a.py": {Data: []byte("1")}}},
		{sqlite{}, fstest.MapFS{"a.py": {Data: []byte("2")}}},
		{sqlite{}, fstest.MapFS{"b.py": {Data: []byte("1")}}},
		{&postgres{major: "15"}, fstest.MapFS{"a.py": {Data: []byte("1")}}},
		{&postgres{major: "17"}, fstest.MapFS{"a.py": {Data: []byte("1")}}},
	} {
		for range 2 { // the same each time
			key, err := preparedKey(row.db, row.dags)
			if err != nil {
				t.Fatal(err)
			}
			keys[key] = true
		}
	}
	if len(keys) != 5 {
		t.Errorf("five prepared databases have %d keys", len(keys))
	}
}

func TestPruneKeepsTheLastUsed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for i, name := range []string{"prepared-a", "prepared-b", "prepared-c", "prepared-d", "prepared-cut-off", "venv"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if i < 4 {
			touch(t, filepath.Join(folder, name, "prepared"), i)
		}
	}
	if err := prune(folder); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if diff := cmp.Diff([]string{"prepared-b", "prepared-c", "prepared-d", "venv"}, left); diff != "" {
		t.Error(diff)
	}
}

// touch makes an empty file, so many hours after the epoch.
func touch(t *testing.T, path string, hours int) {
	t.Helper()
	when := time.Unix(int64(hours)*3600, 0)
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, when, when)); err != nil {
		t.Fatal(err)
	}
}
