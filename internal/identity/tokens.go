// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/flight"
)

const (
	// margin is how long before its end a token is replaced, so that it does
	// not expire on the way; a short-lived one is used for three quarters of
	// its life.
	margin = time.Minute
	// longestLife is how long a token is used, whatever its issuer says. What
	// it was made from may end earlier: Keycloak's own token inside Airflow's
	// lives five minutes to an hour (apache/airflow#59277).
	longestLife = time.Hour
	// renewalPause is the least time between two renewals: a token that was
	// just made is not refused for its age, and each costs its issuer work.
	renewalPause = time.Minute
	// issueTime bounds the request for a token. Google's libraries ask the
	// metadata server for up to 15 s.
	issueTime = 30 * time.Second
)

// token is kept behind a pointer, so that printing its cache prints no token.
type token struct {
	text    string
	made    time.Time
	expires time.Time // zero where the issuer does not say
	worked  bool      // a request with it succeeded
}

// usable reports whether the token will not expire on the way.
func (t *token) usable(now time.Time) bool {
	if t == nil {
		return false
	}
	expires := t.made.Add(longestLife)
	if !t.expires.IsZero() && t.expires.Before(expires) {
		expires = t.expires
	}
	return expires.Sub(now) > min(margin, expires.Sub(t.made)/4)
}

// tokenCache keeps a token until shortly before its end, and requests the next
// one once for all callers that wait for it. Its first two fields are set
// before its first use.
type tokenCache struct {
	what  string // for messages, such as "a Google access token"
	fetch func(context.Context) (*token, error)

	flight flight.Group[string]

	mu      sync.Mutex
	kept    *token    // nil where there is none
	renewed time.Time // when a token was last dropped
	failure *airflow.Error
	until   time.Time // the issuer asked not to be called before
}

// current returns the token in force, or requests one. Each caller waits as
// long as its own context: the first one does not fail the others by giving up.
func (c *tokenCache) current(ctx context.Context) (string, error) {
	if text, err := c.known(); text != "" || err != nil {
		return text, err
	}
	text, err := c.flight.Do(ctx, "", issueTime, c.obtain)
	if gaveUp, ok := errors.AsType[*flight.GaveUpError](err); ok {
		return "", fmt.Errorf("waiting for %s: %w", c.what, gaveUp.Err)
	}
	if err != nil {
		return "", fmt.Errorf("obtaining %s: %w", c.what, err)
	}
	return text, nil
}

func (c *tokenCache) obtain(ctx context.Context) (string, error) {
	if text, err := c.known(); text != "" || err != nil { // by a flight that just ended
		return text, err
	}
	made, err := c.fetch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if e, ok := errors.AsType[*airflow.Error](err); ok && e.RetryAfter > 0 {
			c.failure, c.until = e, time.Now().Add(e.RetryAfter)
		}
		return "", err
	}
	c.kept = made
	return made.text, nil
}

// known is the token in force, or the error of an issuer that asked to be left
// alone until later. Both are empty where a token has to be requested.
func (c *tokenCache) known() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.kept.usable(now):
		return c.kept.text, nil
	case now.Before(c.until):
		e := *c.failure
		e.RetryAfter = c.until.Sub(now)
		return "", fmt.Errorf("obtaining %s: %w", c.what, &e)
	}
	return "", nil
}

// succeeded records that a request with the token succeeded.
func (c *tokenCache) succeeded(sent string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept != nil && c.kept.text == sent {
		c.kept.worked = true
	}
}

// renew drops the token that was refused, unless another has replaced it. It
// reports whether the next try carries another one.
func (c *tokenCache) renew(refused string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drop(refused)
}

// doubt drops a token that worked until it met a server failure: an Airflow
// whose identity provider has ended the session behind the token answers 500.
// It reports whether the next try carries another one.
func (c *tokenCache) doubt(failed string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept != nil && c.kept.text == failed && !c.kept.worked {
		return false
	}
	return c.drop(failed)
}

func (c *tokenCache) drop(sent string) bool {
	if c.kept == nil || c.kept.text != sent {
		return true
	}
	now := time.Now()
	if !c.renewed.IsZero() && now.Sub(c.renewed) < renewalPause {
		return false
	}
	c.kept, c.renewed = nil, now
	return true
}
