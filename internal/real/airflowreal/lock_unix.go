// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package airflowreal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// supported is nil where Airflow runs.
func supported() error { return nil }

// detached puts a process into a new session, so that Ctrl-C at the
// terminal reaches only the program, whose end then reaches the process.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

const lockInterval = 100 * time.Millisecond

// lockFile holds the file at path locked, between processes as well as within
// this one, until the function it returns is called. The system drops the lock
// of a process that dies. waiting is called once where another holds it.
func lockFile(ctx context.Context, path string, waiting func()) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	ticker := time.NewTicker(lockInterval)
	defer ticker.Stop()
	for first := true; ; first = false {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file.Close, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("waiting for the lock %s: %w", path, ctx.Err()), file.Close())
		case <-ticker.C:
		}
	}
}
