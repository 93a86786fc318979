// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
)

// counter counts the requests on their way to a web server. While it is shut,
// it refuses connections, as a port does on which nothing listens.
type counter struct {
	address  string
	proxy    *httputil.ReverseProxy
	server   *http.Server
	requests atomic.Int64
	inside   atomic.Int64
	peak     atomic.Int64 // the most requests that were inside at once
}

func startCounter(t testing.TB, target string) *counter {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: senders}
	c := &counter{address: net.JoinHostPort("127.0.0.1", freePort(t)), proxy: &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(u) },
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
		// What the server breaks off, the client sees broken off.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	if err := c.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.shut() // it may be shut already
		transport.CloseIdleConnections()
	})
	return c
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.requests.Add(1)
	defer c.inside.Add(-1)
	for inside := c.inside.Add(1); ; {
		if peak := c.peak.Load(); inside <= peak || c.peak.CompareAndSwap(peak, inside) {
			break
		}
	}
	// Read first: net/http notices that a caller has gone once its body is read.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.proxy.ServeHTTP(w, r)
}

func (c *counter) url() string { return "http://" + c.address }

func (c *counter) open() error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", c.address)
	if err != nil {
		return err
	}
	c.server = &http.Server{Handler: c, ErrorLog: log.New(io.Discard, "", 0)}
	go func(s *http.Server) { _ = s.Serve(l) }(c.server) // it ends when it is shut
	return nil
}

func (c *counter) shut() error { return c.server.Close() }
