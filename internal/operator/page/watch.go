// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/dagtrigger/internal/cloudlog"
)

// call is a request to Airflow and its answer, without headers.
type call struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   string `json:"body,omitempty"`
	Status int    `json:"status,omitempty"`
	Answer string `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"`
	Millis int64  `json:"milliseconds"`
}

// Transport records the requests that the function sends to Airflow for an event, and
// their answers. Requests for credentials are not recorded.
func (r *Recorder) Transport(next http.RoundTripper) http.RoundTripper {
	return &transport{next: next, now: r.now}
}

type transport struct {
	next http.RoundTripper
	now  func() time.Time
}

// isRecorded reports whether a request is about DAG runs or assets: no other path of
// Airflow's API can have credentials in its body or in its answer.
func isRecorded(path string) bool {
	for _, part := range []string{"/dagRuns", "/dag_runs", "/assets", "/dags/"} {
		if strings.Contains(path, "/api/") && strings.Contains(path, part) {
			return true
		}
	}
	return false
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	s := storyOf(req.Context())
	if s == nil || !isRecorded(req.URL.Path) {
		return t.next.RoundTrip(req)
	}
	c := call{Method: req.Method, Path: req.URL.EscapedPath()}
	if req.GetBody != nil {
		if body, err := req.GetBody(); err == nil {
			text, _ := io.ReadAll(io.LimitReader(body, maxAnswer)) // it is in memory
			_ = body.Close()
			c.Body = string(text)
		}
	}
	began := t.now()
	resp, err := t.next.RoundTrip(req)
	c.Millis = t.now().Sub(began).Milliseconds()
	if err != nil {
		c.Error = err.Error()
		s.add(c)
		return resp, err
	}
	c.Status = resp.StatusCode
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	c.Answer = string(text)
	s.add(c)
	resp.Body = &rest{io.MultiReader(bytes.NewReader(text), &failing{resp.Body, err}), resp.Body}
	return resp, nil
}

// rest is a body of which the beginning was read.
type rest struct {
	io.Reader
	io.Closer
}

// failing ends with the error that reading met before.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Reader.Read(b)
}

func (s *story) add(c call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) < maxCalls {
		s.calls = append(s.calls, c)
	}
}

// Log records the lines that a log writes about an event, as Cloud Logging gets them.
func (r *Recorder) Log(log *slog.Logger) *slog.Logger { return slog.New(&lines{next: log.Handler()}) }

type lines struct {
	next  slog.Handler
	attrs []slog.Attr
}

// Enabled implements [slog.Handler].
func (l *lines) Enabled(ctx context.Context, level slog.Level) bool {
	return l.next.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (l *lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &lines{next: l.next.WithAttrs(attrs), attrs: append(l.attrs[:len(l.attrs):len(l.attrs)], attrs...)}
}

// WithGroup implements [slog.Handler]. The function's log has no groups.
func (l *lines) WithGroup(name string) slog.Handler {
	return &lines{next: l.next.WithGroup(name), attrs: l.attrs}
}

// Handle implements [slog.Handler].
func (l *lines) Handle(ctx context.Context, record slog.Record) error {
	if s := storyOf(ctx); s != nil {
		var line bytes.Buffer
		// The buffer takes every line.
		_ = cloudlog.New(&line, slog.LevelDebug).Handler().WithAttrs(l.attrs).Handle(ctx, record.Clone())
		s.mu.Lock()
		if len(s.lines) < maxLines {
			s.lines = append(s.lines, strings.TrimSpace(line.String()))
		}
		s.mu.Unlock()
	}
	return l.next.Handle(ctx, record)
}
