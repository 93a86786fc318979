// SPDX-License-Identifier: Apache-2.0

package identity

import "example.com/dagtrigger/internal/cause"

// reason names a row of [Causes].
type reason string

const (
	causeSecretFile      reason = "secret-file"
	causeNoGoogle        reason = "google-credentials-missing"
	causeGoogleFile      reason = "google-credentials-file"
	causeNoAccount       reason = "google-account-missing"
	causeMetadata        reason = "google-metadata-server"
	causeLoginExpired    reason = "google-login-expired"
	causeKeyRefused      reason = "google-key-refused"
	causeImpersonation   reason = "google-impersonation-denied"
	causeIAMDisabled     reason = "google-iam-credentials-disabled"
	causeTokenServer     reason = "google-token-server"
	causeUserIDToken     reason = "iap-user-login"
	causeIAPDiscovery    reason = "iap-client-id"
	causeIAPElsewhere    reason = "iap-not-used"
	causePasswordRefused reason = "password-refused"
	causeNoTokenEndpoint reason = "password-endpoint-missing"
	causePasswordFields  reason = "password-fields"
	causePasswordFailed  reason = "password-failed"
	causePasswordAnswer  reason = "password-answer"
	causeHeaders         reason = "headers"
	causeOAuth2Refused   reason = "oauth2-refused"
	causeOAuth2Answer    reason = "oauth2-answer"
	causeOAuth2NoAnswer  reason = "oauth2-no-answer"
	causeClientCert      reason = "client-certificate"
)

// Causes is the table of why credentials cannot be obtained, each with its fix.
//
// Sources: https://cloud.google.com/docs/authentication/application-default-credentials,
// https://cloud.google.com/iam/docs/service-account-impersonation,
// https://cloud.google.com/iap/docs/authentication-howto,
// https://airflow.apache.org/docs/apache-airflow/stable/security/api.html.
func Causes() []cause.Cause {
	row := func(name reason, means, fix string) cause.Cause {
		return cause.Cause{Name: string(name), Means: means, Fix: fix}
	}
	return []cause.Cause{
		row(causeSecretFile, "the secret's file FILE cannot be used", "mount the secret there, alone in the file and on one line"),
		row(causeNoGoogle, "no Google credentials were found",
			"give the function a service account (--service-account), or on a laptop: gcloud auth application-default login "+
				"--impersonate-service-account=ACCOUNT"),
		row(causeGoogleFile, "the file FILE of GOOGLE_APPLICATION_CREDENTIALS cannot be used",
			"name a readable credentials file, or unset GOOGLE_APPLICATION_CREDENTIALS"),
		row(causeNoAccount, "the metadata server knows no service account",
			"give the function one: gcloud run services update SERVICE --region=REGION --service-account=ACCOUNT"),
		row(causeMetadata, "the metadata server gives no token",
			"see that the service account ACCOUNT exists and is enabled: gcloud iam service-accounts describe ACCOUNT"),
		row(causeLoginExpired, "the login has expired or was revoked", "gcloud auth application-default login"),
		row(causeKeyRefused, "the key of ACCOUNT is refused: it was deleted, its account is disabled, or this clock is wrong",
			"gcloud iam service-accounts keys list --iam-account=ACCOUNT"),
		row(causeImpersonation, "the caller may not act as ACCOUNT",
			"gcloud iam service-accounts add-iam-policy-binding ACCOUNT --project=PROJECT --member=user:EMAIL "+
				"--role=roles/iam.serviceAccountTokenCreator"),
		row(causeIAMDisabled, "the IAM Service Account Credentials API is not enabled in the project of ACCOUNT",
			"gcloud services enable iamcredentials.googleapis.com --project=PROJECT"),
		row(causeTokenServer, "Google's token server gives no token", "try again; see https://status.cloud.google.com"),
		row(causeUserIDToken, "a user's own login cannot make the ID token that Identity-Aware Proxy asks for",
			"act as a service account: gcloud auth application-default login --impersonate-service-account=ACCOUNT"),
		row(causeIAPDiscovery, "the IAP client id could not be discovered at URL",
			"set AIRFLOW_IAP_CLIENT_ID to the client_id in what this prints: curl -s -o /dev/null -w '%{redirect_url}' -H 'Accept: "+
				"text/html' 'URL'"),
		row(causeIAPElsewhere, "URL is a Composer 2 or 3 web server, which stands behind no Identity-Aware Proxy and takes an access token",
			"set AIRFLOW_AUTH to google, or leave it out"),
		row(causePasswordRefused, "the web server refuses AIRFLOW_USERNAME and AIRFLOW_PASSWORD",
			"check both; many releases issue tokens to users of Airflow's database only, not of LDAP, OAuth or SAML: "+
				"create one with airflow users create, or set AIRFLOW_AUTH to bearer"),
		row(causeNoTokenEndpoint, "URL issues no tokens",
			"set AIRFLOW_URL to the web server's root; for Airflow 2 set AIRFLOW_AUTH to basic; where a proxy redirects to its login page, "+
				"let /auth/token through"),
		row(causePasswordFields, "URL does not accept a user and a password",
			"see the body that the auth manager's page wants; or create the token elsewhere, and set AIRFLOW_AUTH to bearer"),
		row(causePasswordFailed, "URL failed", "see the API server's log: the auth manager failed to check the user"),
		row(causePasswordAnswer, "URL did not return a token", "see the API server's log, and check AIRFLOW_URL"),
		row(causeHeaders, "the headers of AIRFLOW_HEADERS or AIRFLOW_HEADERS_FILE are invalid", "write one Name: value on each line"),
		row(causeOAuth2Refused, "the identity provider refuses the client",
			"check AIRFLOW_OAUTH2_CLIENT_ID, AIRFLOW_OAUTH2_CLIENT_SECRET and AIRFLOW_OAUTH2_SCOPE, and that the client may use the grant "+
				"client_credentials"),
		row(causeOAuth2Answer, "URL did not return a token",
			"check AIRFLOW_OAUTH2_TOKEN_URL: it is the token_endpoint of the provider's .well-known/openid-configuration"),
		row(causeOAuth2NoAnswer, "URL did not return a token", "check AIRFLOW_OAUTH2_TOKEN_URL, and that the function can reach it"),
		row(causeClientCert, "the client certificate FILE cannot be used",
			"give a certificate and its private key in PEM form, in AIRFLOW_CLIENT_CERT_FILE and AIRFLOW_CLIENT_KEY_FILE"),
	}
}

// error is the cause as it was met, see [cause.Met].
func (r reason) error(err error, known ...string) *cause.Error {
	return cause.Met(Causes(), string(r), err, known...)
}
