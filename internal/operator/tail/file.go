// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"example.com/dagtrigger/internal/clock"
)

// lookEvery is how often a file is looked at for more.
const lookEvery = 200 * time.Millisecond

// File reads a file that grows. At its end, Read waits for more; it returns [io.EOF] once
// the context ends. A file that is truncated or replaced is read from its beginning.
type File struct {
	ctx  context.Context //nolint:containedctx // an io.Reader has no other way to end
	path string
	file *os.File
	at   int64
}

// Open opens a file to follow until ctx ends.
func Open(ctx context.Context, path string) (*File, error) {
	file, err := os.Open(path)
	return &File{ctx: ctx, path: path, file: file}, err
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Read implements [io.Reader].
func (f *File) Read(p []byte) (int, error) {
	for {
		n, err := f.file.Read(p)
		f.at += int64(n)
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		if clock.Sleep(f.ctx, lookEvery) != nil {
			return 0, io.EOF
		}
		if err := f.reopen(); err != nil {
			return 0, err
		}
	}
}

// reopen opens the file at the path where that is another one by now, and returns to the
// beginning of one that is shorter than what was read.
func (f *File) reopen() error {
	now, err := os.Stat(f.path)
	if err != nil {
		return nil //nolint:nilerr // it is being replaced: the next look finds the new one
	}
	opened, err := f.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(now, opened) {
		next, err := os.Open(f.path)
		if err != nil {
			return err
		}
		_ = f.file.Close() // it was only read
		f.file, f.at = next, 0
		return nil
	}
	if now.Size() < f.at {
		f.at = 0
		_, err = f.file.Seek(0, io.SeekStart)
	}
	return err
}
