// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/pressure"
)

// The planted secrets: none may be seen anywhere but on its way.
const (
	plantedPassword = "planted-password-4711"
	plantedToken    = "planted-token-4712"
	plantedAccess   = "ya29.planted-access-4713"
	plantedID       = "eyJhbGciOiJSUzI1NiJ9.cGxhbnRlZA.planted-id-4714"
	plantedAirflow  = "eyJhbGciOiJIUzUxMiJ9.cGxhbnRlZA.planted-airflow-4715"
	plantedKey      = "planted-key-4716"
	plantedClient   = "planted-client-4717"
	plantedOAuth2   = "planted-oauth2-4718"
)

// secrets are what to look for: the secrets, in the form of Basic too, and the
// parts that are enough to know them by.
func secrets() []string {
	basic := base64.StdEncoding.EncodeToString([]byte("robot:" + plantedPassword))
	client := base64.StdEncoding.EncodeToString([]byte("robot:" + plantedClient))
	return []string{basic, client, "planted-", "cGxhbnRlZA"}
}

// gardener is a source of the planted tokens.
type gardener struct{ err error }

func (g gardener) AccessToken(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: plantedAccess, Expiry: time.Now().Add(time.Hour)}, g.err
}

func (g gardener) IDToken(context.Context, string) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: plantedID, Expiry: time.Now().Add(time.Hour)}, g.err
}

func (gardener) Account(context.Context) (identity.Account, error) {
	return identity.Account{Type: identity.Attached, Email: robot}, nil
}

// parrot answers as the test says, and repeats in every place what it was sent.
func parrot(status int, mediaType, form string) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		var said []byte
		if req.Body != nil {
			said, _ = io.ReadAll(req.Body)
		}
		heard := strings.ReplaceAll(string(said), `"`, `'`)
		for _, name := range []string{"Authorization", "Proxy-Authorization", "X-Serverless-Authorization", "X-Api-Key"} {
			heard = strings.TrimSpace(req.Header.Get(name) + " " + heard)
		}
		if req.URL.Host == "id.example.com" && form != "no token" {
			return answer(req, http.StatusOK, "application/json", `{"token_type":"bearer","access_token":"`+plantedOAuth2+`"}`, ""), nil
		}
		if strings.HasSuffix(req.URL.Path, "/auth/token") && form != "no token" {
			return answer(req, http.StatusCreated, "application/json", `{"access_token":"`+plantedAirflow+`"}`, ""), nil
		}
		return answer(req, status, mediaType, strings.ReplaceAll(form, "HEARD", heard), heard), nil
	})
}

func answer(req *http.Request, status int, mediaType, body, heard string) *http.Response {
	h := http.Header{"Content-Type": {mediaType}}
	if heard != "" {
		h.Set("Location", "https://accounts.google.com/?continue="+heard)
		h.Set("Www-Authenticate", heard)
	}
	if mediaType == "text/plain" { // a sentence of Identity-Aware Proxy's, which is quoted
		h.Set("X-Goog-Iap-Generated-Response", "true")
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: req}
}

func TestNoSecretShowsInAnyFailure(t *testing.T) {
	t.Parallel()
	specs := []environment.Spec{
		{URL: "https://airflow.example.com", Auth: "basic", Username: "robot", Password: plantedPassword},
		{URL: "https://airflow.example.com", Auth: "password", Username: "robot", Password: plantedPassword},
		{URL: "https://airflow.example.com", Auth: "bearer", Token: plantedToken},
		{URL: composerURL},
		{URL: "https://airflow.example.com", Auth: "iap", IAPClientID: clientID},
		{URL: "https://airflow.example.com", Auth: "iap"},
		{Composer: composerName},
		{URL: "https://airflow.example.com", Auth: "none", Headers: "X-Api-Key: " + plantedKey},
		{URL: "https://airflow.example.com", Auth: "password", Username: "robot", Password: plantedPassword,
			Headers: "X-Api-Key: " + plantedKey, IAPClientID: clientID},
		{URL: "https://airflow.example.com", Auth: "basic", Username: "robot", Password: plantedPassword, Audience: "https://a.run.app"},
		{URL: "https://airflow.example.com", Auth: "id_token"},
		{URL: "https://airflow.example.com", Auth: "oauth2", OAuth2TokenURL: "https://id.example.com/token",
			OAuth2ClientID: "robot", OAuth2ClientSecret: plantedClient},
	}
	transports := map[string]http.RoundTripper{
		"no connection": roundTrip(func(req *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("dial failed for %s", req.Header.Get("Authorization"))
		}),
		"no token": parrot(http.StatusUnauthorized, "application/json", "no token"),
		"no token, in OAuth's words": roundTrip(func(req *http.Request) (*http.Response, error) {
			var said []byte
			if req.Body != nil {
				said, _ = io.ReadAll(req.Body)
			}
			_, secret, _ := req.BasicAuth()
			return answer(req, http.StatusBadRequest, "application/json",
				fmt.Sprintf(`{"error":"invalid_client","error_description":"no client has %s or %s"}`, secret, said), ""), nil
		}),
	}
	for _, status := range []int{200, 201, 302, 400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 503} {
		transports[fmt.Sprintf("%d JSON", status)] = parrot(status, "application/json",
			`{"title":"HEARD","detail":"you said HEARD","error":"HEARD"}`)
	}
	for _, status := range []int{200, 302, 401, 403, 500} {
		transports[fmt.Sprintf("%d Google's JSON", status)] = parrot(status, "application/json",
			`{"error":{"code":403,"message":"HEARD","status":"HEARD","details":[{"reason":"HEARD"}]}}`)
		transports[fmt.Sprintf("%d HTML", status)] = parrot(status, "text/html", `<p>HEARD</p>`)
		transports[fmt.Sprintf("%d text", status)] = parrot(status, "text/plain", `HEARD`)
	}
	for _, api := range []string{"auto", "v2", "v1", "experimental"} {
		for name, transport := range transports {
			for _, spec := range specs {
				spec.API = api
				t.Run(fmt.Sprint(api, " ", spec.AuthKind(), " ", name), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { showsNothing(t, spec, transport) })
				})
			}
		}
	}
}

// showsNothing fails the test where anything that can be printed of a failure
// holds a secret.
func showsNothing(t *testing.T, spec environment.Spec, transport http.RoundTripper) {
	t.Helper()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	google := identity.NewGoogle(gardener{})
	c := newClient(t, spec, environment.Options{Transport: transport, Google: google, Logger: logger})
	var shown strings.Builder
	show := func(values ...any) {
		for _, v := range values {
			fmt.Fprintf(&shown, "%v %+v %#v\n", v, v, v)
			logger.Info("x", "value", v)
		}
	}
	for range 2 { // the second time with a token that is kept
		_, err := c.Start(t.Context(), airflow.Run{DAGID: "load", RunID: "run", Conf: []byte(`{}`)}, pressure.Policy{})
		showError(show, err)
		_, err = c.Find(t.Context(), "load", "run")
		showError(show, err)
	}
	connection, err := c.Connection(t.Context())
	synctest.Wait() // nobody else touches what is printed now
	showError(show, err)
	if connection != nil {
		show(connection, *connection, connection.Credentials, connection.Credentials.Method(), connection.Airflow)
	}
	show(c, spec, &spec, google, []environment.Spec{spec}, map[string]environment.Spec{"a": spec})
	for _, secret := range secrets() {
		if strings.Contains(shown.String()+log.String(), secret) {
			t.Errorf("%q shows in\n%s%s", secret, shown.String(), log.String())
		}
	}
}

// showError shows what the function prints of an error: its text, but not what
// lies beneath, which only decides.
func showError(show func(...any), err error) {
	if err == nil {
		return
	}
	show(err.Error())
}
