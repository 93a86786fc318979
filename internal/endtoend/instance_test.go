// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"errors"
	"os/exec"
	"slices"
	"testing"
)

// instance is a built function as a process, at an address that stays its own
// when it is killed and started again.
type instance struct {
	url     string
	binary  string
	port    string
	env     []string
	written lockedBuffer // by all its processes
	process *exec.Cmd
}

// startFunction starts a built function with the given settings, waits until it
// answers, and returns its address. It is ended with the test.
func startFunction(t testing.TB, binary string, settings ...string) string {
	t.Helper()
	return startInstance(t, binary, settings...).url
}

// startInstance is startFunction, and a hold on the process.
func startInstance(t testing.TB, binary string, settings ...string) *instance {
	t.Helper()
	port := freePort(t)
	i := &instance{
		url: "http://127.0.0.1:" + port, binary: binary, port: port,
		env: slices.Concat(settings, []string{"FUNCTION_TARGET=TriggerDAG", "PORT=" + port}), // which may be another instance's too
	}
	if err := i.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = i.kill() // it may be dead already
		if t.Failed() {
			t.Logf("the function wrote:\n%s", i.written.String())
		}
	})
	waitForPort(t, port)
	return i
}

// start starts the process, which listens soon.
func (i *instance) start() error {
	i.process = exec.Command(i.binary)
	i.process.Env = i.env
	i.process.Stdout, i.process.Stderr = &i.written, &i.written
	return i.process.Start()
}

// kill ends the process by SIGKILL, with all that it has under way.
func (i *instance) kill() error {
	if err := i.process.Process.Kill(); err != nil {
		return err
	}
	err := i.process.Wait()
	if _, killed := errors.AsType[*exec.ExitError](err); killed {
		return nil
	}
	return err
}
