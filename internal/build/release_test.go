// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/real/program"
	"example.com/dagtrigger/internal/real/realtest"
)

// root is the repository.
const root = "../.."

// actionlint reads workflows as GitHub does.
var actionlint = program.Go{Package: "github.com/rhysd/actionlint/cmd/actionlint", Version: "v1.7.12"}

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

func TestWorkflowsAreValid(t *testing.T) {
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
	pinned := regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
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
// two jobs, which have a token to sign with.
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
		want := map[string]string{
			"release.yml": "image attestations, image id-token, image packages, release attestations, release contents, release id-token",
		}[filepath.Base(file)]
		slices.Sort(writes)
		if got := strings.Join(writes, ", "); got != want {
			t.Errorf("%s writes %q, want %q", filepath.Base(file), got, want)
		}
	}
}

func TestWorkflowPinsTheCheckedGoReleaser(t *testing.T) {
	t.Parallel()
	var w workflow
	if err := yaml.Unmarshal([]byte(read(t, root+"/.github/workflows/release.yml")), &w); err != nil {
		t.Fatal(err)
	}
	for _, step := range w.Jobs["release"].Steps {
		if strings.HasPrefix(step.Uses, "goreleaser/") {
			version, _ := step.With["version"].(string)
			want := "require github.com/goreleaser/goreleaser/v2 " + version + "\n"
			if !strings.Contains(read(t, "testdata/goreleaser/go.mod"), want) {
				t.Errorf("it runs %s, and testdata/goreleaser does not", version)
			}
			return
		}
	}
	t.Error("it runs none")
}

func TestWorkflowRunsTheLocalChecks(t *testing.T) {
	t.Parallel()
	if !strings.Contains(read(t, root+"/.github/workflows/ci.yml"), "- run: .ci/run\n") {
		t.Error("ci.yml does not run .ci/run")
	}
}

// GoReleaser's own code reads its configuration. What it refuses is what it
// does not know, so each row must be refused.
func TestGoReleaserReadsItsConfiguration(t *testing.T) {
	t.Parallel()
	realtest.Need(t)
	goreleaser := filepath.Join(t.TempDir(), "goreleaser")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", goreleaser, ".")
	build.Dir = "testdata/goreleaser"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := read(t, root+"/.goreleaser.yaml")
	for _, row := range []struct{ name, from, to, fault string }{
		{"as it is", "", "", ""},
		{"a key that it does not know", "goarch:", "goarchs:", "field goarchs not found"},
		{"a list in the place of a text", "project_name: dagtrigger", "project_name: [dagtrigger]", "cannot unmarshal"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "goreleaser.yaml")
			if err := os.WriteFile(file, []byte(strings.Replace(text, row.from, row.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), goreleaser, file).CombinedOutput()
			if (err == nil) != (row.fault == "") || !strings.Contains(string(out), row.fault) {
				t.Errorf("%v, want %q in %s", err, row.fault, out)
			}
		})
	}
}

// config is what this test reads of GoReleaser's configuration.
type config struct {
	Builds []struct {
		Main                                      string
		Env, Flags, Ldflags, Goos, Goarch, Ignore []string
	}
	Archives []struct{ Files []string }
	Checksum struct {
		Name string `yaml:"name_template"`
	}
	SBOMs []struct{ Artifacts string }
	Signs []struct {
		Cmd, Artifacts, Signature string
		Args                      []string
	}
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

// step returns the step of a job that uses an action.
func step(t *testing.T, job, action string) map[string]any {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal([]byte(read(t, root+"/.github/workflows/release.yml")), &w); err != nil {
		t.Fatal(err)
	}
	for _, s := range w.Jobs[job].Steps {
		if strings.HasPrefix(s.Uses, action+"@") {
			return s.With
		}
	}
	t.Fatalf("the job %s has no %s", job, action)
	return nil
}

func TestReleaseIsSignedAndSaysWhatIsInIt(t *testing.T) {
	t.Parallel()
	c := released(t)
	if len(c.SBOMs) != 1 || c.SBOMs[0].Artifacts != "archive" {
		t.Errorf("SBOMs of %+v, want of every archive", c.SBOMs)
	}
	if len(c.Signs) != 1 || c.Signs[0].Cmd != "cosign" || c.Signs[0].Artifacts != "checksum" ||
		strings.Join(c.Signs[0].Args, " ") != "sign-blob --bundle=${signature} --yes ${artifact}" {
		t.Errorf("signed by %+v, want the checksums by cosign without a key", c.Signs)
	}
	step(t, "release", "sigstore/cosign-installer")
	step(t, "release", "anchore/sbom-action/download-syft")
	if with := step(t, "release", "actions/attest-build-provenance"); with["subject-checksums"] != "dist/"+c.Checksum.Name {
		t.Errorf("the provenance is of %v", with)
	}
}

func TestImageIsOfBothProcessorsAndSigned(t *testing.T) {
	t.Parallel()
	push := step(t, "image", "docker/build-push-action")
	for name, want := range map[string]any{
		"platforms": "linux/amd64,linux/arm64", "push": true, "sbom": true, "provenance": "mode=max",
		"file": "deploy/container/Dockerfile", "build-args": "VERSION=${{ github.ref_name }}",
	} {
		if push[name] != want {
			t.Errorf("%s is %v, want %v", name, push[name], want)
		}
	}
	if with := step(t, "image", "actions/attest-build-provenance"); with["subject-digest"] != "${{ steps.push.outputs.digest }}" {
		t.Errorf("the provenance is of %v, not of what was pushed", with)
	}
	if text := read(t, root+"/.github/workflows/release.yml"); !strings.Contains(text, `cosign sign --yes "$IMAGE@$DIGEST"`) {
		t.Error("the image is not signed by its digest")
	}
}

// What a user types to verify a download names what the workflow publishes.
func TestSecurityPageVerifiesWhatIsReleased(t *testing.T) {
	t.Parallel()
	c := released(t)
	page := read(t, root+"/.github/SECURITY.md")
	_, page, ok := strings.Cut(page, "## Verify a release\n")
	if !ok {
		t.Fatal("it has no such section")
	}
	bundle := strings.ReplaceAll(c.Signs[0].Signature, "${artifact}", c.Checksum.Name)
	for _, command := range []string{
		"sha256sum --ignore-missing --check " + c.Checksum.Name,
		"cosign verify-blob " + c.Checksum.Name + " --bundle " + bundle,
		"gh attestation verify dagtrigger_1.2.3_linux_amd64.tar.gz --repo OWNER/dagtrigger",
		"cosign verify ghcr.io/OWNER/dagtrigger:v1.2.3",
		"gh attestation verify oci://ghcr.io/OWNER/dagtrigger:v1.2.3 --repo OWNER/dagtrigger",
		"https://github.com/OWNER/dagtrigger/.github/workflows/release.yml@refs/tags/v1.2.3",
		"https://token.actions.githubusercontent.com",
	} {
		if !strings.Contains(page, command) {
			t.Errorf("it does not have %q", command)
		}
	}
}

func TestNightlyRunsThePoolOfVersions(t *testing.T) {
	t.Parallel()
	text := read(t, root+"/.github/workflows/versions.yml")
	if !strings.Contains(text, "- run: .ci/versions\n") || !strings.Contains(text, "- cron: ") {
		t.Error("versions.yml does not run .ci/versions each night")
	}
}

func TestPackedFilesExist(t *testing.T) {
	t.Parallel()
	for _, archive := range released(t).Archives {
		for _, file := range archive.Files {
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Error(err)
			}
		}
	}
}

// The workflow takes a tag's section for the notes of its release.
func TestWorkflowFindsTheReleaseNotes(t *testing.T) {
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
