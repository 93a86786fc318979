// SPDX-License-Identifier: Apache-2.0

//go:build unix

package deadletter

import (
	"errors"
	"os"
)

// syncFolder sees that the names in a folder are on the disk.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
