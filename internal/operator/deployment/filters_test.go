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

// Where a trigger is, and what its commands say.
func TestPlanCreatesTriggersWhereTheirEventsAre(t *testing.T) {
	t.Parallel()
	p := everythingPlanned(t)
	commands := p.Commands()
	for _, want := range []string{
		"--location=global \\\n", "LOCATION=$(gcloud firestore databases describe --database=\"(default)\" ",
		"--event-filters=serviceName=bigquery.googleapis.com", "--event-filters-path-pattern=\"resourceName=projects/*/jobs/**\"",
		"--event-data-content-type=application/protobuf", "--event-filters=\"database=(default)\"",
		"--event-filters-path-pattern=\"document=users/*\"", "--event-filters=type=google.firebase.remoteconfig.remoteConfig.v1.updated",
		"--location=us-central1 ", "--channel=projects/acme-1/locations/us-central1/channels/datadog",
	} {
		if !strings.Contains(commands, want) {
			t.Errorf("no command has %s", want)
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
