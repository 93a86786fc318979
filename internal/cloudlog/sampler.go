// SPDX-License-Identifier: Apache-2.0

package cloudlog

import (
	"sync"
	"time"
)

// Sampler allows one line a second, and counts the others. Its zero value is
// ready to use. It is safe for concurrent use.
type Sampler struct {
	mu      sync.Mutex
	next    time.Time
	leftOut int
}

// Pass reports whether a line is to be written, and how many were left out since
// the last one.
func (s *Sampler) Pass() (leftOut int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.next) {
		s.leftOut++
		return 0, false
	}
	leftOut, s.leftOut, s.next = s.leftOut, 0, now.Add(time.Second)
	return leftOut, true
}
