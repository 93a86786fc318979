// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"net/http"
	"slices"
)

// Cause is one thing that can lie behind an [Error], and what to do about it.
// A condition that is empty is always met.
type Cause struct {
	Name  string // stable, such as iap-permission
	Kinds []Kind
	// When: conditions on the error, on AIRFLOW_AUTH, and on Airflow's version,
	// which where it is not known counts as old.
	APIs    []API
	Auth    []string
	Sources []Source
	Status  int    // of the answer
	Before  string // such as 2.3
	Reach   []Reach
	Fronts  []Front // of the answer; without any, a refusal of the caller is not by one that guards Airflow
	// Challenge is that of the answer, and Said is in its words.
	Challenge, Said string
	Unless          string // the challenge with which the cause does not fit
	Means           string
	Fix             string
	// LookedUp is the fix where the operator did not give the address; empty
	// where Fix holds for both.
	LookedUp string
	// Alone: where this cause fits, no other is reported.
	Alone bool
}

// Causes is the table of all causes, in the order in which a hint names them.
// It is the only place that says what a failure may mean, and its fix.
//
// Sources: Airflow's own code as named beside [Kind]'s table; Google's pages
// https://cloud.google.com/composer/docs/how-to/using/triggering-with-gcf,
// https://cloud.google.com/composer/docs/composer-2/access-airflow-api and
// https://cloud.google.com/iap/docs/faq.
func Causes() []Cause {
	return slices.Concat(credentialCauses(), frontCauses(), permissionCauses(), gatewayCauses(), requestCauses(), assetCauses(),
		serverCauses(), networkCauses())
}

func credentialCauses() []Cause {
	refused := []Kind{Unauthorized, Forbidden}
	notIAP := []Source{FromAirflow, FromElsewhere}
	return []Cause{
		{
			Name: "no-credentials", Kinds: refused, Auth: []string{"none"}, Sources: notIAP,
			Means: "no credentials were sent",
			Fix: "set AIRFLOW_AUTH (google for Composer, basic for Airflow 2, password or bearer for Airflow 3, iap behind IAP, id_token " +
				"on Cloud Run)",
		}, {
			Name: "wrong-password", Kinds: refused, Auth: []string{"basic"}, APIs: []API{Auto, V1, Experimental}, Sources: notIAP,
			Means: "the credentials are wrong, or the web server takes no basic authentication",
			Fix:   "check AIRFLOW_USERNAME and AIRFLOW_PASSWORD, and that [api] auth_backends names airflow.api.auth.backend.basic_auth",
		}, {
			Name: "basic-on-airflow-3", Kinds: refused, Auth: []string{"basic"}, APIs: []API{V2}, Sources: notIAP,
			Means: "Airflow 3 takes no basic authentication",
			Fix:   "set AIRFLOW_AUTH to password",
		}, {
			Name: "password-on-airflow-2", Kinds: refused, Auth: []string{"password"}, APIs: []API{V1, Experimental}, Sources: notIAP,
			Means: "only Airflow 3 gives tokens for a password",
			Fix:   "set AIRFLOW_AUTH to basic",
		}, {
			Name: "token-refused", Kinds: refused, Auth: []string{"password", "bearer"}, APIs: []API{Auto, V2}, Sources: notIAP,
			Means: "the token is wrong or has expired, or was made by an API server with another secret",
			Fix:   "renew AIRFLOW_TOKEN, or check AIRFLOW_USERNAME and AIRFLOW_PASSWORD; give all API servers one [api_auth] jwt_secret",
		}, {
			Name: "bearer-refused", Kinds: refused, Auth: []string{"bearer"}, APIs: []API{V1, Experimental}, Sources: notIAP,
			Means: "the token is wrong or has expired",
			Fix:   "renew AIRFLOW_TOKEN",
		}, {
			Name: "oauth2-token-refused", Kinds: refused, Auth: []string{"oauth2"}, Sources: notIAP,
			Means: "the identity provider's token is not accepted",
			Fix: "check AIRFLOW_OAUTH2_SCOPE, which decides the token's audience, and the client's roles; " +
				"an Airflow 3 that accepts only its own tokens needs AIRFLOW_AUTH=password or bearer",
		}, {
			Name: "id-token-refused", Kinds: refused, Auth: []string{"id_token"}, Sources: []Source{FromElsewhere},
			Means: "the ID token is for another audience, or its account may not call the service",
			Fix: "set AIRFLOW_AUDIENCE to the service's address, and: " +
				"gcloud run services add-iam-policy-binding SERVICE --region=REGION --member=serviceAccount:EMAIL --role=roles/run.invoker",
		}, {
			Name: "id-token-on-airflow", Kinds: refused, Auth: []string{"id_token"}, Sources: []Source{FromAirflow},
			Means: "Airflow itself takes no ID token of Google's",
			Fix:   "set AIRFLOW_AUTH to what Airflow takes (basic, password, bearer), and keep AIRFLOW_AUDIENCE for Cloud Run",
		},
	}
}

func frontCauses() []Cause {
	return []Cause{
		{
			Name: "behind-iap", Kinds: []Kind{Unauthorized, Forbidden, LoginRedirect}, Auth: []string{"none", "google", "id_token"},
			Sources: []Source{FromIAP},
			Means:   "the web server stands behind Identity-Aware Proxy",
			Fix:     "set AIRFLOW_AUTH to iap",
		}, {
			Name: "behind-iap-too", Kinds: []Kind{Unauthorized, LoginRedirect}, Auth: ownCredentials(), Sources: []Source{FromIAP},
			Means: "the web server stands behind Identity-Aware Proxy, which wants an ID token beside Airflow's credentials",
			Fix:   "set AIRFLOW_IAP_CLIENT_ID to its client id",
		}, {
			Name: "iap-token", Kinds: []Kind{Unauthorized, LoginRedirect}, Auth: []string{"iap"}, Sources: []Source{FromIAP},
			Means: "Identity-Aware Proxy does not take the ID token",
			Fix:   "set AIRFLOW_IAP_CLIENT_ID to this web server's IAP client id, or leave it out to have it discovered",
		}, {
			Name: "login", Kinds: []Kind{LoginRedirect}, Sources: []Source{FromElsewhere, FromAirflow},
			Means: "the request was sent elsewhere, as a login page or a moved address does",
			Fix: "set AIRFLOW_URL to the web server's own https address, AIRFLOW_AUTH to what it takes, and AIRFLOW_API where a proxy lets only " +
				"one API through (oauth2-proxy: skip_auth_routes)",
			LookedUp: "grant roles/composer.user to the service account in the environment's project",
		}, {
			Name: "no-token", Kinds: []Kind{NoCredentials},
			Means: "the credentials could not be obtained",
			Fix:   "see the reason before this; google, iap and id_token need a service account",
		}, {
			Name: "no-address", Kinds: []Kind{NoAddress},
			Means: "the environment could not be looked up",
			Fix:   "see the reason before this, or set AIRFLOW_URL in place of COMPOSER_ENVIRONMENT",
		},
	}
}

// ownCredentials are the kinds of credentials that Airflow itself, or an
// identity provider of its operator, issues.
func ownCredentials() []string { return []string{"basic", "password", "bearer", "oauth2"} }

func permissionCauses() []Cause {
	refused := []Kind{Unauthorized, Forbidden}
	notIAP := []Source{FromAirflow, FromElsewhere}
	return []Cause{
		{
			Name: "iap-passed", Kinds: []Kind{Unauthorized}, Auth: []string{"iap"}, Sources: notIAP, Unless: "Composer",
			Means: "Identity-Aware Proxy let the request through, and what stands behind it refuses it",
			Fix:   "set AIRFLOW_AUTH to what Airflow takes (basic, password, bearer), and keep AIRFLOW_IAP_CLIENT_ID",
		}, {
			Name: "iap-permission", Kinds: []Kind{Forbidden}, Auth: append(ownCredentials(), "iap"), Sources: []Source{FromIAP},
			Means: "the service account may not pass Identity-Aware Proxy",
			Fix:   "grant it roles/composer.user (Composer 1) or roles/iap.httpsResourceAccessor",
		}, {
			Name: "composer-registration", Kinds: []Kind{Unauthorized}, Auth: []string{"google", "iap"}, Challenge: "Composer",
			Means: "Airflow knows this account's e-mail under another user name, or could not register it",
			Fix:   "gcloud composer environments run ENVIRONMENT --location=LOCATION users delete -- -e EMAIL, which lets the next call register it",
		}, {
			Name: "composer-permission", Kinds: refused, Auth: []string{"google"}, Sources: []Source{FromElsewhere},
			Means: "the service account may not use the environment",
			Fix:   "grant it roles/composer.user in the environment's project",
		}, {
			Name: "google-token-on-airflow", Kinds: []Kind{Unauthorized}, Auth: []string{"google"}, Sources: []Source{FromAirflow},
			Unless: "Composer",
			Means:  "Airflow does not accept the access token, as one that is not Composer's",
			Fix:    "on Composer grant the service account roles/composer.user; elsewhere set AIRFLOW_AUTH to what Airflow takes",
		}, {
			Name: "access-control", Kinds: []Kind{Forbidden}, Auth: []string{"google", "iap"}, Sources: []Source{FromElsewhere},
			Means: "the web server's network access control keeps this address out",
			Fix:   "gcloud composer environments update ENVIRONMENT --location=LOCATION --web-server-allow-all, or allow the function's ranges",
		}, {
			Name: "role", Kinds: []Kind{Forbidden}, APIs: []API{V2, V1}, Sources: []Source{FromAirflow},
			Auth:  append(ownCredentials(), "none", "id_token"),
			Means: "the user's role does not allow it",
			Fix:   "airflow users add-role -u USER -r Op, or the like of the auth manager",
		}, {
			Name: "composer-role", Kinds: []Kind{Forbidden}, APIs: []API{V2, V1}, Sources: []Source{FromAirflow}, Auth: []string{"google", "iap"},
			Means: "the account is registered with a role that does not allow it",
			Fix:   "gcloud composer environments run ENVIRONMENT --location=LOCATION users add-role -- -e EMAIL -r Op",
		}, {
			Name: "unregistered-account", Kinds: refused, Auth: []string{"google", "iap"}, APIs: []API{V1, Experimental}, Sources: notIAP,
			Before: "2.3",
			Means:  "before Airflow 2.3.0 a service account with an e-mail of more than 64 characters is not registered by itself",
			Fix: "gcloud composer environments run ENVIRONMENT --location=LOCATION users create -- -u accounts.google.com:NUMERIC_ID -e EMAIL " +
				"-f NAME -l - -r Op --use-random-password",
		}, {
			Name: "api-denied", Kinds: refused, APIs: []API{V1}, Sources: []Source{FromAirflow},
			Means: "[api] auth_backends (auth_backend up to 2.2.5) is airflow.api.auth.backend.session, as it is by default, or " +
				"airflow.api.auth.backend.deny_all, or airflow.api.auth.backend.default, with which v1 refuses everyone",
			Fix: "set it to airflow.composer.api.backend.composer_auth on Composer, else to airflow.api.auth.backend.basic_auth",
		}, {
			Name: "experimental-denied", Kinds: refused, APIs: []API{Experimental}, Sources: notIAP,
			Means: "[api] auth_backend (auth_backends from 2.3.0, the first counts) is airflow.api.auth.backend.deny_all, the default from 1.10.11",
			Fix:   "set it to airflow.composer.api.backend.composer_auth on Composer, else to a backend that knows the caller",
		},
	}
}

// guards are the fronts that refuse callers by their own rules. Google's
// belong to Composer, whose permissions have separate causes.
func guards() []Front {
	return []Front{
		FrontKong, FrontAWS, FrontCloudFront, FrontEnvoy, FrontOAuth2Proxy, FrontCloudflare, FrontNginx, FrontHAProxy, FrontIIS, FrontAzure,
		FrontApache, FrontTraefik, FrontAkamai, FrontF5, FrontImperva, FrontFortinet, FrontVarnish, FrontSquid,
	}
}

func gatewayCauses() []Cause {
	refused := []Kind{Unauthorized, Forbidden}
	filters := []Front{FrontAWS, FrontCloudFront, FrontCloudflare, FrontAkamai, FrontF5, FrontImperva, FrontFortinet, FrontAzure}
	return []Cause{
		{
			Name: "front-caller", Kinds: refused, Sources: []Source{FromElsewhere}, Fronts: guards(),
			Means: "the product before Airflow that the answer names refuses the caller",
			Fix:   "send what it asks for (AIRFLOW_AUTH, or a key in AIRFLOW_HEADERS), or let this caller through to /api/ there",
		}, {
			// Of all other answers: fitsFront keeps the two apart.
			Name: "front", Kinds: refused, APIs: []API{Auto, V2, V1}, Auth: append(ownCredentials(), "none"), Sources: []Source{FromElsewhere},
			Means: "something before Airflow that does not name itself, or Google's front end, refuses the request",
			Fix: "see its log; give it what it wants (AIRFLOW_HEADERS for a key, AIRFLOW_CLIENT_CERT_FILE for a certificate, AIRFLOW_AUDIENCE for " +
				"Cloud Run), or let the API's path and this caller's address through",
		}, {
			Name: "https-port", Kinds: []Kind{Unexpected}, Said: "HTTPS port", Alone: true,
			Means: "the address is http, and the server speaks https",
			Fix:   "write the web server's address with https://",
		}, {
			Name: "https-server", Kinds: []Kind{Unexpected}, Said: "HTTPS server", Alone: true,
			Means: "the address is http, and the server there speaks https",
			Fix:   "write the web server's address with https://",
		}, {
			Name: "headers-too-large", Kinds: []Kind{Unexpected}, Said: "Header Or Cookie Too Large", Alone: true,
			Means: "the request's headers are larger than the proxy takes, as a long token makes them",
			Fix:   "raise its limit (nginx: large_client_header_buffers)",
		}, {
			Name: "headers-431", Kinds: []Kind{Unexpected}, Status: http.StatusRequestHeaderFieldsTooLarge,
			Means: "the request's headers are larger than the proxy takes, as a long token makes them",
			Fix:   "raise its limit",
		}, {
			Name: "csrf", Kinds: []Kind{Unexpected, Forbidden}, Said: "CSRF", Alone: true, Sources: []Source{FromElsewhere},
			Means: "a check against cross-site requests wants a token that only a browser has",
			Fix:   "exempt /api/ from the check, and send credentials that the API accepts (AIRFLOW_AUTH)",
		}, {
			Name: "firewall", Kinds: []Kind{Unexpected, Forbidden}, Sources: []Source{FromElsewhere}, Fronts: filters,
			Means: "a web application firewall may refuse what the conf contains",
			Fix:   "look the refusal up in its log, and exempt POST requests to /api/ from the rule",
		}, {
			Name: "front-refused", Kinds: []Kind{Unexpected}, Sources: []Source{FromElsewhere},
			Means: "a proxy, a gateway or a login page answered, and the request has not reached Airflow's API",
			Fix:   "see its log, let JSON requests to /api/ pass, and check the web server's address and AIRFLOW_AUTH",
		},
	}
}

func requestCauses() []Cause {
	return []Cause{
		{
			Name: "unknown-dag", Kinds: []Kind{UnknownDAG},
			Means: "Airflow does not know the DAG: misspelt, not parsed yet, or deactivated",
			Fix:   "check the DAG id, that its file is in the DAGs folder, and Airflow's import errors",
		}, {
			Name: "unknown-run", Kinds: []Kind{UnknownRun},
			Means: "Airflow holds no such run",
			Fix:   "start it again",
		}, {
			Name: "manual-runs", Kinds: []Kind{Invalid}, Said: "does not allow manual runs", Alone: true,
			Means: "the DAG's allowed_run_types exclude runs that are started from outside",
			Fix:   "add manual to them",
		}, {
			Name: "run-id-pattern", Kinds: []Kind{Invalid}, Said: "does not match regex pattern", Alone: true,
			Means: "[scheduler] allowed_run_id_pattern excludes the run id",
			Fix:   "let it allow A-Z a-z 0-9 _ . ~ : + and -, as it does by default",
		}, {
			Name: "invalid", Kinds: []Kind{Invalid},
			Means: "Airflow refuses the request as it stands",
			Fix:   "fix the route's conf, or the DAG's Params",
		}, {
			Name: "not-stored", Kinds: []Kind{Invalid}, APIs: []API{V2}, Status: http.StatusUnprocessableEntity,
			Means: `PostgreSQL stores no \u0000 in a conf, no half of a character (\ud83d alone), and no number beyond a double's`,
			Fix:   "take it out",
		}, {
			Name: "broken-dag", Kinds: []Kind{BrokenDAG},
			Means: "the DAG's file has import errors",
			Fix:   "fix the file: Airflow's pages list its import errors",
		}, {
			Name: "too-large", Kinds: []Kind{TooLarge},
			Means: "the conf is too large",
			Fix:   "pass on where the data is, such as a gs:// URI, in place of the data",
		}, {
			Name: "too-large-front", Kinds: []Kind{TooLarge}, Sources: []Source{FromElsewhere},
			Means: "the limit may be that of a proxy before Airflow, and lower than Airflow's",
			Fix:   "raise it there (nginx: client_max_body_size; Airflow 2: [webserver] allowed_payload_size)",
		}, {
			Name: "run-exists", Kinds: []Kind{RunExists},
			Means: "the run exists already",
			Fix:   "nothing is left to do",
		}, {
			Name: "conflict", Kinds: []Kind{Conflict},
			Means: "the run exists already, or another run of the DAG holds its logical date",
			Fix:   "look for the run by its id and, where the route gives a logical_date, for another run of that date",
		},
	}
}

func serverCauses() []Cause {
	return []Cause{
		{
			Name: "undetected", Kinds: []Kind{Unauthorized, Forbidden, LoginRedirect, Unexpected}, APIs: []API{Auto},
			Means: "no API was let through, and so which one the web server has is not known",
			Fix: "let /api/v2/version or /api/v1/version through, or set AIRFLOW_API to v2 (Airflow 3), v1 (Airflow 2) or experimental " +
				"(Airflow 1.10)",
		}, {
			Name: "no-v2", Kinds: []Kind{APIAbsent}, APIs: []API{V2},
			Means:    "this web server has no API v2",
			Fix:      "set AIRFLOW_API to auto, or to v1 for Airflow 2, and AIRFLOW_URL to the web server's root",
			LookedUp: "set AIRFLOW_API to auto, or to v1 for Airflow 2",
		}, {
			Name: "no-v1", Kinds: []Kind{APIAbsent}, APIs: []API{V1},
			Means:    "this web server has no API v1",
			Fix:      "set AIRFLOW_API to auto, or to v2 for Airflow 3, and AIRFLOW_URL to the web server's root",
			LookedUp: "set AIRFLOW_API to auto, or to v2 for Airflow 3",
		}, {
			Name: "no-experimental", Kinds: []Kind{APIAbsent}, APIs: []API{Experimental},
			Means:    "the experimental API is off, as it is by default in Airflow 2, or absent",
			Fix:      "set AIRFLOW_API to auto or v1, or [api] enable_experimental_api to True, and AIRFLOW_URL to the web server's root",
			LookedUp: "set AIRFLOW_API to auto or v1, or [api] enable_experimental_api to True",
		}, {
			Name: "no-api", Kinds: []Kind{APIAbsent}, APIs: []API{Auto},
			Means:    "no Airflow answers there, or its REST API is off",
			Fix:      "set AIRFLOW_URL to the web server's root, without /home or /api; on Airflow 1.10 see [api] auth_backend",
			LookedUp: "see whether the environment is running; on Airflow 1.10 see [api] auth_backend",
		}, {
			Name: "throttled", Kinds: []Kind{Throttled},
			Means: "the web server, or what stands before it, asks for fewer requests",
			Fix:   "let fewer events through at once, or give the web server more CPU",
		}, {
			Name: "server-failure", Kinds: []Kind{ServerFailure},
			Means: "the web server failed or is overloaded",
			Fix:   "see its log",
		}, {
			Name: "params-before-2.9.2", Kinds: []Kind{ServerFailure}, Status: 500, APIs: []API{V1},
			Sources: []Source{FromElsewhere}, Before: "2.9.2",
			Means: "before Airflow 2.9.2 a conf that fails the DAG's Params is answered so",
			Fix:   "check the conf against them",
		}, {
			Name: "unexpected", Kinds: []Kind{Unexpected}, Sources: []Source{FromAirflow, FromIAP},
			Means:    "something other than Airflow's API answered, such as a login page",
			Fix:      "check AIRFLOW_URL and AIRFLOW_AUTH",
			LookedUp: "check AIRFLOW_AUTH, and whether the environment is running",
		}, {
			Name: "timeout", Kinds: []Kind{Timeout},
			Means: "the web server is overloaded, or the way to it is closed",
			Fix:   "see its load and size, its network access control, and AIRFLOW_TIMEOUT",
		},
	}
}

func networkCauses() []Cause {
	return []Cause{
		{
			Name: "unknown-authority", Kinds: []Kind{Network}, Reach: []Reach{UnknownAuthority},
			Means: "the web server's certificate is of an authority that this system does not know",
			Fix:   "name the authority's certificate in SSL_CERT_FILE",
		}, {
			Name: "wrong-name", Kinds: []Kind{Network}, Reach: []Reach{WrongName},
			Means:    "the web server's certificate is for another name",
			Fix:      "set AIRFLOW_URL to a name that the certificate has",
			LookedUp: "see what answers at that address: a proxy may",
		}, {
			Name: "expired-certificate", Kinds: []Kind{Network}, Reach: []Reach{ExpiredCertificate},
			Means: "the web server's certificate has expired, or this clock is wrong",
			Fix:   "renew the certificate",
		}, {
			Name: "client-certificate-required", Kinds: []Kind{Network}, Reach: []Reach{NoClientCert},
			Means:    "the web server requires a client certificate, or does not accept this one",
			Fix:      "set AIRFLOW_CLIENT_CERT_FILE and AIRFLOW_CLIENT_KEY_FILE to a valid certificate of an authority that it knows",
			LookedUp: "see what answers at that address: Composer requires none",
		}, {
			Name: "not-tls", Kinds: []Kind{Network}, Reach: []Reach{NotTLS},
			Means: "the port does not speak TLS", Fix: "correct the port of AIRFLOW_URL, or set AIRFLOW_URL to http and AIRFLOW_INSECURE to true",
			LookedUp: "see what answers at that address: a proxy may",
		}, {
			Name: "unknown-name", Kinds: []Kind{Network}, Reach: []Reach{UnknownName},
			Means:    "the web server's name does not resolve",
			Fix:      "check the host in AIRFLOW_URL, and the function's DNS (a private zone needs VPC egress)",
			LookedUp: "check the function's DNS: a private IP environment needs VPC egress and its zone",
		}, {
			Name: "broken-off", Kinds: []Kind{Network}, Reach: []Reach{BrokenOff},
			Means: "the web server, or a proxy before it, ended the connection without a whole response",
			Fix:   "see its log: a worker may have been restarted, or a time-out or a size limit of the proxy reached",
		}, {
			Name: "network", Kinds: []Kind{Network}, Reach: []Reach{""},
			Means:    "the web server cannot be reached",
			Fix:      "check AIRFLOW_URL, and the function's way out (VPC egress, firewall)",
			LookedUp: "check the function's way out (VPC egress, firewall, private IP environments)",
		},
	}
}
