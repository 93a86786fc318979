// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/real/realtest"
)

// onRealGcloud is a machine whose gcloud is the real one, on a stand-in for
// Google's APIs.
func onRealGcloud(t *testing.T, p deployment.Plan) (*standIn, scripted) {
	t.Helper()
	realtest.Need(t, needGcloud)
	gcloud, err := findSDK()
	if err != nil {
		t.Fatal(err)
	}
	google := newStandIn(t)
	path := gcloud.serve(t, commands(p)) + string(os.PathListSeparator) + os.Getenv("PATH")
	return google, scripted{t, slices.Concat(google.environment(t.TempDir()), settings,
		[]string{"PATH=" + path, "HOME=" + t.TempDir(), "VERSION=v1.2.3"})}
}

// must runs a script, which must succeed.
func (s scripted) must(name string, args ...string) string {
	s.t.Helper()
	out, err := s.run(name, args...)
	if err != nil {
		s.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return out
}

// mustFail runs a script, which must fail and print a text.
func (s scripted) mustFail(want, name string) {
	s.t.Helper()
	if out, err := s.run(name); err == nil || !strings.Contains(out, want) {
		s.t.Fatalf("%s: %v, want %q in\n%s", name, err, want, out)
	}
}

// A function is deployed, deployed again and taken away again.
func TestScriptsOnTheRealGcloud(t *testing.T) {
	t.Parallel()
	google, machine := onRealGcloud(t, sample(t))
	run := machine.must
	run("deploy.sh")
	if diff := cmp.Diff(deployed, google.names()); diff != "" {
		t.Errorf("it made other things (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(granted, google.bindings()); diff != "" {
		t.Errorf("it gave other roles (-want +got):\n%s", diff)
	}
	google.wantsFunction(t)
	google.wantsAdjusted(t)
	google.wantsUpload(t)

	// A trigger of routes that were deployed before.
	const stale = "projects/acme-1/locations/europe-west1/triggers/dagtrigger-old-published"
	google.plant(func() { google.trigger(stale, object{"labels": object{"dagtrigger": "dagtrigger"}}) })
	google.changed()
	const report = "# No route needs this trigger any more. Delete it when nothing waits there:\n" +
		"gcloud eventarc triggers delete " + stale + "\n"
	if out := run("deploy.sh"); !strings.Contains(out, report) {
		t.Errorf("it does not report a trigger without a route:\n%s", out)
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

// A container is deployed for a topic, and for a subscription that was there
// before and stays.
func TestContainerOnRealGcloud(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const routes = `
routes:
  - {name: orders, on: message.published, topic: orders, dag: load}
  - {name: own, on: message.published, subscription: orders-to-airflow, dag: load}
  - {name: uploads, on: [object.finalized, object.deleted], bucket: acme-landing, topic: uploads, dag: load}
`
	p := plan(t, deployment.Settings{Routes: filepath.Join(folder, "routes.yaml"),
		DeadLetter: true, Stores: []string{"gs://acme-letters/x", "pubsub://projects/acme-1/topics/letters"},
		Image: "europe-west1-docker.pkg.dev/acme-1/images/dagtrigger:v1"}, routes)
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("routes.yaml", routes)
	deploy, undeploy := write("deploy.sh", p.Script()), write("undeploy.sh", p.UndoScript())
	google, machine := onRealGcloud(t, p)
	run := machine.must
	const own = "projects/acme-1/subscriptions/orders-to-airflow"
	const letters, kept = "projects/acme-1/topics/letters", "projects/acme-1/subscriptions/letters"
	google.plant(func() { google.resources[own] = object{"name": own, "topic": "projects/acme-1/topics/orders"} })

	// Where dead letters would be stored is not created, and has to exist.
	machine.mustFail("The bucket acme-letters is missing. Create it, and run this script again:\n"+
		"gcloud storage buckets create gs://acme-letters --project=acme-1 --location=europe-west1 ", deploy)
	google.plant(func() { google.resources["acme-letters"] = object{"name": "acme-letters"} })
	const missing = "The topic projects/acme-1/topics/letters is missing, or has no subscription. Create it, and run this script again:\n"
	machine.mustFail(missing, deploy)
	google.plant(func() { google.resources[letters] = object{"name": letters} })
	machine.mustFail(missing, deploy)
	google.plant(func() { google.resources[kept] = object{"name": kept, "topic": letters} })
	if changes := google.changed(); len(changes) > 0 {
		t.Errorf("it changed something before it failed: %q", changes)
	}

	// One of the two notifications is there already.
	const notifications, deleted = "acme-landing/notificationConfigs", "acme-landing/notificationConfigs/77"
	google.plant(func() {
		google.resources[deleted] = object{"id": "77", "topic": "//pubsub.googleapis.com/projects/acme-1/topics/uploads",
			"event_types": []any{"OBJECT_DELETE"}, "payload_format": "JSON_API_V1"}
	})

	run(deploy)
	service := google.resource("service/dagtrigger")
	if service == nil || google.resource("projects/acme-1/locations/europe-west1/triggers/dagtrigger-orders-published") == nil {
		t.Fatalf("it made neither a service nor a trigger: %q", google.names())
	}
	want := object{"pushEndpoint": "https://dagtrigger-4711.europe-west1.run.app", "oidcToken": object{"serviceAccountEmail": invoker}}
	if diff := cmp.Diff(want, google.resource(own)["pushConfig"]); diff != "" {
		t.Errorf("the subscription pushes elsewhere (-want +got):\n%s", diff)
	}
	made := google.resource(notifications + "/1")
	if made["topic"] != "//pubsub.googleapis.com/projects/acme-1/topics/uploads" || fmt.Sprint(made["event_types"]) != "[OBJECT_FINALIZE]" ||
		made["payload_format"] != "JSON_API_V1" || google.resource(notifications+"/2") != nil {
		t.Errorf("it made the notification %v, of %q", made, google.names())
	}
	if google.resource("projects/acme-1/locations/europe-west1/triggers/dagtrigger-uploads-published") == nil {
		t.Errorf("it made no trigger for the notifications: %q", google.names())
	}
	if google.resource(own)["deadLetterPolicy"] == nil {
		t.Error("the subscription drops what is not delivered")
	}

	run(undeploy, "--dead-letters")
	stay := append([]string{own, letters, kept, "acme-letters", deleted}, left...)
	if diff := cmp.Diff(slices.Sorted(slices.Values(stay)), google.names()); diff != "" {
		t.Errorf("it left other things (-want +got):\n%s", diff)
	}
	if end := google.resource(own); end["deadLetterPolicy"] != nil || end["pushConfig"].(object)["pushEndpoint"] != "" {
		t.Errorf("the subscription still delivers: %v", end)
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
	"projects/acme-1/metrics/dagtrigger_deferrals", "projects/acme-1/metrics/dagtrigger_event_age",
	"projects/acme-1/metrics/dagtrigger_outcomes",
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
		"build": "-s -w -X=example.com/dagtrigger/internal/build.linked=v1.2.3",
		"retry": "RETRY_POLICY_RETRY", "invoker": invoker, "type": "google.cloud.storage.object.v1.finalized",
		"environment": "projects/acme-1/locations/europe-west1/environments/prod",
		"letters":     "pubsub://projects/acme-1/topics/dagtrigger-dead-letters",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the function differs (-want +got):\n%s", diff)
	}
}

// wantsAdjusted holds each subscription that delivers to what Eventarc does not set.
func (s *standIn) wantsAdjusted(t *testing.T) {
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
