// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

func specOf(url string) environment.Spec { return environment.Spec{URL: url} }

const update = "gcloud composer environments update prod --project=acme --location=europe-west1 --update-airflow-configs="

// deny_all and wrong credentials look alike from outside: what Composer's API
// tells decides, and without it both are named.
func TestDenyAllIsDistinguishedFromWrongCredentials(t *testing.T) {
	t.Parallel()
	const denied = "failed: 403 application/problem+json: Forbidden\n" +
		"if [api] auth_backends (auth_backend up to 2.2.5) is airflow.api.auth.backend.session, as it is by default, or " +
		"airflow.api.auth.backend.deny_all, or airflow.api.auth.backend.default, with which v1 refuses everyone: "
	tests := []struct {
		name      string
		image     string
		overrides map[string]string
		want      string
	}{
		{"deny_all", composer21, map[string]string{"api-auth_backends": "airflow.api.auth.backend.deny_all"},
			denied + update + "api-auth_backends=airflow.composer.api.backend.composer_auth"},
		{"the open one, of several", composer21, map[string]string{"api-auth_backends": "airflow.api.auth.backend.default, " +
			"airflow.api.auth.backend.session"},
			denied + update + "api-auth_backends=airflow.composer.api.backend.composer_auth"},
		{"Composer's own", composer21, map[string]string{"api-auth_backends": "airflow.composer.api.backend.composer_auth"},
			"failed: 403 application/problem+json: Forbidden\n" +
				"if the account is registered with a role that does not allow it: " + addRole},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.image)
			w.airflow.Auth, w.env().Overrides = airflowsim.AuthDenyAll, tt.overrides
			all, _ := w.examine()
			w.wants(all, "api", tt.want)
		})
	}
	t.Run("nobody tells", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, composer21)
		w.airflow.Auth = airflowsim.AuthDenyAll
		w.target.Environments["default"] = specOf("https://" + host2)
		all, _ := w.examine()
		w.wants(all, "api", "failed: 403 application/problem+json: Forbidden"+
			strings.ReplaceAll(fixes(t, "composer-role", "api-denied"), "EMAIL", robot))
	})
}

func TestServerBehindTheAddressIsReported(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"a scheduler that is down", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"metadatabase":{"status":"healthy"},"scheduler":{"status":"unhealthy"},"triggerer":{"status":null}}`)
		}, "warning: scheduler is unhealthy: runs will wait\nsee the log of each, and its size"},
		{"a login page", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://login.example.com/?state=planted-hush-hush", http.StatusFound)
		}, "failed: 302 text/html: redirect to login.example.com" + fixesLookedUp(t, "login")},
		{"a page of somebody else's", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>It works!</html>")
		}, "failed: 200 text/html: not what was asked for: it is not JSON of Airflow's" + fixes(t, "front-refused")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, composer33)
			w.real = tt.answer
			all, _ := w.examine()
			w.wants(all, "web server", tt.want)
		})
	}
}

func TestExperimentalAPIDeniesAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer1)
	w.airflow.Auth, w.env().Overrides = airflowsim.AuthDenyAll, map[string]string{"api-auth_backend": "airflow.api.auth.backend.deny_all"}
	all, _ := w.examine()
	r := result(t, all, "api")
	if got := text(r.Finding); r.Status != doctor.Failed || len(r.Fixes) != 1 ||
		!strings.HasSuffix(got, ": "+update+"api-auth_backend=airflow.composer.api.backend.composer_auth") {
		t.Error(got)
	}
}

func TestDisabledExperimentalAPINamesItsSetting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer21)
	w.target.Environments["default"] = environment.Spec{Composer: prod, API: "experimental"}
	all, _ := w.examine()
	r := result(t, all, "api")
	if r.Status != doctor.Failed || len(r.Fixes) != 1 || r.Fixes[0].Do != update+"api-enable_experimental_api=True" {
		t.Error(text(r.Finding))
	}
}

func TestOpenExperimentalAPIIsAWarning(t *testing.T) {
	t.Parallel()
	w := plain(t, airflowsim.Airflow211, environment.Spec{Auth: "basic", Username: "op", Password: "op"})
	w.airflow.ExperimentalAPI = true
	all, summary := w.examine()
	w.wants(all, "anonymous", "warning: it answers without credentials: any caller that reaches the web server can start any DAG\n"+
		"set [api] auth_backends (auth_backend up to 2.2.5), of which the first counts, to a backend that knows its callers, or [api] "+
		"enable_experimental_api to False")
	if !summary.Healthy() || summary.Warnings != 1 {
		t.Errorf("summary = %+v", summary)
	}
	off := plain(t, airflowsim.Airflow211, environment.Spec{Auth: "basic", Username: "op", Password: "op"})
	all, _ = off.examine()
	off.wants(all, "anonymous", "ok: it is off")
}

func TestLongAccountMustBeRegisteredBefore23(t *testing.T) {
	t.Parallel()
	const commands = "gcloud iam service-accounts describe " + longRobot + ` --format="value(oauth2ClientId)"` + "\n" +
		"gcloud composer environments run prod --project=acme --location=europe-west1 users create -- " +
		"-u accounts.google.com:NUMERIC_ID -e " + longRobot + " -f " + longRobot + " -l - -r Op --use-random-password"
	ill := func(t *testing.T, image string) *world {
		w := newWorld(t, image)
		w.account.Email = longRobot
		return w
	}
	t.Run("it is not", func(t *testing.T) {
		t.Parallel()
		w := ill(t, composer20)
		all, _ := w.examine()
		w.wants(all, "web server", "failed: 401 application/problem+json: Unauthorized\n"+
			"if before Airflow 2.3.0 a service account with an e-mail of more than 64 characters is not registered by itself: "+commands)
		w.wants(all, "registration", "failed: its e-mail has 79 characters, and before Airflow 2.3.0 only 64 can be registered by "+
			"themselves; this one is 2.2.3\n"+
			"if it was not registered beforehand: "+commands)
	})
	t.Run("it is", func(t *testing.T) {
		t.Parallel()
		w := ill(t, composer20)
		w.env().Registered = []string{"2"}
		all, summary := w.examine()
		w.wants(all, "registration", "ok: it is registered")
		if !summary.Healthy() {
			t.Errorf("summary = %+v", summary)
		}
	})
	t.Run("Airflow takes it", func(t *testing.T) {
		t.Parallel()
		w := ill(t, composer21)
		all, _ := w.examine()
		w.wants(all, "registration", "ok: it is registered")
	})
	t.Run("the version is not known", func(t *testing.T) {
		t.Parallel()
		w := ill(t, "composer-latest")
		w.google.Accounts[1].Roles = []string{"roles/composer.environmentAndStorageObjectViewer"}
		all, _ := w.examine()
		w.wants(all, "registration", "warning: its e-mail has 79 characters, and before Airflow 2.3.0 only 64 can be registered by "+
			"themselves; this Airflow's version is not known\n"+
			"if it was not registered beforehand: "+commands)
	})
}

func TestRoleOfNewCallersIsReported(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"User": "ok: User, by api-composer_auth_user_registration_role",
		"UserNoDags": "warning: UserNoDags, which may not trigger: a caller that is registered from now on will meet 403\n" +
			update + "api-composer_auth_user_registration_role=User",
		"Viewer": "warning: Viewer, which may not trigger: a caller that is registered from now on will meet 403\n" + update +
			"api-composer_auth_user_registration_role=User",
	} {
		w := newWorld(t, composer33)
		w.env().Overrides = map[string]string{"api-composer_auth_user_registration_role": given}
		all, _ := w.examine()
		w.wants(all, "role", want)
	}
}

func TestAccountWithoutAnEmailIsSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer33)
	w.target.Google = identity.NewGoogle(nameless{w})
	all, _ := w.examine()
	w.wants(all, "credentials", "ok: a user's own login (e-mail unknown), from gcloud auth application-default login")
	w.wants(all, "registration", "skipped: the account's e-mail is not known")
}
