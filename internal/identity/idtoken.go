// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"net/http"
	"strings"
)

// IDToken sends a Google ID token for an audience, as Cloud Run takes it:
// https://cloud.google.com/run/docs/authenticating/service-to-service.
type IDToken struct {
	kind     string
	header   string
	audience func(context.Context) (string, error)
	tokens   tokenCache
}

// NewIDToken is google's identity towards a web server that takes ID tokens
// for the audience.
func NewIDToken(google *Google, audience string) *IDToken {
	return newIDToken(google, KindIDToken, "an ID token", func(context.Context) (string, error) { return audience, nil })
}

func newIDToken(google *Google, kind, what string, audience func(context.Context) (string, error)) *IDToken {
	t := &IDToken{kind: kind, header: "Authorization", audience: audience}
	t.tokens.what = what
	t.tokens.fetch = func(ctx context.Context) (*token, error) {
		audience, err := t.audience(ctx)
		if err != nil {
			return nil, err
		}
		return fromGoogle(google.source.IDToken(ctx, audience))
	}
	return t
}

// InFront sends the token beside Airflow's own credentials, which keep the
// header Authorization. What stands in front looks at another header first, and
// passes Authorization on: Proxy-Authorization for Identity-Aware Proxy
// (https://cloud.google.com/iap/docs/authentication-howto), and
// X-Serverless-Authorization for Cloud Run.
func (t *IDToken) InFront() *IDToken {
	t.header = "X-Serverless-Authorization"
	if t.kind == KindIAP {
		t.header = "Proxy-Authorization"
	}
	return t
}

// Kind is iap or id_token.
func (t *IDToken) Kind() string { return t.kind }

// Authorize sets the ID token in force, obtaining one where there is none.
func (t *IDToken) Authorize(req *http.Request) error {
	text, err := t.tokens.current(req.Context())
	if err != nil {
		return err
	}
	req.Header.Set(t.header, "Bearer "+text)
	return nil
}

// Renew drops the token that was refused.
func (t *IDToken) Renew(refused *http.Request) bool {
	return t.tokens.renew(strings.TrimPrefix(refused.Header.Get(t.header), "Bearer "))
}
