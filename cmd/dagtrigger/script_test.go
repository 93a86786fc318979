// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"example.com/dagtrigger/internal/simulator/googlesim"
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
			"project":  startProject,
			"listens":  listens,
			"google":   serveGoogle,
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

// serveGoogle serves a Cloud Logging whose project acme has the lines of a function's log,
// and a Cloud Storage whose bucket acme has objects, just uploaded, and leads commands to
// both: google LOG STATUS NAME@GENERATION.... STATUS is that of every answer of Cloud
// Logging, 200 where the log may be read. A request that they do not know fails the
// command that sent it.
func serveGoogle(ts *testscript.TestScript, _ bool, args []string) {
	unknown := func(r *http.Request) { panic("unknown request " + r.Method + " " + r.URL.Path) } // ends the connection
	log, storage := googlesim.NewLogging(unknown), googlesim.NewStorage(unknown, "acme")
	log.Project, log.Service = "acme", "trigger"
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if strings.HasPrefix(line, "{") {
			_, err := io.WriteString(log, line)
			ts.Check(err)
		}
	}
	code, err := strconv.Atoi(args[1])
	ts.Check(err)
	if code != http.StatusOK {
		log.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
			googlesim.Refuse(w, code, "Permission denied for all log views")
			return true
		})
	}
	for _, object := range args[2:] {
		name, text, _ := strings.Cut(object, "@")
		generation, err := strconv.ParseInt(text, 10, 64)
		ts.Check(err)
		storage.Put("acme", googlesim.Object{Name: name, Generation: generation, ContentType: "text/csv"})
	}
	for variable, handler := range map[string]http.Handler{loggingVariable: log, storageVariable: storage} {
		server := httptest.NewServer(handler)
		ts.Defer(server.Close)
		ts.Setenv(variable, server.URL)
	}
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
