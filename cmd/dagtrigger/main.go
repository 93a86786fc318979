// SPDX-License-Identifier: Apache-2.0

// Command dagtrigger shows, serves, feeds and checks the function that turns
// cloud events into Airflow DAG runs. It owns what a person types and reads; what
// happens to an event is the function's, the same code that is deployed.
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
