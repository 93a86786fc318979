// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"errors"
	"net/http"
)

// dialect is what the web server speaks.
type dialect struct {
	api     API
	version string // Airflow's, such as 2.10.5; empty where it is not known
}

// detection is one asking for the dialect, shared by all who wait for it.
type detection struct {
	cancel  context.CancelFunc
	waiting int // guarded by Client.mu
	done    chan struct{}
	found   dialect // set before done is closed, like err
	err     error
}

// Dialect is the dialect that the client speaks. Auto asks the web server, once
// for all concurrent callers, remembers its answer, and asks again after an
// [APIAbsent].
func (c *Client) Dialect(ctx context.Context) (API, error) {
	d, err := c.dialect(ctx)
	return d.api, err
}

func (c *Client) dialect(ctx context.Context) (dialect, error) {
	c.mu.Lock()
	if c.known.api != "" {
		defer c.mu.Unlock()
		return c.known, nil
	}
	if c.asking == nil {
		c.asking = c.detect(ctx)
	}
	a := c.asking
	a.waiting++
	c.mu.Unlock()

	select {
	case <-a.done:
		return a.found, a.err
	case <-ctx.Done():
		c.leave(a)
		return dialect{}, c.unanswered(ctx, ask{api: Auto}, new(http.Request), ctx.Err())
	}
}

// detect asks apart from any caller's deadline, so that the first one to give
// up does not fail the others. Client.mu is held.
func (c *Client) detect(ctx context.Context) *detection {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a := &detection{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer cancel()
		a.found, a.err = c.probe(ctx)
		c.mu.Lock()
		if c.asking == a {
			c.asking = nil
			c.known = a.found
		}
		c.mu.Unlock()
		close(a.done)
	}()
	return a
}

// leave ends an asking that nobody waits for any more.
func (c *Client) leave(a *detection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.waiting--; a.waiting > 0 {
		return
	}
	a.cancel()
	if c.asking == a {
		c.asking = nil
	}
}

// forget has the web server asked again, unless that has happened already.
func (c *Client) forget(api API) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.auto && c.known.api == api {
		c.known = dialect{}
	}
}

// probe asks for each API in turn, the newest first.
//
// The paths of v2 and v1 take anyone, so a refusal comes from what stands before
// Airflow. Where another path is let through as far as a 404, the refused one
// is an API that is there and refuses; where every path is refused alike,
// nothing is known but the refusal.
func (c *Client) probe(ctx context.Context) (dialect, error) {
	var refused API
	for _, api := range []API{V2, V1, Experimental} {
		version, err := c.ping(ctx, api)
		if err == nil {
			c.logger.DebugContext(ctx, "Airflow's API found", "api", api, "airflow_version", version)
			return dialect{api, version}, nil
		}
		e, _ := errors.AsType[*Error](err)
		switch {
		case e.Kind == APIAbsent && refused != "":
			return dialect{api: refused}, nil
		case e.Kind == APIAbsent:
		case (e.Kind == Unauthorized || e.Kind == Forbidden) && api == V2:
			refused = api
		case (e.Kind == Unauthorized || e.Kind == Forbidden) && refused == "":
			return dialect{api: api}, nil
		default:
			return dialect{}, c.asAuto(e)
		}
	}
	e := &Error{Kind: APIAbsent, Said: "no API of Airflow answers at this URL"}
	return dialect{}, c.asAuto(e)
}

// asAuto is a probe's error as seen by a caller who named no dialect.
func (c *Client) asAuto(e *Error) *Error {
	auto := *e
	auto.Dialect = Auto
	auto.Hint = hint(&auto, c.credentials.Kind(), "")
	return &auto
}

// ping asks for one API, and gives Airflow's version where the answer has it.
func (c *Client) ping(ctx context.Context, api API) (version string, err error) {
	q := ask{api: api, method: http.MethodGet, path: "/api/" + string(api) + "/version"}
	if api == Experimental {
		q.path = "/api/experimental/test"
	}
	return do(ctx, c, q, func(b *body) (string, error) {
		var answer struct{ Version, Status string }
		if err := b.decode(&answer); err != nil {
			return "", err
		}
		if answer.Version == "" && (api != Experimental || answer.Status != "OK") {
			return "", errors.New("it names no version")
		}
		return answer.Version, nil
	})
}
