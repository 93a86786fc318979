// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

// named are the names of the causes that a hint is made of.
func named(hint string) []string {
	var names []string
	for _, c := range airflow.Causes() {
		if strings.Contains(hint, c.Means+": "+c.Fix) {
			names = append(names, c.Name)
		}
	}
	return names
}

// What a 401, a 403 or a redirect may mean depends on the API, the auth
// kind, who answered, and Airflow's version.
func TestCausesOfARefusedCaller(t *testing.T) {
	t.Parallel()
	airflowSays := func(status int) reply { return problem(status, `{"title":"No","detail":null}`) }
	iapSays := func(status int) reply {
		return answer(status, "text/html", "Invalid IAP credentials: Unable to parse JWT").with("X-Goog-IAP-Generated-Response", "true")
	}
	for _, row := range []struct {
		name    string
		api     airflow.API
		auth    string
		version string
		reply   reply
		want    string
	}{
		{"v1, none", airflow.V1, "none", "", airflowSays(403), "no-credentials role api-denied"},
		{"v1, basic", airflow.V1, "basic", "", airflowSays(403), "wrong-password role api-denied"},
		{"v1, basic, 401", airflow.V1, "basic", "", airflowSays(401), "wrong-password api-denied"},
		{"v1, password", airflow.V1, "password", "", airflowSays(403), "password-on-airflow-2 role api-denied"},
		{"v1, bearer", airflow.V1, "bearer", "", airflowSays(403), "bearer-refused role api-denied"},
		{"v1, google", airflow.V1, "google", "", airflowSays(403), "composer-role unregistered-account api-denied"},
		{"v1, google, 401", airflow.V1, "google", "", airflowSays(401), "google-token-on-airflow unregistered-account api-denied"},
		{"v1, google, before 2.3", airflow.V1, "google", "2.2.5", airflowSays(401), "google-token-on-airflow unregistered-account api-denied"},
		{"v1, google, 2.3", airflow.V1, "google", "2.3.0", airflowSays(401), "google-token-on-airflow api-denied"},
		{"v1, google, a proxy", airflow.V1, "google", "2.10.5", html(403), "composer-permission access-control"},
		{"v1, iap", airflow.V1, "iap", "2.2.5", airflowSays(403), "composer-role unregistered-account api-denied"},
		{"v1, iap, IAP 401", airflow.V1, "iap", "", iapSays(401), "iap-token"},
		{"v1, iap, IAP 403", airflow.V1, "iap", "", iapSays(403), "iap-permission"},
		{"v1, iap, IAP 302", airflow.V1, "iap", "", iapSays(302), "iap-token"},
		{"v1, google, IAP", airflow.V1, "google", "", iapSays(401), "behind-iap"},
		{"v1, basic, IAP 302", airflow.V1, "basic", "", iapSays(302), "behind-iap-too"},
		{"v1, basic, IAP 403", airflow.V1, "basic", "", iapSays(403), "iap-permission"},
		{"v2, none", airflow.V2, "none", "", airflowSays(401), "no-credentials"},
		{"v2, basic", airflow.V2, "basic", "", airflowSays(401), "basic-on-airflow-3"},
		{"v2, password", airflow.V2, "password", "", airflowSays(401), "token-refused"},
		{"v2, bearer, 403", airflow.V2, "bearer", "", airflowSays(403), "token-refused role"},
		{"v2, google, 403", airflow.V2, "google", "", airflowSays(403), "composer-role"},
		{"v2, google, stale", airflow.V2, "google", "", airflowSays(401).with("WWW-Authenticate", "Composer"), "composer-registration"},
		{"v2, google, a proxy", airflow.V2, "google", "", html(403), "composer-permission access-control"},
		{"v2, google, a login page", airflow.V2, "google", "", html(302), "login"},
		{"experimental, none", airflow.Experimental, "none", "", html(403), "no-credentials experimental-denied"},
		{"experimental, basic", airflow.Experimental, "basic", "", html(401), "wrong-password experimental-denied"},
		{"experimental, iap", airflow.Experimental, "iap", "", html(403), "access-control unregistered-account experimental-denied"},
		{"experimental, google", airflow.Experimental, "google", "", html(401), "composer-permission unregistered-account experimental-denied"},
		{"v1 fails", airflow.V1, "none", "", html(500), "server-failure params-before-2.9.2"},
		{"v1 is overloaded", airflow.V1, "none", "", html(503), "server-failure"},
		{"v1 fails, 2.9.2", airflow.V1, "none", "2.9.2", html(500), "server-failure"},
		{"v2, manual runs", airflow.V2, "none", "", json(400, `{"detail":"Dag with dag_id: 'load' does not allow manual runs"}`), "manual-runs"},
		{"v2, run id", airflow.V2, "none", "", json(400, `{"detail":"The run_id provided 'x' does not match regex pattern 'a' or 'b'"}`),
			"run-id-pattern"},
		{"v2, Params", airflow.V2, "none", "", json(400, `{"detail":"no"}`), "invalid"},
		{"v2, PostgreSQL", airflow.V2, "none", "", json(422, `{"detail":"no"}`), "invalid not-stored"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, script{post(row.api): row.reply})
			client := newClient(t, airflow.Config{
				URL: server.URL, API: row.api, Version: row.version, Credentials: &credentials{kind: row.auth},
			})
			_, err := client.Trigger(t.Context(), sales())
			if got := strings.Join(named(asError(t, err).Hint), " "); got != row.want {
				t.Errorf("got %s, want %s\n%v", got, row.want, err)
			}
		})
	}
}

func TestIAPIsQuoted(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"Invalid bearer token. Invalid JWT audience.": "401 text/html: IAP: Invalid bearer token. Invalid JWT audience.; ",
		"<html>no</html>":            "401 text/html: IAP; Identity-Aware",
		strings.Repeat("long ", 200): "401 text/html: IAP; Identity-Aware",
	} {
		server := serve(t, script{postV1: answer(401, "text/html", body).with("X-Goog-IAP-Generated-Response", "true")})
		client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V1, Credentials: &credentials{kind: "iap"}})
		_, err := client.Trigger(t.Context(), sales())
		if e := asKind(t, err, airflow.Unauthorized); !strings.HasPrefix(e.Error(), want) || e.Source != airflow.FromIAP {
			t.Errorf("got %v, want %s", e, want)
		}
	}
}

func TestCausesAreWellFormed(t *testing.T) {
	t.Parallel()
	var names []string
	for _, c := range airflow.Causes() {
		if c.Means == "" || c.Fix == "" || len(c.Kinds) == 0 || slices.Contains(names, c.Name) {
			t.Errorf("%s: a cause has a separate name, a kind, a meaning and a fix: %+v", c.Name, c)
		}
		if strings.HasSuffix(c.Fix, ".") || strings.HasSuffix(c.Means, ".") {
			t.Errorf("%s: a hint joins its parts, which have no full stop", c.Name)
		}
		names = append(names, c.Name)
	}
}

func TestEveryKindHasACause(t *testing.T) {
	t.Parallel()
	var kinds []airflow.Kind
	for _, c := range airflow.Causes() {
		kinds = append(kinds, c.Kinds...)
	}
	for _, k := range []airflow.Kind{
		airflow.Unauthorized, airflow.Forbidden, airflow.LoginRedirect, airflow.NoCredentials, airflow.NoAddress, airflow.UnknownDAG,
		airflow.UnknownRun, airflow.APIAbsent, airflow.Invalid, airflow.BrokenDAG, airflow.TooLarge, airflow.RunExists,
		airflow.Conflict, airflow.Throttled, airflow.ServerFailure, airflow.Unexpected, airflow.Timeout, airflow.Network,
	} {
		if !slices.Contains(kinds, k) {
			t.Errorf("%v has no cause in the table", k)
		}
	}
}
