// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package airflowreal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakePython stands for Python and for the environments that it makes: it
// notes what it is asked for, and runs supervise.py with the real one.
const fakePython = `
case "$*" in
*supervise.py*) exec %[1]q "$@" ;;
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo venv >>%[2]q ;;
*" uv>=0.5") printf '#!/bin/sh\necho uv >>%[2]s; %[3]s' >"${0%%/*}/uv" && chmod +x "${0%%/*}/uv" ;;
*" -r "*) echo pip >>%[2]q; %[4]s ;;
esac
`

// fakeBuilder returns a builder on a fake Python, and what reads the notes. uv
// and pip are the ends of their scripts.
func fakeBuilder(t *testing.T, cache, notes, uv, pip string) *builder {
	t.Helper()
	s := supervised(t)
	folder := folderOf(t, map[string]string{"python3": fmt.Sprintf(fakePython, s.python, notes, uv, pip)})
	s.python = filepath.Join(folder, "python3")
	return &builder{
		supervisor: s, list: list{version: "3.9.1", digest: "0123456789ab"}, text: []byte("apache-airflow==3.9.1\n"),
		cache: cache, report: func(line string) { t.Log(line) },
	}
}

// unlockedBuilder is a fakeBuilder of a version without a list; download and uv are the ends of their scripts.
func unlockedBuilder(t *testing.T, download, uv string) (b *builder, notes string) {
	t.Helper()
	notes = filepath.Join(t.TempDir(), "notes")
	const script = `case "$*" in
*supervise.py*) exec %[1]q "$@" ;;
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo venv >>%[2]q ;;
"-m pip download "*) echo download >>%[2]q; %[3]s ;;
*" uv>=0.5") printf '#!/bin/sh\necho uv "$@" >>%[2]s; %[4]s' >"${0%%/*}/uv" && chmod +x "${0%%/*}/uv" ;;
*) shift; echo "$@" >>%[2]q ;;
esac
`
	b = fakeBuilder(t, t.TempDir(), notes, uv, "exit 0")
	l, err := unlocked("3.1.7")
	if err != nil {
		t.Fatal(err)
	}
	real, err := os.ReadFile(b.python)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(real), `exec "`)
	python, _, _ := strings.Cut(after, `"`)
	b.list, b.text = l, nil
	if err := os.WriteFile(b.python, []byte("#!/bin/sh\n"+fmt.Sprintf(script, python, notes, download, uv)), 0o700); err != nil {
		t.Fatal(err)
	}
	return b, notes
}

func notesOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

func TestTwoInstallsAtOnceMakeOneEnvironment(t *testing.T) {
	t.Parallel()
	cache, notes := t.TempDir(), filepath.Join(t.TempDir(), "notes")
	var wg sync.WaitGroup
	for range 3 {
		b := fakeBuilder(t, cache, notes, "exit 0", "exit 0")
		wg.Go(func() {
			i, err := b.install(t.Context())
			if err != nil || !i.complete() || i.folder != filepath.Join(cache, "airflow-3.9.1-0123456789ab") {
				t.Errorf("installed into %s: %v", i.folder, err)
			}
		})
	}
	wg.Wait()
	if got := notesOf(t, notes); got != "venv uv" {
		t.Errorf("three installs did %q, want %q", got, "venv uv")
	}
}

func TestIncompleteInstallIsRepeated(t *testing.T) {
	t.Parallel()
	for what, left := range map[string]func(t *testing.T, folder string){
		"half-way": func(*testing.T, string) {},
		"its Python gone since": func(t *testing.T, folder string) {
			touch(t, filepath.Join(folder, "installed"), 0)
			if err := os.Symlink("/nowhere/python3", filepath.Join(folder, "venv", "bin", "python")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cache, notes := t.TempDir(), filepath.Join(t.TempDir(), "notes")
			folder := filepath.Join(cache, "airflow-3.9.1-0123456789ab")
			remains := filepath.Join(folder, "venv", "bin", "half")
			if err := os.MkdirAll(filepath.Dir(remains), 0o700); err != nil {
				t.Fatal(err)
			}
			touch(t, remains, 0)
			left(t, folder)
			i, err := fakeBuilder(t, cache, notes, "exit 0", "exit 0").install(t.Context())
			if err != nil || !i.complete() || exists(remains) || notesOf(t, notes) != "venv uv" {
				t.Errorf("installed by %q, remains: %t, %v", notesOf(t, notes), exists(remains), err)
			}
		})
	}
}

func TestPipInstallsWhereUVFails(t *testing.T) {
	t.Parallel()
	notes := filepath.Join(t.TempDir(), "notes")
	i, err := fakeBuilder(t, t.TempDir(), notes, "exit 2", "exit 0").install(t.Context())
	if err != nil || !i.complete() || notesOf(t, notes) != "venv uv pip" {
		t.Errorf("installed by %q, %v", notesOf(t, notes), err)
	}
}

func TestUnreachablePackageIndexIsAMissingPart(t *testing.T) {
	t.Parallel()
	notes := filepath.Join(t.TempDir(), "notes")
	i, err := fakeBuilder(t, t.TempDir(), notes, "exit 2", "echo no route to host; exit 1").install(t.Context())
	missing := (*MissingError)(nil)
	want := "installing Airflow 3.9.1: Airflow 3.9.1 is missing: pip ended with exit status 1; the end of its log:\n    no route to host: " +
		"let pip reach a package index, by PIP_INDEX_URL, PIP_PROXY or pip's configuration file"
	if !errors.As(err, &missing) || err.Error() != want || i.complete() {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestInstallerEnvironment(t *testing.T) {
	t.Parallel()
	got := installerEnvironment([]string{
		"PATH=/bin", "PIP_INDEX_URL=https://example.com", "HTTPS_PROXY=p", "PYTHONPATH=/x", "PYTHONDONTWRITEBYTECODE=1",
		"VIRTUAL_ENV=/v", "PIP_USER=1", "PIP_REQUIRE_VIRTUALENV=1", "TMPDIR=/t",
	}, "/a/tmp")
	if want := "PATH=/bin PIP_INDEX_URL=https://example.com HTTPS_PROXY=p TMPDIR=/a/tmp"; strings.Join(got, " ") != want {
		t.Errorf("environment %q, want %q", got, want)
	}
}

func TestLockIsHeldUntilReleased(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lockFile(t.Context(), path, func() { t.Error("nobody else holds it") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = lockFile(ctx, path, cancel) // gives up once it has to wait
	if !errors.Is(err, context.Canceled) || err.Error() != "waiting for the lock "+path+": context canceled" {
		t.Errorf("error %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := lockFile(t.Context(), path, func() { t.Error("it was given back") })
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}
