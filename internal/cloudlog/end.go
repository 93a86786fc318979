// SPDX-License-Identifier: Apache-2.0

package cloudlog

import (
	"os"
	"os/signal"
	"syscall"
)

// AtEnd waits until the platform ends the process, and has the log completed before it
// ends as it would have: https://cloud.google.com/run/docs/container-contract#instance-shutdown
func AtEnd(complete func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	end := <-signals
	complete()
	signal.Stop(signals)
	if p, err := os.FindProcess(os.Getpid()); err != nil || p.Signal(end) != nil {
		os.Exit(1) // Windows sends no signals
	}
}
