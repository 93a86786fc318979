// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.com/dagtrigger/internal/flight"
)

const (
	// margin is how long before its end a token is made anew, so that it does
	// not expire on the way; a short-lived one is used for three quarters of
	// its life.
	margin = time.Minute
	// renewalPause is the least time between two renewals: what a token just
	// made anew is refused for is not its age, and each costs its maker work.
	renewalPause = time.Minute
	// makingTime bounds the making of a token. Google's libraries ask the
	// metadata server for up to 15 s.
	makingTime = 30 * time.Second
)

// token is what a keeper keeps. It stands behind a pointer there, so that
// whoever prints what holds a keeper prints no token.
type token struct {
	text    string
	made    time.Time
	expires time.Time // zero where nobody said
}

func (t *token) inForce(now time.Time) bool {
	if t == nil || t.expires.IsZero() {
		return t != nil
	}
	return t.expires.Sub(now) > min(margin, t.expires.Sub(t.made)/4)
}

// keeper keeps a token until shortly before its end, and has it made once for
// all who wait for it. Its first two fields are set before its first use.
type keeper struct {
	what  string // for messages, such as "a Google access token"
	fetch func(context.Context) (*token, error)

	flight flight.Group[string]

	mu      sync.Mutex
	kept    *token    // nil where there is none
	renewed time.Time // when a refused token was last given up
}

// current returns the token in force, or has one made. Each caller waits as
// long as its own context: the one who happened to be first does not fail the
// others by giving up.
func (k *keeper) current(ctx context.Context) (string, error) {
	if text := k.held(); text != "" {
		return text, nil
	}
	text, err := k.flight.Do(ctx, "", makingTime, k.obtain)
	if gaveUp, ok := errors.AsType[*flight.GaveUpError](err); ok {
		return "", fmt.Errorf("waiting for %s: %w", k.what, gaveUp.Err)
	}
	if err != nil {
		return "", fmt.Errorf("obtaining %s: %w", k.what, err)
	}
	return text, nil
}

func (k *keeper) obtain(ctx context.Context) (string, error) {
	if text := k.held(); text != "" { // made while this caller came
		return text, nil
	}
	made, err := k.fetch(ctx)
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = made
	return made.text, nil
}

// held is the token in force, empty where there is none.
func (k *keeper) held() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.kept.inForce(time.Now()) {
		return ""
	}
	return k.kept.text
}

// renew gives up the token that was refused, unless another has taken its
// place. It reports whether the next try carries another one.
func (k *keeper) renew(refused string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == nil || k.kept.text != refused {
		return true
	}
	now := time.Now()
	if !k.renewed.IsZero() && now.Sub(k.renewed) < renewalPause {
		return false
	}
	k.kept, k.renewed = nil, now
	return true
}
