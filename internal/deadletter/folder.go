// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// folder keeps each record as a file. A write is whole or not at all: the
// record is made beside its place, flushed to the disk and renamed. Writers
// take turns by a lock on one file of the folder, across processes as well,
// which the system drops when a process dies.
type folder struct {
	path string
	turn chan struct{} // held by the one writer in this process
}

// The names in a folder that are no records: they lack the extension.
const (
	lockName   = ".lock"
	unfinished = ".unfinished-*"
)

// lockInterval is how often a writer asks for the lock that another process holds.
const lockInterval = 10 * time.Millisecond

func openFolder(a Address) (*folder, error) {
	if err := os.MkdirAll(a.path, 0o700); err != nil { // the events may be secret
		return nil, fmt.Errorf("making the folder of dead letters: %w", err)
	}
	return newFolder(a), nil
}

func newFolder(a Address) *folder { return &folder{path: a.path, turn: make(chan struct{}, 1)} }

func (f *folder) String() string { return Address{scheme: "file", path: f.path}.String() }

// Close has nothing to do: a listing of a folder holds nothing.
func (*folder) Close(context.Context) error { return nil }

// Put implements [Store].
func (f *folder) Put(ctx context.Context, r Record) error {
	r = r.filled()
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	path := f.file(r.Name())
	held, err := f.letter(path)
	if _, unreadable := errors.AsType[*UnreadableError](err); err != nil && !unreadable && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for an earlier dead letter: %w", err)
	}
	if err == nil { // what is no record is replaced: the event at hand is worth more
		next, further := r.after(held.Record)
		if !further {
			return nil
		}
		r = next
	}
	body, err := r.Encode()
	if err != nil {
		return err
	}
	if err := f.write(path, body); err != nil {
		return fmt.Errorf("storing the dead letter: %w", err)
	}
	return nil
}

// write replaces the file at path as a whole, and returns once it is on the disk.
func (f *folder) write(path string, body []byte) error {
	file, err := os.CreateTemp(f.path, unfinished)
	if err != nil {
		return err
	}
	_, err = file.Write(body)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncFolder(f.path)
}

func (f *folder) file(record string) string { return filepath.Join(f.path, fileName(record)) }

// letter reads a letter.
func (f *folder) letter(path string) (Letter, error) {
	file, err := os.Open(path)
	if err != nil {
		return Letter{}, err
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, maxRecord+1))
	if err != nil {
		return Letter{}, err
	}
	r, err := decodeAt(path, body)
	digest := sha256.Sum256(body)
	return Letter{Record: r, Place: path, version: hex.EncodeToString(digest[:])}, err
}

// List implements [Archive].
func (f *folder) List(ctx context.Context, filter Filter) iter.Seq2[Letter, error] {
	if len(filter.Names) > 0 {
		return named(ctx, filter, f.Get)
	}
	return func(yield func(Letter, error) bool) {
		entries, err := os.ReadDir(f.path)
		if err != nil {
			yield(Letter{}, fmt.Errorf("listing dead letters: %w", err))
			return
		}
		for _, entry := range entries {
			if ctx.Err() != nil {
				yield(Letter{}, fmt.Errorf("listing dead letters: %w", ctx.Err()))
				return
			}
			if filepath.Ext(entry.Name()) != extension {
				continue
			}
			l, err := f.letter(filepath.Join(f.path, entry.Name()))
			if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
				continue
			}
			if (err != nil || filter.Match(&l.Record)) && !yield(l, err) {
				return
			}
		}
	}
}

// Get implements [Archive].
func (f *folder) Get(_ context.Context, name string) (Letter, error) {
	path := f.file(name)
	l, err := f.letter(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Letter{}, fmt.Errorf("%s: %w", path, ErrNotFound)
	}
	return l, err
}

// Remove implements [Archive].
func (f *folder) Remove(ctx context.Context, l Letter) error {
	if filepath.Dir(l.Place) != f.path {
		return fmt.Errorf("removing the dead letter %s: it is not from %s", l.Place, f)
	}
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	held, err := f.letter(l.Place)
	switch _, unreadable := errors.AsType[*UnreadableError](err); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil && !unreadable:
		return fmt.Errorf("removing the dead letter: %w", err)
	case held.version != l.version:
		return fmt.Errorf("%s: %w", l.Place, ErrChanged)
	}
	if err := os.Remove(l.Place); err != nil {
		return fmt.Errorf("removing the dead letter: %w", err)
	}
	return syncFolder(f.path)
}

// lock waits for this writer's turn.
func (f *folder) lock(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("waiting for the folder of dead letters: %w", err)
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the folder of dead letters: %w", ctx.Err())
	}
	lock := flock.New(filepath.Join(f.path, lockName))
	if _, err := lock.TryLockContext(ctx, lockInterval); err != nil {
		<-f.turn
		return nil, fmt.Errorf("locking the folder of dead letters: %w", err)
	}
	return func() {
		_ = lock.Close() // the system drops the lock in any case
		<-f.turn
	}, nil
}
