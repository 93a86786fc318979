// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/deployment"
)

func TestPlanFiltersEventsByTheAttributesOfRoutes(t *testing.T) {
	t.Parallel()
	const (
		audit     = "on: google.cloud.audit.log.v1.written, attributes: {servicename: storage.googleapis.com, methodname: storage.objects."
		ofAudit   = "every event google.cloud.audit.log.v1.written with serviceName=storage.googleapis.com, methodName=storage.objects."
		firestore = "on: google.cloud.firestore.document.v1.created, attributes: "
		created   = "every event google.cloud.firestore.document.v1.created with database="
	)
	for _, row := range []struct {
		name   string
		routes []string
		want   []string
	}{
		{"a method", []string{audit + "get}"}, []string{"dagtrigger-storage-objects-get-sto-a745f078: " + ofAudit + "get: r1"}},
		{"names in any case", []string{"on: google.cloud.audit.log.v1.written, attributes: {serviceName: s, METHODNAME: m}"},
			[]string{"every event google.cloud.audit.log.v1.written with serviceName=s, methodName=m: r1"}},
		{"two routes on one method", []string{audit + "get}", audit + "get, other: x}"}, []string{ofAudit + "get: r1 r2"}},
		{"methods and resources", []string{audit + "get, resourcename: [a, 'projects/_/buckets/{bucket=*}/objects/**']}"}, []string{
			ofAudit + "get, resourceName=a: r1", ofAudit + "get, resourceName=projects/_/buckets/*/objects/**: r1"}},
		{"any resource, and none excluded", []string{audit + "get, resourcename: [a, '**']}", audit + "put, resourcename: '!a'}"},
			[]string{ofAudit + "get: r1", ofAudit + "put: r2"}},
		{"no method", []string{"on: google.cloud.audit.log.v1.written, attributes: {servicename: storage.googleapis.com}"}, []string{
			"the route r1: it takes any methodname, and a trigger for google.cloud.audit.log.v1.written watches one: name it, such as " +
				"attributes: {methodname: google.cloud.bigquery.v2.JobService.InsertJob}"}},
		{"a pattern of methods", []string{audit + "*}"}, []string{
			"the route r1: the methodname storage.objects.* is a pattern, and a trigger for google.cloud.audit.log.v1.written watches one: " +
				"list those that exist in attributes"}},
		{"documents", []string{firestore + "{database: (default), document: 'users/{user=*}', namespace: 'n*', project: p}"},
			[]string{created + "(default), document=users/*: r1"}},
		{"all documents of two databases", []string{firestore + "{database: [a, b]}"}, []string{created + "a: r1", created + "b: r1"}},
		{"any database", []string{firestore + "{document: users/*}"}, []string{
			"the route r1: it takes any database, and a trigger for google.cloud.firestore.document.v1.created watches one: name it, such as " +
				"attributes: {database: (default)}"}},
		{"every change once", []string{"on: google.cloud.firestore.document.v1.*, attributes: {database: d}"},
			[]string{"every event google.cloud.firestore.document.v1.written with database=d: r1"}},
		{"whatever a route names of another type",
			[]string{"on: google.firebase.database.ref.v1.written, attributes: {instance: i, ref: 'a/**'}"},
			[]string{"every event google.firebase.database.ref.v1.written with instance=i, ref=a/**: r1"}},
		{"what a shell would run", []string{firestore + "{database: '$(id)'}"}, []string{
			"the route r1: a trigger cannot filter by the database $(id): write * for its commas and dollar signs"}},
		{"a name that a shell would run", []string{"on: google.firebase.database.ref.v1.written, attributes: {'$(id)': i}"}, []string{
			"the route r1: a trigger cannot filter by the attribute $(id): no attribute of an event has such a name, so correct it"}},
		{"more than there can be", []string{firestore + "{database: [" + strings.Repeat("a, ", 10) + "b], document: [" +
			strings.Repeat("a, ", 10) + "b]}"}, []string{
			"the route r1: its attributes make over 100 triggers: write patterns, or split the route between several functions"}},
	} {
		var b strings.Builder
		b.WriteString("routes:\n")
		for i, route := range row.routes {
			fmt.Fprintf(&b, "  - {name: r%d, dag: load, %s}\n", i+1, route)
		}
		got := summary(plan(t, deployment.Settings{}, b.String()))
		for i := range got {
			if name, source, found := strings.Cut(got[i], ": every event "); found && row.name != "a method" {
				if got[i] = "every event " + source; len(name) > 63 {
					t.Errorf("%s: the trigger's name is too long: %s", row.name, name)
				}
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

func TestPlanFindsTheJobsOfRoutes(t *testing.T) {
	t.Parallel()
	const job = "on: google.cloud.scheduler.job.v1.executed"
	known := deployment.Settings{Project: "acme-1", Region: "europe-west1", Schedules: map[string]string{
		"nightly": "0 2 * * *", "weekly": "0 3 * * 0", "other": "0 4 * * *"}}
	const give = "give each job its schedule, with --schedule=JOB='0 2 * * *'"
	for _, row := range []struct {
		name     string
		settings deployment.Settings
		routes   []string
		want     []string
	}{
		{"a job", known, []string{job + ", source: //cloudscheduler.googleapis.com/nightly",
			job + ", source: //cloudscheduler.googleapis.com/projects/acme-1/locations/europe-west1/jobs/nightly"},
			[]string{"job nightly at 0 2 * * *: r1 r2"}},
		{"jobs by a pattern", known, []string{job + ", source: '**/*ly'"},
			[]string{"job nightly at 0 2 * * *: r1", "job weekly at 0 3 * * 0: r1"}},
		{"any job", known, []string{job + ", source: '!//cloudscheduler.googleapis.com/other'"},
			[]string{"job nightly at 0 2 * * *: r1", "job other at 0 4 * * *: r1", "job weekly at 0 3 * * 0: r1"}},
		{"a job without a schedule", known, []string{job + ", source: //cloudscheduler.googleapis.com/daily"}, []string{
			"the route r1: the job daily has no schedule: give it with --schedule=daily='0 2 * * *', or create the job yourself, and say so " +
				"with --elsewhere=r1"}},
		{"any job, without schedules", deployment.Settings{}, []string{job}, []string{
			"the route r1: its jobs are a pattern, and the plan has to know them: " + give}},
		{"no source of a job", known, []string{job + ", source: //acme/nightly"}, []string{
			"the route r1: no job of Cloud Scheduler has the source //acme/nightly: write source: \"**/JOB\""}},
	} {
		var b strings.Builder
		b.WriteString("routes:\n")
		for i, route := range row.routes {
			fmt.Fprintf(&b, "  - {name: r%d, dag: load, %s}\n", i+1, route)
		}
		p := plan(t, row.settings, b.String())
		if diff := cmp.Diff(row.want, summary(p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

// A job is created, set where it exists, and deleted only where it is this function's.
func TestScriptsCreateAndDeleteJobs(t *testing.T) {
	t.Parallel()
	p := everythingPlanned(t)
	script, undo := p.Script(), p.UndoScript()
	for _, want := range []string{
		"scheduler jobs create http nightly", "scheduler jobs update http nightly", `--schedule="0 2 * * 1-5"`, "--time-zone=Europe/Berlin",
		`--uri="$URL"`, `--oidc-token-audience="$URL"`, "--max-retry-attempts=5", "--max-retry-duration=43200s", "--attempt-deadline=600s",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("deploy.sh lacks %s", want)
		}
	}
	if strings.Count(script, "say \"The function's address.\"") != 1 {
		t.Error("deploy.sh does not look up the function's address once")
	}
	for _, want := range []string{`if is "Starts DAG runs by $FUNCTION"`, "run gcloud scheduler jobs delete nightly"} {
		if !strings.Contains(undo, want) {
			t.Errorf("undeploy.sh lacks %s", want)
		}
	}
}

// Where a trigger is, and what its commands say.
func TestPlanCreatesTriggersWhereTheirEventsAre(t *testing.T) {
	t.Parallel()
	p := everythingPlanned(t)
	commands := p.Commands()
	for _, want := range []string{
		"LOCATION=$(gcloud firestore databases describe --database=\"(default)\" ",
		"--event-filters=serviceName=bigquery.googleapis.com", "--event-filters-path-pattern=\"resourceName=projects/*/jobs/**\"",
		"--event-data-content-type=application/protobuf", "--event-filters=\"database=(default)\"",
		"--event-filters-path-pattern=\"document=users/*\"", "--event-filters=type=google.firebase.remoteconfig.remoteConfig.v1.updated",
		"--location=us-central1 ", "--channel=projects/acme-1/locations/us-central1/channels/datadog",
	} {
		if !strings.Contains(commands, want) {
			t.Errorf("no command has %s", want)
		}
	}
	for _, s := range p.Sources {
		want := map[string]string{
			"google.cloud.audit.log.v1.written": "--location=global", "google.cloud.firestore.document.v1.written": "--location=$LOCATION",
			"datadog.v1.alert": "--location=us-central1",
		}[s.Type]
		steps := p.CreateTrigger(s)
		if create := steps[len(steps)-4].Do.String(); want != "" && !strings.Contains(strings.ReplaceAll(create, `"`, ""), want) {
			t.Errorf("the trigger for %s lacks %s: %s", s.Type, want, create)
		}
	}
	if text := p.Text(); !strings.Contains(text, "are turned on for\n") && !strings.Contains(text, "bigquery.googleapis.com allServices") {
		t.Error("it does not say how audit logs are turned on")
	}
	for _, api := range []string{"firestore.googleapis.com", "eventarcpublishing.googleapis.com"} {
		if !strings.Contains(commands, api) {
			t.Errorf("it does not turn %s on", api)
		}
	}
}
