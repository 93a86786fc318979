// SPDX-License-Identifier: Apache-2.0

// Package caller owns the question who sent a request: it checks the OpenID
// Connect token that Pub/Sub, Eventarc and Cloud Scheduler send along, for a
// function that can be reached by others than them.
//
// It never decides about events, and reads no request's body. Where Cloud Run
// itself checks callers by IAM it is not needed, and of no use: Cloud Run takes
// the token's signature away.
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

// Config says who may call.
type Config struct {
	// Accounts are the e-mail addresses of who may call; none stands for everyone.
	Accounts []string
	// Audiences are what a token may be made for, each as the sender's setting
	// has it. Without one, whoever receives tokens of the same account could
	// pass them on to here.
	Audiences []string
	// Transport fetches Google's keys, when a request first needs them.
	Transport http.RoundTripper
	// Now is the clock by which keys are kept; nil stands for time.Now.
	Now func() time.Time
}

// Checker tells who may call. Any number of requests may share it. A nil one
// lets everyone in.
type Checker struct {
	accounts  []string // in lower case
	audiences []string
	keys      *keys
	validator *idtoken.Validator
}

// New makes the checker that c describes, nil where c names no account. It
// makes no request.
func New(c Config) (*Checker, error) {
	if len(c.Accounts) == 0 {
		return nil, nil
	}
	if len(c.Audiences) == 0 {
		return nil, errors.New("callers are checked, but for no audience: name what their tokens are made for")
	}
	k := newKeys(c.Transport, c.Now)
	// The validator's own cache keeps what it was given for its max-age, and of
	// k's answers, which name none, nothing: k alone says when keys are fetched.
	validator, err := idtoken.NewValidator(context.Background(), option.WithHTTPClient(&http.Client{Transport: k}))
	if err != nil {
		return nil, fmt.Errorf("setting up the check of callers: %w", err)
	}
	checker := &Checker{audiences: c.Audiences, keys: k, validator: validator}
	for _, account := range c.Accounts {
		checker.accounts = append(checker.accounts, strings.ToLower(account))
	}
	return checker, nil
}

// Refusal is why a request is not served. It holds nothing of a token whose
// signature was not found right, and of another one the claims that it names.
type Refusal struct {
	// Status is 401 without a token in force, 403 with somebody else's, and 503
	// where Google's keys could not be had.
	Status int
	Reason string

	challenge string // WWW-Authenticate; empty for none
	err       error
}

// Error is the reason, which ends in what to do.
func (r *Refusal) Error() string { return r.Reason }

// Challenge writes into the header of the answer how to authenticate, where that
// was not done: https://www.rfc-editor.org/rfc/rfc6750#section-3
func (r *Refusal) Challenge(header http.Header) {
	if r.challenge != "" {
		header.Set("WWW-Authenticate", r.challenge)
	}
}

// Unwrap is why the keys could not be had.
func (r *Refusal) Unwrap() error { return r.err }

func unauthorized(reason string) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, challenge: `Bearer error="invalid_token"`, Reason: reason}
}

func forbidden(format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Reason: fmt.Sprintf(format, args...)}
}

// signatureRemoved stands in the place of the signature once Cloud Run has
// checked a token by IAM. Anyone may write it there who comes another way.
// https://cloud.google.com/run/docs/troubleshooting#signature-removed
const signatureRemoved = ".SIGNATURE_REMOVED_BY_GOOGLE"

// Check reports by a [*Refusal] that r does not come from who may call. It
// looks at the headers alone.
func (c *Checker) Check(ctx context.Context, header http.Header) error {
	if c == nil {
		return nil
	}
	scheme, token, _ := strings.Cut(header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	switch {
	case !strings.EqualFold(scheme, "Bearer") || token == "":
		return &Refusal{
			Status: http.StatusUnauthorized, challenge: "Bearer",
			Reason: "the request carries no token: have the sender authenticate, as a push subscription does by --push-auth-service-account",
		}
	case strings.HasSuffix(token, signatureRemoved):
		return unauthorized("Cloud Run has checked the token, and taken its signature away: where it checks callers by IAM, leave ALLOW_CALLERS out")
	}
	claims, err := c.verify(ctx, token)
	if err != nil {
		return err
	}
	return c.admit(claims)
}

// verify returns the claims of a token that Google signed and that is in force.
func (c *Checker) verify(ctx context.Context, token string) (*idtoken.Payload, error) {
	claims, err := idtoken.ParsePayload(token)
	id, ok := keyID(token)
	switch {
	case err != nil || !ok:
		return nil, unauthorized("the token is no ID token signed by RS256: send one of a Google service account, not an access token")
	case time.Now().Unix() > claims.Expires:
		return nil, unauthorized("the token has expired: send a new one")
	}
	held, err := c.keys.hold(ctx, id)
	switch {
	case err != nil:
		return nil, &Refusal{Status: http.StatusServiceUnavailable, Reason: err.Error(), err: err}
	case !held:
		return nil, unauthorized("the token is signed with no key of Google's: send a token that Google made")
	}
	claims, err = c.validator.Validate(ctx, token, "")
	switch {
	case err != nil:
		return nil, unauthorized("the token's signature is wrong: send a token as Google made it")
	case claims.Issuer != "https://accounts.google.com" && claims.Issuer != "accounts.google.com":
		return nil, unauthorized("the token was not issued by Google Accounts: send the ID token of a service account")
	}
	return claims, nil
}

// keyID names the key that a token says it is signed with. Another algorithm
// than RS256 is refused here: Google signs by no other, and the validator
// fails on a signature by ES256 that is too short.
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

// admit decides about claims that are true.
func (c *Checker) admit(claims *idtoken.Payload) error {
	if !slices.Contains(c.audiences, claims.Audience) {
		return forbidden("the token is made for %q: name that in ALLOW_AUDIENCE, or have the sender ask for an audience that stands there", claims.Audience)
	}
	email, _ := claims.Claims["email"].(string)
	verified, _ := claims.Claims["email_verified"].(bool)
	switch {
	case email == "" || !verified:
		return forbidden("the token of the account %q names no verified e-mail address: ask for it with the token, as format=full does at the metadata server", claims.Subject)
	case !slices.Contains(c.accounts, strings.ToLower(email)):
		return forbidden("the token is %s's, who may not call: name the account in ALLOW_CALLERS, or send as one that stands there", email)
	}
	return nil
}
