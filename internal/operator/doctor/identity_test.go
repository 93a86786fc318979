// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"context"
	"slices"
	"testing"

	"golang.org/x/oauth2"

	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// without is an account that something is missing for.
type without struct {
	*world
	cause  string
	idOnly bool
}

func (s without) err() error { return cause.Met(identity.Causes(), s.cause, nil) }

func (s without) AccessToken(ctx context.Context) (*oauth2.Token, error) {
	if s.idOnly {
		return s.world.AccessToken(ctx)
	}
	return nil, s.err()
}

func (s without) IDToken(context.Context, string) (*oauth2.Token, error) { return nil, s.err() }

func (s without) Account(ctx context.Context) (identity.Account, error) {
	if s.idOnly {
		return s.world.Account(ctx)
	}
	return identity.Account{}, s.err()
}

func TestMissingCredentialsSkipTheOtherChecks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer33)
	w.target.Google = identity.NewGoogle(without{w, "google-account-missing", false})
	all, summary := w.examine()
	const fix = "the metadata server knows no service account\n" +
		"give the function one: gcloud run services update SERVICE --region=REGION --service-account=ACCOUNT"
	w.wants(all, "credentials", "failed: "+fix)
	w.wants(all, "environment", "failed: "+fix)
	for _, check := range []string{"client id", "token", "name", "connection", "tls", "access control", "web server", "api", "anonymous",
		"registration", "role", "dag", "paused", "params", "permission"} {
		if r := result(t, all, check); r.Status != doctor.Skipped {
			t.Errorf("%s: %s", check, text(r.Finding))
		}
	}
	w.wants(all, "token", `skipped: it needs what the check "credentials" did not find`)
	w.wants(all, "permission", `skipped: it needs what the check "api" did not find`)
	ofDAGs := slices.DeleteFunc(doctor.Checks(), func(c doctor.Check) bool {
		return c.Scope == doctor.PerAsset || c.Scope == doctor.PerOutbox
	})
	if summary.Healthy() || len(all) != len(ofDAGs) {
		t.Errorf("summary = %+v of %d results", summary, len(all))
	}
}

func TestUserLoginBehindIAPMustImpersonate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer1)
	w.account = identity.Account{Type: identity.User, Email: "ann@example.com", From: "gcloud auth application-default login"}
	w.google.Accounts = append(w.google.Accounts, googlesim.Account{Email: "ann@example.com", Roles: []string{"roles/owner"}})
	w.target.Google = identity.NewGoogle(without{w, "iap-user-login", true})
	all, _ := w.examine()
	w.wants(all, "credentials", "ok: a user's own login (ann@example.com), from gcloud auth application-default login")
	w.wants(all, "token", "failed: a user's own login cannot make the ID token that Identity-Aware Proxy asks for\n"+
		"act as a service account: gcloud auth application-default login --impersonate-service-account=ACCOUNT")
}

func TestClientIDCannotBeDiscovered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer1)
	w.start()
	w.served.Fail(host1, 200, "hello")
	all, _ := w.examine()
	w.wants(all, "client id", "failed: the IAP client id could not be discovered at https://"+host1+
		" (it answers 200, and not with a redirect to Google's login)\n"+
		"set AIRFLOW_IAP_CLIENT_ID to the client_id in what this prints: curl -s -o /dev/null -w '%{redirect_url}' -H 'Accept: "+
		"text/html' 'https://"+host1+"'")
}

func TestClientIDOfAnotherServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer1)
	w.target.Environments["default"] = environment.Spec{Composer: prod, IAPClientID: "999-zzz.apps.googleusercontent.com"}
	all, _ := w.examine()
	w.wants(all, "client id", "ok: 999-zzz.apps.googleusercontent.com, as given")
	w.wants(all, "web server", "failed: 401 text/html: IAP: Invalid IAP credentials: Invalid bearer token. Invalid JWT audience."+fixes(t,
		"iap-token"))
}

func TestMissingEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer33)
	w.target.Environments["default"] = environment.Spec{Composer: "projects/acme/locations/us-central1/environments/prod"}
	all, _ := w.examine()
	w.wants(all, "environment", "failed: there is no environment prod in us-central1 of the project acme\n"+
		"gcloud composer environments list --project=acme --locations=us-central1")
}

// plain is a self-managed Airflow, without Google.
func plain(t *testing.T, version airflowsim.Version, spec environment.Spec) *world {
	t.Helper()
	w := newWorld(t, composer33)
	w.airflow.Version = version
	w.env().Name, w.env().Host = "", "airflow.example.com"
	w.env().Bare = true
	spec.URL = "https://airflow.example.com"
	w.target.Environments["default"] = spec
	w.target.Platform = doctor.Platform{}
	return w
}

func TestOwnAirflow(t *testing.T) {
	t.Parallel()
	w := plain(t, airflowsim.Airflow33, environment.Spec{Auth: "password", Username: "op", Password: "op"})
	all, summary := w.examine()
	w.wants(all, "credentials", "ok: user op and a password")
	w.wants(all, "environment", "skipped: URL was given, and is taken as it is; with COMPOSER in its place, access control and "+
		"Airflow's settings are looked up, too")
	w.wants(all, "token", "ok: obtained")
	w.wants(all, "access control", "skipped: only Composer's API tells")
	w.wants(all, "api", "ok: v2, Airflow 3.3.2")
	w.wants(all, "registration", "skipped: password credentials are of a user that Airflow has")
	w.wants(all, "role", "skipped: only Composer's API tells")
	w.wants(all, "permission", "ok: it may")
	w.wants(all, "trigger", "skipped: neither the project nor the service is known: give both to examine a function that is deployed")
	w.wants(all, "expiry", "skipped: neither the project nor the service is known: give both to examine a function that is deployed")
	if !summary.Healthy() {
		t.Errorf("summary = %+v", summary)
	}
}

func TestRefusedAirflowCredentials(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		version airflowsim.Version
		spec    environment.Spec
		check   string
		want    string
	}{
		{"a wrong password", airflowsim.Airflow33, environment.Spec{Auth: "password", Username: "op", Password: planted}, "token",
			"failed: the web server refuses AIRFLOW_USERNAME and AIRFLOW_PASSWORD (it answers 401: Invalid credentials)\n" +
				fixOf(t, "password-refused")},
		{"a password on Airflow 2", airflowsim.Airflow211, environment.Spec{Auth: "password", Username: "op", Password: planted}, "token",
			"failed: https://airflow.example.com/auth/token issues no tokens (it answers 404)\n" + fixOf(t, "password-endpoint-missing")},
		{"a wrong password on Airflow 2", airflowsim.Airflow211, environment.Spec{Auth: "basic", Username: "op", Password: planted}, "api",
			"failed: 403 application/problem+json: Forbidden" + fixes(t, "wrong-password", "role", "api-denied")},
		{"basic on Airflow 3", airflowsim.Airflow33, environment.Spec{Auth: "basic", Username: "op", Password: planted}, "api",
			"failed: 401 application/json: Not authenticated" + fixes(t, "basic-on-airflow-3")},
		{"a token that is none", airflowsim.Airflow33, environment.Spec{Auth: "bearer", Token: planted}, "api",
			"failed: 403 application/json: Invalid JWT token" + fixes(t, "token-refused", "role")},
		{"none at all", airflowsim.Airflow33, environment.Spec{Auth: "none"}, "api",
			"failed: 401 application/json: Not authenticated" + fixes(t, "no-credentials")},
		{"a header alone", airflowsim.Airflow33, environment.Spec{Auth: "none", Headers: "X-Api-Key: " + planted}, "api",
			"failed: 401 application/json: Not authenticated" + fixes(t, "no-credentials")},
		{"a secret that is not mounted", airflowsim.Airflow33, environment.Spec{Auth: "bearer", TokenFile: "/nowhere/token"}, "credentials",
			"failed: the secret's file /nowhere/token cannot be used (no such file or directory)\nmount the secret there, alone in the file " +
				"and on one line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := plain(t, tt.version, tt.spec)
			all, _ := w.examine()
			w.wants(all, tt.check, tt.want)
		})
	}
}

// fixOf is the fix of a row of the table of causes.
func fixOf(t *testing.T, name string) string {
	t.Helper()
	for _, c := range doctor.Causes() {
		if c.Name == name {
			return c.Fix
		}
	}
	t.Fatalf("no cause %s", name)
	return ""
}
