// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// iamCredentials is where service accounts are impersonated.
const iamCredentials = "iamcredentials.googleapis.com"

// maxAnswer bounds what is read of a token server's answer, in bytes.
const maxAnswer = 64 << 10

// refusal is a token server's answer that is no token.
type refusal struct {
	host   string
	status int
	reason string // such as invalid_grant or SERVICE_DISABLED; empty where none is given
}

func (r refusal) error() error {
	return errors.New(strings.TrimSpace(fmt.Sprintf("%s answers %d %s", r.host, r.status, r.reason)))
}

// recorder remembers the last refusal that it carried. Google's libraries make
// text of one, in which neither its status nor its reason can be distinguished from
// what it repeats of the request.
type recorder struct {
	base http.RoundTripper

	mu   sync.Mutex
	seen refusal
}

func (w *recorder) last() refusal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

// RoundTrip carries the request. A refusal's body is read whole, and handed on.
func (w *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.base.RoundTrip(req)
	if err != nil || resp.StatusCode < http.StatusBadRequest {
		return resp, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = refusal{host: req.URL.Hostname(), status: resp.StatusCode, reason: reasonIn(text)}
	return resp, nil
}

// reasonIn finds the reason in an answer of OAuth's form (RFC 6749, 5.2), or
// of Google's: https://cloud.google.com/apis/design/errors#error_model.
func reasonIn(answer []byte) string {
	var oauth struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(answer, &oauth) == nil {
		return word(oauth.Error)
	}
	var google struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal(answer, &google)
	for _, d := range google.Error.Details {
		if d.Reason != "" {
			return word(d.Reason)
		}
	}
	return word(google.Error.Status)
}

// word is s where it can be a reason, and nothing that repeats a request.
func word(s string) string {
	isLetter := func(r rune) bool { return r == '_' || 'a' <= r|0x20 && r|0x20 <= 'z' }
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return !isLetter(r) }) {
		return ""
	}
	return s
}
