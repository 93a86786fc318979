// SPDX-License-Identifier: Apache-2.0

package program

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// cache gives the test its own cache folder, and the folder of the tools in it.
func cache(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
	t.Setenv("LocalAppData", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	t.Setenv("AppData", home)
	config, errConfig := os.UserConfigDir()
	folder, errCache := os.UserCacheDir()
	// Where the go command keeps counters, it writes them after its end.
	telemetry := filepath.Join(config, "go", "telemetry")
	err := errors.Join(
		errConfig,
		errCache,
		os.MkdirAll(telemetry, 0o700),
		os.WriteFile(filepath.Join(telemetry, "mode"), []byte("off"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, "dagtrigger", "tools")
}

func names(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestFailedInstallIsAMissingPart(t *testing.T) {
	tools := cache(t)
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	_, err := Go{Package: "example.com/nobody/tool", Version: "v1.0.0"}.Install(t.Context())
	missing, ok := errors.AsType[*MissingError](err)
	if !ok || missing.Part != "example.com/nobody/tool" || !strings.Contains(missing.Why, "GOPROXY=off") ||
		!strings.HasSuffix(err.Error(), ": see that Go and its module proxy can be reached") {
		t.Errorf("%v, want a part that is missing", err)
	}
	if left := names(t, tools); left != "" {
		t.Errorf("%s is left behind", left)
	}
}

func TestPartialInstallIsRemoved(t *testing.T) {
	tools := cache(t)
	fault := errors.New("the registry is gone")
	_, err := once(t.Context(), "tool-v1", func(folder string) error {
		return errors.Join(os.WriteFile(filepath.Join(folder, "half"), nil, 0o600), fault)
	})
	if !errors.Is(err, fault) {
		t.Error(err)
	}
	if left := names(t, tools); left != "" {
		t.Errorf("%s is left behind", left)
	}
}

// Several tests may want the same at the same time: it is installed once.
func TestConcurrentInstalls(t *testing.T) {
	tools := cache(t)
	var installed atomic.Int32
	var all sync.WaitGroup
	started := make(chan struct{})
	for range 8 {
		all.Go(func() {
			<-started
			folder, err := once(t.Context(), "tool-v1", func(folder string) error {
				installed.Add(1)
				return os.WriteFile(filepath.Join(folder, "tool"), []byte("whole"), 0o600)
			})
			if err != nil {
				t.Error(err)
			}
			if text, err := os.ReadFile(filepath.Join(folder, "tool")); string(text) != "whole" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	close(started)
	all.Wait()
	if left := names(t, tools); left != "tool-v1" || installed.Load() != 1 {
		t.Errorf("there is %s, want tool-v1 alone; installed %d times", left, installed.Load())
	}
	_, err := once(t.Context(), "tool-v1", func(string) error { return errors.New("installed twice") })
	if err != nil {
		t.Error(err)
	}
}
