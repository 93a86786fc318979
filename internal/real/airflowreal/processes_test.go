// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package airflowreal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childVariable turns this test binary into a program that starts something
// under supervision, says so, and waits for its end.
const childVariable = "AIRFLOWREAL_TEST_CHILD"

func TestMain(m *testing.M) {
	what := os.Getenv(childVariable)
	if what == "" {
		os.Exit(m.Run())
	}
	if err := beChild(what); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	select {}
}

func beChild(what string) error {
	if what != "escapes" {
		_, err := Start(context.Background(), Options{Version: what, Scheduler: true})
		return err
	}
	python, err := anyPython(context.Background())
	if err != nil {
		return err
	}
	s, err := newSupervisor(python)
	if err != nil {
		return err
	}
	p, err := s.start(escapes(python, ""))
	if err != nil {
		return err
	}
	return waitUntil(context.Background(), []*process{p}, func(context.Context) string { return untilLogged(p) })
}

// anyPython returns the interpreter behind python3, which may be a shell script that chooses one.
func anyPython(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "python3", "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(output)), err
}

// KillChild starts this binary as a program that starts something, ends it by
// a signal to its whole process group, as a terminal does, and waits until
// all processes and files that it had are gone.
func KillChild(t *testing.T, what string, by syscall.Signal, atLeast int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lists which processes a program started")
	}
	tmp, err := os.MkdirTemp("", "killed-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	if err := os.Chmod(tmp, 0o711); err != nil { // for PostgreSQL's own user
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+what, "TMPDIR="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "started\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	below := descendants(t, cmd.Process.Pid)
	if err := syscall.Kill(-cmd.Process.Pid, by); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the error is the signal
	if len(below) < atLeast {
		t.Errorf("the child had %d processes below it, want at least %d", len(below), atLeast)
	}
	awaitGone(t, below)
	await(t, "an empty "+tmp, func() bool {
		entries, err := os.ReadDir(tmp)
		return err == nil && len(entries) == 0
	})
}

// await polls, within a bound that only a hang meets.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := waitUntil(ctx, nil, func(context.Context) string {
		if done() {
			return ""
		}
		return "still waiting for " + what
	})
	if err != nil {
		t.Error(err)
	}
}

func awaitGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		await(t, fmt.Sprintf("the end of process %d", pid), func() bool {
			state, _ := stat(pid)
			return state == "" || state == "Z"
		})
	}
}

// stat returns a process's state and its parent.
func stat(pid int) (state string, parent int) {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return "", 0
	}
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}

// descendants returns the processes below one, on Linux.
func descendants(t *testing.T, root int) []int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lists which processes a program started")
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			if state, parent := stat(pid); state != "Z" {
				children[parent] = append(children[parent], pid)
			}
		}
	}
	var found []int
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		found = append(found, children[queue[0]]...)
		queue = append(queue, children[queue[0]]...)
	}
	return found
}

// Listening returns the TCP addresses on which the processes below this one
// listen, in the system's own hexadecimal where they are no IPv4 addresses. On Linux alone.
func Listening(t *testing.T) []string {
	t.Helper()
	var ours []string
	for _, pid := range descendants(t, os.Getpid()) {
		files, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "fd", "*"))
		for _, file := range files {
			target, _ := os.Readlink(file) // it may be closed by now
			ours = append(ours, target)
		}
	}
	var found []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			const address, state, inode, listen = 1, 3, 9, "0A"
			fields := strings.Fields(line)
			if fields[state] == listen && slices.Contains(ours, "socket:["+fields[inode]+"]") {
				found = append(found, strings.Replace(fields[address], "0100007F:", "127.0.0.1:", 1))
			}
		}
	}
	return found
}
