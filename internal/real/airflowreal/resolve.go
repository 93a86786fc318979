// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// order is what is to be installed, and how.
type order struct {
	packages  []string
	uv, pip   []string // arguments
	pipItself string   // the pip that knows these arguments; empty: any
}

// order returns a locked list's order; or, for a version without a list, that of a resolver which sees
// the package index as it was when the version came out.
//
// Airflow asks for its packages by their least versions, so that an old Airflow fails on those of today.
// Its constraints name the right ones, but they are files of its repository, which not every machine reaches.
func (b *builder) order(ctx context.Context, i installed, env []string) (order, error) {
	if len(b.text) > 0 {
		requirements := b.path(listFile(b.version))
		if err := os.WriteFile(requirements, b.text, 0o600); err != nil {
			return order{}, fmt.Errorf("writing the list: %w", err)
		}
		// The lists are complete, so that there is nothing to resolve.
		return order{packages: []string{"-r", requirements}, uv: []string{"--no-deps"}, pip: []string{"--no-deps"}}, nil
	}
	day, err := b.published(ctx, i, env)
	if err != nil {
		return order{}, err
	}
	o := order{
		packages:  append([]string{"apache-airflow==" + b.version}, drivers(b.major)...),
		uv:        []string{"--exclude-newer", day},
		pip:       []string{"--uploaded-prior-to", day},
		pipItself: "pip>=26", // https://pip.pypa.io/en/stable/news/: the first with --uploaded-prior-to
	}
	if isPreview(b.version) {
		o.uv, o.pip = append(o.uv, "--prerelease", "allow"), append(o.pip, "--pre")
	}
	return o, nil
}

// drivers are PostgreSQL's; Airflow 3 has two engines.
func drivers(major int) []string {
	if major == 2 {
		return []string{"psycopg2-binary"}
	}
	return []string{"psycopg2-binary", "asyncpg"}
}

// votes is how long after a release was built it is in the package index at the latest: it is voted on
// for three days, and again where a vote fails.
const votes = 14 * 24 * time.Hour

// published downloads the version's wheel, and returns a day on which it was in the package index, as
// its newest file tells.
func (b *builder) published(ctx context.Context, i installed, env []string) (string, error) {
	folder := b.path("wheel")
	args := append(i.pip("download"), "--no-deps", "--dest", folder, "apache-airflow=="+b.version)
	if err := b.run(ctx, command{name: "pip-download", args: args, env: env}); err != nil {
		return "", b.absent(err)
	}
	wheels, err := filepath.Glob(filepath.Join(folder, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", fmt.Errorf("looking for the wheel of Airflow %s: %d found, %w", b.version, len(wheels), err)
	}
	newest, err := newestFile(wheels[0])
	if err != nil {
		return "", fmt.Errorf("reading the wheel of Airflow %s: %w", b.version, err)
	}
	return newest.Add(votes).Format(time.DateOnly), os.RemoveAll(folder)
}

func newestFile(wheel string) (newest time.Time, err error) {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return newest, err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	for _, f := range z.File {
		if f.Modified.After(newest) {
			newest = f.Modified
		}
	}
	return newest, nil
}

// fromVersions is how pip lists what it has, where that is not what was asked for.
var fromVersions = regexp.MustCompile(`\(from versions: ([^)]*)\)`)

// absent names the versions near one that pip does not have; any other error is the index's.
func (b *builder) absent(err error) error {
	exit := (*ExitError)(nil)
	if !errors.As(err, &exit) {
		return err
	}
	log, errLog := os.ReadFile(b.path("log", "pip-download.log"))
	found := fromVersions.FindSubmatch(log)
	if errLog != nil || found == nil {
		return b.unreachable(err)
	}
	all := near(b.version, strings.Split(string(found[1]), ", "))
	if len(all) == 0 {
		return b.unreachable(err)
	}
	return fmt.Errorf("pip has no Airflow %s for this Python: choose a version near it: %s", b.version, oneOf(all))
}
