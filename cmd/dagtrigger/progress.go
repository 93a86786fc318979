// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// progressEvery is the least time between two lines.
	progressEvery = 100 * time.Millisecond
	// maxProgress is the most characters of what is done, so that a line fits a terminal.
	maxProgress = 50
	// clearLine moves the cursor to the line's begin and erases the line.
	clearLine = "\r\x1b[K"
)

// progress shows on one line of a terminal how much of something is done:
//
//	sending 120/200, 31/s
type progress struct {
	w     io.Writer
	total int

	mu             sync.Mutex
	what           string
	done           int
	started, shown time.Time
}

// progress starts one on standard error, where that is a terminal and nothing hides it.
func (p *program) progress(what string, total int, hidden bool) *progress {
	w := io.Discard
	if out, ok := p.stderr.(*printable); ok && isTerminal(out) && !hidden && p.getenv("TERM") != "dumb" {
		w = out.w // progress moves the cursor
	}
	return &progress{w: w, total: total, what: what, started: time.Now()}
}

// add counts one more, and says what is being done now.
func (b *progress) add(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	b.show(what)
}

// describe says what is being done now.
func (b *progress) describe(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.show(what)
}

func (b *progress) show(what string) {
	now := time.Now()
	if what == b.what && b.done < b.total && now.Sub(b.shown) < progressEvery {
		return
	}
	b.what, b.shown = what, now
	rate := float64(b.done) / max(now.Sub(b.started), time.Millisecond).Seconds()
	_, _ = fmt.Fprintf(b.w, "%s%.*s %d/%d, %.0f/s", clearLine, maxProgress, what, b.done, b.total, rate)
}

// finish clears the line.
func (b *progress) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, _ = fmt.Fprint(b.w, clearLine)
}
