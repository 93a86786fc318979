// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/identity"
)

// jwt has the claims and a number that tells it from others.
func jwt(number int, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf("%s.%s.%d", encode([]byte(`{"alg":"HS512"}`)), encode([]byte(claims)), number)
}

// apiServer is Airflow 3's token endpoint. It numbers its tokens.
func apiServer(t *testing.T, asked *int, claims func() string) http.RoundTripper {
	t.Helper()
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		*asked++
		var body struct{ Username, Password string }
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if req.Method != http.MethodPost || req.URL.String() != airflowURL+"/base/auth/token" ||
			req.Header.Get("Content-Type") != "application/json" || body.Username != "robot" || body.Password != "hush" {
			t.Errorf("got %s %s (%s) from %+v", req.Method, req.URL, req.Header.Get("Content-Type"), body)
		}
		text := fmt.Sprintf(`{"access_token":%q}`, jwt(*asked, claims()))
		return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: req}, nil
	})
}

func newPassword(t *testing.T, transport http.RoundTripper) *identity.Password {
	t.Helper()
	return identity.NewPassword(mustParse(t, airflowURL+"/base/"), "robot", identity.NewSecret("hush", ""), transport)
}

func TestAPasswordsTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	t.Parallel()
	in := func(made, life time.Duration) func() string {
		return func() string {
			iat := time.Now().Add(made)
			return fmt.Sprintf(`{"iat":%d,"exp":%d}`, iat.Unix(), iat.Add(life).Unix())
		}
	}
	tests := []struct {
		name   string
		claims func() string
		kept   time.Duration // and not a minute more
	}{
		{"a day, Airflow's default", in(0, 24*time.Hour), 24*time.Hour - 90*time.Second},
		{"by a clock an hour ahead", in(time.Hour, 10*time.Minute), 10*time.Minute - 90*time.Second},
		{"by a clock an hour behind", in(-time.Hour, 10*time.Minute), 10*time.Minute - 90*time.Second},
		{"no time of making", func() string { return fmt.Sprintf(`{"exp":%d}`, time.Now().Add(time.Hour).Unix()) }, time.Hour - 90*time.Second},
		{"no end", func() string { return `{}` }, 10*time.Minute - 90*time.Second},
		{"no claims", func() string { return `-` }, 10*time.Minute - 90*time.Second},
		{"an absurd end", func() string { return `{"iat":1,"exp":1e300}` }, 30*24*time.Hour - 90*time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				p := newPassword(t, apiServer(t, &asked, tt.claims))
				_, first := sends(t, p, airflowURL)
				time.Sleep(tt.kept) //nolint:forbidigo // the bubble's clock: no time passes outside
				if _, again := sends(t, p, airflowURL); again != first || asked != 1 {
					t.Errorf("after %v: asked %d times", tt.kept, asked)
				}
				time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock: no time passes outside
				if _, again := sends(t, p, airflowURL); again == first || asked != 2 {
					t.Errorf("a minute later: asked %d times", asked)
				}
			})
		})
	}
}

func TestARefusedPasswordsTokenIsMadeAgainOnce(t *testing.T) {
	t.Parallel()
	asked := 0
	p := newPassword(t, apiServer(t, &asked, func() string { return "{}" }))
	first, _ := sends(t, p, airflowURL)
	if !p.Renew(first) {
		t.Error("Renew promises nothing")
	}
	second, _ := sends(t, p, airflowURL)
	if asked != 2 || p.Renew(second) {
		t.Errorf("asked %d times, and would again", asked)
	}
}

func TestATokenThatIsNotGivenSaysWhyAndWhatToDo(t *testing.T) {
	t.Parallel()
	const at = airflowURL + "/base/auth/token"
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"refused", 401, `{"detail":"Invalid credentials: hush"}`,
			"the web server refuses AIRFLOW_USERNAME and AIRFLOW_PASSWORD (it answers 401): set the ones that its login page takes"},
		{"Airflow 2", 404, "<html>",
			at + " gives no tokens (it answers 404): set AIRFLOW_AUTH to basic for Airflow 2, and AIRFLOW_URL to the web server's root"},
		{"another page's address", 307, "",
			at + " gives no tokens (it answers 307): set AIRFLOW_AUTH to basic for Airflow 2, and AIRFLOW_URL to the web server's root"},
		{"down", 503, "", at + " gave no token (it answers 503): see the API server's log"},
		{"a login page", 200, "<html>", at + " gave no token (its answer holds none): see the API server's log"},
		{"an empty token", 201, `{"access_token":""}`, at + " gave no token (its answer holds none): see the API server's log"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := newPassword(t, answering(t, tt.status, tt.body)).Authorize(get(t, airflowURL))
			if want := "obtaining a token of Airflow's: " + tt.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestATokenEndpointThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	silent := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
	err := newPassword(t, silent).Authorize(get(t, airflowURL))
	want := "obtaining a token of Airflow's: " + airflowURL + "/base/auth/token does not answer (connection refused): check AIRFLOW_URL, and the function's way out"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
