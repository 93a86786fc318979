// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/route"
)

// Who may publish can write what looks like a notification. A file that routes
// messages and objects is advised to name the subscription of the latter.
func TestAdviceToNameTheSubscriptionOfNotifications(t *testing.T) {
	t.Parallel()
	const messages, objects = "- {name: m, on: message.published, dag: d}\n", "- {name: o, on: object.finalized, dag: d"
	const want = `any message that is pushed can look like a notification of a bucket, and start o`
	for _, row := range []struct{ text, want string }{
		{messages, ""},
		{objects + "}", ""},
		{messages + objects + "}", want},
		{messages + objects + ", subscription: s}", ""},
		{messages + objects + ", topic: t}", ""},
		{messages + objects + ", enabled: false}", ""},
	} {
		specs, problems := decode(t, row.text)
		if got := listed(route.Advice(specs)); len(problems) > 0 || !strings.Contains(got, row.want) || (got == "") != (row.want == "") {
			t.Errorf("%s: %q, want %q", row.text, got, row.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	const msg = "- name: r\n  on: message.published\n  dag: d\n"
	const gone = "the route can match nothing"
	const coarse = "logical_date is coarser than the run id: Airflow takes one run of a DAG for each logical date, " +
		"so a second event of that date fails: leave it out and pass the date in conf, or compute run_id from the same fields, so " +
		"that all events of a date are one run"
	for _, row := range []struct{ text, want string }{
		{good, ``},
		{good + "  bucket: acme\n  object: sales/{region=*}/*.csv\n  skip: [folders, empty, temporary]\n  when: object.size != '0'\n  run_id: " +
			"${object.name}", ``},
		{msg + "  topic: [orders, 'projects/p/topics/o*', projects/p/topics/orders]\n  subscription: projects/p/subscriptions/s", ``},
		{"- {name: r, on: [object.finalized, message.published], bucket: b, dag: d}", ``},
		{"- {name: r, on: '*', bucket: b, topic: t, dag: d}", ``},

		// Keys that no event can satisfy.
		{msg + "  bucket: b", `4:11: bucket: no event of this route has an object or a message of that kind: ` + gone +
			`: leave bucket out, or add a type such as object.finalized to on`},
		{"- {name: r, on: com.acme.x, object: b, dag: d}",
			`1:37: object: no event of this route has an object or a message of that kind: ` + gone +
				`: leave object out, or add a type such as object.finalized to on`},
		{msg + "  skip: folders", `4:9: skip: no event of this route has an object or a message of that kind: it skips nothing: leave skip out,` +
			` or add a type such as object.finalized to on`},
		{good + "  topic: t", `4:10: topic matches only what comes in a Pub/Sub message, as a notification does: Eventarc's events do not: ` +
			`leave it out where Eventarc delivers the events`},

		// Names that none can be called by.
		{good + "  bucket: gs://acme",
			`4:11: bucket: "gs://acme" can match nothing: a bucket's name has lower-case letters, digits, -, _ and . only: write acme`},
		{good + "  object: gs://acme/sales/*",
			`4:11: object: "gs://acme/sales/*" can match nothing: an object's name does not hold its bucket: write bucket: acme and ` +
				`object: sales/*`},
		{good + "  object: /sales/*", `4:11: object: "/sales/*" can match nothing: object names hardly ever begin with /: leave it off`},
		{good + "  object: |\n    a\n", `4:11: object: "a\n" can match nothing: object names hold no line breaks: write it on one line`},
		{good + "  object: " + strings.Repeat("x", 1025) + "*",
			`4:11: object: "` + strings.Repeat("x", 79) + `…" can match nothing: object names have at most 1,024 bytes: shorten it`},
		{good + "  object: '*/'\n  skip: folders",
			`4:11: object: "*/" can match nothing: skip: folders passes over names that end in /: end it in /**, or do not skip folders`},
		{msg + "  topic: orders/new",
			`4:10: topic: "orders/new" can match nothing: its full name has another form: write projects/PROJECT/topics/new, or new alone`},
		{msg + "  subscription: projects/p/topics/s",
			`4:17: subscription: "projects/p/topics/s" can match nothing: its full name has another form: write ` +
				`projects/PROJECT/subscriptions/s, or s alone`},
		{good + "  object: 'in/**/_SUCCESS'\n  skip: [folders, empty]", `5:19: skip: empty passes over markers, which are empty, and ` +
			`object: in/**/_SUCCESS looks like one: leave empty out of skip, so that the marker starts the run`},
		{good + "  object: ['in/*.csv', 'in/*.done']\n  skip: empty", `5:9: skip: empty passes over markers, which are empty, and ` +
			`object: in/*.done looks like one: leave empty out of skip, so that the marker starts the run`},
		{good + "  object: 'in/*.csv'\n  skip: empty", ``},

		// What is the same for all events.
		{good + "  when: 'false'", `4:9: when is always false: the route can match nothing: write enabled: false to switch it off`},
		{good + "  run_id: daily", `4:11: run_id is the same for all events: after the first each is a duplicate: compute it, as in ` +
			`${object.bucket}/${object.name}`},
		{
			good + "  run_id_exact: daily",
			`4:17: run_id_exact is the same for all events: after the first each is a duplicate: compute it, as in ${message.json.run_id}`,
		},
		{good + "  enabled: false", `1:3: no route is enabled: enable one: every event is acknowledged, and starts nothing`},

		// A logical date that several runs of the route have in common.
		{good + "  logical_date: ${event.time}", ``},
		{good + "  logical_date: ${object.timeCreated}", ``},
		{msg + "  logical_date: ${message.json.date}", ``},
		{good + "  object: sales/{day=*}/*.csv\n  logical_date: ${path.day}T00:00:00Z", `5:17: ` + coarse},
		{good + "  object: sales/{day=*}/*.csv\n  logical_date: ${path.day}T00:00:00Z\n  run_id: ${object.name}", `5:17: ` + coarse},
		{good + "  object: sales/{day=*}/*.csv\n  logical_date: ${path.day}T00:00:00Z\n  run_id: ${path.day}", ``},
		{good + "  object: sales/{day=*}.csv\n  logical_date: ${path.day}T00:00:00Z", ``},
		{good + "  logical_date: ${event.time.strftime('%Y-%m-%d')}", `4:17: ` + coarse},
		{good + "  logical_date: 2026-11-22T00:00:00Z", `4:17: ` + coarse},

		// Keys of a conf that Airflow reserves, at any depth.
		{good + "  conf: {type: x, __kind: y}", ``},
		{good + "  conf: {__type: x}", `4:10: conf: Airflow 3.4 and later refuse the key __type, which its serialiser reserves: rename the key`},
		{
			good + "  conf: {a: [1, {__data__: x}]}",
			`4:18: conf: Airflow 3.4 and later refuse the key __data__, which its serialiser reserves: rename the key`,
		},

		// Repetition: note and run_id make no difference, conf does.
		{good + strings.Replace(good, "r", "s", 1) + "  note: x",
			`4:3: s repeats r, on line 1: remove one: each event that they want starts the DAG twice`},
		{good + "- {name: s, on: google.cloud.storage.object.v1.finalized, dag: d}",
			`4:3: s repeats r, on line 1: remove one: each event that they want starts the DAG twice`},
		{good + "  conf: {a: [1, x]}\n" + strings.Replace(good, "r", "s", 1) + "  conf: {a: [1, y]}", ``},
		{good + "  conf: {a: [1, x]}\n" + strings.Replace(good, "r", "s", 1) + "  conf: {a: [1, x]}",
			`5:3: s repeats r, on line 1: remove one: each event that they want starts the DAG twice`},
		{good + "  bucket: a\n" + strings.Replace(good, "r", "s", 1) + "  bucket: b", ``},
		{good + "  attributes: {a: b}\n" + strings.Replace(good, "r", "s", 1) + "  attributes: {a: c}", ``},
		{good + strings.Replace(good, "r", "s", 1) + "  enabled: false", ``},
	} {
		specs, problems := decode(t, row.text)
		if _, more := route.Compile(specs, route.Options{}); len(problems)+len(more) > 0 {
			t.Errorf("%s has the problem %v %v", row.text, problems, more)
		}
		if got := listed(route.Warnings(specs, false)); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
		}
	}
}
