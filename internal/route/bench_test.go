// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
)

// manyRoutes are n routes: ten prefixes a bucket, every other with a different
// condition.
func manyRoutes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "- name: route-%d\n  on: object.finalized\n  bucket: acme-landing-%d\n  object: sales-%d/{region=*}/{day=*}/*.csv\n",
			i, i/10, i%10)
		if i%2 == 0 {
			fmt.Fprintf(&b, "  when: int(object.size) != %d\n", i+100)
		}
		fmt.Fprintf(&b, "  dag: load_%d\n  conf:\n    uri: gs://${object.bucket}/${object.name}\n    size: ${int(object.size)}\n    region: "+
			"${path.region}\n", i)
	}
	return b.String()
}

// computingRoutes are n routes with a condition and five expressions in conf,
// of which no two are the same.
func computingRoutes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "- name: route-%d\n  on: object.finalized\n  bucket: acme-landing-%d\n  object: sales/{region=*}/*.csv\n", i, i)
		fmt.Fprintf(&b, "  when: int(object.size) > %d && object.name.endsWith('.csv')\n  dag: load_%d\n  conf:\n", i, i)
		fmt.Fprintf(&b, "    uri: ${'gs://' + object.bucket + '/%d'}\n    size: ${int(object.size) + %d}\n    part: "+
			"${object.name.split('/')[%d]}\n", i, i, i)
		fmt.Fprintf(&b, "    region: ${path.region + '-%d'}\n    owner: \"${has(object.metadata.x%d) ? object.metadata.x%d : 'none'}\"\n", i,
			i, i)
	}
	return b.String()
}

// ready decodes and compiles routes as the function does at its start.
func ready(tb testing.TB, text string) *route.Table {
	tb.Helper()
	var r document.Reader
	specs, err := route.DecodeList(&r, []byte(text), 1)
	if err != nil || r.Problems != nil {
		tb.Fatal(r.Problems, err)
	}
	table, problems := route.Compile(specs, route.Options{})
	if problems != nil {
		tb.Fatal(problems)
	}
	return table
}

// One event costs about the same against 10,000 routes as against ten.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		table := ready(b, manyRoutes(n))
		bucket := fmt.Sprintf("acme-landing-%d", n/20)
		matching := upload(b, bucket, "sales-6/eu/2026-11-22/part-00000.csv")
		other := upload(b, bucket, "purchases/eu/2026-11-22/part-00000.csv")
		b.Run(fmt.Sprintf("match/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := table.Decide(b.Context(), matching); len(d.Plans) != 1 {
					b.Fatalf("%+v", d)
				}
			}
		})
		b.Run(fmt.Sprintf("unmatched/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := table.Decide(b.Context(), other); len(d.Misses) == 0 {
					b.Fatalf("%+v", d)
				}
			}
		})
	}
}

func BenchmarkDefault(b *testing.B) {
	table, ev := route.Default("d", ""), upload(b, "acme", "a.csv")
	b.ReportAllocs()
	for b.Loop() {
		table.Decide(b.Context(), ev)
	}
}

// The time from a file's text to a table.
func BenchmarkReady(b *testing.B) {
	for _, n := range []int{0, 10, 1_000} {
		text := computingRoutes(n)
		if n == 0 {
			text = "[]"
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ready(b, text)
			}
		})
	}
}

// memoryOf asks a child of BenchmarkMemory to load that many routes.
const memoryOf = "ROUTES_TO_LOAD"

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
	if err := os.WriteFile(file, []byte(manyRoutes(n)), 0o600); err != nil {
		b.Fatal(err)
	}
	child := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestLoadInAChild$", "-test.v")
	child.Env = append(os.Environ(), memoryOf+"="+file)
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
	file := os.Getenv(memoryOf)
	if file == "" {
		t.Skip("is run by BenchmarkMemory")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	table := ready(t, string(text))
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.Write(status)
	runtime.KeepAlive(table)
}
