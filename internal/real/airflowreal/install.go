// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// uv installs in seconds what pip installs in a minute. It comes from the
// package index, as Airflow does; where it does not come, or its settings are
// not pip's (a company's mirror), pip does the work.
const uvRequirement = "uv>=0.5"

// installed is one version of Airflow on this machine.
type installed struct {
	list
	folder string // in the cache; everything of this version is below it
}

// bin returns the path of a program of the virtual environment.
func (i installed) bin(name string) string { return filepath.Join(i.folder, "venv", "bin", name) }

// marker exists once the installation is complete. An environment cannot be
// built beside its place and moved there: its scripts hold their own paths.
func (i installed) marker() string { return filepath.Join(i.folder, "installed") }

func (i installed) complete() bool {
	_, err := os.Stat(i.marker())
	_, errPython := os.Stat(i.bin("python")) // a link, broken once its Python has gone
	return err == nil && errPython == nil
}

// Install installs a version of Airflow into the user's cache folder, unless
// it is there, and returns the path of the Python that imports it. Start does so
// by itself; this is for doing it ahead. progress may be nil. Several processes
// may install at once: one does, the others wait.
func Install(ctx context.Context, version string, progress func(string)) (python string, err error) {
	b, err := newBuilder(ctx, version, progress)
	if err != nil {
		return "", err
	}
	i, err := b.install(ctx)
	return i.bin("python"), errors.Join(err, b.close())
}

// builder makes what the cache holds.
type builder struct {
	*supervisor
	list
	text   []byte // of the list; empty: what the version needs is resolved
	cache  string // the folder that holds all versions
	report func(string)
}

// newBuilder finds the list and Python, and takes a folder to work in. close gives it back.
func newBuilder(ctx context.Context, version string, progress func(string)) (*builder, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	l, text, err := findList(version)
	if err != nil {
		return nil, err
	}
	python, err := findPython(ctx, l, lookPathOfSystem)
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("finding the user's cache folder: %w: set HOME", err)
	}
	s, err := newSupervisor(python)
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string) {}
	}
	return &builder{supervisor: s, list: l, text: text, cache: filepath.Join(cache, "dagtrigger"), report: progress}, nil
}

// locked runs make while no other process changes this version's folder in the cache.
func (b *builder) locked(ctx context.Context, make func(installed) error) (i installed, err error) {
	i = installed{list: b.list, folder: filepath.Join(b.cache, "airflow-"+b.version+"-"+b.digest)}
	if err := os.MkdirAll(b.cache, 0o755); err != nil {
		return i, fmt.Errorf("making the cache folder: %w", err)
	}
	unlock, err := lockFile(ctx, i.folder+".lock", func() {
		b.report("waiting for another process that works on Airflow " + b.version)
	})
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return i, make(i)
}

func (b *builder) install(ctx context.Context) (installed, error) {
	return b.locked(ctx, func(i installed) error {
		if i.complete() {
			return nil
		}
		b.report(fmt.Sprintf("installing Airflow %s into %s (once; it takes a minute or two)", b.version, i.folder))
		if err := os.RemoveAll(i.folder); err != nil { // one that was cut off, or whose Python has gone
			return fmt.Errorf("removing an incomplete installation: %w", err)
		}
		if err := b.fill(ctx, i); err != nil {
			return fmt.Errorf("installing Airflow %s: %w", b.version, err)
		}
		return os.WriteFile(i.marker(), nil, 0o644)
	})
}

// fill makes the virtual environment and installs the version into it.
func (b *builder) fill(ctx context.Context, i installed) error {
	env := installerEnvironment(os.Environ(), b.path("tmp"))
	venv := filepath.Join(i.folder, "venv")
	if err := b.run(ctx, command{name: "venv", args: []string{b.python, "-m", "venv", venv}, env: env}); err != nil {
		return err
	}
	o, err := b.order(ctx, i, env)
	if err != nil {
		return err
	}
	pip := i.pip("install")
	err = b.run(ctx, command{name: "pip-uv", args: append(pip, uvRequirement), env: env})
	if err == nil {
		uv := []string{i.bin("uv"), "pip", "install", "--quiet", "--python", i.bin("python")}
		err = b.run(ctx, command{name: "uv", args: slices.Concat(uv, o.uv, o.packages), env: env})
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	b.report("uv could not install it, pip does so now; this takes some minutes")
	if o.pipItself != "" {
		err = b.run(ctx, command{name: "pip-pip", args: append(pip, o.pipItself), env: env})
		if err != nil {
			return b.unreachable(err)
		}
	}
	return b.unreachable(b.run(ctx, command{name: "pip", args: slices.Concat(pip, o.pip, o.packages), env: env}))
}

// pip returns a command of the virtual environment's pip, without its arguments.
func (i installed) pip(command string) []string {
	return []string{i.bin("python"), "-m", "pip", command, "--quiet", "--disable-pip-version-check"}
}

// unreachable names the package index as what is missing, where pip ended in an error.
func (b *builder) unreachable(err error) error {
	if exit := (*ExitError)(nil); errors.As(err, &exit) {
		return &MissingError{
			Part: "Airflow " + b.version,
			Why:  exit.Error(),
			Fix:  "let pip reach a package index, by PIP_INDEX_URL, PIP_PROXY or pip's configuration file",
		}
	}
	return err
}

// installerEnvironment is the user's own, for it may name an index and a proxy,
// less what would let another Python or another place interfere.
func installerEnvironment(user []string, tmp string) []string {
	var env []string
	for _, entry := range user {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case strings.HasPrefix(name, "PYTHON"), strings.HasPrefix(name, "PIP_REQ"), strings.HasPrefix(name, "UV_PROJECT"),
			name == "VIRTUAL_ENV", name == "PIP_USER", name == "PIP_TARGET", name == "PIP_PREFIX", name == "TMPDIR":
		default:
			env = append(env, entry)
		}
	}
	return append(env, "TMPDIR="+tmp)
}

// exists reports whether a file exists.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
