// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func lookPathOfSystem(name string) (string, error) { return exec.LookPath(name) }

// debianPostgres is where Debian keeps the server's programs, off PATH, a folder for each version.
const debianPostgres = "/usr/lib/postgresql/*/bin/initdb"

// postgres is a PostgreSQL of this machine.
type postgres struct {
	*supervisor
	bin   string // the folder of its programs
	major string
	owner *user.User // who runs it; nil: this program's user
}

// findPostgres looks in the folders that match pattern, newest version first, then in PATH.
func findPostgres(ctx context.Context, s *supervisor, look lookPath, pattern string) (*postgres, error) {
	candidates, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("looking for PostgreSQL: %w", err)
	}
	slices.SortFunc(candidates, func(a, b string) int { return cmp.Compare(majorOfPath(b), majorOfPath(a)) })
	if path, err := look("initdb"); err == nil {
		candidates = append(candidates, path)
	}
	for _, initdb := range candidates {
		bin := filepath.Dir(initdb)
		output, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
		if err != nil {
			continue // a folder of the client's programs alone
		}
		owner, err := postgresOwner()
		return &postgres{supervisor: s, bin: bin, major: majorOf(string(output)), owner: owner}, err
	}
	return nil, &MissingError{
		Part: string(PostgreSQL),
		Why:  fmt.Sprintf("no initdb and postgres in PATH, and no %s", pattern),
		Fix:  "install it (Debian: apt-get install postgresql; macOS: brew install postgresql)",
	}
}

// majorOfPath is 0 in a path that names no version.
func majorOfPath(initdb string) int {
	major, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return major
}

// majorOf reads "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)".
func majorOf(version string) string {
	return strings.Trim(regexp.MustCompile(`\) \d+`).FindString(version), ") ")
}

// postgresOwner is the user to run PostgreSQL as: it refuses root.
func postgresOwner() (*user.User, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if owner, err := user.Lookup(name); err == nil {
			return owner, nil
		}
	}
	return nil, &MissingError{
		Part: "a user for PostgreSQL", Why: "it refuses to run as root, and there is neither postgres nor nobody here",
		Fix: "run this as another user",
	}
}

func (p *postgres) String() string { return string(PostgreSQL) + " " + p.major }

func (p *postgres) data(folder string) string { return filepath.Join(folder, "data") }

const postgresUser = "airflow"

func (p *postgres) create(ctx context.Context, folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	// Others on this machine can reach the port, and its superuser can run programs: hence a password.
	password := filepath.Join(folder, "password")
	if err := os.WriteFile(password, []byte(rand.Text()), 0o600); err != nil {
		return err
	}
	if err := p.own(folder); err != nil {
		return err
	}
	return p.explain(p.run(ctx, p.as(command{name: "initdb", args: []string{
		filepath.Join(p.bin, "initdb"), "--pgdata", p.data(folder), "--username", postgresUser,
		"--auth", "scram-sha-256", "--pwfile", password, "--encoding", "UTF8", "--locale", "C",
		"--no-sync", "--wal-segsize", "1", // smaller files, for they are copied at each start
	}})))
}

// explain adds to an error of PostgreSQL what to do about it.
func (p *postgres) explain(err error) error {
	if err == nil {
		return nil
	}
	fix := "see its log above; Options.Database can choose SQLite"
	if p.owner != nil {
		fix += fmt.Sprintf("; it runs as user %s, who must be able to enter %s: else set TMPDIR to another folder", p.owner.Username, p.folder)
	}
	return fmt.Errorf("starting %s: %w\n%s", p, err, fix)
}

// as has the command run by the owner.
func (p *postgres) as(c command) command {
	if p.owner != nil {
		c.user = p.owner.Username
	}
	c.env = []string{"PATH=" + p.bin + ":" + os.Getenv("PATH"), "LC_ALL=C"}
	return c
}

// own gives the folder, and all below it, to the owner.
func (p *postgres) own(folder string) error {
	if p.owner == nil {
		return nil
	}
	uid, errUID := strconv.Atoi(p.owner.Uid)
	gid, errGID := strconv.Atoi(p.owner.Gid)
	if err := errors.Join(errUID, errGID); err != nil {
		return fmt.Errorf("reading the ids of %s: %w", p.owner.Username, err)
	}
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, uid, gid))
	})
}

// readyBound is how long a program may take to be ready. It bounds hangs: the
// slowest takes ten seconds on a quiet machine.
const readyBound = 5 * time.Minute

func (p *postgres) open(ctx context.Context, folder string) (string, func() error, error) {
	password, err := os.ReadFile(filepath.Join(folder, "password"))
	if err != nil {
		return "", nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	if err := p.own(folder); err != nil {
		return "", nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return "", nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	server, err := p.start(p.as(command{name: "postgresql", args: p.arguments(folder, port), stop: "SIGINT"}))
	if err != nil {
		return "", nil, err
	}
	err = waitUntil(ctx, []*process{server}, func(context.Context) string { return p.notReady(folder) })
	if err != nil {
		return "", nil, errors.Join(p.explain(err), server.stop())
	}
	url := fmt.Sprintf("postgresql+psycopg2://%s:%s@127.0.0.1:%d/postgres", postgresUser, password, port)
	return url, server.stop, nil
}

// arguments trade what a database for tests does not need, to survive a power
// failure, for speed, and leave nothing outside the folder: no socket, no shared memory file.
func (p *postgres) arguments(folder string, port int) []string {
	args := []string{filepath.Join(p.bin, "postgres"), "-D", p.data(folder)}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(port), "unix_socket_directories=",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off",
		"dynamic_shared_memory_type=mmap", "max_connections=200",
	} {
		args = append(args, "-c", setting)
	}
	return args
}

// notReady looks where pg_ctl looks: the eighth line of postmaster.pid.
func (p *postgres) notReady(folder string) string {
	text, err := os.ReadFile(filepath.Join(p.data(folder), "postmaster.pid"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 8 || strings.TrimSpace(lines[7]) != "ready" {
		return "postmaster.pid does not say ready"
	}
	return ""
}
