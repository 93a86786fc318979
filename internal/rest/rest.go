// SPDX-License-Identifier: Apache-2.0

// Package rest calls Google's REST APIs: it sends one request, repeats it where
// Google says that it may succeed later, and decodes the JSON of the response.
//
// It stands in for Google's generated clients, which cost the function a fifth of
// its start: an import of theirs computes a table that nothing here reads. It
// never obtains credentials and never follows a redirect: both are matters of the
// [http.Client] that it is given.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"example.com/dagtrigger/internal/clock"
)

const (
	// maxTries is how often a request is sent at most.
	maxTries = 4
	// firstPause is the mean pause before the second try; each further one is
	// twice as long: https://cloud.google.com/storage/docs/retry-strategy
	firstPause = 500 * time.Millisecond
	// maxPause bounds what a Retry-After may ask for.
	maxPause = 8 * time.Second
	// maxError bounds the body of a refusal, in bytes.
	maxError = 64 << 10
	// maxResponse bounds a response where the request does not, in bytes.
	maxResponse = 4 << 20
)

// Client calls one API.
type Client struct {
	// HTTP sends the requests. It adds the credentials, and follows no redirect.
	HTTP *http.Client
	// Root is the API's address without a slash at its end, such as
	// https://storage.googleapis.com.
	Root string
	// UserAgent names this program to Google.
	UserAgent string
	// Once sends each request once: its caller repeats what it does.
	Once bool
}

// CloudStorage is the address of Cloud Storage.
const CloudStorage = "https://storage.googleapis.com"

// Options describe a client of one of Google's services.
type Options struct {
	// Transport carries the requests.
	Transport http.RoundTripper
	// Google makes the client that puts an access token on requests to Google alone,
	// and follows no redirect. No emulator is asked with it.
	Google    func(base http.RoundTripper) *http.Client
	UserAgent string
	// Root is the service's address, see [Client].
	Root string
	// Emulator is where its emulator listens, with or without http:// before it; empty
	// for the service itself.
	Emulator string
}

// ForGoogle makes a client of a service or its emulator. It sends no request.
func ForGoogle(o Options) *Client {
	emulator := strings.TrimRight(o.Emulator, "/")
	if emulator == "" {
		return &Client{HTTP: o.Google(o.Transport), Root: o.Root, UserAgent: o.UserAgent}
	}
	if !strings.Contains(emulator, "://") {
		emulator = "http://" + emulator
	}
	client := &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Client{HTTP: client, Root: emulator, UserAgent: o.UserAgent}
}

// Request is one request. It may be sent several times, so it must be one whose
// repetition does no harm.
type Request struct {
	Method string
	Path   string // below the root, begins with a slash and is escaped
	Query  url.Values
	// Body is sent as ContentType; a request without a ContentType has none.
	Body        []byte
	ContentType string
	// MaxResponse bounds the response in bytes; 0 stands for 4 MiB.
	MaxResponse int64
}

// Response is what a request was answered with.
type Response struct {
	Header http.Header
	Body   []byte
}

// Call sends in as JSON, where it is not nil, and decodes the response into out,
// where that is not nil. Its errors are those of [Client.Send].
func (c *Client) Call(ctx context.Context, r Request, in, out any) error {
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
		r.Body, r.ContentType = body, "application/json"
	}
	response, err := c.Send(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(response.Body, out); err != nil {
		return ErrNotGoogle
	}
	return nil
}

// ErrNotGoogle is returned for a response that is not of the API that was called.
var ErrNotGoogle = errors.New("the response is not what the API returns: does something stand between this program and Google?")

// TooLargeError is about a response that is longer than the request allows.
type TooLargeError struct{ Limit int64 } // in bytes

func (e *TooLargeError) Error() string { return fmt.Sprintf("the response has over %d bytes", e.Limit) }

// Send sends r until it is answered, at most four times within ctx. The error is
// a [*googleapi.Error] where the API refused the request.
func (c *Client) Send(ctx context.Context, r Request) (Response, error) {
	for try := 1; ; try++ {
		response, err := c.send(ctx, r)
		if err == nil || c.Once || try == maxTries || !transient(err) {
			return response, err
		}
		if clock.Sleep(ctx, pauseAfter(err, try)) != nil {
			return response, err
		}
	}
}

func (c *Client) send(ctx context.Context, r Request) (Response, error) {
	address := c.Root + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	var body io.Reader
	if r.ContentType != "" {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, address, body)
	if err != nil {
		return Response{}, fmt.Errorf("making the request: %w", err)
	}
	if r.ContentType != "" {
		req.Header.Set("Content-Type", r.ContentType)
	}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer resp.Body.Close()
	return read(resp, r.MaxResponse)
}

func read(resp *http.Response, limit int64) (Response, error) {
	if limit == 0 {
		limit = maxResponse
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		resp.Body = io.NopCloser(io.LimitReader(resp.Body, maxError))
		return Response{}, googleapi.CheckResponse(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return Response{}, fmt.Errorf("reading the response: %w", err)
	case int64(len(body)) > limit:
		return Response{}, &TooLargeError{limit}
	}
	return Response{Header: resp.Header, Body: body}, nil
}

// transient reports whether the same request may succeed later:
// https://cloud.google.com/storage/docs/retry-strategy#retryable
func transient(err error) bool {
	if refused, ok := errors.AsType[*googleapi.Error](err); ok {
		return refused.Code == http.StatusRequestTimeout || refused.Code == http.StatusTooManyRequests || refused.Code >= 500
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	request, ok := errors.AsType[*url.Error](err)
	return ok && !isOurs(request.Err)
}

// isOurs reports whether err has a type of this program, such as that of a token
// that could not be obtained. Those who made it have repeated what they could.
func isOurs(err error) bool {
	var transport interface{ Timeout() bool } // net.Error, and what wraps one
	return !errors.As(err, &transport) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// pauseAfter is how long to wait after the given try, which failed with err.
func pauseAfter(err error, try int) time.Duration {
	if refused, ok := errors.AsType[*googleapi.Error](err); ok {
		if seconds, err := strconv.Atoi(refused.Header.Get("Retry-After")); err == nil && seconds >= 0 {
			return min(time.Duration(seconds)*time.Second, maxPause)
		}
	}
	mean := firstPause << (try - 1)
	return mean/2 + rand.N(mean) // apart from others that were refused at the same time
}
