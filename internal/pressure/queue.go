// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"context"
	"slices"
)

type routeKey struct{}

// WithRoute names the route that a request is made for. Where requests of
// several routes wait at a [Gate], the route with the fewest requests at the
// server is next, so that neither a burst for one nor requests of one that hang
// keep the others waiting.
func WithRoute(ctx context.Context, route string) context.Context {
	return context.WithValue(ctx, routeKey{}, route)
}

func routeOf(ctx context.Context) string {
	route, _ := ctx.Value(routeKey{}).(string)
	return route
}

// queue is the requests that wait or are at the server.
type queue struct {
	lines   []*line // of routes that have any; who was served last is last
	waiting int     // requests in all of them
}

// line is the requests of one route.
type line struct {
	route    string
	waiters  []*waiter // the first to come is first
	inFlight int
}

// waiter is a request that waits for its turn.
type waiter struct {
	line    *line
	turn    chan *pass // receives the pass, or nil with refusal set
	refusal *Refusal
}

// line returns the line of a route.
func (q *queue) line(route string) *line {
	for _, l := range q.lines {
		if l.route == route {
			return l
		}
	}
	l := &line{route: route}
	q.lines = append(q.lines, l)
	return l
}

// add puts a request at the end of a line.
func (q *queue) add(l *line) *waiter {
	w := &waiter{line: l, turn: make(chan *pass, 1)}
	l.waiters = append(l.waiters, w)
	q.waiting++
	return w
}

// next takes the request that is next out of the queue, in which one waits.
func (q *queue) next() *waiter {
	var first *line
	for _, l := range q.lines {
		if len(l.waiters) > 0 && (first == nil || l.inFlight < first.inFlight) {
			first = l
		}
	}
	w := first.waiters[0]
	q.remove(w)
	at := slices.Index(q.lines, first)
	q.lines = append(slices.Delete(q.lines, at, at+1), first)
	return w
}

// remove takes a request that waits out of the queue.
func (q *queue) remove(w *waiter) {
	at := slices.Index(w.line.waiters, w)
	w.line.waiters = slices.Delete(w.line.waiters, at, at+1)
	q.waiting--
}

// forget drops a line that has no requests.
func (q *queue) forget(l *line) {
	if l.inFlight == 0 && len(l.waiters) == 0 {
		if at := slices.Index(q.lines, l); at >= 0 {
			q.lines = slices.Delete(q.lines, at, at+1)
		}
	}
}
