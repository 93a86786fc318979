// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"net/http"
	"testing"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/identity"
)

func TestIDTokenIsForTheAudience(t *testing.T) {
	t.Parallel()
	source := newIssuer()
	_, header := sends(t, credentialsOf(t, identity.NewIDToken(identity.NewGoogle(source), "https://a.run.app")), airflowURL)
	if header != "Bearer id-1" || len(source.audiences) != 1 || source.audiences[0] != "https://a.run.app" {
		t.Errorf("header = %q, audiences = %q", header, source.audiences)
	}
}

// Airflow's own credentials keep the header Authorization where something in
// front of it wants an ID token.
func TestIDTokenInFrontLeavesAuthorizationToAirflow(t *testing.T) {
	t.Parallel()
	google := identity.NewGoogle(newIssuer())
	for header, front := range map[string]identity.Method{
		"Proxy-Authorization":        identity.NewIAP(google, mustParse(t, airflowURL), clientID, nil).InFront(),
		"X-Serverless-Authorization": identity.NewIDToken(google, "https://a.run.app").InFront(),
	} {
		c := identity.New(identity.Parts{
			Origin: identity.OriginOf(mustParse(t, airflowURL)), Front: front,
			Method:  &identity.Basic{Username: "robot", Password: identity.NewSecret("hush", "")},
			Headers: identity.NewHeaders(identity.NewLines("X-Api-Key: key\nX-Tag: a", "")),
		})
		req, _ := sends(t, c, airflowURL)
		user, password, _ := req.BasicAuth()
		if user != "robot" || password != "hush" || req.Header.Get(header) == "" || req.Header.Get("X-Api-Key") != "key" ||
			req.Header.Get("X-Tag") != "a" {
			t.Errorf("%s: sent %v", header, req.Header)
		}
		first := req.Header.Get(header)
		if !c.Answered(req, &airflow.Error{Kind: airflow.Unauthorized, Source: airflow.FromIAP}) {
			t.Errorf("%s: a refused ID token is not replaced", header)
		}
		if req, _ = sends(t, c, airflowURL); req.Header.Get(header) == first {
			t.Errorf("%s: the refused token is sent again", header)
		}
	}
}

// The request for Airflow's token passes what stands in front, too.
func TestPasswordTokenIsRequestedThroughTheFront(t *testing.T) {
	t.Parallel()
	var requests []http.Header
	server := roundTrip(func(req *http.Request) (*http.Response, error) {
		requests = append(requests, req.Header)
		return answering(t, http.StatusCreated, `{"access_token":"jwt"}`).RoundTrip(req)
	})
	root := mustParse(t, airflowURL)
	parts := identity.Parts{
		Origin: identity.OriginOf(root), Method: identity.None{},
		Front:   identity.NewIAP(identity.NewGoogle(newIssuer()), root, clientID, nil).InFront(),
		Headers: identity.NewHeaders(identity.NewLines("X-Api-Key: key", "")), Issuer: true,
	}
	client, err := airflow.New(airflow.Config{URL: airflowURL, API: airflow.V2, Transport: server, Credentials: identity.New(parts)})
	if err != nil {
		t.Fatal(err)
	}
	parts.Issuer = false
	parts.Method = identity.NewPassword(root, "robot", identity.NewSecret("hush", ""), client)
	req, header := sends(t, identity.New(parts), airflowURL)
	if header != "Bearer jwt" || req.Header.Get("Proxy-Authorization") != "Bearer id-1" {
		t.Errorf("sent %v", req.Header)
	}
	if len(requests) != 1 || requests[0].Get("Proxy-Authorization") != "Bearer id-1" || requests[0].Get("X-Api-Key") != "key" ||
		requests[0].Get("Authorization") != "" {
		t.Errorf("requested with %v", requests)
	}
}

func TestBearerTokenIsTakenWithoutItsScheme(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"hush", "Bearer hush", "bearer  hush", " Bearer hush "} {
		bearer := &identity.Bearer{Token: identity.NewSecret(text, "")}
		req, header := sends(t, bearer, airflowURL)
		if header != "Bearer hush" || bearer.Renew(req) {
			t.Errorf("%q: header = %q", text, header)
		}
	}
}
