// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// ackProxy forwards pushes to a function and its answers back, as the front end
// of Cloud Run does: a request waits for an instance that is about to be there,
// and is answered 503 where one breaks off. It takes note of which messages were
// acknowledged.
type ackProxy struct {
	url      string
	function string
	client   *http.Client

	mu           sync.Mutex
	inside       int
	acknowledged map[string]bool // by what the message holds
	answers      map[string]int
}

func startAckProxy(t testing.TB, function string) *ackProxy {
	t.Helper()
	w := &ackProxy{
		function: function, acknowledged: map[string]bool{}, answers: map[string]int{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: underWay, DialContext: dialUntil}, Timeout: 2 * hang},
	}
	server := newServer(t, w)
	t.Cleanup(w.client.CloseIdleConnections)
	w.url = server.URL
	return w
}

// dialUntil dials until somebody listens: the emulator answers every refusal
// with a longer pause, up to a minute and more.
func dialUntil(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil || pause(ctx, 20*time.Millisecond) != nil {
			return conn, err
		}
	}
}

// newServer serves h until the test ends.
func newServer(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

func (w *ackProxy) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.note(func() { w.inside++ })
	defer w.note(func() { w.inside-- })
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	status, answer, err := w.carry(r, body)
	if err != nil {
		w.note(func() { w.answers["broken off"]++ })
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.note(func() {
		w.answers[fmt.Sprint(status)]++
		if status == http.StatusOK {
			w.acknowledged[string(open(r.Header, body, answer).data)] = true
		}
	})
	rw.WriteHeader(status)
	_, _ = rw.Write(answer)
}

func (w *ackProxy) carry(r *http.Request, body []byte) (status int, answer []byte, err error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, w.function+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	out.Header = r.Header.Clone()
	resp, err := w.client.Do(out)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

func (w *ackProxy) note(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what()
}

// wait waits until so many messages are acknowledged.
func (w *ackProxy) wait(ctx context.Context, messages int) error {
	return w.until(ctx, func() bool { return len(w.acknowledged) >= messages })
}

// idle waits until no push is under way.
func (w *ackProxy) idle(ctx context.Context) error {
	return w.until(ctx, func() bool { return w.inside == 0 })
}

func (w *ackProxy) until(ctx context.Context, holds func() bool) error {
	for done := false; ; {
		if w.note(func() { done = holds() }); done {
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for acknowledgements, with pushes answered %s: %w", w.counts(), err)
		}
	}
}

// counts lists how many pushes got which answer.
func (w *ackProxy) counts() string {
	var all []string
	w.note(func() {
		for _, answer := range slices.Sorted(maps.Keys(w.answers)) {
			all = append(all, fmt.Sprintf("%s: %d", answer, w.answers[answer]))
		}
	})
	return strings.Join(all, ", ")
}
