// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

const (
	robot     = "robot@acme.iam.gserviceaccount.com"
	longRobot = "a-service-account-of-many-words@a-project-of-many-words.iam.gserviceaccount.com"
	host2     = "1a2b-dot-europe-west1.composer.googleusercontent.com"
	host1     = "0a1b-tp.appspot.com"
	clientID  = "123-abc.apps.googleusercontent.com"
	prod      = "projects/acme/locations/europe-west1/environments/prod"

	composer33 = "composer-3-airflow-3.1.7-build.12"
	composer21 = "composer-2.9.7-airflow-2.9.3"
	composer20 = "composer-2.0.9-airflow-2.2.3"
	composer1  = "composer-1.17.0-airflow-1.10.15"
)

// world is a healthy deployment, which each test makes ill in one way.
type world struct {
	t       *testing.T
	google  googlesim.Config
	airflow airflowsim.Config
	account identity.Account
	target  doctor.Target

	real   http.Handler // in place of the embedded Airflow
	sim    *airflowsim.Server
	served *googlesim.Served
}

// newWorld is an environment of that image, with the DAG load and a route to it.
func newWorld(t *testing.T, image string) *world {
	t.Helper()
	w := &world{t: t, account: identity.Account{Type: identity.Attached, Email: robot, From: "the metadata server"}}
	env := googlesim.Environment{Name: prod, Host: host2, Image: image}
	w.airflow = airflowsim.Config{
		Version: airflowsim.Airflow211,
		Users: []airflowsim.User{
			{Name: "op", Password: "op", Role: airflowsim.Op}, {Name: "viewer", Password: "viewer", Role: airflowsim.Viewer},
		},
		DAGs:    []airflowsim.DAG{{ID: "load"}},
		Unknown: func(r *http.Request) { t.Errorf("Airflow has no answer to %s %s", r.Method, r.URL) },
	}
	switch image {
	case composer33:
		w.airflow.Version = airflowsim.Airflow33
	case composer1:
		w.airflow.Version, w.airflow.Auth = airflowsim.Airflow110, airflowsim.AuthBasic
		env.Host, env.ClientID = host1, clientID
	}
	roles := []string{"roles/composer.user", "roles/eventarc.viewer", "roles/pubsub.viewer"}
	w.google = googlesim.Config{
		Accounts:     []googlesim.Account{{Email: robot, ID: "1", Roles: roles}, {Email: longRobot, ID: "2", Roles: roles}},
		Environments: []googlesim.Environment{env},
		Triggers: []string{
			`{"name":"projects/acme/locations/eu/triggers/other","destination":{"cloudRun":{"service":"other"}}}`,
			`{"name":"projects/acme/locations/eu/triggers/uploads","destination":{"cloudRun":{"service":"dagtrigger"}},` +
				`"transport":{"pubsub":{"subscription":"projects/acme/subscriptions/eventarc-eu-uploads-sub-1"}}}`,
		},
		Subscriptions: []string{`{"name":"projects/acme/subscriptions/eventarc-eu-uploads-sub-1","ackDeadlineSeconds":600,
			"retryPolicy":{"minimumBackoff":"10s","maximumBackoff":"600s"},
			"deadLetterPolicy":{"deadLetterTopic":"projects/acme/topics/dead"},"expirationPolicy":{}}`},
		Unknown: func(r *http.Request) { t.Errorf("Google has no answer to %s %s", r.Method, r.URL) },
	}
	w.target = doctor.Target{
		Environments: map[string]environment.Spec{"default": {Composer: prod}},
		Name:         func(field string) string { return strings.ToUpper(field) },
		Routes:       []doctor.Route{{Name: "sales", Environment: "default", DAGs: []string{"load"}}},
		Platform:     doctor.Platform{Project: "acme", Service: "dagtrigger"},
		Patience:     10 * time.Second,
	}
	return w
}

// env is the world's one environment.
func (w *world) env() *googlesim.Environment { return &w.google.Environments[0] }

// start builds what the test has set.
func (w *world) start() {
	w.t.Helper()
	var err error
	if w.sim, err = airflowsim.New(w.airflow); err != nil {
		w.t.Fatal(err)
	}
	w.env().Airflow = w.sim
	if w.real != nil {
		w.env().Airflow = w.real
	}
	if w.served, err = googlesim.New(w.google).Serve(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.served.Close)
	if w.target.Transport == nil {
		w.target.Transport = w.served.Transport()
	}
	if w.target.Google == nil {
		w.target.Google = identity.NewGoogle(w)
	}
	n := &w.target.Network
	if n.Resolve == nil {
		n.Resolve = w.served.LookupNetIP
	}
	if n.Dial == nil {
		n.Dial = w.served.DialContext
	}
	if n.Roots == nil {
		n.Roots = w.served.Roots()
	}
	if n.Proxy == nil {
		n.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	}
	if n.Local == nil {
		n.Local = func(context.Context, netip.Addr) (netip.Addr, error) { return netip.MustParseAddr("10.0.0.7"), nil }
	}
}

// The world's account is a source of Google's tokens.

func (w *world) AccessToken(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: w.served.AccessToken(w.account.Email), Expiry: time.Now().Add(time.Hour)}, nil
}

func (w *world) IDToken(_ context.Context, audience string) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: w.served.IDToken(w.account.Email, audience, true), Expiry: time.Now().Add(time.Hour)}, nil
}

func (w *world) Account(context.Context) (identity.Account, error) { return w.account, nil }

// examine runs the checks, and fails the test where a run was started.
func (w *world) examine() ([]doctor.Result, doctor.Summary) {
	w.t.Helper()
	if w.served == nil {
		w.start()
	}
	var report doctor.Report
	var shown strings.Builder
	table := doctor.Table(&shown, nil)
	summary := doctor.Run(w.t.Context(), w.target, func(r doctor.Result) {
		report.Observe(r)
		table(r)
	})
	if err := report.JSON(&shown, summary); err != nil {
		w.t.Error(err)
	}
	for _, secret := range append(w.served.Secrets(), planted) {
		if strings.Contains(shown.String(), secret) {
			w.t.Errorf("a secret shows: %s", shown.String())
		}
	}
	if runs := w.sim.Runs(); len(runs) > 0 {
		w.t.Errorf("the examination started %d runs", len(runs))
	}
	return report.Results, summary
}

// planted is a password or a token that must never be seen.
const planted = "planted-hush-hush"

// wants fails the test where a check's finding is another one.
func (w *world) wants(all []doctor.Result, check, want string) {
	w.t.Helper()
	if got := text(result(w.t, all, check).Finding); got != want {
		w.t.Errorf("%s:\n got %s\nwant %s", check, got, want)
	}
}

// result is the first one of that check.
func result(t *testing.T, all []doctor.Result, check string) doctor.Result {
	t.Helper()
	for _, r := range all {
		if r.Check == check {
			return r
		}
	}
	t.Fatalf("there is no result of the check %q", check)
	return doctor.Result{}
}

// text is a finding in one text: its status, why, and each fix.
func text(f doctor.Finding) string {
	text := string(f.Status) + ": " + f.Why
	for _, fix := range f.Fixes {
		text += "\n"
		if fix.If != "" {
			text += "if " + fix.If + ": "
		}
		text += fix.Do
	}
	return text
}

// fixes are those of the function's own table of causes, in its words.
func fixes(t *testing.T, names ...string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range names {
		i := slices.IndexFunc(airflow.Causes(), func(c airflow.Cause) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("there is no cause %q", name)
		}
		c := airflow.Causes()[i]
		text.WriteString("\nif " + c.Means + ": " + c.Fix)
	}
	return text.String()
}

// addRole is what gives a registered account another role.
const addRole = "gcloud composer environments run prod --project=acme --location=europe-west1 users add-role -- -e " + robot + " -r Op"

// fixesLookedUp are fixes of an environment whose address was looked up.
func fixesLookedUp(t *testing.T, name string) string {
	t.Helper()
	for _, c := range airflow.Causes() {
		if c.Name == name && c.LookedUp != "" {
			return "\nif " + c.Means + ": " + c.LookedUp
		}
	}
	t.Fatalf("no fix %q", name)
	return ""
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
