// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// Google's libraries read the environment of their process, and remember what
// they found. So each case is a separate process: this test's program, given
// by a variable what to ask.
const askVariable = "DAGTRIGGER_TEST_ASK"

func TestMain(m *testing.M) {
	what := os.Getenv(askVariable)
	if what == "" {
		os.Exit(m.Run())
	}
	answer, err := askAs(context.Background(), what)
	if err != nil {
		answer = "error: " + err.Error()
	}
	fmt.Print(answer)
}

// askAs is what the process does: print the account, or get a page of a web
// server with an access token or an ID token.
func askAs(ctx context.Context, what string) (string, error) {
	transport := airflow.NewTransport(1)
	google := identity.NewGoogle(&identity.ADC{Transport: transport})
	if what == "account" {
		account, err := google.Account(ctx)
		return fmt.Sprintf("%s|%s|%s", account.Type, account.Email, account.From), err
	}
	root, err := url.Parse("https://" + what)
	if err != nil {
		return "", err
	}
	var credentials identity.Method = identity.NewIAP(google, root, "", transport)
	if identity.IsComposer(root.Host) {
		if credentials, err = google.For(root, false, false); err != nil {
			return "", err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, root.String()+"/api/v1/hello", nil)
	if err != nil {
		return "", err
	}
	if err := credentials.Authorize(req); err != nil {
		return "", err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.Status + " " + string(text), err
}

const (
	composerHost = "1a2b-dot-europe-west1.composer.googleusercontent.com"
	iapHost      = "0a1b-tp.appspot.com"
	robot        = "robot@acme.iam.gserviceaccount.com"
	person       = "ann@example.com"
)

// world is a Google with two web servers, and a home folder.
type world struct {
	*googlesim.Served
	t    *testing.T
	home string
}

func newWorld(t *testing.T, change func(*googlesim.Config)) *world {
	t.Helper()
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	config := googlesim.Config{
		Attached: robot, Project: "acme",
		Accounts: []googlesim.Account{
			{Email: robot, Roles: []string{"roles/composer.user"}},
			{Email: person, Roles: []string{"roles/composer.user"}, MayActAs: []string{robot}},
		},
		Environments: []googlesim.Environment{
			{Host: composerHost, Image: "composer-3-airflow-2.10.5-build.26", Airflow: hello},
			{Host: iapHost, Image: "composer-1.20.12-airflow-2.4.3", ClientID: clientID, Airflow: hello},
		},
		Unknown: func(r *http.Request) { t.Errorf("no answer to %s %s", r.Method, r.URL) },
	}
	if change != nil {
		change(&config)
	}
	served, err := googlesim.New(config).Serve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	w := &world{Served: served, t: t, home: t.TempDir()}
	w.write("authority.pem", served.Authority())
	return w
}

func (w *world) write(name string, content []byte) string {
	w.t.Helper()
	path := filepath.Join(w.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// login leaves a file where gcloud does.
func (w *world) login(content []byte) {
	w.t.Helper()
	w.write(".config/gcloud/application_default_credentials.json", content)
}

// ask runs the process, and fails the test where a secret shows in its answer.
func (w *world) ask(what string, more ...string) string {
	w.t.Helper()
	program, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), program)
	cmd.Env = append(w.Variables(filepath.Join(w.home, "authority.pem")),
		"HOME="+w.home, "PATH=/nowhere", askVariable+"="+what,
		"GOCOVERDIR="+w.home) // without it a program built for coverage complains
	cmd.Env = append(cmd.Env, more...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	for _, secret := range w.Secrets() {
		if strings.Contains(string(out), secret) {
			w.t.Errorf("a secret shows in %s", out)
		}
	}
	return string(out)
}

func (w *world) wants(want, what string, more ...string) {
	w.t.Helper()
	if got := w.ask(what, more...); got != want {
		w.t.Errorf("asking %s:\n got %s\nwant %s", what, got, want)
	}
}

func TestAttachedAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.wants("200 OK hello", composerHost)
	w.wants("200 OK hello", iapHost)
	w.wants("the attached service account|"+robot+"|the metadata server", "account")
}

func TestServiceAccountKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *googlesim.Config) { c.Attached = "" })
	file := w.write("key.json", w.Key(robot))
	key := "GOOGLE_APPLICATION_CREDENTIALS=" + file
	w.wants("200 OK hello", composerHost, key)
	w.wants("200 OK hello", iapHost, key)
	w.wants("a service account's key|"+robot+"|GOOGLE_APPLICATION_CREDENTIALS, "+file, "account", key)

	w.Key(robot) // a new one takes its place
	const refused = "the key of " + robot + " is refused: it was deleted, its account is disabled, or this clock is wrong " +
		"(oauth2.googleapis.com answers 400 invalid_grant): gcloud iam service-accounts keys list --iam-account=" + robot
	w.wants("error: obtaining a Google access token: "+refused, composerHost, key)
	w.wants("error: obtaining an ID token for Identity-Aware Proxy: "+refused, iapHost, key)
}

func TestUserLoginHasNoIDToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.Login(person))
	w.wants("200 OK hello", composerHost)
	w.wants("a user's own login|"+person+"|gcloud auth application-default login", "account")
	w.wants("error: obtaining an ID token for Identity-Aware Proxy: a user's own login cannot make the ID token that Identity-Aware "+
		"Proxy asks for: "+
		"act as a service account: gcloud auth application-default login --impersonate-service-account=ACCOUNT", iapHost)
	w.ForgetLogins()
	w.wants("error: obtaining a Google access token: the login has expired or was revoked "+
		"(oauth2.googleapis.com answers 400 invalid_grant): gcloud auth application-default login", composerHost)
}

func TestImpersonation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.Impersonation(person, robot))
	w.wants("200 OK hello", composerHost)
	w.wants("200 OK hello", iapHost)
	w.wants("an impersonated service account|"+robot+"|gcloud auth application-default login", "account")

	w.Fail("iamcredentials.googleapis.com", http.StatusServiceUnavailable, "")
	w.wants("error: obtaining a Google access token: Google's token server gives no token "+
		"(iamcredentials.googleapis.com answers 503): try again; see https://status.cloud.google.com", composerHost)
	w.wants("error: obtaining an ID token for Identity-Aware Proxy: Google's token server gives no token "+
		"(iamcredentials.googleapis.com answers 503): try again; see https://status.cloud.google.com", iapHost)
}

func TestImpersonationWithoutPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *googlesim.Config) { c.Accounts[1].MayActAs = nil })
	w.login(w.Impersonation(person, robot))
	const fix = "gcloud iam service-accounts add-iam-policy-binding " + robot +
		" --project=acme --member=user:EMAIL --role=roles/iam.serviceAccountTokenCreator"
	w.wants("error: obtaining a Google access token: the caller may not act as "+robot+
		" (iamcredentials.googleapis.com answers 403 IAM_PERMISSION_DENIED): "+fix, composerHost)
	w.wants("error: obtaining an ID token for Identity-Aware Proxy: the caller may not act as "+robot+
		" (iamcredentials.googleapis.com answers 403): "+fix, iapHost)
}

func TestImpersonationWithoutItsAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *googlesim.Config) { c.Disabled = []string{"iamcredentials.googleapis.com"} })
	w.login(w.Impersonation(person, robot))
	w.wants("error: obtaining a Google access token: the IAM Service Account Credentials API is not enabled in the project of "+robot+
		": gcloud services enable iamcredentials.googleapis.com --project=acme", composerHost)
}

func TestServiceWithoutAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *googlesim.Config) { c.Attached = "" })
	const want = "the metadata server knows no service account: give the function one: gcloud run services update SERVICE " +
		"--region=REGION --service-account=ACCOUNT"
	w.wants("error: obtaining a Google access token: "+want, composerHost)
	w.wants("error: obtaining an ID token for Identity-Aware Proxy: "+want, iapHost)
	w.wants("error: "+want, "account")
}

func TestMetadataServerRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.Fail("metadata", http.StatusForbidden, "")
	const want = "the metadata server gives no token (it answers 403): see that the service account ACCOUNT exists and is enabled: " +
		"gcloud iam service-accounts describe ACCOUNT"
	w.wants("error: obtaining a Google access token: "+want, composerHost)
	w.wants("error: obtaining an ID token for Identity-Aware Proxy: "+want, iapHost)
}

func TestInvalidCredentialsFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, tt := range []struct{ name, content, want string }{
		{"missing", "", "no such file or directory"},
		{"garbage", "ya29.hush", "it holds no credentials of a known type"},
		{"another type", `{"type":"hush"}`, "it holds no credentials of a known type"},
	} {
		file := filepath.Join(w.home, tt.name)
		if tt.content != "" {
			w.write(tt.name, []byte(tt.content))
		}
		w.wants("error: obtaining a Google access token: the file "+file+" of GOOGLE_APPLICATION_CREDENTIALS cannot be used ("+tt.want+
			"): name a readable credentials file, or unset GOOGLE_APPLICATION_CREDENTIALS", composerHost, "GOOGLE_APPLICATION_CREDENTIALS="+file)
	}
}
