// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/build"
	"example.com/dagtrigger/internal/real/realtest"
)

// Every program of the release has the types that its platform has. Compiling
// all that they import, six times over, would take a quarter of an hour; what
// is ours can fail by its types alone, and those are checked in seconds. All
// processors have 64 bits, so that for a further one only the list of files is checked.
func TestProgramsTypeCheckOnEveryPlatform(t *testing.T) {
	t.Parallel()
	realtest.Need(t)
	b := released(t).Builds[0]
	for _, system := range b.Goos {
		for i, processor := range b.Goarch {
			t.Run(system+"/"+processor, func(t *testing.T) {
				examine := check
				if i > 0 || system == runtime.GOOS { // for this one all is compiled anyway
					examine = func(t *testing.T, folder, system, processor string) error {
						_, err := list(t, folder, system, processor)
						return err
					}
				}
				if err := examine(t, filepath.Join(root, "cmd/dagtrigger"), system, processor); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// The check sees what a platform lacks.
func TestMissingPlatformSymbolIsReported(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const text = "package main\n\nimport \"syscall\"\n\nfunc main() { _ = syscall.SysProcAttr{Setpgid: true} }\n"
	for name, content := range map[string]string{"main.go": text, "go.mod": "module " + build.Module + "\n\ngo 1.26\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := check(t, folder, "linux", "amd64"); err != nil {
		t.Error(err)
	}
	if err := check(t, folder, "windows", "amd64"); err == nil || !strings.Contains(err.Error(), "unknown field Setpgid") {
		t.Errorf("%v, want the unknown field", err)
	}
}

// listed is a package as go list prints it.
type listed struct {
	ImportPath, Dir string
	GoFiles         []string
	ImportMap       map[string]string
	Module          *struct{ Path string }
	Error           *struct{ Err string }
}

// list are the packages of a program on a platform, those first that others import.
func list(t *testing.T, folder, system, processor string) ([]listed, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,ImportMap,Module,Error", ".")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages: %w", err)
	}
	var all []listed
	for packages := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := packages.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the list: %w", err)
		}
		if p.Error != nil {
			return nil, errors.New(p.Error.Err)
		}
		all = append(all, p)
	}
}

// check checks the types of a program, and of what it imports no more than what
// can be seen from outside.
func check(t *testing.T, folder, system, processor string) error {
	t.Helper()
	all, err := list(t, folder, system, processor)
	if err != nil {
		return err
	}
	checked := map[string]*types.Package{"unsafe": types.Unsafe}
	files := token.NewFileSet()
	var problems []error
	for _, p := range all {
		if p.ImportPath == "unsafe" {
			continue
		}
		ours := p.Module != nil && p.Module.Path == build.Module
		config := types.Config{
			Importer: imports{p.ImportMap, checked}, Sizes: types.SizesFor("gc", processor), IgnoreFuncBodies: !ours,
			Error: func(err error) {
				if ours {
					problems = append(problems, err)
				}
			},
		}
		parsed, err := p.parse(files)
		if err != nil {
			return err
		}
		checked[p.ImportPath], _ = config.Check(p.ImportPath, files, parsed, nil) // its errors are collected
	}
	return errors.Join(problems...)
}

// parse reads a package's files, of which go list has left out another platform's.
func (p *listed) parse(files *token.FileSet) ([]*ast.File, error) {
	parsed := make([]*ast.File, len(p.GoFiles))
	for i, name := range p.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parsing %s: %w", name, err)
		}
		parsed[i] = file
	}
	return parsed, nil
}

// imports are the packages that have been checked: go list tells those that are
// imported first.
type imports struct {
	renamed map[string]string
	checked map[string]*types.Package
}

// Import is for [types.Config].
func (i imports) Import(path string) (*types.Package, error) {
	if renamed, ok := i.renamed[path]; ok {
		path = renamed
	}
	if p := i.checked[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s has not been checked", path)
}
