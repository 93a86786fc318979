// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
)

// An address that the Composer API returned is not the operator's word: only
// Composer's hosts get the access token, also where the operator chose google,
// and only Composer 1's get an ID token for an audience that they name.
func TestLookedUpAddressMustBeComposers(t *testing.T) {
	t.Parallel()
	const composer1, composer3 = "composer-1.20.12-airflow-2.4.3", "composer-3-airflow-3.1.7-build.12"
	tests := []struct {
		address, image, auth string
		want                 string // what it is sent: a token's beginning, empty for nothing
	}{
		{"https://1a2b-dot-europe-west1.composer.googleusercontent.com", composer3, "", "Bearer ya29."},
		{"https://1a2b-dot-europe-west1.composer.googleusercontent.com", composer3, "google", "Bearer ya29."},
		{"https://airflow.example.com", composer3, "", ""},
		{"https://airflow.example.com", composer3, "google", ""},
		{"https://[::1%25x.composer.googleusercontent.com]", composer3, "google", ""},
		{"https://x@1a2b-dot-europe-west1.composer.googleusercontent.com", composer3, "google", ""},
		{"http://127.0.0.1:8080", composer3, "google", ""},
		{"https://0a1b-tp.appspot.com", composer1, "", "Bearer eyJ"},
		{"https://0a1b-tp.appspot.com", composer1, "iap", "Bearer eyJ"},
		{"https://0a1b-tp.appspot.com", composer3, "", ""},
		{"https://airflow.example.com", composer1, "", ""},
		{"https://airflow.example.com", "unknown", "iap", ""},
		{"https://[::1%25x.appspot.com]", composer1, "", ""},
		{"http://127.0.0.1:8080", composer1, "iap", ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.address, tt.image, tt.auth), func(t *testing.T) {
			t.Parallel()
			var sent []string
			transport := roundTrip(func(req *http.Request) (*http.Response, error) {
				if req.URL.Hostname() == composerAPI {
					return answer(req, http.StatusOK, "application/json", fmt.Sprintf(
						`{"state":"RUNNING","config":{"airflowUri":%q,"softwareConfig":{"imageVersion":%q}}}`, tt.address, tt.image), ""), nil
				}
				sent = append(sent, req.Header.Get("Authorization"))
				resp := answer(req, http.StatusFound, "text/html", "", "")
				resp.Header.Set("Location", "https://accounts.google.com/o/oauth2/v2/auth?client_id="+clientID)
				return resp, nil
			})
			c := newClient(t, environment.Spec{Composer: composerName, Auth: tt.auth, API: "v1"},
				environment.Options{Transport: transport, Google: identity.NewGoogle(gardener{})})
			if err := trigger(t, c, "run"); err == nil {
				t.Error("no error")
			}
			last := ""
			if len(sent) > 0 {
				last = sent[len(sent)-1]
			}
			if !strings.HasPrefix(last, tt.want) || tt.want == "" && len(sent) > 0 {
				t.Errorf("sent %q, want %q", sent, tt.want)
			}
		})
	}
}
