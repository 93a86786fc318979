// SPDX-License-Identifier: Apache-2.0

package caller_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/caller"
)

func TestWithoutGooglesKeysNobodyIsLetInNorSentAway(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]*google{
		"it does not answer":        {err: errors.New("no route to host")},
		"it answers 500":            {status: 500},
		"its answer holds no keys":  {text: "<html>"},
		"its answer holds no keys ": {text: `{"keys":[]}`},
	} {
		err := newChecker(t, g, nil).Check(t.Context(), bearer(token(t)))
		refusal, ok := errors.AsType[*caller.Refusal](err)
		why := strings.TrimSpace(name)
		if g.err != nil {
			why = g.err.Error()
		}
		want := "fetching Google's keys from https://www.googleapis.com/oauth2/v3/certs: " + why + ": see that the function may reach it"
		if !ok || refusal.Status != 503 || challenge(refusal) != "" || err.Error() != want {
			t.Errorf("%s: %v, want 503 %s", name, err, want)
		}
		if g.err != nil && !errors.Is(err, g.err) {
			t.Errorf("%s: %v does not wrap the cause", name, err)
		}
	}
}

// Who has no token in the right form costs Google nothing.
func TestKeysAreFetchedOnlyForATokenThatMayBeGood(t *testing.T) {
	t.Parallel()
	g := &google{}
	c := newChecker(t, g, nil)
	for _, header := range []http.Header{nil, bearer("abc"), bearer(token(t, map[string]any{"exp": 1}))} {
		if err := c.Check(t.Context(), header); err == nil {
			t.Error("let in")
		}
	}
	if g.asked != 0 {
		t.Errorf("Google was asked %d times", g.asked)
	}
}

func TestKeysAreKeptAsLongAsGoogleSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header http.Header
		kept   time.Duration
	}{
		{"as Google sends it", http.Header{"Cache-Control": {"public, max-age=20000, must-revalidate, no-transform"}}, 20_000 * time.Second},
		{"less its age", http.Header{"Cache-Control": {"max-age=20000"}, "Age": {"5000"}}, 15_000 * time.Second},
		{"at least so that Google has rest", http.Header{"Cache-Control": {"max-age=0"}}, time.Minute},
		{"where nothing is said", nil, time.Minute},
		{"where nonsense is said", http.Header{"Cache-Control": {"max-age=long"}, "Age": {"x"}}, time.Minute},
		{"at most a day", http.Header{"Cache-Control": {"max-age=31536000"}}, 24 * time.Hour},
	}
	for _, tt := range tests {
		now := time.Now()
		g := &google{header: tt.header}
		c := newChecker(t, g, func() time.Time { return now })
		check := func(after time.Duration, asked int) {
			t.Helper()
			now = now.Add(after)
			if err := c.Check(t.Context(), bearer(token(t))); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if g.asked != asked {
				t.Errorf("%s: Google was asked %d times, want %d", tt.name, g.asked, asked)
			}
		}
		check(0, 1)
		check(tt.kept-time.Nanosecond, 1)
		check(time.Nanosecond, 2)
	}
}

func TestANewKeyIsLookedForAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g := &google{header: http.Header{"Cache-Control": {"max-age=20000"}}}
	c := newChecker(t, g, func() time.Time { return now })
	fresh := bearer(signed(t, signers()[0], map[string]any{"alg": "RS256", "kid": "fresh"}, claims()))
	for range 5 {
		if err := c.Check(t.Context(), fresh); err == nil {
			t.Fatal("let in by a key that is not published")
		}
	}
	if g.asked != 1 {
		t.Errorf("Google was asked %d times, want 1", g.asked)
	}
	g.ids = []string{"fresh"}
	now = now.Add(time.Minute)
	if err := c.Check(t.Context(), fresh); err != nil {
		t.Errorf("after the key was published: %v", err)
	}
	if g.asked != 2 {
		t.Errorf("Google was asked %d times, want 2", g.asked)
	}
}

// While Google cannot be reached, keys in force go on serving, and what needs
// others asks at most every five seconds.
func TestAFailureIsNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g := &google{header: http.Header{"Cache-Control": {"max-age=600"}}}
	c := newChecker(t, g, func() time.Time { return now })
	check := func(what string, header http.Header, status, asked int) {
		t.Helper()
		err := c.Check(t.Context(), header)
		got := 0
		if refusal, ok := errors.AsType[*caller.Refusal](err); ok {
			got = refusal.Status
		}
		if got != status || g.asked != asked {
			t.Errorf("%s: %d (%v) after %d requests to Google, want %d after %d", what, got, err, g.asked, status, asked)
		}
	}
	fresh := bearer(signed(t, signers()[0], map[string]any{"alg": "RS256", "kid": "fresh"}, claims()))
	check("at first", bearer(token(t)), 0, 1)
	g.err = errors.New("no route to host")
	now = now.Add(2 * time.Minute)
	check("a new key", fresh, 503, 2)
	check("a key in force", bearer(token(t)), 0, 2)
	check("a new key again", fresh, 503, 2)
	now = now.Add(5 * time.Second)
	check("a new key, later", fresh, 503, 3)
	now = now.Add(10 * time.Minute)
	check("keys that ended", bearer(token(t)), 503, 4)
	g.err = nil
	now = now.Add(5 * time.Second)
	check("Google is back", bearer(token(t)), 0, 5)
}

func TestManyRequestsWaitForOneFetchAndWhoeverGivesUpFailsNobodyElse(t *testing.T) {
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
			t.Errorf("who gave up: %v", refusal)
		}
		close(g.wait)
		for range cap(results) - 1 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if g.asked != 1 {
			t.Errorf("Google was asked %d times, want 1", g.asked)
		}
	})
}
