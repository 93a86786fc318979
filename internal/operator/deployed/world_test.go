// SPDX-License-Identifier: Apache-2.0

package deployed_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/deployed"
	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/operator/gcp"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// object is a resource as its API's JSON has it.
type object = map[string]any

const (
	routes = `routes:
  - {name: sales-csv, on: object.finalized, bucket: acme-landing, dag: load_sales}
  - {name: orders, on: message.published, topic: orders, dag: load_orders}
  - {name: invoices, on: message.published, subscription: invoices-to-airflow, dag: load_invoices}
  - {name: scans, on: object.finalized, bucket: acme-scans, topic: scans, dag: load_scans}
  - {name: users, on: google.cloud.firestore.document.v1.written, attributes: {database: (default), document: "users/*"}, dag: load_users}
  - {name: nightly, on: google.cloud.scheduler.job.v1.executed, source: //cloudscheduler.googleapis.com/nightly, dag: load_night}
`
	reader    = "reader@acme-1.iam.gserviceaccount.com"
	runtime   = "serviceAccount:dagtrigger-runtime@acme-1.iam.gserviceaccount.com"
	invoker   = "dagtrigger-invoker@acme-1.iam.gserviceaccount.com"
	agent     = "serviceAccount:service-4711@gcp-sa-pubsub.iam.gserviceaccount.com"
	storage   = "serviceAccount:service-4711@gs-project-accounts.iam.gserviceaccount.com"
	prod      = "projects/acme-1/locations/europe-west1/environments/prod"
	located   = "projects/acme-1/locations/europe-west1/"
	function  = located + "functions/dagtrigger"
	service   = located + "services/dagtrigger"
	ownSub    = "projects/acme-1/subscriptions/eventarc-europe-west1-dagtrigger-1-sub-1"
	ordersSub = "projects/acme-1/subscriptions/eventarc-europe-west1-dagtrigger-orders-published-sub-2"
	scansSub  = "projects/acme-1/subscriptions/eventarc-europe-west1-dagtrigger-scans-published-sub-3"
	usersSub  = "projects/acme-1/subscriptions/eventarc-europe-west1-dagtrigger-users-sub-4"
	invoices  = "projects/acme-1/subscriptions/invoices-to-airflow"
	letters   = "projects/acme-1/topics/dagtrigger-dead-letters"
	lost      = "projects/acme-1/topics/dagtrigger-undelivered"
	lostKept  = "projects/acme-1/subscriptions/dagtrigger-undelivered"
	scans     = "projects/acme-1/topics/scans"
	nightly   = located + "jobs/nightly"
	uri       = "https://dagtrigger-4711.europe-west1.run.app"
)

// world is a project in which all is deployed as planned, until a test changes it.
type world struct {
	t             *testing.T
	settings      deployment.Settings
	routes        string // the file here
	roles         []string
	disabled      []string
	resources     map[string]object
	policies      map[string]object // member by role
	triggers      map[string]object
	subscriptions map[string]object
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, routes: routes,
		settings: deployment.Settings{
			Project: "acme-1", Region: "europe-west1", Composer: []string{prod}, Secrets: map[string]string{"/secrets/key": "partner-key"},
			Schedules: map[string]string{"nightly": "0 2 * * *"},
		},
		roles: []string{
			"roles/cloudfunctions.viewer", "roles/run.viewer", "roles/eventarc.viewer", "roles/pubsub.viewer", "roles/cloudscheduler.viewer",
			"roles/storage.bucketViewer",
			"roles/iam.serviceAccountViewer", "roles/iam.securityReviewer", "roles/browser",
		},
		resources: map[string]object{
			function: theFunction(), service: theService(),
			"projects/acme-1": {"projectId": "acme-1", "projectNumber": "4711"},
			"projects/acme-1/serviceAccounts/dagtrigger-runtime@acme-1.iam.gserviceaccount.com": {"email": "dagtrigger-runtime"},
			"projects/acme-1/serviceAccounts/" + invoker:                                        {"email": invoker},
			nightly: theJob(),
			letters: {"name": letters}, lost: {"name": lost}, scans: {"name": scans},
			"b/acme-scans/notificationConfigs": {"items": []any{object{"id": "1", "topic": "//pubsub.googleapis.com/" + scans,
				"event_types": []any{"OBJECT_FINALIZE"}, "payload_format": "JSON_API_V1"}}},
		},
		policies: map[string]object{
			"projects/acme-1": {"roles/composer.user": runtime, "roles/eventarc.eventReceiver": "serviceAccount:" + invoker,
				"roles/pubsub.publisher": storage, "roles/editor": "user:somebody@example.com"},
			"projects/acme-1/secrets/partner-key": {"roles/secretmanager.secretAccessor": runtime},
			letters:                               {"roles/pubsub.publisher": runtime},
			lost:                                  {"roles/pubsub.publisher": agent},
			scans:                                 {"roles/pubsub.publisher": storage},
			service:                               {"roles/run.invoker": "serviceAccount:" + invoker},
			ownSub:                                {"roles/pubsub.subscriber": agent},
			ordersSub:                             {"roles/pubsub.subscriber": agent},
			scansSub:                              {"roles/pubsub.subscriber": agent},
			usersSub:                              {"roles/pubsub.subscriber": agent},
			invoices:                              {"roles/pubsub.subscriber": agent},
		},
		triggers: map[string]object{
			"own":    trigger("dagtrigger-1", ownSub, "projects/acme-1/topics/eventarc-1", "bucket", "acme-landing"),
			"orders": trigger("dagtrigger-orders-published", ordersSub, "projects/acme-1/topics/orders"),
			"scans":  trigger("dagtrigger-scans-published", scansSub, scans),
			"users":  ofDocuments(),
			"other":  {"name": located + "triggers/other", "destination": object{"cloudRun": object{"service": "other"}}},
		},
		subscriptions: map[string]object{
			ownSub: pushing(ownSub), ordersSub: pushing(ordersSub), scansSub: pushing(scansSub), invoices: pushing(invoices),
			usersSub:  pushing(usersSub),
			"letters": kept("projects/acme-1/subscriptions/dagtrigger-dead-letters"), lostKept: kept(lostKept),
		},
	}
}

func theFunction() object {
	return object{
		"name": function, "environment": "GEN_2", "state": "ACTIVE", "updateTime": "2026-11-30T09:00:00.5Z",
		"labels": object{"dagtrigger": "dagtrigger"},
		"buildConfig": object{
			"runtime": "go126", "entryPoint": "TriggerDAG",
			"environmentVariables": object{"GOOGLE_GOLDFLAGS": "-s -w -X=example.com/dagtrigger/internal/build.linked=v1.2.3"},
			"source":               object{"storageSource": object{"bucket": "gcf-v2-sources", "object": "source.zip", "generation": "7"}},
		},
		"serviceConfig": object{"environmentVariables": object{"LOG_EXECUTION_ID": "true", "TEAM": "hush"}},
		"eventTrigger": object{
			"trigger": located + "triggers/dagtrigger-1", "eventType": "google.cloud.storage.object.v1.finalized",
			"eventFilters":        []any{object{"attribute": "bucket", "value": "acme-landing"}},
			"serviceAccountEmail": invoker, "retryPolicy": "RETRY_POLICY_RETRY",
		},
	}
}

func theService() object {
	return object{
		"name": service, "uri": uri, "urls": []any{uri, "https://dagtrigger-abc-ew.a.run.app"}, "updateTime": "2026-11-30T09:01:00Z",
		"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY", "terminalCondition": object{"type": "Ready", "state": "CONDITION_SUCCEEDED"},
		"latestReadyRevision": service + "/revisions/dagtrigger-00003-xyz", "latestCreatedRevision": service + "/revisions/dagtrigger-00003-xyz",
		"trafficStatuses": []any{object{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}},
		"template": object{
			"serviceAccount": "dagtrigger-runtime@acme-1.iam.gserviceaccount.com", "timeout": "300s", "maxInstanceRequestConcurrency": 80,
			"scaling": object{"maxInstanceCount": 3},
			"volumes": []any{object{"name": "v", "secret": object{"secret": "projects/4711/secrets/partner-key",
				"items": []any{object{"path": "key", "version": "latest"}}}}},
			"containers": []any{object{
				"image":        "europe-west1-docker.pkg.dev/acme-1/gcf-artifacts/dagtrigger:version_1",
				"resources":    object{"limits": object{"cpu": "1000m", "memory": "0.5Gi"}},
				"volumeMounts": []any{object{"name": "v", "mountPath": "/secrets"}},
				"env": []any{
					variable("DAGTRIGGER_CONFIG", strings.TrimRight(routes, "\n")), variable("GOOGLE_CLOUD_PROJECT", "acme-1"),
					variable("DEAD_LETTER", "pubsub://"+letters), variable("GIVE_UP_AFTER", "12h"), variable("COMPOSER_ENVIRONMENT", prod),
					variable("FUNCTION_TARGET", "TriggerDAG"), variable("LOG_EXECUTION_ID", "true"),
				},
			}},
		},
	}
}

func variable(name, value string) object { return object{"name": name, "value": value} }

// trigger is one to the function. filter is a further attribute and its value.
func trigger(name, subscription, topic string, filter ...string) object {
	filters := []any{object{"attribute": "type", "value": "google.cloud.pubsub.topic.v1.messagePublished"}}
	if len(filter) > 0 {
		filters = []any{object{"attribute": "type", "value": "google.cloud.storage.object.v1.finalized"},
			object{"attribute": filter[0], "value": filter[1]}}
	}
	return object{
		"name": located + "triggers/" + name, "eventFilters": filters, "serviceAccount": invoker,
		"destination": object{"cloudRun": object{"service": "dagtrigger", "region": "europe-west1", "path": "/"}},
		"transport":   object{"pubsub": object{"topic": topic, "subscription": subscription}},
	}
}

// theJob calls the function.
func theJob() object {
	return object{
		"name": nightly, "state": "ENABLED", "schedule": "0 2 * * *", "timeZone": "Etc/UTC", "attemptDeadline": "600s",
		"retryConfig": object{"retryCount": 5, "maxRetryDuration": "43200s", "minBackoffDuration": "10s", "maxBackoffDuration": "600s"},
		"httpTarget":  object{"uri": uri + "/", "oidcToken": object{"serviceAccountEmail": invoker, "audience": uri}},
	}
}

// ofDocuments is a trigger for the changes of documents.
func ofDocuments() object {
	t := trigger("dagtrigger-users-default-written-6094f6a4", usersSub, "projects/acme-1/topics/eventarc-4")
	t["eventDataContentType"] = "application/protobuf"
	t["eventFilters"] = []any{object{"attribute": "type", "value": "google.cloud.firestore.document.v1.written"},
		object{"attribute": "document", "value": "users/*", "operator": "match-path-pattern"},
		object{"attribute": "database", "value": "(default)"}}
	return t
}

// pushing is a subscription that delivers as planned.
func pushing(name string) object {
	return object{
		"name": name, "topic": "projects/acme-1/topics/t", "ackDeadlineSeconds": 600, "messageRetentionDuration": "604800s",
		"expirationPolicy": object{}, "retryPolicy": object{"minimumBackoff": "10s", "maximumBackoff": "600s"},
		"deadLetterPolicy": object{"deadLetterTopic": lost, "maxDeliveryAttempts": 100},
		"pushConfig":       object{"pushEndpoint": uri, "oidcToken": object{"serviceAccountEmail": invoker}},
	}
}

func kept(name string) object {
	return object{"name": name, "topic": "projects/acme-1/topics/t", "messageRetentionDuration": "2678400s", "expirationPolicy": object{}}
}

// env sets an environment variable of the deployed function.
func (w *world) env(name, value string) {
	container := w.container()
	container["env"] = append(container["env"].([]any), variable(name, value))
}

func (w *world) template() object { return w.resources[service]["template"].(object) }
func (w *world) container() object {
	return w.template()["containers"].([]any)[0].(object)
}

// without removes the variable of that name.
func (w *world) without(name string) {
	var rest []any
	for _, one := range w.container()["env"].([]any) {
		if one.(object)["name"] != name {
			rest = append(rest, one)
		}
	}
	w.container()["env"] = rest
}

// google is an embedded Google with what the test has set.
func (w *world) google() *googlesim.Google {
	w.t.Helper()
	texts := func(all map[string]object) map[string]string {
		found := map[string]string{}
		for name, resource := range all {
			found[name] = w.text(resource)
		}
		return found
	}
	list := func(all map[string]object) (found []string) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			found = append(found, w.text(all[name]))
		}
		return found
	}
	policies := map[string]string{}
	for name, roles := range w.policies {
		bindings := []any{}
		for _, role := range slices.Sorted(maps.Keys(roles)) {
			member := roles[role]
			binding, ok := member.(object) // with a condition
			if !ok {
				binding = object{"members": []any{member}}
			}
			binding["role"] = role
			bindings = append(bindings, binding)
		}
		policies[name] = w.text(object{"version": 3, "bindings": bindings})
	}
	return googlesim.New(googlesim.Config{
		Accounts:  []googlesim.Account{{Email: reader, ID: "1", Roles: w.roles}},
		Resources: texts(w.resources), Policies: policies, Triggers: list(w.triggers), Subscriptions: list(w.subscriptions), Disabled: w.disabled,
		Unknown: func(r *http.Request) { w.t.Errorf("Google has no answer to %s %s%s", r.Method, r.Host, r.URL) },
	})
}

func (w *world) text(resource object) string {
	text, err := json.Marshal(resource)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// plan is that of the file here.
func (w *world) plan() *deployment.Plan {
	w.t.Helper()
	f, err := config.Parse("routes.yaml", []byte(w.routes))
	if err != nil {
		w.t.Fatal(err)
	}
	plan := deployment.New(w.settings, f.Routes)
	if len(plan.Gaps) > 0 {
		w.t.Fatal(plan.Gaps)
	}
	return &plan
}

// compare compares the plan with what the test has set.
func (w *world) compare() deployed.Report {
	w.t.Helper()
	google := w.google()
	report, err := deployed.Compare(w.t.Context(), deployed.Target{
		Plan: w.plan(), Texts: map[string]string{config.FileVariable: w.routes}, Member: "user:me@example.com",
		Cloud: &gcp.Reader{HTTP: &http.Client{Transport: &caller{google, google.AccessToken(reader)}}, Once: true},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, sent := range google.Sent() {
		if !strings.HasSuffix(sent.Host, ".googleapis.com") {
			w.t.Errorf("a request went to %s", sent.Host)
		}
	}
	return report
}

// caller sends requests to an embedded Google as one of its accounts.
type caller struct {
	google http.Handler
	token  string
}

func (c *caller) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(r.Context())
	sent.Host = r.URL.Host
	sent.Header.Set("Authorization", "Bearer "+c.token)
	recorded := httptest.NewRecorder()
	c.google.ServeHTTP(recorded, sent)
	return recorded.Result(), nil
}
