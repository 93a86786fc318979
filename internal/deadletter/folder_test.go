// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/deadletter"
)

func TestFolderPermissionsAreOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "letters")
	s, _ := opened(t, "file://"+filepath.ToSlash(path), deadletter.Options{})
	put(t, s, failure("x", "no", 0))
	for _, name := range []string{path, filepath.Join(path, "x.json")} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v, %v: others can read the events", name, info.Mode(), err)
		}
	}
}

func TestOpenReportsAFolderThatCannotBeMade(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := deadletter.Open("file://"+filepath.ToSlash(file)+"/below", deadletter.Options{}); err == nil {
		t.Error("Open took a folder below a file")
	}
}

func TestProcessesShareAFolder(t *testing.T) {
	t.Parallel()
	// Each store has its own lock, as separate processes do: the file lock
	// counts by open file, not by process.
	address := "file://" + filepath.ToSlash(t.TempDir())
	const stores, each = 4, 10
	var group sync.WaitGroup
	for i := range stores {
		s, _ := opened(t, address, deadletter.Options{})
		group.Go(func() {
			for j := range each {
				if err := s.Put(t.Context(), failure("x", "no", time.Duration(i*each+j)*time.Second)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	_, a := opened(t, address, deadletter.Options{})
	want := []string{fmt.Sprintf("x %d no", stores*each)}
	if diff := cmp.Diff(want, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInterruptedWriteKeepsTheRecord(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	s, a := opened(t, "file://"+filepath.ToSlash(path), deadletter.Options{})
	put(t, s, failure("x", "no", 0))
	// As a process leaves it that was killed before the rename, lock included.
	if err := os.WriteFile(filepath.Join(path, ".unfinished-1"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, s, failure("x", "again", time.Hour))
	if diff := cmp.Diff([]string{"x 2 again"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFolderReportsAndReplacesInvalidRecord(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	s, a := opened(t, "file://"+filepath.ToSlash(path), deadletter.Options{})
	file := filepath.Join(path, "x.json")
	if err := os.WriteFile(file, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{"error: " + file + " is no dead letter: it is not a JSON record: byte 1: move it elsewhere"}
	if diff := cmp.Diff(want, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	put(t, s, failure("x", "no", 0))
	if diff := cmp.Diff([]string{"x 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
