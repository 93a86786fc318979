// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/route"
)

// summary are the sources, subscriptions and gaps of a plan, a line each.
func summary(p deployment.Plan) (lines []string) {
	for _, s := range p.Sources {
		name := s.Trigger
		if name == "" {
			name = "own"
		}
		lines = append(lines, fmt.Sprintf("%s: %s: %s", name, s, strings.Join(s.Routes, " ")))
	}
	for _, n := range p.Notifications {
		lines = append(lines, fmt.Sprintf("%s to %s: %s", n, n.Topic, strings.Join(n.Routes, " ")))
	}
	for _, s := range p.Subscriptions {
		lines = append(lines, fmt.Sprintf("subscription %s: %s", s.Name, strings.Join(s.Routes, " ")))
	}
	for _, j := range p.Jobs {
		lines = append(lines, fmt.Sprintf("job %s at %s: %s", j.Name, j.Schedule, strings.Join(j.Routes, " ")))
	}
	for _, g := range p.Gaps {
		lines = append(lines, g.String())
	}
	return lines
}

func TestPlanFindsTheSourcesOfRoutes(t *testing.T) {
	t.Parallel()
	known := deployment.Settings{Project: "acme-1", Buckets: []string{"acme-eu", "acme-us", "other"}, Topics: []string{"orders-eu", "returns"}}
	none := deployment.Settings{}
	const written = "every object written in gs://"
	for _, row := range []struct {
		name     string
		settings deployment.Settings
		routes   []string // each without its DAG
		want     []string
	}{
		{"a bucket", none, []string{"on: object.finalized, bucket: acme"}, []string{"own: " + written + "acme: r1"}},
		{"a bucket, by the type's whole name", none, []string{"on: google.cloud.storage.object.v1.deleted, bucket: acme"},
			[]string{"own: every object deleted in gs://acme: r1"}},
		{"two routes on one bucket", none, []string{"on: object.finalized, bucket: acme", "on: object.finalized, bucket: acme, object: '*.csv'"},
			[]string{"own: " + written + "acme: r1 r2"}},
		{"types and buckets", none, []string{"on: [object.finalized, object.archived], bucket: [acme, b-2]"}, []string{
			"own: " + written + "acme: r1", "dagtrigger-b-2-finalized: " + written + "b-2: r1",
			"dagtrigger-acme-archived: every object archived in gs://acme: r1", "dagtrigger-b-2-archived: every object archived in gs://b-2: r1"}},
		{"a pattern of types", none, []string{"on: 'google.cloud.storage.object.v1.*d', bucket: acme"}, []string{
			"own: every object archived in gs://acme: r1", "dagtrigger-acme-deleted: every object deleted in gs://acme: r1",
			"dagtrigger-acme-finalized: " + written + "acme: r1", "dagtrigger-acme-metadataupdated: every object of new metadata in gs://acme: r1"}},
		{"names that no trigger can have", none, []string{"on: object.finalized, bucket: [acme, acme_2.example.com, " +
			"a-bucket-with-quite-a-long-name-of-its-own]"}, []string{
			"own: " + written + "acme: r1",
			"dagtrigger-acme-2-example-com-fina-4acc5f9e: " + written + "acme_2.example.com: r1",
			"dagtrigger-a-bucket-with-quite-a-l-55a6c3f8: " + written + "a-bucket-with-quite-a-long-name-of-its-own: r1"}},
		{"topics", none, []string{"on: message.published, topic: orders", "on: message.published, topic: Orders"}, []string{
			"own: every message on the topic orders: r1", "dagtrigger-orders-published-2d02c917: every message on the topic Orders: r2"}},
		{"a topic by its whole name", known, []string{"on: message.published, topic: projects/acme-1/topics/orders"},
			[]string{"own: every message on the topic orders: r1"}},
		{"a topic of another project", known, []string{"on: message.published, topic: projects/other-1/topics/orders"}, []string{
			"the route r1: the topic projects/other-1/topics/orders is not in the project acme-1, where the trigger is: subscribe to it in " +
				"the function's project, and pick its messages by subscription"}},
		{"a topic of a project, where none is named", none, []string{"on: message.published, topic: projects/acme-1/topics/orders"}, []string{
			"the route r1: the topic projects/acme-1/topics/orders names a project, and the function's is not known: give --project"}},
		{"patterns of what there is", known, []string{"on: object.finalized, bucket: 'acme-*'", "on: message.published, topic: '*-eu'"}, []string{
			"own: " + written + "acme-eu: r1", "dagtrigger-acme-us-finalized: " + written + "acme-us: r1",
			"dagtrigger-orders-eu-published: every message on the topic orders-eu: r2"}},
		{"whatever there is", known, []string{"on: message.published"}, []string{
			"own: every message on the topic orders-eu: r1", "dagtrigger-returns-published: every message on the topic returns: r1"}},
		{"patterns of nothing", none, []string{"on: object.finalized, bucket: 'acme-*'", "on: message.published, topic: 'o*'"}, []string{
			"the route r1: the bucket acme-* is a pattern, and a trigger watches one: name those that exist, with --bucket=NAME for each",
			"the route r2: the topic o* is a pattern, and a trigger watches one: name those that exist, with --topic=NAME for each"}},
		{"anything", none, []string{"on: '**'"}, []string{
			"the route r1: it takes any topic, and a trigger watches one: name those that exist, with --topic=NAME for each",
			"the route r1: it takes any bucket, and a trigger watches one: name those that exist, with --bucket=NAME for each"}},
		{"subscriptions", none, []string{"on: message.published, subscription: orders-to-airflow",
			"on: message.published, subscription: orders-to-airflow"}, []string{
			"subscription orders-to-airflow: r1 r2"}},
		{"notifications of a bucket in a topic", none, []string{"on: [object.finalized, object.deleted], bucket: acme, topic: uploads",
			"on: object.finalized, bucket: [acme, b-2], topic: uploads"}, []string{
			"own: every message on the topic uploads: r1 r2", "every object written in gs://acme to uploads: r1 r2",
			"every object deleted in gs://acme to uploads: r1", "every object written in gs://b-2 to uploads: r2"}},
		{"notifications in a topic that exists", known, []string{"on: object.finalized, bucket: acme, topic: returns"}, []string{
			"own: every message on the topic returns: r1"}},
		{"notifications of any bucket", none, []string{"on: object.finalized, topic: uploads"}, []string{
			"own: every message on the topic uploads: r1",
			"the route r1: it takes any bucket, and its notifications are created on one: name those that exist, with " +
				"--bucket=NAME for each, or with --topic=NAME a topic that has their notifications already"}},
		{"notifications over a subscription", none, []string{"on: object.finalized, bucket: acme, subscription: uploads-to-airflow"}, []string{
			"subscription uploads-to-airflow: r1"}},
		{"a set of notifications", deployment.Settings{Buckets: []string{"acme-eu"}}, []string{
			"on: object.finalized, bucket: 'x-*', topic: uploads, object: '*', complete: {prefix: a, count: 2}",
			"on: object.finalized, bucket: 'acme-*', topic: uploads, object: '*', complete: {prefix: a, count: 2}"}, []string{
			"own: every message on the topic uploads: r1 r2",
			"every object written in gs://acme-eu to uploads: r2",
			"the route r1: the bucket x-* is a pattern, and its notifications are created on one: name those that exist, with " +
				"--bucket=NAME for each, or with --topic=NAME a topic that has their notifications already"}},
		{"a set of notifications in a topic that exists", deployment.Settings{Topics: []string{"uploads"}}, []string{
			"on: object.finalized, bucket: 'x-*', topic: uploads, object: '*', complete: {prefix: a, count: 2}"}, []string{
			"own: every message on the topic uploads: r1",
			"the route r1: the bucket x-* is a pattern, and the role to list its files is given on one: name those that exist, with " +
				"--bucket=NAME for each"}},
		{"a pattern of subscriptions", none, []string{"on: message.published, subscription: 'o*'"}, []string{
			"the route r1: the subscription o* is a pattern, and the plan has to know its name: write its whole name in the route"}},
		{"a topic and a subscription", none, []string{"on: message.published, topic: orders, subscription: s-1"}, []string{
			"the route r1: it picks messages by topic and by subscription, but a push does not name its topic, " +
				"and the name of a trigger's subscription is unknown until it is made: leave one of the two out"}},
		{"another provider's type", none, []string{"on: com.acme.order"}, []string{
			"the route r1: no trigger is planned for events of the type com.acme.order: name the channel that takes them, with " +
				"--event-channel=com.acme.order=projects/P/locations/L/channels/C, or make what sends them to the function yourself, and " +
				"say so with --elsewhere=r1"}},
		{"a pattern of such types", none, []string{"on: com.acme.*"}, []string{
			"the route r1: no trigger is planned for events of the types com.acme.*: name each type whole, or make what sends them to the " +
				"function yourself, and say so with --elsewhere=r1"}},
		{"a type that Eventarc does not have", none, []string{"on: google.cloud.tasks.task.v1.dispatched"}, []string{
			"the route r1: no trigger is planned for events of the type google.cloud.tasks.task.v1.dispatched: make what sends them to the " +
				"function yourself, and say so with --elsewhere=r1"}},
		{"a type in a channel", deployment.Settings{Channels: map[string]string{"com.acme.order": "projects/p/locations/l/channels/c"}},
			[]string{"on: com.acme.order, attributes: {kind: [a, b]}"}, []string{
				"dagtrigger-a-order-d49f956f: every event com.acme.order with kind=a: r1",
				"dagtrigger-b-order-d557a7ec: every event com.acme.order with kind=b: r1"}},
		{"another type in messages", none, []string{"on: com.acme.order, topic: orders"}, []string{"own: every message on the topic orders: r1"}},
		{"from elsewhere", deployment.Settings{Elsewhere: []string{"r1"}}, []string{"on: com.acme.order", "on: object.finalized, bucket: acme"},
			[]string{"own: " + written + "acme: r2"}},
		{"turned off", none, []string{"on: com.acme.order, enabled: false"}, nil},
		{"what a shell would run", none, []string{"on: object.finalized, bucket: 'a`id`$(id)'", "on: message.published, topic: 'a;id'"}, []string{
			"the route r1: invalid bucket name a`id`$(id): write the name that it has",
			"the route r2: invalid topic name a;id: write the name that it has"}},
	} {
		var b strings.Builder
		b.WriteString("routes:\n")
		for i, route := range row.routes {
			fmt.Fprintf(&b, "  - {name: r%d, dag: load, %s}\n", i+1, route)
		}
		if diff := cmp.Diff(row.want, summary(plan(t, row.settings, b.String()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

func TestCheckRefusesInvalidSettings(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		settings deployment.Settings
		want     string
	}{
		{deployment.Settings{}, ""},
		{deployment.Settings{
			Project: "acme-1", Region: "europe-west1", Function: "orders", Channel: "projects/acme-1/notificationChannels/17",
		}, ""},
		{deployment.Settings{Project: "Acme"}, `invalid project "Acme": write its id, of at least 6 lower-case letters, digits and hyphens`},
		{deployment.Settings{Function: "a-name-of-23-letters-xy"}, `invalid function "a-name-of-23-letters-xy"`},
		{deployment.Settings{Region: "eu;id", Buckets: []string{"$(id)"}}, "invalid region \"eu;id\"\ninvalid bucket \"$(id)\""},
		{deployment.Settings{Composer: []string{"prod"}}, `invalid environment "prod"`},
		{deployment.Settings{Variables: map[string]string{"AIRFLOW_URL": "https://x/$(id)"}},
			"the value of AIRFLOW_URL has a dollar sign, a line break or @~@ in it: give it as a secret"},
		{deployment.Settings{Secrets: map[string]string{"/secrets/airflow/token": "a/b", "x y": "s"}},
			"invalid secret \"a/b\"\ninvalid setting or path \"x y\""},
		{deployment.Settings{Runtime: "robot@acme-1.iam.gserviceaccount.com", Invoker: "ann@example.com"}, `invalid account "ann@example.com"`},
		{deployment.Settings{Call: 299 * time.Second}, ""},
		{deployment.Settings{Call: 5 * time.Minute}, "a call to Airflow may take 5m0s, and the request that makes it ends after 5m0s: set " +
			"AIRFLOW_TIMEOUT below that"},
		{deployment.Settings{Routes: "my routes.yaml", Source: "a`id`"}, "the path of the source has \"`\" in it: name a path without"},
		{deployment.Settings{Locations: map[string]string{"acme": "EU"}}, `invalid location "EU"`},
		{deployment.Settings{Schedules: map[string]string{"nightly": "@daily", "a b": "0 2 * * *"}, TimeZone: "$(id)"},
			"invalid job \"a b\"\ninvalid schedule \"@daily\": write the five fields of cron, such as 0 2 * * *\ninvalid time zone \"$(id)\""},
		{deployment.Settings{Stores: []string{"file:///letters"}},
			"the file keeps dead letters in file:///letters, a folder that is lost when the instance ends: name a topic or a bucket"},
	} {
		got := ""
		if err := row.settings.Check(); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%+v: %q, want %q", row.settings, got, row.want)
		}
	}
}

func TestCheckRoutesRefusesWhatCannotBeASetting(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want string }{
		{strings.Repeat("x", 32<<10), ""},
		{strings.Repeat("x", 32<<10+1), "the file has 32769 bytes, and a setting at most 32768: split it between several functions"},
		{"a: '@~@'", "the file has @~@ in it, which stands between settings"},
	} {
		got := ""
		if err := deployment.CheckRoutes(row.text); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%.20s: %q, want %q", row.text, got, row.want)
		}
	}
}

// roles are the grants of a plan, as MEMBER ROLE on KIND NAME.
func roles(p deployment.Plan) (lines []string) {
	for _, g := range p.Grants {
		lines = append(lines, fmt.Sprintf("%s %s on %s %s", strings.TrimPrefix(g.Member, "serviceAccount:"), g.Role, g.On.Kind, g.On.Name))
	}
	return lines
}

func TestPlanGrantsTheLeastRoles(t *testing.T) {
	t.Parallel()
	const (
		runtime = "dagtrigger-runtime@acme-1.iam.gserviceaccount.com roles/"
		invoker = "dagtrigger-invoker@acme-1.iam.gserviceaccount.com roles/"
		pubsub  = "service-$NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com roles/"
		storage = "service-$NUMBER@gs-project-accounts.iam.gserviceaccount.com roles/"
	)
	always := []string{
		pubsub + "pubsub.publisher on topic projects/acme-1/topics/dagtrigger-undelivered",
		invoker + "run.invoker on service dagtrigger",
	}
	letters := runtime + "pubsub.publisher on topic projects/acme-1/topics/dagtrigger-dead-letters"
	subscriber := pubsub + "pubsub.subscriber on subscription behind each trigger"
	environment := []string{"projects/other-1/locations/l/environments/e"}
	for _, row := range []struct {
		name     string
		settings deployment.Settings
		route    string
		want     []string
	}{
		{"messages", deployment.Settings{Composer: environment}, "on: message.published, topic: orders",
			append([]string{runtime + "composer.user on project other-1", letters}, append(always, subscriber)...)},
		{"an outbox", deployment.Settings{Connected: true, Outboxes: []string{"projects/other-1/topics/runs"}},
			"on: message.published, topic: orders",
			append([]string{letters, runtime + "pubsub.publisher on topic projects/other-1/topics/runs"}, append(always, subscriber)...)},
		{"objects", deployment.Settings{Composer: environment}, "on: object.finalized, bucket: acme",
			append([]string{runtime + "composer.user on project other-1", letters}, append(always,
				invoker+"eventarc.eventReceiver on project acme-1", storage+"pubsub.publisher on project acme-1", subscriber)...)},
		{"documents", deployment.Settings{Composer: environment},
			"on: google.cloud.firestore.document.v1.written, attributes: {database: d}",
			append([]string{runtime + "composer.user on project other-1", letters}, append(always,
				invoker+"eventarc.eventReceiver on project acme-1", subscriber)...)},
		{"notifications", deployment.Settings{Composer: environment}, "on: object.finalized, bucket: acme, topic: uploads",
			append([]string{runtime + "composer.user on project other-1", letters,
				storage + "pubsub.publisher on topic projects/acme-1/topics/uploads"}, append(always, subscriber)...)},
		{"another Airflow, with a secret", deployment.Settings{Connected: true, Secrets: map[string]string{"AIRFLOW_TOKEN": "airflow-token"}},
			"on: message.published, topic: orders",
			append([]string{runtime + "secretmanager.secretAccessor on secret airflow-token", letters}, append(always, subscriber)...)},
		{"dead letters in a bucket", deployment.Settings{Connected: true, DeadLetter: true,
			Stores: []string{"gs://letters/x", "gs://letters/y"}}, "on: message.published, topic: orders",
			append([]string{runtime + "storage.objectUser on bucket letters"}, append(always, subscriber)...)},
		{"sets of files", deployment.Settings{Composer: environment, Buckets: []string{"acme-eu", "other"}},
			"on: object.finalized, bucket: [acme-us, 'acme-e*', '!acme-eu-tmp'], object: '{day=*}/*', complete: {prefix: '${path.day}/', count: 2}",
			append([]string{
				runtime + "composer.user on project other-1", letters,
				runtime + "storage.objectViewer on bucket acme-eu", runtime + "storage.objectViewer on bucket acme-us",
			}, append(always,
				invoker+"eventarc.eventReceiver on project acme-1", storage+"pubsub.publisher on project acme-1", subscriber)...)},
	} {
		row.settings.Project = "acme-1"
		got := roles(plan(t, row.settings, "routes: [{name: r, dag: load, "+row.route+"}]"))
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

// An account that was there before is neither made nor removed, and keeps its roles.
func TestExistingAccountsAreKept(t *testing.T) {
	t.Parallel()
	p := plan(t, deployment.Settings{Runtime: "robot@acme-1.iam.gserviceaccount.com"},
		"routes: [{name: r, dag: load, on: object.finalized, bucket: acme}]")
	if len(p.Accounts) != 1 || p.Accounts[0].ID != "dagtrigger-invoker" {
		t.Errorf("it makes the accounts %v", p.Accounts)
	}
	if script := p.Script(); !strings.Contains(script, "--service-account=robot@acme-1.iam.gserviceaccount.com") || strings.Contains(script,
		"service-accounts create robot") {
		t.Error("the function runs as another account")
	}
	if undo := p.UndoScript(); strings.Contains(undo, "robot@") {
		t.Errorf("it takes something away from an account that was there:\n%s", undo)
	}
}

// notes are the texts of a plan's notes that begin with a word.
func notes(p deployment.Plan, begin string) (found []string) {
	for _, n := range p.Notes {
		if strings.HasPrefix(n.Text, begin) {
			found = append(found, n.Text)
		}
	}
	return found
}

// Airflow makes a user of the account that calls it, and nobody calls an outbox.
func TestPlanNotesTheRoleInAirflow(t *testing.T) {
	t.Parallel()
	const routes, outbox = "routes: [{name: r, dag: load, on: message.published, topic: orders}]", "projects/other-1/topics/runs"
	composer := []string{"projects/other-1/locations/europe-west1/environments/prod"}
	for want, settings := range map[int][]deployment.Settings{
		0: {{Connected: true, Outboxes: []string{outbox}}},
		1: {{Composer: composer}, {Connected: true}, {Composer: composer, Outboxes: []string{outbox}}},
	} {
		for _, s := range settings {
			if got := notes(plan(t, s, routes), "Airflow gives the account "); len(got) != want {
				t.Errorf("%+v has the notes %q", s, got)
			}
		}
	}
}

// Pub/Sub slows a subscription down as a whole, so that a route that holds its
// events back does so for all that share them.
func TestPlanNotesRoutesThatHoldOthersBack(t *testing.T) {
	t.Parallel()
	const alone, shared = "{name: a, dag: load, on: message.published, topic: orders, max_active: 1}",
		"{name: b, dag: load, on: message.published, topic: orders}"
	if got := notes(plan(t, deployment.Settings{}, "routes: ["+alone+"]"), "The route "); len(got) > 0 {
		t.Errorf("it shares its messages with no route, and has a note: %q", got)
	}
	want := []string{"The route a may hold events back (max_active, when_paused), and Pub/Sub then slows down " +
		"every message on the topic orders" +
		" for all of b, a: a separate bucket or topic keeps the others quick."}
	if diff := cmp.Diff(want, notes(plan(t, deployment.Settings{}, "routes: ["+shared+", "+alone+"]"), "The route ")); diff != "" {
		t.Error(diff)
	}
}

// Anyone who can publish to a topic that pushes to the function can send a
// notification of any object: a route for objects then has to name its carrier.
func TestPlanNotesObjectRoutesThatPublishersCanStart(t *testing.T) {
	t.Parallel()
	const objects = "{name: o, dag: load, on: object.finalized, bucket: acme"
	const topic = "{name: t, dag: load, on: message.published, topic: orders}"
	const subscription = "{name: s, dag: load, on: message.published, subscription: uploads}"
	note := func(carriers string) []string {
		return []string{"The route o matches objects whichever way they arrive: anyone who can publish to " + carriers +
			" can send a notification of an object that starts it. Where its objects come as notifications, name their topic: or " +
			"subscription: in the route; where no one else may publish there, nothing is to be done."}
	}
	for _, row := range []struct {
		name, routes string
		want         []string
	}{
		{"no messages", objects + "}", nil},
		{"a topic", objects + "}, " + topic, note("topic: orders")},
		{"a topic and a subscription", objects + "}, " + topic + ", " + subscription, note("topic: orders, subscription: uploads")},
		{"the carrier is named", objects + ", subscription: uploads}, " + topic, nil},
	} {
		p := plan(t, deployment.Settings{}, "routes: ["+row.routes+"]")
		if diff := cmp.Diff(row.want, notes(p, "The route ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

// Every type that has a short name in routes has a trigger.
func TestEveryShortTypeGetsATrigger(t *testing.T) {
	t.Parallel()
	for _, key := range route.Keys() {
		if key.Name != "on" {
			continue
		}
		for _, word := range key.Words {
			where := "bucket: acme"
			if word == "message.published" {
				where = "topic: orders"
			}
			p := plan(t, deployment.Settings{}, "routes: [{name: r, dag: load, on: "+word+", "+where+"}]")
			if len(p.Gaps) > 0 || len(p.Sources) != 1 {
				t.Errorf("%s: %q", word, summary(p))
			}
		}
	}
}
