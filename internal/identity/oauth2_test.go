// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/identity"
)

const tokenURL = "https://id.example.com/token"

func newOAuth2(transport http.RoundTripper) *identity.OAuth2 {
	return identity.NewOAuth2(identity.OAuth2Config{
		TokenURL: tokenURL, ClientID: "robot", Secret: identity.NewSecret("hush hush", ""), Scope: "openid api://airflow/.default",
		Transport: transport,
	})
}

// provider issues tokens to clients that send their secret in the form, and
// not in the header, as some are configured.
func provider(t *testing.T, requests *int) http.RoundTripper {
	t.Helper()
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		*requests++
		body, _ := io.ReadAll(req.Body)
		form, err := url.ParseQuery(string(body))
		if err != nil || req.URL.String() != tokenURL || form.Get("grant_type") != "client_credentials" ||
			form.Get("scope") != "openid api://airflow/.default" {
			t.Errorf("got %s with %s (%v)", req.URL, body, err)
		}
		status, answer := http.StatusUnauthorized, `{"error":"invalid_client"}`
		if form.Get("client_id") == "robot" && form.Get("client_secret") == "hush hush" {
			status, answer = http.StatusOK, `{"access_token":"issued","token_type":"bearer","expires_in":300}`
		}
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(answer)), Request: req}, nil
	})
}

func TestOAuth2SendsTheTokenOfClientCredentials(t *testing.T) {
	t.Parallel()
	requests := 0
	c := credentialsOf(t, newOAuth2(provider(t, &requests)))
	for range 3 {
		req, header := sends(t, c, airflowURL)
		if header != "Bearer issued" {
			t.Errorf("header = %q", header)
		}
		c.Answered(req, nil)
	}
	if requests != 2 {
		t.Errorf("%d requests for tokens, want one for each way to send the secret", requests)
	}
}

func TestOAuth2RefusalsNameTheFix(t *testing.T) {
	t.Parallel()
	const check = "check AIRFLOW_OAUTH2_"
	tests := []struct {
		name   string
		status int
		body   string
		want   string // of what is said
		fix    string
	}{
		{"Keycloak", 401, `{"error":"unauthorized_client","error_description":"Invalid client secret hush hush"}`,
			"the identity provider refuses the client (it answers 401: unauthorized_client Invalid client secret [secret])", check + "CLIENT_ID"},
		{"Entra", 400, `{"error":"invalid_scope","error_description":"AADSTS1002012: the scope is not valid"}`,
			"the identity provider refuses the client (it answers 400: invalid_scope AADSTS1002012: the scope is not valid)", check + "CLIENT_ID"},
		{"another page", 404, `<html>`, tokenURL + " did not return a token (it answers 404: no reason given)", check + "TOKEN_URL"},
		{"a redirect", 302, ``, tokenURL + " did not return a token (it answers 302: no reason given)", check + "TOKEN_URL"},
		{"down", 503, ``, tokenURL + " did not return a token (it answers 503: no reason given)", check + "TOKEN_URL"},
		{"no token", 200, `{}`, tokenURL + " did not return a token (no token in the answer, or no answer)", check + "TOKEN_URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := roundTrip(func(req *http.Request) (*http.Response, error) {
				if req.URL.String() != tokenURL {
					t.Errorf("followed to %s", req.URL)
				}
				h := http.Header{"Content-Type": {"application/json"}, "Retry-After": {"9"}, "Location": {"https://evil.example/"}}
				return &http.Response{StatusCode: tt.status, Header: h, Body: io.NopCloser(strings.NewReader(tt.body)), Request: req}, nil
			})
			err := credentialsOf(t, newOAuth2(server)).Authorize(get(t, airflowURL))
			e, ok := errors.AsType[*airflow.Error](err)
			if !ok || e.Kind != airflow.NoCredentials || e.Said != "obtaining an OAuth 2.0 token: "+tt.want || !strings.HasPrefix(e.Hint, tt.fix) {
				t.Fatalf("error = %v", err)
			}
			if tt.status != 200 && e.RetryAfter != 9*time.Second {
				t.Errorf("retry after %v", e.RetryAfter)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the secret is quoted: %v", err)
			}
		})
	}
}

// A client whose secret was rotated is not locked out by its old one.
func TestOAuth2RefusalIsNotRepeated(t *testing.T) {
	t.Parallel()
	requests := 0
	refusing := roundTrip(func(req *http.Request) (*http.Response, error) {
		requests++
		return answering(t, http.StatusUnauthorized, `{"error":"invalid_client"}`).RoundTrip(req)
	})
	c := credentialsOf(t, newOAuth2(refusing))
	for range 200 {
		if err := c.Authorize(get(t, airflowURL)); err == nil {
			t.Fatal("no error")
		}
	}
	if requests != 2 {
		t.Errorf("%d requests, want one for each way to send the secret", requests)
	}
}
