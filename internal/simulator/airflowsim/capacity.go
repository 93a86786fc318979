// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"net/http"
	"time"
)

// Capacity is how much a web server takes. The zero value takes everything.
type Capacity struct {
	// AtOnce requests are served at once, each for PerRequest before its work
	// is done. Zero stands for any number.
	AtOnce     int
	PerRequest time.Duration
	// Waiting more wait for their turn, which comes whether their caller has
	// gone or not, as in a listen queue; the others get 503 with RetryAfter.
	Waiting    int
	RetryAfter time.Duration
}

// queue holds the requests that a Capacity admits.
type queue struct {
	Capacity
	slots    chan struct{}
	admitted int // guarded by faults.mu
}

// SetCapacity bounds what is served at once. Requests that are inside already do not count.
func (s *Server) SetCapacity(capacity Capacity) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.queue = nil
	if capacity.AtOnce > 0 {
		s.faults.queue = &queue{Capacity: capacity, slots: make(chan struct{}, capacity.AtOnce)}
	}
}

// admit lets a request in, or has the answer that turns it away.
func (f *faults) admit() (*queue, *answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queue == nil {
		return nil, nil
	}
	if f.queue.admitted >= f.queue.AtOnce+f.queue.Waiting {
		return nil, new(refuse(http.StatusServiceUnavailable, f.queue.RetryAfter))
	}
	f.queue.admitted++
	return f.queue, nil
}

// enter waits for a free slot of the web server; the caller defers leave.
func (f *faults) enter() (leave func(), refusal *answer) {
	r, refusal := f.admit()
	if r == nil {
		return func() {}, refusal
	}
	r.slots <- struct{}{}
	if r.PerRequest > 0 {
		<-time.After(r.PerRequest)
	}
	return func() {
		<-r.slots
		f.mu.Lock()
		defer f.mu.Unlock()
		r.admitted--
	}, nil
}
