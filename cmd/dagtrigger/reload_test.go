// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/config"
)

// TestServeReloadsChangedRoutes edits the routes file while the function serves.
func TestServeReloadsChangedRoutes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "routes.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil { // a reader sees one or the other
			t.Fatal(err)
		}
	}
	route := func(dag string) string { return "routes: [{name: r, on: message.published, dag: " + dag + "}]\n" }
	write(route("first"))
	ctx, end := context.WithCancel(t.Context())
	defer end()
	out, log := newOutput(), newOutput()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--config", path}, set(map[string]string{"PORT": "0", "DAG_ID": "x"}), nil, out, log)
	}()
	url := out.after(t, "The function listens on ", ended)
	starts := func(dag string) {
		t.Helper()
		output := newOutput()
		if status := run(t.Context(), []string{"send", "pubsub", "--data", "hello", "--to", url}, none, nil, output, output); status != exitOK {
			t.Errorf("sending ended with %d", status)
		}
		if !strings.Contains(output.String(), "triggered  route r, DAG "+dag+",") {
			t.Errorf("it did not start %s: %s", dag, output)
		}
	}
	starts("first")

	write("route: [{name: r}]\n")
	out.after(t, path+" has changed, and the routes stay as they were:", ended)
	if want := path + ":1:1: route is not a key of the file: did you mean routes?"; !strings.Contains(out.String(), want) {
		t.Errorf("it wrote no %s, but\n%s", want, out)
	}
	starts("first")

	write("environments: {prod: {url: 'http://127.0.0.1'}}\n" + route("elsewhere"))
	out.after(t, "it names an Airflow now", ended)
	starts("first")

	write(route("another"))
	out.after(t, path+" has changed, and its routes are in", ended)
	starts("another")

	end()
	if status := <-ended; status != exitOK {
		t.Errorf("serve ended with %d: %s", status, log)
	}
}

// A program that writes a file slowly leaves half of it there for a while: with
// only one of two routes, events of the other one would start nothing.
func TestServeWaitsUntilTheRoutesFileIsWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "routes.yaml")
	const old, half, whole = "routes:\n- {name: old, on: x, dag: d}\n", "routes:\n- {name: one, on: x, dag: d}\n",
		"- {name: two, on: x, dag: d}\n"
	write := func(flag int, text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|flag, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(os.O_TRUNC, old)
	synctest.Test(t, func(t *testing.T) {
		var out, log bytes.Buffer
		r := &reloading{
			getenv: set(map[string]string{config.FileVariable: path, "AIRFLOW_URL": "http://127.0.0.1:1"}),
			log:    jsonLog(&log), path: path, out: &out, loaded: look(path),
		}
		if _, err := r.reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		go r.follow(ctx)
		looks := func(n int) int {
			time.Sleep(time.Duration(n) * reloadEvery) //nolint:forbidigo // of the bubble's clock
			synctest.Wait()
			return len(r.config().File.Routes)
		}
		looks(1)
		write(os.O_TRUNC, half)
		if looks(1); r.config().File.Routes[0].Name.Value != "old" {
			t.Error("half of the file was loaded")
		}
		write(os.O_APPEND, whole)
		if looks(1); r.config().File.Routes[0].Name.Value != "old" {
			t.Error("the file was loaded after one look")
		}
		if n := looks(1); n != 2 {
			t.Errorf("after two looks there are %d routes, want 2", n)
		}
		write(os.O_TRUNC, "routes: [")
		looks(3)
		for _, want := range []string{`"severity":"ERROR","message":"routes not reloaded: the function keeps those that it has"`, path + ":1:"} {
			if strings.Count(log.String(), want) == 0 {
				t.Errorf("the log has no %s:\n%s", want, &log)
			}
		}
		end()
	})
}

// TestReloadIgnoresAnUnchangedFile holds the function that serves.
func TestReloadIgnoresAnUnchangedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "routes.yaml")
	r := &reloading{getenv: set(map[string]string{config.FileVariable: path, "AIRFLOW_URL": "http://127.0.0.1:1"}), log: jsonLog(io.Discard),
		path: path}
	for _, row := range []struct {
		text    string
		changed bool
	}{
		{"routes: [{name: r, on: x, dag: d}]", true},
		{"routes: [{name: r, on: x, dag: d}]", false},
		{"routes: [{name: r, on: x, dag: e}]", true},
	} {
		if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if changed, err := r.reload(t.Context()); err != nil || changed != row.changed {
			t.Errorf("%s is a change: %t, %v", row.text, changed, err)
		}
	}
}

// TestServeReloadsAChangedShadowFile edits the shadow file while the function serves.
func TestServeReloadsAChangedShadowFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	live, shadow := filepath.Join(folder, "routes.yaml"), filepath.Join(folder, "new.yaml")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const text = "routes: [{name: r, on: message.published, dag: first}]\n"
	write(live, text)
	write(shadow, text)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	out, log := newOutput(), newOutput()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", live, "--shadow", shadow}, set(map[string]string{"PORT": "0"}), nil, out, log)
	}()
	out.after(t, "The function listens on ", ended)
	write(shadow, "routes: [{name: r, on: message.published}]\n")
	out.after(t, shadow+" has changed, and the routes stay as they were:", ended)
	write(shadow, "routes: [{name: r, on: message.published, dag: the-second}]\n")
	out.after(t, shadow+" has changed, and its routes are in", ended)
	if n := strings.Count(log.String(), `"message":"shadow routes loaded"`); n != 2 {
		t.Errorf("the shadow file was loaded %d times, want 2", n)
	}
	end()
	if status := <-ended; status != exitOK {
		t.Errorf("serve ended with %d: %s", status, log)
	}
}
