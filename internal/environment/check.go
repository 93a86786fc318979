// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/composer"
	"example.com/dagtrigger/internal/identity"
)

// The fields of a [Spec] as problems name them before they are given the name
// under which the operator wrote them.
const (
	FieldComposer     = "composer"
	FieldOutbox       = "outbox"
	FieldURL          = "url"
	FieldAPI          = "api"
	FieldAuth         = "auth"
	FieldIAPClientID  = "iap_client_id"
	FieldAudience     = "audience"
	FieldUsername     = "username"
	FieldPassword     = "password"
	FieldPasswordFile = "password_file"
	FieldToken        = "token"
	FieldTokenFile    = "token_file"

	FieldOAuth2TokenURL         = "oauth2_token_url"
	FieldOAuth2ClientID         = "oauth2_client_id"
	FieldOAuth2ClientSecret     = "oauth2_client_secret"
	FieldOAuth2ClientSecretFile = "oauth2_client_secret_file"
	FieldOAuth2Scope            = "oauth2_scope"

	FieldHeaders        = "headers"
	FieldHeadersFile    = "headers_file"
	FieldClientCertFile = "client_cert_file"
	FieldClientKeyFile  = "client_key_file"

	FieldInsecure    = "insecure"
	FieldTimeout     = "timeout"
	FieldMaxInFlight = "max_in_flight"
)

// Problem is something in a [Spec] that is invalid, and its fix.
type Problem struct {
	Field string // one of the Field constants
	What  string
	Fix   string
}

// Problems are the problems of one Spec, all at once.
type Problems []Problem

func (f Problems) Error() string {
	lines := make([]string, len(f))
	for i, problem := range f {
		lines[i] = problem.What + ": " + problem.Fix
	}
	return strings.Join(lines, "\n")
}

// MinTimeout and MaxTimeout bound the time for one call. A function runs for an hour at most:
// https://cloud.google.com/run/docs/configuring/request-timeout
const (
	MinTimeout = time.Second
	MaxTimeout = time.Hour
)

// Check returns all that is invalid in s at once. name turns a field into the name
// under which the operator wrote it, such as AIRFLOW_URL for url.
func (s Spec) Check(name func(field string) string) Problems {
	c := &checker{spec: s, name: name}
	if s.Outbox != "" {
		c.outbox()
		return c.problems
	}
	c.api()
	c.timeout()
	if s.Composer != "" {
		c.composer()
		return c.problems
	}
	c.url()
	c.auth()
	c.headers()
	c.certificate()
	return c.problems
}

type checker struct {
	spec     Spec
	name     func(string) string
	problems Problems
}

func (c *checker) problem(field, fix, format string, args ...any) {
	c.problems = append(c.problems, Problem{Field: field, What: c.name(field) + " " + fmt.Sprintf(format, args...), Fix: fix})
}

// composer checks an environment that is looked up: what it leaves to the
// operator besides its name is the kind of credentials where it is Composer's.
func (c *checker) composer() {
	if _, err := composer.ParseName(c.spec.Composer); err != nil {
		c.problem(FieldComposer, "write it as projects/PROJECT/locations/LOCATION/environments/ENVIRONMENT", "is no environment's name")
	}
	if c.spec.URL != "" {
		c.problem(FieldComposer, "leave one of them out", "and %s are both given", c.name(FieldURL))
	}
	if c.spec.Insecure {
		c.problem(FieldInsecure, "leave it out: Composer's web servers speak https", "is given, but %s does not use it", c.name(FieldComposer))
	}
	kind := c.spec.Auth
	if kind != "" && kind != identity.KindGoogle && kind != identity.KindIAP {
		c.problem(FieldAuth, "leave it out, or set it to google (Composer 2 and 3) or iap (Composer 1)",
			"is %q, which no Composer environment takes", kind)
		return
	}
	if c.spec.IAPClientID != "" {
		kind = identity.KindIAP
	}
	c.secrets(cmp.Or(kind, identity.KindGoogle))
	for _, given := range []struct{ field, value string }{
		{FieldHeaders, c.spec.Headers}, {FieldHeadersFile, c.spec.HeadersFile},
		{FieldClientCertFile, c.spec.ClientCertFile}, {FieldClientKeyFile, c.spec.ClientKeyFile},
	} {
		if given.value != "" {
			c.problem(given.field, "leave it out", "is given, but %s does not use it", c.name(FieldComposer))
		}
	}
}

func (c *checker) url() {
	if c.spec.URL == "" {
		c.problem(FieldURL, fmt.Sprintf("give the web server's address, such as "+
			"https://<id>-dot-<region>.composer.googleusercontent.com, or name the environment in %s",
			c.name(FieldComposer)), "is missing")
		return
	}
	u, err := url.Parse(c.spec.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		c.problem(FieldURL, "write it as https://HOST or https://HOST/PATH", "is no web address")
		return
	}
	if u.User != nil {
		c.problem(FieldURL, fmt.Sprintf("take them out, and set %s and %s", c.name(FieldUsername), c.name(FieldPassword)),
			"carries a user or a password")
	}
	if root, page := withoutPage(u); page != "" {
		c.problem(FieldURL, "use "+root, "ends in %s, which is a page of Airflow's", page)
		return
	}
	if strings.Contains(u.Hostname(), "%") {
		c.problem(FieldURL, "name a host", "has an address with a zone")
	}
	if u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		c.problem(FieldURL, "end it with the web server's path", "carries a query or a fragment")
	}
	if u.Scheme == "http" && !identity.IsLoopback(u.Hostname()) && !c.spec.Insecure {
		c.problem(FieldURL, fmt.Sprintf("use https, or allow plain text with %s=true", c.name(FieldInsecure)),
			"is http to %s, which sends credentials and conf in plain text", u.Hostname())
	}
	if u.Scheme == "http" && identity.IsComposer(u.Hostname()) {
		c.problem(FieldURL, "use https", "is http to a Composer host")
	}
}

// withoutPage takes off the page that a browser shows, or the path of an API,
// where the address was copied from there. page is empty where there is none.
func withoutPage(u *url.URL) (root, page string) {
	path := strings.TrimRight(u.Path, "/")
	for _, p := range []string{"/auth/login", "/auth/token", "/login", "/home", "/api/v1", "/api/v2", "/api/experimental"} {
		if base, ok := strings.CutSuffix(path, p); ok {
			return u.Scheme + "://" + u.Host + base, p
		}
	}
	return "", ""
}

// headers checks what the operator adds to each request.
func (c *checker) headers() {
	s := c.spec
	if s.Headers != "" && s.HeadersFile != "" {
		c.problem(FieldHeaders, "leave one of them out", "and %s are both given", c.name(FieldHeadersFile))
	}
	if s.Headers == "" {
		return
	}
	if _, err := identity.ParseHeaders(s.Headers); err != nil {
		c.problem(FieldHeaders, "write one Name: value on each line", "is invalid: %v", err)
	}
}

// certificate checks the client certificate.
func (c *checker) certificate() {
	s := c.spec
	given := FieldClientCertFile
	switch {
	case s.ClientCertFile == "" && s.ClientKeyFile == "":
		return
	case s.ClientKeyFile == "":
		c.problem(FieldClientKeyFile, "name the file of its private key", "is missing beside %s", c.name(FieldClientCertFile))
	case s.ClientCertFile == "":
		c.problem(FieldClientCertFile, "name the file of its certificate", "is missing beside %s", c.name(FieldClientKeyFile))
		given = FieldClientKeyFile
	}
	if strings.HasPrefix(s.URL, "http:") {
		c.problem(given, "use https", "is given, but %s is http", c.name(FieldURL))
	}
}

func (c *checker) api() {
	known := []string{string(airflow.Auto), string(airflow.V2), string(airflow.V1), string(airflow.Experimental)}
	if c.spec.API != "" && !slices.Contains(known, c.spec.API) {
		c.problem(FieldAPI, "use one of "+strings.Join(known, ", "), "is %q", c.spec.API)
	}
}

func (c *checker) timeout() {
	if t := c.spec.Timeout; t != 0 && (t < MinTimeout || t > MaxTimeout) {
		c.problem(FieldTimeout, fmt.Sprintf("use a duration from %s to %s, such as 90s", MinTimeout, MaxTimeout), "is %s", t)
	}
}

// kinds are the kinds of credentials, in the order in which they are proposed.
func kinds() []string {
	return []string{
		identity.KindGoogle, identity.KindIAP, identity.KindBasic, identity.KindPassword, identity.KindBearer,
		identity.KindOAuth2, identity.KindIDToken, identity.KindNone,
	}
}

func (c *checker) auth() {
	kind := c.spec.AuthKind()
	u, err := url.Parse(c.spec.URL)
	if err != nil || u.Host == "" {
		u = nil // reported already
	}
	switch {
	case kind == "" && u != nil:
		c.problem(FieldAuth, authChoice(u.Hostname()), "is missing, and %s tells no default", u.Hostname())
	case kind == "":
	case !slices.Contains(kinds(), kind):
		c.problem(FieldAuth, "use one of "+strings.Join(kinds(), ", "), "is %q", kind)
	case u != nil:
		c.reach(kind, u)
	}
	if kind != "" { // else nobody knows what it needs
		c.secrets(kind)
	}
}

// reach holds the kind against the host: where a token is of no use, or of too
// much.
func (c *checker) reach(kind string, u *url.URL) {
	if kind == identity.KindIAP && identity.IsComposer(u.Hostname()) {
		c.problem(FieldAuth, "leave it out, for google", "is iap for a Composer 2 or 3 host, which stands behind no Identity-Aware Proxy")
	}
	if kind != identity.KindGoogle || u.Scheme == "http" || u.User != nil {
		return // http and a user in the address are reported separately
	}
	if e := identity.CheckAccessToken(u, c.spec.Auth == kind, c.spec.Insecure); e != nil {
		c.problem(FieldAuth, e.Cause.Fix, "is google, but %s", e.What())
	}
}

func authChoice(host string) string {
	if identity.IsAppspot(host) {
		return "a Composer 1 web server stands behind Identity-Aware Proxy: iap; for another Airflow one of " + strings.Join(kinds(), ", ")
	}
	return "say how to sign in, one of " + strings.Join(kinds(), ", ")
}

// secrets compares the fields of credentials with the kind in force: what it
// needs must be there, and what it does not use must not, since it would be
// silently ignored.
func (c *checker) secrets(kind string) {
	s := c.spec
	user := kind == identity.KindBasic || kind == identity.KindPassword
	c.belongs(kind, user, FieldUsername, s.Username)
	if kind == identity.KindBasic && strings.Contains(s.Username, ":") { // RFC 7617, section 2
		c.problem(FieldUsername, "name a user without one", "has a colon, which basic authentication takes for the end of the name")
	}
	c.secret(kind, user, FieldPassword, s.Password, FieldPasswordFile, s.PasswordFile)
	c.secret(kind, kind == identity.KindBearer, FieldToken, s.Token, FieldTokenFile, s.TokenFile)
	c.oauth2(kind)
	c.idToken(kind)
}

// oauth2 checks what the identity provider needs.
func (c *checker) oauth2(kind string) {
	s, used := c.spec, kind == identity.KindOAuth2
	c.belongs(kind, used, FieldOAuth2TokenURL, s.OAuth2TokenURL)
	c.belongs(kind, used, FieldOAuth2ClientID, s.OAuth2ClientID)
	c.secret(kind, used, FieldOAuth2ClientSecret, s.OAuth2ClientSecret, FieldOAuth2ClientSecretFile, s.OAuth2ClientSecretFile)
	if !used {
		c.unused(kind, FieldOAuth2Scope, s.OAuth2Scope)
		return
	}
	if s.OAuth2TokenURL == "" {
		return
	}
	u, err := url.Parse(s.OAuth2TokenURL)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !identity.IsLoopback(u.Hostname())) {
		c.problem(FieldOAuth2TokenURL, "use the token_endpoint of the provider's .well-known/openid-configuration", "is not an https address")
	}
}

// idToken checks what makes an ID token, for the web server or for what stands
// in front of it.
func (c *checker) idToken(kind string) {
	s := c.spec
	own := slices.Contains([]string{identity.KindBasic, identity.KindPassword, identity.KindBearer, identity.KindOAuth2}, kind)
	switch {
	case kind != identity.KindIAP && !own:
		c.unused(kind, FieldIAPClientID, s.IAPClientID)
	case s.IAPClientID != "" && !identity.IsClientID(s.IAPClientID):
		c.problem(FieldIAPClientID, "write it as NUMBER-TEXT.apps.googleusercontent.com, or leave it out to have it discovered",
			"is not an OAuth client id")
	}
	if kind != identity.KindIDToken && !own {
		c.unused(kind, FieldAudience, s.Audience)
	}
	if own && s.IAPClientID != "" && s.Audience != "" {
		c.problem(FieldIAPClientID, "leave one of them out", "and %s are both given", c.name(FieldAudience))
	}
	u, err := url.Parse(s.URL)
	sends := kind == identity.KindIDToken || own && s.IAPClientID+s.Audience != ""
	if sends && err == nil && u.Scheme == "http" && !identity.IsLoopback(u.Hostname()) && s.Insecure {
		c.problem(FieldURL, "use https", "is http, over which an ID token is not sent")
	}
}

// belongs checks a field that is needed by the kinds that use it.
func (c *checker) belongs(kind string, used bool, field, value string) {
	if used {
		c.need(kind, field, value)
	} else {
		c.unused(kind, field, value)
	}
}

// secret checks a secret, which is given itself or as a file.
func (c *checker) secret(kind string, used bool, field, value, fileField, file string) {
	if used {
		c.oneOf(kind, field, value, fileField, file)
		return
	}
	c.unused(kind, field, value)
	c.unused(kind, fileField, file)
}

func (c *checker) need(kind, field, value string) {
	if value == "" {
		c.problem(field, fmt.Sprintf("%s=%s needs it", c.name(FieldAuth), kind), "is missing")
	}
}

func (c *checker) oneOf(kind, field, value, fileField, file string) {
	switch {
	case value == "" && file == "":
		c.problem(field, fmt.Sprintf("%s=%s needs it, or %s", c.name(FieldAuth), kind, c.name(fileField)), "is missing")
	case value != "" && file != "":
		c.problem(field, "leave one of them out", "and %s are both given", c.name(fileField))
	}
}

func (c *checker) unused(kind, field, value string) {
	if value == "" {
		return
	}
	c.problem(field, fmt.Sprintf("leave it out, or choose another %s", c.name(FieldAuth)),
		"is given, but %s=%s does not use it", c.name(FieldAuth), kind)
}
