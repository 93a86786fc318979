// SPDX-License-Identifier: Apache-2.0

package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/api/googleapi"

	"example.com/dagtrigger/internal/rest"
)

// server answers each request by the next of its answers. Nothing listens.
type server struct {
	answers []answer
	got     []string // "METHOD URL type body"
}

type answer struct {
	status int
	header string // Name: value
	body   string
	err    error
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	text := r.Method + " " + r.URL.String()
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		text += " " + r.Header.Get("Content-Type") + " " + string(body)
	}
	s.got = append(s.got, text)
	if len(s.answers) == 0 {
		return nil, errors.New("the server has no further answer")
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if name, value, ok := strings.Cut(a.header, ": "); ok {
		header.Set(name, value)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func (s *server) client() *rest.Client {
	return &rest.Client{HTTP: &http.Client{Transport: s}, Root: "https://storage.googleapis.com", UserAgent: "dagtrigger"}
}

var list = rest.Request{Method: http.MethodGet, Path: "/storage/v1/b/acme/o", Query: url.Values{"prefix": {"a b/"}}}

// refused is a refusal by the API, with its own words.
func refused(status int) answer {
	return answer{status: status, body: `{"error":{"code":` + fmt.Sprint(status) + `,"message":"said so"}}`}
}

func TestCallSendsAndDecodesJSON(t *testing.T) {
	t.Parallel()
	s := &server{answers: []answer{{status: 200, body: `{"messageIds":["7"]}`}}}
	var out struct{ MessageIDs []string }
	in := map[string]int{"n": 1}
	err := s.client().Call(t.Context(), rest.Request{Method: http.MethodPost, Path: "/v1/projects/p/topics/t:publish"}, in, &out)
	if err != nil || len(out.MessageIDs) != 1 || out.MessageIDs[0] != "7" {
		t.Errorf("%v, %v", out, err)
	}
	if want := `POST https://storage.googleapis.com/v1/projects/p/topics/t:publish application/json {"n":1}`; s.got[0] != want {
		t.Errorf("sent %s, want %s", s.got[0], want)
	}
}

func TestSendRepeatsOnlyWhatMaySucceedLater(t *testing.T) {
	t.Parallel()
	timeout := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for _, tt := range []struct {
		name   string
		first  answer
		sent   int
		waited time.Duration // at most
	}{
		{"throttled", refused(429), 2, 750 * time.Millisecond},
		{"a server error", refused(503), 2, 750 * time.Millisecond},
		{"a Retry-After", answer{status: 503, header: "Retry-After: 3"}, 2, 3 * time.Second},
		{"a Retry-After that is too long", answer{status: 503, header: "Retry-After: 3600"}, 2, 8 * time.Second},
		{"the network", answer{err: timeout}, 2, 750 * time.Millisecond},
		{"a connection that ended", answer{err: io.EOF}, 2, 750 * time.Millisecond},
		{"no credentials", answer{err: errors.New("no token")}, 1, 0},
		{"forbidden", refused(403), 1, 0},
		{"missing", refused(404), 1, 0},
		{"a precondition", refused(412), 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &server{answers: []answer{tt.first, {status: 200, body: "{}"}}}
				start := time.Now()
				_, err := s.client().Send(t.Context(), list)
				if (err == nil) != (tt.sent == 2) || len(s.got) != tt.sent || time.Since(start) > tt.waited {
					t.Errorf("sent %d times within %s: %v", len(s.got), time.Since(start), err)
				}
			})
		})
	}
}

func TestSendGivesUpAfterFourTriesOrWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{answers: []answer{refused(503), refused(503), refused(503), refused(503), refused(503)}}
		_, err := s.client().Send(t.Context(), list)
		if e, ok := errors.AsType[*googleapi.Error](err); !ok || e.Code != 503 || e.Message != "said so" || len(s.got) != 4 {
			t.Errorf("sent %d times: %v", len(s.got), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		s = &server{answers: []answer{refused(503), refused(503)}}
		_, err = s.client().Send(ctx, list)
		if err == nil || len(s.got) != 1 || time.Since(start) != 100*time.Millisecond {
			t.Errorf("sent %d times in %s: %v", len(s.got), time.Since(start), err)
		}
		c := s.client()
		c.Once = true
		if _, err = c.Send(t.Context(), list); err == nil || len(s.got) != 2 {
			t.Errorf("sent %d times: %v", len(s.got), err)
		}
	})
}

func TestResponsesAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(" ", 1<<20)
	for _, tt := range []struct {
		name   string
		answer answer
		want   string
	}{
		{"too long", answer{status: 200, body: long + "{}"}, "the response has over 1048576 bytes"},
		{"not JSON", answer{status: 200, body: "<html>"}, rest.ErrNotGoogle.Error()},
		{"a redirect", answer{status: 302, header: "Location: https://example.com"}, "googleapi: got HTTP response code 302 with body: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &server{answers: []answer{tt.answer}}
			c := s.client()
			c.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			r := list
			r.MaxResponse = 1 << 20
			var out map[string]any
			if err := c.Call(t.Context(), r, nil, &out); err == nil || err.Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
	s := &server{answers: []answer{{status: 403, body: strings.Repeat("x", 1<<20)}}}
	_, err := s.client().Send(t.Context(), list)
	if e, ok := errors.AsType[*googleapi.Error](err); !ok || len(e.Body) != 64<<10 {
		t.Errorf("a refusal is read whole: %.80s", err)
	}
}
