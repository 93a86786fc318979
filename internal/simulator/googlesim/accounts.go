// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
)

// account is an Account, and the key that was made for it.
type account struct {
	Account
	key *rsa.PrivateKey
}

// grant is what an access token stands for.
type grant struct {
	email   string
	expires time.Time
}

// SetRoles gives an account these roles and no others.
func (g *Google) SetRoles(email string, roles ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.accounts[email]; a != nil {
		a.Roles = roles
	}
}

// ForgetTokens makes every access token given out so far invalid.
func (g *Google) ForgetTokens() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.issued)
}

// Secrets are all tokens and keys given out so far: none of them may ever be
// seen anywhere but on its way.
func (g *Google) Secrets() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.secrets)
}

// AccessToken makes an access token of an account's.
func (g *Google) AccessToken(email string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serial++
	token := fmt.Sprintf("ya29.access-%d-%s", g.serial, rand.Text())
	g.issued[token] = grant{email: email, expires: time.Now().Add(g.config.TokenLife)}
	g.secrets = append(g.secrets, token)
	return token
}

// holder is the account that an Authorization header's access token is of.
func (g *Google) holder(authorization string) (Account, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	granted, ok := g.issued[strings.TrimPrefix(authorization, "Bearer ")]
	if !ok || !time.Now().Before(granted.expires) || g.accounts[granted.email] == nil {
		return Account{}, false
	}
	return g.accounts[granted.email].Account, true
}

// has reports whether the account has one of the roles.
func (a Account) has(roles ...string) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(a.Roles, role) })
}

// claims are those of an ID token.
type claims struct {
	Audience string `json:"aud"`
	Email    string `json:"email,omitempty"`
	Subject  string `json:"sub"`
	Issuer   string `json:"iss"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// IDToken makes an ID token of an account's; withEmail as the caller asks for it.
func (g *Google) IDToken(email, audience string, withEmail bool) string {
	now := time.Now()
	c := claims{
		Audience: audience,
		Subject:  "1",
		Issuer:   "https://accounts.google.com",
		Issued:   now.Unix(),
		Expires:  now.Add(g.config.TokenLife).Unix(),
	}
	if withEmail {
		c.Email = email
	}
	payload, _ := json.Marshal(c) // of text and numbers
	signed := encode([]byte(`{"alg":"RS256"}`)) + "." + encode(payload)
	token := signed + "." + g.sign(signed)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.secrets = append(g.secrets, token)
	return token
}

func (g *Google) sign(text string) string {
	mac := hmac.New(sha256.New, g.secret)
	mac.Write([]byte(text))
	return encode(mac.Sum(nil))
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Key makes a key for a service account, as a credentials file.
func (g *Google) Key(email string) []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil
	}
	der, _ := x509.MarshalPKCS8PrivateKey(key) // of a key that was just made
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accounts[email].key = key
	g.secrets = append(g.secrets, text, strings.Split(text, "\n")[1])
	return encodeJSON(map[string]any{
		"type": "service_account", "project_id": g.config.Project, "private_key_id": "1", "private_key": text,
		"client_email": email, "client_id": "1", "token_uri": "https://oauth2.googleapis.com/token",
	})
}

// Login logs a person in, and is the credentials file that gcloud leaves behind.
func (g *Google) Login(email string) []byte { return encodeJSON(g.login(email)) }

func (g *Google) login(email string) map[string]any {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serial++
	token := fmt.Sprintf("1//refresh-%d-%s", g.serial, rand.Text())
	g.refresh[token] = email
	g.secrets = append(g.secrets, token)
	return map[string]any{
		"type":          "authorized_user",
		"account":       email,
		"client_id":     "gcloud",
		"client_secret": "known to all",
		"refresh_token": token,
	}
}

// ForgetLogins ends every login.
func (g *Google) ForgetLogins() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.refresh)
}

// Impersonation is the credentials file that gcloud leaves behind where person
// acts as a service account.
func (g *Google) Impersonation(person, account string) []byte {
	return encodeJSON(map[string]any{
		"type": "impersonated_service_account",
		"service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" +
			account + ":generateAccessToken",
		"source_credentials": g.login(person),
		"delegates":          []string{},
	})
}
