// SPDX-License-Identifier: Apache-2.0

package caller_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/caller"
)

const (
	account  = "invoker@acme.iam.gserviceaccount.com"
	audience = "https://trigger-dag-abc-ew.a.run.app"
	keyID    = "7d680d8c70d44e947133cbd499ebc1a61c3d5abc"
)

// signers are two keys: Google's, and another one, which Google rotates to in
// one test and never publishes in the others.
var signers = sync.OnceValue(func() (keys [2]*rsa.PrivateKey) {
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// google serves Google's keys, and counts the requests.
type google struct {
	mu        sync.Mutex
	requests  int
	published map[string]*rsa.PrivateKey // by key id; nil means Google's key under keyID
	header    http.Header
	status    int
	text      string // the response's body in place of the keys
	err       error
	wait      chan struct{} // nil, or what a response waits for
}

func (g *google) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests++
	if g.wait != nil {
		select {
		case <-g.wait:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if url := r.URL.String(); url != "https://www.googleapis.com/oauth2/v3/certs" || r.Header.Get("Authorization") != "" {
		return nil, fmt.Errorf("unknown request: %s %v", url, r.Header)
	}
	if g.err != nil {
		return nil, g.err
	}
	text := g.text
	if text == "" {
		published := g.published
		if published == nil {
			published = map[string]*rsa.PrivateKey{keyID: signers()[0]}
		}
		text = keySet(published)
	}
	return &http.Response{StatusCode: max(g.status, 200), Header: g.header, Body: io.NopCloser(strings.NewReader(text))}, nil
}

// keySet is a JSON Web Key Set: https://www.rfc-editor.org/rfc/rfc7517#section-5
func keySet(published map[string]*rsa.PrivateKey) string {
	keys := []map[string]string{}
	for id, key := range published {
		keys = append(keys, map[string]string{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": id,
			"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
		})
	}
	b, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err) // it is a map of text
	}
	return string(b)
}

// claims returns those of a push, with changes.
func claims(changed ...map[string]any) map[string]any {
	all := map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "sub": "113774264463038321964", "azp": "113774264463038321964",
		"email": account, "email_verified": true,
		"iat": time.Now().Add(-time.Minute).Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for _, c := range changed {
		maps.Copy(all, c)
	}
	return all
}

// signed returns a token of a header and claims, signed with RS256.
func signed(t testing.TB, key *rsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	var parts []string
	for _, part := range []map[string]any{header, claims} {
		b, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, encode(b))
	}
	digest := sha256.Sum256([]byte(strings.Join(parts, ".")))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(parts, encode(signature)), ".")
}

// token returns one as Google issues it, with changed claims.
func token(t testing.TB, changed ...map[string]any) string {
	t.Helper()
	return signed(t, signers()[0], map[string]any{"alg": "RS256", "kid": keyID, "typ": "JWT"}, claims(changed...))
}

// unsigned returns a token with the given header and signature.
func unsigned(t testing.TB, header string, signature string) string {
	t.Helper()
	_, rest, _ := strings.Cut(token(t), ".")
	body, _, _ := strings.Cut(rest, ".")
	return encode([]byte(header)) + "." + body + "." + signature
}

func newChecker(t testing.TB, g *google, now func() time.Time) *caller.Checker {
	t.Helper()
	c, err := caller.New(caller.Config{
		Accounts: []string{"other@acme.iam.gserviceaccount.com", account}, Audiences: []string{"https://events.acme.example/", audience},
		Transport: g, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// challenge returns the WWW-Authenticate header of the response.
func challenge(r *caller.Refusal) string {
	header := http.Header{}
	r.Challenge(header)
	return header.Get("WWW-Authenticate")
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func TestCheckAcceptsAllowedCallers(t *testing.T) {
	t.Parallel()
	c := newChecker(t, &google{}, nil)
	for name, header := range map[string]http.Header{
		"a push":                            bearer(token(t)),
		"the scheme in other letters":       {"Authorization": {"bearer " + token(t)}},
		"the other audience":                bearer(token(t, map[string]any{"aud": "https://events.acme.example/"})),
		"the issuer's other spelling":       bearer(token(t, map[string]any{"iss": "accounts.google.com"})),
		"an e-mail address in capitals too": bearer(token(t, map[string]any{"email": strings.ToUpper(account[:1]) + account[1:]})),
	} {
		if err := c.Check(t.Context(), header); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckAcceptsEveryCallerWithoutAccounts(t *testing.T) {
	t.Parallel()
	c, err := caller.New(caller.Config{Audiences: []string{audience}})
	if c != nil || err != nil {
		t.Fatalf("New returned %v, %v", c, err)
	}
	if err := c.Check(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestNewRequiresAnAudience(t *testing.T) {
	t.Parallel()
	_, err := caller.New(caller.Config{Accounts: []string{account}})
	want := "ALLOW_CALLERS needs ALLOW_AUDIENCE: set the audience of the callers' tokens, such as the function's URL"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestCheckRefusesEveryOtherCaller(t *testing.T) {
	t.Parallel()
	googles, unpublished := signers()[0], signers()[1]
	header := func(changed map[string]any) map[string]any {
		h := map[string]any{"alg": "RS256", "kid": keyID, "typ": "JWT"}
		maps.Copy(h, changed)
		return h
	}
	const (
		none      = "the request has no token: let the sender authenticate, as a push subscription does with --push-auth-service-account"
		noIDToken = "the token is not an ID token signed with RS256: send the ID token of a Google service account, not an access token"
		tooLarge  = "the token is larger than 16 KB: send the ID token of a Google service account, which takes about 1 KB"
		expired   = "the token has expired: send a new one"
		noKey     = "the token is not signed with a key of Google's: send a token that Google issued"
		wrong     = "the token's signature is invalid: send the token exactly as Google issued it"
		elsewhere = "the token was not issued by Google Accounts: send the ID token of a service account"
		removed   = "Cloud Run has checked the token and removed its signature: unset ALLOW_CALLERS where Cloud Run checks callers by IAM"
		noEmail   = `the token of the account "113774264463038321964" has no verified e-mail address: ` +
			"request it with format=full from the metadata server"
	)
	forAudience := func(aud string) string {
		return fmt.Sprintf("the token's audience is %q: add that to ALLOW_AUDIENCE, or set the sender's audience to one in it", aud)
	}
	whole := token(t)
	tests := []struct {
		name   string
		header string // Authorization
		status int
		reason string
	}{
		{"no header", "", 401, none},
		{"a password", "Basic cm9ib3Q6aHVzaA==", 401, none},
		{"no token", "Bearer ", 401, none},
		{"the scheme alone", "Bearer", 401, none},

		{"a token over 16 KB", "Bearer " + token(t, map[string]any{"pad": strings.Repeat("x", 16<<10)}), 401, tooLarge},
		{"another scheme over 16 KB", "Basic " + strings.Repeat("x", 16<<10), 401, tooLarge},

		{"an access token", "Bearer ya29.c.abc", 401, noIDToken},
		{"an opaque text", "Bearer abc", 401, noIDToken},
		{"a token without its signature", "Bearer " + whole[:strings.LastIndex(whole, ".")], 401, noIDToken},
		{"a fourth part", "Bearer " + whole + ".x", 401, noIDToken},
		{"invalid base64", "Bearer !." + strings.SplitN(whole, ".", 2)[1], 401, noIDToken},
		{"no algorithm", "Bearer " + unsigned(t, `{"kid":"`+keyID+`"}`, ""), 401, noIDToken},
		{"the algorithm none", "Bearer " + unsigned(t, `{"alg":"none","kid":"`+keyID+`"}`, ""), 401, noIDToken},
		{"a shared secret", "Bearer " + unsigned(t, `{"alg":"HS256","kid":"`+keyID+`"}`, encode(make([]byte, 32))), 401, noIDToken},
		{"another curve, cut short", "Bearer " + unsigned(t, `{"alg":"ES256","kid":"`+keyID+`"}`, encode([]byte("x"))), 401, noIDToken},
		{"several audiences", "Bearer " + token(t, map[string]any{"aud": []string{audience}}), 401, noIDToken},

		{"expired", "Bearer " + token(t, map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}), 401, expired},
		{"without an expiry", "Bearer " + token(t, map[string]any{"exp": nil}), 401, expired},
		{"an unknown key", "Bearer " + signed(t, googles, header(map[string]any{"kid": "none"}), claims()), 401, noKey},
		{"no key id", "Bearer " + signed(t, googles, header(map[string]any{"kid": nil}), claims()), 401, noKey},
		{"another key under Google's key id", "Bearer " + signed(t, unpublished, header(nil), claims()), 401, wrong},
		{"no signature", "Bearer " + unsigned(t, `{"alg":"RS256","kid":"`+keyID+`"}`, ""), 401, wrong},
		{"changed claims", "Bearer " + spliced(whole, token(t, map[string]any{"email": "other@acme.iam.gserviceaccount.com"})), 401, wrong},
		{"behind Cloud Run's own check", "Bearer " + whole[:strings.LastIndex(whole, ".")] + ".SIGNATURE_REMOVED_BY_GOOGLE", 401, removed},
		{"another issuer", "Bearer " + token(t, map[string]any{"iss": "https://accounts.example.com"}), 401, elsewhere},
		{"Firebase's tokens", "Bearer " + token(t, map[string]any{"iss": "https://securetoken.google.com/acme"}), 401, elsewhere},

		{"another audience", "Bearer " + token(t, map[string]any{"aud": "https://evil.example"}), 403, forAudience("https://evil.example")},
		{"an audience with a slash added", "Bearer " + token(t, map[string]any{"aud": audience + "/"}), 403, forAudience(audience + "/")},
		{"no audience", "Bearer " + token(t, map[string]any{"aud": nil}), 403, forAudience("")},
		{"no e-mail address", "Bearer " + token(t, map[string]any{"email": nil}), 403, noEmail},
		{"an unverified e-mail address", "Bearer " + token(t, map[string]any{"email_verified": false}), 403, noEmail},
		{"an e-mail address verified in text", "Bearer " + token(t, map[string]any{"email_verified": "true"}), 403, noEmail},
		{"another account", "Bearer " + token(t, map[string]any{"email": "eve@evil.iam.gserviceaccount.com"}), 403,
			"the token is of eve@evil.iam.gserviceaccount.com, which is not an allowed caller: " +
				"add the account to ALLOW_CALLERS, or send as one in it"},
	}
	c := newChecker(t, &google{}, nil)
	for _, tt := range tests {
		err := c.Check(t.Context(), http.Header{"Authorization": {tt.header}})
		refusal, ok := errors.AsType[*caller.Refusal](err)
		if !ok {
			t.Errorf("%s: %v, want a refusal", tt.name, err)
			continue
		}
		if refusal.Status != tt.status || refusal.Error() != tt.reason {
			t.Errorf("%s: %d %s, want %d %s", tt.name, refusal.Status, refusal, tt.status, tt.reason)
		}
		if got := challenge(refusal); strings.HasPrefix(got, "Bearer") != (tt.status == 401) {
			t.Errorf("%s: %d with the challenge %q", tt.name, tt.status, got)
		}
		for part := range strings.SplitSeq(strings.TrimPrefix(tt.header, "Bearer "), ".") {
			if len(part) > 20 && strings.Contains(refusal.Error(), part) {
				t.Errorf("%s: the reason repeats the token: %s", tt.name, refusal)
			}
		}
	}
}

// spliced returns the token with the claims of another one.
func spliced(token, claims string) string {
	parts := strings.Split(token, ".")
	parts[1] = strings.Split(claims, ".")[1]
	return strings.Join(parts, ".")
}

// A token of 787 KB took 4 MB to parse: 80 at once took an instance's memory.
// Not in parallel with others, whose allocations would be counted.
func TestCheckRefusesALargeTokenWithoutParsingIt(t *testing.T) {
	c := newChecker(t, &google{}, nil)
	header := bearer(token(t, map[string]any{"pad": strings.Repeat("x", 590_000)}))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := c.Check(t.Context(), header)
	runtime.ReadMemStats(&after)
	if refusal, ok := errors.AsType[*caller.Refusal](err); !ok || refusal.Status != 401 {
		t.Errorf("%v, want a refusal with 401", err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<10 {
		t.Errorf("a token of %d bytes takes %d bytes of memory, want at most 64 KB", len(header.Get("Authorization")), allocated)
	}
}

func FuzzCheck(f *testing.F) {
	whole := token(f)
	for _, text := range []string{
		"", "Bearer", "Bearer a.b.c", "Basic eA==", "Bearer " + whole[:len(whole)-9],
		"Bearer " + unsigned(f, `{"alg":"ES256"}`, "eA"), "Bearer " + unsigned(f, `{"alg":"RS256","kid":"`+keyID+`"}`, "eA"),
		"Bearer " + encode([]byte(`null`)) + "." + encode([]byte(`null`)) + ".",
	} {
		f.Add(text)
	}
	c := newChecker(f, &google{}, nil)
	f.Fuzz(func(t *testing.T, authorization string) {
		err := c.Check(t.Context(), http.Header{"Authorization": {authorization}})
		if _, refused := errors.AsType[*caller.Refusal](err); !refused && !strings.Contains(authorization, whole) {
			t.Errorf("%q: %v", authorization, err)
		}
	})
}

// BenchmarkCheck measures what the check adds to each request once the keys are cached.
func BenchmarkCheck(b *testing.B) {
	c, header := newChecker(b, &google{header: http.Header{"Cache-Control": {"max-age=20000"}}}, nil), bearer(token(b))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Check(b.Context(), header); err != nil {
			b.Fatal(err)
		}
	}
}
