// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"net/http"
	"slices"
	"strings"
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
	Means   string
	Fix     string
}

// Causes is the table of all causes, in the order in which a hint names them.
// It is the only place that says what a failure may mean and what mends it.
//
// Sources: Airflow's own code as named beside [Kind]'s table; Google's pages
// https://cloud.google.com/composer/docs/how-to/using/triggering-with-gcf,
// https://cloud.google.com/composer/docs/composer-2/access-airflow-api and
// https://cloud.google.com/iap/docs/faq.
func Causes() []Cause {
	return slices.Concat(credentialCauses(), permissionCauses(), requestCauses(), serverCauses())
}

func credentialCauses() []Cause {
	refused := []Kind{Unauthorized, Forbidden}
	notIAP := []Source{FromAirflow, FromElsewhere}
	return []Cause{
		{
			Name: "no-credentials", Kinds: refused, Auth: []string{"none"}, Sources: notIAP,
			Means: "no credentials were sent",
			Fix:   "set AIRFLOW_AUTH (google for Composer, basic for Airflow 2, password or bearer for Airflow 3, iap behind IAP)",
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
			Name: "behind-iap", Kinds: []Kind{Unauthorized, Forbidden, LoginRedirect},
			Auth: []string{"none", "basic", "password", "bearer", "google"}, Sources: []Source{FromIAP},
			Means: "the web server stands behind Identity-Aware Proxy",
			Fix:   "set AIRFLOW_AUTH to iap",
		}, {
			Name: "iap-token", Kinds: []Kind{Unauthorized, LoginRedirect}, Auth: []string{"iap"}, Sources: []Source{FromIAP},
			Means: "Identity-Aware Proxy does not take the ID token",
			Fix:   "set AIRFLOW_IAP_CLIENT_ID to this web server's IAP client id, or leave it out to have it discovered",
		}, {
			Name: "login", Kinds: []Kind{LoginRedirect}, Sources: []Source{FromElsewhere, FromAirflow},
			Means: "the request was sent elsewhere, as a login page or a moved address does",
			Fix:   "set AIRFLOW_URL to the web server's own https address, and AIRFLOW_AUTH to what it takes (google for Composer 2 and 3, iap for Composer 1), with roles/composer.user for the service account",
		}, {
			Name: "no-token", Kinds: []Kind{NoCredentials},
			Means: "the credentials could not be obtained",
			Fix:   "see what is said before; for google and iap run as a service account, or set GOOGLE_APPLICATION_CREDENTIALS",
		}, {
			Name: "no-address", Kinds: []Kind{NoAddress},
			Means: "the environment could not be looked up",
			Fix:   "see what is said before, or set AIRFLOW_URL in place of COMPOSER_ENVIRONMENT",
		},
	}
}

func permissionCauses() []Cause {
	refused := []Kind{Unauthorized, Forbidden}
	notIAP := []Source{FromAirflow, FromElsewhere}
	return []Cause{
		{
			Name: "iap-permission", Kinds: []Kind{Forbidden}, Auth: []string{"iap"}, Sources: []Source{FromIAP},
			Means: "the service account may not pass Identity-Aware Proxy",
			Fix:   "grant it roles/composer.user (Composer 1) or roles/iap.httpsResourceAccessor",
		}, {
			Name: "composer-permission", Kinds: refused, Auth: []string{"google"}, Sources: notIAP,
			Means: "the service account may not use the environment",
			Fix:   "grant it roles/composer.user in the environment's project",
		}, {
			Name: "access-control", Kinds: []Kind{Forbidden}, Auth: []string{"google", "iap"}, Sources: []Source{FromElsewhere},
			Means: "the web server's network access control keeps this address out",
			Fix:   "gcloud composer environments update ENVIRONMENT --location=LOCATION --web-server-allow-all, or allow the function's ranges",
		}, {
			Name: "role", Kinds: []Kind{Forbidden}, APIs: []API{V2, V1}, Sources: []Source{FromAirflow},
			Means: "the user's role does not allow it",
			Fix:   "give the user the role Op (for Composer's new users: [api] composer_auth_user_registration_role)",
		}, {
			Name: "unregistered-account", Kinds: refused, Auth: []string{"google", "iap"}, APIs: []API{V1, Experimental}, Sources: notIAP, Before: "2.3",
			Means: "before Airflow 2.3.0 a service account with an e-mail of more than 64 characters is not registered by itself",
			Fix:   "gcloud composer environments run ENVIRONMENT --location=LOCATION users create -- -u accounts.google.com:NUMERIC_ID -e EMAIL -f NAME -l - -r Op --use-random-password",
		}, {
			Name: "api-denied", Kinds: refused, APIs: []API{V1}, Sources: []Source{FromAirflow},
			Means: "[api] auth_backends (auth_backend up to 2.2.5) is airflow.api.auth.backend.session, as it is by default, or airflow.api.auth.backend.deny_all, or airflow.api.auth.backend.default, with which v1 refuses everyone",
			Fix:   "set it to airflow.composer.api.backend.composer_auth on Composer, else to airflow.api.auth.backend.basic_auth",
		}, {
			Name: "experimental-denied", Kinds: refused, APIs: []API{Experimental}, Sources: notIAP,
			Means: "[api] auth_backend (auth_backends from 2.3.0, the first counts) is airflow.api.auth.backend.deny_all, the default from 1.10.11",
			Fix:   "set it to airflow.composer.api.backend.composer_auth on Composer, else to a backend that knows the caller",
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
			Fix:   "ask for it again",
		}, {
			Name: "invalid", Kinds: []Kind{Invalid},
			Means: "Airflow refuses the request as it stands",
			Fix:   "mend the route's conf, or the DAG's Params",
		}, {
			Name: "not-stored", Kinds: []Kind{Invalid}, APIs: []API{V2}, Status: http.StatusUnprocessableEntity,
			Means: `PostgreSQL stores no \u0000 in a conf, no half of a character (\ud83d alone), and no number beyond a double's`,
			Fix:   "take it out",
		}, {
			Name: "broken-dag", Kinds: []Kind{BrokenDAG},
			Means: "the DAG's file has import errors",
			Fix:   "mend the file: Airflow's pages and its import errors say where",
		}, {
			Name: "too-large", Kinds: []Kind{TooLarge},
			Means: "the conf is too large",
			Fix:   "hand over where the data is, such as a gs:// URI, in place of the data",
		}, {
			Name: "run-exists", Kinds: []Kind{RunExists},
			Means: "the run exists already",
			Fix:   "nothing is left to do",
		}, {
			Name: "conflict", Kinds: []Kind{Conflict},
			Means: "the run exists already, or another run of the DAG holds its logical date",
			Fix:   "look for the run by its id",
		},
	}
}

func serverCauses() []Cause {
	return []Cause{
		{
			Name: "no-v2", Kinds: []Kind{APIAbsent}, APIs: []API{V2},
			Means: "this web server has no API v2",
			Fix:   "set AIRFLOW_API to auto, or to v1 for Airflow 2, and AIRFLOW_URL to the web server's root",
		}, {
			Name: "no-v1", Kinds: []Kind{APIAbsent}, APIs: []API{V1},
			Means: "this web server has no API v1",
			Fix:   "set AIRFLOW_API to auto, or to v2 for Airflow 3, and AIRFLOW_URL to the web server's root",
		}, {
			Name: "no-experimental", Kinds: []Kind{APIAbsent}, APIs: []API{Experimental},
			Means: "the experimental API is off, as it is by default in Airflow 2, or absent",
			Fix:   "set AIRFLOW_API to auto or v1, or [api] enable_experimental_api to True, and AIRFLOW_URL to the web server's root",
		}, {
			Name: "no-api", Kinds: []Kind{APIAbsent}, APIs: []API{Auto},
			Means: "no Airflow answers there, or its REST API is off",
			Fix:   "set AIRFLOW_URL to the web server's root, without /home or /api; on Airflow 1.10 see [api] auth_backend",
		}, {
			Name: "throttled", Kinds: []Kind{Throttled},
			Means: "the web server, or what stands before it, asks for fewer requests",
			Fix:   "let fewer events through at once, or give the web server more CPU",
		}, {
			Name: "server-failure", Kinds: []Kind{ServerFailure},
			Means: "the web server failed or is full",
			Fix:   "see its log",
		}, {
			Name: "params-before-2.9.2", Kinds: []Kind{ServerFailure}, APIs: []API{V1}, Sources: []Source{FromElsewhere}, Before: "2.9.2",
			Means: "before Airflow 2.9.2 a conf that fails the DAG's Params is answered so",
			Fix:   "check the conf against them",
		}, {
			Name: "unexpected", Kinds: []Kind{Unexpected},
			Means: "something other than Airflow's API answered, such as a login page",
			Fix:   "check AIRFLOW_URL and AIRFLOW_AUTH",
		}, {
			Name: "timeout", Kinds: []Kind{Timeout},
			Means: "the web server is full, or the way to it is closed",
			Fix:   "see its load and size, its network access control, and AIRFLOW_TIMEOUT",
		}, {
			Name: "network", Kinds: []Kind{Network},
			Means: "the web server cannot be reached",
			Fix:   "check AIRFLOW_URL, its DNS name, and the function's way out (VPC egress, private IP environments)",
		},
	}
}

// hint says what to do about an error: every cause that fits, with its fix.
func hint(e *Error, auth, version string) string {
	var texts []string
	for _, c := range CausesOf(e, auth, version) {
		texts = append(texts, c.Means+": "+c.Fix)
	}
	return strings.Join(texts, "; or ")
}

// CausesOf are the causes that fit an error, with the kind of credentials and
// Airflow's version, where it is known. They are what its hint is made of.
func CausesOf(e *Error, auth, version string) []Cause {
	return slices.DeleteFunc(Causes(), func(c Cause) bool { return !c.fits(e, auth, version) })
}

func (c *Cause) fits(e *Error, auth, version string) bool {
	return slices.Contains(c.Kinds, e.Kind) &&
		meets(c.APIs, e.Dialect) &&
		meets(c.Auth, auth) &&
		meets(c.Sources, e.Source) &&
		(c.Status == 0 || c.Status == e.Status) &&
		(c.Before == "" || before(version, c.Before))
}

func meets[T comparable](condition []T, have T) bool {
	return len(condition) == 0 || slices.Contains(condition, have)
}
