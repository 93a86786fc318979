// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// serverOf returns the folder of a PostgreSQL of some version.
func serverOf(t *testing.T, version string) map[string]string {
	t.Helper()
	return map[string]string{"initdb": "", "postgres": "echo 'postgres (PostgreSQL) " + version + " (Debian " + version + "-1)'"}
}

func TestFindPostgresPrefersTheNewestOfDebian(t *testing.T) {
	t.Parallel()
	debian := t.TempDir()
	for _, version := range []string{"9.6", "15", "17"} {
		link(t, folderOf(t, serverOf(t, version+".3")), filepath.Join(debian, version, "bin"))
	}
	link(t, folderOf(t, map[string]string{"initdb": ""}), filepath.Join(debian, "18", "bin")) // a client's alone
	inPATH := folderOf(t, serverOf(t, "14.1"))
	for pattern, want := range map[string]string{filepath.Join(debian, "*/bin/initdb"): "PostgreSQL 17", "/nowhere/*": "PostgreSQL 14"} {
		found, err := findPostgres(t.Context(), nil, lookIn(inPATH), pattern)
		if err != nil || found.String() != want {
			t.Errorf("%s: found %v, %v, want %s", pattern, found, err, want)
		}
	}
}

func TestMissingPostgresNamesTheInstallCommand(t *testing.T) {
	t.Parallel()
	_, err := findPostgres(t.Context(), nil, lookIn(t.TempDir()), "/nowhere/*/initdb")
	missing := (*MissingError)(nil)
	want := "PostgreSQL is missing: no initdb and postgres in PATH, and no /nowhere/*/initdb: " +
		"install it (Debian: apt-get install postgresql; macOS: brew install postgresql)"
	if !errors.As(err, &missing) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestPostgresListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	args := strings.Join((&postgres{bin: "/b"}).arguments("/f", 20001), " ")
	for _, want := range []string{
		"/b/postgres -D /f/data ", "listen_addresses=127.0.0.1", "port=20001", "unix_socket_directories= ", "dynamic_shared_memory_type=mmap",
	} {
		if !strings.Contains(args, want) {
			t.Errorf("%q does not hold %q", args, want)
		}
	}
}

func TestFreePortIsBelowTheEphemeralRange(t *testing.T) {
	t.Parallel()
	for range 20 {
		port, err := freePort()
		if err != nil || port < 20000 || port >= 32768 {
			t.Errorf("port %d, %v", port, err)
		}
		listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close()
	}
}

// link makes path lead to folder.
func link(t *testing.T, folder, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Symlink(folder, path)); err != nil {
		t.Fatal(err)
	}
}
