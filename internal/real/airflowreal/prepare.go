// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// prepared is a database that Airflow has migrated, with its users and DAGs in
// it: what takes half a minute and is the same each time. A start copies it.
// The DAGs stay where they were loaded from, for Airflow keeps their path.
type prepared struct{ folder string }

func (p prepared) dags() string     { return filepath.Join(p.folder, "dags") }
func (p prepared) database() string { return filepath.Join(p.folder, "database") }
func (p prepared) marker() string   { return filepath.Join(p.folder, "prepared") }

// keptPrepared is how many a version may have in the cache; each takes some 40 MB.
const keptPrepared = 4

// prepare makes a prepared database for the DAGs, unless the cache has it, and
// copies its files to target.
func (b *builder) prepare(ctx context.Context, db database, dags fs.FS, target string) (prepared, error) {
	key, err := preparedKey(db, dags)
	if err != nil {
		return prepared{}, err
	}
	var p prepared
	_, err = b.locked(ctx, func(i installed) error {
		p = prepared{folder: filepath.Join(i.folder, "prepared-"+key)}
		if !exists(p.marker()) {
			b.report(fmt.Sprintf("preparing a database for Airflow %s on %s (once for these DAGs)", b.version, db))
			if err := b.build(ctx, i, p, db, dags); err != nil {
				return fmt.Errorf("preparing a database for Airflow %s: %w", b.version, err)
			}
		}
		now := time.Now() // prune goes by it
		err := errors.Join(os.CopyFS(target, os.DirFS(p.database())), private(target), os.Chtimes(p.marker(), now, now))
		if err != nil {
			return fmt.Errorf("copying the prepared database: %w", err)
		}
		return nil
	})
	return p, err
}

// private closes all folders below root to other users; PostgreSQL insists.
func private(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700)
	})
}

// build makes p from nothing, in its place; the marker comes last.
func (b *builder) build(ctx context.Context, i installed, p prepared, db database, dags fs.FS) (err error) {
	if err := errors.Join(os.RemoveAll(p.folder), prune(i.folder), os.MkdirAll(p.folder, 0o700)); err != nil {
		return err
	}
	work := b.path("preparing")
	if err := db.create(ctx, work); err != nil {
		return err
	}
	if err := b.loadAll(ctx, i, p, db, dags, work); err != nil {
		return err
	}
	if err := os.CopyFS(p.database(), os.DirFS(work)); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(work), os.WriteFile(p.marker(), nil, 0o600))
}

// loadAll opens the database of the folder work while Airflow fills it.
func (b *builder) loadAll(ctx context.Context, i installed, p prepared, db database, dags fs.FS, work string) (err error) {
	url, stop, err := db.open(ctx, work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	s, err := settle(b.supervisor, i, p.dags(), url)
	if err != nil {
		return err
	}
	for _, step := range setUp(i.major) {
		if err := b.run(ctx, s.airflow("set-up", nil, step...)); err != nil {
			return err
		}
	}
	return b.loadDAGs(ctx, s, p, dags)
}

// loadDAGs has Airflow read the DAGs: first as they were before, where the
// folder has such a state, then as they are. So what broke or went since is
// known to Airflow just as it would be in production.
func (b *builder) loadDAGs(ctx context.Context, s settings, p prepared, dags fs.FS) error {
	now, before, err := generations(dags)
	if err != nil {
		return err
	}
	for _, generation := range []map[string][]byte{before, now} {
		if len(generation) == 0 {
			continue
		}
		if err := writeDAGs(p.dags(), generation); err != nil {
			return err
		}
		if err := b.run(ctx, s.load()); err != nil {
			return err
		}
	}
	return nil
}

// preparedKey names what a prepared database depends on, besides the version.
func preparedKey(db database, dags fs.FS) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\n%q\n", db, append(setUp(2), setUp(3)...))
	err := fs.WalkDir(dags, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(dags, path)
		fmt.Fprintf(hash, "%q %q\n", path, text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the DAGs: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)[:6]), nil
}

// prune removes the prepared databases that were not used for longest, so that one more makes keptPrepared.
func prune(folder string) error {
	found, err := filepath.Glob(filepath.Join(folder, "prepared-*"))
	if err != nil {
		return err
	}
	age := func(path string) int64 {
		info, err := os.Stat(filepath.Join(path, "prepared"))
		if err != nil {
			return 0 // incomplete: the first to go
		}
		return info.ModTime().UnixNano()
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(age(b), age(a)) })
	for _, path := range found[min(keptPrepared-1, len(found)):] {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}
