// SPDX-License-Identifier: Apache-2.0

// Package identity owns who the function is towards an Airflow: it obtains
// credentials of each kind, keeps them while they last, makes them anew, and
// sends them to the one web server that they are meant for.
//
// It never chooses a kind (environment does), never asks Airflow for anything
// but a token, and holds no secret in an error.
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
	Origin   Origin
	Username string
	Password *Secret
}

// Kind is basic.
func (*Basic) Kind() string { return KindBasic }

// Authorize sets the user and the password as they are now.
func (b *Basic) Authorize(req *http.Request) error {
	if err := b.Origin.check(req); err != nil {
		return err
	}
	password, err := b.Password.read()
	if err != nil {
		return err
	}
	req.SetBasicAuth(b.Username, password)
	return nil
}

// Renew reports whether the password is another one by now.
func (b *Basic) Renew(refused *http.Request) bool {
	_, sent, _ := refused.BasicAuth()
	return b.Password.differs(sent)
}

// Bearer sends a token that somebody else makes.
type Bearer struct {
	Origin Origin
	Token  *Secret
}

// Kind is bearer.
func (*Bearer) Kind() string { return KindBearer }

// Authorize sets the token as it is now.
func (b *Bearer) Authorize(req *http.Request) error {
	if err := b.Origin.check(req); err != nil {
		return err
	}
	token, err := b.Token.read()
	if err != nil {
		return err
	}
	setBearer(req, token)
	return nil
}

// Renew reports whether the token is another one by now.
func (b *Bearer) Renew(refused *http.Request) bool { return b.Token.differs(sentBearer(refused)) }

func setBearer(req *http.Request, token string) { req.Header.Set("Authorization", "Bearer "+token) }

// sentBearer is the token that req carried.
func sentBearer(req *http.Request) string {
	return strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
}
