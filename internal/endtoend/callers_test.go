// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/config"
)

// signer signs tokens as Google does, and is the transport to Google's keys and
// to an Airflow that creates every run.
type signer struct{ key *rsa.PrivateKey }

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key}
}

func (s signer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "www.googleapis.com" {
		return canned{benchRun}.RoundTrip(r)
	}
	encode := base64.RawURLEncoding.EncodeToString
	keys := fmt.Sprintf(`{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"one","n":%q,"e":%q}]}`,
		encode(s.key.N.Bytes()), encode(big.NewInt(int64(s.key.E)).Bytes()))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(keys))}, nil
}

// token is the one that a push by account carries.
func (s signer) token(t *testing.T, account, audience string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","kid":"one","typ":"JWT"}`)) + "." + encode(fmt.Appendf(nil,
		`{"iss":"https://accounts.google.com","aud":%q,"sub":"1","email":%q,"email_verified":true,"exp":%d}`,
		audience, account, time.Now().Add(time.Hour).Unix()))
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

const allowedCaller, ownAudience = "invoker@acme.iam.gserviceaccount.com", "https://function.example"

// newCallersFunction returns a function with one allowed caller.
func newCallersFunction(t *testing.T, google signer, log io.Writer) *dagtrigger.Function {
	t.Helper()
	c, err := config.FromEnv(func(name string) string {
		return map[string]string{
			"DAG_ID": "load", "AIRFLOW_URL": "http://127.0.0.1:1", "AIRFLOW_API": "v2",
			"ALLOW_CALLERS": allowedCaller, "ALLOW_AUDIENCE": ownAudience,
		}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := dagtrigger.New(c, cloudlog.New(log, slog.LevelInfo), google)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A refused request's body is not read.
func TestOnlyAllowedCallersStartRuns(t *testing.T) {
	t.Parallel()
	google := newSigner(t)
	tests := []struct {
		name, authorization, challenge string
		status                         int
	}{
		{"no token", "", "Bearer", 401},
		{"an access token", "Bearer ya29.access", `Bearer error="invalid_token"`, 401},
		{"another account", "Bearer " + google.token(t, "eve@acme.iam.gserviceaccount.com", ownAudience), "", 403},
		{"another audience", "Bearer " + google.token(t, allowedCaller, "https://other.example"), "", 403},
		{"the push itself", "Bearer " + google.token(t, allowedCaller, ownAudience), "", 200},
	}
	for _, tt := range tests {
		var log bytes.Buffer
		f := newCallersFunction(t, google, &log)
		r := upload("acme", "eu/a.csv", 17)
		r.Header.Set("Authorization", tt.authorization)
		if tt.status != 200 {
			r.Body = io.NopCloser(iotest.ErrReader(errors.New("the body was read")))
		}
		recorder := httptest.NewRecorder()
		f.ServeHTTP(recorder, r)
		if got := recorder.Header().Get("WWW-Authenticate"); recorder.Code != tt.status || got != tt.challenge {
			t.Errorf("%s: answered %d %q %s, want %d %q", tt.name, recorder.Code, got, recorder.Body, tt.status, tt.challenge)
		}
		line := fmt.Sprintf(`"severity":"ERROR","message":"caller refused","status":%d`, tt.status)
		if strings.Contains(log.String(), line) != (tt.status != 200) {
			t.Errorf("%s: logged %s", tt.name, &log)
		}
		if _, token, _ := strings.Cut(tt.authorization, " "); token != "" && strings.Contains(log.String()+recorder.Body.String(), token) {
			t.Errorf("%s: the token is printed: %s %s", tt.name, &log, recorder.Body)
		}
	}
}

// Anyone can send requests without a token: they cost a line a second, which counts them,
// and hide no line about another kind of refusal.
func TestRefusedCallersAreAddedUpInTheLog(t *testing.T) {
	t.Parallel()
	google := newSigner(t)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := newCallersFunction(t, google, &log)
		refuse := func(authorization string) {
			r := upload("acme", "eu/a.csv", 17)
			r.Header.Set("Authorization", authorization)
			f.ServeHTTP(httptest.NewRecorder(), r)
		}
		for range 1000 {
			refuse("")
		}
		refuse("Bearer " + google.token(t, allowedCaller, "https://other.example"))
		<-time.After(time.Second)
		synctest.Wait()
		var lines []string
		for line := range strings.Lines(log.String()) {
			if _, fields, ok := strings.Cut(line, `"message":"caller refused",`); ok {
				lines = append(lines, regexp.MustCompile(`"reason":".*?"(,|})`).ReplaceAllString(fields, "…"))
			}
		}
		want := []string{`"status":401,…"count":1}` + "\n", `"status":403,…"count":1}` + "\n", `"status":401,…"count":999}` + "\n"}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("lines of the log (-want +got):\n%s", diff)
		}
	})
}
