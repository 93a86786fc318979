// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package airflowreal

import (
	"runtime"
	"syscall"
)

func supported() error {
	return &MissingError{Part: "Linux or macOS", Why: "Airflow does not run on " + runtime.GOOS, Fix: "run this on one of them, or in WSL 2"}
}

func detached() *syscall.SysProcAttr { return nil }
