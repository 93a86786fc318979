// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// heapPercent is by how much the heap may grow beyond what is used, in percent of that.
const heapPercent = 130

// LimitMemory has the garbage collector keep the process below three fifths of
// the memory that the instance has, and returns that in bytes; 0 where no bound is
// found, or GOMEMLIMIT sets one. Without it the collector lets the heap grow to
// twice of what is used, which a few events of 10 MB bring beyond 512 MiB. The rest
// is for what is not of the heap, and for what is allocated before a collection ends.
//
// The bound is the control group's (Cloud Run's instances have one), or that of
// the process.
//
// It collects less often than Go does by default, too: with 2 MB in use, as in an
// instance without load, each 150 events would be a collection, and all of them a tenth
// of what an event costs. It takes 2 MB more at 80 requests at once. GOGC sets another
// percentage.
func LimitMemory() int64 {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return 0
	}
	limit := memoryLimit(func(path string) string {
		text, _ := os.ReadFile(path) // another system has no such file
		return string(text)
	})
	if limit == 0 {
		return 0
	}
	limit = limit / 5 * 3
	debug.SetMemoryLimit(limit)
	return limit
}

// memoryLimit is the least of the bounds that the files name, in bytes; 0 for none.
// https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
//
// The process's own bound counts address space, such as the stacks of threads, and
// not what is used of it: what it has at its start is not the heap's.
func memoryLimit(read func(path string) string) int64 {
	least := int64(math.MaxInt64)
	bound := func(text string, taken int64) {
		// A control group without a limit says max, or a number near the largest.
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && n > taken && n < math.MaxInt64/4 {
			least = min(least, n-taken)
		}
	}
	bound(read("/sys/fs/cgroup/memory.max"), 0)
	bound(read("/sys/fs/cgroup/memory/memory.limit_in_bytes"), 0)
	taken, _ := strconv.ParseInt(strings.TrimSuffix(field(read("/proc/self/status"), "VmData:"), " kB"), 10, 64)
	for text := range strings.FieldsSeq(field(read("/proc/self/limits"), "Max data size")) {
		bound(text, taken<<10)
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// field is what a line that begins with name says.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
