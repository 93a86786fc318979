// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// hang bounds a wait that only a hang would reach.
const hang = time.Minute

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dagtrigger": main})
}

// TestScripts runs the pages in testdata/script: each is a session of a user's.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": freePort,
			"listens":  listens,
			"status":   status,
		},
	})
}

// freePort sets an environment variable to a port that is free: freeport NAME.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], port)
}

// listens waits until somebody listens on a port: listens PORT.
func listens(ts *testscript.TestScript, _ bool, args []string) {
	for started := time.Now(); time.Since(started) < hang; {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", args[0]))
		if err == nil {
			ts.Check(conn.Close())
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	ts.Fatalf("nothing listens on port %s", args[0])
}

// status runs a program that must end with an exit status: status 2 dagtrigger send.
func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("it ended with the exit status %d, want %d", got, want)
	}
}
