// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// AccountType is the kind of account that credentials belong to.
type AccountType string

// The types of accounts.
const (
	Attached     AccountType = "the attached service account" // of the metadata server
	Key          AccountType = "a service account's key"
	Impersonated AccountType = "an impersonated service account"
	Federated    AccountType = "an external account"
	User         AccountType = "a user's own login"
)

// Account is whose credentials are used.
type Account struct {
	Type  AccountType
	Email string // empty where it cannot be known
	From  string // where the credentials were found
}

// Source is where Google's tokens come from. [ADC] is the usual one. Each call
// makes a new token.
type Source interface {
	AccessToken(ctx context.Context) (*oauth2.Token, error)
	IDToken(ctx context.Context, audience string) (*oauth2.Token, error)
	Account(ctx context.Context) (Account, error)
}

// Google is the account that the process runs as. Environments share one, and
// with it its access token.
type Google struct {
	source   Source
	tokens   tokenCache
	prefetch sync.Once
}

// NewGoogle is the account whose tokens source makes.
func NewGoogle(source Source) *Google {
	g := &Google{source: source}
	g.tokens.what = "a Google access token"
	g.tokens.fetch = func(ctx context.Context) (*token, error) { return fromGoogle(source.AccessToken(ctx)) }
	return g
}

// fromGoogle is a token of Google's as the cache keeps it.
func fromGoogle(t *oauth2.Token, err error) (*token, error) {
	if err != nil {
		return nil, err
	}
	return &token{text: t.AccessToken, made: time.Now(), expires: t.Expiry}, nil
}

// Account is the account whose credentials are used.
func (g *Google) Account(ctx context.Context) (Account, error) { return g.source.Account(ctx) }

// Member is the account as IAM's commands name it, such as
// serviceAccount:E-MAIL; empty where it cannot be known.
func (g *Google) Member(ctx context.Context) string {
	account, err := g.source.Account(ctx)
	switch {
	case err != nil || account.Email == "":
		return ""
	case account.Type == User:
		return "user:" + account.Email
	}
	return "serviceAccount:" + account.Email
}

// For returns the credentials that send the account's access token to the web
// server at u, see [CheckAccessToken].
func (g *Google) For(u *url.URL, named, insecure bool) (*GoogleToken, error) {
	if err := CheckAccessToken(u, named, insecure); err != nil {
		return nil, err
	}
	return &GoogleToken{google: g}, nil
}

// GoogleToken sends an access token.
type GoogleToken struct {
	google *Google
}

// Kind is google.
func (*GoogleToken) Kind() string { return KindGoogle }

// Authorize sets the token in force, obtaining one where there is none.
func (t *GoogleToken) Authorize(req *http.Request) error {
	text, err := t.google.tokens.current(req.Context())
	if err != nil {
		return err
	}
	setBearer(req, text)
	return nil
}

// Renew drops the token that was refused.
func (t *GoogleToken) Renew(refused *http.Request) bool {
	return t.google.tokens.renew(sentBearer(refused))
}

// Prefetch requests the access token when it is first called, and does not wait for it:
// who needs the token joins that request. It does not end with the context, whose values
// it has. An error is nobody's but theirs who request the token next.
func (g *Google) Prefetch(ctx context.Context) {
	g.prefetch.Do(func() {
		go func() { _, _ = g.tokens.current(context.WithoutCancel(ctx)) }()
	})
}

// Client returns a client for Google's own APIs, which sends the account's
// access token to https hosts below googleapis.com and nowhere else. base
// carries its requests.
func (g *Google) Client(base http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     &apiTransport{google: g, base: base},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type apiTransport struct {
	google *Google
	base   http.RoundTripper
}

func (t *apiTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" || req.URL.Port() != "" || !isBelow(req.URL.Hostname(), "googleapis.com") {
		return nil, fmt.Errorf("a Google access token is not sent to %s: it is not one of Google's APIs", OriginOf(req.URL))
	}
	text, err := t.google.tokens.current(req.Context())
	if err != nil {
		return nil, err
	}
	authorized := req.Clone(req.Context())
	setBearer(authorized, text)
	resp, err := t.base.RoundTrip(authorized)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		t.google.tokens.renew(text)
	}
	return resp, err
}
