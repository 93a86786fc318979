// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"context"
	"fmt"
	"time"

	"github.com/gofrs/flock"
)

const lockInterval = 100 * time.Millisecond

// lockFile holds the file at path locked, between processes as well as within
// this one, until the function it returns is called. The system drops the lock
// of a process that dies. waiting is called once where another holds it.
func lockFile(ctx context.Context, path string, waiting func()) (unlock func() error, err error) {
	lock := flock.New(path)
	locked, err := lock.TryLock()
	if err == nil && !locked {
		waiting()
		_, err = lock.TryLockContext(ctx, lockInterval)
	}
	if err != nil {
		return nil, fmt.Errorf("waiting for the lock %s: %w", path, err)
	}
	return lock.Close, nil
}
