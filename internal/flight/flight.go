// SPDX-License-Identifier: Apache-2.0

// Package flight implements work that is done once for all callers that need
// its result at the same time, such as the fetch of a token.
//
// It differs from golang.org/x/sync/singleflight in that each caller has its own
// context: a caller that gives up does not fail the others, and work that nobody
// waits for is canceled. It never keeps a result.
package flight

import (
	"context"
	"sync"
	"time"
)

// Group does one piece of work for each key at a time. The zero value is ready
// for use by any number of goroutines.
type Group[T any] struct {
	mu    sync.Mutex
	calls map[string]*call[T]
}

type call[T any] struct {
	cancel  context.CancelFunc
	waiting int           // guarded by Group.mu
	done    chan struct{} // closed when value and err are set
	value   T
	err     error
}

// GaveUpError means that the caller's own context ended before the work did.
type GaveUpError struct{ Err error }

func (e *GaveUpError) Error() string { return e.Err.Error() }
func (e *GaveUpError) Unwrap() error { return e.Err }

// Do returns the result of work, which callers with the same key share. The
// work's context has the values of the first caller's and ends after limit, or
// when no caller waits. Do returns a [*GaveUpError] when ctx ends first.
func (g *Group[T]) Do(ctx context.Context, key string, limit time.Duration, work func(context.Context) (T, error)) (T, error) {
	c := g.join(ctx, key, limit, work)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		g.leave(key, c)
		var none T
		return none, &GaveUpError{ctx.Err()}
	}
}

// join returns the call in progress, or starts one.
func (g *Group[T]) join(ctx context.Context, key string, limit time.Duration, work func(context.Context) (T, error)) *call[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.calls[key]
	if c == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		c = &call[T]{cancel: cancel, done: make(chan struct{})}
		if g.calls == nil {
			g.calls = make(map[string]*call[T])
		}
		g.calls[key] = c
		go func() {
			defer cancel()
			c.value, c.err = work(ctx)
			g.mu.Lock()
			g.remove(key, c)
			g.mu.Unlock()
			close(c.done)
		}()
	}
	c.waiting++
	return c
}

// leave cancels the work when the last caller has given up.
func (g *Group[T]) leave(key string, c *call[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.waiting--; c.waiting == 0 {
		c.cancel()
		g.remove(key, c)
	}
}

// remove lets the next caller start its own call. Group.mu is held.
func (g *Group[T]) remove(key string, c *call[T]) {
	if g.calls[key] == c {
		delete(g.calls, key)
	}
}

// Forget has the next caller start its own work, also while work for the key is
// in progress. Work calls it where what it is about to read may be too old for
// later callers of Do.
func (g *Group[T]) Forget(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.calls, key)
}
