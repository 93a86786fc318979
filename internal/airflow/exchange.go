// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// ask is one request.
type ask struct {
	api    API
	method string
	path   string // escaped, below the web server's root
	body   []byte
	run    *Run // the run to be triggered, or an asset's event, as its id and its extra; nil for a question
}

// do sends one request, and hands a 2xx answer's body to read. It is the only
// place where a request leaves, and where the credentials learn from its answer.
func do[T any](ctx context.Context, c *Client, q ask, read func(*body) (T, error)) (T, error) {
	var none T
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(ctx, q)
	if err != nil {
		return none, err
	}
	if err := c.credentials.Authorize(req); err != nil {
		return none, c.withoutCredentials(ctx, q, req, err)
	}
	answer, refusal := send(ctx, c, q, req, read)
	renewed := c.credentials.Answered(req, refusal)
	if refusal != nil {
		refusal.Renewed = renewed
		return none, refusal
	}
	return answer, nil
}

// send is the part of do in which what comes back becomes an Error.
func send[T any](ctx context.Context, c *Client, q ask, req *http.Request, read func(*body) (T, error)) (T, *Error) {
	var none T
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return none, c.unanswered(ctx, q, req, err)
	}
	defer resp.Body.Close()
	defer drain(resp.Body)
	c.warnOfDeprecation(ctx, q, resp)

	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		e := c.refusal(q, req, resp)
		if e.Kind == APIAbsent {
			c.forget(q.api)
		}
		return none, e
	}
	b := &body{from: resp.Body, left: maxAnswer, size: resp.ContentLength}
	answer, err := read(b)
	switch {
	case b.broken != nil:
		return none, c.unanswered(ctx, q, req, b.broken)
	case err != nil:
		return none, c.unexpected(q, resp, err)
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, q ask) (*http.Request, error) {
	var content io.Reader
	if q.body != nil {
		content = bytes.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, c.root+q.path, content)
	if err != nil {
		return nil, beforeSending(Invalid, q.api, err.Error(), "")
	}
	values := [...]string{"application/json", c.userAgent}
	req.Header = http.Header{"Accept": values[:1:1], "User-Agent": values[1:]}
	if q.body != nil {
		req.Header["Content-Type"] = values[:1:1]
	}
	return req, nil
}

// warnOfDeprecation passes on, once, what the experimental API of Airflow 2
// says of itself with every answer (airflow/www/api/experimental/endpoints.py).
func (c *Client) warnOfDeprecation(ctx context.Context, q ask, resp *http.Response) {
	if q.api != Experimental || resp.Header.Get("Deprecation") == "" {
		return
	}
	c.deprecated.Do(func() {
		c.logger.WarnContext(ctx, "this Airflow's experimental API is deprecated and has no roles: set AIRFLOW_API to v1")
	})
}

// withoutCredentials is the Error of a request that had no credentials to carry.
func (c *Client) withoutCredentials(ctx context.Context, q ask, req *http.Request, err error) *Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		e := c.unanswered(ctx, q, req, err)
		e.InDoubt = false
		return e
	}
	if known, ok := errors.AsType[*Error](err); ok { // classified by who obtains them
		e := *known
		e.API = q.api
		e.Said = oneLine(e.Said)
		if e.Hint == "" {
			e.Hint = c.hint(&e, c.version())
		}
		return &e
	}
	e := &Error{Kind: NoCredentials, API: q.api, Err: err}
	e.Said = oneLine(err.Error())
	e.Hint = c.hint(e, c.version())
	return e
}

// unanswered is the Error of a request without an answer, or with half of one.
func (c *Client) unanswered(ctx context.Context, q ask, req *http.Request, err error) *Error {
	e := &Error{Kind: Network, API: q.api, Reach: ReachOf(err), Err: err}
	late, _ := errors.AsType[net.Error](err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind = Canceled
	case ctx.Err() != nil || late != nil && late.Timeout():
		e.Kind = Timeout
	}
	dial, _ := errors.AsType[*net.OpError](err)
	e.InDoubt = q.run != nil && (dial == nil || dial.Op != "dial")
	e.Said = "no answer: " + transportSaid(err, secretsOf(ask{}, req.Header).header)
	e.Hint = c.hint(e, "")
	return e
}

// unexpected is the Error of a 2xx that is not what was asked for.
func (c *Client) unexpected(q ask, resp *http.Response, err error) *Error {
	e := &Error{
		Kind: Unexpected, API: q.api, Status: resp.StatusCode, MediaType: mediaType(resp.Header),
		Source: sourceOf2xx(resp.Header), InDoubt: q.run != nil,
	}
	e.Said = "not what was asked for: " + err.Error()
	e.Hint = c.hint(e, "")
	return e
}

// sourceOf2xx is who made an answer that was to be a run.
func sourceOf2xx(h http.Header) Source {
	if isJSON(h) {
		return FromAirflow
	}
	return FromElsewhere
}

func (c *Client) version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.version
}

// body is an answer's body, of which at most so much is read. It remembers why
// it ended early, which tells a broken connection from an answer that is none.
type body struct {
	from   io.Reader
	left   int64
	size   int64 // by the answer's header; -1 where unknown
	broken error
}

func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("it has more than %d bytes", maxAnswer)
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		b.broken = err
	}
	return n, err
}

// all reads the whole body.
func (b *body) all() ([]byte, error) {
	var whole bytes.Buffer
	whole.Grow(int(min(cmp.Or(max(b.size, 0), 1<<10), 1<<20)) + bytes.MinRead)
	_, err := whole.ReadFrom(b)
	return whole.Bytes(), err
}

// decode reads the whole body as one JSON value. Its errors repeat nothing of it.
func (b *body) decode(v any) error {
	text, err := b.all()
	if err != nil {
		return err
	}
	return decode(text, v)
}

func decode(text []byte, v any) error {
	err := json.Unmarshal(text, v)
	if _, malformed := errors.AsType[*json.SyntaxError](err); malformed {
		// Airflow 2 gives back a conf's NaN as Python writes it, which no JSON is.
		python := strings.NewReplacer("-Infinity", "null", "Infinity", "null", "NaN", "null")
		err = json.Unmarshal([]byte(python.Replace(string(text))), v)
	}
	if err != nil {
		return errors.New("it is not JSON of Airflow's")
	}
	return nil
}

// drain reads what little may be left, so that the connection can be used again.
func drain(content io.Reader) { _, _ = io.CopyN(io.Discard, content, maxDrained) }
