// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
)

// connector is a setting of the connection to an Airflow: an environment
// variable, see [Variable], and a key of an environment in a routes file.
type connector struct {
	field   string
	preset  string
	meaning string
	example string
	words   []string // the values that are accepted; nil for anything
	secret  bool
	to      func(*environment.Spec) any // a *string, *bool, *int64 or *time.Duration
}

// connection are the settings of a connection, in the order of the reference.
func connection() []connector {
	all := append(addressSettings(), credentialSettings()...)
	all = append(all, frontSettings()...)
	return append(all, callSettings()...)
}

func addressSettings() []connector {
	return []connector{
		{field: environment.FieldComposer,
			meaning: "`projects/P/locations/L/environments/E`: web server, Airflow version and auth are looked up on first need; or",
			example: "projects/acme/locations/europe-west1/environments/prod", to: func(s *environment.Spec) any { return &s.Composer }},
		{field: environment.FieldOutbox,
			meaning: "`projects/P/topics/T`: the runs are published to this topic, for an Airflow that no request can reach, and a DAG there " +
				"starts them, see deploy/outbox.md; or",
			example: "projects/acme-data/topics/dagtrigger-outbox", to: func(s *environment.Spec) any { return &s.Outbox }},
		{field: environment.FieldURL, meaning: "the web server's address; it may end in a slash or have a path",
			example: "https://airflow.example.com", to: func(s *environment.Spec) any { return &s.URL }},
		{field: environment.FieldAPI, preset: "`auto`",
			meaning: "`auto` requests the version once; `v2` (Airflow 3), `v1` (Airflow 2) and `experimental` (Airflow 1.10) request nothing",
			example: "v2", words: []string{string(airflow.Auto), string(airflow.V2), string(airflow.V1), string(airflow.Experimental)},
			to: func(s *environment.Spec) any { return &s.API }},
		{field: environment.FieldAuth, preset: "`google` for Composer hosts, `none` for loopback",
			meaning: "`google` (access token of the runtime service account), `iap` (its ID token, for Composer 1 and any Airflow behind " +
				"Identity-Aware Proxy), `id_token` (its ID token for `AIRFLOW_AUDIENCE`, for Airflow on Cloud Run), `basic`, `password` (Airflow " +
				"3's own token), " +
				"`bearer`, `oauth2` (a token of Keycloak, Entra, Okta… for client credentials), `none`; any other host needs a choice",
			example: "basic", words: []string{
				identity.KindGoogle, identity.KindIAP, identity.KindIDToken, identity.KindBasic, identity.KindPassword,
				identity.KindBearer, identity.KindOAuth2, identity.KindNone,
			},
			to: func(s *environment.Spec) any { return &s.Auth }},
	}
}

func credentialSettings() []connector {
	return []connector{
		{field: environment.FieldUsername, meaning: "for `basic` and `password`",
			example: "robot", to: func(s *environment.Spec) any { return &s.Username }},
		{field: environment.FieldPassword, meaning: "for `basic` and `password`",
			example: "not-this-one", secret: true, to: func(s *environment.Spec) any { return &s.Password }},
		{field: environment.FieldPasswordFile, meaning: "a file with the password instead, read again when it changes",
			example: "/secrets/airflow", to: func(s *environment.Spec) any { return &s.PasswordFile }},
		{field: environment.FieldToken, meaning: "for `bearer`",
			example: "not-this-one", secret: true, to: func(s *environment.Spec) any { return &s.Token }},
		{field: environment.FieldTokenFile, meaning: "a file with the token instead, read again when it changes",
			example: "/secrets/token", to: func(s *environment.Spec) any { return &s.TokenFile }},
		{field: environment.FieldOAuth2TokenURL, meaning: "for `oauth2`: the `token_endpoint` of the provider's " +
			"`.well-known/openid-configuration`",
			example: "https://id.example.com/realms/acme/protocol/openid-connect/token",
			to:      func(s *environment.Spec) any { return &s.OAuth2TokenURL }},
		{field: environment.FieldOAuth2ClientID, meaning: "for `oauth2`",
			example: "dagtrigger", to: func(s *environment.Spec) any { return &s.OAuth2ClientID }},
		{field: environment.FieldOAuth2ClientSecret, meaning: "for `oauth2`",
			example: "not-this-one", secret: true, to: func(s *environment.Spec) any { return &s.OAuth2ClientSecret }},
		{field: environment.FieldOAuth2ClientSecretFile, meaning: "a file with the client's secret instead, read again when it changes",
			example: "/secrets/client", to: func(s *environment.Spec) any { return &s.OAuth2ClientSecretFile }},
		{field: environment.FieldOAuth2Scope, meaning: "for `oauth2`: the scope, several with blanks between them, such as " +
			"`api://airflow/.default` for Entra",
			example: "openid", to: func(s *environment.Spec) any { return &s.OAuth2Scope }},
	}
}

// frontSettings are for what stands in front of Airflow.
func frontSettings() []connector {
	return []connector{
		{field: environment.FieldIAPClientID, preset: "discovered for `iap`",
			meaning: "for `iap`: the OAuth client id of Identity-Aware Proxy. Beside `basic`, `password`, `bearer` or `oauth2`, an ID token " +
				"for it is sent " +
				"in `Proxy-Authorization`, for an Airflow with its own credentials behind Identity-Aware Proxy",
			example: "4711-abc.apps.googleusercontent.com", to: func(s *environment.Spec) any { return &s.IAPClientID }},
		{field: environment.FieldAudience, preset: "the web server's address without its path, for `id_token`",
			meaning: "for `id_token`: what the ID token is for. Beside `basic`, `password`, `bearer` or `oauth2`, the ID token is sent in " +
				"`X-Serverless-Authorization`, for an Airflow with its own credentials on Cloud Run",
			example: "https://airflow-4711.a.run.app", to: func(s *environment.Spec) any { return &s.Audience }},
		{field: environment.FieldHeaders,
			meaning: "headers that are added to each request to the web server, such as a gateway's key: one `Name: value` on each line. " +
				"Their values are secrets",
			example: "'X-Api-Key: not-this-one'", secret: true, to: func(s *environment.Spec) any { return &s.Headers }},
		{field: environment.FieldHeadersFile, meaning: "a file with the headers instead, read again when it changes",
			example: "/secrets/headers", to: func(s *environment.Spec) any { return &s.HeadersFile }},
		{field: environment.FieldClientCertFile,
			meaning: "a TLS client certificate in PEM form, for a web server that requires one; read again when it changes. " +
				"`SSL_CERT_FILE` names the certificates of an authority that the system does not know",
			example: "/secrets/client.pem", to: func(s *environment.Spec) any { return &s.ClientCertFile }},
		{field: environment.FieldClientKeyFile, meaning: "the private key of `AIRFLOW_CLIENT_CERT_FILE`",
			example: "/secrets/client.key", to: func(s *environment.Spec) any { return &s.ClientKeyFile }},
	}
}

func callSettings() []connector {
	return []connector{
		{field: environment.FieldInsecure, preset: "`false`",
			meaning: "`true` allows http to other than loopback: credentials and conf then travel in plain text",
			example: "true", to: func(s *environment.Spec) any { return &s.Insecure }},
		{field: environment.FieldTimeout, preset: "`90s`",
			meaning: "for one call to Airflow, always within the request's own deadline (300 s where the platform sets none)",
			example: "30s", to: func(s *environment.Spec) any { return &s.Timeout }},
		{field: environment.FieldMaxInFlight, preset: "`80`",
			meaning: "how many calls to Airflow one instance may have under way: it finds how many Airflow takes, and goes no higher than this",
			example: "8", to: func(s *environment.Spec) any { return &s.MaxInFlight }},
	}
}

// Variable is the environment variable that sets a field of [environment.Spec].
func Variable(field string) string {
	if field == environment.FieldComposer {
		return "COMPOSER_ENVIRONMENT"
	}
	return "AIRFLOW_" + strings.ToUpper(field)
}

// Credentials are the keys of s that are about its caller, and not about where it is
// or how it is called: those that something else than that Airflow ignores.
func Credentials(s environment.Spec) (keys []string) {
	for _, k := range append(credentialSettings(), frontSettings()...) {
		if text, ok := k.to(&s).(*string); ok && *text != "" {
			keys = append(keys, k.field)
		}
	}
	if s.Auth != "" {
		keys = append([]string{environment.FieldAuth}, keys...)
	}
	return keys
}

// ConnectionVariables are the environment variables of a connection.
func ConnectionVariables() []string {
	var names []string
	for _, k := range connection() {
		names = append(names, Variable(k.field))
	}
	return names
}

// SecretVariables are the environment variables whose value is a secret, those of
// OpenTelemetry among them, which can hold the collector's API key:
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
func SecretVariables() []string {
	names := []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"}
	for _, k := range connection() {
		if k.secret {
			names = append(names, Variable(k.field))
		}
	}
	return names
}
