// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/fileset"
)

// setOf is a route of the files of a day, with the given keys of complete.
func setOf(complete string, keys ...string) string {
	return "- name: daily\n  on: object.finalized\n  object: sales/{day=*}/{shop=*}.csv\n  dag: load\n  complete: {" + complete + "}\n  " +
		strings.Join(keys, "\n  ")
}

// waiting is the plan of a route that waits for a set.
func waiting(t *testing.T, routes string, ev *event.Event) *route.Plan {
	t.Helper()
	d := load(t, routes).Decide(t.Context(), ev)
	if len(d.Plans) != 1 || d.Plans[0].Set == nil {
		t.Fatalf("decided %+v", d)
	}
	return &d.Plans[0]
}

// objects are a listing; their generations are 1, 2 and so on.
func objects(names ...string) []fileset.Object {
	var all []fileset.Object
	for i, name := range names {
		updated := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
		all = append(all, fileset.Object{Name: name, Generation: strconv.Itoa(i + 1), Size: "12", Updated: updated})
	}
	return all
}

// finished is the plan for a complete set.
func finished(t *testing.T, plan *route.Plan, listed ...fileset.Object) route.Plan {
	t.Helper()
	names, err := plan.Set.Whole(plan.Set.Names)
	if err != nil {
		t.Fatal(err)
	}
	state := plan.Set.Compare(listed, names)
	if !state.Complete {
		t.Fatalf("missing %s", state.Missing)
	}
	done, err := plan.Set.Plan(t.Context(), plan, state)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestCompleteStartsOneRunWithTheFilesInItsConf(t *testing.T) {
	t.Parallel()
	const files = `[{"name":"sales/d1/eu.csv","generation":"1","size":"12","updated":"2026-11-22T01:00:00Z"},` +
		`{"name":"sales/d1/us.csv","generation":"2","size":"12","updated":"2026-11-22T01:00:00Z"}]`
	const sorted = `[{"generation":"1","name":"sales/d1/eu.csv","size":"12","updated":"2026-11-22T01:00:00Z"},` +
		`{"generation":"2","name":"sales/d1/us.csv","size":"12","updated":"2026-11-22T01:00:00Z"}]`
	listed := objects("sales/d1/eu.csv", "sales/d1/us.csv")
	day := []string{"complete", "acme", "sales/d1/"}
	for _, row := range []struct{ name, complete, keys, conf, note string }{
		{
			"the files", "prefix: 'sales/${path.day}/', names: [us.csv, eu.csv]", "conf: {day: '${path.day}', files: '${complete.files}'}",
			`{"day":"d1","files":` + sorted + `}`, "all objects of gs://acme/sales/d1/: 2",
		},
		{
			"no conf", "prefix: 'sales/${path.day}/', count: 2", "", `{"bucket":"acme","prefix":"sales/d1/","files":` + files + `}`,
			"all objects of gs://acme/sales/d1/: 2",
		},
		{
			"the number and the sizes", "prefix: 'sales/${path.day}/', count: 2",
			"conf: {n: '${size(complete.files)}', big: '${complete.files.exists(f, int(f.size) > 11)}', last: '${complete.files[1].name}'}\n" +
				"  note: ${size(complete.files)} files of ${complete.prefix}",
			`{"n":2,"big":true,"last":"sales/d1/us.csv"}`, "2 files of sales/d1/",
		},
	} {
		plan := waiting(t, setOf(row.complete, row.keys), upload(t, "acme", "sales/d1/us.csv"))
		got := finished(t, plan, listed...)
		want := route.Plan{Route: "daily", DAG: "load", Identity: day, Conf: []byte(row.conf), Note: row.note}
		if diff := cmp.Diff(want, got); diff != "" || plan.Conf != nil {
			t.Errorf("%s (-want +got)\n%s", row.name, diff)
		}
	}
}

// The extra of an asset's event, and the conf of a materialization, have the files.
func TestCompleteStartsAnAssetInPlaceOfADAG(t *testing.T) {
	t.Parallel()
	const whole = `{"bucket":"acme","prefix":"sales/d1/","files":[{"name":"sales/d1/eu.csv","generation":"1","size":"12",` +
		`"updated":"2026-11-22T01:00:00Z"}]}`
	const names = "{day: '${path.day}', files: '${complete.files.map(f, f.name)}'}"
	for _, row := range []struct {
		keys        string
		materialize bool
		conf        string
	}{
		{"asset: s3://acme/sales", false, whole},
		{"asset: s3://acme/sales\n  extra: " + names, false, `{"day":"d1","files":["sales/d1/eu.csv"]}`},
		{"asset: s3://acme/sales\n  materialize: true", true, whole},
		{"asset: s3://acme/sales\n  materialize: true\n  conf: " + names, true, `{"day":"d1","files":["sales/d1/eu.csv"]}`},
	} {
		routes := strings.Replace(setOf("prefix: 'sales/${path.day}/', names: [eu.csv]", "partition_key: ${path.day}"), "dag: load", row.keys, 1)
		got := finished(t, waiting(t, routes, upload(t, "acme", "sales/d1/eu.csv")), objects("sales/d1/eu.csv")...)
		want := route.Plan{
			Route: "daily", Asset: "s3://acme/sales", Materialize: row.materialize, PartitionKey: "d1", Conf: []byte(row.conf),
			Identity: []string{"complete", "acme", "sales/d1/"}, Note: "all objects of gs://acme/sales/d1/: 1",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", row.keys, diff)
		}
	}
}

func TestFilesOfOneSetAreOneRunAndOthersAreNot(t *testing.T) {
	t.Parallel()
	const names = "prefix: 'sales/${path.day}/', names: [a.csv]"
	for _, row := range []struct {
		name, routes, first, second string
		same                        bool
	}{
		{"another file", setOf(names), "acme/sales/d1/a.csv", "acme/sales/d1/b.csv", true},
		{"another day", setOf(names), "acme/sales/d1/a.csv", "acme/sales/d2/a.csv", false},
		{"another bucket", setOf(names), "acme/sales/d1/a.csv", "other/sales/d1/a.csv", false},
		{"one run_id", setOf(names, "run_id: ${path.day}"), "acme/sales/d1/a.csv", "other/sales/d1/a.csv", true},
		{"another run_id", setOf(names, "run_id: ${path.day}"), "acme/sales/d1/a.csv", "acme/sales/d2/a.csv", false},
	} {
		identity := func(place string) string {
			bucket, name, _ := strings.Cut(place, "/")
			plan := waiting(t, row.routes, upload(t, bucket, name))
			return strings.Join(finished(t, plan, objects(plan.Set.Prefix+"a.csv")...).Identity, "|")
		}
		if first, second := identity(row.first), identity(row.second); (first == second) != row.same {
			t.Errorf("%s: %s and %s", row.name, first, second)
		}
	}
}

func TestCompleteStartsAnotherRunForAChangedFileWithAgainChanged(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ again, first, second string }{
		{"never", "complete|acme|sales/d1/", "complete|acme|sales/d1/"},
		{"changed", "complete|acme|sales/d1/|sales/d1/a.csv#1", "complete|acme|sales/d1/|sales/d1/a.csv#9"},
	} {
		plan := waiting(t, setOf("prefix: 'sales/${path.day}/', names: [a.csv], again: "+row.again), upload(t, "acme", "sales/d1/a.csv"))
		before := objects("sales/d1/a.csv")
		after := objects("sales/d1/a.csv")
		after[0].Generation = "9"
		for i, listed := range [][]fileset.Object{before, after} {
			got, want := strings.Join(finished(t, plan, listed...).Identity, "|"), []string{row.first, row.second}[i]
			if got != want || plan.Set.ByContent != (row.again == "changed") {
				t.Errorf("again: %s: %s, want %s", row.again, got, want)
			}
		}
	}
}

// What is below the prefix counts only where it is of the same set.
func TestCompleteCounts(t *testing.T) {
	t.Parallel()
	routes := setOf("prefix: 'sales/${path.day}', count: 1", "skip: [empty, temporary]")
	set := waiting(t, routes, upload(t, "acme", "sales/d1/a.csv")).Set
	empty := fileset.Object{Name: "sales/d1/empty.csv", Size: "0"}
	listed := append(objects("sales/d1/a.csv", "sales/d1/b.txt", "sales/d1/_temporary/c.csv", "sales/d10/a.csv"), empty)
	state := set.Compare(listed, nil)
	if len(state.Objects) != 1 || state.Objects[0].Name != "sales/d1/a.csv" {
		t.Errorf("counted %+v", state.Objects)
	}
}

func TestParseManifestReturnsTheNames(t *testing.T) {
	t.Parallel()
	const failed = "complete.files on line 5, column "
	for _, row := range []struct{ files, manifest, want string }{
		{"", `{"files":["a.csv","b.csv"]}`, "a.csv b.csv"},
		{", files: '${manifest}'", `["a.csv"]`, "a.csv"},
		{", files: '${manifest.parts.map(p, p.name)}'", `{"parts":[{"name":"a.csv"}]}`, "a.csv"},
		{"", `{"files":`, failed + "42: the manifest sales/d1/m.json is not valid JSON"},
		{"", `{"files":{}}`, failed + "42: what it gives of the manifest sales/d1/m.json is not a list of names: " +
			"give one, as in ${manifest.files} or ${manifest.files.map(f, f.name)}"},
		{"", `{"files":[""]}`, failed + "42: what it gives of the manifest sales/d1/m.json is not a list of names: " +
			"give one, as in ${manifest.files} or ${manifest.files.map(f, f.name)}"},
		{"", `{"files":[]}`, failed + "42: the manifest sales/d1/m.json lists no names"},
		{"", `{}`, failed + "42: evaluating manifest.files: the manifest has no manifest.files: test it with has(manifest.files), " +
			"or give a default with manifest.?files.orValue(…)"},
	} {
		routes := setOf("prefix: 'sales/', manifest: 'sales/${path.day}/m.json'" + row.files)
		set := waiting(t, routes, upload(t, "acme", "sales/d1/a.csv")).Set
		names, err := set.ManifestNames(t.Context(), []byte(row.manifest))
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s of %s:\n got %s\nwant %s", row.files, row.manifest, got, row.want)
		}
	}
}

func TestProblemsOfComplete(t *testing.T) {
	t.Parallel()
	const names = "prefix: 'sales/${path.day}/', names: [a.csv]"
	for _, row := range []struct{ text, want string }{
		{setOf(names), ``},
		{setOf("names: [a.csv]"), `5:13: complete has no prefix: add it, such as prefix: sales/${path.day}/`},
		{setOf("prefix: gs://acme/a, names: [a.csv]"), `5:22: complete.prefix begins with gs:// or /, and no object's name does: leave ` +
			`gs://BUCKET/ and / off`},
		{setOf("prefix: a, manifest: 'gs://${object.bucket}/m'"), `5:35: complete.manifest begins with gs:// or /, and no object's name ` +
			`does: leave gs://BUCKET/ and / off`},
		{setOf("prefix: a"), `5:13: complete has 0 of names, count and manifest: give one, such as names: [eu.csv, us.csv]`},
		{setOf("prefix: a, count: 2, manifest: m"), `5:13: complete has 2 of names, count and manifest: give one, such as names: ` +
			`[eu.csv, us.csv]`},
		{setOf("prefix: a, names: [a, '']"), `5:36: complete.names: a name is empty: name an object, such as eu.csv`},
		{setOf("prefix: a, count: none"), `5:32: count takes a whole number of one or more, and this is the text "none": write it as count: 12`},
		{setOf("prefix: a, count: 10001"), `5:32: complete.count is over 10000, which is how many objects are listed at most: ` +
			`make smaller sets, with more of the name in complete.prefix`},
		{setOf("prefix: a, count: 2, files: '${manifest.files}'"), `5:42: complete.files is for a manifest: leave it out, or add manifest`},
		{setOf("prefix: a, manifest: m, files: a.csv"), `5:45: complete.files is text: give a list of names, as in ${manifest.files}`},
		{setOf(names + ", again: always"), `5:67: again is "always": use one of never, changed`},
		{setOf(names + ", prefx: a"), `5:60: prefx is not a key of complete: did you mean prefix?`},
		{setOf("prefix: '${path.dy}', names: [a]"), `5:25: complete.prefix: not every object pattern captures dy: capture it in each, ` +
			`as {dy=*}, or use path.day or shop`},
		{setOf("prefix: '${complete.prefix}', names: [a]"), `5:25: complete.prefix: complete is known only once the set is: use it in ` +
			`conf, extra and note alone`},
		{setOf("prefix: '${manifest.a}', names: [a]"), `5:25: complete.prefix: manifest is a variable of complete.files alone: use ` +
			`complete.files, which has the set's objects`},
		{setOf(names, "conf: {a: '${manifest.a}'}"), `6:16: conf.a: manifest is a variable of complete.files alone: use complete.files, ` +
			`which has the set's objects`},
		{good + "  conf: {a: '${complete.files}'}", `4:16: conf.a: complete is a variable of routes with complete: add complete to the ` +
			`route, or leave it out`},
		{setOf(names, "conf: {a: '${complete.file}'}"), `6:24: conf.a: complete has no field file: did you mean complete.files?`},
		{setOf(names, "every: 5m"), `5:13: complete cannot be combined with every: leave one of the two out: complete starts one run of ` +
			`a set, every one of a window`},
		{
			setOf(names+", again: changed", "run_id_exact: 'day_${path.day}'"),
			`5:67: again: changed cannot be combined with run_id_exact, which is the same for the next run: use run_id in place of ` +
				`run_id_exact, or leave again out`,
		},
		{"- {name: r, on: com.acme.x, object: '*', dag: d, complete: {prefix: a, names: [a]}}", `1:60: complete: no event of this route ` +
			`has an object: add a type such as object.finalized to on`},
		{"- {name: r, on: object.finalized, dag: d, complete: {prefix: a, names: [a]}}", `1:53: complete needs object, which says whose ` +
			`events look: add object: sales/{day=*}/*.csv`},
		{"- {name: r, on: object.finalized, object: '*', dag: d, complete: all}", `1:66: complete is a map, and this is text: write it ` +
			`as key: value`},
	} {
		if got := problemsOf(t, row.text, "prod"); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
		}
	}
}

func TestWarningsAboutSets(t *testing.T) {
	t.Parallel()
	const day = "prefix: 'sales/${path.day}/'"
	const differs = " may differ between the objects of a set, and is that of the last to arrive: " +
		"use what they have in common, such as a capture in complete.prefix, or complete.files"
	for _, row := range []struct{ text, want string }{
		{setOf(day + ", names: [a.csv, sales/x/b.csv]"), ``},
		{setOf(day+", count: 2", "conf: {day: '${path.day}', at: '${event.time}', bucket: '${object.bucket}', files: '${complete.files}'}"), ``},
		{setOf("prefix: sales/, count: 2", "run_id: ${path.day}"), ``},
		{
			setOf("prefix: sales/, count: 2"),
			`5:22: complete.prefix is the same for all events: the route starts one run in all: compute it of what the files of a set have ` +
				`in common, as in sales/${path.day}/`,
		},
		{setOf("prefix: 'sale/${path.day}/', count: 2"), `5:22: complete.prefix: no object that matches object is below ` +
			`sale/${path.day}/: begin it as object does`},
		{
			setOf(day + ", names: [a.csv, _SUCCESS]"),
			`5:59: complete.names: _SUCCESS does not match object: where it arrives last, no event looks, and the set starts no run: ` +
				`add a pattern for it to object, as in object: [sales/{day=*}/{shop=*}.csv, sales/{day=*}/_SUCCESS]`,
		},
		{
			setOf(day + ", manifest: 'sales/${path.day}/m.json'"),
			`5:54: complete.manifest: sales/${path.day}/m.json does not match object: where it arrives last, no event looks, and the set ` +
				`starts no run: ` +
				`add a pattern for it to object, as in object: [sales/{day=*}/{shop=*}.csv, sales/{day=*}/m.json]`,
		},
		{setOf(day+", count: 2", "conf: {shops: ['${path.shop}']}"), `6:18: conf.shops[0]: path.shop` + differs},
		{setOf(day+", count: 2", "conf: {uri: 'gs://${object.bucket}/${object.name}'}"), `6:15: conf.uri: object.name` + differs},
		{setOf(day+", count: 2", "run_id: '${path.day} ${path.shop}'"), `6:11: run_id: path.shop` + differs},
	} {
		specs, problems := decode(t, row.text)
		if got := listed(route.Warnings(specs, false)); len(problems) > 0 || got != row.want {
			t.Errorf("%s\n got %s\nwant %s\n%v", row.text, got, row.want, problems)
		}
	}
}
