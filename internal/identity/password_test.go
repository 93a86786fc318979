// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/identity"
)

// jwt has the claims and a number that distinguishes it.
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
		return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: req},
			nil
	})
}

func newPassword(t *testing.T, root string, transport http.RoundTripper) *identity.Password {
	t.Helper()
	client, err := airflow.New(airflow.Config{URL: root, API: airflow.V2, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return identity.NewPassword(mustParse(t, root), "robot", identity.NewSecret("hush", ""), client)
}

// credentialsOf are the whole credentials of a method.
func credentialsOf(t *testing.T, m identity.Method) *identity.Credentials {
	t.Helper()
	return identity.New(identity.Parts{Origin: identity.OriginOf(mustParse(t, airflowURL)), Method: m})
}

func TestPasswordTokenIsCachedUntilBeforeExpiry(t *testing.T) {
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
		{"a day, Airflow's default, is too long", in(0, 24*time.Hour), time.Hour - 90*time.Second},
		{"half an hour", in(0, 30*time.Minute), 30*time.Minute - 90*time.Second},
		{"by a clock an hour ahead", in(time.Hour, 10*time.Minute), 10*time.Minute - 90*time.Second},
		{"by a clock an hour behind", in(-time.Hour, 10*time.Minute), 10*time.Minute - 90*time.Second},
		{"no time of making", func() string { return fmt.Sprintf(`{"exp":%d}`, time.Now().Add(time.Hour).Unix()) }, time.Hour - 90*time.Second},
		{"no end", func() string { return `{}` }, 10*time.Minute - 90*time.Second},
		{"no claims", func() string { return `-` }, 10*time.Minute - 90*time.Second},
		{"an absurd end", func() string { return `{"iat":1,"exp":1e300}` }, time.Hour - 90*time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				p := newPassword(t, airflowURL+"/base/", apiServer(t, &asked, tt.claims))
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

func TestRefusedPasswordTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	asked := 0
	p := newPassword(t, airflowURL+"/base/", apiServer(t, &asked, func() string { return "{}" }))
	first, _ := sends(t, p, airflowURL)
	if !p.Renew(first) {
		t.Error("Renew promises nothing")
	}
	second, _ := sends(t, p, airflowURL)
	if asked != 2 || p.Renew(second) {
		t.Errorf("asked %d times, and would again", asked)
	}
}

// Trouble at the token endpoint is classified like that of any call, and quotes
// the server without the password.
func TestPasswordTokenRefusalsAreClassified(t *testing.T) {
	t.Parallel()
	const (
		from     = "obtaining an Airflow token: "
		at       = airflowURL + "/base/auth/token"
		endpoint = "set AIRFLOW_URL to the web server's root; for Airflow 2 set AIRFLOW_AUTH to basic; " +
			"where a proxy redirects to its login page, let /auth/token through"
		refused = "check both; many releases issue tokens to users of Airflow's database only, not of LDAP, OAuth or SAML: " +
			"create one with airflow users create, or set AIRFLOW_AUTH to bearer"
	)
	tests := []struct {
		name   string
		status int
		header string // Retry-After
		body   string
		kind   airflow.Kind
		said   string // begins
		hint   string // contains
	}{
		{"wrong password", 401, "", `{"detail":"Invalid credentials: hush"}`, airflow.NoCredentials,
			from + "the web server refuses AIRFLOW_USERNAME and AIRFLOW_PASSWORD (it answers 401: Invalid credentials: …)", refused},
		{"directory user", 401, "", `{"detail":"Invalid username"}`, airflow.NoCredentials,
			from + "the web server refuses AIRFLOW_USERNAME and AIRFLOW_PASSWORD (it answers 401: Invalid username)", refused},
		{"other fields", 422, "", `{"detail":[{"type":"missing","loc":["body","client_id"],"msg":"Field required","input":{"password":"hush"}}]}`,
			airflow.NoCredentials, from + at + " does not accept a user and a password (it answers 422: body.client_id: Field required)",
			"set AIRFLOW_AUTH to bearer"},
		{"Airflow 2", 404, "", `{"detail":"Not Found"}`, airflow.NoCredentials, from + at + " issues no tokens (it answers 404: Not Found)",
			endpoint},
		{"login page", 307, "", "", airflow.NoCredentials, from + at + " issues no tokens (it answers 307: redirect to ", endpoint},
		{"down", 503, "20", "", airflow.ServerFailure, from + at, ""},
		{"bad gateway", 502, "", "", airflow.ServerFailure, from + at, ""},
		{"auth manager failed", 500, "", "", airflow.ServerFailure, from + at, "the auth manager failed to check the user"},
		{"throttled", 429, "7", "", airflow.Throttled, from + at, ""},
		{"too large", 413, "", "", airflow.NoCredentials,
			from + at + " did not return a token (it answers 413: something before Airflow answered)", "AIRFLOW_URL"},
		{"an empty token", 201, "", `{"access_token":""}`, airflow.NoCredentials, from + at + " did not return a token", "AIRFLOW_URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := roundTrip(func(req *http.Request) (*http.Response, error) {
				h := http.Header{"Content-Type": {"application/json"}, "Retry-After": {tt.header}}
				return &http.Response{StatusCode: tt.status, Header: h, Body: io.NopCloser(strings.NewReader(tt.body)), Request: req}, nil
			})
			err := credentialsOf(t, newPassword(t, airflowURL+"/base/", server)).Authorize(get(t, airflowURL))
			e, ok := errors.AsType[*airflow.Error](err)
			if !ok {
				t.Fatalf("error = %v", err)
			}
			wait, _ := strconv.Atoi(tt.header)
			if e.Kind != tt.kind || !strings.HasPrefix(e.Said, tt.said) || !strings.Contains(e.Hint, tt.hint) ||
				e.RetryAfter != time.Duration(wait)*time.Second || e.Hint == "" || e.InDoubt {
				t.Errorf("got  %s after %v: %s; %s\nwant %s: %s; %s", e.Kind, e.RetryAfter, e.Said, e.Hint, tt.kind, tt.said, tt.hint)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the password is quoted: %v", err)
			}
		})
	}
}

func TestPasswordTokenEndpointThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	silent := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
	err := credentialsOf(t, newPassword(t, airflowURL, silent)).Authorize(get(t, airflowURL))
	e, ok := errors.AsType[*airflow.Error](err)
	if !ok || e.Kind != airflow.Network || !strings.Contains(e.Said, "connection refused") {
		t.Errorf("error = %v", err)
	}
}

func TestPasswordTokenThatHangsIsATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := credentialsOf(t, newPassword(t, airflowURL, hangs)).Authorize(get(t, airflowURL).WithContext(ctx))
		if e, ok := errors.AsType[*airflow.Error](err); !ok || e.Kind != airflow.Timeout {
			t.Errorf("error = %v", err)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock: the shared request ends
	})
}

// While the server asks to be left alone, it is.
func TestPasswordTokenIsNotRequestedBeforeRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		server := roundTrip(func(req *http.Request) (*http.Response, error) {
			requests++
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"20"}}, Body: http.NoBody,
				Request: req}, nil
		})
		c := credentialsOf(t, newPassword(t, airflowURL, server))
		for range 30 {
			err := c.Authorize(get(t, airflowURL))
			if e, ok := errors.AsType[*airflow.Error](err); !ok || e.Kind != airflow.ServerFailure || e.RetryAfter <= 0 {
				t.Fatalf("error = %v", err)
			}
		}
		if requests != 1 {
			t.Errorf("%d requests", requests)
		}
		time.Sleep(21 * time.Second) //nolint:forbidigo // the bubble's clock: no time passes outside
		_ = c.Authorize(get(t, airflowURL))
		if requests != 2 {
			t.Errorf("%d requests after the pause", requests)
		}
	})
}

// Keycloak ends the session behind Airflow's token long before the token, and
// every request is then a 500: https://github.com/apache/airflow/issues/59277.
func TestPasswordTokenIsReplacedOnceItFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := 0
		c := credentialsOf(t, newPassword(t, airflowURL+"/base/", apiServer(t, &made, func() string { return "{}" })))
		failed := &airflow.Error{Kind: airflow.ServerFailure, Status: 500}
		first, token := sends(t, c, airflowURL)
		c.Answered(first, nil)
		if !c.Answered(first, failed) {
			t.Error("a token that worked is not replaced")
		}
		second, next := sends(t, c, airflowURL)
		if next == token || made != 2 {
			t.Errorf("%d tokens", made)
		}
		for range 50 { // the failure is not the token's
			if c.Answered(second, failed) {
				t.Error("a token that never worked is replaced")
			}
			second, _ = sends(t, c, airflowURL)
		}
		c.Answered(second, nil)
		if c.Answered(second, failed) {
			t.Error("a second token within a minute")
		}
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock: no time passes outside
		third, _ := sends(t, c, airflowURL)
		if !c.Answered(third, failed) {
			t.Error("not replaced a minute later")
		}
	})
}
