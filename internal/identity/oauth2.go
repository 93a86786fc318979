// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"example.com/dagtrigger/internal/airflow"
)

// OAuth2 sends an access token that an identity provider (Keycloak, Entra,
// Okta) issues for client credentials: RFC 6749, section 4.4.
type OAuth2 struct {
	config *clientcredentials.Config // a pointer, so that printing an OAuth2 prints no secret
	secret *Secret
	client *http.Client
	tokens tokenCache
}

// OAuth2Config is what the identity provider needs.
type OAuth2Config struct {
	TokenURL string // https, or loopback
	ClientID string
	Secret   *Secret
	Scope    string // with blanks between several; may be empty
	// Transport carries the requests for tokens.
	Transport http.RoundTripper
}

// NewOAuth2 is the client's identity. It requests nothing.
func NewOAuth2(c OAuth2Config) *OAuth2 {
	o := &OAuth2{
		config: &clientcredentials.Config{ClientID: c.ClientID, TokenURL: c.TokenURL, Scopes: strings.Fields(c.Scope)},
		secret: c.Secret,
		client: &http.Client{
			Transport: c.Transport, Timeout: answerTime,
			// A redirect could take the secret elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	o.tokens.what = "an OAuth 2.0 token"
	o.tokens.fetch = o.fetch
	return o
}

// Kind is oauth2.
func (*OAuth2) Kind() string { return KindOAuth2 }

// Authorize sets the token in force, obtaining one where there is none.
func (o *OAuth2) Authorize(req *http.Request) error {
	text, err := o.tokens.current(req.Context())
	if err != nil {
		return err
	}
	setBearer(req, text)
	return nil
}

// Renew drops the token that was refused.
func (o *OAuth2) Renew(refused *http.Request) bool { return o.tokens.renew(sentBearer(refused)) }

func (o *OAuth2) held() []*Secret { return []*Secret{o.secret} }

// fetch requests a token. One flight at a time calls it. The library tries
// both ways to send the secret, and remembers which one the server takes; it
// reads at most 1 MiB of an answer.
func (o *OAuth2) fetch(ctx context.Context) (*token, error) {
	secret, err := o.secret.read()
	if err != nil {
		return nil, err
	}
	o.config.ClientSecret = secret
	made := time.Now()
	t, err := o.config.Token(context.WithValue(ctx, oauth2.HTTPClient, o.client))
	if err != nil {
		return nil, o.refusal(ctx, err, secret)
	}
	return &token{text: t.AccessToken, made: made, expires: t.Expiry}, nil
}

// refusal is the error of a token that was not issued. It stays a lack of
// credentials, whatever its status: it says nothing about Airflow's load.
func (o *OAuth2) refusal(ctx context.Context, err error, secret string) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.Response == nil {
		return causeOAuth2NoAnswer.error(outcome(ctx, errors.New("no token in the answer, or no answer")), "URL", o.config.TokenURL)
	}
	status := refused.Response.StatusCode
	said := strings.TrimSpace(refused.ErrorCode + " " + refused.ErrorDescription)
	row := causeOAuth2Answer
	if refused.ErrorCode != "" || status == http.StatusUnauthorized || status == http.StatusForbidden {
		row = causeOAuth2Refused
	}
	met := row.error(fmt.Errorf("it answers %d: %s", status,
		cmp.Or(quote(said, secret, url.QueryEscape(secret), o.config.ClientID), "no reason given")), "URL", o.config.TokenURL)
	e := &airflow.Error{
		Kind: airflow.NoCredentials, Status: status, Said: met.What(), Hint: met.Cause.Fix, Err: met,
		RetryAfter: airflow.RetryAfter(refused.Response.Header, time.Now()),
	}
	if row == causeOAuth2Refused && status < http.StatusInternalServerError {
		e.Status = http.StatusUnauthorized // invalid_client may come as a 400: RFC 6749, section 5.2
	}
	return e
}
