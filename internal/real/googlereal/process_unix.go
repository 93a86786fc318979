// SPDX-License-Identifier: Apache-2.0

//go:build unix

package googlereal

import "syscall"

// supported is nil where a program can be given a process group of its own.
func supported() error { return nil }

// group puts a process and its children into a group of their own.
func group() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
