// SPDX-License-Identifier: Apache-2.0

// Package identity implements the function's credentials towards an Airflow: it
// obtains each kind, keeps tokens while they are valid, sends credentials to
// the one web server that they are meant for, and stops sending them where they
// are refused.
//
// It never chooses a kind (environment does), requests nothing of Airflow but a
// token, and puts no secret into an error.
package identity

import (
	"net/http"
	"strings"
)

// The kinds of credentials, in the words of AIRFLOW_AUTH.
const (
	KindGoogle   = "google"   // an OAuth access token of the account that the process runs as
	KindIAP      = "iap"      // an ID token of that account, for Identity-Aware Proxy
	KindBasic    = "basic"    // user and password
	KindPassword = "password" // Airflow 3's own token, had for user and password
	KindBearer   = "bearer"   // a token that somebody else makes
	KindOAuth2   = "oauth2"   // an access token of an identity provider, for client credentials
	KindIDToken  = "id_token" // an ID token of the account that the process runs as, for any audience
	KindNone     = "none"     // no credentials
)

// None sends no credentials.
type None struct{}

// Kind is none.
func (None) Kind() string { return KindNone }

// Authorize leaves the request as it is.
func (None) Authorize(*http.Request) error { return nil }

// Renew reports false: there is nothing to renew.
func (None) Renew(*http.Request) bool { return false }

// Basic sends a user and a password.
type Basic struct {
	Username string
	Password *Secret
}

// Kind is basic.
func (*Basic) Kind() string { return KindBasic }

// Authorize sets the user and the password as they are now.
func (b *Basic) Authorize(req *http.Request) error {
	password, err := b.Password.read()
	if err != nil {
		return err
	}
	req.SetBasicAuth(b.Username, password)
	return nil
}

// Renew reports whether the password has changed since.
func (b *Basic) Renew(refused *http.Request) bool {
	_, sent, _ := refused.BasicAuth()
	password, err := b.Password.current(true)
	return err == nil && password != sent
}

func (b *Basic) held() []*Secret { return []*Secret{b.Password} }

// Bearer sends a token that somebody else makes. A token that was copied
// together with the word Bearer is taken without it.
type Bearer struct {
	Token *Secret
}

// Kind is bearer.
func (*Bearer) Kind() string { return KindBearer }

// Authorize sets the token as it is now.
func (b *Bearer) Authorize(req *http.Request) error {
	token, err := b.Token.read()
	if err != nil {
		return err
	}
	setBearer(req, bare(token))
	return nil
}

// Renew reports whether the token has changed since.
func (b *Bearer) Renew(refused *http.Request) bool {
	token, err := b.Token.current(true)
	return err == nil && bare(token) != sentBearer(refused)
}

func (b *Bearer) held() []*Secret { return []*Secret{b.Token} }

// bare is a token without the scheme of the header that it was copied from.
func bare(token string) string {
	const scheme = "Bearer "
	token = strings.TrimSpace(token)
	if len(token) > len(scheme) && strings.EqualFold(token[:len(scheme)], scheme) {
		token = strings.TrimSpace(token[len(scheme):])
	}
	return token
}

func setBearer(req *http.Request, token string) { req.Header.Set("Authorization", "Bearer "+token) }

// sentBearer is the token that req carried.
func sentBearer(req *http.Request) string {
	return strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
}
