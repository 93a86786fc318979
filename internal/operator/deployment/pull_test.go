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
)

// pullable has a source of each kind that can be pulled.
const pullable = `
routes:
  - {name: orders, on: message.published, topic: orders, dag: load}
  - {name: own, on: message.published, subscription: orders-to-airflow, dag: load}
  - {name: uploads, on: object.finalized, bucket: acme-landing, topic: uploads, dag: load}
`

// pulled is its plan with a worker pool, a secret and no image.
func pulled(t *testing.T) deployment.Plan {
	t.Helper()
	p := plan(t, deployment.Settings{Routes: "routes.yaml", Pull: true,
		Secrets: map[string]string{"/secrets/airflow/token": "airflow-token"}}, pullable)
	if len(p.Gaps) > 0 {
		t.Fatal(p.Gaps)
	}
	return p
}

func TestPulledPlanHasASubscriptionForEachTopic(t *testing.T) {
	t.Parallel()
	p := plan(t, deployment.Settings{Project: "acme-1", Region: "europe-west1", Connected: true, Pull: true}, pullable)
	var got []string
	for _, s := range p.Sources {
		got = append(got, fmt.Sprintf("%s%s: %s", s.Trigger, s.Subscription, s))
	}
	want := []string{"dagtrigger-orders-published: every message on the topic orders",
		"dagtrigger-uploads-published: every message on the topic uploads"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	const runtime = "dagtrigger-runtime@acme-1.iam.gserviceaccount.com roles/"
	const pubsub = "service-$NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com roles/"
	want = []string{
		runtime + "pubsub.publisher on topic projects/acme-1/topics/dagtrigger-dead-letters",
		"service-$NUMBER@gs-project-accounts.iam.gserviceaccount.com roles/pubsub.publisher on topic projects/acme-1/topics/uploads",
		pubsub + "pubsub.publisher on topic projects/acme-1/topics/dagtrigger-undelivered",
	}
	for _, name := range []string{"dagtrigger-orders-published", "dagtrigger-uploads-published", "orders-to-airflow"} {
		want = append(want, runtime+"pubsub.subscriber on subscription "+name, pubsub+"pubsub.subscriber on subscription "+name)
	}
	if diff := cmp.Diff(want, roles(p)); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	// Its subscriptions are set as those that push are.
	pushed := plan(t, deployment.Settings{Project: "acme-1"}, pullable)
	text := p.Commands()
	for _, name := range []string{"dagtrigger-orders-published", "dagtrigger-uploads-published", "orders-to-airflow"} {
		set := pushed.Hold(name)[1].Shell()
		if !strings.Contains(text, "\n"+set+"\n") {
			t.Errorf("%s is not set by %s", name, set)
		}
	}
	for _, never := range []string{"eventarc", "gcloud functions", "run.invoker", "--push-endpoint=http", "dagtrigger-invoker", "alerts/"} {
		if strings.Contains(text, never) {
			t.Errorf("its commands have %s:\n%s", never, text)
		}
	}
}

// What pulls ends where a subscription is missing or is pushed, and a message that is
// published before its subscription exists is lost.
func TestPulledPlanMakesSubscriptionsFirst(t *testing.T) {
	t.Parallel()
	p := pulled(t)
	at := func(begin string) int {
		i := slices.IndexFunc(p.Steps(), func(s deployment.Step) bool { return strings.HasPrefix(s.Do.String(), "gcloud "+begin) })
		if i < 0 {
			t.Errorf("no step is gcloud %s", begin)
		}
		return i
	}
	deploy := at("beta run worker-pools deploy dagtrigger ")
	for _, before := range []string{
		"pubsub subscriptions create dagtrigger-orders-published ", "pubsub subscriptions modify-push-config orders-to-airflow ",
		"pubsub subscriptions add-iam-policy-binding orders-to-airflow ", "pubsub subscriptions create dagtrigger-uploads-published ",
	} {
		if i := at(before); i > deploy {
			t.Errorf("step %d is gcloud %s, after the worker pool's, %d", i, before, deploy)
		}
	}
	if at("storage buckets notifications create ") < at("pubsub subscriptions create dagtrigger-uploads-published ") {
		t.Error("objects are published before a subscription keeps them")
	}
	const args = "--args=pull,projects/PROJECT/subscriptions/dagtrigger-orders-published=projects/PROJECT/topics/orders," +
		"projects/PROJECT/subscriptions/dagtrigger-uploads-published=projects/PROJECT/topics/uploads," +
		"projects/PROJECT/subscriptions/orders-to-airflow"
	if words := p.Steps()[deploy].Do; !slices.Contains(words, args) || !slices.Contains(words, "--command=/dagtrigger") ||
		!slices.Contains(words, "--image=REGION-docker.pkg.dev/PROJECT/REPOSITORY/dagtrigger:VERSION") {
		t.Errorf("the worker pool is deployed by %q", words)
	}
}

func TestPulledPlanSaysHowToRouteWhatIsPushed(t *testing.T) {
	t.Parallel()
	const apart = ", and nothing can push to a worker pool: have them published to a topic, and add topic: NAME to the route, or plan it " +
		"apart, without --pull"
	for _, row := range []struct{ route, want string }{
		{"on: object.finalized, bucket: acme", "the route r: events of the type google.cloud.storage.object.v1.finalized are pushed by " +
			"Eventarc, and nothing can push to a worker pool: add topic: NAME to the route: the plan then creates the topic, and the bucket's " +
			"notifications to it"},
		{"on: google.cloud.audit.log.v1.written, attributes: {serviceName: a.googleapis.com, methodName: b}",
			"the route r: events of the type google.cloud.audit.log.v1.written are pushed by Eventarc" + apart},
		{"on: google.cloud.firestore.document.v1.written, attributes: {database: d}",
			"the route r: events of the type google.cloud.firestore.document.v1.written are pushed by Eventarc" + apart},
		{"on: com.acme.order", "the route r: events of the type com.acme.order are pushed by Eventarc" + apart},
		{"on: google.cloud.scheduler.job.v1.executed, source: //cloudscheduler.googleapis.com/nightly",
			"the route r: its job of Cloud Scheduler calls an address, and a worker pool has none: have the job publish to a topic, and write " +
				"the route on: message.published, topic: NAME"},
		{"on: message.published", "the route r: it takes any topic, and a subscription is made of one: name those that exist, with " +
			"--topic=NAME for each"},
		{"on: com.acme.order, topic: orders", ""},
		{"on: object.finalized, bucket: acme, topic: uploads", ""},
	} {
		p := plan(t, deployment.Settings{Pull: true}, "routes: [{name: r, dag: load, "+row.route+"}]")
		var got []string
		for _, gap := range p.Gaps {
			got = append(got, gap.String())
		}
		if diff := cmp.Diff(row.want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.route, diff)
		}
	}
}

func TestCheckRefusesCallersOfAWorkerPool(t *testing.T) {
	t.Parallel()
	const want = "nothing can call a worker pool, so that an account that delivers, or a route whose events something else sends, " +
		"has no use: leave --invoker-account and --elsewhere out with --pull"
	for _, s := range []deployment.Settings{
		{Pull: true, Elsewhere: []string{"r"}}, {Pull: true, Invoker: "robot@acme-1.iam.gserviceaccount.com"},
	} {
		if err := s.Check(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := (deployment.Settings{Pull: true}).Check(); err != nil {
		t.Error(err)
	}
}

// The script asks for the image, names everything by its variables, and reports a
// subscription that no route needs any more; the other takes away what it made.
func TestPulledScripts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	routes := filepath.Join(folder, "routes.yaml")
	p := plan(t, deployment.Settings{Routes: routes, Pull: true}, pullable)
	for path, text := range map[string]string{"routes.yaml": pullable, "deploy.sh": p.Script(), "undeploy.sh": p.UndoScript()} {
		if err := os.WriteFile(filepath.Join(folder, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	deploy := filepath.Join(folder, "deploy.sh")
	env := append([]string{"PATH=" + os.Getenv("PATH")}, settings...)
	const missing = "IMAGE: set IMAGE: the container to deploy"
	if out, err := (scripted{t, env}).run(deploy, "--dry-run"); err == nil || !strings.Contains(out, missing) {
		t.Errorf("without an image: %v\n%s", err, out)
	}
	env = append(env, "IMAGE=europe-west1-docker.pkg.dev/acme-1/images/dagtrigger:v1", "FUNCTION=orders")
	out := scripted{t, env}.must(deploy, "--dry-run")
	for _, want := range []string{
		"gcloud beta run worker-pools deploy orders --project=acme-1 --region=europe-west1 " +
			"--image=europe-west1-docker.pkg.dev/acme-1/images/dagtrigger:v1 --command=/dagtrigger " +
			"--args=pull,projects/acme-1/subscriptions/orders-orders-published=projects/acme-1/topics/orders,",
		`"--set-env-vars=^@~@^DAGTRIGGER_CONFIG=$CONFIG@~@`, "resource.labels.worker_pool_name=orders ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not print %s\n%s", want, out)
		}
	}
	for _, want := range []string{
		"--pull --format script", "    */\"$FUNCTION-orders-published\") ;;\n", "    */\"$FUNCTION-undelivered\") ;;\n",
		"No route needs this subscription any more.",
	} {
		if !strings.Contains(p.Script(), want) {
			t.Errorf("the script has no %s\n%s", want, p.Script())
		}
	}
	out = scripted{t, env}.must(filepath.Join(folder, "undeploy.sh"), "--dry-run")
	pool := strings.Index(out, "\ngcloud beta run worker-pools delete orders ")
	for _, want := range []string{
		"gcloud pubsub subscriptions delete orders-orders-published --project=acme-1\n",
		"gcloud pubsub subscriptions update orders-to-airflow --project=acme-1 --clear-dead-letter-policy\n",
		"gcloud pubsub subscriptions remove-iam-policy-binding orders-to-airflow ", "gcloud pubsub topics delete uploads --project=acme-1\n",
		"gcloud iam service-accounts delete orders-runtime@acme-1.iam.gserviceaccount.com ",
	} {
		if at := strings.Index(out, want); pool < 0 || at < pool {
			t.Errorf("it does not run %s after it deletes the worker pool\n%s", want, out)
		}
	}
	if strings.Contains(out, "subscriptions delete orders-to-airflow") || strings.Contains(out, "dead-letters --project") {
		t.Errorf("it deletes what is not its own, or dead letters unasked:\n%s", out)
	}
}
