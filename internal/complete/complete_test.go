// SPDX-License-Identifier: Apache-2.0

package complete_test

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/complete"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
)

// planOf is the plan of an upload of gs://acme/d/NAME by a route with the given complete.
func planOf(t *testing.T, name, keys string) *route.Plan {
	t.Helper()
	var root yaml.Node
	text := "{name: r, on: object.finalized, object: d/*, dag: load, complete: {prefix: d/, " + keys + "}}"
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	var r document.Reader
	table, problems := route.Compile([]route.Spec{route.Decode(&r, root.Content[0])}, route.Options{})
	if problems = append(r.Problems, problems...); len(problems) > 0 {
		t.Fatal(problems)
	}
	ev := event.New(event.CloudEvent{
		ID: "1", Type: "google.cloud.storage.object.v1.finalized", Source: "//storage.googleapis.com/projects/_/buckets/acme",
		ContentType: "application/json", Data: []byte(`{"bucket":"acme","name":"d/` + name + `","generation":"7"}`),
	})
	d := table.Decide(t.Context(), &ev)
	if len(d.Plans) != 1 {
		t.Fatalf("decided %+v", d)
	}
	return &d.Plans[0]
}

// Each row is what is in the bucket, and the conf that comes of it or why none does.
func TestCheckCompletesThePlanFromItsBucket(t *testing.T) {
	t.Parallel()
	const file = `{"name":"d/a","generation":"1","size":"0","updated":"2026-11-22T09:30:00Z"}`
	for _, row := range []struct {
		name, keys string
		there      []string
		manifest   string // of d/m
		want       string
		kind       complete.Kind // of an error
	}{
		{"the names", "names: [a]", []string{"d/a"}, "", `{"bucket":"acme","prefix":"d/","files":[` + file + `]}`, 0},
		{"a name missing", "names: [a, b]", []string{"d/a"}, "", "the set gs://acme/d/ is not complete: missing b", complete.Incomplete},
		{"the manifest's names", "manifest: " +
			"d/m", []string{"d/a"}, `{"files":["a"]}`, `{"bucket":"acme","prefix":"d/","files":[` + file + `]}`, 0},
		{"a byte order mark", "manifest: " +
			"d/m", []string{"d/a"}, "\ufeff" + `{"files":["a"]}`, `{"bucket":"acme","prefix":"d/","files":[` + file + `]}`, 0},
		{"a name in it missing", "manifest: d/m", []string{"d/a"}, `{"files":["a","b"]}`, "the set gs://acme/d/ is not complete: " +
			"missing b", complete.Incomplete},
		{"no manifest yet", "manifest: d/m", []string{"d/a"}, "", "the set gs://acme/d/ is not complete: missing the manifest " +
			"d/m", complete.Incomplete},
		{"a manifest of a mebibyte", "manifest: d/m", []string{"d/a"}, strings.Repeat("x", 1<<20+1),
			"reading the manifest gs://acme/d/m: the response has over 1048576 bytes: make it shorter", complete.Permanent},
		{"another bucket's name in it", "manifest: d/m", []string{"d/a"}, `{"files":["a","gs://other/d/b"]}`,
			"the manifest d/m: gs://other/d/b is not below gs://acme/d/: name objects below it alone", complete.Permanent},
		{"another bucket's name", "names: [a, gs://other/d/b]", []string{"d/a"}, "",
			"complete.names: gs://other/d/b is not below gs://acme/d/: name objects below it alone", complete.Permanent},
		{"a name twice, and whole", "manifest: d/m", []string{"d/a"}, `{"files":["a","d/a","gs://acme/d/a"]}`,
			`{"bucket":"acme","prefix":"d/","files":[` + file + `]}`, 0},
		{"names of any letters", "names: ['../a', ' b ü']", []string{"d/a", "d/ b ü"}, "",
			"the set gs://acme/d/ is not complete: missing ../a", complete.Incomplete},
		{"a manifest nested without end", "manifest: d/m", []string{"d/a"}, strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000),
			"complete.files on line 1, column 90: the manifest d/m is not valid JSON", -1},
		{"invalid JSON", "manifest: d/m", []string{"d/a"}, "a", "complete.files on line 1, column 90: the manifest d/m is not valid JSON", -1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := newBucket(t, row.there...)
			if row.manifest != "" {
				b.write("d/m", row.manifest)
			}
			checker := complete.Checker{Bucket: b.storage(), Turns: pressure.NewTurns(runtime.GOMAXPROCS(0))}
			plan, err := checker.Complete(t.Context(), planOf(t, "a", row.keys))
			got := string(plan.Conf)
			if err != nil {
				got = err.Error()
			}
			e, ok := errors.AsType[*complete.Error](err)
			if got != row.want || ok != (row.kind > 0) || ok && e.Kind != row.kind {
				t.Errorf("got %s (%+v)\nwant %s", got, e, row.want)
			}
		})
	}
}

// What a request's conf takes is counted until the request has ended.
func TestCompleteCountsTheConfWithTheRequest(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	for i := range 1000 {
		b.write(fmt.Sprintf("d/%04d", i), "")
	}
	bytes := pressure.NewBytes(0)
	body := bytes.Body(t.Context(), http.NoBody, 0, func(time.Time) error { return nil })
	checker := complete.Checker{Bucket: b.storage()}
	plan, err := checker.Complete(pressure.WithBody(t.Context(), body), planOf(t, "a", "count: 1000"))
	if err != nil || len(plan.Conf) < 50_000 || bytes.InFlight() != int64(len(plan.Conf)) {
		t.Errorf("%d of %d bytes are counted: %v", bytes.InFlight(), len(plan.Conf), err)
	}
	body.Release()
	if bytes.InFlight() != 0 {
		t.Errorf("%d bytes stay", bytes.InFlight())
	}
}
