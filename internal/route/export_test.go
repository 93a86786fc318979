// SPDX-License-Identifier: Apache-2.0

package route

import "time"

// WithMaxTime sets what stands for MaxTime, so that no test depends on the speed
// of the machine.
func (t *Table) WithMaxTime(d time.Duration) *Table {
	t.maxTime = d
	return t
}
