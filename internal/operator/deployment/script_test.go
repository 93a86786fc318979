// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/real/realtest"
)

// scripts are those that come with the repository, and how they are made.
var scripts = map[string]func(*deployment.Plan) string{
	"deploy.sh":   (*deployment.Plan).Script,
	"undeploy.sh": (*deployment.Plan).UndoScript,
}

func TestScriptsMatchTheSampleRoutes(t *testing.T) {
	t.Parallel()
	p := sample(t)
	for name, made := range scripts {
		path := filepath.Join(root, "deploy/gcloud", name)
		if *update {
			if err := os.WriteFile(path, []byte(made(&p)), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(text), made(&p)); diff != "" {
			t.Errorf("%s is not what its routes make of it: run the tests with -update\n%s", name, diff)
		}
		if info, err := os.Stat(path); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s cannot be run: %v, %v", name, info.Mode(), err)
		}
	}
}

// everything has a source of each kind, secrets, stores and two environments.
const everything = `
environments:
  prod: {composer: projects/other-1/locations/europe-west1/environments/prod}
  lab: {url: "https://airflow.example.com", auth: bearer, token_file: /secrets/airflow/token}
dead_letter: gs://acme-dead-letters/dagtrigger
routes:
  - {name: own, on: message.published, subscription: orders-to-airflow, dag: load, environment: prod,
     dead_letter: pubsub://projects/acme-1/topics/dead}
  - {name: changes, on: [object.finalized, object.metadataUpdated], bucket: [acme-landing, acme_other.example.com],
     dag: load, environment: lab}
  - {name: orders, on: message.published, topic: Orders, dag: load, environment: prod}
  - {name: uploads, on: object.finalized, bucket: acme-landing, topic: uploads, dag: load, environment: prod}
  - {name: jobs, on: google.cloud.audit.log.v1.written, dag: load, environment: prod, attributes: {servicename: bigquery.googleapis.com,
     methodname: google.cloud.bigquery.v2.JobService.InsertJob, resourcename: "projects/*/jobs/{job=**}"}}
  - {name: users, on: google.cloud.firestore.document.v1.written, dag: load, environment: prod,
     attributes: {database: (default), document: "users/{user=*}"}}
  - {name: nightly, on: google.cloud.scheduler.job.v1.executed, source: //cloudscheduler.googleapis.com/nightly, dag: load,
     environment: prod}
  - {name: config, on: google.firebase.remoteconfig.remoteConfig.v1.updated, dag: load, environment: prod}
  - {name: alerts, on: datadog.v1.alert, dag: load, environment: prod, attributes: {kind: "it's"}}
`

func everythingPlanned(t *testing.T) deployment.Plan {
	t.Helper()
	p := plan(t, deployment.Settings{
		Routes: "routes.yaml", Connected: true, Composer: []string{"projects/other-1/locations/europe-west1/environments/prod"},
		DeadLetter: true, Stores: []string{"gs://acme-dead-letters/dagtrigger", "pubsub://projects/acme-1/topics/dead"},
		Variables: map[string]string{"LOG_LEVEL": "debug"}, Secrets: map[string]string{"/secrets/airflow/token": "airflow-token"},
		Schedules: map[string]string{"nightly": "0 2 * * 1-5"}, TimeZone: "Europe/Berlin",
		TypeLocations: map[string]string{"google.firebase.remoteconfig.remoteConfig.v1.updated": "global"},
		Channels:      map[string]string{"datadog.v1.alert": "projects/acme-1/locations/us-central1/channels/datadog"},
		Locations:     map[string]string{"acme-landing": "eu"}, Channel: "projects/acme-1/notificationChannels/17",
	}, everything)
	if len(p.Gaps) > 0 {
		t.Fatal(p.Gaps)
	}
	return p
}

// contained is everything as a container.
func contained(t *testing.T) deployment.Plan {
	t.Helper()
	p := everythingPlanned(t)
	s := p.Settings
	s.Image = "europe-west1-docker.pkg.dev/acme-1/images/dagtrigger:v1.2.3"
	return plan(t, s, everything)
}

func TestScriptsPassShellcheck(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("shellcheck"); err != nil {
		realtest.Need(t, func() error { return errors.New("shellcheck is missing: install the Debian package shellcheck") })
	}
	folder := t.TempDir()
	for name, p := range map[string]deployment.Plan{"sample": sample(t), "everything": everythingPlanned(t), "container": contained(t),
		"pulled": pulled(t)} {
		for script, made := range scripts {
			if err := os.WriteFile(filepath.Join(folder, name+"-"+script), []byte(made(&p)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.sh"))
	if err != nil || len(paths) != 8 {
		t.Fatal(paths, err)
	}
	if out, err := exec.CommandContext(t.Context(), "shellcheck", paths...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// scripted is a machine on which the scripts can be run.
type scripted struct {
	t   *testing.T
	env []string
}

// settings are those without which no script starts.
var settings = []string{"PROJECT=acme-1", "REGION=europe-west1",
	"COMPOSER_ENVIRONMENT=projects/acme-1/locations/europe-west1/environments/prod"}

// run runs a script, by its path or its name in the repository, from the root
// there, and returns all that it prints.
func (s scripted) run(name string, args ...string) (string, error) {
	s.t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join("deploy/gcloud", name)
	}
	cmd := exec.CommandContext(s.t.Context(), "bash", append([]string{name}, args...)...)
	cmd.Dir, cmd.Env = root, s.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A dry run prints what would be run, in a form that can be pasted, and runs
// nothing: here, there is no gcloud.
func TestDryRunRunsNoCommand(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, program := range []string{"bash", "cat", "cut", "sha256sum", "shasum"} {
		if path, err := exec.LookPath(program); err == nil {
			if err := os.Symlink(path, filepath.Join(folder, program)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := scripted{t, append([]string{"PATH=" + folder}, settings...)}
	out, err := s.run("deploy.sh", "--dry-run")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := sample(t)
	for _, step := range p.Steps() {
		if words := strings.Join(step.Do[:min(3, len(step.Do))], " "); step.Do[0] == "gcloud" && !strings.Contains(out, words) {
			t.Errorf("it does not print %s\n%s", words, out)
		}
	}
	const look, use = `NUMBER=$(gcloud projects describe acme-1 "--format=value(projectNumber)")`,
		`"--member=serviceAccount:service-$NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com"`
	if !strings.Contains(out, look) || !strings.Contains(out, use) {
		t.Errorf("it prints neither %s nor %s\n%s", look, use, out)
	}
	if out, err := s.run("undeploy.sh", "--dry-run"); err != nil || strings.Contains(out, "dead-letters --project") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := s.run("undeploy.sh", "--dry-run", "--dead-letters"); err != nil || !strings.Contains(out,
		"gcloud pubsub subscriptions delete dagtrigger-dead-letters --project=acme-1") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestScriptsRefuseToGuess(t *testing.T) {
	t.Parallel()
	path := "PATH=" + os.Getenv("PATH")
	for _, row := range []struct {
		name, script string
		args, env    []string
		want         string
	}{
		{"no project", "deploy.sh", nil, nil, "PROJECT: set PROJECT: the project to deploy to"},
		{"no region", "undeploy.sh", nil, settings[:1], "REGION: set REGION: the region of the function"},
		{"no environment", "deploy.sh", nil, settings[:2],
			"COMPOSER_ENVIRONMENT: set COMPOSER_ENVIRONMENT: projects/P/locations/L/environments/E"},
		{"an unknown word", "deploy.sh", []string{"--dry"}, settings, "usage: deploy/gcloud/deploy.sh [--dry-run]"},
		{"an unknown word", "undeploy.sh", []string{"now"}, settings, "usage: deploy/gcloud/undeploy.sh [--dry-run] [--dead-letters]"},
		{"other routes", "deploy.sh", nil, append([]string{"ROUTES=go.mod"}, settings...),
			"go.mod is not the file that this script was made for: print the script again"},
		{"no clone", "deploy.sh", nil, append([]string{"SOURCE=deploy"}, settings...),
			"deploy is not a clone of dagtrigger: run this in one, or set SOURCE to its path"},
	} {
		out, err := scripted{t, append([]string{path}, row.env...)}.run(row.script, row.args...)
		if err == nil || !strings.Contains(out, row.want) {
			t.Errorf("%s, %s: %v: %s, want %s", row.script, row.name, err, out, row.want)
		}
	}
}

// fakeGcloud is a gcloud that notes its calls, answers every question, and fails
// those commands that begin with a text, as often as is said.
func fakeGcloud(t *testing.T, begin string, fails int) (path, calls string) {
	t.Helper()
	folder := t.TempDir()
	calls = filepath.Join(folder, "calls")
	program := "#!/bin/sh\n" +
		`echo "$*" | head -n 1 >>` + calls + "\n" +
		`case "$*" in "` + begin + `"*) [ "$(grep -c "^` + begin + `" ` + calls + `)" -gt ` + strconv.Itoa(fails) +
		` ] || exit 1 ;; *describe*) echo it ;; esac` + "\n"
	if err := os.WriteFile(filepath.Join(folder, "gcloud"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	return folder + string(os.PathListSeparator) + os.Getenv("PATH"), calls
}

// What was made just now is not known everywhere at once. A build takes minutes,
// and is tried twice.
func TestScriptRetriesUntilWhatWasMadeIsKnown(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		begin string
		fails int
		want  int // calls
		fine  bool
	}{
		{"run services add-iam-policy-binding dagtrigger", 2, 3, true},
		{"run services add-iam-policy-binding dagtrigger", 100, 12, false},
		{"functions deploy dagtrigger", 1, 2, true},
		{"functions deploy dagtrigger", 100, 2, false},
		{"services enable", 1, 1, false},
	} {
		path, calls := fakeGcloud(t, row.begin, row.fails)
		out, err := scripted{t, append([]string{"PATH=" + path, "PAUSE=0"}, settings...)}.run("deploy.sh")
		text, readErr := os.ReadFile(calls)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if got := strings.Count("\n"+string(text), "\n"+row.begin); got != row.want || (err == nil) != row.fine {
			t.Errorf("%s fails %d times: %d calls, %v, want %d\n%s", row.begin, row.fails, got, err, row.want, out)
		}
		if strings.Contains(out, "load_sales") {
			t.Errorf("it prints the routes, which may hold a secret:\n%s", out)
		}
	}
}
