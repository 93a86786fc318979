// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// withScheme is an emulator's or Google's root, without a slash at its end.
func withScheme(host string) string {
	host = strings.TrimRight(host, "/")
	if !strings.Contains(host, "://") {
		return "http://" + host
	}
	return host
}

// authorised puts an access token on each request. Google's libraries ignore
// the context while they obtain one, and try for up to 15 s; here each request
// waits no longer than its own.
type authorised struct {
	find func(context.Context) (oauth2.TokenSource, error)
	base http.RoundTripper

	flight singleflight.Group
	mu     sync.Mutex
	source oauth2.TokenSource
}

func (a *authorised) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	made := a.flight.DoChan("", func() (any, error) { return a.token(context.WithoutCancel(ctx)) })
	select {
	case result := <-made:
		token, ok := result.Val.(*oauth2.Token)
		if result.Err != nil || !ok {
			return nil, &tokenError{result.Err}
		}
		req = req.Clone(ctx) // a RoundTripper changes no request
		token.SetAuthHeader(req)
		resp, err := a.base.RoundTrip(req)
		if err == nil && resp.StatusCode == http.StatusUnauthorized {
			a.forget()
		}
		return resp, err
	case <-ctx.Done():
		return nil, &tokenError{ctx.Err()}
	}
}

// token gives a token that is in force.
func (a *authorised) token(ctx context.Context) (*oauth2.Token, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.source == nil {
		source, err := a.find(ctx)
		if err != nil {
			return nil, err
		}
		a.source = oauth2.ReuseTokenSource(nil, source)
	}
	token, err := a.source.Token()
	if err != nil {
		return nil, err
	}
	return token, nil
}

// forget has the next request find a new source: the old one would go on
// giving the token that was refused.
func (a *authorised) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.source = nil
}

// tokenError says that there was no token to send.
type tokenError struct{ err error }

// Error leaves the token server's answer out: what it repeats of the request
// may hold an assertion.
func (e *tokenError) Error() string {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](e.err); ok && refused.Response != nil {
		return fmt.Sprintf("the token server answered %s %s", refused.Response.Status, refused.ErrorCode)
	}
	return fmt.Sprintf("obtaining a Google access token: %v", e.err)
}

func (e *tokenError) Unwrap() error { return e.err }
