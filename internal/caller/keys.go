// SPDX-License-Identifier: Apache-2.0

package caller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/dagtrigger/internal/flight"
)

// certsURL is where the validator, too, fetches the keys of Google's tokens from:
// https://accounts.google.com/.well-known/openid-configuration, jwks_uri.
const certsURL = "https://www.googleapis.com/oauth2/v3/certs"

const (
	// refreshPause is the least time between two fetches, so that tokens with
	// made-up key ids do not each cause a request. Google publishes a key well
	// before it signs with it.
	refreshPause = time.Minute
	// retryPause is the least time after a fetch that failed.
	retryPause = 5 * time.Second
	// maxKept bounds the lifetime that Cache-Control may give.
	maxKept = 24 * time.Hour
	// fetchTime bounds one fetch.
	fetchTime = 10 * time.Second
	// maxKeys bounds the size of the response, in bytes: two keys take 1 KB.
	maxKeys = 1 << 20
)

// keys caches Google's public keys for the lifetime that Google gives, and
// fetches them with one request for all callers that wait. It is also the
// validator's transport, which answers from the cache.
type keys struct {
	transport http.RoundTripper
	now       func() time.Time
	flight    flight.Group[any]

	mu    sync.Mutex
	set   keySet
	again time.Time // the earliest next fetch
	err   error     // of the last fetch
}

// keySet is one response of Google's.
type keySet struct {
	text    []byte
	ids     []string
	expires time.Time
}

func newKeys(transport http.RoundTripper, now func() time.Time) *keys {
	if now == nil {
		now = time.Now
	}
	return &keys{transport: transport, now: now}
}

// has reports whether the key id is one of Google's, and fetches the keys if they
// have expired or do not include it.
func (k *keys) has(ctx context.Context, id string) (bool, error) {
	if done, known, err := k.cached(id); done {
		return known, err
	}
	_, err := k.flight.Do(ctx, "", fetchTime, func(ctx context.Context) (any, error) {
		k.refresh(ctx, id)
		return nil, nil
	})
	if err != nil {
		return false, fmt.Errorf("waiting for Google's keys: %w", err)
	}
	_, known, err := k.cached(id)
	return known, err
}

// cached reports whether the cache knows the key, and whether that is conclusive:
// valid keys that do not include this one are fetched again.
func (k *keys) cached(id string) (done, known bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	known = now.Before(k.set.expires) && slices.Contains(k.set.ids, id)
	switch {
	case known:
		return true, true, nil
	case now.Before(k.again):
		return true, false, k.err
	}
	return false, false, k.err
}

// refresh fetches the keys, unless another request has done so meanwhile.
func (k *keys) refresh(ctx context.Context, id string) {
	if done, _, _ := k.cached(id); done {
		return
	}
	set, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
	if err != nil {
		k.again = k.now().Add(retryPause)
		return
	}
	k.set, k.again = set, k.now().Add(refreshPause)
}

// fetch requests the keys from Google.
func (k *keys) fetch(ctx context.Context) (keySet, error) {
	fail := func(err error) (keySet, error) {
		return keySet{}, fmt.Errorf("fetching Google's keys from %s: %w: check that the function can reach it", certsURL, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, certsURL, nil)
	if err != nil {
		return fail(err)
	}
	resp, err := k.transport.RoundTrip(req)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys))
	if err != nil {
		return fail(err)
	}
	if resp.StatusCode != http.StatusOK {
		return fail(fmt.Errorf("it responds with %d", resp.StatusCode))
	}
	var answer struct{ Keys []struct{ Kid string } }
	if json.Unmarshal(text, &answer) != nil || len(answer.Keys) == 0 {
		return fail(errors.New("its response has no keys"))
	}
	set := keySet{text: text, expires: k.now().Add(keep(resp.Header))}
	for _, key := range answer.Keys {
		set.ids = append(set.ids, key.Kid)
	}
	return set, nil
}

// keep returns how long a response may be cached.
// https://www.rfc-editor.org/rfc/rfc9111#section-4.2
func keep(header http.Header) time.Duration {
	var seconds int
	for directive := range strings.SplitSeq(header.Get("Cache-Control"), ",") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(directive), "max-age="); ok {
			seconds, _ = strconv.Atoi(text)
		}
	}
	age, _ := strconv.Atoi(header.Get("Age"))
	return min(max(time.Duration(seconds-age)*time.Second, refreshPause), maxKept)
}

// RoundTrip answers the validator's request from the cache.
func (k *keys) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.String() != certsURL {
		return nil, fmt.Errorf("%s does not have the keys of Google's ID tokens", req.URL)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(k.set.text)), ContentLength: int64(len(k.set.text)),
	}, nil
}
