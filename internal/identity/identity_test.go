// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/identity"
)

var _ airflow.Credentials = (*identity.Credentials)(nil)

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func get(t *testing.T, to string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// sends authorizes a request to the web server, and returns it and the
// Authorization header that it now carries.
func sends(t *testing.T, c interface{ Authorize(req *http.Request) error }, to string) (*http.Request, string) {
	t.Helper()
	req := get(t, to)
	if err := c.Authorize(req); err != nil {
		t.Fatalf("Authorize(%s): %v", to, err)
	}
	return req, req.Header.Get("Authorization")
}

const airflowURL = "https://airflow.example.com"

func TestNoneSendsNothing(t *testing.T) {
	t.Parallel()
	req, header := sends(t, identity.None{}, airflowURL)
	if header != "" || (identity.None{}).Renew(req) {
		t.Errorf("header = %q, and Renew = %v", header, (identity.None{}).Renew(req))
	}
}

func TestBasicSendsUserAndPassword(t *testing.T) {
	t.Parallel()
	basic := &identity.Basic{Username: "robot", Password: identity.NewSecret("hush: hush", "")}
	req, _ := sends(t, basic, airflowURL+"/api/v1/dags")
	user, password, ok := req.BasicAuth()
	if user != "robot" || password != "hush: hush" || !ok {
		t.Errorf("sent %q, %q, %v", user, password, ok)
	}
	if basic.Renew(req) {
		t.Error("Renew promises another password where there is only one")
	}
}

func TestBearerSendsItsToken(t *testing.T) {
	t.Parallel()
	bearer := &identity.Bearer{Token: identity.NewSecret("hush", "")}
	req, header := sends(t, bearer, airflowURL)
	if header != "Bearer hush" || bearer.Renew(req) {
		t.Errorf("header = %q, and Renew = %v", header, bearer.Renew(req))
	}
}

func TestSecretFollowsItsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		t.Helper()
		// A mounted secret is swapped as a whole.
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	bearer := &identity.Bearer{Token: identity.NewSecret("", path)}

	write("first\n")
	req, header := sends(t, bearer, airflowURL)
	if header != "Bearer first" {
		t.Errorf("header = %q", header)
	}
	if bearer.Renew(req) {
		t.Error("Renew promises another token before there is one")
	}
	write("rotated\n")
	if !bearer.Renew(req) {
		t.Error("Renew does not see the new token")
	}
	if _, header := sends(t, bearer, airflowURL); header != "Bearer rotated" {
		t.Errorf("header after the rotation = %q", header)
	}
}

// Not every platform's mounted secrets change their time: after a refusal the
// file is read all the same.
func TestRefusedSecretIsReadAgainWhateverItsTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("old-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	bearer := &identity.Bearer{Token: identity.NewSecret("", path)}
	req, _ := sends(t, bearer, airflowURL)
	if err := os.WriteFile(path, []byte("new-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, header := sends(t, bearer, airflowURL); header != "Bearer old-token" {
		t.Fatalf("header = %q: the file was read without need", header)
	}
	if !bearer.Renew(req) {
		t.Error("Renew did not read the file")
	}
	if _, header := sends(t, bearer, airflowURL); header != "Bearer new-token" {
		t.Errorf("header after the refusal = %q", header)
	}
}

func TestUnusableSecretFileIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, content, want string }{
		{"missing", "-", "no such file or directory"},
		{"empty", "\n", "it is empty"},
		{"several lines", "user\nhush", "it has several lines, or a NUL"},
		{"large", strings.Repeat("hush", 20<<10), "it has more than 65536 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "secret")
			if tt.content != "-" {
				if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			basic := &identity.Basic{Password: identity.NewSecret("", path)}
			err := basic.Authorize(get(t, airflowURL))
			want := "the secret's file " + path + " cannot be used (" + tt.want + "): mount the secret there, alone in the file and on one line"
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	secret := identity.NewSecret("hush", "")
	holder := struct{ Password *identity.Secret }{secret}
	for _, text := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%v %+v %#v %s %q", secret, secret, secret, secret, secret),
		fmt.Sprintf("%v %+v %#v", holder, holder, holder), secret.LogValue().String(),
	} {
		if strings.Contains(text, "hush") {
			t.Errorf("printed as %s", text)
		}
	}
}
