// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

// unknownLife is how long a token is kept that does not name its end.
const unknownLife = 10 * time.Minute

// Password sends Airflow 3's own token, which it issues for a user and a
// password: https://airflow.apache.org/docs/apache-airflow/stable/security/api.html.
type Password struct {
	at       string // where tokens are issued
	username string
	password *Secret
	airflow  *airflow.Client
	tokens   tokenCache
}

// NewPassword is the identity of username towards the Airflow 3 at root.
// client requests the tokens there; it has the credentials for what stands in
// front of Airflow, and no others.
func NewPassword(root *url.URL, username string, password *Secret, client *airflow.Client) *Password {
	p := &Password{at: root.JoinPath("auth/token").String(), username: username, password: password, airflow: client}
	p.tokens.what = "an Airflow token"
	p.tokens.fetch = p.fetch
	return p
}

// Kind is password.
func (*Password) Kind() string { return KindPassword }

// Authorize sets the token in force, obtaining one where there is none.
func (p *Password) Authorize(req *http.Request) error {
	text, err := p.tokens.current(req.Context())
	if err != nil {
		return err
	}
	setBearer(req, text)
	return nil
}

// Renew drops the token that was refused.
func (p *Password) Renew(refused *http.Request) bool { return p.tokens.renew(sentBearer(refused)) }

func (p *Password) held() []*Secret { return []*Secret{p.password} }

// fetch requests a token.
func (p *Password) fetch(ctx context.Context) (*token, error) {
	password, err := p.password.read()
	if err != nil {
		return nil, err
	}
	made := time.Now()
	text, err := p.airflow.CreateToken(ctx, p.username, password)
	if refused, ok := errors.AsType[*airflow.Error](err); ok {
		return nil, p.refusal(refused, password)
	}
	if err != nil {
		return nil, err
	}
	return &token{text: text, made: made, expires: made.Add(lifeOf(text, made))}, nil
}

// refusal is the error of a token that was not issued. Trouble that passes
// keeps its kind, since it is Airflow's; any other leaves the caller without
// credentials.
func (p *Password) refusal(refused *airflow.Error, password string) *airflow.Error {
	e := *refused
	e.Said = quote(e.Said, password)
	row := causePasswordAnswer
	switch e.Kind {
	case airflow.Canceled, airflow.Throttled, airflow.ServerFailure, airflow.Timeout, airflow.Network:
		if e.Status == http.StatusInternalServerError {
			e.Hint = causePasswordFailed.error(nil).Cause.Fix
		}
		e.Said = strings.TrimSuffix(p.at+" answers: "+e.Said, " answers: ")
		return &e
	case airflow.Unauthorized, airflow.Forbidden:
		row = causePasswordRefused
		if e.Source == airflow.FromIAP { // its own fix stands
			e.Kind = airflow.NoCredentials
			return &e
		}
	case airflow.APIAbsent, airflow.LoginRedirect:
		row = causeNoTokenEndpoint
	}
	if e.Status == http.StatusUnprocessableEntity || e.Status == http.StatusBadRequest {
		row = causePasswordFields
	}
	answer := "its answer has no token"
	if e.Status/100 != 2 {
		answer = strings.TrimSuffix(fmt.Sprintf("it answers %d: %s", e.Status, e.Said), ": ")
	}
	met := row.error(errors.New(answer), "URL", p.at)
	e.Kind, e.Said, e.Hint, e.Err = airflow.NoCredentials, met.What(), met.Cause.Fix, met
	return &e
}

// lifeOf is how long a JWT made just now is valid, by its claims. Where it has
// the time at which it was made, the two clocks need not agree.
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
