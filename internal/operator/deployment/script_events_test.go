// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/deployment"
)

// The routes that come with deploy/sources.md: two triggers with filters, and a job.
func TestEventsAndJobsOnRealGcloud(t *testing.T) {
	t.Parallel()
	if os.Getenv("DAGTRIGGER_PROOF") != "all" {
		t.Skip("it takes a minute, and the commands are parsed by another test: set DAGTRIGGER_PROOF=all to run it")
	}
	folder := t.TempDir()
	text, err := os.ReadFile(root + "/deploy/examples/events.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := plan(t, deployment.Settings{Routes: filepath.Join(folder, "routes.yaml"),
		Schedules: map[string]string{"nightly": "0 2 * * *"}}, string(text))
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("routes.yaml", string(text))
	deploy, undeploy := write("deploy.sh", p.Script()), write("undeploy.sh", p.UndoScript())
	google, machine := onRealGcloud(t, p)
	machine.must(deploy)

	const located = "projects/acme-1/locations/"
	filter := func(pairs ...string) object {
		f := object{"attribute": pairs[0], "value": pairs[1]}
		if len(pairs) > 2 {
			f["operator"] = pairs[2]
		}
		return f
	}
	for _, row := range []struct {
		name, contentType string
		filters           []any
	}{
		{"global/triggers/" + p.Sources[0].Trigger, "", []any{
			filter("type", "google.cloud.audit.log.v1.written"), filter("serviceName", "bigquery.googleapis.com"),
			filter("methodName", "google.cloud.bigquery.v2.JobService.InsertJob"),
			filter("resourceName", "projects/*/jobs/load_*", "match-path-pattern")}},
		{"eur3/triggers/" + p.Sources[1].Trigger, "application/protobuf", []any{
			filter("type", "google.cloud.firestore.document.v1.written"), filter("database", "(default)"),
			filter("document", "users/*", "match-path-pattern")}},
	} {
		trigger := google.resource(located + row.name)
		if diff := cmp.Diff(row.filters, trigger["eventFilters"]); diff != "" {
			t.Errorf("%s filters otherwise (-want +got):\n%s", row.name, diff)
		}
		if got, _ := trigger["eventDataContentType"].(string); got != row.contentType {
			t.Errorf("%s has data as %q, want %q", row.name, got, row.contentType)
		}
	}
	const job = located + "europe-west1/jobs/nightly"
	const address = "https://dagtrigger-4711.europe-west1.run.app"
	want := object{
		"name": job, "description": "Starts DAG runs by dagtrigger", "schedule": "0 2 * * *", "timeZone": "Etc/UTC", "attemptDeadline": "600s",
		"retryConfig": object{"retryCount": 5.0, "maxRetryDuration": "43200s", "minBackoffDuration": "10s", "maxBackoffDuration": "600s",
			"maxDoublings": 5.0},
		"httpTarget": object{"httpMethod": "POST", "uri": address,
			"oidcToken": object{"serviceAccountEmail": invoker, "audience": address}},
	}
	if diff := cmp.Diff(want, google.resource(job)); diff != "" {
		t.Errorf("the job differs (-want +got):\n%s", diff)
	}

	google.changed()
	machine.must(deploy)
	if diff := cmp.Diff(want, google.resource(job)); diff != "" {
		t.Errorf("a second run changed the job (-want +got):\n%s", diff)
	}
	machine.must(undeploy, "--dead-letters")
	if diff := cmp.Diff(left, google.names()); diff != "" {
		t.Errorf("it left other things (-want +got):\n%s", diff)
	}
}
