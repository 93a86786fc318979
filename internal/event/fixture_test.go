// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/event"
)

// A fixture is a raw HTTP request, as a platform sends it, in
// testdata/NAME.http: with line feeds alone, a line feed after the body, and
// no Content-Length, so that it can be read and edited.
func fixture(t testing.TB, name string) *http.Request {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	return request(t, raw)
}

func request(t testing.TB, raw []byte) *http.Request {
	t.Helper()
	head, body, found := bytes.Cut(raw, []byte("\n\n"))
	if !found {
		t.Fatal("no empty line between head and body")
	}
	r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("\n\n"))))
	if err != nil {
		t.Fatal(err)
	}
	return withBody(r, bytes.TrimSuffix(body, []byte("\n")))
}

func withBody(r *http.Request, body []byte) *http.Request {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r
}

// post makes a request of header lines and a body.
func post(t testing.TB, body string, headers ...string) *http.Request {
	t.Helper()
	return request(t, fmt.Appendf(nil, "POST / HTTP/1.1\nHost: f\n%s\n\n%s\n", strings.Join(headers, "\n"), body))
}

// fixtures names all that are in testdata.
func fixtures(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.http")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(path), ".http")
	}
	return paths
}

// events reads a request; the error is that of the first invalid event too.
func events(r *http.Request) ([]event.Event, error) {
	if err := event.DecodeContent(r); err != nil {
		return nil, err
	}
	all, err := event.FromRequest(r, event.MaxBody)
	for i := range all {
		if bad := all[i].Invalid; err == nil && bad != nil {
			err = bad
		}
	}
	return all, err
}

// one is the single event of a request that must have one.
func one(t testing.TB, r *http.Request) event.Event {
	t.Helper()
	all, err := events(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 {
		t.Fatalf("got %d events, want 1", len(all))
	}
	return all[0]
}
