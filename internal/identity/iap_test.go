// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/identity"
)

const (
	iapURL   = "https://0a1b-tp.appspot.com"
	clientID = "123-abc.apps.googleusercontent.com"
	login    = "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id="
)

// redirecting is a web server behind IAP, as a browser meets it. It counts its
// requests.
func redirecting(t *testing.T, status int, location *string, asked *int) http.RoundTripper {
	t.Helper()
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		*asked++
		if !strings.Contains(req.Header.Get("Accept"), "text/html") || req.Method != http.MethodGet {
			t.Errorf("asked by %s with Accept %q: IAP redirects browsers alone", req.Method, req.Header.Get("Accept"))
		}
		if req.Header.Get("Authorization") != "" {
			t.Error("credentials were sent on the way to discover for whom they are")
		}
		h := http.Header{"Location": {*location}, "X-Goog-Iap-Generated-Response": {"true"}}
		return &http.Response{StatusCode: status, Header: h, Body: http.NoBody, Request: req}, nil
	})
}

func TestIAPTokenIsForTheClientIDThatWasGiven(t *testing.T) {
	t.Parallel()
	source := newIssuer()
	iap := identity.NewIAP(identity.NewGoogle(source), mustParse(t, iapURL), clientID, nil)
	sends(t, iap, iapURL+"/api/v1/dags")
	if _, header := sends(t, iap, iapURL); header != "Bearer id-1" {
		t.Errorf("header = %q", header)
	}
	if len(source.audiences) != 1 || source.audiences[0] != clientID {
		t.Errorf("audiences = %q", source.audiences)
	}
}

func TestIAPClientIDIsDiscoveredAgainAfterARefusal(t *testing.T) {
	t.Parallel()
	source, location, asked := newIssuer(), login+clientID, 0
	iap := identity.NewIAP(identity.NewGoogle(source), mustParse(t, iapURL), "", redirecting(t, http.StatusFound, &location, &asked))
	sends(t, iap, iapURL)
	first, _ := sends(t, iap, iapURL)
	if asked != 1 || source.audiences[0] != clientID {
		t.Fatalf("asked %d times, audiences = %q", asked, source.audiences)
	}
	location = login + "456-def.apps.googleusercontent.com"
	if !iap.Renew(first) {
		t.Error("Renew promises nothing")
	}
	second, header := sends(t, iap, iapURL)
	if asked != 2 || header != "Bearer id-2" || source.audiences[1] != "456-def.apps.googleusercontent.com" {
		t.Errorf("asked %d times, header = %q, audiences = %q", asked, header, source.audiences)
	}
	if iap.Renew(second) {
		t.Error("a token made just now is given up again")
	}
}

func TestClientIDIsReadFromGoogleRedirectsOnly(t *testing.T) {
	t.Parallel()
	const (
		elsewhere = "its redirect does not lead to https://accounts.google.com"
		noID      = "its redirect names no client id of Identity-Aware Proxy"
	)
	tests := []struct {
		name     string
		status   int
		location string
		want     string
	}{
		{"no redirect", 200, "", "it answers 200, and not with a redirect to Google's login"},
		{"refusal", 401, login + clientID, "it answers 401, and not with a redirect to Google's login"},
		{"failure", 503, "", "it answers 503, and not with a redirect to Google's login"},
		{"no location", 302, "", elsewhere},
		{"own login page", 302, "/login?client_id=" + clientID, elsewhere},
		{"plain text", 302, "http://accounts.google.com/?client_id=" + clientID, elsewhere},
		{"look-alike", 302, "https://accounts.google.com.evil.example/?client_id=" + clientID, elsewhere},
		{"another host", 302, "https://evil.example/?client_id=" + clientID, elsewhere},
		{"a user", 302, "https://accounts.google.com@evil.example/?client_id=" + clientID, elsewhere},
		{"a user before it", 302, "https://evil@accounts.google.com/?client_id=" + clientID, elsewhere},
		{"a port", 302, "https://accounts.google.com:8443/?client_id=" + clientID, elsewhere},
		{"no address", 302, "https://%zz", elsewhere},
		{"no id", 302, "https://accounts.google.com/", noID},
		{"two ids", 302, login + clientID + "&client_id=" + clientID, noID},
		{"another form", 302, login + "https://example.com", noID},
		{"another domain", 302, login + clientID + ".evil.example", noID},
		{"a line more", 302, login + clientID + "%0ax", noID},
		{"an audience of another kind", 302, login + "32555940559.apps.googleusercontent.com/x", noID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			source, asked := newIssuer(), 0
			iap := identity.NewIAP(identity.NewGoogle(source), mustParse(t, iapURL), "", redirecting(t, tt.status, &tt.location, &asked))
			err := iap.Authorize(get(t, iapURL))
			want := "obtaining an ID token for Identity-Aware Proxy: the IAP client id could not be discovered at " + iapURL + " (" + tt.want +
				"): " +
				"set AIRFLOW_IAP_CLIENT_ID to the client_id in what this prints: " +
				"curl -s -o /dev/null -w '%{redirect_url}' -H 'Accept: text/html' '" + iapURL + "'"
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if asked != 1 || source.count() != 0 {
				t.Errorf("asked %d times, made %d tokens: want one question and nothing followed", asked, source.count())
			}
		})
	}
}

func TestClientIDOfEveryRedirectForm(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		source, location, asked := newIssuer(), login+clientID, 0
		iap := identity.NewIAP(identity.NewGoogle(source), mustParse(t, iapURL), "", redirecting(t, status, &location, &asked))
		if got, err := iap.ClientID(t.Context()); got != clientID || err != nil {
			t.Errorf("status %d: %q, %v", status, got, err)
		}
	}
}

func TestDiscoveryOnComposer2And3IsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	iap := identity.NewIAP(identity.NewGoogle(newIssuer()), mustParse(t, composerURL), "", nil)
	_, err := iap.ClientID(t.Context())
	want := composerURL + " is a Composer 2 or 3 web server, which stands behind no Identity-Aware Proxy and takes an access token: set " +
		"AIRFLOW_AUTH to google, or leave it out"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestFailedDiscoveryPrintsAQuotedCommand(t *testing.T) {
	t.Parallel()
	silent := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
	iap := identity.NewIAP(identity.NewGoogle(newIssuer()), mustParse(t, iapURL+"/it's"), "", silent)
	_, err := iap.ClientID(t.Context())
	if err == nil || !strings.HasSuffix(err.Error(), " (it does not answer): set AIRFLOW_IAP_CLIENT_ID to the client_id in what this prints: "+
		"curl -s -o /dev/null -w '%{redirect_url}' -H 'Accept: text/html' '"+iapURL+"/it%27s'") {
		t.Errorf("error = %v", err)
	}
}
