// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
)

func TestDefaultStartsOneDAGForEveryEvent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1024)
	for _, row := range []struct {
		name string
		ev   event.Event
		note string
	}{
		{"storage", event.Event{Type: "google.cloud.storage.object.v1.finalized",
			Object: &event.Object{Bucket: "acme", Name: "sales/a b.csv", Generation: "12"}},
			"gs://acme/sales/a b.csv, generation 12: finalized"},
		{"message", event.Event{Message: &event.Message{ID: "7", Topic: "projects/p/topics/t"}},
			"message 7 on projects/p/topics/t"},
		{"message without topic", event.Event{Message: &event.Message{ID: "7", Subscription: "projects/p/subscriptions/s"}},
			"message 7 on projects/p/subscriptions/s"},
		{"generic", event.Event{ID: "1", Type: "com.acme.made", Source: "//acme"},
			"com.acme.made, id 1, from //acme"},
		{"long", event.Event{ID: long, Type: "t", Source: "//acme"},
			"t, id " + strings.Repeat("é", 993) + "…"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := route.Default("load", "prod").Decide(t.Context(), &row.ev)
			if len(got.Plans) != 1 || got.Failures != nil || got.Misses != nil {
				t.Fatalf("Decide = %+v, want one plan alone", got)
			}
			plan := got.Plans[0]
			if plan.Route != "default" || plan.DAG != "load" || plan.Environment != "prod" {
				t.Errorf("plan = %+v", plan)
			}
			if plan.Note != row.note {
				t.Errorf("note = %q, want %q", plan.Note, row.note)
			}
			if utf8.RuneCountInString(plan.Note) > 1000 {
				t.Errorf("note has over 1000 characters")
			}
		})
	}
}

func TestSpecListsItsDAGs(t *testing.T) {
	t.Parallel()
	specs, _ := decode(t, "- {name: a, on: '*', dag: d}\n- {name: b, on: '*', dag: 'load_${event.id}', dags: [load_1, load_2]}")
	for i, want := range []string{"d", "load_1 load_2"} {
		if got := strings.Join(specs[i].Starts(), " "); got != want {
			t.Errorf("route %d starts %s, want %s", i, got, want)
		}
	}
}
