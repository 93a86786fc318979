// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// unknownLife is how long a token is kept that does not say when it ends.
	unknownLife = 10 * time.Minute
	// longestLife is how long a token is kept whatever it says. Airflow's own
	// default is a day: [api_auth] jwt_expiration_time.
	longestLife = 30 * 24 * time.Hour
)

// Password sends Airflow 3's own token, which POST /auth/token gives for a
// user and a password:
// https://airflow.apache.org/docs/apache-airflow/stable/security/api.html.
type Password struct {
	root      *url.URL
	username  string
	password  *Secret
	transport http.RoundTripper
	tokens    keeper
}

// NewPassword is the identity of username towards the Airflow 3 at root.
func NewPassword(root *url.URL, username string, password *Secret, transport http.RoundTripper) *Password {
	p := &Password{root: root, username: username, password: password, transport: transport}
	p.tokens.what = "a token of Airflow's"
	p.tokens.fetch = p.fetch
	return p
}

// Kind is password.
func (*Password) Kind() string { return KindPassword }

// Authorize sets the token in force, obtaining one where there is none.
func (p *Password) Authorize(req *http.Request) error {
	if err := OriginOf(p.root).check(req); err != nil {
		return err
	}
	text, err := p.tokens.current(req.Context())
	if err != nil {
		return err
	}
	setBearer(req, text)
	return nil
}

// Renew gives up the token that was refused.
func (p *Password) Renew(refused *http.Request) bool { return p.tokens.renew(sentBearer(refused)) }

// fetch asks for a token. Like all requests of this program's it follows no
// redirect, which could take the password elsewhere.
func (p *Password) fetch(ctx context.Context) (*token, error) {
	made := time.Now()
	at := p.root.JoinPath("auth/token").String()
	req, err := p.request(ctx, at)
	if err != nil {
		return nil, err
	}
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		return nil, causePasswordNoAnswer.error(outcome(ctx, err), "URL", at)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, causePasswordNoAnswer.error(outcome(ctx, err), "URL", at)
	}
	answers := fmt.Errorf("it answers %d", resp.StatusCode)
	switch {
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return nil, causePasswordRefused.error(answers)
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusMethodNotAllowed, resp.StatusCode/100 == 3:
		return nil, causeNoTokenEndpoint.error(answers, "URL", at)
	case resp.StatusCode/100 != 2:
		return nil, causePasswordAnswer.error(answers, "URL", at)
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Token == "" {
		return nil, causePasswordAnswer.error(errors.New("its answer holds none"), "URL", at)
	}
	return &token{text: answer.Token, made: made, expires: made.Add(lifeOf(answer.Token, made))}, nil
}

func (p *Password) request(ctx context.Context, at string) (*http.Request, error) {
	password, err := p.password.read()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"username": p.username, "password": password})
	if err != nil {
		return nil, fmt.Errorf("writing the request for a token: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making the request for a token: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// lifeOf is how long a JWT made just now is good for, by its claims. Where it
// says when it was made, the two clocks need not agree.
func lifeOf(jwt string, now time.Time) time.Duration {
	var claims struct {
		Expires float64 `json:"exp"`
		Made    float64 `json:"iat"`
	}
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return unknownLife
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 {
		return unknownLife
	}
	if claims.Made <= 0 {
		claims.Made = float64(now.Unix())
	}
	seconds := min(max(claims.Expires-claims.Made, 0), longestLife.Seconds())
	return time.Duration(seconds * float64(time.Second))
}
