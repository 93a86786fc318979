// SPDX-License-Identifier: Apache-2.0

// Command benchmark compares dagtrigger with the shortest function on the
// functions framework, and with a Go version of Google's sample: what an event,
// a start and a slow Airflow cost each. It prints a table, in about two minutes:
//
//	cd internal/endtoend/benchmark && go run .
//
// Each program has one processor; a stand-in for Airflow 2 runs in this process.
// Nothing leaves the loopback interface. Only the ratios of one run mean
// anything. Instructions are counted where valgrind is installed.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// atOnce is the concurrency of one instance of the function, as the README deploys it.
const atOnce = 80

// longest bounds a run of the benchmark, the compiler's time included.
const longest = 20 * time.Minute

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "benchmark takes no arguments: cd internal/endtoend/benchmark && go run .")
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	ctx, cancelTimeout := context.WithTimeout(ctx, longest)
	defer cancelTimeout()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "dagtrigger-benchmark-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	programs, err := build(ctx, dir)
	if err != nil {
		return err
	}
	server, err := startAirflow()
	if err != nil {
		return err
	}
	defer func() { _ = server.server.Close() }()
	rows := make([]row, len(programs))
	measures := []func(context.Context, *airflow, []program, []row) error{measureStart, measureCPU, measureRate, measureInstructions}
	for _, measure := range measures {
		if err := measure(ctx, server, programs, rows); err != nil {
			return err
		}
	}
	fmt.Printf("%s/%s, %s, one processor each\n\n", runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Print(table(programs, rows))
	return nil
}

// program is one that is compared.
type program struct {
	name   string
	binary string
	env    []string
	empty  bool // it answers, and starts no run: only its start is measured
}

// build compiles the programs into a folder.
func build(ctx context.Context, dir string) ([]program, error) {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir, "./programs/...")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the programs: %w: run it by cd internal/endtoend/benchmark && go run .\n%s", err, out)
	}
	routes := filepath.Join(dir, "routes.yaml")
	if err := os.WriteFile(routes, []byte(tenRoutes()), 0o600); err != nil {
		return nil, err
	}
	function, one := filepath.Join(dir, "function"), []string{"DAG_ID=load"}
	return []program{
		{name: "framework", binary: filepath.Join(dir, "framework"), env: one},
		{name: "framework, decoding and logging", binary: filepath.Join(dir, "framework"), env: append([]string{"LOG=1"}, one...)},
		{name: "Go sample", binary: filepath.Join(dir, "sample"), env: one},
		{name: "empty, with the same libraries", binary: filepath.Join(dir, "floor"), empty: true},
		{name: "dagtrigger, one DAG", binary: function, env: one},
		{name: "dagtrigger, ten routes", binary: function, env: []string{"DAGTRIGGER_CONFIG=" + routes}},
	}, nil
}

// tenRoutes is a routes file of ten routes with six expressions each. The last
// matches what [process.send] sends; the others are ruled out by their condition.
func tenRoutes() string {
	var b strings.Builder
	b.WriteString("routes:\n")
	for i := range 10 {
		fmt.Fprintf(&b, `  - name: route-%d
    on: object.finalized
    bucket: acme-landing
    object: sales/{region=*}/*.csv
    when: int(object.size) > %d && object.name.endsWith('.csv')
    dag: load
    conf:
      uri: gs://${object.bucket}/${object.name}
      size: ${int(object.size) + %d}
      part: ${object.name.split('/')[1]}
      region: ${path.region + '-%d'}
      owner: "${has(object.metadata.x%d) ? object.metadata.x%d : 'none'}"
`, i, (9-i)*2000, i, i, i, i)
	}
	return b.String()
}
