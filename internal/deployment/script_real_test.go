// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/airflowreal/realtest"
	"example.com/dagtrigger/internal/deployment"
)

// TestScriptsOnTheRealGcloud deploys, deploys again and takes all away again,
// by the real gcloud, on a stand-in for Google's APIs.
func TestScriptsOnTheRealGcloud(t *testing.T) {
	t.Parallel()
	realtest.Need(t, needGcloud)
	gcloud, err := findSDK()
	if err != nil {
		t.Fatal(err)
	}
	google := newStandIn(t)
	path := gcloud.serve(t, commands(sample(t))) + string(os.PathListSeparator) + os.Getenv("PATH")
	machine := scripted{t, slices.Concat(google.environment(t.TempDir()), settings, []string{"PATH=" + path, "HOME=" + t.TempDir(), "VERSION=v1.2.3"})}
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := machine.run(name, args...)
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return out
	}

	run("deploy.sh")
	if diff := cmp.Diff(deployed, google.names()); diff != "" {
		t.Errorf("it made other things (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(granted, google.bindings()); diff != "" {
		t.Errorf("it gave other roles (-want +got):\n%s", diff)
	}
	google.wantsFunction(t)
	google.wantsMended(t)
	google.wantsUpload(t)

	// A trigger of routes that were deployed before.
	const stale = "projects/acme-1/locations/europe-west1/triggers/dagtrigger-old-published"
	google.plant(stale, object{"labels": object{"dagtrigger": "dagtrigger"}})
	google.changed()
	if out := run("deploy.sh"); !strings.Contains(out, "# No route needs this trigger any more. Delete it when nothing waits there:\ngcloud eventarc triggers delete "+stale+"\n") {
		t.Errorf("it does not tell of a trigger without a route:\n%s", out)
	}
	if changes := google.changed(); len(changes) > 0 {
		t.Errorf("a second run changed what the first had made: %v", changes)
	}

	if out := run("undeploy.sh"); !slices.Contains(google.names(), "projects/acme-1/subscriptions/dagtrigger-dead-letters") {
		t.Errorf("it removed dead letters unasked\n%s", out)
	}
	run("undeploy.sh", "--dead-letters")
	if diff := cmp.Diff(left, google.names()); diff != "" {
		t.Errorf("it left other things (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{storageGrant}, google.bindings()); diff != "" {
		t.Errorf("it left other roles (-want +got):\n%s", diff)
	}
}

// commands are all of gcloud's that the scripts of a plan run.
func commands(p deployment.Plan) (all []deployment.Command) {
	for _, step := range p.Steps() {
		all = append(all, step.Do, step.Unless)
	}
	for _, undo := range p.Undos() {
		all = append(all, undo.Where, undo.Do)
	}
	return slices.DeleteFunc(all, func(c deployment.Command) bool { return len(c) == 0 || c[0] != "gcloud" })
}

const (
	runtime      = "dagtrigger-runtime@acme-1.iam.gserviceaccount.com"
	invoker      = "dagtrigger-invoker@acme-1.iam.gserviceaccount.com"
	pubsub       = "service-4711@gcp-sa-pubsub.iam.gserviceaccount.com"
	storageGrant = "service-4711@gs-project-accounts.iam.gserviceaccount.com roles/pubsub.publisher on acme-1"

	ownHidden   = "projects/acme-1/subscriptions/eventarc-europe-west1-dagtrigger-1-sub-1"
	otherHidden = "projects/acme-1/subscriptions/eventarc-europe-west1-dagtrigger-orders-published-sub-1"
	theFunction = "projects/acme-1/locations/europe-west1/functions/dagtrigger"
)

// left stays: metrics cost nothing, and another function may have alerts on them.
var left = []string{
	"projects/acme-1/metrics/dagtrigger_deferrals", "projects/acme-1/metrics/dagtrigger_event_age", "projects/acme-1/metrics/dagtrigger_outcomes",
}

var deployed = slices.Sorted(slices.Values(slices.Concat(left, []string{
	runtime, invoker, theFunction, ownHidden, otherHidden,
	"projects/acme-1/alertPolicies/1", "projects/acme-1/alertPolicies/2", "projects/acme-1/alertPolicies/3", "projects/acme-1/alertPolicies/4",
	"projects/acme-1/locations/europe-west1/triggers/dagtrigger-1", // made by the function's deployment
	"projects/acme-1/locations/europe-west1/triggers/dagtrigger-orders-published",
	"projects/acme-1/subscriptions/dagtrigger-dead-letters", "projects/acme-1/subscriptions/dagtrigger-undelivered",
	"projects/acme-1/topics/dagtrigger-dead-letters", "projects/acme-1/topics/dagtrigger-undelivered",
})))

var granted = []string{
	invoker + " roles/eventarc.eventReceiver on acme-1",
	invoker + " roles/run.invoker on projects/acme-1/locations/europe-west1/services/dagtrigger",
	runtime + " roles/composer.user on acme-1",
	runtime + " roles/pubsub.publisher on projects/acme-1/topics/dagtrigger-dead-letters",
	pubsub + " roles/pubsub.publisher on projects/acme-1/topics/dagtrigger-undelivered",
	pubsub + " roles/pubsub.subscriber on " + ownHidden,
	pubsub + " roles/pubsub.subscriber on " + otherHidden,
	storageGrant,
}

// wantsFunction holds the function to the routes, its own trigger and its account.
func (s *standIn) wantsFunction(t *testing.T) {
	t.Helper()
	f := s.resource(theFunction)
	service, _ := f["serviceConfig"].(object)
	variables, _ := service["environmentVariables"].(object)
	routes, err := os.ReadFile(root + "/deploy/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := variables["DAGTRIGGER_CONFIG"]; got != strings.TrimRight(string(routes), "\n") {
		t.Errorf("its routes are %q", got)
	}
	trigger, _ := f["eventTrigger"].(object)
	got := object{
		"runtime": f["buildConfig"].(object)["runtime"], "entryPoint": f["buildConfig"].(object)["entryPoint"],
		"account": service["serviceAccountEmail"], "timeout": service["timeoutSeconds"], "memory": service["availableMemory"],
		"concurrency": service["maxInstanceRequestConcurrency"], "instances": service["maxInstanceCount"], "ingress": service["ingressSettings"],
		"build": f["buildConfig"].(object)["environmentVariables"].(object)["GOOGLE_GOLDFLAGS"],
		"retry": trigger["retryPolicy"], "invoker": trigger["serviceAccountEmail"], "type": trigger["eventType"],
		"environment": variables["COMPOSER_ENVIRONMENT"], "letters": variables["DEAD_LETTER"],
	}
	want := object{
		"runtime": "go126", "entryPoint": "TriggerDAG",
		"account": runtime, "timeout": 300.0, "memory": "512Mi", "concurrency": 80.0, "instances": 3.0, "ingress": "ALLOW_INTERNAL_ONLY",
		"build": "-X=example.com/dagtrigger/internal/build.linked=v1.2.3",
		"retry": "RETRY_POLICY_RETRY", "invoker": invoker, "type": "google.cloud.storage.object.v1.finalized",
		"environment": "projects/acme-1/locations/europe-west1/environments/prod", "letters": "pubsub://projects/acme-1/topics/dagtrigger-dead-letters",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the function differs (-want +got):\n%s", diff)
	}
}

// wantsMended holds each subscription that delivers to what Eventarc does not set.
func (s *standIn) wantsMended(t *testing.T) {
	t.Helper()
	for _, name := range []string{ownHidden, otherHidden} {
		want := object{
			"name": name, "ackDeadlineSeconds": 600.0, "messageRetentionDuration": "604800s", "expirationPolicy": object{},
			"retryPolicy":      object{"minimumBackoff": "10s", "maximumBackoff": "600s"},
			"deadLetterPolicy": object{"deadLetterTopic": "projects/acme-1/topics/dagtrigger-undelivered", "maxDeliveryAttempts": 100.0},
		}
		if diff := cmp.Diff(want, s.resource(name)); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
}
