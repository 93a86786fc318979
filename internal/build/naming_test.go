// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/build"
)

const namingPage = "deploy/naming.md"

// texts are the repository's files that are text, by their paths from its root.
func texts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		if entry.Name() == ".git" || !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		name, err := filepath.Rel(root, path)
		all[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var importLine = regexp.MustCompile(`(?m)^(import )?\s*([\w.]+ )?"` + regexp.QuoteMeta(build.Module) + `[^"]*"( //.*)?$`)

// The page lists every file that names the module's path elsewhere than in an import.
func TestNamingPageListsEveryPlaceOfTheModulePath(t *testing.T) {
	t.Parallel()
	var found []string
	for name, text := range texts(t) {
		if strings.HasSuffix(name, ".go") {
			text = importLine.ReplaceAllString(text, "")
		}
		if name != namingPage && strings.Contains(text, build.Module) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^- `([^`]+)`").FindAllStringSubmatch(read(t, filepath.Join(root, namingPage)), -1) {
		listed = append(listed, row[1])
	}
	if diff := cmp.Diff(listed, found); diff != "" {
		t.Errorf("%s lists (-), and the files are (+):\n%s", namingPage, diff)
	}
}

func TestModulePathIsThatOfGoMod(t *testing.T) {
	t.Parallel()
	if first, _, _ := strings.Cut(read(t, root+"/go.mod"), "\n"); first != "module "+build.Module {
		t.Errorf("go.mod says %s, and build.Module is %s", first, build.Module)
	}
}

// rename runs .ci/rename in a copy of the repository.
func rename(t *testing.T, args ...string) (folder, output string, err error) {
	t.Helper()
	folder = t.TempDir()
	for name, text := range texts(t) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "bash", append([]string{filepath.Join(folder, ".ci", "rename")}, args...)...).CombinedOutput()
	return folder, string(out), err
}

func TestRenameLeavesNoPlaceholder(t *testing.T) {
	t.Parallel()
	folder, out, err := rename(t, "github.com/acme/dagtrigger", "@acme/data")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for pattern, below := range map[string]string{regexp.QuoteMeta(build.Module): "", "OWNER": ".github"} {
		grep := exec.CommandContext(t.Context(), "grep", "-rnE", pattern, filepath.Join(folder, below))
		if left, _ := grep.Output(); len(left) > 0 {
			t.Errorf("still there:\n%s", left)
		}
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-m")
	list.Dir = folder
	if path, err := list.Output(); err != nil || string(path) != "github.com/acme/dagtrigger\n" {
		t.Errorf("the module is %q, %v", path, err)
	}
	if unformatted, err := exec.CommandContext(t.Context(), "gofmt", "-l", folder).Output(); err != nil || len(unformatted) > 0 {
		t.Errorf("not formatted: %s, %v", unformatted, err)
	}
}

func TestRenameRefusesWhatIsNoName(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"dagtrigger", "@acme"}, {"github.com/acme/dagtrigger"}, {"github.com/acme/x|y", "@acme"}} {
		if _, out, err := rename(t, args...); err == nil || !strings.Contains(out, ".ci/rename github.com/acme/dagtrigger @acme/data") {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
}
