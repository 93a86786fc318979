// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package airflowreal

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

// escapes is a program whose grandchild leaves its session and its parent, as a daemon does.
func escapes(python, stop string) command {
	return command{name: "escapes", stop: stop, args: []string{python, "-c", `
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("grandchild", flush=True)
        time.sleep(600)
    os._exit(0)
def gently(*_):
    print("asked", flush=True)
    sys.exit(0)
signal.signal(signal.SIGINT, gently)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
`}}
}

// untilLogged names what is missing until the process has logged a line.
func untilLogged(p *process) string {
	if text, _ := os.ReadFile(p.log); len(text) == 0 {
		return "nothing in its log"
	}
	return ""
}

// supervised makes a supervisor that is closed with the test.
func supervised(t *testing.T) *supervisor {
	t.Helper()
	python, err := anyPython(t.Context())
	if err != nil {
		t.Skip("supervision runs on Python, and python3 is not in PATH")
	}
	s, err := newSupervisor(python)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if exists(s.folder) {
			t.Errorf("%s is left behind", s.folder)
		}
	})
	return s
}

func TestRunReportsHowACommandEnded(t *testing.T) {
	t.Parallel()
	s := supervised(t)
	if err := s.run(t.Context(), command{name: "good", args: []string{"/bin/sh", "-c", "echo fine"}}); err != nil {
		t.Error(err)
	}
	err := s.run(t.Context(), command{name: "bad", args: []string{"/bin/sh", "-c", "echo one; echo two >&2; exit 3"}})
	exit, want := (*ExitError)(nil), "bad ended with exit status 3; the end of its log:\n    one\n    two"
	if !errors.As(err, &exit) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	err = s.run(t.Context(), command{name: "killed", args: []string{"/bin/sh", "-c", "kill -9 $$"}})
	if err == nil || !strings.Contains(err.Error(), "exit status 137") {
		t.Errorf("error %v, want exit status 137, as shells say it", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := supervised(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.run(ctx, command{name: "forever", args: []string{"/bin/sh", "-c", "sleep 600"}})
	if !errors.Is(err, context.Canceled) || err.Error() != "running forever: context canceled" {
		t.Errorf("error %v", err)
	}
}

func TestTailOfTheLog(t *testing.T) {
	t.Parallel()
	s := supervised(t)
	err := s.run(t.Context(), command{name: "long", args: []string{"/bin/sh", "-c", "seq 1 100; exit 1"}})
	if err == nil || !strings.HasSuffix(err.Error(), "    100") || strings.Count(err.Error(), "\n") != tailLines {
		t.Errorf("error %v", err)
	}
}

func TestStopSignalsBeforeItKills(t *testing.T) {
	t.Parallel()
	s := supervised(t)
	for stop, want := range map[string]string{"": "grandchild\n", "SIGINT": "grandchild\nasked\n"} {
		c := escapes(s.python, stop)
		c.name += stop
		p, err := s.start(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := waitUntil(t.Context(), []*process{p}, func(context.Context) string { return untilLogged(p) }); err != nil {
			t.Fatal(err)
		}
		below := descendants(t, p.watchdog.Pid)
		if err := errors.Join(p.stop(), p.stop()); err != nil {
			t.Error(err)
		}
		if text, _ := os.ReadFile(p.log); string(text) != want {
			t.Errorf("stopped by %q it logged %q, want %q", stop, text, want)
		}
		if len(below) != 2 {
			t.Errorf("it had the processes %v, want itself and the grandchild", below)
		}
		awaitGone(t, below)
	}
}

func TestFolderStaysWhileACommandRuns(t *testing.T) {
	t.Parallel()
	s := supervised(t)
	p, err := s.start(escapes(s.python, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := waitUntil(t.Context(), []*process{p}, func(context.Context) string { return untilLogged(p) }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := lockFile(ctx, s.path("supervisors"), cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("what removes the folder would not wait: %v", err)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

// TestEndedProgramLeavesNothing is the promise of this package, for every
// way in which a program can end.
func TestEndedProgramLeavesNothing(t *testing.T) {
	t.Parallel()
	supervised(t)
	for _, by := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			KillChild(t, "escapes", by, 4) // the remover, the supervisor, its command, the grandchild
		})
	}
}
