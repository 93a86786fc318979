// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/airflowreal/realtest"
	"example.com/dagtrigger/internal/program"
)

// root is the repository.
const root = "../.."

// The programs that read the files, and GoReleaser at the version that the
// workflow runs.
var (
	actionlint = program.Go{Package: "github.com/rhysd/actionlint/cmd/actionlint", Version: "v1.7.12"}
	goreleaser = program.Go{Package: "github.com/goreleaser/goreleaser/v2", Version: "v2.17.0"}
)

// installed is the program's path, where real programs are asked for.
func installed(t *testing.T, p program.Go) (path string) {
	t.Helper()
	realtest.Need(t, func() (err error) {
		path, err = p.Install(t.Context())
		return err
	})
	return path
}

func workflows(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	return files
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWorkflowsAreSound(t *testing.T) {
	t.Parallel()
	// Without the programs that it would look for, so that it says the same everywhere.
	args := append([]string{"-no-color", "-shellcheck=", "-pyflakes="}, workflows(t)...)
	if out, err := exec.CommandContext(t.Context(), installed(t, actionlint), args...).CombinedOutput(); err != nil {
		t.Errorf("actionlint: %v\n%s", err, out)
	}
}

// A tag can be moved to other code, a commit cannot.
func TestActionsArePinnedByCommit(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	for _, file := range workflows(t) {
		for line := range strings.Lines(read(t, file)) {
			_, uses, ok := strings.Cut(strings.TrimSpace(line), "uses: ")
			if ok && !strings.HasPrefix(uses, "./") && !pinned.MatchString(uses) {
				t.Errorf("%s: %q names no commit and its version", filepath.Base(file), uses)
			}
		}
	}
}

// workflow is what this test reads of one.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Steps       []struct {
			Uses string
			With map[string]any
		}
	}
}

// What runs for a change may read, and nothing else; a release is written by
// one job.
func TestWorkflowsHaveTheLeastPermissions(t *testing.T) {
	t.Parallel()
	for _, file := range workflows(t) {
		text := read(t, file)
		var w workflow
		if err := yaml.Unmarshal([]byte(text), &w); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "\npermissions:") {
			t.Errorf("%s has the permissions that the repository gives by default", filepath.Base(file))
		}
		var writes []string
		for scope, access := range w.Permissions {
			if access != "read" {
				writes = append(writes, scope)
			}
		}
		for name, job := range w.Jobs {
			for scope, access := range job.Permissions {
				if access != "read" {
					writes = append(writes, name+" "+scope)
				}
			}
		}
		want := map[string]string{"release.yml": "release contents"}[filepath.Base(file)]
		if got := strings.Join(writes, ", "); got != want {
			t.Errorf("%s writes %q, want %q", filepath.Base(file), got, want)
		}
	}
}

func TestTheWorkflowRunsTheGoReleaserThatIsCheckedHere(t *testing.T) {
	t.Parallel()
	var w workflow
	if err := yaml.Unmarshal([]byte(read(t, root+"/.github/workflows/release.yml")), &w); err != nil {
		t.Fatal(err)
	}
	for _, step := range w.Jobs["release"].Steps {
		if strings.HasPrefix(step.Uses, "goreleaser/") {
			if step.With["version"] != goreleaser.Version {
				t.Errorf("it runs %v, this test %s", step.With["version"], goreleaser.Version)
			}
			return
		}
	}
	t.Error("it runs none")
}

func TestTheChecksAreThoseOfALaptop(t *testing.T) {
	t.Parallel()
	if !strings.Contains(read(t, root+"/.github/workflows/ci.yml"), "- run: .ci/run\n") {
		t.Error("ci.yml does not run .ci/run")
	}
}

func TestGoReleaserAcceptsItsConfiguration(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), installed(t, goreleaser), "check")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("goreleaser check: %v\n%s", err, out)
	}
}

// config is what this test reads of GoReleaser's configuration.
type config struct {
	Builds []struct {
		Main                                      string
		Env, Flags, Ldflags, Goos, Goarch, Ignore []string
	}
	Archives []struct{ Files []string }
}

func released(t *testing.T) config {
	t.Helper()
	var c config
	if err := yaml.Unmarshal([]byte(read(t, root+"/.goreleaser.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Builds) != 1 || len(c.Builds[0].Goos) == 0 {
		t.Fatalf("%+v", c)
	}
	return c
}

func TestWhatIsPackedIsThere(t *testing.T) {
	t.Parallel()
	for _, archive := range released(t).Archives {
		for _, file := range archive.Files {
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Error(err)
			}
		}
	}
}

// Every program of the release compiles. One after the other: each takes all
// the cores that there are.
func TestEveryPlatformCompiles(t *testing.T) {
	t.Parallel()
	realtest.Need(t)
	b := released(t).Builds[0]
	for _, system := range b.Goos {
		for _, processor := range b.Goarch {
			if out, err := compile(t.Context(), b.Main, system, processor); err != nil {
				t.Errorf("%s/%s: %v\n%s", system, processor, err, out)
			}
		}
	}
}

// compile builds a program without keeping it. It is not linked, which takes as
// long as all the rest and cannot fail by what is ours.
func compile(ctx context.Context, main, system, processor string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "vet", main)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor)
	return cmd.CombinedOutput()
}

// The workflow takes a tag's section for the notes of its release.
func TestTheWorkflowFindsTheNotesOfATag(t *testing.T) {
	t.Parallel()
	_, after, ok := strings.Cut(read(t, root+"/.github/workflows/release.yml"), "awk ")
	command, _, ends := strings.Cut(after, " > ")
	if !ok || !ends {
		t.Fatal("release.yml has no awk")
	}
	const changes = "# Changes\n\n## Unreleased\n\n- c\n\n## 1.2.3 (2026-11-22)\n\n- b\n\n## 1.2.2\n\n- a\n"
	file := filepath.Join(t.TempDir(), "CHANGELOG.md")
	if err := os.WriteFile(file, []byte(changes), 0o600); err != nil {
		t.Fatal(err)
	}
	command = "awk " + strings.ReplaceAll(command, "deploy/CHANGELOG.md", file)
	for tag, want := range map[string]string{"v1.2.3": "- b", "v1.2.2": "- a", "v1.2": "", "v9.9.9": ""} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Env = append(os.Environ(), "GITHUB_REF_NAME="+tag)
		out, err := cmd.Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", tag, got, err, want)
		}
	}
	if !strings.HasPrefix(read(t, root+"/deploy/CHANGELOG.md"), "# Changes\n") {
		t.Error("deploy/CHANGELOG.md has another beginning")
	}
}
