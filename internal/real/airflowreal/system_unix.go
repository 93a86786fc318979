// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package airflowreal

import (
	"syscall"
)

// supported is nil where Airflow runs.
func supported() error { return nil }

// detached puts a process into a new session, so that Ctrl-C at the
// terminal reaches only the program, whose end then reaches the process.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
