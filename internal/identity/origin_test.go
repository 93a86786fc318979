// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"net/http"
	"net/url"
	"testing"

	"example.com/dagtrigger/internal/identity"
)

const composerURL = "https://1a2b-dot-europe-west1.composer.googleusercontent.com"

// Where a Google access token may be sent, which can do anything that its
// account can: an empty want is leave to send it.
func TestAccessTokenIsSentToConfiguredHostsOnly(t *testing.T) {
	t.Parallel()
	const (
		appspot   = " is not sent to x-tp.appspot.com, where anyone may host: use iap, whose token is useless elsewhere"
		elsewhere = ", which is not Composer's: where it is meant to go there, name the kind google"
		plain     = " is not sent over http: use https"
	)
	tests := []struct {
		url             string
		named, insecure bool
		want            string // after "a Google access token"
	}{
		{composerURL, false, false, ""},
		{composerURL + ":443/path", false, false, ""},
		{"https://1A2B-dot-europe-west1.Composer.GoogleUserContent.com", false, false, ""},
		{"https://x.composer.byoid.googleusercontent.com", false, false, ""},
		{"https://x.composer.cloud.google.com", false, false, ""},
		// other schemes
		{"http://x.composer.googleusercontent.com", false, false, plain},
		{"http://x.composer.googleusercontent.com", true, true, plain},
		{"ftp://x.composer.googleusercontent.com", true, true, " is not sent over ftp: use https"},
		// ports
		{composerURL + ":8443", false, false, " is not sent to 1a2b-dot-europe-west1.composer.googleusercontent.com:8443" + elsewhere},
		{composerURL + ":8443", true, false, ""},
		// user-info, the oldest look-alike
		{"https://x.composer.googleusercontent.com@evil.example", false, false,
			" is not sent to an address with a user in it: take the user out"},
		{"https://user:x@x.composer.googleusercontent.com", true, false, " is not sent to an address with a user in it: take the user out"},
		// look-alike hosts
		{"https://composer.googleusercontent.com.evil.example", false, false,
			" is not sent to composer.googleusercontent.com.evil.example" + elsewhere},
		{"https://evilcomposer.googleusercontent.com", false, false, " is not sent to evilcomposer.googleusercontent.com" + elsewhere},
		{"https://x.googleusercontent.com", false, false, " is not sent to x.googleusercontent.com" + elsewhere},
		{"https://x-composer.googleusercontent.com", false, false, " is not sent to x-composer.googleusercontent.com" + elsewhere},
		{"https://x.composer.googleusercontent.co", false, false, " is not sent to x.composer.googleusercontent.co" + elsewhere},
		{"https://x.composer.googleusercontent.com.", false, false, " is not sent to x.composer.googleusercontent.com." + elsewhere},
		{"https://x.composer.googleusercontent.com%2eevil.example", false, false, "-"}, // no address at all
		{"https://x.composer.googleusercontent.com%00.evil.example", false, false, "-"},
		// A Greek omicron.
		{"https://x.cοmposer.googleusercontent.com", false, false, " is not sent to x.cοmposer.googleusercontent.com" + elsewhere},
		// hosts that the operator named beside the kind google
		{"https://airflow.example.com", false, false, " is not sent to airflow.example.com" + elsewhere},
		{"https://airflow.example.com", true, false, ""},
		{"http://airflow.example.com", true, false, plain},
		{"http://airflow.example.com", true, true, ""},
		{"http://127.0.0.1:8080", false, false, plain},
		{"http://127.0.0.1:8080", true, false, ""},
		{"http://[::1]:8080", true, false, ""},
		{"http://localhost:8080", true, false, ""},
		{"http://127.0.0.1.evil.example", true, false, plain},
		// an IPv6 address with a zone that looks like a host
		{"https://[fe80::1%25x.composer.googleusercontent.com]", false, false,
			" is not sent to fe80::1%x.composer.googleusercontent.com, an address with a zone: name a host"},
		{"https://[::1%25x.appspot.com]", true, true, " is not sent to ::1%x.appspot.com, an address with a zone: name a host"},
		{"http://[::1%25lo]:8080", true, false, " is not sent to ::1%lo, an address with a zone: name a host"},
		// anyone may host on appspot.com
		{"https://x-tp.appspot.com", true, true, appspot},
		{"https://x-tp.appspot.com", false, false, appspot},
		{"https://X-tp.AppSpot.com.", true, true, " is not sent to X-tp.AppSpot.com., where anyone may host: use iap, whose token is " +
			"useless elsewhere"},
		{"https://notappspot.com", true, false, ""},
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.url)
		if err != nil {
			if tt.want != "-" {
				t.Errorf("%s: %v", tt.url, err)
			}
			continue
		}
		got := ""
		if err := identity.CheckAccessToken(u, tt.named, tt.insecure); err != nil {
			got = err.Error()
		}
		want := tt.want
		if want != "" {
			want = "a Google access token" + want
		}
		if got != want {
			t.Errorf("%s (named %v, insecure %v):\n got %q\nwant %q", tt.url, tt.named, tt.insecure, got, want)
		}
	}
}

// Whatever the kind, credentials leave for the web server that they were made
// for, and no other: its scheme, host and port.
func TestCredentialsAreSentToTheirWebServerOnly(t *testing.T) {
	t.Parallel()
	home := mustParse(t, composerURL+"/base")
	google := identity.NewGoogle(newIssuer())
	token, err := google.For(home, false, false)
	if err != nil {
		t.Fatal(err)
	}
	secret := identity.NewSecret("hush", "")
	methods := []identity.Method{
		&identity.Basic{Password: secret},
		&identity.Bearer{Token: secret},
		token,
		identity.NewIAP(google, home, "1.apps.googleusercontent.com", nil),
		identity.NewIDToken(google, "https://airflow.example.com"),
		newPassword(t, home.String(), answering(t, http.StatusCreated, `{"access_token":"hush"}`)),
		identity.NewOAuth2(identity.OAuth2Config{
			TokenURL: "https://id.example.com/token", ClientID: "c", Secret: secret,
			Transport: answering(t, http.StatusOK, `{"access_token":"hush","token_type":"Bearer"}`),
		}),
	}
	for _, method := range methods {
		c := identity.New(identity.Parts{
			Origin: identity.OriginOf(home), Method: method, Headers: identity.NewHeaders(identity.NewLines("X-Api-Key: hush", "")),
		})
		t.Run(c.Kind(), func(t *testing.T) {
			t.Parallel()
			for _, to := range []string{
				composerURL, composerURL + "/base/api/v1/dags?x=1", composerURL + ":443/",
				"HTTPS://1A2B-dot-europe-west1.composer.googleusercontent.com/",
			} {
				req, header := sends(t, c, to)
				if header == "" || req.Header.Get("X-Api-Key") == "" {
					t.Errorf("nothing was sent to %s", to)
				}
				c.Answered(req, nil)
			}
			for _, to := range []string{
				"http://1a2b-dot-europe-west1.composer.googleusercontent.com",
				composerURL + ":8443",
				composerURL + ".evil.example",
				"https://other-dot-europe-west1.composer.googleusercontent.com",
				"https://user@1a2b-dot-europe-west1.composer.googleusercontent.com",
				"https://1a2b-dot-europe-west1.composer.googleusercontent.com@evil.example",
				"https://evil.example/" + composerURL,
			} {
				req := get(t, to)
				if err := c.Authorize(req); err == nil || len(req.Header) > 0 {
					t.Errorf("sent to %s (error: %v)", to, err)
				}
			}
			fronted := get(t, composerURL)
			fronted.Host = "evil.appspot.com"
			if err := c.Authorize(fronted); err == nil {
				t.Error("sent to another host behind the same front")
			}
		})
	}
}

func TestCredentialsOfNoWebServerAreNeverSent(t *testing.T) {
	t.Parallel()
	basic := identity.New(identity.Parts{Method: &identity.Basic{Password: identity.NewSecret("hush", "")}})
	req := get(t, "https:")
	if err := basic.Authorize(req); err == nil {
		t.Error("sent")
	}
}
