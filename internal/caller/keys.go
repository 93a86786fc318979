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

	"golang.org/x/sync/singleflight"
)

// certsURL is where the validator, too, looks for the keys of Google's tokens:
// https://accounts.google.com/.well-known/openid-configuration, jwks_uri.
const certsURL = "https://www.googleapis.com/oauth2/v3/certs"

const (
	// refreshPause is the least time between two fetches, so that tokens signed
	// with keys that do not exist cost Google nothing. A key is published well
	// before it is used.
	refreshPause = time.Minute
	// retryPause is the same after a fetch that failed.
	retryPause = 5 * time.Second
	// maxKept bounds what Google's Cache-Control may ask for.
	maxKept = 24 * time.Hour
	// fetchTime bounds one fetch.
	fetchTime = 10 * time.Second
	// maxKeys bounds the size of the answer, in bytes: two keys take 1 KB.
	maxKeys = 1 << 20
)

// keys are Google's, kept as long as Google says, and fetched by one request
// for all that wait for them. To the validator they are the transport that
// answers with them.
type keys struct {
	transport http.RoundTripper
	now       func() time.Time
	flight    singleflight.Group

	mu    sync.Mutex
	set   keySet
	again time.Time // when a fetch is next allowed
	err   error     // of the last fetch
}

// keySet is one answer of Google's.
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

// hold sees to it that the keys are in force, and reports whether the one named
// is among them.
func (k *keys) hold(ctx context.Context, id string) (bool, error) {
	if done, held, err := k.look(id); done {
		return held, err
	}
	fetched := k.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
		defer cancel()
		k.refresh(ctx, id)
		return nil, nil
	})
	select {
	case <-fetched:
		_, held, err := k.look(id)
		return held, err
	case <-ctx.Done():
		return false, fmt.Errorf("waiting for Google's keys: %w", ctx.Err())
	}
}

// look tells what is known of a key without a request, and whether that will do:
// keys in force are asked for again for the sake of one that is not among them.
func (k *keys) look(id string) (done, held bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	inForce := now.Before(k.set.expires)
	held = inForce && slices.Contains(k.set.ids, id)
	switch {
	case held:
		return true, true, nil
	case now.Before(k.again):
		return true, false, k.err
	}
	return false, false, k.err
}

// refresh fetches the keys, unless somebody just did.
func (k *keys) refresh(ctx context.Context, id string) {
	if done, _, _ := k.look(id); done {
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

// fetch asks Google.
func (k *keys) fetch(ctx context.Context) (keySet, error) {
	fail := func(err error) (keySet, error) {
		return keySet{}, fmt.Errorf("fetching Google's keys from %s: %w: see that the function may reach it", certsURL, err)
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
		return fail(fmt.Errorf("it answers %d", resp.StatusCode))
	}
	var answer struct{ Keys []struct{ Kid string } }
	if json.Unmarshal(text, &answer) != nil || len(answer.Keys) == 0 {
		return fail(errors.New("its answer holds no keys"))
	}
	set := keySet{text: text, expires: k.now().Add(keep(resp.Header))}
	for _, key := range answer.Keys {
		set.ids = append(set.ids, key.Kid)
	}
	return set, nil
}

// keep is how long an answer may be kept.
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

// RoundTrip answers the validator with the keys that are held.
func (k *keys) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.String() != certsURL {
		return nil, fmt.Errorf("%s holds no keys of Google's ID tokens", req.URL)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(k.set.text)), ContentLength: int64(len(k.set.text)),
	}, nil
}
