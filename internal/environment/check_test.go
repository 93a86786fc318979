// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/environment"
)

// plain leaves the fields their own names, as the routes file has them.
func plain(field string) string { return field }

const (
	composerURL  = "https://1a2b-dot-europe-west1.composer.googleusercontent.com"
	composerName = "projects/acme/locations/europe-west1/environments/prod"
	everyKind    = "google, iap, basic, password, bearer, oauth2, id_token, none"
)

func TestValidSpecs(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]environment.Spec{
		"Composer by name":                 {Composer: composerName},
		"Composer 1 by name":               {Composer: composerName, Auth: "iap"},
		"Composer 1, client id given":      {Composer: composerName, IAPClientID: "1-a.apps.googleusercontent.com"},
		"Composer by address":              {URL: composerURL},
		"Composer 1 by address":            {URL: "https://0a1b-tp.appspot.com", Auth: "iap"},
		"any Airflow behind IAP":           {URL: "https://airflow.example.com", Auth: "iap", IAPClientID: "1-a.apps.googleusercontent.com"},
		"a token for a host that is named": {URL: "https://airflow.example.com", Auth: "google"},
		"loopback":                         {URL: "http://127.0.0.1:8080"},
		"basic":                            {URL: "https://airflow.example.com/base/", Auth: "basic", Username: "u", PasswordFile: "/f"},
		"password":                         {URL: "https://airflow.example.com", Auth: "password", Username: "u", Password: "p"},
		"bearer":                           {URL: "https://airflow.example.com", Auth: "bearer", TokenFile: "/f"},
		"plain text, allowed":              {URL: "http://airflow.example.com", Auth: "none", Insecure: true},
		"every bound":                      {URL: composerURL, API: "v1", Timeout: time.Hour},
	} {
		if problems := spec.Check(plain); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestEveryErrorNamesItsFieldAndFix(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		spec environment.Spec
		want []string // field: what: fix
	}{
		{"nothing", environment.Spec{}, []string{
			"url: url is missing: give the web server's address, such as https://<id>-dot-<region>.composer.googleusercontent.com, or name the " +
				"environment in composer",
		}},
		{"no address", environment.Spec{URL: "airflow.example.com", Auth: "none"}, []string{
			"url: url is no web address: write it as https://HOST or https://HOST/PATH",
		}},
		{"another scheme", environment.Spec{URL: "ftp://airflow.example.com", Auth: "none"}, []string{
			"url: url is no web address: write it as https://HOST or https://HOST/PATH",
		}},
		{"credentials in the address", environment.Spec{URL: "https://u:hush@x.composer.googleusercontent.com"}, []string{
			"url: url carries a user or a password: take them out, and set username and password",
		}},
		{"a query", environment.Spec{URL: composerURL + "?x=1"}, []string{
			"url: url carries a query or a fragment: end it with the web server's path",
		}},
		{"the home page", environment.Spec{URL: "https://airflow.example.com/base/home", Auth: "none"}, []string{
			"url: url ends in /home, which is a page of Airflow's: use https://airflow.example.com/base",
		}},
		{"the login page", environment.Spec{URL: "https://airflow.example.com/auth/login/?next=x", Auth: "none"}, []string{
			"url: url ends in /auth/login, which is a page of Airflow's: use https://airflow.example.com",
		}},
		{"the path of the API", environment.Spec{URL: "https://airflow.example.com/api/v2", Auth: "none"}, []string{
			"url: url ends in /api/v2, which is a page of Airflow's: use https://airflow.example.com",
		}},
		{"an address with a zone", environment.Spec{URL: "https://[fe80::1%25x.composer.googleusercontent.com]", Auth: "none"}, []string{
			"url: url has an address with a zone: name a host",
		}},
		{"headers that cannot be", environment.Spec{URL: composerURL, Headers: "Host: hush"}, []string{
			"headers: headers is invalid: Host cannot be set: it follows from AIRFLOW_URL: write one Name: value on each line",
		}},
		{"a certificate without its key", environment.Spec{URL: composerURL, ClientCertFile: "/c"}, []string{
			"client_key_file: client_key_file is missing beside client_cert_file: name the file of its private key",
		}},
		{"an ID token in plain text", environment.Spec{URL: "http://airflow.example.com", Auth: "id_token", Insecure: true}, []string{
			"url: url is http, over which an ID token is not sent: use https",
		}},
		{"two tokens for the front", environment.Spec{
			URL: composerURL, Auth: "bearer", Token: "hush", IAPClientID: "1-a.apps.googleusercontent.com", Audience: "https://a.run.app",
		}, []string{
			"iap_client_id: iap_client_id and audience are both given: leave one of them out",
		}},
		{"oauth2 without its parts", environment.Spec{URL: composerURL, Auth: "oauth2", OAuth2TokenURL: "http://id.example.com"}, []string{
			"oauth2_client_id: oauth2_client_id is missing: auth=oauth2 needs it",
			"oauth2_client_secret: oauth2_client_secret is missing: auth=oauth2 needs it, or oauth2_client_secret_file",
			"oauth2_token_url: oauth2_token_url is not an https address: use the token_endpoint of the provider's .well-known/openid-configuration",
		}},
		{"plain text", environment.Spec{URL: "http://airflow.example.com", Auth: "google"}, []string{
			"url: url is http to airflow.example.com, which sends credentials and conf in plain text: use https, or allow plain text with " +
				"insecure=true",
		}},
		{"plain text to Composer", environment.Spec{URL: "http://x.composer.googleusercontent.com", Insecure: true}, []string{
			"url: url is http to a Composer host: use https",
		}},
		{"no kind for another host", environment.Spec{URL: "https://airflow.example.com"}, []string{
			"auth: auth is missing, and airflow.example.com tells no default: say how to sign in, one of " + everyKind,
		}},
		{"no kind for appspot.com", environment.Spec{URL: "https://0a1b-tp.appspot.com"}, []string{
			"auth: auth is missing, and 0a1b-tp.appspot.com tells no default: a Composer 1 web server stands behind Identity-Aware Proxy: iap; " +
				"for another Airflow one of " + everyKind,
		}},
		{"an access token for appspot.com", environment.Spec{URL: "https://0a1b-tp.appspot.com", Auth: "google"}, []string{
			"auth: auth is google, but a Google access token is not sent to 0a1b-tp.appspot.com, where anyone may host: use iap, whose token is " +
				"useless elsewhere",
		}},
		{"an odd port of Composer's", environment.Spec{URL: composerURL + ":8443"}, []string{
			"auth: auth is google, but a Google access token is not sent to 1a2b-dot-europe-west1.composer.googleusercontent.com:8443, which is " +
				"not Composer's: where it is meant to go there, name the kind google",
		}},
		{"IAP on Composer 2 and 3", environment.Spec{URL: composerURL, Auth: "iap"}, []string{
			"auth: auth is iap for a Composer 2 or 3 host, which stands behind no Identity-Aware Proxy: leave it out, for google",
		}},
		{"no such kind", environment.Spec{URL: composerURL, Auth: "kerberos"}, []string{
			`auth: auth is "kerberos": use one of ` + everyKind,
		}},
		{"basic without its parts", environment.Spec{URL: composerURL, Auth: "basic"}, []string{
			"username: username is missing: auth=basic needs it",
			"password: password is missing: auth=basic needs it, or password_file",
		}},
		{"a user whom basic cuts in two", environment.Spec{URL: composerURL, Auth: "basic", Username: "a:b", Password: "hush"}, []string{
			"username: username has a colon, which basic authentication takes for the end of the name: name a user without one",
		}},
		{"password without its parts", environment.Spec{URL: composerURL, Auth: "password", Username: "u"}, []string{
			"password: password is missing: auth=password needs it, or password_file",
		}},
		{"two tokens", environment.Spec{URL: composerURL, Auth: "bearer", Token: "hush", TokenFile: "/f"}, []string{
			"token: token and token_file are both given: leave one of them out",
		}},
		{"what is not used", environment.Spec{URL: composerURL, Password: "hush", Token: "hush", IAPClientID: "x"}, []string{
			"password: password is given, but auth=google does not use it: leave it out, or choose another auth",
			"token: token is given, but auth=google does not use it: leave it out, or choose another auth",
			"iap_client_id: iap_client_id is given, but auth=google does not use it: leave it out, or choose another auth",
		}},
		{"no client id", environment.Spec{URL: "https://x.appspot.com", Auth: "iap", IAPClientID: "https://x"}, []string{
			"iap_client_id: iap_client_id is not an OAuth client id: write it as NUMBER-TEXT.apps.googleusercontent.com, or leave it out to have " +
				"it discovered",
		}},
		{"API and time-out", environment.Spec{URL: composerURL, API: "v3", Timeout: time.Millisecond}, []string{
			`api: api is "v3": use one of auto, v2, v1, experimental`,
			"timeout: timeout is 1ms: use a duration from 1s to 1h0m0s, such as 90s",
		}},
		{"no environment's name", environment.Spec{Composer: "prod"}, []string{
			"composer: composer is no environment's name: write it as projects/PROJECT/locations/LOCATION/environments/ENVIRONMENT",
		}},
		{"a name and an address", environment.Spec{Composer: composerName, URL: composerURL, Insecure: true}, []string{
			"composer: composer and url are both given: leave one of them out",
			"insecure: insecure is given, but composer does not use it: leave it out: Composer's web servers speak https",
		}},
		{"a kind that Composer does not take", environment.Spec{Composer: composerName, Auth: "basic", Username: "u"}, []string{
			`auth: auth is "basic", which no Composer environment takes: leave it out, or set it to google (Composer 2 and 3) or iap (Composer 1)`,
		}},
		{"a password for Composer", environment.Spec{Composer: composerName, Password: "hush"}, []string{
			"password: password is given, but auth=google does not use it: leave it out, or choose another auth",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range tt.spec.Check(plain) {
				got = append(got, f.Field+": "+f.What+": "+f.Fix)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			_, err := environment.New(tt.spec, plain, environment.Options{})
			if err == nil || strings.Contains(err.Error(), "hush") {
				t.Errorf("New's error is %v", err)
			}
		})
	}
}

func TestSpecLogsNoSecret(t *testing.T) {
	t.Parallel()
	spec := environment.Spec{URL: composerURL, Password: "hush", Token: "hush", Username: "u"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "spec", spec)
	for _, text := range []string{fmt.Sprint(spec), fmt.Sprintf("%v %+v %#v %s", spec, spec, spec, spec), log.String()} {
		if strings.Contains(text, "hush") {
			t.Errorf("printed as %s", text)
		}
	}
}
