// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/config"
)

// manyRoutes is a file of n routes: ten prefixes a bucket, every other with a
// separate condition.
func manyRoutes(n int) []byte {
	var b strings.Builder
	b.WriteString("routes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - name: route-%d\n    on: object.finalized\n    bucket: acme-landing-%d\n    object: "+
			"sales-%d/{region=*}/{day=*}/*.csv\n", i, i/10, i%10)
		if i%2 == 0 {
			fmt.Fprintf(&b, "    when: int(object.size) != %d\n", i+100)
		}
		fmt.Fprintf(&b, "    dag: load_%d\n    conf:\n      uri: gs://${object.bucket}/${object.name}\n      size: ${int(object.size)}\n   "+
			"   region: ${path.region}\n", i)
	}
	return []byte(b.String())
}

// fileToLoad asks a child of BenchmarkMemory to load that file.
const fileToLoad = "FILE_TO_LOAD"

// BenchmarkMemory reports the peak resident bytes a route, beyond its text:
// what a process needs more that loads 10,000 than one that loads ten.
func BenchmarkMemory(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	const few, many = 10, 10_000
	for b.Loop() {
		more := peak(b, many) - peak(b, few)
		text := len(manyRoutes(many)) - len(manyRoutes(few))
		b.ReportMetric(float64(more-text)/(many-few), "B/route")
	}
}

// peak is the peak resident size of a process that loads n routes, in bytes.
func peak(b *testing.B, n int) int {
	b.Helper()
	file := b.TempDir() + "/routes.yaml"
	if err := os.WriteFile(file, manyRoutes(n), 0o600); err != nil {
		b.Fatal(err)
	}
	child := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestLoadInAChild$", "-test.v")
	child.Env = append(os.Environ(), fileToLoad+"="+file)
	out, err := child.Output()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	var kib int
	_, after, _ := strings.Cut(string(out), "VmHWM:")
	if _, err := fmt.Sscan(after, &kib); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return kib * 1024
}

// TestLoadInAChild is what BenchmarkMemory runs.
func TestLoadInAChild(t *testing.T) {
	file := os.Getenv(fileToLoad)
	if file == "" {
		t.Skip("is run by BenchmarkMemory")
	}
	f, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.Write(status)
	runtime.KeepAlive(f.Table)
}
