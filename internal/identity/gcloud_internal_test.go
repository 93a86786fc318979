// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fakeGcloud is a program that prints text, and ends with a status.
func fakeGcloud(t *testing.T, text, status string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gcloud")
	script := "#!/bin/sh\n[ \"$*\" = 'config config-helper --format=json --min-expiry=5m' ] || exit 64\ncat <<'END'\n" + text +
		"\nEND\nexit " + status + "\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // a program has to be executable
		t.Fatal(err)
	}
	return path
}

func TestGcloudsOwnLoginIsUsed(t *testing.T) {
	t.Parallel()
	const token = `"credential":{"access_token":"ya29.x","id_token":null,"token_expiry":"2026-11-22T12:00:00Z"}`
	tests := []struct {
		name, properties string
		want             Account
	}{
		{"a person's", `{"core":{"account":"ann@example.com"}}`, Account{Type: User, Email: "ann@example.com", From: "gcloud auth login"}},
		{"acting as a service account", `{"auth":{"impersonate_service_account":"robot@acme.iam.gserviceaccount.com"},` +
			`"core":{"account":"ann@example.com"}}`,
			Account{Type: Impersonated, Email: "robot@acme.iam.gserviceaccount.com", From: "gcloud auth login"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := gcloudLogin(t.Context(), fakeGcloud(t, `{"configuration":{"properties":`+tt.properties+`},`+token+`}`, "0"))
			if err != nil || f.account != tt.want {
				t.Fatalf("account = %+v, error = %v", f.account, err)
			}
			got, err := f.tokens.Token()
			if err != nil || got.AccessToken != "ya29.x" || !got.Expiry.Equal(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)) {
				t.Errorf("token = %+v, error = %v", got, err)
			}
		})
	}
}

func TestGcloudWithoutLoginReportsIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, gcloud, want string }{
		{"not installed", filepath.Join(t.TempDir(), "gcloud"), "and gcloud is not installed"},
		{"no login", fakeGcloud(t, "You do not currently have an active account selected.", "1"), "and gcloud has no login"},
		{"no token", fakeGcloud(t, `{"credential":{"access_token":null}}`, "0"), "and gcloud gives no token"},
		{"invalid JSON", fakeGcloud(t, "ya29.x", "0"), "and gcloud gives no token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := gcloudLogin(t.Context(), tt.gcloud); err == nil || err.Error() != tt.want {
				t.Errorf("error = %v, want %s", err, tt.want)
			}
		})
	}
}
