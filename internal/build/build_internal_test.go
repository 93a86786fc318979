// SPDX-License-Identifier: Apache-2.0

package build

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// commit are the settings of a build in a clone.
func commit(modified string) []debug.BuildSetting {
	return []debug.BuildSetting{
		{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "5f3c9e0"},
		{Key: "vcs.time", Value: "2026-11-22T06:00:00Z"}, {Key: "vcs.modified", Value: modified},
	}
}

// program is built from this module, function from one that requires it.
func program(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
	return &debug.BuildInfo{Main: debug.Module{Path: Module, Version: version}, Settings: settings}
}

func function(ours *debug.Module, settings ...debug.BuildSetting) *debug.BuildInfo {
	other := &debug.Module{Path: "golang.org/x/sync", Version: "v0.22.0"}
	return &debug.BuildInfo{
		Main: debug.Module{Path: "functions.local/app", Version: "v9.9.9"}, Deps: []*debug.Module{other, ours}, Settings: settings,
	}
}

func TestProgramReportsItsVersion(t *testing.T) {
	t.Parallel()
	const revision, at = "5f3c9e0", "2026-11-22T06:00:00Z"
	folder := &debug.Module{Path: "../serverless_function_source_code"}
	for _, row := range []struct {
		name   string
		info   *debug.BuildInfo
		linked string
		want   Info
		agent  string
	}{
		{"a release", program("v1.2.3", commit("false")...), "",
			Info{Version: "v1.2.3", Revision: revision, Time: at}, "dagtrigger/v1.2.3"},
		{"installed by go install", program("v1.2.3"), "",
			Info{Version: "v1.2.3"}, "dagtrigger/v1.2.3"},
		{"a clone with changes", program("v1.2.4-0.20261122060000-5f3c9e0aaaaa+dirty", commit("true")...), "",
			Info{Version: "v1.2.4-0.20261122060000-5f3c9e0aaaaa+dirty", Revision: revision, Time: at, Modified: true},
			"dagtrigger/v1.2.4-0.20261122060000-5f3c9e0aaaaa+dirty"},
		{"a build without a repository", program("(devel)"), "",
			Info{Version: "(devel)"}, "dagtrigger"},
		{"a test, whose main module has no version", program(""), "",
			Info{Version: "(devel)"}, "dagtrigger"},
		{"the function, required by its version", function(&debug.Module{Path: Module, Version: "v1.2.3"}, commit("true")...), "",
			Info{Version: "v1.2.3"}, "dagtrigger/v1.2.3"},
		{"the function, uploaded", function(&debug.Module{Path: Module, Version: "v0.0.0", Replace: folder}), "",
			Info{Version: "(devel)"}, "dagtrigger"},
		{"the function, replaced by a fork", function(&debug.Module{
			Path: Module, Version: "v1.2.3",
			Replace: &debug.Module{Path: "example.org/fork", Version: "v1.2.4"},
		}), "",
			Info{Version: "v1.2.4"}, "dagtrigger/v1.2.4"},
		{"the function, uploaded, by its linker", function(&debug.Module{Path: Module, Version: "v0.0.0", Replace: folder}), "v1.2.3",
			Info{Version: "v1.2.3"}, "dagtrigger/v1.2.3"},
		{"somebody else's program", function(&debug.Module{Path: "example.org/other", Version: "v7.0.0"}), "",
			Info{Version: "(unknown)"}, "dagtrigger"},
		{"no build information", nil, "",
			Info{Version: "(unknown)"}, "dagtrigger"},
		{"no build information, by its linker", nil, "v1.2.3",
			Info{Version: "v1.2.3"}, "dagtrigger/v1.2.3"},
		{"a version that would be another header", nil, "v1\r\nX-Forged: 1",
			Info{Version: "v1\r\nX-Forged: 1"}, "dagtrigger"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := describe(row.info, row.linked)
			if got.Go == "" || got.Platform == "" {
				t.Errorf("Go is %q, the platform %q", got.Go, got.Platform)
			}
			if diff := cmp.Diff(row.want, got, cmpopts.IgnoreFields(Info{}, "Go", "Platform")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.UserAgent() != row.agent {
				t.Errorf("calls itself %q, want %q", got.UserAgent(), row.agent)
			}
		})
	}
}

func TestVersionLine(t *testing.T) {
	t.Parallel()
	b := Info{Version: "v1.2.3", Go: "go1.26.0", Platform: "linux/amd64"}
	if got, want := b.String(), "dagtrigger v1.2.3, go1.26.0, linux/amd64"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	b.Revision, b.Time, b.Modified = "5f3c9e0", "2026-11-22T06:00:00Z", true
	if got, want := b.String(), "dagtrigger v1.2.3, commit 5f3c9e0 of 2026-11-22T06:00:00Z, modified, go1.26.0, linux/amd64"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
