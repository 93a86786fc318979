// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
)

// decode reads a list of routes.
func decode(t testing.TB, text string) ([]route.Spec, document.Problems) {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var specs []route.Spec
	var r document.Reader
	for _, node := range root.Content[0].Content {
		specs = append(specs, route.Decode(&r, node))
	}
	return specs, r.Problems
}

// load compiles a list of valid routes. Evaluation takes the time it needs.
func load(t testing.TB, text string, environments ...string) *route.Table {
	t.Helper()
	specs, problems := decode(t, text)
	table, more := route.Compile(specs, route.Options{Environments: environments})
	if problems = append(problems, more...); len(problems) > 0 {
		t.Fatalf("%v in\n%s", problems, text)
	}
	return table.WithMaxTime(time.Hour)
}

// newEvent makes an event as it comes from an envelope.
func newEvent(t testing.TB, eventType, source, data string, attributes ...string) *event.Event {
	t.Helper()
	ce := event.CloudEvent{
		ID: "1234", Type: eventType, Source: source, Time: time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC),
		ContentType: "application/json", Extensions: map[string]string{}, Data: []byte(data),
	}
	for i := 0; i+1 < len(attributes); i += 2 {
		if attributes[i] == "subject" {
			ce.Subject = attributes[i+1]
			continue
		}
		ce.Extensions[attributes[i]] = attributes[i+1]
	}
	ev := event.New(ce)
	if ev.Invalid != nil {
		t.Fatal(ev.Invalid)
	}
	return &ev
}

// upload is an object of 12 bytes that was just finalized.
func upload(t testing.TB, bucket, name string) *event.Event {
	t.Helper()
	return object(t, "finalized", bucket, name, "12")
}

// object is a change of an object.
func object(t testing.TB, change, bucket, name, size string) *event.Event {
	t.Helper()
	return newEvent(t, "google.cloud.storage.object.v1."+change, "//storage.googleapis.com/projects/_/buckets/"+bucket,
		fmt.Sprintf(`{"bucket":%q,"name":%q,"generation":"7","metageneration":"1","size":%q,"contentType":"text/csv"}`, bucket, name, size),
		"subject", "objects/"+name)
}

// publication is a message on projects/p/topics/orders.
func publication(t testing.TB, data string, attributes ...string) *event.Event {
	t.Helper()
	var pairs []string
	for i := 0; i+1 < len(attributes); i += 2 {
		pairs = append(pairs, fmt.Sprintf("%q:%q", attributes[i], attributes[i+1]))
	}
	return newEvent(t, "google.cloud.pubsub.topic.v1.messagePublished", "//pubsub.googleapis.com/projects/p/topics/orders",
		fmt.Sprintf(`{"message":{"messageId":"77","data":%s,"attributes":{%s}},"subscription":"projects/p/subscriptions/orders-sub"}`,
			encoded(data), strings.Join(pairs, ",")))
}

// encoded is data in base64, as JSON.
func encoded(data string) string {
	text, _ := json.Marshal([]byte(data)) // of bytes: never fails
	return string(text)
}
