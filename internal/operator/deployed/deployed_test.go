// SPDX-License-Identifier: Apache-2.0

package deployed_test

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/deployed"
)

var update = flag.Bool("update", false, "write the golden file again")

// open are the rows that leave something to do, each as RESOURCE: WHAT: DEPLOYED, not
// PLANNED (STATUS).
func open(r deployed.Report) (lines []string) {
	for _, row := range r.Rows {
		if row.Open() {
			lines = append(lines, row.Resource+": "+row.What+": "+row.Deployed+", not "+row.Planned+" ("+string(row.Status)+")")
		}
	}
	return lines
}

// pasted are the commands of a row, each on one line.
func pasted(r deployed.Row) string {
	return strings.ReplaceAll(strings.Join(r.Commands, "\n"), " \\\n  ", " ")
}

// digest is how a row names the text of a file.
func digest(text string) string {
	sum := sha256.Sum256([]byte(strings.TrimRight(text, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])[:12]
}

func TestNothingDiffersWhereAllIsDeployedAsPlanned(t *testing.T) {
	t.Parallel()
	report := newWorld(t).compare()
	if got := open(report); len(got) > 0 || !report.Same {
		t.Errorf("it reports %q", got)
	}
	if len(report.Rows) < 60 {
		t.Errorf("it compares %d things only", len(report.Rows))
	}
}

func TestEachDifferenceIsReportedWithItsCommand(t *testing.T) {
	t.Parallel()
	for _, row := range differences() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			row.change(w)
			report := w.compare()
			if diff := cmp.Diff([]string{row.want}, open(report)); diff != "" || report.Same {
				t.Errorf("the rows differ (-want +got):\n%s", diff)
			}
			for _, r := range report.Rows {
				if commands := pasted(r); r.Open() && !strings.Contains(commands, row.command) {
					t.Errorf("it prints the commands\n%s\nwant %s", commands, row.command)
				}
			}
		})
	}
}

// difference is one between the plan and what is deployed, the row that reports it, and
// a part of the command that sets it right.
type difference struct {
	name    string
	change  func(*world)
	want    string
	command string
}

func differences() []difference {
	all := append(ofFunction(), ofDelivery()...)
	return append(all, ofRoles()...)
}

const deploys = "gcloud functions deploy dagtrigger --gen2 --project=acme-1 --region=europe-west1 "

func ofFunction() []difference {
	return []difference{
		{"state", func(w *world) { w.resources[function]["state"] = "FAILED" },
			"function dagtrigger: state: FAILED, not ACTIVE (differs)", deploys},
		{"runtime", func(w *world) { w.resources[function]["buildConfig"].(object)["runtime"] = "go125" },
			"function dagtrigger: runtime: go125, not go126 (differs)", "--runtime=go126"},
		{"memory", func(w *world) {
			w.container()["resources"] = object{"limits": object{"cpu": "1", "memory": "256Mi"}}
		}, "service dagtrigger: memory: 256Mi, not 512Mi (differs)", "--memory=512Mi"},
		{"concurrency", func(w *world) { w.template()["maxInstanceRequestConcurrency"] = 1 },
			"service dagtrigger: concurrency: 1, not 80 (differs)", "--concurrency=80"},
		{"account", func(w *world) { w.template()["serviceAccount"] = "4711-compute@developer.gserviceaccount.com" },
			"service dagtrigger: service-account: 4711-compute@developer.gserviceaccount.com, not " +
				"dagtrigger-runtime@acme-1.iam.gserviceaccount.com (differs)", "--service-account="},
		{"ingress", func(w *world) { w.resources[service]["ingress"] = "INGRESS_TRAFFIC_ALL" },
			"service dagtrigger: ingress-settings: INGRESS_TRAFFIC_ALL, not internal-only (differs)", "--ingress-settings=internal-only"},
		{"an earlier revision serves", func(w *world) {
			w.resources[service]["trafficStatuses"] = []any{object{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
				"revision": "dagtrigger-00002-abc", "percent": 100}}
		}, "service dagtrigger: traffic: 100% dagtrigger-00002-abc, not 100% the latest revision (differs)",
			"gcloud run services update-traffic dagtrigger --project=acme-1 --region=europe-west1 --to-latest"},
		{"the latest revision is not ready", func(w *world) {
			w.resources[service]["latestCreatedRevision"] = service + "/revisions/dagtrigger-00004-new"
			w.resources[service]["terminalCondition"] = object{"state": "CONDITION_FAILED", "message": "The container failed to start."}
		}, "service dagtrigger: ready: no: The container failed to start., not yes (differs)", deploys},
		{"another setting", func(w *world) { w.without("GIVE_UP_AFTER"); w.env("GIVE_UP_AFTER", "1h") },
			"service dagtrigger: GIVE_UP_AFTER: 1h, not 12h (differs)", "GIVE_UP_AFTER=12h"},
		{"a setting is missing", func(w *world) { w.without("DEAD_LETTER") },
			"service dagtrigger: DEAD_LETTER: , not pubsub://" + letters + " (missing)", "DEAD_LETTER="},
		{"a setting that is not planned, and may be secret", func(w *world) { w.env("AIRFLOW_TOKEN", "hush-hush") },
			"service dagtrigger: AIRFLOW_TOKEN: set, not  (unplanned)", "--set-env-vars="},
		{"a variable of the operator's", func(w *world) { w.env("TEAM", "hush-hush") },
			"service dagtrigger: TEAM: set, not  (unplanned)", "--set-env-vars="},
		{"other routes", func(w *world) { w.routes = strings.ReplaceAll(routes, "load_sales", "load_more") },
			"service dagtrigger: routes: " + digest(routes) + ", not " +
				digest(strings.ReplaceAll(routes, "load_sales", "load_more")) + " (differs)",
			"--format=\"value(serviceConfig.environmentVariables.DAGTRIGGER_CONFIG)\" > deployed.yaml\n" +
				"dagtrigger check routes.yaml --against deployed.yaml\nCONFIG=$(cat routes.yaml)\n"},
		{"routes in the source", func(w *world) { w.without("DAGTRIGGER_CONFIG"); w.env("DAGTRIGGER_CONFIG", "routes.yaml") },
			"service dagtrigger: routes: the file routes.yaml in what was built, not " + digest(routes) + " (differs)", deploys},
		{"no secret", func(w *world) { w.template()["volumes"] = nil },
			"service dagtrigger: secret /secrets/key: , not partner-key:latest (missing)", "/secrets/key=partner-key:latest"},
		{"a secret too many", func(w *world) {
			env := w.container()["env"].([]any)
			w.container()["env"] = append(env, object{"name": "AIRFLOW_TOKEN",
				"valueSource": object{"secretKeyRef": object{"secret": "token", "version": "3"}}})
		}, "service dagtrigger: secret AIRFLOW_TOKEN: token:3, not  (unplanned)", "--set-secrets="},
		{"the function's own trigger watches another bucket", func(w *world) {
			w.resources[function]["eventTrigger"].(object)["eventFilters"] = []any{object{"attribute": "bucket", "value": "acme-old"}}
		}, "function dagtrigger: bucket: acme-old, not acme-landing (differs)", "--trigger-event-filters=bucket=acme-landing"},
		{"the function's own trigger does not retry", func(w *world) {
			w.resources[function]["eventTrigger"].(object)["retryPolicy"] = "RETRY_POLICY_DO_NOT_RETRY"
		}, "function dagtrigger: trigger retries: , not yes (missing)", "--retry"},
	}
}

func ofDelivery() []difference {
	const changesOrders = "gcloud pubsub subscriptions update eventarc-europe-west1-dagtrigger-orders-published-sub-2 --project=acme-1 "
	const orders = "subscription eventarc-europe-west1-dagtrigger-orders-published-sub-2: "
	return []difference{
		{"a trigger that no route needs", func(w *world) {
			w.triggers["old"] = trigger("old", ownSub, "projects/acme-1/topics/old")
			w.triggers["old"]["transport"].(object)["pubsub"].(object)["subscription"] = ownSub
		}, "trigger old: the trigger: projects/acme-1/topics/old, not  (unplanned)",
			"gcloud eventarc triggers delete " + located + "triggers/old"},
		{"a trigger as another account", func(w *world) { w.triggers["orders"]["serviceAccount"] = "other@acme-1.iam.gserviceaccount.com" },
			"trigger dagtrigger-orders-published: account: other@acme-1.iam.gserviceaccount.com, not " + invoker + " (differs)",
			"gcloud eventarc triggers update " + located + "triggers/dagtrigger-orders-published --destination-run-service=dagtrigger "},
		{"a trigger of another topic", func(w *world) {
			w.triggers["orders"]["transport"].(object)["pubsub"].(object)["topic"] = "projects/acme-1/topics/old"
		}, "trigger dagtrigger-orders-published: topic: projects/acme-1/topics/old, not projects/acme-1/topics/orders (differs)",
			"gcloud eventarc triggers delete " + located + "triggers/dagtrigger-orders-published\n" +
				"gcloud eventarc triggers create dagtrigger-orders-published "},
		{"a trigger of one document in place of a pattern", func(w *world) {
			delete(w.triggers["users"]["eventFilters"].([]any)[1].(object), "operator")
		}, "trigger dagtrigger-users-default-written-6094f6a4: document: users/*, not the pattern users/* (differs)",
			"gcloud eventarc triggers delete " + located + "triggers/dagtrigger-users-default-written-6094f6a4\n" +
				"LOCATION=$(gcloud firestore databases describe --database=\"(default)\" "},
		{"a trigger with a further filter", func(w *world) {
			w.triggers["users"]["eventFilters"] = append(w.triggers["users"]["eventFilters"].([]any), object{"attribute": "namespace", "value": "n"})
		}, "trigger dagtrigger-users-default-written-6094f6a4: namespace: n, not  (unplanned)", "gcloud eventarc triggers delete "},
		{"a trigger with data of another type", func(w *world) { delete(w.triggers["users"], "eventDataContentType") },
			"trigger dagtrigger-users-default-written-6094f6a4: event-data-content-type: , not application/protobuf (missing)",
			"--event-data-content-type=application/protobuf"},
		{"deadline", func(w *world) { w.subscriptions[ordersSub]["ackDeadlineSeconds"] = 10 },
			orders + "ack-deadline: 10, not 600 (differs)", changesOrders},
		{"retention", func(w *world) { w.subscriptions[ordersSub]["messageRetentionDuration"] = "86400s" },
			orders + "message-retention-duration: 1d, not 7d (differs)", changesOrders},
		{"dead letters elsewhere", func(w *world) {
			w.subscriptions[ordersSub]["deadLetterPolicy"] = object{"deadLetterTopic": "projects/acme-1/topics/x", "maxDeliveryAttempts": 100}
		}, orders + "dead-letter-topic: projects/acme-1/topics/x, not " + lost + " (differs)", "--dead-letter-topic=" + lost},
		{"it ends", func(w *world) { delete(w.subscriptions[ordersSub], "expirationPolicy") },
			orders + "expiration-period: 31d, not never (differs)", "--expiration-period=never"},
		{"a push elsewhere", func(w *world) {
			w.subscriptions[invoices]["pushConfig"].(object)["pushEndpoint"] = "https://example.com/"
		}, "subscription invoices-to-airflow: pushes to: https://example.com/, not " + uri + " (differs)",
			"gcloud pubsub subscriptions modify-push-config invoices-to-airflow --project=acme-1 --push-endpoint=" + uri},
		{"the operator's subscription is missing", func(w *world) { delete(w.subscriptions, invoices) },
			"subscription invoices-to-airflow: the subscription: , not invoices-to-airflow (missing)",
			"gcloud pubsub subscriptions create invoices-to-airflow --project=acme-1 --topic=TOPIC\n"},
		{"another subscription pushes", func(w *world) {
			w.subscriptions["more"] = pushing("projects/acme-1/subscriptions/more")
		}, "subscription more: pushes: to the function, not  (unplanned)",
			"gcloud pubsub subscriptions modify-push-config more --project=acme-1 --push-endpoint="},
		{"no notifications", func(w *world) { w.resources["b/acme-scans/notificationConfigs"] = object{} },
			"bucket acme-scans: notifications of OBJECT_FINALIZE: , not to the topic scans (missing)",
			"gcloud storage buckets notifications create gs://acme-scans "},
		{"notifications of a folder alone", func(w *world) {
			w.resources["b/acme-scans/notificationConfigs"]["items"].([]any)[0].(object)["object_name_prefix"] = "in/"
		}, "bucket acme-scans: notifications of OBJECT_FINALIZE: to the topic scans, only below in/, not to the topic scans (differs)",
			"gcloud storage buckets notifications create gs://acme-scans "},
		{"no job", func(w *world) { delete(w.resources, nightly) }, "job nightly: the job: , not nightly (missing)",
			"gcloud scheduler jobs create http nightly --project=acme-1 --location=europe-west1 "},
		{"a job at another time", func(w *world) { w.resources[nightly]["schedule"] = "0 3 * * *" },
			"job nightly: schedule: 0 3 * * *, not 0 2 * * * (differs)",
			"gcloud scheduler jobs update http nightly --project=acme-1 --location=europe-west1 "},
		{"a job that is paused", func(w *world) { w.resources[nightly]["state"] = "PAUSED" },
			"job nightly: state: PAUSED, not ENABLED (differs)", "gcloud scheduler jobs resume nightly --project=acme-1 --location=europe-west1"},
		{"a job that does not try again", func(w *world) { w.resources[nightly]["retryConfig"].(object)["retryCount"] = 0 },
			"job nightly: max-retry-attempts: 0, not 5 (differs)", "--max-retry-attempts=5"},
		{"a job that calls something else", func(w *world) { w.resources[nightly]["httpTarget"].(object)["uri"] = "https://example.com/" },
			"job nightly: calls: https://example.com/, not " + uri + " (differs)", "--uri=" + uri},
		{"what is undelivered ends", func(w *world) { delete(w.subscriptions[lostKept], "expirationPolicy") },
			"topic dagtrigger-undelivered: its expiration-period: 31d, not never (differs)",
			"gcloud pubsub subscriptions update dagtrigger-undelivered --project=acme-1 "},
		{"a topic without a subscription", func(w *world) { delete(w.subscriptions, lostKept) },
			"topic dagtrigger-undelivered: its subscription: , not dagtrigger-undelivered (missing)",
			"gcloud pubsub subscriptions create dagtrigger-undelivered "},
	}
}

func ofRoles() []difference {
	const project = "project acme-1: "
	return []difference{
		{"a role is missing", func(w *world) { delete(w.policies["projects/acme-1"], "roles/composer.user") },
			project + "roles/composer.user of dagtrigger-runtime: , not given (missing)",
			"gcloud projects add-iam-policy-binding acme-1 --member=" + runtime + " --role=roles/composer.user"},
		{"a role under a condition", func(w *world) {
			w.policies["projects/acme-1"]["roles/composer.user"] = object{"members": []any{runtime},
				"condition": object{"title": "until december", "expression": "true"}}
		}, project + "roles/composer.user of dagtrigger-runtime: given under a condition, not given (differs)", "--condition=None"},
		{"a role too many", func(w *world) { w.policies["projects/acme-1"]["roles/editor"] = runtime },
			project + "roles/editor of dagtrigger-runtime@acme-1.iam.gserviceaccount.com: given, not  (unplanned)",
			"gcloud projects remove-iam-policy-binding acme-1 --member=" + runtime + " --role=roles/editor"},
		{"Google's own account lacks its role", func(w *world) { delete(w.policies[ordersSub], "roles/pubsub.subscriber") },
			"subscription eventarc-europe-west1-dagtrigger-orders-published-sub-2: roles/pubsub.subscriber of Pub/Sub: , not given (missing)",
			agent},
		{"anybody may call the function", func(w *world) {
			w.policies[service]["roles/run.invoker"] = object{"members": []any{"serviceAccount:" + invoker, "allUsers"}}
		}, "service dagtrigger: roles/run.invoker of allUsers: given, not  (unplanned)",
			"gcloud run services remove-iam-policy-binding dagtrigger --project=acme-1 --region=europe-west1 --member=allUsers "},
		{"a disabled account", func(w *world) {
			w.resources["projects/acme-1/serviceAccounts/"+invoker]["disabled"] = true
		}, "account dagtrigger-invoker: state: disabled, not enabled (differs)", "gcloud iam service-accounts enable " + invoker},
		{"no account", func(w *world) { delete(w.resources, "projects/acme-1/serviceAccounts/"+invoker) },
			"account dagtrigger-invoker: the account: , not " + invoker + " (missing)", "gcloud iam service-accounts create dagtrigger-invoker "},
		{"the secret is not there", func(w *world) { delete(w.policies, "projects/acme-1/secrets/partner-key") },
			"secret partner-key: roles/secretmanager.secretAccessor of dagtrigger-runtime: , not given (missing)",
			"gcloud secrets add-iam-policy-binding partner-key "},
	}
}

// What may not be read is a row with the role that is needed, and all else is compared.
func TestUnreadableResourceIsARowWithTheRoleItNeeds(t *testing.T) {
	t.Parallel()
	for _, role := range newWorld(t).roles {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.roles = without(w.roles, role)
			report := w.compare()
			rows := 0
			for _, row := range report.Rows {
				if !row.Open() {
					continue
				}
				rows++
				want := "gcloud projects add-iam-policy-binding acme-1 --member=user:me@example.com --role=" + role + " --condition=None"
				if row.Status != deployed.Unreadable || row.Deployed != "not readable: needs "+role ||
					pasted(row) != want {
					t.Errorf("%s: %s is %q (%s) with the commands %q", row.Resource, row.What, row.Deployed, row.Status, row.Commands)
				}
			}
			if rows == 0 || report.Same || len(report.Rows) < 25 {
				t.Errorf("%d of %d rows are open", rows, len(report.Rows))
			}
		})
	}
}

func without(all []string, one string) (rest []string) {
	for _, role := range all {
		if role != one {
			rest = append(rest, role)
		}
	}
	return rest
}

func TestDisabledAPIIsARowWithTheCommandThatEnablesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.disabled = []string{"eventarc.googleapis.com"}
	report := w.compare()
	want := []string{"triggers: all triggers: not readable: eventarc.googleapis.com is not enabled, not  (unreadable)"}
	got := open(report)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the rows differ (-want +got):\n%s", diff)
	}
}

func TestTerraformsDeliveryIsLeftToTerraform(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.resources[function]["labels"] = object{"goog-terraform-provisioned": "true"}
	w.triggers, w.policies = nil, nil
	w.routes = strings.ReplaceAll(routes, "load_sales", "load_more")
	report := w.compare()
	last := report.Rows[len(report.Rows)-1]
	if last.Deployed != "Terraform: terraform plan compares the rest" || last.Status != deployed.Info {
		t.Errorf("its last row is %+v", last)
	}
	for _, row := range report.Rows {
		if row.Open() && (row.What != "routes" || row.Commands[len(row.Commands)-1] != "terraform apply") {
			t.Errorf("it reports %+v", row)
		}
	}
}

// TestTableMatchesGoldenFile compares the table of a deployment with differences of all
// kinds. The real gcloud parses its commands with all others of the repository.
func TestTableMatchesGoldenFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, row := range differences() {
		if slices.Contains([]string{"state", "memory", "an earlier revision serves", "a setting is missing", "a variable of the operator's",
			"other routes", "a secret too many", "a trigger that no route needs", "a trigger of another topic", "deadline", "a push elsewhere",
			"another subscription pushes", "what is undelivered ends", "a role is missing", "a role too many", "a disabled account",
			"anybody may call the function"}, row.name) {
			row.change(w)
		}
	}
	w.roles = without(w.roles, "roles/storage.bucketViewer")
	report := w.compare()
	var b strings.Builder
	if err := report.Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hush") {
		t.Error("it shows the value of a variable that the plan does not set")
	}
	const golden = "testdata/status.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}
