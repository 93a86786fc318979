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

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/deployment"
)

// routes reads a valid routes file.
func routes(t *testing.T, name, text string) config.File {
	t.Helper()
	f, err := config.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// derived is what the module makes of a file of routes.
type derived struct {
	Sources map[string]struct{ Type, What, Name string }
	Gaps    []string
	Listed  []string
	// By the bucket, the topic and the kind of change.
	Notifications map[string]struct{ Bucket, Topic, Type string }
	Jobs          []string
	Events        map[string]struct {
		Type, Channel string
		Filters       []struct{ Attribute, Value, Operator string }
	}
	Places map[string]string
}

// events are the triggers with filters that the module makes, each with where it is.
func (d derived) events() (lines []string) {
	for key, e := range d.Events {
		var filters []string
		for _, f := range e.Filters {
			filters = append(filters, filter(f.Attribute, f.Value, f.Operator != ""))
		}
		lines = append(lines, event(e.Type, e.Channel, d.Places[key], filters))
	}
	slices.Sort(lines)
	return lines
}

// events are those of the plan. The module does not look up where a database is.
func events(p deployment.Plan) (lines []string) {
	for _, s := range p.Sources {
		if s.Topic+s.Bucket != "" {
			continue
		}
		var filters []string
		for _, f := range s.Filters {
			filters = append(filters, filter(f.Attribute, f.Value, f.Pattern))
		}
		at := p.CreateTrigger(s)
		words := strings.Join(at[len(at)-4].Do, " ")
		_, place, _ := strings.Cut(words, "--location=")
		place = strings.Replace(strings.Fields(place)[0], "$LOCATION", p.Settings.Region, 1)
		lines = append(lines, event(s.Type, s.Channel, place, filters))
	}
	slices.Sort(lines)
	return lines
}

func filter(attribute, value string, isPattern bool) string {
	return fmt.Sprintf("%s=%s (%t)", attribute, value, isPattern)
}

func event(eventType, channel, place string, filters []string) string {
	slices.Sort(filters)
	return eventType + " " + channel + " in " + place + ": " + strings.Join(filters, ", ")
}

// jobs are the names of those of the plan.
func jobs(p deployment.Plan) (names []string) {
	for _, j := range p.Jobs {
		names = append(names, j.Name)
	}
	slices.Sort(names)
	return names
}

// derive has Terraform work out the sources of files of routes, without any
// resource, and all in one go: its start takes longer than its work.
func derive(t *testing.T, files []string, settings []deployment.Settings) map[string]derived {
	t.Helper()
	w := newWorkspace(t)
	w.dir = t.TempDir()
	rule := filepath.Join(w.dir, "rule")
	if err := os.Mkdir(rule, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"variables.tf", "sources.tf", "eventarc.tf"} {
		write(t, filepath.Join(rule, name), sources(t)[name])
	}
	write(t, filepath.Join(rule, "out.tf"),
		`output "derived" {
  value = { sources = local.sources, gaps = local.gaps, listed = local.listed, notifications = local.notifications, events = local.events,
    places = local.places, jobs = local.jobs }
}
`)
	modules, outputs := make(map[string]any), make(map[string]any)
	for i, s := range settings {
		name := fmt.Sprintf("row%d", i)
		write(t, filepath.Join(w.dir, name+".yaml"), files[i])
		modules[name] = map[string]any{
			"source": "./rule", "project": project, "region": "europe-west1", "routes_file": name + ".yaml",
			"buckets": s.Buckets, "topics": s.Topics, "elsewhere": s.Elsewhere,
			"event_channels": s.Channels, "locations": s.TypeLocations, "schedules": s.Schedules,
		}
		outputs[name] = map[string]any{"value": "${module." + name + ".derived}"}
	}
	text, err := json.Marshal(map[string]any{"module": modules, "output": outputs})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(w.dir, "main.tf.json"), string(text))
	all := make(map[string]derived)
	for name, output := range w.plan(".").Values.Outputs {
		var d derived
		if err := json.Unmarshal(output.Value, &d); err != nil {
			t.Fatal(err)
		}
		all[name] = d
	}
	return all
}

// listed are the buckets that the plan lets the function list.
func listed(p deployment.Plan) (buckets []string) {
	for _, g := range p.Grants {
		if g.Role == "roles/storage.objectViewer" {
			buckets = append(buckets, g.On.Name)
		}
	}
	return buckets
}

// notifications are those of the plan, by the module's keys.
func notifications(p deployment.Plan) (keys []string) {
	for _, n := range p.Notifications {
		keys = append(keys, n.Bucket+"-"+n.Topic+"-"+n.Type[strings.LastIndex(n.Type, ".")+1:])
	}
	slices.Sort(keys)
	return keys
}

// many are 11 values of an attribute.
func many(begin string) string {
	names := make([]string, 11)
	for i := range names {
		names[i] = fmt.Sprint(begin, i)
	}
	return strings.Join(names, ", ")
}

// TestSourcesMatchThePlan holds the module's rule to the one of
// "dagtrigger deploy plan", in whose words each row reads.
func TestSourcesMatchThePlan(t *testing.T) {
	t.Parallel()
	none := deployment.Settings{}
	rows := []struct {
		name     string
		settings deployment.Settings
		routes   []string // what each has beside its name and its DAG
		sources  []string
		gaps     []string // the routes
	}{
		{"a bucket", none, []string{"on: object.finalized, bucket: a-b"}, []string{"finalized a-b"}, nil},
		{"two routes on one source", none, []string{"on: object.finalized, bucket: a-b",
			"on: google.cloud.storage.object.v1.finalized, bucket: a-b"}, []string{"finalized a-b"}, nil},
		{"kinds times buckets", none, []string{"on: [object.deleted, object.archived], bucket: [a-b, c.d_e]"},
			[]string{"archived a-b", "archived c.d_e", "deleted a-b", "deleted c.d_e"}, nil},
		{"a pattern of types", none, []string{"on: google.cloud.storage.object.v1.*, bucket: a-b"},
			[]string{"archived a-b", "deleted a-b", "finalized a-b", "metadataUpdated a-b"}, nil},
		{"a pattern of all types", deployment.Settings{Buckets: []string{"a-b"}, Topics: []string{"orders"}}, []string{"on: google.cloud.**"},
			[]string{"archived a-b", "deleted a-b", "finalized a-b", "messagePublished orders", "metadataUpdated a-b"}, nil},
		{"a pattern of buckets", deployment.Settings{Buckets: []string{"a-eu", "a-us", "b-eu"}}, []string{`on: object.finalized, bucket: "*-eu"`},
			[]string{"finalized a-eu", "finalized b-eu"}, nil},
		{"a pattern with a dot", deployment.Settings{Buckets: []string{"a.b", "axb"}}, []string{`on: object.finalized, bucket: "a.*"`},
			[]string{"finalized a.b"}, nil},
		{"a pattern of no known bucket", deployment.Settings{Buckets: []string{"b-eu"}}, []string{"on: object.finalized, bucket: a-*"}, nil,
			[]string{"r0"}},
		{"any bucket", deployment.Settings{Buckets: []string{"a-b", "c-d"}}, []string{"on: object.finalized"},
			[]string{"finalized a-b", "finalized c-d"}, nil},
		{"any bucket, and none known", none, []string{"on: object.finalized"}, nil, []string{"r0"}},
		{"a topic, by both its names", none, []string{"on: message.published, topic: orders",
			"on: message.published, topic: projects/acme-data/topics/orders"},
			[]string{"messagePublished orders"}, nil},
		{"a topic of another project", none, []string{"on: message.published, topic: projects/other-one/topics/orders"}, nil, []string{"r0"}},
		{"a pattern of topics", deployment.Settings{Topics: []string{"eu-orders", "us-orders", "rest"}},
			[]string{`on: message.published, topic: "*-orders"`},
			[]string{"messagePublished eu-orders", "messagePublished us-orders"}, nil},
		{"a pattern of topics with their project", deployment.Settings{Topics: []string{"eu-orders", "rest"}},
			[]string{`on: message.published, topic: "projects/*/topics/eu-*"`},
			[]string{"messagePublished eu-orders"}, nil},
		{"a subscription of the operator's own", none, []string{"on: message.published, subscription: mine"}, nil, nil},
		{"a subscription and a topic", none, []string{"on: message.published, subscription: mine, topic: orders"}, nil, []string{"r0"}},
		{"notifications of a bucket in a topic", none, []string{"on: [object.finalized, object.deleted], bucket: a-b, topic: uploads"},
			[]string{"messagePublished uploads"}, nil},
		{"notifications of any bucket in a pattern of topics",
			deployment.Settings{Buckets: []string{"a-b"}, Topics: []string{"uploads-eu", "rest"}},
			[]string{`on: object.finalized, topic: "uploads-*"`}, []string{"messagePublished uploads-eu"}, nil},
		{"notifications of buckets in several topics", deployment.Settings{Buckets: []string{"a-eu", "a-us"}, Topics: []string{"rest"}},
			[]string{`on: object.finalized, bucket: ["a-*", c-d], topic: [uploads, "re*", projects/acme-data/topics/uploads]`,
				"on: [object.finalized, object.archived], bucket: c-d, topic: uploads", "on: object.finalized, topic: others"},
			[]string{"messagePublished others", "messagePublished rest", "messagePublished uploads"}, nil},
		{"notifications of any bucket", none, []string{"on: object.finalized, topic: uploads"},
			[]string{"messagePublished uploads"}, []string{"r0"}},
		{"notifications that exist", deployment.Settings{Topics: []string{"uploads"}}, []string{"on: object.finalized, topic: uploads"},
			[]string{"messagePublished uploads"}, nil},
		{"notifications of something else", deployment.Settings{Elsewhere: []string{"r0"}}, []string{"on: object.finalized, topic: uploads"},
			nil, nil},
		{"notifications over a subscription", none, []string{"on: object.finalized, bucket: a-b, subscription: mine"}, nil, nil},
		{"notifications by topic and by subscription", none, []string{"on: object.finalized, bucket: a-b, subscription: mine, topic: uploads"},
			nil, []string{"r0"}},
		{"buckets that are excluded", deployment.Settings{Buckets: []string{"a-b", "c-d"}},
			[]string{`on: [object.finalized, "!object.deleted"], bucket: ["a-*", "!a-tmp"]`, `on: object.finalized, bucket: "!a-tmp"`},
			[]string{"finalized a-b", "finalized c-d"}, nil},
		{"two kinds of a pattern of no known bucket", none, []string{"on: [object.finalized, object.deleted], bucket: a-*"}, nil, []string{"r0"}},
		{"sets in a pattern of buckets", deployment.Settings{Buckets: []string{"a-eu", "a-us", "b-eu"}},
			[]string{`on: object.finalized, bucket: [c-d, "*-eu", "!x-eu"], object: "*", complete: {prefix: x, count: 2}`},
			[]string{"finalized a-eu", "finalized b-eu", "finalized c-d"}, nil},
		{"sets in any bucket", deployment.Settings{Buckets: []string{"a-eu", "a-us"}, Elsewhere: []string{"r0"}},
			[]string{`on: object.finalized, object: "*", complete: {prefix: x, count: 2}`}, nil, nil},
		{"sets of notifications", deployment.Settings{Buckets: []string{"a-eu"}},
			[]string{`on: object.finalized, bucket: "a-*", topic: uploads, object: "*", complete: {prefix: x, count: 2}`},
			[]string{"messagePublished uploads"}, nil},
		{"sets of notifications in a pattern of no known bucket", none,
			[]string{`on: object.finalized, bucket: "a-*", topic: uploads, object: "*", complete: {prefix: x, count: 2}`},
			[]string{"messagePublished uploads"}, []string{"r0"}},
		{"sets in a pattern of no known bucket", none,
			[]string{`on: object.finalized, bucket: "a-*", object: "*", complete: {prefix: x, count: 2}`}, nil, []string{"r0"}},
		{"sets of a route that is turned off", none,
			[]string{`on: object.finalized, bucket: a-b, object: "*", enabled: false, complete: {prefix: x, count: 2}`}, nil, nil},
		{"what is turned off", none, []string{"on: object.finalized, bucket: a-b, enabled: false"}, nil, nil},
		{"what is sent by something else", deployment.Settings{Elsewhere: []string{"r0"}}, []string{"on: com.acme.invoice"}, nil, nil},
		{"a type that cannot be watched", none, []string{"on: com.acme.invoice", "on: object.finalized, bucket: a-b"},
			[]string{"finalized a-b"}, []string{"r0"}},
		{"a type that is carried in messages", none, []string{"on: com.acme.invoice, topic: invoices"},
			[]string{"messagePublished invoices"}, nil},
		{"types of providers", deployment.Settings{Channels: map[string]string{"com.acme.paid": "projects/p/locations/us-central1/channels/c"}},
			[]string{"on: [com.acme.paid, com.acme.other], attributes: {kind: [a, 'b*'], Team: x}"}, nil, []string{"r0"}},
		{"a channel", deployment.Settings{Channels: map[string]string{"com.acme.paid": "projects/p/locations/us-central1/channels/c"}},
			[]string{"on: com.acme.paid, attributes: {kind: [a, 'b*', '!bc'], Team: x}"}, nil, nil},
		{"audit logs", none, []string{
			"on: google.cloud.audit.log.v1.written, attributes: {servicename: run.googleapis.com, methodName: [a, b], resourcename: 'x/{y=*}/**'}",
			"on: google.cloud.audit.log.v1.*, attributes: {serviceName: run.googleapis.com, methodname: a, resourcename: 'x/*/**', team: z}"},
			nil, nil},
		{"audit logs of any method", none, []string{"on: google.cloud.audit.log.v1.written, attributes: {servicename: run.googleapis.com}",
			"on: google.cloud.audit.log.v1.written, attributes: {servicename: '*', methodname: a}"}, nil, []string{"r0", "r1"}},
		{"documents", deployment.Settings{TypeLocations: map[string]string{"google.cloud.firestore.document.v1.created": "nam5"}}, []string{
			"on: google.cloud.firestore.document.v1.*, attributes: {database: (default), document: ['users/{u=*}', 'x'], namespace: 'n*'}",
			"on: google.cloud.firestore.document.v1.created, attributes: {database: [a, b], namespace: ns, document: '**'}",
			"on: google.cloud.datastore.entity.v1.deleted, attributes: {database: d, entity: 'Task/*'}"}, nil, nil},
		{"documents of what a trigger cannot filter by", none,
			[]string{"on: google.cloud.firestore.document.v1.written, attributes: {database: d, document: 'a,b'}"}, nil, []string{"r0"}},
		{"more triggers than there can be", none, []string{"on: google.cloud.firestore.document.v1.written, attributes: {database: [" +
			many("d") + "], document: [" + many("x") + "]}"}, nil, []string{"r0"}},
		{"other types of Google's", none, []string{"on: google.firebase.database.ref.v1.written, attributes: {instance: i, ref: 'a/**'}",
			"on: google.firebase.remoteconfig.remoteConfig.v1.updated", "on: google.cloud.tasks.task.v1.dispatched"}, nil, []string{"r2"}},
		{"jobs", deployment.Settings{Schedules: map[string]string{"nightly": "0 2 * * *", "weekly": "0 3 * * 0", "spare": "0 4 * * *"}},
			[]string{"on: google.cloud.scheduler.job.v1.executed, source: //cloudscheduler.googleapis.com/nightly",
				"on: google.cloud.scheduler.job.v1.*, source: ['**/*ly', '!x']",
				"on: google.cloud.scheduler.job.v1.executed, source: //cloudscheduler.googleapis.com/daily"}, nil, []string{"r2"}},
		{"any job", deployment.Settings{Schedules: map[string]string{"nightly": "0 2 * * *"}},
			[]string{"on: google.cloud.scheduler.job.v1.executed"}, nil, nil},
		{"any job of none", none, []string{"on: google.cloud.scheduler.job.v1.executed"}, nil, []string{"r0"}},
		{"a name that no bucket has", none, []string{"on: object.finalized, bucket: A_B"}, nil, []string{"r0"}},
		{"nothing", none, []string{"on: object.finalized, bucket: a-b, enabled: false"}, nil, nil},
	}
	files, settings := make([]string, len(rows)), make([]deployment.Settings, len(rows))
	for i, row := range rows {
		files[i] = "routes:\n"
		for j, keys := range row.routes {
			files[i] += fmt.Sprintf("  - {name: r%d, dag: d, %s}\n", j, keys)
		}
		settings[i] = row.settings
		settings[i].Project, settings[i].Region = project, "europe-west1"
	}
	made := derive(t, files, settings)
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := deployment.New(settings[i], routes(t, "routes.yaml", files[i]).Routes)
			d := made[fmt.Sprintf("row%d", i)]
			var fromPlan, fromModule, gaps []string
			for _, s := range p.Sources {
				if s.Bucket+s.Topic == "" {
					continue // with filters
				}
				fromPlan = append(fromPlan, s.Type[strings.LastIndex(s.Type, ".")+1:]+" "+s.Bucket+s.Topic)
			}
			for _, s := range d.Sources {
				fromModule = append(fromModule, s.Type[strings.LastIndex(s.Type, ".")+1:]+" "+s.Name)
			}
			for _, g := range p.Gaps {
				gaps = append(gaps, g.Route)
			}
			slices.Sort(fromPlan)
			slices.Sort(fromModule)
			if diff := cmp.Diff(row.gaps, slices.Compact(gaps)); diff != "" {
				t.Errorf("the plan's gaps (-want +got):\n%s", diff)
			}
			if len(d.Gaps) != len(p.Gaps) {
				t.Errorf("the module's gaps are %q, the plan's %q", d.Gaps, p.Gaps)
			}
			if diff := cmp.Diff(listed(p), d.Listed, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the buckets that may be listed (-plan +module):\n%s", diff)
			}
			if diff := cmp.Diff(events(p), d.events(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the triggers with filters (-plan +module):\n%s", diff)
			}
			if diff := cmp.Diff(jobs(p), d.Jobs, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the jobs (-plan +module):\n%s", diff)
			}
			if diff := cmp.Diff(notifications(p), slices.Sorted(maps.Keys(d.Notifications)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the notifications (-plan +module):\n%s", diff)
			}
			if diff := cmp.Diff(row.sources, fromPlan); diff != "" {
				t.Errorf("the plan's sources (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(row.sources, fromModule); diff != "" && len(row.gaps) == 0 { // with a gap nothing is made
				t.Errorf("the module's sources (-want +got):\n%s", diff)
			}
		})
	}
}
