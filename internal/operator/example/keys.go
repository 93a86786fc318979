// SPDX-License-Identifier: Apache-2.0

package example

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/operator/delivery"
)

// SuiteKeys document the keys of a file of examples.
func SuiteKeys() []document.Entry { return document.Entries(suiteKeys()) }

// Keys document the keys of an example.
func Keys() []document.Entry { return document.Entries(exampleKeys()) }

func suiteKeys() []document.Key[reader] {
	return []document.Key[reader]{
		{
			Name: "config", Required: true, Example: "config: routes.yaml",
			Doc: "The file of routes that the examples are tried on, relative to this one.",
			To: func(r *reader) any {
				return func(_ *document.Reader, node *yaml.Node) {
					if !document.IsText(node) || node.Value == "" {
						r.Problem(document.At(node), "config is a path, and this is "+document.Describe(node), "write it as config: routes.yaml")
						return
					}
					r.suite.Config = r.beside(node.Value)
				}
			},
		},
		{
			Name: "tests", Required: true, Example: "tests: [{name: other buckets start nothing, upload: gs://acme-scratch/a.csv, starts: []}]",
			Doc: "The examples.",
			To:  func(r *reader) any { return r.tests },
		},
	}
}

// eventKeys are the keys that give an event.
func eventKeys() []string {
	return []string{"upload", "deleted", "archived", "metadata_updated", "message", "event"}
}

// objectChanges is how many of the event keys name a change of an object; they come first.
const objectChanges = 4

// details are the keys that say more of an event, with those that give one of
// which they say something.
func details() map[string][]string {
	object := eventKeys()[:objectChanges]
	all := map[string][]string{
		"topic": {"message", "event"}, "attributes": {"message"}, "ordering_key": {"message"},
	}
	for _, name := range []string{"size", "content_type", "metadata", "generation", "metageneration", "without_payload"} {
		all[name] = object
	}
	return all
}

// exampleKeys are the keys of an example, in the order of the documentation.
func exampleKeys() []document.Key[draft] {
	keys := []document.Key[draft]{
		{Name: "name", Required: true, Example: "name: a file of sales starts load_sales", Doc: "What it shows. It stands in the report.",
			To: func(d *draft) any { return &d.example.Name }},
	}
	keys = append(keys, objectKeys()...)
	keys = append(keys, messageKeys()...)
	return append(keys, []document.Key[draft]{
		{Name: "id", Example: "id: '4711'", Doc: "The event's id. Left out: 1.",
			To: func(d *draft) any { return &d.id }},
		{Name: "time", Example: "time: 2026-11-22T09:30:00Z", Doc: "When it happened. Left out: the first moment of 2026.",
			To: func(d *draft) any { return &d.time }},
		{Name: "files", Example: "files: [sales/d1/eu.csv, {name: sales/d1/us.csv, size: 2048}]",
			Doc: "What the bucket holds when a route with complete lists it: names, or maps of name, size and generation. Left out: " +
				"the event's object alone.",
			To: func(d *draft) any { return d.files }},
		{Name: "manifest", Example: "manifest: {files: [eu.csv, us.csv]}",
			Doc: "The JSON of the manifest that a route with complete reads. Left out: it is not there.",
			To:  func(d *draft) any { return d.manifest }},
		{Name: "as", Example: "as: push-unwrapped", Words: envelopes(), Doc: "The way by which it comes, as send has it. Left out: eventarc.",
			To: func(d *draft) any { return (*string)(&d.example.As) }},
		{Name: "starts", Example: "starts: [{route: sales-csv, dag: load_sales, conf_has: {region: eu}}]",
			Doc: "The runs that it must start, all of them, each by its route and whatever else is said: dag, environment, conf (all of it), " +
				"conf_has (members among others), logical_date, note, run_id, run_key (what the run id is made of: the text of the route's " +
				"run_id, or the event's key) and same_run_as (the name of another example whose event must start the same run). A route's " +
				"name alone will do. [] for none.",
			To: func(d *draft) any { return d.starts }},
		{Name: "fails", Example: "fails: [{route: sales-csv, error: no such overload}]",
			Doc: "The routes that must fail to be evaluated, each by its route and a part of the error. A route's name alone will do.",
			To:  func(d *draft) any { return d.fails }},
	}...)
}

func objectKeys() []document.Key[draft] {
	var keys []document.Key[draft]
	changes := []delivery.Change{delivery.Finalized, delivery.Deleted, delivery.Archived, delivery.MetadataUpdated}
	what := []string{"uploaded", "deleted", "made noncurrent", "given other metadata"}
	for i, change := range changes {
		name := eventKeys()[i]
		keys = append(keys, document.Key[draft]{
			Name: name, Example: name + ": gs://acme-landing/sales/eu/2026-11-22/a.csv", Doc: "The object that was " + what[i] + ".",
			To: func(d *draft) any { return d.changed(name, change) },
		})
	}
	return append(keys, []document.Key[draft]{
		{Name: "size", Example: "size: 2048", Doc: "The object's size in bytes. Left out: 0.", To: func(d *draft) any { return &d.object.Size }},
		{Name: "content_type", Example: "content_type: text/csv", Doc: "Its media type. Left out: by the name's ending.",
			To: func(d *draft) any { return &d.object.ContentType }},
		{Name: "metadata", Example: "metadata: {owner: ana}", Doc: "Its custom metadata.", To: func(d *draft) any { return &d.object.Metadata }},
		{Name: "generation", Example: "generation: 17", Doc: "Its generation. Left out: 1.", To: func(d *draft) any { return &d.generation }},
		{Name: "metageneration", Example: "metageneration: 2", Doc: "Its metageneration. Left out: 1.",
			To: func(d *draft) any { return &d.object.Metageneration }},
		{Name: "without_payload", Example: "without_payload: true",
			Doc: "Whether a notification leaves the object resource out. Left out: false.",
			To:  func(d *draft) any { return &d.object.WithoutPayload }},
	}...)
}

func messageKeys() []document.Key[draft] {
	return []document.Key[draft]{
		{Name: "message", Example: "message: {order: 4711}", Doc: "The data of a Pub/Sub message: text, or anything else for its JSON.",
			To: func(d *draft) any { return d.published }},
		{Name: "attributes", Example: "attributes: {kind: order}", Doc: "The message's attributes.",
			To: func(d *draft) any { return &d.message.Attributes }},
		{Name: "topic", Example: "topic: orders", Doc: "The message's topic, a name or projects/P/topics/T. Left out: example.",
			To: func(d *draft) any { return &d.topic }},
		{Name: "ordering_key", Example: "ordering_key: '4711'", Doc: "The message's ordering key.",
			To: func(d *draft) any { return &d.message.OrderingKey }},
		{Name: "subscription", Example: "subscription: orders-to-airflow",
			Doc: "The subscription that pushes, a name or projects/P/subscriptions/S. Left out: example.",
			To:  func(d *draft) any { return &d.subscription }},
		{Name: "event", Example: "event: {specversion: '1.0', id: '7', source: //acme, type: com.acme.paid, data: {order: 4711}}",
			Doc: "Any event: a CloudEvent, an object resource, a Pub/Sub message or the body of a push, or the path of a JSON file with one.",
			To:  func(d *draft) any { return d.given }},
	}
}

func envelopes() []string {
	var words []string
	for _, e := range delivery.Envelopes() {
		words = append(words, string(e))
	}
	return words
}

// changed reads the address of an object.
func (d *draft) changed(name string, change delivery.Change) func(*document.Reader, *yaml.Node) {
	return func(_ *document.Reader, node *yaml.Node) {
		d.events = append(d.events, name)
		bucket, object, ok := strings.Cut(strings.TrimPrefix(node.Value, "gs://"), "/")
		if !document.IsText(node) || !ok || !strings.HasPrefix(node.Value, "gs://") || bucket == "" || object == "" {
			d.Problem(document.At(node), name+" names no object", "write it as "+name+": gs://BUCKET/OBJECT")
			return
		}
		d.object.Change, d.object.Bucket, d.object.Name = change, bucket, object
	}
}

// published reads the data of a message.
func (d *draft) published(_ *document.Reader, node *yaml.Node) {
	d.events = append(d.events, "message")
	if document.IsText(node) {
		d.message.Data = []byte(node.Value)
		return
	}
	d.message.Data = d.JSON(node)
}

// given reads an event, or the file that it is in.
func (d *draft) given(_ *document.Reader, node *yaml.Node) {
	d.events = append(d.events, "event")
	if !document.IsText(node) {
		d.json = d.JSON(node)
		return
	}
	text, err := readFile(d.beside(node.Value))
	if err != nil {
		d.Problem(document.At(node), err.Error(), "name a JSON file, relative to this one, or write the event here")
	}
	d.json = text
}

// starts reads the runs that must be started.
func (d *draft) starts(_ *document.Reader, node *yaml.Node) {
	d.example.Expects = true
	d.List(node, "starts", "starts: [{route: sales-csv, dag: load_sales}], or starts: [] for none", func(item *yaml.Node) {
		var s Start
		if item = document.Resolve(item); document.IsText(item) {
			s.Route = item.Value
		} else {
			document.Map(&d.Reader, item, "a run", startKeys(), &s)
		}
		d.example.Starts = append(d.example.Starts, s)
	})
}

func startKeys() []document.Key[Start] {
	return []document.Key[Start]{
		{Name: "route", Required: true, Example: "route: sales-csv", To: func(s *Start) any { return &s.Route }},
		{Name: "dag", Example: "dag: load_sales", To: func(s *Start) any { return &s.DAG }},
		{Name: "asset", Example: "asset: s3://acme/orders", To: func(s *Start) any { return &s.Asset }},
		{Name: "partition_key", Example: "partition_key: \"2026-11-30\"", To: func(s *Start) any { return &s.Partition }},
		{Name: "environment", Example: "environment: prod", To: func(s *Start) any { return &s.Environment }},
		{Name: "run_key", Example: "run_key: storage finalized acme-landing sales/eu/a.csv 1", To: func(s *Start) any { return &s.RunKey }},
		{Name: "same_run_as", Example: "same_run_as: the first delivery", To: func(s *Start) any { return &s.SameRunAs }},
		{Name: "run_id", Example: "run_id: dagtrigger__sales-csv__30db3192e426dc5bce4e", To: func(s *Start) any { return &s.RunID }},
		{Name: "logical_date", Example: "logical_date: 2026-11-22T00:00:00Z", To: func(s *Start) any { return &s.LogicalDate }},
		{Name: "note", Example: "note: sales of eu", To: func(s *Start) any { return &s.Note }},
		{Name: "conf", Example: "conf: {region: eu}", To: func(s *Start) any { return jsonObject("conf", &s.Conf) }},
		{Name: "conf_has", Example: "conf_has: {region: eu}", To: func(s *Start) any { return jsonObject("conf_has", &s.ConfHas) }},
		{Name: "extra", Example: "extra: {region: eu}", To: func(s *Start) any { return jsonObject("extra", &s.Conf) }},
		{Name: "extra_has", Example: "extra_has: {region: eu}", To: func(s *Start) any { return jsonObject("extra_has", &s.ConfHas) }},
	}
}

func failureKeys() []document.Key[Failure] {
	return []document.Key[Failure]{
		{Name: "route", Required: true, Example: "route: sales-csv", To: func(f *Failure) any { return &f.Route }},
		{Name: "error", Example: "error: no such overload", To: func(f *Failure) any { return &f.Error }},
	}
}

// jsonObject reads a map of anything.
func jsonObject(key string, to *[]byte) func(*document.Reader, *yaml.Node) {
	return func(r *document.Reader, node *yaml.Node) {
		if node.Kind != yaml.MappingNode {
			r.Problem(document.At(node), fmt.Sprintf("%s is a map, and this is %s", key, document.Describe(node)),
				"write it as "+key+": {region: eu}")
			return
		}
		*to = r.JSON(node)
	}
}

// fails reads the routes that must fail.
func (d *draft) fails(_ *document.Reader, node *yaml.Node) {
	d.example.Expects = true
	d.List(node, "fails", "fails: [{route: sales-csv, error: no such overload}]", func(item *yaml.Node) {
		var f Failure
		if item = document.Resolve(item); document.IsText(item) {
			f.Route = item.Value
		} else {
			document.Map(&d.Reader, item, "a failure", failureKeys(), &f)
		}
		d.example.Fails = append(d.example.Fails, f)
	})
}
