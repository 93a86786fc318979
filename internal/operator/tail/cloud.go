// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"context"
	"errors"
	"net/http"
	"time"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/operator/outcomelog"
)

const (
	// pollEvery keeps 20 requests a minute: a project has 60.
	// https://cloud.google.com/logging/quotas#api-limits
	pollEvery = 3 * time.Second
	// overlap is for how long a line may take from its time until Cloud Logging finds it.
	overlap = 30 * time.Second
	// maxLines is how many lines one poll reads at most.
	maxLines = 20_000
	// maxPause bounds the pause after polls that failed.
	maxPause = time.Minute
)

// Cloud follows a log in Cloud Logging. It polls: the API's tail is for gRPC alone.
type Cloud struct {
	Log interface {
		Read(ctx context.Context, q outcomelog.Query, yield func(*outcomelog.Line) bool) (more bool, err error)
	}
	Filter outcomelog.Filter // from Filter.Since on
	// Skipped is called where there were more lines than can be read: those that arrived
	// late may be missing. Failed is called for a failed poll that is repeated.
	Skipped func()
	Failed  func(error)

	seen map[string]time.Time // the lines of the overlap, by time and insertId
	last time.Time            // of the newest line
}

// Follow calls yield for each line, once, until ctx ends. The error is that of the first
// poll, or one that repeating does not help.
func (c *Cloud) Follow(ctx context.Context, yield func(*outcomelog.Line)) error {
	c.seen = map[string]time.Time{}
	pause := time.Duration(0)
	for polled := false; ; polled = true {
		err := c.poll(ctx, yield)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			pause = pollEvery
		case !polled || !passes(err):
			return err
		default:
			c.Failed(err)
			pause = min(2*pause, maxPause)
		}
		if clock.Sleep(ctx, pause) != nil {
			return nil
		}
	}
}

// passes reports whether a failure may pass: no answer, too many requests, or a failure
// of Cloud Logging's own.
func passes(err error) bool {
	e, ok := errors.AsType[*outcomelog.Error](err)
	return ok && (e.Status == 0 || e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError)
}

// poll reads what is new. Lines of the last half minute are read again: some may have
// arrived in between.
func (c *Cloud) poll(ctx context.Context, yield func(*outcomelog.Line)) error {
	filter := c.Filter
	if from := c.last.Add(-overlap); from.After(filter.Since) {
		filter.Since = from
	}
	for key, at := range c.seen {
		if at.Before(filter.Since) {
			delete(c.seen, key)
		}
	}
	more, err := c.Log.Read(ctx, outcomelog.Query{Filter: filter, Max: maxLines}, func(l *outcomelog.Line) bool {
		key := l.Time + " " + l.InsertID
		if _, known := c.seen[key]; !known {
			at := l.At()
			c.seen[key] = at
			if at.After(c.last) {
				c.last = at
			}
			yield(l)
		}
		return true
	})
	if more {
		if c.last.After(c.Filter.Since) { // it is zero where none of the pages had a line
			c.Filter.Since = c.last // else the same lines would be read for ever
		}
		c.Skipped()
	}
	return err
}
