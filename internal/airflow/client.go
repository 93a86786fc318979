// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"example.com/dagtrigger/internal/airflowid"
	"example.com/dagtrigger/internal/flight"
)

// Config says which web server a [Client] talks to, and how.
type Config struct {
	// URL is the web server's root: absolute, http or https, with a path where
	// Airflow has one, with or without a slash at the end.
	URL string
	// API is the one to use; empty stands for Auto.
	API API
	// Version is Airflow's version where it is known already, such as 2.10.5;
	// Auto learns it by itself.
	Version string
	// Transport is required; [NewTransport] makes one that fits.
	Transport http.RoundTripper
	// Credentials may be nil, for none.
	Credentials Credentials
	// Timeout bounds each request, credentials included, within the context's
	// own deadline; 0 stands for DefaultTimeout.
	Timeout   time.Duration
	UserAgent string           // empty stands for dagtrigger
	Logger    *slog.Logger     // may be nil
	Now       func() time.Time // may be nil; read for a Retry-After that is a date
	// Insecure allows http to a host other than loopback.
	Insecure bool
	// LookedUp reports that the operator did not give the URL, so that no hint
	// may advise to change it.
	LookedUp bool
}

// Client asks one Airflow web server. Its methods may be called concurrently.
// Every error of theirs is an [*Error].
type Client struct {
	root        string // without a slash at the end
	transport   http.RoundTripper
	credentials Credentials
	timeout     time.Duration
	userAgent   string
	logger      *slog.Logger
	now         func() time.Time
	lookedUp    bool
	deprecated  sync.Once // the experimental API said so

	auto   bool
	mu     sync.Mutex
	known  server // its api is empty until the web server was asked
	assets map[string]knownAsset
	flight flight.Group[server]
}

// New checks the configuration and makes its client. It sends nothing.
func New(c Config) (*Client, error) {
	root, err := checkURL(c.URL, c.Insecure)
	if err != nil {
		return nil, err
	}
	client := &Client{
		root:        root,
		transport:   c.Transport,
		credentials: c.Credentials,
		timeout:     cmp.Or(c.Timeout, DefaultTimeout),
		userAgent:   cmp.Or(c.UserAgent, "dagtrigger"),
		logger:      c.Logger,
		lookedUp:    c.LookedUp,
		now:         c.Now,
	}
	switch api := cmp.Or(c.API, Auto); api {
	case Auto:
		client.auto = true
	case V2, V1, Experimental:
		client.known = server{api: api, version: c.Version}
	default:
		return nil, fmt.Errorf("there is no API %q: choose auto, v2, v1 or experimental", c.API)
	}
	switch {
	case c.Transport == nil:
		return nil, errors.New("a client needs a transport")
	case c.Timeout < 0:
		return nil, fmt.Errorf("a time-out of %v is none: give a positive one", c.Timeout)
	}
	if client.credentials == nil {
		client.credentials = anonymous{}
	}
	if client.logger == nil {
		client.logger = slog.New(slog.DiscardHandler)
	}
	if client.now == nil {
		client.now = time.Now
	}
	return client, nil
}

// anonymous is the caller without credentials.
type anonymous struct{}

func (anonymous) Kind() string                  { return "none" }
func (anonymous) Authorize(*http.Request) error { return nil }

func (anonymous) Answered(*http.Request, *Error) bool { return false }

// checkURL gives the web server's root without a slash at its end. Its errors
// never repeat the URL, which may hold a password.
func checkURL(text string, insecure bool) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "", errors.New("the URL is not absolute: write it like https://airflow.example.com")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("the URL begins with %.20q: use https", u.Scheme)
	case u.User != nil:
		return "", errors.New("the URL holds a user: take it out, and set the user and the password apart")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("the URL has a query or a fragment: give the web server's root alone")
	case u.Scheme == "http" && !insecure && !isLoopback(u.Hostname()):
		return "", errors.New("the URL is http, which anyone on the way can read: use https, or allow it by insecure")
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/"), nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// NewTransport makes a transport that keeps as many connections open as there
// are calls at once (the default of 2 has the others connect each time),
// and bounds the size of a response's header.
func NewTransport(callsAtOnce int) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           callsAtOnce,
		MaxIdleConnsPerHost:    callsAtOnce,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// Trigger asks for a run, in exactly one request once the API is known.
// Without an error, Airflow holds the run that was asked for.
func (c *Client) Trigger(ctx context.Context, run Run) (DAGRun, error) {
	q, err := c.triggering(ctx, &run)
	if err != nil {
		return DAGRun{}, err
	}
	return do(ctx, c, q, func(b *body) (DAGRun, error) { return readCreated(b, q.api, &run) })
}

// Request is what Trigger would send, but for the credentials. Auto may have
// to ask the web server first.
func (c *Client) Request(ctx context.Context, run Run) (*http.Request, error) {
	q, err := c.triggering(ctx, &run)
	if err != nil {
		return nil, err
	}
	return c.request(ctx, q)
}

func (c *Client) triggering(ctx context.Context, run *Run) (ask, error) {
	if err := run.check(); err != nil {
		return ask{}, err
	}
	d, err := c.webServer(ctx)
	if err != nil {
		return ask{}, err
	}
	return trigger(d, run)
}

// Find looks for a run by its id; an Error of kind UnknownRun or UnknownDAG
// says that there is none. The experimental API finds a run by date only, so
// there the DAG's runs are listed.
func (c *Client) Find(ctx context.Context, dagID, runID string) (DAGRun, error) {
	if err := checkDAGID(dagID); err != nil {
		return DAGRun{}, err
	}
	if err := airflowid.CheckRun(runID); err != nil {
		return DAGRun{}, invalidID(err)
	}
	d, err := c.webServer(ctx)
	if err != nil {
		return DAGRun{}, err
	}
	q := ask{api: d.api, method: http.MethodGet, path: runsPath(d.api, dagID)}
	if d.api == Experimental {
		return c.findListed(ctx, q, dagID, runID)
	}
	q.path += "/" + segment(runID)
	return do(ctx, c, q, func(b *body) (DAGRun, error) { return readFound(b, dagID, runID) })
}

// FindByDate looks for the run of a DAG that has a logical date, of which there
// is at most one; an Error of kind UnknownRun says that there is none.
func (c *Client) FindByDate(ctx context.Context, dagID string, date time.Time) (DAGRun, error) {
	runs, err := c.Runs(ctx, dagID, RunsQuery{LogicalDate: date, Limit: 1})
	if err != nil {
		return DAGRun{}, err
	}
	for _, run := range runs.Runs {
		if run.LogicalDate.Equal(date.Truncate(time.Microsecond)) {
			return run, nil
		}
	}
	return DAGRun{}, &Error{Kind: UnknownRun, Said: "no run of the DAG has that logical date"}
}
