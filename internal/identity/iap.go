// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"example.com/dagtrigger/internal/cause"
)

// IAP sends an ID token to a web server behind Identity-Aware Proxy, as
// Composer 1's is: https://cloud.google.com/iap/docs/authentication-howto.
type IAP struct {
	google    *Google
	root      *url.URL
	transport http.RoundTripper
	given     string // the client id that the operator gave, empty where it is discovered
	tokens    keeper

	mu         sync.Mutex
	discovered string
}

// NewIAP is google's identity towards the web server at root. clientID is the
// token's audience; where it is empty, the web server's redirect to Google's
// login tells it, through transport.
//
// That redirect is believed, because the operator named the server: whoever
// answers there may ask for a token of any audience, and gets it.
func NewIAP(google *Google, root *url.URL, clientID string, transport http.RoundTripper) *IAP {
	i := &IAP{google: google, root: root, given: clientID, transport: transport}
	i.tokens.what = "an ID token for Identity-Aware Proxy"
	i.tokens.fetch = i.fetch
	return i
}

// Kind is iap.
func (*IAP) Kind() string { return KindIAP }

// Authorize sets the ID token in force, obtaining one where there is none.
func (i *IAP) Authorize(req *http.Request) error {
	if err := OriginOf(i.root).check(req); err != nil {
		return err
	}
	text, err := i.tokens.current(req.Context())
	if err != nil {
		return err
	}
	setBearer(req, text)
	return nil
}

// Renew gives up the token that was refused, and the client id that was
// discovered for it.
func (i *IAP) Renew(refused *http.Request) bool {
	if !i.tokens.renew(sentBearer(refused)) {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.discovered = ""
	return true
}

// ClientID is the client id given, or discovered.
func (i *IAP) ClientID(ctx context.Context) (string, error) {
	if i.given != "" {
		return i.given, nil
	}
	i.mu.Lock()
	id := i.discovered
	i.mu.Unlock()
	if id != "" {
		return id, nil
	}
	id, err := discover(ctx, i.transport, i.root)
	if err != nil {
		return "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.discovered = id
	return id, nil
}

func (i *IAP) fetch(ctx context.Context) (*token, error) {
	id, err := i.ClientID(ctx)
	if err != nil {
		return nil, err
	}
	return kept(i.google.source.IDToken(ctx, id))
}

// discover reads the client id out of the redirect by which Identity-Aware
// Proxy answers a browser without credentials. It follows nothing. Such a
// redirect is only given to who accepts HTML:
// https://cloud.google.com/iap/docs/faq#what_is_the_response_when_a_user_is_not_authenticated
func discover(ctx context.Context, transport http.RoundTripper, root *url.URL) (string, error) {
	if IsComposer(root.Hostname()) {
		return "", NotBehindIAP(root.String())
	}
	shown := strings.ReplaceAll(root.String(), "'", "%27")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, root.String(), nil)
	if err != nil {
		return "", causeIAPDiscovery.error(nil, "URL", shown)
	}
	req.Header.Set("Accept", "text/html,*/*")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", causeIAPDiscovery.error(outcome(ctx, errors.New("it does not answer")), "URL", shown)
	}
	_ = resp.Body.Close()
	id, err := clientIDIn(resp)
	if err != nil {
		return "", causeIAPDiscovery.error(err, "URL", shown)
	}
	return id, nil
}

// NotBehindIAP is the error of asking for iap on a Composer 2 or 3 web server.
func NotBehindIAP(url string) *cause.Error { return causeIAPElsewhere.error(nil, "URL", url) }

// clientIDIn finds the client id in a redirect to Google's login; any other
// answer is an error.
func clientIDIn(resp *http.Response) (string, error) {
	to, err := url.Parse(resp.Header.Get("Location"))
	switch {
	case resp.StatusCode/100 != 3:
		return "", fmt.Errorf("it answers %d, and not with a redirect to Google's login", resp.StatusCode)
	case err != nil || to.Scheme != "https" || to.Host != "accounts.google.com" || to.User != nil:
		return "", errors.New("its redirect does not lead to https://accounts.google.com")
	}
	ids := to.Query()["client_id"]
	if len(ids) != 1 || !IsClientID(ids[0]) {
		return "", errors.New("its redirect names no client id of Identity-Aware Proxy")
	}
	return ids[0], nil
}

// IsClientID reports whether id has the form of an OAuth client id of Google's.
func IsClientID(id string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9-]+\.apps\.googleusercontent\.com$`).MatchString(id)
}
