// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes the lock on a file, unless another process holds it.
func tryLock(file *os.File) (bool, error) {
	const mode = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(file.Fd()), mode, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

// syncFolder has nothing to do: Windows keeps names in a journal of its own.
func syncFolder(string) error { return nil }
