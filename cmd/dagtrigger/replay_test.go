// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.com/dagtrigger/internal/config"
)

// The routes file is read once: what happens to it during a replay changes nothing.
func TestReplayKeepsTheRoutesItStartedWith(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(path, []byte("routes: [{name: r, on: message.published, dag: d}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{now: time.Now, getenv: set(map[string]string{config.FileVariable: path, "AIRFLOW_URL": "http://127.0.0.1:1"})}
	s, err := p.sender("")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.way("r"); err != nil {
		t.Errorf("the route r: %v", err)
	}
	if _, err := s.way("other"); err == nil {
		t.Error("a route that is not in the file was found")
	}
}
