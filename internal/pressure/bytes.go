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

// Bytes bounds how many bytes of requests are in memory at once. They are counted
// as they are read, so that a sender that announces much and sends little costs
// little, and given back when the request has ended. What is decoded, sent on or
// computed of them is counted too, the latter apart, where it is more than a few
// bytes.
//
// Where all bytes are given out, bodies wait, the oldest first. One of them
// may go on beyond the bound: so a body alone always passes, whatever its
// size, and many that have each begun do not wait for each other for ever.
// What is in memory is less than the bound and one body together.
//
// A body that announces few bytes does not wait for larger ones: its bytes are
// not counted, and bounded by the number of requests.
type Bytes struct {
	mu       sync.Mutex
	bodies   budget
	computed budget
	last     int64               // number of the youngest body
	reading  map[*Body]time.Time // those that wait for their sender, and until when
}

// budget is a number of bytes that bodies share.
type budget struct {
	most, used int64
	beyond     *Body // the one that may go on beyond the bound
	waiting    []*claim
}

// claim is a body that waits to read on.
type claim struct {
	body    *Body
	bytes   int64
	granted chan struct{}
}

// NewBytes makes a bound of so many bytes for bodies and as many for what is
// computed; 0 means [DefaultMaxBytes].
func NewBytes(most int64) *Bytes {
	most = cmp.Or(most, DefaultMaxBytes)
	return &Bytes{bodies: budget{most: most}, computed: budget{most: most}, reading: make(map[*Body]time.Time)}
}

// InFlight is how many bytes are given out.
func (b *Bytes) InFlight() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bodies.used + b.computed.used
}

// Body counts the bytes of a request's body, which announces size; -1 for none.
// ctx bounds the waiting for memory. setDeadline bounds the next read of the body, as
// http.ResponseController.SetReadDeadline does; where that is not supported,
// no sender is cut off. Release has to be called when the request has ended.
func (b *Bytes) Body(ctx context.Context, body io.ReadCloser, size int64, setDeadline func(time.Time) error) *Body {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	return &Body{
		all: b, ctx: ctx, body: body, setDeadline: setDeadline, small: 0 <= size && size <= portion, number: b.last, left: progressTime,
	}
}

// take waits until a body may take so many bytes more of a budget.
func (b *Bytes) take(of *budget, body *Body, bytes int64) error {
	b.mu.Lock()
	if of.beyond == body || len(of.waiting) == 0 && of.used+bytes <= of.most {
		of.used += bytes
		b.mu.Unlock()
		return nil
	}
	c := &claim{body: body, bytes: bytes, granted: make(chan struct{})}
	of.waiting = append(of.waiting, c)
	of.grant()
	b.hurry()
	b.mu.Unlock()
	select {
	case <-c.granted:
		return nil
	case <-body.ctx.Done():
		return b.leave(of, c)
	}
}

// leave takes a claim back, unless it has been granted meanwhile.
func (b *Bytes) leave(of *budget, c *claim) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(of.waiting, c)
	if i < 0 {
		return nil
	}
	of.waiting = slices.Delete(of.waiting, i, i+1)
	return fmt.Errorf("%w (%w)", ErrMemory, c.body.ctx.Err())
}

// give takes bytes back.
func (of *budget) give(bytes int64) {
	of.used -= bytes
	if of.used <= of.most {
		of.beyond = nil
	}
	of.grant()
}

// end takes back all that a body has.
func (of *budget) end(body *Body, held int64) {
	if of.beyond == body {
		of.beyond = nil // others may hold more than the bound still
	}
	of.give(held)
}

// grant lets bodies go on, the oldest first, as far as there are bytes, and one of
// them where there are none. That one goes on with all its claims: it gives back what it
// holds only once each of them has gone on. The caller holds the lock.
func (of *budget) grant() {
	for len(of.waiting) > 0 {
		c := slices.MinFunc(of.waiting, func(c, d *claim) int { return cmp.Compare(c.body.number, d.body.number) })
		if of.used+c.bytes > of.most && of.beyond != c.body {
			if of.beyond != nil {
				return
			}
			of.beyond = c.body
		}
		of.used += c.bytes
		of.waiting = slices.DeleteFunc(of.waiting, func(d *claim) bool { return d == c })
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
	if len(b.bodies.waiting) > 0 {
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
	small       bool  // not counted
	number      int64 // an older body has a smaller one

	held     int64         // bytes that were given to it
	computed int64         // bytes that were computed for it
	came     int           // bytes that came since the sender was last seen to go on
	left     time.Duration // that the sender has to go on
}

// Read reads a part of the body, once it may. Its error is [ErrMemory] where
// the context ended first, [ErrStalled] where the sender did not go on, or the
// body's own.
func (b *Body) Read(p []byte) (int, error) {
	p = p[:min(len(p), portion)]
	if b.small {
		return b.read(p)
	}
	if err := b.Reserve(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := b.read(p)
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.held -= int64(len(p) - n)
	b.all.bodies.give(int64(len(p) - n))
	return n, err
}

// Reserve counts bytes that are kept beside the body, such as its data
// uncompressed, once there is memory for them. Its error is [ErrMemory].
func (b *Body) Reserve(bytes int64) error {
	if err := b.all.take(&b.all.bodies, b, bytes); err != nil {
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
func (b *Body) WaitForMemory() error { return b.all.take(&b.all.computed, b, 0) }

// HasMemory reports whether [Body.WaitForMemory] would return at once.
func (b *Body) HasMemory() bool {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	of := &b.all.computed
	return of.beyond == b || len(of.waiting) == 0 && of.used <= of.most
}

// Hold counts bytes that were computed for the request until [Body.Release]. It
// does not wait: they are in memory already. Several goroutines may call it at
// once. Few bytes are not counted.
func (b *Body) Hold(bytes int) {
	if bytes <= portion {
		return
	}
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.all.computed.used += int64(bytes)
	b.computed += int64(bytes)
}

// Close closes the body. Its bytes stay counted until [Body.Release].
func (b *Body) Close() error { return b.body.Close() }

// Release gives the bytes back. Nothing may refer to them by then. Further
// calls do nothing.
func (b *Body) Release() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.all.bodies.end(b, b.held)
	b.all.computed.end(b, b.computed)
	b.held, b.computed = 0, 0
}

type bodyKey struct{}

// WithBody returns a context in which further work for the request finds its body.
func WithBody(ctx context.Context, b *Body) context.Context {
	return context.WithValue(ctx, bodyKey{}, b)
}

// BodyOf returns the body of the request that ctx belongs to; nil outside of one.
func BodyOf(ctx context.Context) *Body {
	b, _ := ctx.Value(bodyKey{}).(*Body)
	return b
}
