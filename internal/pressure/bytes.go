// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// Bounds of what a [Bytes] gives out, and of how long a sender may take.
const (
	// DefaultMaxBytes is how many bytes of bodies may be in memory at once, of
	// all requests together.
	DefaultMaxBytes = 32 << 20
	// portion is how many bytes are asked for at once: what a body holds
	// beyond what it has read.
	portion = 32 << 10
	// A sender has to bring leastProgress bytes, or the end of the body, within
	// every progressTime that is spent waiting for it, and anything at all
	// within crowdedTime while bodies wait for memory: each that stalls would
	// else keep them waiting for all of progressTime, one after the other.
	leastProgress = 16 << 10
	progressTime  = 10 * time.Second
	crowdedTime   = 2 * time.Second
)

// Why a body ended early.
var (
	// ErrStalled means that a sender was cut off.
	ErrStalled = fmt.Errorf("the sender brought less than %d bytes in %s, or nothing in %s while others waited", leastProgress, progressTime,
		crowdedTime)
	// ErrMemory means that a request has waited for memory without success.
	ErrMemory = errors.New("this instance holds as many bytes of requests as it may: send it again later")
)

// Bytes bounds how many bytes of request bodies are in memory at once. They
// are counted as they are read, so that a sender that announces much and sends
// little costs little, and given back when the request has ended. Decoding a
// body may need several times its size: the bound is for the bodies.
//
// Where all bytes are given out, bodies wait, the oldest first. One of them
// may go on beyond the bound: so a body alone always passes, whatever its
// size, and many that have each begun do not wait for each other for ever.
// What is in memory is less than the bound and one body together.
type Bytes struct {
	most int64

	mu      sync.Mutex
	used    int64
	beyond  *Body // the one that may go on beyond the bound
	last    int64 // number of the youngest body
	waiting []*claim
	reading map[*Body]time.Time // those that wait for their sender, and until when
}

// claim is a body that waits to read on.
type claim struct {
	body    *Body
	bytes   int64
	granted chan struct{}
}

// NewBytes makes a bound of so many bytes; 0 means [DefaultMaxBytes].
func NewBytes(most int64) *Bytes {
	return &Bytes{most: cmp.Or(most, DefaultMaxBytes), reading: make(map[*Body]time.Time)}
}

// InFlight is how many bytes are given out.
func (b *Bytes) InFlight() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Body counts the bytes of a request's body. ctx bounds the waiting for
// memory. setDeadline bounds the next read of the body, as
// http.ResponseController.SetReadDeadline does; where that is not supported,
// no sender is cut off. Release has to be called when the request has ended.
func (b *Bytes) Body(ctx context.Context, body io.ReadCloser, setDeadline func(time.Time) error) *Body {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	return &Body{all: b, ctx: ctx, body: body, setDeadline: setDeadline, number: b.last, left: progressTime}
}

// take waits until a body may read so many bytes more.
func (b *Bytes) take(body *Body, bytes int64) error {
	b.mu.Lock()
	if b.beyond == body || len(b.waiting) == 0 && b.used+bytes <= b.most {
		b.used += bytes
		b.mu.Unlock()
		return nil
	}
	c := &claim{body: body, bytes: bytes, granted: make(chan struct{})}
	b.waiting = append(b.waiting, c)
	b.grant()
	b.hurry()
	b.mu.Unlock()
	select {
	case <-c.granted:
		return nil
	case <-body.ctx.Done():
		return b.leave(c)
	}
}

// leave takes a claim back, unless it has been granted meanwhile.
func (b *Bytes) leave(c *claim) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, c)
	if i < 0 {
		return nil
	}
	b.waiting = slices.Delete(b.waiting, i, i+1)
	return fmt.Errorf("%w (%w)", ErrMemory, c.body.ctx.Err())
}

// give takes bytes back.
func (b *Bytes) give(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= bytes
	if b.used <= b.most {
		b.beyond = nil
	}
	b.grant()
}

// grant lets bodies read on, the oldest first, as far as there are bytes, and
// one of them where there are none. The caller holds the lock.
func (b *Bytes) grant() {
	for len(b.waiting) > 0 {
		c := slices.MinFunc(b.waiting, func(c, d *claim) int { return cmp.Compare(c.body.number, d.body.number) })
		if b.used+c.bytes > b.most {
			if b.beyond != nil {
				return
			}
			b.beyond = c.body
		}
		b.used += c.bytes
		b.waiting = slices.DeleteFunc(b.waiting, func(d *claim) bool { return d == c })
		close(c.granted)
	}
}

// hurry leaves every sender little time, for a body has begun to wait for
// memory. The caller holds the lock.
func (b *Bytes) hurry() {
	soon := time.Now().Add(crowdedTime)
	for body, until := range b.reading {
		if soon.Before(until) {
			b.reading[body] = soon
			body.bound(soon)
		}
	}
}

// begin bounds the wait for the sender of a body.
func (b *Bytes) begin(body *Body, left time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) > 0 {
		left = min(left, crowdedTime)
	}
	until := time.Now().Add(left)
	b.reading[body] = until
	body.bound(until)
}

// finish ends the wait. Where the body has ended, so does the bound: the server
// goes on reading the connection, to see whether its peer is there, and would
// take a deadline for its end.
func (b *Bytes) finish(body *Body, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.reading, body)
	if ended {
		body.bound(time.Time{})
	}
}

// Body is a request's body whose bytes are counted. Its methods are for one
// goroutine at a time, as any reader's.
type Body struct {
	all         *Bytes
	ctx         context.Context // of the request that the body is a part of
	body        io.ReadCloser
	setDeadline func(time.Time) error
	number      int64 // an older body has a smaller one

	held int64         // bytes that were given to it
	came int           // bytes that came since the sender was last seen to go on
	left time.Duration // that the sender has to go on
}

// Read reads a part of the body, once it may. Its error is [ErrMemory] where
// the context ended first, [ErrStalled] where the sender did not go on, or the
// body's own.
func (b *Body) Read(p []byte) (int, error) {
	p = p[:min(len(p), portion)]
	if err := b.all.take(b, int64(len(p))); err != nil {
		return 0, err
	}
	n, err := b.read(p)
	b.held += int64(n)
	b.all.give(int64(len(p) - n))
	return n, err
}

// Reserve counts bytes that are kept beside the body, such as its data
// uncompressed, once there is memory for them. Its error is [ErrMemory].
func (b *Body) Reserve(bytes int64) error {
	if err := b.all.take(b, bytes); err != nil {
		return err
	}
	b.held += bytes
	return nil
}

// read reads for as long as the sender has left.
func (b *Body) read(p []byte) (int, error) {
	began := time.Now()
	b.all.begin(b, b.left)
	n, err := b.body.Read(p)
	b.all.finish(b, err != nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, fmt.Errorf("%w (%w)", ErrStalled, err)
	}
	b.left -= time.Since(began)
	if b.came += n; b.came >= leastProgress {
		b.came, b.left = 0, progressTime
	}
	return n, err
}

// bound sets the deadline of the next read. Where that fails, the connection is
// broken, as the read will tell, or there is none.
func (b *Body) bound(deadline time.Time) { _ = b.setDeadline(deadline) }

// WaitForMemory waits until there is memory, for what is about to be computed for the
// request. It is called before a turn is taken: one that held a turn and waited for
// memory could wait for a request that waits for the turn. Several goroutines may
// call it at once. Its error is [ErrMemory] where the context ended first.
func (b *Body) WaitForMemory() error { return b.all.take(b, 0) }

// Hold counts bytes that were computed for the request until [Body.Release]. It
// does not wait: they are in memory already. Several goroutines may call it at
// once. Few bytes are not counted.
func (b *Body) Hold(bytes int) {
	if bytes <= portion {
		return
	}
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.all.used += int64(bytes)
	b.held += int64(bytes)
}

// Close closes the body. Its bytes stay counted until [Body.Release].
func (b *Body) Close() error { return b.body.Close() }

// Release gives the bytes back. Nothing may refer to them by then. Further
// calls do nothing.
func (b *Body) Release() {
	held := b.held
	b.held = 0
	b.all.give(held)
}
