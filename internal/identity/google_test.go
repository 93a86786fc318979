// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"example.com/dagtrigger/internal/identity"
)

// issuer is a source that numbers its tokens: access-1, access-2, …
type issuer struct {
	life time.Duration
	wait time.Duration // each token takes so long
	err  error

	mu        sync.Mutex
	made      int
	audiences []string
}

func newIssuer() *issuer { return &issuer{life: time.Hour} }

func (i *issuer) issue(ctx context.Context, kind string) (*oauth2.Token, error) {
	if i.wait > 0 {
		select {
		case <-time.After(i.wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	if i.err != nil {
		return nil, i.err
	}
	return &oauth2.Token{AccessToken: fmt.Sprintf("%s-%d", kind, i.made), Expiry: time.Now().Add(i.life)}, nil
}

func (i *issuer) AccessToken(ctx context.Context) (*oauth2.Token, error) {
	return i.issue(ctx, "access")
}

func (i *issuer) IDToken(ctx context.Context, audience string) (*oauth2.Token, error) {
	i.mu.Lock()
	i.audiences = append(i.audiences, audience)
	i.mu.Unlock()
	return i.issue(ctx, "id")
}

func (*issuer) Account(context.Context) (identity.Account, error) {
	return identity.Account{Type: identity.Attached, Email: "robot@acme.iam.gserviceaccount.com"}, nil
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.made
}

// answering is a transport that gives one answer to every request.
func answering(t *testing.T, status int, body string) http.RoundTripper {
	t.Helper()
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Request: req, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func googleToken(t *testing.T, source identity.Source) *identity.GoogleToken {
	t.Helper()
	c, err := identity.NewGoogle(source).For(mustParse(t, composerURL), false, false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTokenIsReusedUntilBeforeExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := googleToken(t, newIssuer())
		wants := func(after time.Duration, want string) {
			t.Helper()
			time.Sleep(after) //nolint:forbidigo // the bubble's clock: no time passes outside
			if _, header := sends(t, c, composerURL); header != "Bearer "+want {
				t.Errorf("header = %q, want %s", header, want)
			}
		}
		wants(0, "access-1")
		wants(58*time.Minute, "access-1")
		wants(time.Minute, "access-2")
		wants(58*time.Minute, "access-2")
	})
}

// The token is there when the first request needs it, and nothing waits for one that
// no request needs.
func TestPrefetchRequestsTheTokenOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newIssuer()
		google := identity.NewGoogle(source)
		if synctest.Wait(); source.count() != 0 {
			t.Error("a token was requested before the first request")
		}
		first, end := context.WithCancel(t.Context())
		end() // its request is answered at once
		for range 3 {
			google.Prefetch(first)
		}
		if synctest.Wait(); source.count() != 1 {
			t.Errorf("%d tokens were requested, want 1", source.count())
		}
		c, err := google.For(mustParse(t, composerURL), false, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, header := sends(t, c, composerURL); header != "Bearer access-1" || source.count() != 1 {
			t.Errorf("header = %q, and %d tokens were requested", header, source.count())
		}
	})
}

func TestShortLivedTokenIsReused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newIssuer()
		source.life = 40 * time.Second
		c := googleToken(t, source)
		sends(t, c, composerURL)
		time.Sleep(29 * time.Second) //nolint:forbidigo // the bubble's clock: no time passes outside
		if _, header := sends(t, c, composerURL); header != "Bearer access-1" {
			t.Errorf("header after 29 s = %q", header)
		}
		time.Sleep(2 * time.Second) //nolint:forbidigo // the bubble's clock: no time passes outside
		if _, header := sends(t, c, composerURL); header != "Bearer access-2" {
			t.Errorf("header after 31 s = %q", header)
		}
	})
}

func TestConcurrentCallsShareOneToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newIssuer()
		source.wait = time.Second
		c := googleToken(t, source)
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				req := get(t, composerURL)
				if err := c.Authorize(req); err != nil || req.Header.Get("Authorization") != "Bearer access-1" {
					t.Errorf("header = %q, error = %v", req.Header.Get("Authorization"), err)
				}
			})
		}
		group.Wait()
		if source.count() != 1 {
			t.Errorf("%d tokens were made", source.count())
		}
	})
}

func TestCanceledCallDoesNotFailTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newIssuer()
		source.wait = 10 * time.Second
		c := googleToken(t, source)
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			err := c.Authorize(get(t, composerURL).WithContext(hasty))
			if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "waiting for a Google access token: context deadline exceeded" {
				t.Errorf("the hasty one got %v", err)
			}
		})
		synctest.Wait()
		group.Go(func() { sends(t, c, composerURL) })
		group.Wait()
		if source.count() != 1 {
			t.Errorf("%d tokens were made", source.count())
		}
	})
}

func TestTokenRequestHasATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newIssuer()
		source.wait = 24 * time.Hour
		err := googleToken(t, source).Authorize(get(t, composerURL))
		if err == nil || err.Error() != "obtaining a Google access token: context deadline exceeded" {
			t.Errorf("error = %v", err)
		}
	})
}

func TestFailedTokenIsNotCached(t *testing.T) {
	t.Parallel()
	source := newIssuer()
	source.err = errors.New("down")
	c := googleToken(t, source)
	err := c.Authorize(get(t, composerURL))
	if err == nil || err.Error() != "obtaining a Google access token: down" {
		t.Errorf("error = %v", err)
	}
	source.err = nil
	if _, header := sends(t, c, composerURL); header != "Bearer access-2" {
		t.Errorf("header = %q", header)
	}
}

func TestRefusedTokenIsRenewedWithAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := googleToken(t, newIssuer())
		first, _ := sends(t, c, composerURL)
		if !c.Renew(first) {
			t.Error("the first refusal renews nothing")
		}
		second, header := sends(t, c, composerURL)
		if header != "Bearer access-2" {
			t.Errorf("header = %q", header)
		}
		if !c.Renew(first) {
			t.Error("a late refusal of the first does not see the second")
		}
		if _, header := sends(t, c, composerURL); header != "Bearer access-2" {
			t.Errorf("a late refusal of the first cost the second: %q", header)
		}
		if c.Renew(second) {
			t.Error("a token made just now is given up again")
		}
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock: no time passes outside
		if !c.Renew(second) {
			t.Error("a minute later nothing is renewed")
		}
	})
}

func TestEnvironmentsShareTheAccountsToken(t *testing.T) {
	t.Parallel()
	source := newIssuer()
	google := identity.NewGoogle(source)
	for _, host := range []string{"https://a.composer.googleusercontent.com", "https://b.composer.googleusercontent.com"} {
		c, err := google.For(mustParse(t, host), false, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, header := sends(t, c, host); header != "Bearer access-1" {
			t.Errorf("header = %q", header)
		}
	}
	if _, err := google.For(mustParse(t, "https://x.appspot.com"), true, true); err == nil {
		t.Error("credentials were made for appspot.com")
	}
}

func TestTokenIsSentToGoogleAPIsOnly(t *testing.T) {
	t.Parallel()
	var sent []string
	client := identity.NewGoogle(newIssuer()).Client(roundTrip(func(req *http.Request) (*http.Response, error) {
		sent = append(sent, req.URL.Host+" "+req.Header.Get("Authorization"))
		return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"https://evil.example/"}}, Body: http.NoBody,
			Request: req}, nil
	}))
	resp, err := client.Do(get(t, "https://composer.googleapis.com/v1/x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	for _, to := range []string{
		"http://composer.googleapis.com/", "https://composer.googleapis.com:8443/", "https://googleapis.com.evil.example/",
		"https://evilgoogleapis.com/", "https://composer.googleapis.com@evil.example/", "https://127.0.0.1/",
	} {
		resp, err := client.Do(get(t, to))
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("sent to %s", to)
		}
	}
	if len(sent) != 1 || sent[0] != "composer.googleapis.com Bearer access-1" {
		t.Errorf("sent: %q", sent)
	}
}

func TestGooglesAPIsRenewARefusedToken(t *testing.T) {
	t.Parallel()
	source := newIssuer()
	client := identity.NewGoogle(source).Client(answering(t, http.StatusUnauthorized, "{}"))
	for range 3 {
		resp, err := client.Do(get(t, "https://composer.googleapis.com/v1/x"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if source.count() != 2 {
		t.Errorf("%d tokens were made, want two", source.count())
	}
}
