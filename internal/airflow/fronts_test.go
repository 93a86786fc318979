// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

// fronts are what refuses a caller, in its own form.
func fronts(status int) map[string]reply {
	page := fmt.Sprintf("<html><head><title>%d</title></head></html>", status)
	return map[string]reply{
		"Airflow":  json(status, `{"detail":"No"}`),
		"Composer": json(status, `{"detail":"No"}`).with("WWW-Authenticate", "Composer"),
		"Google":   html(status),
		"IAP":      answer(status, "text/html", "Invalid IAP credentials: empty token").with("X-Goog-IAP-Generated-Response", "true"),
		"Kong":     json(status, `{"message":"No API key found in request"}`).with("Server", "kong/3.4.2"),
		"AWS": json(status, `{"message":"Missing Authentication Token"}`).with("x-amzn-ErrorType",
			"MissingAuthenticationTokenException"),
		"Istio":        answer(status, "text/plain", "RBAC: access denied").with("Server", "istio-envoy"),
		"oauth2-proxy": answer(status, "text/html", page).with("Location", "https://login.example.com/oauth2/start"),
		"Cloudflare":   answer(status, "text/html", page).with("Server", "cloudflare"),
		"nginx":        answer(status, "text/html", page).with("Server", "nginx").with("WWW-Authenticate", `Basic realm="airflow"`),
	}
}

// Whatever refuses a caller, and however it signs in: there is a fix, and none
// is impossible.
func TestEveryRefusalNamesItsFix(t *testing.T) {
	t.Parallel()
	kinds := []string{"google", "iap", "basic", "password", "bearer", "oauth2", "id_token", "none"}
	statuses := []int{302, 401, 403, 404, 405, 407, 429, 500, 502, 503}
	for _, api := range []airflow.API{airflow.V2, airflow.V1, airflow.Experimental} {
		for _, status := range statuses {
			for front, reply := range fronts(status) {
				for _, auth := range kinds {
					for _, lookedUp := range []bool{false, true} {
						t.Run(fmt.Sprint(api, status, front, auth, lookedUp), func(t *testing.T) {
							t.Parallel()
							server := serve(t, script{post(api): reply})
							client := newClient(t, airflow.Config{URL: server.URL, API: api, Credentials: &credentials{kind: auth}, LookedUp: lookedUp})
							_, err := client.Trigger(t.Context(), sales())
							possible(t, asError(t, err), front, auth)
						})
					}
				}
			}
		}
	}
}

// possible fails the test where a hint gives no fix, or one that cannot help.
func possible(t *testing.T, e *airflow.Error, front, auth string) {
	t.Helper()
	if e.Hint == "" {
		t.Errorf("no fix: %v", e)
	}
	wrong := func(when bool, advice string) {
		if when && strings.Contains(e.Hint, advice) {
			t.Errorf("%s cannot help: %v", advice, e)
		}
	}
	refused := e.Kind == airflow.Unauthorized || e.Kind == airflow.Forbidden
	wrong(e.LookedUp, "set AIRFLOW_URL to")
	wrong(e.LookedUp, "check AIRFLOW_URL")
	wrong(front == "Composer" && e.Kind == airflow.Unauthorized, "roles/composer.user")
	wrong(front == "Airflow" && e.Kind == airflow.Forbidden, "roles/composer.user")
	wrong(true, "composer_auth_user_registration_role")
	wrong(true, "login page takes")
	wrong(auth != "bearer" && auth != "password", "renew AIRFLOW_TOKEN")
	wrong(auth != "iap" && auth != "google" && refused, "gcloud composer")
	wrong(auth == "iap", "set AIRFLOW_AUTH to iap")
	wrong(auth == "basic" && e.API == airflow.V1, "set AIRFLOW_AUTH to basic")
	wrong(front != "IAP" && auth != "iap" && refused, "Identity-Aware Proxy")
}

func TestGatewayMessageIsQuoted(t *testing.T) {
	t.Parallel()
	for front, want := range map[string]string{
		"Kong":       "401 application/json: answered by Kong (Server: kong/3.4.2): No API key found in request; ",
		"AWS":        "401 application/json: answered by AWS (a load balancer or API Gateway): Missing Authentication Token; ",
		"Istio":      "401 text/plain: answered by Envoy or Istio (Server: istio-envoy): RBAC: access denied; ",
		"Cloudflare": "401 text/html: answered by Cloudflare (Server: cloudflare); ",
		"nginx":      `401 text/html: answered by nginx (Server: nginx; WWW-Authenticate: Basic realm="airflow"); `,
	} {
		server := serve(t, script{postV2: fronts(http.StatusUnauthorized)[front]})
		client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2, Credentials: &credentials{kind: "bearer"}})
		_, err := client.Trigger(t.Context(), sales())
		if !strings.HasPrefix(asError(t, err).Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// tlsServer answers by https with a certificate for 127.0.0.1 and example.com.
func tlsServer(t *testing.T, c *tls.Config) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	server.TLS, server.Config.ErrorLog = c, log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return server, pool
}

func TestTLSErrorsAreDistinguishedFromDNSErrors(t *testing.T) {
	t.Parallel()
	trusting, roots := tlsServer(t, nil)
	requiring, rootsToo := tlsServer(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12})
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	tests := []struct {
		name, url string
		roots     *x509.CertPool
		dial      error
		reach     airflow.Reach
		fix       string
	}{
		{"unknown authority", trusting.URL, x509.NewCertPool(), nil, airflow.UnknownAuthority,
			"name the authority's certificate in SSL_CERT_FILE"},
		{"wrong name", strings.Replace(trusting.URL, "127.0.0.1", "localhost", 1), roots, nil, airflow.WrongName,
			"set AIRFLOW_URL to a name that the certificate has"},
		{"client certificate", requiring.URL, rootsToo, nil, airflow.NoClientCert, "set AIRFLOW_CLIENT_CERT_FILE"},
		{"http port", strings.Replace(plain.URL, "http:", "https:", 1), roots, nil, airflow.NotTLS, "correct the port of AIRFLOW_URL"},
		{"unknown name", "https://airflow.example.com", nil, &net.DNSError{Err: "no such host", IsNotFound: true}, airflow.UnknownName,
			"check the host in AIRFLOW_URL"},
		{"refused", "https://airflow.example.com", nil, errors.New("connection refused"), "", "check AIRFLOW_URL, and the function's way out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			transport := airflow.NewTransport(1)
			transport.TLSClientConfig = &tls.Config{RootCAs: tt.roots, MinVersion: tls.VersionTLS12}
			if tt.dial != nil {
				transport.Dial = func(string, string) (net.Conn, error) { return nil, tt.dial } //nolint:staticcheck // the shorter one
			}
			t.Cleanup(transport.CloseIdleConnections)
			client := newClient(t, airflow.Config{URL: tt.url, API: airflow.V2, Transport: transport})
			_, err := client.Trigger(t.Context(), sales())
			if e := asKind(t, err, airflow.Network); e.Reach != tt.reach || !strings.Contains(e.Hint, tt.fix) {
				t.Errorf("reach %q, want %q: %v", e.Reach, tt.reach, e)
			}
		})
	}
}
