// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

const (
	robot        = "robot@acme.iam.gserviceaccount.com"
	prod         = "projects/acme/locations/europe-west1/environments/prod"
	composerHost = "1a2b-dot-europe-west1.composer.googleusercontent.com"
	iapHost      = "0a1b-tp.appspot.com"
	iapClientID  = "123-abc.apps.googleusercontent.com"
)

// onGoogle is an embedded Google with one environment, whose Airflow is
// embedded too.
type onGoogle struct {
	*googlesim.Served
	sim      *airflowsim.Server
	settings []string
}

func newGoogle(t *testing.T, version airflowsim.Version, env googlesim.Environment) onGoogle {
	t.Helper()
	config := airflowsim.Config{
		Version: version, ExperimentalAPI: true, DAGs: []airflowsim.DAG{{ID: "load"}},
		Users:   []airflowsim.User{{Name: "op", Password: "op", Role: airflowsim.Op}},
		Unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) },
	}
	if version == airflowsim.Airflow110 {
		config.Auth = airflowsim.AuthBasic
	}
	sim, err := airflowsim.New(config)
	if err != nil {
		t.Fatal(err)
	}
	env.Name, env.Airflow = prod, sim
	served, err := googlesim.New(googlesim.Config{
		Attached: robot, Project: "acme",
		Accounts:     []googlesim.Account{{Email: robot, ID: "1", Roles: []string{"roles/composer.user"}}},
		Environments: []googlesim.Environment{env},
		Unknown:      func(r *http.Request) { t.Errorf("unknown route: %s %s%s", r.Method, r.Host, r.URL) },
	}).Serve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	authority := filepath.Join(t.TempDir(), "authority.pem")
	write(t, authority, string(served.Authority()))
	return onGoogle{served, sim, append(served.Variables(authority), "HOME="+t.TempDir(), "DAG_ID=load", "LOG_LEVEL=debug")}
}

// The function as it is built and deployed: an environment's name and the
// attached account are all that it is given.
func TestComposerEnvironmentIsLookedUp(t *testing.T) {
	t.Parallel()
	binary := buildFunction(t)
	for _, tt := range []struct {
		image, host, iap string
		version          airflowsim.Version
	}{
		{"composer-3-airflow-3.1.7-build.12", composerHost, "", airflowsim.Airflow33},
		{"composer-2.9.7-airflow-2.9.3", composerHost, "", airflowsim.Airflow211},
		{"composer-1.20.12-airflow-2.4.3", iapHost, iapClientID, airflowsim.Airflow211},
		{"composer-1.17.0-airflow-1.10.15", iapHost, iapClientID, airflowsim.Airflow110},
	} {
		t.Run(tt.image, func(t *testing.T) {
			t.Parallel()
			g := newGoogle(t, tt.version, googlesim.Environment{Host: tt.host, Image: tt.image, ClientID: tt.iap})
			url := startFunction(t, binary, append(g.settings, "COMPOSER_ENVIRONMENT="+prod)...)
			for i, outcome := range []string{"triggered", "duplicate"} {
				status, body := post(t, url, upload("acme", "a.csv", 1))
				if status != http.StatusOK || !strings.Contains(body, `"outcome":"`+outcome+`"`) {
					t.Errorf("delivery %d was answered %d %s", i+1, status, body)
				}
			}
			if runs := g.sim.Runs("load"); len(runs) != 1 {
				t.Errorf("Airflow holds %d runs, want 1", len(runs))
			}
		})
	}
}

// Through failures of every part on the way, no token is in an answer or in
// what the function writes.
func TestNoTokenInLogsAndResponses(t *testing.T) {
	t.Parallel()
	const composerAPI = "composer.googleapis.com"
	binary := buildFunction(t)
	for name, env := range map[string]googlesim.Environment{
		"access token": {Host: composerHost, Image: "composer-3-airflow-3.1.7-build.12"},
		"ID token":     {Host: iapHost, Image: "composer-1.20.12-airflow-2.4.3", ClientID: iapClientID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGoogle(t, airflowsim.Airflow33, env)
			function := startInstance(t, binary, append(g.settings, "COMPOSER_ENVIRONMENT="+prod)...)
			answers := new(bytes.Buffer)
			deliver := func(generation int) {
				_, body := post(t, function.url, upload("acme", "a.csv", generation))
				answers.WriteString(body)
			}
			g.Fail("metadata", http.StatusForbidden, "")
			deliver(1)
			g.Fail("metadata", 0, "")
			g.Fail(composerAPI, http.StatusServiceUnavailable, "")
			deliver(2)
			g.Fail(composerAPI, 0, "")
			deliver(3)
			g.ForgetTokens()
			deliver(4)
			for i, status := range []int{200, 302, 401, 403, 404, 500, 503} {
				g.Fail(env.Host, status, strings.Join(g.Secrets(), " "))
				deliver(5 + i)
			}
			g.Fail(env.Host, 0, "")
			g.SetRoles(robot)
			deliver(20)
			if len(g.Secrets()) < 2 || !strings.Contains(function.written.String(), `"outcome"`) {
				t.Fatalf("%d tokens were made; the function wrote %s", len(g.Secrets()), function.written.String())
			}
			for _, secret := range g.Secrets() {
				if strings.Contains(answers.String()+function.written.String(), secret) {
					t.Errorf("a token shows in\n%s\n%s", answers, function.written.String())
				}
			}
		})
	}
}

// A secret in a setting shows neither in what is refused at the start, nor
// where Airflow refuses it.
func TestNoPasswordInLogsAndResponses(t *testing.T) {
	t.Parallel()
	const planted = "planted-4711"
	binary := buildFunction(t)
	t.Run("invalid settings", func(t *testing.T) {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), binary)
		cmd.Env = []string{
			"FUNCTION_TARGET=TriggerDAG", "PORT=1", "AIRFLOW_URL=https://user:" + planted + "@airflow.example.com/?token=" + planted,
			"AIRFLOW_PASSWORD=" + planted, "AIRFLOW_TOKEN=" + planted, "AIRFLOW_TOKEN_FILE=/x",
			"AIRFLOW_OAUTH2_CLIENT_SECRET=" + planted, "AIRFLOW_HEADERS=" + planted + "\nHost: " + planted,
		}
		out, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("AIRFLOW_URL carries a user or a password")) || bytes.Contains(out, []byte(planted)) {
			t.Errorf("ended with %v: %s", err, out)
		}
	})
	airflow := newAirflow(t)
	for _, auth := range []string{"basic", "password", "bearer", "oauth2"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			settings := []string{
				"AIRFLOW_URL=" + airflow.URL, "DAG_ID=load", "LOG_LEVEL=debug", "AIRFLOW_AUTH=" + auth,
				"AIRFLOW_HEADERS=X-Api-Key: " + planted + "\nCookie: a=" + planted,
			}
			switch auth {
			case "bearer":
				settings = append(settings, "AIRFLOW_TOKEN=Bearer "+planted)
			case "oauth2":
				settings = append(settings, "AIRFLOW_OAUTH2_TOKEN_URL="+airflow.URL+"/auth/token", "AIRFLOW_OAUTH2_CLIENT_ID=robot",
					"AIRFLOW_OAUTH2_CLIENT_SECRET="+planted)
			default:
				settings = append(settings, "AIRFLOW_USERNAME=robot", "AIRFLOW_PASSWORD="+planted)
			}
			function := startInstance(t, binary, settings...)
			_, body := post(t, function.url, upload("acme", "a.csv", 1))
			if said := body + function.written.String(); strings.Contains(said, planted) || !strings.Contains(said, `"outcome"`) {
				t.Errorf("the function said %s", said)
			}
		})
	}
}
