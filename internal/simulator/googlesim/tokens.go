// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Metadata is the metadata server. It speaks plain HTTP, on an address that
// GCE_METADATA_HOST names.
func (g *Google) Metadata() http.Handler {
	const account = "/computeMetadata/v1/instance/service-accounts/default/"
	mux := http.NewServeMux()
	text := func(text func(*http.Request) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			switch {
			case r.Header.Get("Metadata-Flavor") != "Google":
				http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
			case strings.HasPrefix(r.URL.Path, account) && g.config.Attached == "":
				http.Error(w, "Not Found", http.StatusNotFound)
			default:
				_, _ = w.Write([]byte(text(r)))
			}
		}
	}
	mux.HandleFunc("GET /computeMetadata/v1/project/project-id", text(func(*http.Request) string { return g.config.Project }))
	mux.HandleFunc("GET "+account+"email", text(func(*http.Request) string { return g.config.Attached }))
	mux.HandleFunc("GET "+account+"token", text(func(*http.Request) string {
		return string(g.tokenAnswer(g.config.Attached))
	}))
	mux.HandleFunc("GET "+account+"identity", text(func(r *http.Request) string {
		return g.IDToken(g.config.Attached, r.FormValue("audience"), r.FormValue("format") == "full")
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { g.unknown(w, r) })
	return g.orFailing("metadata", mux)
}

func (g *Google) orFailing(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f, ok := g.failure(host); ok {
			http.Error(w, f.body, f.status)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (g *Google) tokenAnswer(email string) []byte {
	return encodeJSON(map[string]any{
		"access_token": g.AccessToken(email), "token_type": "Bearer", "expires_in": int(g.config.TokenLife / time.Second),
	})
}

// token is the token endpoint.
func (g *Google) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/token" {
		g.unknown(w, r)
		return
	}
	switch r.PostFormValue("grant_type") {
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		email, audience, ok := g.assertion(r.PostFormValue("assertion"))
		switch {
		case !ok:
			writeJSON(w, http.StatusBadRequest, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
		case audience != "":
			writeJSON(w, http.StatusOK, string(encodeJSON(map[string]any{"id_token": g.IDToken(email, audience, true)})))
		default:
			writeJSON(w, http.StatusOK, string(g.tokenAnswer(email)))
		}
	case "refresh_token":
		g.mu.Lock()
		email, ok := g.refresh[r.PostFormValue("refresh_token")]
		g.mu.Unlock()
		if !ok {
			writeJSON(w, http.StatusBadRequest, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`)
			return
		}
		writeJSON(w, http.StatusOK, string(g.tokenAnswer(email)))
	default:
		g.unknown(w, r)
	}
}

// assertion reads a JWT that a service account's key has signed (RFC 7523).
func (g *Google) assertion(jwt string) (email, audience string, ok bool) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return "", "", false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
		Target   string `json:"target_audience"`
	}
	if err != nil || json.Unmarshal(payload, &c) != nil || c.Audience != "https://oauth2.googleapis.com/token" {
		return "", "", false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return "", "", false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.secrets = append(g.secrets, jwt)
	a := g.accounts[c.Issuer]
	if a == nil || a.key == nil {
		return "", "", false
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(&a.key.PublicKey, crypto.SHA256, digest[:], signature) != nil {
		return "", "", false
	}
	return c.Issuer, c.Target, true
}

// impersonate is IAM's generateAccessToken and generateIdToken.
func (g *Google) impersonate(w http.ResponseWriter, r *http.Request) {
	name, found := strings.CutPrefix(r.URL.Path, "/v1/projects/-/serviceAccounts/")
	email, method, _ := strings.Cut(name, ":")
	if r.Method != http.MethodPost || !found {
		g.unknown(w, r)
		return
	}
	caller, ok := g.holder(r.Header.Get("Authorization"))
	switch {
	case !ok:
		apiError(w, http.StatusUnauthorized, "UNAUTHENTICATED", "", "Request had invalid authentication credentials.")
		return
	case !slices.Contains(caller.MayActAs, email):
		apiError(w, http.StatusForbidden, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED",
			"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).")
		return
	}
	var body struct {
		Audience     string `json:"audience"`
		IncludeEmail bool   `json:"includeEmail"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body) // an empty one asks for nothing
	switch method {
	case "generateAccessToken":
		expires := time.Now().Add(g.config.TokenLife).UTC().Format(time.RFC3339)
		writeJSON(w, http.StatusOK, string(encodeJSON(map[string]any{"accessToken": g.AccessToken(email), "expireTime": expires})))
	case "generateIdToken":
		writeJSON(w, http.StatusOK, string(encodeJSON(map[string]any{"token": g.IDToken(email, body.Audience, body.IncludeEmail)})))
	default:
		g.unknown(w, r)
	}
}

func writeJSON(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// apiError is an error of Google's APIs.
func apiError(w http.ResponseWriter, status int, code, reason, message string) {
	problem := map[string]any{"code": status, "status": code, "message": message}
	if reason != "" {
		problem["details"] = []any{map[string]any{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com",
			"metadata": map[string]any{"consumer": "projects/123456"},
		}}
	}
	writeJSON(w, status, string(encodeJSON(map[string]any{"error": problem})))
}
