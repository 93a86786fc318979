// SPDX-License-Identifier: Apache-2.0

package cloudlog

import (
	"sync"
	"time"
)

// Sampler lets one line a second pass, and counts the others. Its zero value is
// ready; any number of goroutines may share it.
type Sampler struct {
	mu      sync.Mutex
	next    time.Time
	leftOut int
}

// Pass tells whether a line may pass, and how many were left out before it.
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
