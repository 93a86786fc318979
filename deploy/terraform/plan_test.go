// SPDX-License-Identifier: Apache-2.0

package terraform_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/deployment"
)

const project = "acme-data"

// resources are the values of what is made, by the address within the module.
type resources map[string]map[string]any

// sample is what an example makes.
func sample(t *testing.T, folder string) resources {
	t.Helper()
	return of(newWorkspace(t).plan(folder))
}

func of(p plan) resources {
	all := make(resources)
	for _, r := range p.Values.Root.all() {
		if r.Mode == "data" {
			continue
		}
		address := r.Type + "." + r.Name
		if key, ok := r.Index.(string); ok {
			address += "." + key
		}
		all[address] = r.Values
	}
	return all
}

// kinds counts the resources of each type.
func kinds(made resources) map[string]int {
	counts := make(map[string]int)
	for address := range made {
		counts[strings.Split(address, ".")[0]]++
	}
	return counts
}

// samplePlan is the plan for the example with routes.
func samplePlan(t *testing.T) deployment.Plan {
	t.Helper()
	f, err := config.Load(module + "/examples/routes/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := deployment.New(deployment.Settings{
		Project: project, Region: "europe-west1",
		Composer: []string{"projects/acme-data/locations/europe-west1/environments/prod"},
	}, f.Routes)
	if len(p.Gaps) > 0 {
		t.Fatal(p.Gaps)
	}
	return p
}

func TestPlanOfTheExample(t *testing.T) {
	t.Parallel()
	made, p := sample(t, "examples/routes"), samplePlan(t)
	for name, holds := range map[string]func(*testing.T, resources, deployment.Plan){
		"the module makes what the plan says":      theModuleMakesWhatThePlanSays,
		"the roles are the least":                  theRolesAreTheLeast,
		"the values are those of the plan":         theValuesAreThoseOfThePlan,
		"the alerts look at its own subscriptions": theAlertsLookAtItsOwnSubscriptions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			holds(t, made, p)
		})
	}
}

// The module makes what the plan says, with two differences: it makes its own
// subscriptions in place of Eventarc's triggers, so that nothing of them has to be
// set afterwards, and a bucket notifies its topic, so that nobody needs Eventarc's
// roles.
func theModuleMakesWhatThePlanSays(t *testing.T, made resources, p deployment.Plan) {
	buckets := 0
	for _, s := range p.Sources {
		if s.Bucket != "" {
			buckets++
		}
	}
	grants := len(p.Grants)
	for _, g := range p.Grants {
		if g.Role == "roles/eventarc.eventReceiver" {
			grants-- // to receive from Eventarc
		}
		if strings.Contains(g.Member, "gs-project-accounts") {
			grants += buckets - 1 // on each topic, in the place of the project
		}
		if g.Role == "roles/pubsub.subscriber" {
			grants += len(p.Sources) - 1 // on each subscription
		}
	}
	got := kinds(made)
	bindings := 0
	for kind, n := range got {
		if strings.HasSuffix(kind, "_iam_member") {
			bindings += n
			delete(got, kind)
		}
	}
	want := map[string]int{
		"google_project_service":          len(p.APIs) - 1, // without Eventarc's
		"google_service_account":          len(p.Accounts),
		"google_cloudfunctions2_function": 1,
		"google_pubsub_topic":             len(p.Topics) + buckets + 1, // and the example's own
		"google_pubsub_subscription":      len(p.Topics) + len(p.Sources),
		"google_storage_notification":     buckets,
		"google_monitoring_alert_policy":  len(p.Alerts),
		// What gcloud does by the way: the upload of the source.
		"google_storage_bucket": 1, "google_storage_bucket_object": 1,
		// What the plan leaves to deploy/monitoring's own commands.
		"google_logging_metric": 3, "google_monitoring_dashboard": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if bindings != grants {
		t.Errorf("%d roles are given, want %d", bindings, grants)
	}
}

// roles are the roles that are given, each on what.
func roles(made resources) []string {
	var all []string
	for address, values := range made {
		kind, ok := strings.CutSuffix(strings.Split(address, ".")[0], "_iam_member")
		if role, _ := values["role"].(string); ok {
			all = append(all, role+" on a "+kind[strings.LastIndex(kind, "_")+1:])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// The roles are the plan's, and those in the place of Eventarc's are on less.
func theRolesAreTheLeast(t *testing.T, made resources, p deployment.Plan) {
	var want []string
	for _, g := range p.Grants {
		on := g.On.Kind
		switch {
		case g.Role == "roles/eventarc.eventReceiver":
			continue
		case strings.Contains(g.Member, "gs-project-accounts"):
			on = "topic"
		}
		want = append(want, g.Role+" on a "+on)
	}
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), roles(made)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// at is a value within values: names of members, and of lists the first item.
func at(t *testing.T, of any, path ...string) any {
	t.Helper()
	for _, name := range path {
		if list, ok := of.([]any); ok && len(list) > 0 {
			of = list[0]
		}
		members, ok := of.(map[string]any)
		if !ok {
			t.Fatalf("there is no %s in %v", name, of)
		}
		of = members[name]
	}
	return of
}

// Every value of the function and of its subscriptions is the plan's.
func theValuesAreThoseOfThePlan(t *testing.T, made resources, p deployment.Plan) {
	given := make(map[string]string)
	for _, v := range slices.Concat(p.Function.Values, p.Delivery) {
		given[v.Name] = v.Value
	}
	delete(given, "set-build-env-vars") // the module's variable release
	function := made["google_cloudfunctions2_function.function"]
	subscription := made["google_pubsub_subscription.source.topic-orders"]
	got := map[string]any{
		"runtime":               at(t, function, "build_config", "runtime"),
		"entry-point":           at(t, function, "build_config", "entry_point"),
		"source":                ".",
		"service-account":       p.Accounts[0].Email,
		"cpu":                   at(t, function, "service_config", "available_cpu"),
		"memory":                at(t, function, "service_config", "available_memory"),
		"concurrency":           at(t, function, "service_config", "max_instance_request_concurrency"),
		"min-instances":         at(t, function, "service_config", "min_instance_count"),
		"max-instances":         at(t, function, "service_config", "max_instance_count"),
		"timeout":               at(t, function, "service_config", "timeout_seconds"),
		"ingress-settings":      at(t, function, "service_config", "ingress_settings"),
		"ack-deadline":          at(t, subscription, "ack_deadline_seconds"),
		"min-retry-delay":       at(t, subscription, "retry_policy", "minimum_backoff"),
		"max-retry-delay":       at(t, subscription, "retry_policy", "maximum_backoff"),
		"max-delivery-attempts": at(t, subscription, "dead_letter_policy", "max_delivery_attempts"),
		"expiration-period":     at(t, subscription, "expiration_policy", "ttl"),

		"message-retention-duration": at(t, subscription, "message_retention_duration"),
	}
	texts := make(map[string]string, len(got))
	for name, value := range got {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = strings.Trim(string(text), `"`)
	}
	// The API's words for what gcloud calls otherwise.
	given["ingress-settings"], given["expiration-period"] = "ALLOW_INTERNAL_ONLY", ""
	given["message-retention-duration"] = map[string]string{"7d": "604800s"}[given["message-retention-duration"]]
	given["timeout"] = strings.TrimSuffix(given["timeout"], "s")
	if diff := cmp.Diff(given, texts); diff != "" {
		t.Errorf("(-plan +module):\n%s", diff)
	}
	settings := make(map[string]string)
	for _, v := range p.Function.Variables {
		settings[v.Name] = v.Value
	}
	variables, _ := at(t, function, "service_config", "environment_variables").(map[string]any)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(settings)), slices.Sorted(maps.Keys(variables))); diff != "" {
		t.Errorf("the function's settings (-plan +module):\n%s", diff)
	}
	for _, name := range []string{"GIVE_UP_AFTER", "GOOGLE_CLOUD_PROJECT", "COMPOSER_ENVIRONMENT"} {
		if variables[name] != settings[name] {
			t.Errorf("%s is %v, want %s", name, variables[name], settings[name])
		}
	}
}

// What deploy/monitoring says of Eventarc's subscriptions, the module says of
// its own, and of no other: those that keep dead letters may hold them for long.
func theAlertsLookAtItsOwnSubscriptions(t *testing.T, made resources, p deployment.Plan) {
	seen := 0
	for address, values := range made {
		if !strings.HasPrefix(address, "google_monitoring_") {
			continue
		}
		text := encoded(t, values)
		if strings.Contains(text, "eventarc-") {
			t.Errorf("%s looks at Eventarc's", address)
		}
		seen += strings.Count(text, "dagtrigger-events-")
	}
	if seen < 3 {
		t.Errorf("the module's subscriptions are named %d times", seen)
	}
	for _, s := range p.Topics {
		if strings.HasPrefix(s.Name, "dagtrigger-events-") {
			t.Errorf("%s would be taken for one that delivers", s.Name)
		}
	}
}
