// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// front stands before the web servers.
func (g *Google) front(w http.ResponseWriter, r *http.Request, host string) {
	e, ok := g.find(func(e *Environment) bool { return e.Host == host })
	switch {
	case !ok:
		page(w, http.StatusNotFound, "404. That's an error. The requested URL was not found on this server.")
	case !e.admits(g.config.Caller):
		page(w, http.StatusForbidden, "403. That's an error. Access is denied by the network access control.")
	case e.Bare:
		e.Airflow.ServeHTTP(w, r)
	case e.ClientID != "":
		g.iap(w, r, e)
	default:
		g.composer(w, r, e)
	}
}

// admits goes by the network access control.
func (e *Environment) admits(caller netip.Addr) bool {
	allows := func(text string) bool {
		prefix, err := netip.ParsePrefix(text)
		return err == nil && prefix.Contains(caller)
	}
	return e.Allowed == nil || slices.ContainsFunc(e.Allowed, allows)
}

// composer is the front of Composer 2 and 3: it asks for an access token of an
// account that may use the environment.
func (g *Google) composer(w http.ResponseWriter, r *http.Request, e Environment) {
	caller, ok := g.holder(r.Header.Get("Authorization"))
	switch {
	case r.Header.Get("Authorization") == "":
		w.Header().Set("Location", "https://accounts.google.com/ServiceLogin?continue=https://"+e.Host+r.URL.Path)
		page(w, http.StatusFound, "Moved temporarily")
	case !ok:
		page(w, http.StatusUnauthorized, "401. That's an error. Your client does not have permission to the requested URL.")
	case !caller.has("roles/composer.user", "roles/owner"):
		page(w, http.StatusForbidden, "403. That's an error. Your client does not have permission to get this URL.")
	default:
		g.backend(w, r, e, caller)
	}
}

// iap is Identity-Aware Proxy.
func (g *Google) iap(w http.ResponseWriter, r *http.Request, e Environment) {
	refuse := func(status int, sentence string) {
		w.Header().Set("X-Goog-IAP-Generated-Response", "true")
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(sentence))
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		if r.Method == http.MethodPost || !strings.Contains(r.Header.Get("Accept"), "text/html") {
			refuse(http.StatusUnauthorized, "Invalid IAP credentials: empty token")
			return
		}
		w.Header().
			Set("Location", "https://accounts.google.com/o/oauth2/v2/auth?client_id="+e.ClientID+"&response_type=code&scope=openid+email&state=x")
		refuse(http.StatusFound, "Invalid IAP credentials: empty token")
		return
	}
	c, problem := g.read(token)
	caller, known := g.byEmail(c.Email)
	switch {
	case problem != "":
		refuse(http.StatusUnauthorized, "Invalid IAP credentials: "+problem)
	case c.Audience != e.ClientID:
		refuse(http.StatusUnauthorized, "Invalid IAP credentials: Invalid bearer token. Invalid JWT audience.")
	case c.Email == "":
		refuse(http.StatusUnauthorized, "Invalid IAP credentials: JWT 'email' claim isn't a string")
	case !known || !caller.has("roles/composer.user", "roles/iap.httpsResourceAccessor", "roles/owner"):
		refuse(http.StatusForbidden, "You don't have access")
	default:
		g.backend(w, r, e, caller)
	}
}

// read verifies an ID token, and says what is wrong with it.
func (g *Google) read(token string) (claims, string) {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, "Unable to parse JWT"
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, "Unable to parse JWT"
	}
	if g.sign(parts[0]+"."+parts[1]) != parts[2] {
		return c, "JWT signature is invalid"
	}
	if time.Now().Unix() >= c.Expires {
		return c, "Expired JWT"
	}
	return c, ""
}

func (g *Google) byEmail(email string) (Account, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.accounts[email]
	if a == nil {
		return Account{}, false
	}
	return a.Account, true
}

// longestEmail is what Airflow's column of e-mails holds before 2.3.0.
const longestEmail = 64

// backend is Composer's own: it takes the caller that the front has named for a
// user of Airflow's, and registers it where it can.
func (g *Google) backend(w http.ResponseWriter, r *http.Request, e Environment, caller Account) {
	if len(caller.Email) > longestEmail && e.before23() && !slices.Contains(e.Registered, caller.ID) {
		w.Header().Set("WWW-Authenticate", "Composer")
		if strings.HasPrefix(r.URL.Path, "/api/v1/") {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"detail":null,"status":401,"title":"Unauthorized","type":"about:blank"}`))
			return
		}
		page(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	user := strings.ToLower(e.Role)
	if user == "" {
		user = "op"
	}
	signedIn := r.Clone(r.Context())
	signedIn.Header.Del("Authorization")
	signedIn.RequestURI = ""
	if strings.HasPrefix(r.URL.Path, "/api/v2/") {
		signedIn.Header.Set("Authorization", "Bearer "+signIn(r, e.Airflow, user))
	} else {
		signedIn.SetBasicAuth(user, user)
	}
	e.Airflow.ServeHTTP(w, signedIn)
}

// before23 reports whether the environment's Airflow is older than 2.3.0.
func (e *Environment) before23() bool {
	return regexp.MustCompile(`-airflow-(1\.|2\.[0-2]\.)`).MatchString(e.Image)
}

// signIn has Airflow 3 make a token, as Composer's auth manager does by itself.
func signIn(r *http.Request, airflow http.Handler, user string) string {
	body := encodeJSON(map[string]any{"username": user, "password": user})
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://airflow/auth/token", bytes.NewReader(body))
	if err != nil {
		return ""
	}
	req.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	airflow.ServeHTTP(answer, req)
	var token struct {
		Token string `json:"access_token"`
	}
	_ = json.Unmarshal(answer.Body.Bytes(), &token) // no token is refused by Airflow itself
	return token.Token
}

// page is an answer of the front's: HTML, and not marked as any proxy's.
func page(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!DOCTYPE html><html><title>Error</title><p>" + sentence + "</html>"))
}
