// SPDX-License-Identifier: Apache-2.0

package route

import "time"

// WithMaxTime sets what stands for MaxTime, so that no test depends on the speed
// of the machine.
func (t *Table) WithMaxTime(d time.Duration) *Table {
	t.maxTime = d
	if t.shadows != nil {
		t.shadows.maxTime = d
	}
	return t
}
