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
	*IDToken
	root      *url.URL
	transport http.RoundTripper
	given     string // the client id that the operator set, empty where it is discovered

	mu         sync.Mutex
	discovered string
}

// NewIAP is google's identity towards the web server at root. clientID is the
// token's audience; where it is empty, the web server's redirect to Google's
// login names it, through transport.
//
// That redirect is believed, so that root must be the operator's word or
// Composer's: the server that answers there may request a token of any
// audience, and gets it.
func NewIAP(google *Google, root *url.URL, clientID string, transport http.RoundTripper) *IAP {
	i := &IAP{root: root, given: clientID, transport: transport}
	i.IDToken = newIDToken(google, KindIAP, "an ID token for Identity-Aware Proxy", i.ClientID)
	return i
}

// Renew drops the token that was refused, and the client id that was
// discovered for it.
func (i *IAP) Renew(refused *http.Request) bool {
	if !i.IDToken.Renew(refused) {
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

// discover reads the client id out of the redirect by which Identity-Aware
// Proxy answers a browser without credentials. It follows nothing. Only a
// request that accepts HTML gets such a redirect:
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

// NotBehindIAP is the error of kind iap for a Composer 2 or 3 web server.
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
