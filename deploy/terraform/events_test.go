// SPDX-License-Identifier: Apache-2.0

package terraform_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/deployment"
)

// What the module makes of the routes that come with deploy/sources.md.
func TestModuleCreatesTriggersAndJobs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/deploy/examples/events.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorkspace(t)
	w.use(given{
		"composer_environment": environment, "routes_file": "routes.yaml", "schedules": given{"nightly": "0 2 * * *"},
		"locations": given{"(default)": "eur3"}, "time_zone": "Europe/Berlin",
	})
	write(t, filepath.Join(w.dir, "used", "routes.yaml"), string(text))
	made := of(w.plan("used"))
	var triggers []string
	for address, values := range made {
		if strings.HasPrefix(address, "google_eventarc_trigger.") {
			triggers = append(triggers, encoded(t, values))
		}
	}
	slices.Sort(triggers)
	if len(triggers) != 2 {
		t.Fatalf("it makes the triggers %q", triggers)
	}
	for i, want := range [][]string{
		{`"event_data_content_type":"application/protobuf"`, `"location":"eur3"`, `{"attribute":"database","operator":null,"value":"(default)"}`,
			`{"attribute":"document","operator":"match-path-pattern","value":"users/*"}`,
			`{"attribute":"type","operator":null,"value":"google.cloud.firestore.document.v1.written"}`,
			`"cloud_run_service":[{"path":null,"region":"europe-west1","service":"dagtrigger"}]`},
		{`"event_data_content_type":null`, `"location":"global"`, `{"attribute":"serviceName","operator":null,"value":"bigquery.googleapis.com"}`,
			`{"attribute":"resourceName","operator":"match-path-pattern","value":"projects/*/jobs/load_*"}`},
	} {
		for _, part := range want {
			if !strings.Contains(triggers[i], part) {
				t.Errorf("a trigger lacks %s: %s", part, triggers[i])
			}
		}
	}
	job := encoded(t, made["google_cloud_scheduler_job.job.nightly"])
	for _, want := range []string{`"schedule":"0 2 * * *"`, `"time_zone":"Europe/Berlin"`, `"http_method":"POST"`} {
		if !strings.Contains(job, want) {
			t.Errorf("the job lacks %s: %s", want, job)
		}
	}
	for address, want := range map[string]string{
		"google_project_iam_member.receiver":                         `"role":"roles/eventarc.eventReceiver"`,
		"google_project_service.api.eventarc.googleapis.com":         `"disable_on_destroy":false`,
		"google_project_service.api.firestore.googleapis.com":        `"disable_on_destroy":false`,
		"google_project_service.api.cloudscheduler.googleapis.com":   `"disable_on_destroy":false`,
		"google_monitoring_alert_policy.alert.oldest_unacknowledged": `full_match(\"(dagtrigger-events-|eventarc-.*-dagtrigger-).*\")`,
	} {
		if got := encoded(t, made[address]); !strings.Contains(got, want) {
			t.Errorf("%s is %s, want %s in it", address, got, want)
		}
	}
	if counts := kinds(made); counts["terraform_data"] != 2 {
		t.Errorf("%d subscriptions of Eventarc's are set, want 2", counts["terraform_data"])
	}
}

// How Eventarc's subscriptions deliver, and jobs repeat what fails, is the plan's.
func TestDeliveryOfTriggersAndJobsIsThePlans(t *testing.T) {
	t.Parallel()
	text := sources(t)["triggers.tf"]
	var given []string
	for _, flag := range regexp.MustCompile(`--([a-z-]+=[0-9a-z]+)`).FindAllStringSubmatch(text, -1) {
		given = append(given, flag[1])
	}
	var want []string
	for _, v := range samplePlan(t).Delivery {
		want = append(want, v.Name+"="+v.Value)
	}
	slices.Sort(given)
	slices.Sort(want)
	if diff := cmp.Diff(want, given); diff != "" {
		t.Errorf("the subscriptions (-plan +module):\n%s", diff)
	}
	names := map[string]string{
		"attempt-deadline": "attempt_deadline", "max-retry-attempts": "retry_count", "max-retry-duration": "max_retry_duration",
		"min-backoff": "min_backoff_duration", "max-backoff": "max_backoff_duration",
	}
	for _, v := range deployment.Retrying() {
		if !regexp.MustCompile(names[v.Name] + ` += "?` + v.Value + `"?\n`).MatchString(text) {
			t.Errorf("the jobs have not %s %s", names[v.Name], v.Value)
		}
	}
}
