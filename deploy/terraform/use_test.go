// SPDX-License-Identifier: Apache-2.0

package terraform_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/config"
)

// given are the variables of the module.
type given map[string]any

// use writes a configuration that uses the module, into a new folder.
func (w *workspace) use(variables given) {
	w.t.Helper()
	all := given{"source": "./..", "project": project, "region": "europe-west1"}
	maps.Copy(all, variables)
	text, err := json.Marshal(map[string]any{"module": given{"dagtrigger": all}})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.dir, "used"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	write(w.t, filepath.Join(w.dir, "used", "main.tf.json"), string(text))
}

const environment = "projects/acme-data/locations/europe-west1/environments/prod"

// What cannot work is refused before anything is made, with what to do.
func TestInvalidVariablesAreRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		variables given
		routes    string // the keys of a route beside its name and its DAG
		want      string
	}{
		{"no DAG and no routes", given{"composer_environment": environment}, "", "Give dag_id or routes_file, and not both"},
		{"both", given{"composer_environment": environment, "dag_id": "d"}, "on: object.finalized, bucket: a-b",
			"Give dag_id or routes_file, and not both"},
		{"no Airflow", given{"dag_id": "d"}, "", "Airflow is not named"},
		{"routes without events", given{"composer_environment": environment}, "on: object.finalized",
			"the route r: it takes any bucket: name those that exist in buckets"},
		{"an attribute that YAML 1.1 takes for no text", given{"composer_environment": environment},
			"on: google.cloud.firestore.document.v1.written, attributes: {database: d, namespace: n}",
			"the route r: Terraform reads YAML 1.1, where the namespace is false: quote it"},
		{"no file of routes", given{"composer_environment": environment, "routes_file": "nowhere.yaml"}, "",
			"routes_file is not a valid routes file"},
		{"a secret in the settings", given{"dag_id": "d", "settings": given{"AIRFLOW_TOKEN": "t"}}, "",
			"keep it in Secret Manager, and name it in secrets"},
		{"an API key in the settings", given{"dag_id": "d", "settings": given{"OTEL_EXPORTER_OTLP_HEADERS": "api-key=k"}}, "",
			"keep it in Secret Manager, and name it in secrets"},
		{"a password in the routes", given{"composer_environment": environment},
			"on: message.published, topic: orders}\nenvironments:\n  lab: {url: 'https://airflow.example.com', auth: basic, username: u, " +
				"password: p",
			"routes_file has a secret (headers, oauth2_client_secret, password or token)"},
		{"a setting of the module's", given{"dag_id": "d", "settings": given{"DEAD_LETTER": "gs://b"}}, "",
			"settings has one that the module sets itself"},
		{"a bucket with its scheme", given{"dag_id": "d", "buckets": []string{"gs://a-b"}}, "", "write it without gs://"},
		{"a version that is none", given{"dag_id": "d", "release": "latest"}, "", "write it as v1.2.3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			if row.routes != "" {
				row.variables["routes_file"] = "routes.yaml"
			}
			w.use(row.variables)
			write(t, filepath.Join(w.dir, "used", "routes.yaml"), "routes:\n  - {name: r, dag: d, "+row.routes+"}\n")
			w.must("used", "get")
			out, err := w.run("used", "plan", "-input=false")
			if err == nil || !strings.Contains(strings.Join(strings.Fields(out), " "), row.want) {
				t.Errorf("plan: %v, want %q in\n%s", err, row.want, out)
			}
		})
	}
}

// One DAG, another Airflow, secrets as a setting and as a file, and a version.
func TestModuleWithoutRoutes(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.use(given{
		"dag_id": "load", "buckets": []string{"a-b"}, "topics": []string{"orders"}, "release": "v1.2.3", "alerts": false, "metrics": false,
		"settings": given{"AIRFLOW_URL": "https://airflow.example.com", "AIRFLOW_AUTH": "password", "AIRFLOW_USERNAME": "robot",
			"AIRFLOW_PASSWORD_FILE": "/secrets/airflow"},
		"secrets": given{"AIRFLOW_IAP_CLIENT_ID": "client", "/secrets/airflow": "airflow-password"},
	})
	made := of(w.plan("used"))
	for address, want := range map[string]string{
		"google_storage_notification.bucket.gs-a-b-finalized":       `"event_types":["OBJECT_FINALIZE"]`,
		"google_pubsub_subscription.source.gs-a-b-finalized":        `"topic":"google_pubsub_topic.dagtrigger-events-gs-a-b-finalized.id"`,
		"google_pubsub_subscription.source.topic-orders":            `"topic":"projects/acme-data/topics/orders"`,
		"google_cloudfunctions2_function.function":                  `"DAG_ID":"load"`,
		"google_secret_manager_secret_iam_member.runtime.client":    `"role":"roles/secretmanager.secretAccessor"`,
		"google_project_service.api.secretmanager.googleapis.com":   `"disable_on_destroy":false`,
		"google_cloud_run_v2_service_iam_member.invoker":            `"member":"google_service_account.dagtrigger-invoker.member"`,
		"google_pubsub_subscription.kept.dead-letters":              `"message_retention_duration":"2678400s"`,
		"google_pubsub_subscription_iam_member.source.topic-orders": `"subscription":"dagtrigger-events-topic-orders"`,
	} {
		if got := encoded(t, made[address]); !strings.Contains(got, want) {
			t.Errorf("%s is %s, want %s in it", address, got, want)
		}
	}
	function := encoded(t, made["google_cloudfunctions2_function.function"])
	for _, want := range []string{
		`"environment_variables":{"GOOGLE_GOLDFLAGS":"-s -w -X=example.com/dagtrigger/internal/build.linked=v1.2.3"}`,
		`"secret_environment_variables":[{"key":"AIRFLOW_IAP_CLIENT_ID","project_id":"acme-data","secret":"client","version":"latest"}]`,
		`"mount_path":"/secrets","project_id":"acme-data","secret":"airflow-password","versions":[{"path":"airflow","version":"latest"}]`,
	} {
		if !strings.Contains(function, want) {
			t.Errorf("the function is %s, want %s in it", function, want)
		}
	}
	for address := range made {
		if strings.HasPrefix(address, "google_monitoring") || strings.HasPrefix(address, "google_logging") || strings.HasPrefix(address,
			"google_project_iam") {
			t.Errorf("%s is made", address)
		}
	}
	// Eventarc's own address for a topic, as its hidden subscriptions show it.
	const mode = `?__GCP_CloudEventsMode=CUSTOM_PUBSUB_projects%2Facme-data%2Ftopics%2Forders"`
	if got := encoded(t, made["google_pubsub_subscription.source.topic-orders"]); !strings.Contains(got, mode) {
		t.Errorf("the topic's subscription is %s", got)
	}
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Where the file of routes says where dead letters go, no topic is made for
// them, and the function may write there and nowhere else.
func TestDeadLetterStoreIsTheFiles(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.use(given{"composer_environment": environment, "routes_file": "routes.yaml"})
	write(t, filepath.Join(w.dir, "used", "routes.yaml"), `dead_letter: gs://acme-dead/dagtrigger
give_up_after: 6h
routes:
  - {name: a, on: object.finalized, bucket: a-b, dag: d}
  - {name: b, on: object.finalized, bucket: a-b, dag: d, dead_letter: "pubsub://projects/acme-other/topics/dead"}
  - {name: c, on: object.finalized, bucket: a-b, dag: d, enabled: false, dead_letter: gs://acme-off}
`)
	planned := w.plan("used")
	// They are read, so that a missing one is an error, and not created.
	var read []string
	for _, r := range planned.Prior.Values.Root.all() {
		if r.Mode == "data" && r.Name == "store" {
			read = append(read, fmt.Sprint(r.Index))
		}
	}
	if want := []string{"projects/acme-other/topics/dead", "acme-dead"}; !slices.Equal(want, read) {
		t.Errorf("it reads the stores %q, want %q", read, want)
	}
	made := of(planned)
	for address, want := range map[string]string{
		"google_storage_bucket_iam_member.store.acme-dead": `"role":"roles/storage.objectUser"`,
		"google_pubsub_topic_iam_member.store.projects/acme-other/topics/dead": `"project":"acme-other","role":"roles/pubsub.publisher",` +
			`"topic":"dead"`,
		"google_pubsub_topic.kept.undelivered":               `"name":"dagtrigger-undelivered"`,
		"google_pubsub_subscription.source.gs-a-b-finalized": `"dead_letter_topic":"google_pubsub_topic.dagtrigger-undelivered.id"`,
		"google_pubsub_topic.kept.dead-letters":              "null",
		"google_pubsub_topic_iam_member.dead_letters":        "null",
	} {
		if got := encoded(t, made[address]); !strings.Contains(got, want) {
			t.Errorf("%s is %s, want %s in it", address, got, want)
		}
	}
	function := encoded(t, made["google_cloudfunctions2_function.function"])
	for _, setting := range []string{`"DEAD_LETTER"`, `"GIVE_UP_AFTER"`} {
		if strings.Contains(function, setting) {
			t.Errorf("%s is set, which the file has", setting)
		}
	}
}

// An environment that no request can reach gets its runs by a topic, which is not made here.
func TestFunctionMayPublishToOutboxes(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.use(given{"routes_file": "routes.yaml"})
	write(t, filepath.Join(w.dir, "used", "routes.yaml"), `environments:
  near: {composer: `+environment+`}
  private: {outbox: projects/acme-other/topics/runs}
routes:
  - {name: a, on: object.finalized, bucket: a-b, dag: d, environment: private}
`)
	made := of(w.plan("used"))
	for address, want := range map[string]string{
		"google_pubsub_topic_iam_member.store.projects/acme-other/topics/runs": `"project":"acme-other","role":"roles/pubsub.publisher",` +
			`"topic":"runs"`,
		"google_pubsub_topic_iam_member.dead_letters": `"role":"roles/pubsub.publisher"`,
	} {
		if got := encoded(t, made[address]); !strings.Contains(got, want) {
			t.Errorf("%s is %s, want %s in it", address, got, want)
		}
	}
}

// A route for objects that names a topic gets the topic, its bucket's notifications there,
// and a subscription.
func TestNotificationsOfRoutesAreMade(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.use(given{"composer_environment": environment, "routes_file": "routes.yaml", "topics": []string{"existing"}})
	write(t, filepath.Join(w.dir, "used", "routes.yaml"), `routes:
  - {name: a, on: object.finalized, bucket: a-b, topic: uploads, dag: d}
  - {name: b, on: object.finalized, bucket: a-b, topic: existing, dag: d}
`)
	made := of(w.plan("used"))
	for address, want := range map[string]string{
		"google_storage_notification.notified.a-b-uploads-finalized": `"bucket":"a-b","custom_attributes":{"dagtrigger":"dagtrigger"},` +
			`"event_types":["OBJECT_FINALIZE"],`,
		"google_pubsub_topic.notified.uploads":               `"labels":{"dagtrigger":"dagtrigger"}`,
		"google_pubsub_topic_iam_member.notified.uploads":    `"role":"roles/pubsub.publisher"`,
		"google_pubsub_subscription.source.topic-uploads":    `"topic":"google_pubsub_topic.uploads.id"`,
		"google_pubsub_subscription.source.topic-existing":   `"topic":"projects/acme-data/topics/existing"`,
		"google_pubsub_topic.notified.existing":              "null",
		"google_pubsub_subscription.source.gs-a-b-finalized": "null",
	} {
		if got := encoded(t, made[address]); !strings.Contains(got, want) {
			t.Errorf("%s is %s, want %s in it", address, got, want)
		}
	}
}

// The function may list the buckets that its routes with complete name.
func TestBucketsOfSetsMayBeListed(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.use(given{"composer_environment": environment, "routes_file": "routes.yaml"})
	write(t, filepath.Join(w.dir, "used", "routes.yaml"), `routes:
  - {name: a, on: object.finalized, bucket: a-b, object: "{day=*}/*", dag: d, complete: {prefix: "${path.day}/", count: 2}}
  - {name: b, on: object.finalized, bucket: [a-b, c-d], object: "{day=*}/*", dag: d, complete: {prefix: "${path.day}/", count: 2}}
  - {name: c, on: object.finalized, bucket: e-f, dag: d}
`)
	made := of(w.plan("used"))
	for address, want := range map[string]string{
		"google_storage_bucket_iam_member.listed.a-b": `"role":"roles/storage.objectViewer"`,
		"google_storage_bucket_iam_member.listed.c-d": `"role":"roles/storage.objectViewer"`,
		"google_storage_bucket_iam_member.listed.e-f": "null",
	} {
		if got := encoded(t, made[address]); !strings.Contains(got, want) {
			t.Errorf("%s is %s, want %s in it", address, got, want)
		}
	}
}

// The module cannot read the code's list of secret settings, so that its own is
// compared with it.
func TestModuleRefusesSecretSettings(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("variables.tf")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range config.SecretVariables() {
		if !strings.Contains(string(text), `"`+name+`"`) {
			t.Errorf("variables.tf accepts the secret %s in settings", name)
		}
		if key := strings.ToLower(strings.TrimPrefix(name, "AIRFLOW_")); strings.HasPrefix(name, "AIRFLOW_") && !strings.Contains(string(text),
			`"`+key+`"`) {
			t.Errorf("variables.tf accepts the secret %s in routes_file", key)
		}
	}
}
