// SPDX-License-Identifier: Apache-2.0

package pressure

import "testing"

func TestMemoryLimitIsTheLeastThatIsSet(t *testing.T) {
	t.Parallel()
	const (
		v2     = "/sys/fs/cgroup/memory.max"
		v1     = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
		limits = "/proc/self/limits"
		status = "/proc/self/status"
		head   = "Limit                     Soft Limit           Hard Limit           Units     \n"
		data   = head + "Max data size             100000000            unlimited            bytes     \n"
		none   = head + "Max data size             unlimited            unlimited            bytes     \n"
	)
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing to read", nil, 0},
		{"a control group", map[string]string{v2: "536870912\n"}, 512 << 20},
		{"a control group without a limit", map[string]string{v2: "max\n"}, 0},
		{"version 1", map[string]string{v1: "268435456\n"}, 256 << 20},
		{"version 1 without a limit", map[string]string{v1: "9223372036854771712\n"}, 0},
		{"a bound of the process", map[string]string{v2: "max", limits: data}, 100000000},
		{"less what the process has taken", map[string]string{limits: data, status: "Name:\tx\nVmData:\t   20000 kB\n"}, 100000000 - 20000<<10},
		{"none of the process", map[string]string{limits: none}, 0},
		{"both", map[string]string{v2: "536870912", limits: data}, 100000000},
	} {
		if got := memoryLimit(func(path string) string { return tt.files[path] }); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
