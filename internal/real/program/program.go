// SPDX-License-Identifier: Apache-2.0

// Package program installs the programs and data of others that only the checks
// of this project need: each at a pinned version, installed once into the
// user's cache folder, below dagtrigger, by the client of its registry.
//
//	tflint := program.Go{Package: "github.com/terraform-linters/tflint", Version: "v0.64.0"}
//	path, err := tflint.Install(ctx)
//
// They are run or read, never linked, so that go.mod stays what the function
// needs. The package never runs what it installs. Where it cannot install, a
// [MissingError] says which part, and what to do.
package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// MissingError says that this machine lacks a part.
type MissingError struct {
	Part string
	Why  string
	Fix  string
}

func (e *MissingError) Error() string { return e.Part + " is missing: " + e.Why + ": " + e.Fix }

// Go is a program in Go: its main package, and the version of its module.
type Go struct{ Package, Version string }

// Install builds the program at the first time, and returns its path.
func (g Go) Install(ctx context.Context) (string, error) {
	folder, err := once(ctx, path.Base(g.Package)+"-"+g.Version, func(folder string) error {
		cmd := exec.CommandContext(ctx, "go", "install", g.Package+"@"+g.Version)
		cmd.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=-modcacherw")
		return run(cmd, g.Package, "see that Go and its module proxy can be reached")
	})
	return filepath.Join(folder, path.Base(g.Package)), err
}

// NPM is a package of the npm registry.
type NPM struct{ Name, Version string }

// Fetch unpacks the package at the first time, and returns its folder. None of
// its scripts is run, and nothing that it depends on is fetched.
func (n NPM) Fetch(ctx context.Context) (string, error) {
	name := strings.ReplaceAll(strings.TrimPrefix(n.Name, "@"), "/", "-") + "-" + n.Version
	folder, err := once(ctx, name, func(folder string) error {
		const fix = "see that npm and its registry can be reached"
		pack := exec.CommandContext(ctx, "npm", "pack", "--silent", "--ignore-scripts", n.Name+"@"+n.Version)
		pack.Dir = folder
		if err := run(pack, n.Name, fix); err != nil {
			return err
		}
		// Whatever the archive holds stands below package in it.
		unpack := exec.CommandContext(ctx, "tar", "-xzf", name+".tgz")
		unpack.Dir = folder
		if err := run(unpack, n.Name, "see that tar can be run"); err != nil {
			return err
		}
		return os.Remove(filepath.Join(folder, name+".tgz"))
	})
	return filepath.Join(folder, "package"), err
}

// PyPI is a package of the Python Package Index, and all that it depends on, each as
// NAME==VERSION.
type PyPI struct {
	Name, Version string
	With          []string
}

// Install installs the packages at the first time, and returns their folder, which
// python3 finds by PYTHONPATH. Nothing is built.
func (p PyPI) Install(ctx context.Context) (string, error) {
	return once(ctx, p.Name+"-"+p.Version, func(folder string) error {
		args := append([]string{"-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
			"--root-user-action=ignore", "--target=" + folder, p.Name + "==" + p.Version}, p.With...)
		return run(exec.CommandContext(ctx, "python3", args...), p.Name, "see that python3 has pip, and that its index can be reached")
	})
}

// run runs an installer. Its output is part of the error where it fails.
func run(cmd *exec.Cmd, part, fix string) error {
	if cmd.Dir == "" {
		cmd.Dir = os.TempDir() // not below a module, whose go.mod it must not read
	}
	output, err := cmd.CombinedOutput()
	if err != nil {
		why := fmt.Sprintf("installing it failed: %v\n%s", err, output)
		return &MissingError{Part: part, Why: why, Fix: fix}
	}
	return nil
}

// lockInterval is how often a lock is tried that another process holds.
const lockInterval = 100 * time.Millisecond

// once fills the folder of that name, unless it is there. Where several tests want it at
// the same time, one fills it and the others wait. It is moved into its place as a whole.
func once(ctx context.Context, name string, fill func(folder string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	tools := filepath.Join(cache, "dagtrigger", "tools")
	folder := filepath.Join(tools, name)
	if exists(folder) {
		return folder, nil
	}
	locks := filepath.Join(cache, "dagtrigger", "locks")
	if err := errors.Join(os.MkdirAll(tools, 0o700), os.MkdirAll(locks, 0o700)); err != nil {
		return "", fmt.Errorf("making the folder of tools: %w", err)
	}
	lock := flock.New(filepath.Join(locks, name))
	if _, err := lock.TryLockContext(ctx, lockInterval); err != nil {
		return "", fmt.Errorf("waiting for another test to install %s: %w", name, err)
	}
	defer func() { _ = lock.Close() }() // the system drops that of a process that dies
	if exists(folder) {
		return folder, nil
	}
	filling, err := os.MkdirTemp(tools, "installing-")
	if err != nil {
		return "", fmt.Errorf("making a folder to install in: %w", err)
	}
	if err := fill(filling); err != nil {
		return "", errors.Join(err, os.RemoveAll(filling))
	}
	if err := os.Rename(filling, folder); err != nil {
		return "", fmt.Errorf("keeping %s: %w", name, err)
	}
	return folder, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
