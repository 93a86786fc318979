// SPDX-License-Identifier: Apache-2.0

package caller_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/caller"
)

func TestCheckAnswers503WithoutGooglesKeys(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]*google{
		"no route":                  {err: errors.New("no route to host")},
		"it responds with 500":      {status: 500},
		"its response has no keys":  {text: "<html>"},
		"its response has no keys ": {text: `{"keys":[]}`},
	} {
		err := newChecker(t, g, nil).Check(t.Context(), bearer(token(t)))
		refusal, ok := errors.AsType[*caller.Refusal](err)
		why := strings.TrimSpace(name)
		if g.err != nil {
			why = g.err.Error()
		}
		want := "fetching Google's keys from https://www.googleapis.com/oauth2/v3/certs: " + why + ": check that the function can reach it"
		if !ok || refusal.Status != 503 || challenge(refusal) != "" || err.Error() != want {
			t.Errorf("%s: %v, want 503 %s", name, err, want)
		}
		if g.err != nil && !errors.Is(err, g.err) {
			t.Errorf("%s: %v does not wrap the cause", name, err)
		}
	}
}

// A request without a well-formed token causes no request to Google.
func TestKeysAreFetchedOnlyForAWellFormedToken(t *testing.T) {
	t.Parallel()
	g := &google{}
	c := newChecker(t, g, nil)
	for _, header := range []http.Header{nil, bearer("abc"), bearer(token(t, map[string]any{"exp": 1}))} {
		if err := c.Check(t.Context(), header); err == nil {
			t.Error("accepted")
		}
	}
	if g.requests != 0 {
		t.Errorf("Google got %d requests", g.requests)
	}
}

func TestKeysAreCachedForTheLifetimeThatGoogleGives(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header http.Header
		kept   time.Duration
	}{
		{"as Google sends it", http.Header{"Cache-Control": {"public, max-age=20000, must-revalidate, no-transform"}}, 20_000 * time.Second},
		{"less its age", http.Header{"Cache-Control": {"max-age=20000"}, "Age": {"5000"}}, 15_000 * time.Second},
		{"at least a minute", http.Header{"Cache-Control": {"max-age=0"}}, time.Minute},
		{"without a header", nil, time.Minute},
		{"with invalid headers", http.Header{"Cache-Control": {"max-age=long"}, "Age": {"x"}}, time.Minute},
		{"at most a day", http.Header{"Cache-Control": {"max-age=31536000"}}, 24 * time.Hour},
	}
	for _, tt := range tests {
		now := time.Now()
		g := &google{header: tt.header}
		c := newChecker(t, g, func() time.Time { return now })
		check := func(after time.Duration, requests int) {
			t.Helper()
			now = now.Add(after)
			if err := c.Check(t.Context(), bearer(token(t))); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if g.requests != requests {
				t.Errorf("%s: Google got %d requests, want %d", tt.name, g.requests, requests)
			}
		}
		check(0, 1)
		check(tt.kept-time.Nanosecond, 1)
		check(time.Nanosecond, 2)
	}
}

func TestUnknownKeyIsFetchedAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g := &google{header: http.Header{"Cache-Control": {"max-age=20000"}}}
	c := newChecker(t, g, func() time.Time { return now })
	fresh := bearer(signed(t, signers()[0], map[string]any{"alg": "RS256", "kid": "fresh"}, claims()))
	for range 5 {
		if err := c.Check(t.Context(), fresh); err == nil {
			t.Fatal("accepted with a key that is not published")
		}
	}
	if g.requests != 1 {
		t.Errorf("Google got %d requests, want 1", g.requests)
	}
	g.published = map[string]*rsa.PrivateKey{keyID: signers()[0], "fresh": signers()[0]}
	now = now.Add(time.Minute)
	if err := c.Check(t.Context(), fresh); err != nil {
		t.Errorf("after the key was published: %v", err)
	}
	if g.requests != 2 {
		t.Errorf("Google got %d requests, want 2", g.requests)
	}
}

// Google publishes a new key, signs with it, and removes the old one some days
// later: https://www.googleapis.com/oauth2/v3/certs always has two.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	now := time.Now()
	old, renewed := signers()[0], signers()[1]
	g := &google{header: http.Header{"Cache-Control": {"max-age=600"}}, published: map[string]*rsa.PrivateKey{"old": old}}
	c := newChecker(t, g, func() time.Time { return now })
	by := func(id string, key *rsa.PrivateKey) http.Header {
		return bearer(signed(t, key, map[string]any{"alg": "RS256", "kid": id, "typ": "JWT"}, claims()))
	}
	check := func(what string, header http.Header, reason string, requests int) {
		t.Helper()
		got := ""
		if err := c.Check(t.Context(), header); err != nil {
			got = err.Error()
		}
		if got != reason || g.requests != requests {
			t.Errorf("%s: %q after %d requests to Google, want %q after %d", what, got, g.requests, reason, requests)
		}
	}
	const unknown = "the token is not signed with a key of Google's: send a token that Google issued"
	const invalid = "the token's signature is invalid: send the token exactly as Google issued it"
	check("the old key", by("old", old), "", 1)
	check("the new key, before it is published", by("new", renewed), unknown, 1)
	g.published = map[string]*rsa.PrivateKey{"old": old, "new": renewed}
	now = now.Add(time.Minute)
	check("the new key, before the cache expires", by("new", renewed), "", 2)
	check("the old key beside it", by("old", old), "", 2)
	check("the new key's id with the old key", by("new", old), invalid, 2)
	g.published = map[string]*rsa.PrivateKey{"new": renewed}
	now = now.Add(9 * time.Minute)
	check("the old key, removed by Google, while it is cached", by("old", old), "", 2)
	now = now.Add(time.Minute)
	check("the old key, once the cache has expired", by("old", old), unknown, 3)
	check("the new key", by("new", renewed), "", 3)
	g.published = map[string]*rsa.PrivateKey{"new": old}
	now = now.Add(10 * time.Minute)
	check("a key replaced under its id", by("new", renewed), invalid, 4)
	check("its replacement", by("new", old), "", 4)
}

// While Google cannot be reached, cached keys remain valid, and tokens signed
// with others cause a request at most every five seconds.
func TestFailedFetchIsRepeatedAfterFiveSeconds(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g := &google{header: http.Header{"Cache-Control": {"max-age=600"}}}
	c := newChecker(t, g, func() time.Time { return now })
	check := func(what string, header http.Header, status, requests int) {
		t.Helper()
		err := c.Check(t.Context(), header)
		got := 0
		if refusal, ok := errors.AsType[*caller.Refusal](err); ok {
			got = refusal.Status
		}
		if got != status || g.requests != requests {
			t.Errorf("%s: %d (%v) after %d requests to Google, want %d after %d", what, got, err, g.requests, status, requests)
		}
	}
	fresh := bearer(signed(t, signers()[0], map[string]any{"alg": "RS256", "kid": "fresh"}, claims()))
	check("at first", bearer(token(t)), 0, 1)
	g.err = errors.New("no route to host")
	now = now.Add(2 * time.Minute)
	check("a new key", fresh, 503, 2)
	check("a cached key", bearer(token(t)), 0, 2)
	check("a new key again", fresh, 503, 2)
	now = now.Add(5 * time.Second)
	check("a new key, later", fresh, 503, 3)
	now = now.Add(10 * time.Minute)
	check("expired keys", bearer(token(t)), 503, 4)
	g.err = nil
	now = now.Add(5 * time.Second)
	check("Google is back", bearer(token(t)), 0, 5)
}

func TestConcurrentRequestsShareOneFetchAndOneThatGivesUpFailsAlone(t *testing.T) {
	t.Parallel()
	whole := token(t) // outside the bubble, whose clock is another
	synctest.Test(t, func(t *testing.T) {
		g := &google{wait: make(chan struct{})}
		c := newChecker(t, g, nil)
		first, giveUp := context.WithCancel(t.Context())
		results := make(chan error, 10)
		go func() { results <- c.Check(first, bearer(whole)) }()
		synctest.Wait()
		for range cap(results) - 1 {
			go func() { results <- c.Check(t.Context(), bearer(whole)) }()
		}
		synctest.Wait()
		giveUp()
		refusal, ok := errors.AsType[*caller.Refusal](<-results)
		if !ok || refusal.Status != 503 || !errors.Is(refusal, context.Canceled) {
			t.Errorf("the request that gave up: %v", refusal)
		}
		close(g.wait)
		for range cap(results) - 1 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if g.requests != 1 {
			t.Errorf("Google got %d requests, want 1", g.requests)
		}
	})
}
