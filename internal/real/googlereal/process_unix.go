// SPDX-License-Identifier: Apache-2.0

//go:build unix

package googlereal

import "syscall"

// supported is nil where a program can be given a separate process group.
func supported() error { return nil }

// group puts a process and its children into a separate group.
func group() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
