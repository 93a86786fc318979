// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package googlereal

import (
	"runtime"
	"syscall"
)

func supported() error {
	return &MissingError{
		Part: "a Unix",
		Why:  "programs are ended here by their process group, which " + runtime.GOOS + " does not have",
		Fix:  "run this on Linux or macOS",
	}
}

func group() *syscall.SysProcAttr { return nil }
