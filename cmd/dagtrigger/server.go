// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// The bounds of a server's connections. An answer may take as long as the
// function works on an event, which is 300 s at most.
const (
	headerTime = 10 * time.Second
	bodyTime   = time.Minute
	answerTime = 310 * time.Second
	// idleTime is above the 600 s after which Google's front ends close a connection:
	// the server must not close first, which would break a request sent at that moment.
	idleTime = 620 * time.Second
)

// loopback is the default address to listen on.
const loopback = "127.0.0.1"

// server is an HTTP server that listens already.
type server struct {
	url    string
	http   *http.Server
	failed <-chan error // gets one error where serving ends by itself
}

// listen serves handler on host and port, a free one where port is 0.
func listen(ctx context.Context, host string, port int, handler http.Handler) (*server, error) {
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		hint := "name an address of this machine, and a port up to 65535, or 0 for any that is free"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "another program has the port: choose another one with --port, or --port 0 for any that is free"
		}
		return nil, &hintedError{fmt.Errorf("listening: %w", err), hint}
	}
	failed := make(chan error, 1)
	s := &server{
		url: address(listener.Addr()), failed: failed,
		http: &http.Server{
			Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime,
			WriteTimeout: answerTime, IdleTimeout: idleTime, MaxHeaderBytes: 64 << 10,
		},
	}
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serving: %w", err)
		}
	}()
	return s, nil
}

// address is where a client on this machine reaches a listener.
func address(a net.Addr) string {
	host, port, _ := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = loopback
	}
	return "http://" + net.JoinHostPort(host, port)
}

// wait waits until ctx ends, or until one of two servers ends by itself, which is an
// error. A nil channel means no server.
func wait(ctx context.Context, one, other <-chan error) error {
	select {
	case err := <-one:
		return err
	case err := <-other:
		return err
	case <-ctx.Done():
		return nil
	}
}

// close accepts no further request and waits until those in flight are answered.
func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("finishing what is in flight: %w", err)
	}
	return nil
}
