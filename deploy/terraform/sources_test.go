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
	for _, name := range []string{"variables.tf", "sources.tf"} {
		write(t, filepath.Join(rule, name), sources(t)[name])
	}
	write(t, filepath.Join(rule, "out.tf"),
		`output "derived" {
  value = { sources = local.sources, gaps = local.gaps, listed = local.listed, notifications = local.notifications }
}
`)
	modules, outputs := make(map[string]any), make(map[string]any)
	for i, s := range settings {
		name := fmt.Sprintf("row%d", i)
		write(t, filepath.Join(w.dir, name+".yaml"), files[i])
		modules[name] = map[string]any{
			"source": "./rule", "project": project, "region": "europe-west1", "routes_file": name + ".yaml",
			"buckets": s.Buckets, "topics": s.Topics, "elsewhere": s.Elsewhere,
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
		settings[i].Project = project
	}
	made := derive(t, files, settings)
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := deployment.New(settings[i], routes(t, "routes.yaml", files[i]).Routes)
			d := made[fmt.Sprintf("row%d", i)]
			var fromPlan, fromModule, gaps []string
			for _, s := range p.Sources {
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
