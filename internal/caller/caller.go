// SPDX-License-Identifier: Apache-2.0

// Package caller implements the check of callers: it verifies the OpenID Connect
// token that Pub/Sub, Eventarc and Cloud Scheduler send with a request, for a
// function that others can reach too.
//
// It never looks at an event, and never reads a request's body. Where Cloud Run
// itself checks callers by IAM the check is not needed and cannot work: Cloud Run
// removes the token's signature.
package caller

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"
)

// Config lists the allowed callers.
type Config struct {
	// Accounts are the e-mail addresses of the allowed callers; none allows everyone.
	Accounts []string
	// Audiences are the accepted audiences of a token, each written exactly as in
	// the sender's setting. Without one, any service that receives tokens of the
	// same account could forward them to this function.
	Audiences []string
	// Transport fetches Google's keys when a request first needs them.
	Transport http.RoundTripper
	// Now is the clock that expires cached keys; nil means time.Now.
	Now func() time.Time
}

// Checker checks callers. It is safe for concurrent use. A nil Checker allows
// every caller.
type Checker struct {
	accounts  []string // in lower case
	audiences []string
	keys      *keys
	validator *idtoken.Validator
}

// New returns the checker that c describes, or nil if c names no account. It
// sends no request.
func New(c Config) (*Checker, error) {
	if len(c.Accounts) == 0 {
		return nil, nil
	}
	if len(c.Audiences) == 0 {
		return nil, errors.New("ALLOW_CALLERS needs ALLOW_AUDIENCE: set the audience of the callers' tokens, such as the function's URL")
	}
	k := newKeys(c.Transport, c.Now)
	// The validator caches a response for its max-age. The responses of k have
	// none, so k alone decides when keys are fetched.
	validator, err := idtoken.NewValidator(context.Background(), option.WithHTTPClient(&http.Client{
		Transport:     k,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}))
	if err != nil {
		return nil, fmt.Errorf("creating the validator of callers: %w", err)
	}
	checker := &Checker{audiences: c.Audiences, keys: k, validator: validator}
	for _, account := range c.Accounts {
		checker.accounts = append(checker.accounts, strings.ToLower(account))
	}
	return checker, nil
}

// Refusal is the error of a request that is not served. It quotes a claim only
// from a token whose signature was verified.
type Refusal struct {
	// Status is 401 without a valid token, 403 for a caller that is not allowed,
	// and 503 if Google's keys could not be fetched.
	Status int
	Reason string

	challenge string // WWW-Authenticate; empty for none
	err       error
}

// Error returns the reason, which ends in the fix.
func (r *Refusal) Error() string { return r.Reason }

// Challenge sets WWW-Authenticate in the header of a 401 response:
// https://www.rfc-editor.org/rfc/rfc6750#section-3
func (r *Refusal) Challenge(header http.Header) {
	if r.challenge != "" {
		header.Set("WWW-Authenticate", r.challenge)
	}
}

// Unwrap returns why the keys could not be fetched.
func (r *Refusal) Unwrap() error { return r.err }

func unauthorized(reason string) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, challenge: `Bearer error="invalid_token"`, Reason: reason}
}

func forbidden(format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Reason: fmt.Sprintf(format, args...)}
}

// maxToken bounds the Authorization header in bytes, before any of it is parsed:
// decoding base64 and JSON takes several times its size. An ID token of Google's
// takes about 1 KB.
const maxToken = 16 << 10

// signatureRemoved replaces the signature once Cloud Run has checked a token by
// IAM. A caller that bypasses Cloud Run can send it too, so it proves nothing.
// https://cloud.google.com/run/docs/troubleshooting#signature-removed
const signatureRemoved = ".SIGNATURE_REMOVED_BY_GOOGLE"

// Check returns a [*Refusal] unless the request with this header comes from an
// allowed caller. It costs at most the parsing of 16 KB.
func (c *Checker) Check(ctx context.Context, header http.Header) error {
	if c == nil {
		return nil
	}
	authorization := header.Get("Authorization")
	if len(authorization) > maxToken {
		return unauthorized("the token is larger than 16 KB: send the ID token of a Google service account, which takes about 1 KB")
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimSpace(token)
	switch {
	case !strings.EqualFold(scheme, "Bearer") || token == "":
		return &Refusal{
			Status: http.StatusUnauthorized, challenge: "Bearer",
			Reason: "the request has no token: " +
				"let the sender authenticate, as a push subscription does with --push-auth-service-account",
		}
	case strings.HasSuffix(token, signatureRemoved):
		return unauthorized("Cloud Run has checked the token and removed its signature: " +
			"unset ALLOW_CALLERS where Cloud Run checks callers by IAM")
	}
	claims, err := c.verify(ctx, token)
	if err != nil {
		return err
	}
	return c.admit(claims)
}

// verify returns the claims of a token that Google signed and that has not expired.
func (c *Checker) verify(ctx context.Context, token string) (*idtoken.Payload, error) {
	claims, err := idtoken.ParsePayload(token)
	id, ok := keyID(token)
	switch {
	case err != nil || !ok:
		return nil, unauthorized("the token is not an ID token signed with RS256: " +
			"send the ID token of a Google service account, not an access token")
	case time.Now().Unix() > claims.Expires:
		return nil, unauthorized("the token has expired: send a new one")
	}
	known, err := c.keys.has(ctx, id)
	switch {
	case err != nil:
		return nil, &Refusal{Status: http.StatusServiceUnavailable, Reason: err.Error(), err: err}
	case !known:
		return nil, unauthorized("the token is not signed with a key of Google's: send a token that Google issued")
	}
	claims, err = c.validator.Validate(ctx, token, "")
	switch {
	case err != nil:
		return nil, unauthorized("the token's signature is invalid: send the token exactly as Google issued it")
	case claims.Issuer != "https://accounts.google.com" && claims.Issuer != "accounts.google.com":
		return nil, unauthorized("the token was not issued by Google Accounts: send the ID token of a service account")
	}
	return claims, nil
}

// keyID returns the id of the key that a token claims to be signed with. Only
// RS256 is accepted: Google signs with no other algorithm, and the validator
// panics on a signature by ES256 that is too short.
func keyID(token string) (id string, ok bool) {
	text, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", false
	}
	var header struct{ Alg, Kid string }
	err = json.Unmarshal(decoded, &header)
	return header.Kid, err == nil && header.Alg == "RS256"
}

// admit checks verified claims against the lists of audiences and accounts.
func (c *Checker) admit(claims *idtoken.Payload) error {
	if !slices.Contains(c.audiences, claims.Audience) {
		return forbidden("the token's audience is %q: add that to ALLOW_AUDIENCE, or set the sender's audience to one in it",
			claims.Audience)
	}
	email, _ := claims.Claims["email"].(string)
	verified, _ := claims.Claims["email_verified"].(bool)
	switch {
	case email == "" || !verified:
		return forbidden("the token of the account %q has no verified e-mail address: "+
			"request it with format=full from the metadata server", claims.Subject)
	case !slices.Contains(c.accounts, strings.ToLower(email)):
		return forbidden("the token is of %s, which is not an allowed caller: "+
			"add the account to ALLOW_CALLERS, or send as one in it", email)
	}
	return nil
}
