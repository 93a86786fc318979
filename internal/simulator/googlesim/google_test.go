// SPDX-License-Identifier: Apache-2.0

package googlesim_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/simulator/googlesim"
)

const (
	robot  = "robot@acme.iam.gserviceaccount.com"
	guest  = "guest@acme.iam.gserviceaccount.com"
	prod   = "projects/acme/locations/europe-west1/environments/prod"
	lambda = "projects/acme/locations/europe-west1/functions/dagtrigger"
	host2  = "1a2b-dot-europe-west1.composer.googleusercontent.com"
	host1  = "0a1b-tp.appspot.com"
)

// newGoogle has an account with roles and one without, a Composer 2 and a
// Composer 1 environment, and a bucket.
func newGoogle(t *testing.T) *googlesim.Google {
	airflow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		_, _ = w.Write([]byte("Airflow as " + user))
	})
	return googlesim.New(googlesim.Config{
		Accounts: []googlesim.Account{
			{Email: robot, Roles: []string{"roles/composer.user", "roles/storage.objectViewer", "roles/pubsub.viewer",
				"roles/cloudfunctions.viewer", "roles/run.viewer", "roles/iam.securityReviewer"}},
			{Email: guest},
		},
		Environments: []googlesim.Environment{
			{Name: prod, Host: host2, Image: "composer-2.9.7-airflow-2.9.3", Airflow: airflow},
			{Host: host1, ClientID: "client", Airflow: airflow},
			{Host: "closed.appspot.com", Airflow: airflow, Allowed: []string{"198.51.100.0/24"}},
		},
		Caller:        netip.MustParseAddr("192.0.2.1"),
		Disabled:      []string{"eventarc.googleapis.com"},
		Storage:       newStorage(t, "x"),
		Subscriptions: []string{pullResource},
		Resources:     map[string]string{lambda: `{"state":"ACTIVE"}`},
		Policies:      map[string]string{"projects/acme": `{"bindings":[]}`},
		Unknown:       unknown(t),
	})
}

// send requests a URL with an Authorization header, and returns "STATUS body".
func send(g http.Handler, method, url, authorization string) string {
	r := httptest.NewRequest(method, "https://"+url, nil)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return http.StatusText(w.Code) + " " + w.Body.String()
}

func TestGoogleAnswersByTheCallersRoles(t *testing.T) {
	t.Parallel()
	g := newGoogle(t)
	viewer, stranger := "Bearer "+g.AccessToken(robot), "Bearer "+g.AccessToken(guest)
	const object = "storage.googleapis.com" + objects + "/x"
	for _, row := range []struct{ name, method, url, authorization, want string }{
		{"an environment", "GET", "composer.googleapis.com/v1/" + prod, viewer, `OK {"config":{"airflowUri":"https://` + host2},
		{"without a role", "GET", "composer.googleapis.com/v1/" + prod, stranger, "Forbidden {"},
		{"without a token", "GET", "composer.googleapis.com/v1/" + prod, "", "Unauthorized {"},
		{"an object", "GET", object + "?alt=media", viewer, "OK 1,2"},
		{"an object, without a role", "GET", object, stranger, "Forbidden {"},
		{"removal by a viewer", "DELETE", object + "?ifGenerationMatch=1", viewer, "Forbidden {"},
		{"a subscription", "GET", "pubsub.googleapis.com/v1/" + pullName, viewer, "OK " + pullResource},
		{"publishing as a viewer", "POST", "pubsub.googleapis.com/v1/" + topic + ":publish", viewer, "Forbidden {"},
		{"a disabled API", "GET", "eventarc.googleapis.com/v1/x/triggers", viewer, `Forbidden {"error":{"code":403,"details":[{"@type":"type.` +
			`googleapis.com/google.rpc.ErrorInfo","domain":"googleapis.com","metadata":{"consumer":"projects/123456"},"reason":"SERVICE_DISABLED"`},
		{"a function", "GET", "cloudfunctions.googleapis.com/v2/" + lambda, viewer, `OK {"state":"ACTIVE"}`},
		{"no such service", "GET", "run.googleapis.com/v2/projects/acme/locations/l/services/f", viewer, "Not Found {"},
		{"a policy", "POST", "cloudresourcemanager.googleapis.com/v1/projects/acme:getIamPolicy", viewer, `OK {"bindings":[]}`},
		{"a policy, without a role", "GET", "storage.googleapis.com/storage/v1/b/acme/iam", stranger, "Forbidden {"},
		{"Airflow", "GET", host2 + "/api/v1/dags", viewer, "OK Airflow as op"},
		{"Airflow without a role", "GET", host2 + "/api/v1/dags", stranger, "Forbidden <!DOCTYPE html>"},
		{"Airflow without a token", "GET", host2 + "/api/v1/dags", "", "Found <!DOCTYPE html>"},
		{"a closed network", "GET", "closed.appspot.com/", viewer, "Forbidden <!DOCTYPE html>"},
		{"no such host", "GET", "none.appspot.com/", viewer, "Not Found <!DOCTYPE html>"},
	} {
		if got := send(g, row.method, row.url, row.authorization); !strings.HasPrefix(got, row.want) {
			t.Errorf("%s:\n%s, want\n%s", row.name, got, row.want)
		}
	}
	if got := g.Asked("composer.googleapis.com"); got != 3 {
		t.Errorf("%d requests to Composer, want 3", got)
	}
}

func TestIdentityAwareProxyRefusesForeignTokens(t *testing.T) {
	t.Parallel()
	g := newGoogle(t)
	const refused = "Unauthorized Invalid IAP credentials: "
	for _, row := range []struct{ name, token, want string }{
		{"none", "", refused + "empty token"},
		{"not a JWT", "x", refused + "Unable to parse JWT"},
		{"another audience", g.IDToken(robot, "other", true), refused + "Invalid bearer token. Invalid JWT audience."},
		{"no e-mail", g.IDToken(robot, "client", false), refused + "JWT 'email' claim isn't a string"},
		{"signed by another", g.IDToken(robot, "client", true) + "x", refused + "JWT signature is invalid"},
		{"no role", g.IDToken(guest, "client", true), "Forbidden You don't have access"},
		{"allowed", g.IDToken(robot, "client", true), "OK Airflow as op"},
	} {
		if got := send(g, http.MethodPost, host1+"/", "Bearer "+row.token); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestForgottenTokensAreRefused(t *testing.T) {
	t.Parallel()
	g := newGoogle(t)
	token := "Bearer " + g.AccessToken(robot)
	g.ForgetTokens()
	if got := send(g, http.MethodGet, host2+"/", token); !strings.HasPrefix(got, "Unauthorized ") {
		t.Errorf("got %s", got)
	}
}

func TestGoogleReportsUnknownRequests(t *testing.T) {
	t.Parallel()
	var got int
	g := googlesim.New(googlesim.Config{
		Accounts: []googlesim.Account{{Email: robot, Roles: []string{"roles/owner"}}}, Unknown: func(*http.Request) { got++ },
	})
	owner := "Bearer " + g.AccessToken(robot)
	for _, url := range []string{
		"composer.googleapis.com/v1/projects", "oauth2.googleapis.com/other", "iamcredentials.googleapis.com/v1", "eventarc.googleapis.com/v1/x",
		"pubsub.googleapis.com/", "storage.googleapis.com/",
	} {
		got = 0
		if answer := send(g, http.MethodGet, url, owner); got != 1 || !strings.HasPrefix(answer, "Not Found ") {
			t.Errorf("%s: reported %d times, %s", url, got, answer)
		}
	}
}

func TestServeReportsAnInvalidSubscription(t *testing.T) {
	t.Parallel()
	var requests []string
	g := googlesim.New(googlesim.Config{
		Subscriptions: []string{`{"name":`}, Unknown: func(r *http.Request) { requests = append(requests, r.URL.Path) },
	})
	const want = "the config: decoding a subscription: unexpected end of JSON input"
	if _, err := g.Serve(t.Context()); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "https://pubsub.googleapis.com/v1/x", nil))
	if len(requests) != 1 {
		t.Errorf("unknown requests %q, want one", requests)
	}
}
