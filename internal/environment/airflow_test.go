// SPDX-License-Identifier: Apache-2.0

package environment_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

const (
	robot       = "robot@acme.iam.gserviceaccount.com"
	longRobot   = "a-service-account-of-many-words@a-project-of-many-words.iam.gserviceaccount.com"
	composerAPI = "composer.googleapis.com"
	host2       = "1a2b-dot-europe-west1.composer.googleusercontent.com"
	host1       = "0a1b-tp.appspot.com"
	clientID    = "123-abc.apps.googleusercontent.com"
)

// account is a source whose tokens the embedded Google makes.
type account struct {
	google *googlesim.Google
	email  string
}

func (a account) AccessToken(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: a.google.AccessToken(a.email), Expiry: time.Now().Add(time.Hour)}, nil
}

func (a account) IDToken(_ context.Context, audience string) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: a.google.IDToken(a.email, audience, true), Expiry: time.Now().Add(time.Hour)}, nil
}

func (a account) Account(context.Context) (identity.Account, error) {
	return identity.Account{Type: identity.Attached, Email: a.email}, nil
}

// newAirflow is an embedded Airflow of the DAG load, whose Op the front signs in as.
func newAirflow(t *testing.T, version airflowsim.Version) *airflowsim.Server {
	t.Helper()
	c := airflowsim.Config{
		Version: version, ExperimentalAPI: true,
		Users:   []airflowsim.User{{Name: "op", Password: "op", Role: airflowsim.Op}},
		DAGs:    []airflowsim.DAG{{ID: "load"}},
		Unknown: func(r *http.Request) { t.Errorf("Airflow has no answer to %s %s", r.Method, r.URL) },
	}
	if version == airflowsim.Airflow110 {
		c.Auth = airflowsim.AuthBasic
	}
	s, err := airflowsim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newGoogle is an embedded Google in front of environments, which all are named prod.
func newGoogle(t *testing.T, environments ...googlesim.Environment) *googlesim.Served {
	t.Helper()
	for i := range environments {
		environments[i].Name = composerName
	}
	served, err := googlesim.New(googlesim.Config{
		Accounts: []googlesim.Account{
			{Email: robot, ID: "1", Roles: []string{"roles/composer.user"}},
			{Email: longRobot, ID: "2", Roles: []string{"roles/composer.user"}},
		},
		Environments: environments,
		Unknown:      func(r *http.Request) { t.Errorf("Google has no answer to %s %s", r.Method, r.URL) },
	}).Serve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	return served
}

func options(g *googlesim.Served, email string) environment.Options {
	return environment.Options{Transport: g.Transport(), Google: identity.NewGoogle(account{g.Google, email})}
}

func newClient(t *testing.T, spec environment.Spec, o environment.Options) *environment.Airflow {
	t.Helper()
	c, err := environment.New(spec, plain, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func trigger(t *testing.T, c *environment.Airflow, runID string) error {
	t.Helper()
	_, err := c.Start(t.Context(), airflow.Run{DAGID: "load", RunID: runID, Conf: []byte(`{"a":1}`)}, pressure.Policy{})
	return err
}

// wantsError fails the test where err is no [*airflow.Error] of that kind and text.
func wantsError(t *testing.T, err error, kind airflow.Kind, want string) {
	t.Helper()
	e, ok := errors.AsType[*airflow.Error](err)
	if !ok || e.Kind != kind || e.Error() != want {
		t.Errorf("got  %v\nwant %s: %s", err, kind, want)
	}
}

func TestEnvironmentNameSufficesForEveryComposer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		image   string
		host    string
		iap     string
		airflow airflowsim.Version
		api     airflow.API
	}{
		{"composer-3-airflow-3.1.7-build.12", host2, "", airflowsim.Airflow33, airflow.V2},
		{"composer-3-airflow-2.10.5-build.26", host2, "", airflowsim.Airflow211, airflow.V1},
		{"composer-2.9.7-airflow-2.9.3", host2, "", airflowsim.Airflow211, airflow.V1},
		{"composer-1.20.12-airflow-2.4.3", host1, clientID, airflowsim.Airflow211, airflow.V1},
		{"composer-1.17.0-airflow-1.10.15", host1, clientID, airflowsim.Airflow110, airflow.Experimental},
		{"composer-4-airflow-3.9.9-newer.1", host2, "", airflowsim.Airflow33, airflow.V2}, // an unknown form: Airflow is asked
	}
	for _, tt := range tests {
		t.Run(tt.image, func(t *testing.T) {
			t.Parallel()
			sim := newAirflow(t, tt.airflow)
			g := newGoogle(t, googlesim.Environment{Host: tt.host, Image: tt.image, ClientID: tt.iap, Airflow: sim})
			c := newClient(t, environment.Spec{Composer: composerName}, options(g, robot))
			if asked := len(g.Sent()); asked != 0 {
				t.Errorf("New made %d requests", asked)
			}
			for _, runID := range []string{"first", "second"} {
				if err := trigger(t, c, runID); err != nil {
					t.Fatal(err)
				}
			}
			run, err := c.Find(t.Context(), "load", "second")
			if err != nil || run.RunID != "second" {
				t.Errorf("found %+v, %v", run, err)
			}
			client, err := c.Client(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if api, err := client.DetectAPI(t.Context()); api != tt.api || err != nil {
				t.Errorf("API = %s, %v", api, err)
			}
			if len(sim.Runs("load")) != 2 || g.Asked(composerAPI) != 1 {
				t.Errorf("%d runs, %d look-ups", len(sim.Runs("load")), g.Asked(composerAPI))
			}
		})
	}
}

func TestSettingsOverrideTheLookup(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, googlesim.Environment{
		Host: host2, Image: "composer-2.9.7-airflow-2.9.3", Airflow: newAirflow(t, airflowsim.Airflow211),
	})
	c := newClient(t, environment.Spec{Composer: composerName, API: "experimental", Auth: "google"}, options(g, robot))
	client, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if api, _ := client.DetectAPI(t.Context()); api != airflow.Experimental {
		t.Errorf("API = %s", api)
	}
}

func TestConcurrentCallsShareOneLookup(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, googlesim.Environment{
		Host: host2, Image: "composer-3-airflow-3.1.7-build.12", Airflow: newAirflow(t, airflowsim.Airflow33),
	})
	c := newClient(t, environment.Spec{Composer: composerName}, options(g, robot))
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			if _, err := c.Client(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if asked := g.Asked(composerAPI); asked != 1 {
		t.Errorf("%d look-ups", asked)
	}
	if connection, err := c.Connection(t.Context()); err != nil || connection.Composer.URL != "https://"+host2 ||
		connection.URL.Host != host2 {
		t.Errorf("connection = %+v, %v", connection, err)
	}
}

func TestWaitingRunIsRefusedWhereRunsCannotWait(t *testing.T) {
	t.Parallel()
	const hint = "; gcloud composer environments update prod --project=acme --location=europe-west1 " +
		"--remove-airflow-configs=scheduler-allow_trigger_in_future"
	for _, row := range []struct {
		image   string
		version airflowsim.Version
		setting string
		refused bool
	}{
		{"composer-2.9.7-airflow-2.9.3", airflowsim.Airflow211, "True", true},
		{"composer-2.9.7-airflow-2.9.3", airflowsim.Airflow211, "False", false},
		{"composer-2.9.7-airflow-2.9.3", airflowsim.Airflow211, "", false},
		{"composer-3-airflow-3.1.7-build.12", airflowsim.Airflow33, "True", false},
	} {
		g := newGoogle(t, googlesim.Environment{
			Host: host2, Image: row.image, Airflow: newAirflow(t, row.version),
			Overrides: map[string]string{environment.KeyInFuture: row.setting},
		})
		c := newClient(t, environment.Spec{Composer: composerName}, options(g, robot))
		if err := trigger(t, c, "now"); err != nil {
			t.Errorf("%s, %q: %v", row.image, row.setting, err)
		}
		_, err := c.Start(t.Context(), airflow.Run{DAGID: "load", RunID: "waits", RunAfter: time.Now().Add(time.Hour)}, pressure.Policy{})
		if row.refused {
			wantsError(t, err, airflow.Invalid,
				"invalid: not sent: the run is to wait, and the environment's [scheduler] allow_trigger_in_future lets none wait"+hint)
		} else if err != nil {
			t.Errorf("%s, %q: %v", row.image, row.setting, err)
		}
	}
}

func TestLookupErrorsNameTheFix(t *testing.T) {
	t.Parallel()
	image := "composer-3-airflow-3.1.7-build.12"
	const before = "no address: looking up " + composerName + ": "
	tests := []struct {
		name  string
		env   googlesim.Environment
		spec  environment.Spec
		roles []string
		want  string
	}{
		{"no such environment", googlesim.Environment{Image: image},
			environment.Spec{Composer: strings.Replace(composerName, "prod", "prd", 1)}, []string{"roles/composer.user"},
			"no address: looking up projects/acme/locations/europe-west1/environments/prd: there is no environment prd in europe-west1 of the " +
				"project acme; gcloud composer environments list --project=acme --locations=europe-west1"},
		{"no permission", googlesim.Environment{Image: image}, environment.Spec{Composer: composerName}, nil,
			before + "serviceAccount:" + robot +
				" may not read the environment prod: it lacks composer.environments.get, which roles/composer.user has; " +
				"gcloud projects add-iam-policy-binding acme --member=serviceAccount:" + robot + " --role=roles/composer.user"},
		{"not running", googlesim.Environment{Image: image, State: "CREATING"}, environment.Spec{Composer: composerName},
			[]string{"roles/composer.user"},
			before + "the environment prod is not running but CREATING; gcloud composer environments describe prod --project=acme " +
				"--location=europe-west1"},
		{"iap for Composer 3", googlesim.Environment{Image: image, Host: host2}, environment.Spec{Composer: composerName, Auth: "iap"},
			[]string{"roles/composer.user"},
			before + "https://" + host2 +
				" is a Composer 2 or 3 web server, which stands behind no Identity-Aware Proxy and takes an access token; set AIRFLOW_AUTH to " +
				"google, or leave it out"},
		{"a client id for Composer 3", googlesim.Environment{Image: image, Host: host2},
			environment.Spec{Composer: composerName, IAPClientID: clientID}, []string{"roles/composer.user"},
			before + "https://" + host2 +
				" is a Composer 2 or 3 web server, which stands behind no Identity-Aware Proxy and takes an access token; set AIRFLOW_AUTH to " +
				"google, or leave it out"},
		{"an address that is no Composer's", googlesim.Environment{Image: image, Host: "airflow.example.com"},
			environment.Spec{Composer: composerName}, []string{"roles/composer.user"},
			before + "setting up the credentials for https://airflow.example.com: a Google access token is not sent to airflow.example.com, which " +
				"is not Composer's; where it is meant to go there, name the kind google"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGoogle(t, tt.env)
			g.SetRoles(robot, tt.roles...)
			err := trigger(t, newClient(t, tt.spec, options(g, robot)), "run")
			wantsError(t, err, airflow.NoAddress, tt.want)
		})
	}
}

func TestDisabledComposerAPIIsNamed(t *testing.T) {
	t.Parallel()
	g, err := googlesim.New(googlesim.Config{
		Accounts: []googlesim.Account{{Email: robot}}, Disabled: []string{composerAPI},
		Unknown: func(r *http.Request) { t.Errorf("Google has no answer to %s", r.URL) },
	}).Serve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	err = trigger(t, newClient(t, environment.Spec{Composer: composerName}, options(g, robot)), "run")
	wantsError(t, err, airflow.NoAddress, "no address: looking up "+composerName+
		": the Composer API is not enabled in the project 123456; gcloud services enable composer.googleapis.com --project=123456")
}

func TestComposerAPIErrorIsTransient(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, googlesim.Environment{Host: host2, Image: "composer-3-airflow-3.1.7-build.12",
		Airflow: newAirflow(t, airflowsim.Airflow33)})
	c := newClient(t, environment.Spec{Composer: composerName}, options(g, robot))
	g.Fail(composerAPI, http.StatusServiceUnavailable, "")
	wantsError(t, trigger(t, c, "run"), airflow.Network, "network: looking up "+composerName+
		": the Composer API does not describe the environment prod (it answers 503); try again; or set AIRFLOW_URL in place of "+
		"COMPOSER_ENVIRONMENT, which asks nothing")
	g.Fail(composerAPI, 0, "")
	if err := trigger(t, c, "run"); err != nil {
		t.Errorf("after the trouble: %v", err)
	}
}

func TestLongAccountIsRefusedUntilRegistered(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, googlesim.Environment{Host: host2, Image: "composer-2.0.9-airflow-2.2.3", Airflow: newAirflow(t, airflowsim.Airflow211)})
	c := newClient(t, environment.Spec{Composer: composerName}, options(g, longRobot))
	e, ok := errors.AsType[*airflow.Error](trigger(t, c, "run"))
	if !ok || e.Kind != airflow.Unauthorized || !strings.Contains(e.Hint, "users create -- -u accounts.google.com:NUMERIC_ID") {
		t.Errorf("error = %v", e)
	}
	g.Change(composerName, func(e *googlesim.Environment) { e.Registered = []string{"2"} })
	if err := trigger(t, c, "run"); err != nil {
		t.Error(err)
	}
}

// Each kind, as it arrives at the web server.
func TestEveryAuthKindSignsIn(t *testing.T) {
	t.Parallel()
	var token atomic.Value
	seen := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/token" {
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"access_token":"airflows"}`)
			return
		}
		seen <- r.Header.Get("Authorization")
		token.Store(r.Header.Get("User-Agent"))
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	google := identity.NewGoogle(account{googlesim.New(googlesim.Config{}), robot})
	for _, tt := range []struct {
		spec environment.Spec
		want string // the beginning
	}{
		{environment.Spec{}, ""},
		{environment.Spec{Auth: "none"}, ""},
		{environment.Spec{Auth: "google"}, "Bearer ya29."},
		{environment.Spec{Auth: "iap", IAPClientID: clientID}, "Bearer eyJ"},
		{environment.Spec{Auth: "basic", Username: "robot", Password: "hush"}, "Basic cm9ib3Q6aHVzaA=="},
		{environment.Spec{Auth: "password", Username: "robot", Password: "hush"}, "Bearer airflows"},
		{environment.Spec{Auth: "bearer", Token: "hush"}, "Bearer hush"},
	} {
		tt.spec.URL, tt.spec.API = server.URL, "v2"
		c := newClient(t, tt.spec, environment.Options{Google: google, UserAgent: "dagtrigger/test"})
		_, _ = c.Find(t.Context(), "load", "run") // an HTML 404
		if got := <-seen; !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s sent %q, want %q", tt.spec.Auth, got, tt.want)
		}
		if token.Load() != "dagtrigger/test" {
			t.Errorf("%s called itself %q", tt.spec.Auth, token.Load())
		}
	}
}

// A redirect is an error, whatever it leads to: following it would carry the
// credentials along.
func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"https://evil.example/", "/api/v2/elsewhere", "http://127.0.0.1:1/", "//" + host2 + "/"} {
		asked := 0
		carrier := roundTrip(func(req *http.Request) (*http.Response, error) {
			asked++
			return &http.Response{StatusCode: http.StatusTemporaryRedirect, Header: http.Header{"Location": {to}}, Body: http.NoBody,
				Request: req}, nil
		})
		google := identity.NewGoogle(account{googlesim.New(googlesim.Config{}), robot})
		c := newClient(t, environment.Spec{URL: composerURL, API: "v2"}, environment.Options{Transport: carrier, Google: google})
		e, ok := errors.AsType[*airflow.Error](trigger(t, c, "run"))
		if !ok || e.Kind != airflow.LoginRedirect || asked != 1 {
			t.Errorf("to %s: %v after %d requests", to, e, asked)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
