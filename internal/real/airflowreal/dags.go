// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

//go:embed dags
var ownDAGs embed.FS

// The DAGs of this package's own folder. They have the same ids and the same
// meaning on every version.
const (
	PlainDAG = "plain" // one empty task
	TypedDAG = "typed" // Params: region, one of eu and us (default eu); rows, an integer from 0 to 1000 (default 1)
	// StrictDAG has Params of every kind: day, a text like 2026-11-22, without a default; code, null or a text of
	// up to 3 characters; source, an object with a bucket and perhaps a size.
	StrictDAG   = "strict"
	LaterDAG    = "later"    // its tasks begin on 2020-01-01; one empty task
	PausedDAG   = "paused"   // paused at creation; one empty task
	DrainDAG    = "drain"    // tests change its scheduling state; one empty task
	DrainedDAG  = "drained"  // likewise
	UnpausedDAG = "unpaused" // likewise

	BrokenDAG  = "broken"  // once loaded, now with an import error: 400 on Airflow 2; 3.3 makes it stale as well, so 404
	RetiredDAG = "retired" // once loaded, its file now gone: not active on Airflow 2, stale on Airflow 3
	RecordDAG  = "record"  // writes its run's conf where Airflow.Conf finds it; needs Options.Scheduler
	OnAssetDAG = "on_asset"
	// ScheduledDAG has a schedule, which begins in 2100; on Airflow 3 its allowed_run_types leave out manual runs.
	ScheduledDAG = "scheduled"
	// MakeAssetDAG makes the asset AssetURI (a dataset, on Airflow 2), which OnAssetDAG waits for.
	MakeAssetDAG = "make_asset"
	AssetURI     = "dagtrigger://acme/sales"
	// The asset OrdersURI has the name OrdersName on Airflow 3. Nothing makes it,
	// and OnOrdersDAG waits for it.
	OrdersURI   = "dagtrigger://acme/orders"
	OrdersName  = "orders"
	OnOrdersDAG = "on_orders"
	// BothURI is an asset that MakeAssetDAG and MakeBothDAG make.
	BothURI     = "dagtrigger://acme/both"
	MakeBothDAG = "make_both"
	// PartsURI is an asset that MakePartsDAG makes, on Airflow 3 alone. OnPartsDAG waits for its
	// partitions, and is itself partitioned.
	PartsURI     = "dagtrigger://acme/parts"
	MakePartsDAG = "make_parts"
	OnPartsDAG   = "on_parts"
)

// DAGs returns the folder of this package's own DAGs.
func DAGs() fs.FS {
	folder, err := fs.Sub(ownDAGs, "dags")
	if err != nil {
		return ownDAGs // "dags" is a well-formed name
	}
	return folder
}

// beforeFolder, within a folder of DAGs, holds files as they were at an earlier time.
const beforeFolder = "before"

// generations splits a folder of DAGs into what it holds now, and what it held
// before: the same, with the files of beforeFolder over it. Where it has no
// such folder, before is empty.
func generations(dags fs.FS) (now, before map[string][]byte, err error) {
	now, earlier := map[string][]byte{}, map[string][]byte{}
	err = fs.WalkDir(dags, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(dags, path)
		if name, ok := strings.CutPrefix(path, beforeFolder+"/"); ok {
			earlier[name] = text
		} else {
			now[path] = text
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading the DAGs: %w", err)
	}
	if len(earlier) > 0 {
		before = maps.Clone(now)
		maps.Copy(before, earlier)
	}
	return now, before, nil
}

// writeDAGs makes folder hold these files and no other.
func writeDAGs(folder string, files map[string][]byte) error {
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o700)); err != nil {
		return fmt.Errorf("writing the DAGs: %w", err)
	}
	for name, text := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
			return fmt.Errorf("writing the DAGs: %w", err)
		}
	}
	return nil
}
