// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// copyProxy forwards pushes to a function and its answers back, and keeps a copy
// of both, but where the event was deferred. The first copied answer about an
// object whose name begins with "lost" it loses, and in place of the first
// about one that begins with "refused" it says 503.
type copyProxy struct {
	url      string
	function string
	client   *http.Client

	mu     sync.Mutex
	copies []pushCopy
}

// pushCopy is one push of a notification, with how the function answered it.
type pushCopy struct {
	object     string
	message    string // its id
	attributes map[string]string
	data       []byte
	outcome    string
	run        string
}

func startCopyProxy(t *testing.T, function string) *copyProxy {
	t.Helper()
	c := &copyProxy{function: function, client: &http.Client{Transport: &http.Transport{}, Timeout: hang}}
	server := httptest.NewServer(c)
	t.Cleanup(func() {
		server.Close()
		c.client.CloseIdleConnections()
	})
	c.url = server.URL
	return c
}

func (c *copyProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, c.function+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return
	}
	out.Header = r.Header.Clone()
	resp, err := c.client.Do(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return
	}
	p := open(r.Header, body, text)
	switch first := p.outcome != "deferred" && c.keep(p); {
	case first && strings.HasPrefix(p.object, "lost"):
		panic(http.ErrAbortHandler) // the connection breaks
	case first && strings.HasPrefix(p.object, "refused"):
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(text)
	}
}

// keep reports whether the push is the first about its object.
func (c *copyProxy) keep(p pushCopy) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = !slices.ContainsFunc(c.copies, func(other pushCopy) bool { return other.object == p.object })
	c.copies = append(c.copies, p)
	return first
}

// open reads a push, wrapped or not, and the function's answer.
func open(header http.Header, push, answer []byte) pushCopy {
	var wrapped struct {
		Message struct {
			ID         string `json:"messageId"`
			Data       []byte
			Attributes map[string]string
		}
	}
	p := pushCopy{data: push, message: header.Get("X-Goog-Pubsub-Message-Id"), attributes: map[string]string{}}
	if json.Unmarshal(push, &wrapped) == nil && wrapped.Message.ID != "" {
		p.data, p.message, p.attributes = wrapped.Message.Data, wrapped.Message.ID, wrapped.Message.Attributes
	} else {
		for _, name := range []string{"bucketId", "objectId", "objectGeneration", "eventType", "eventTime", "payloadFormat"} {
			p.attributes[name] = header.Get(name)
		}
	}
	p.object = p.attributes["objectId"]
	if said := outcomes(answer); len(said) == 1 {
		p.outcome, p.run = said[0].Outcome, said[0].Run
	}
	p.outcome = cmp.Or(p.outcome, string(answer))
	return p
}

// about waits for n pushes about an object.
func (c *copyProxy) about(t *testing.T, object string, n int) []pushCopy {
	t.Helper()
	for start := time.Now(); time.Since(start) < hang; {
		c.mu.Lock()
		all := slices.DeleteFunc(slices.Clone(c.copies), func(p pushCopy) bool { return p.object != object })
		c.mu.Unlock()
		if len(all) >= n {
			return all
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Fatalf("there were fewer than %d pushes about %s", n, object)
	return nil
}
