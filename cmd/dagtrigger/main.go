// SPDX-License-Identifier: Apache-2.0

// Command dagtrigger implements the command line: it runs the function that turns
// cloud events into Airflow DAG runs, sends it events, checks its routes file and
// settings, and replays what failed. It never decides what an event starts: that
// is the function's code, the same that is deployed.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}
