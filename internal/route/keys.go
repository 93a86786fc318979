// SPDX-License-Identifier: Apache-2.0

package route

import (
	"maps"
	"slices"
)

// Key is a key of a route: decoding, the JSON Schema and the documentation all
// follow this table.
type Key struct {
	Name     string
	Type     Type
	Required bool
	Doc      string // one or a few sentences
	Example  string // the key with a value, as YAML
	// Words are what a value may be, nil for anything. Where Open is set, it may
	// be something else too.
	Words []string
	Open  bool

	// field points to what the key sets: a *Text, *[]Text, *[]Attribute, *Value,
	// *Span, *Count or *Switch.
	field func(*Spec) any
}

// Type says what a key takes.
type Type string

// The types of keys.
const (
	TypeName       Type = "a name"
	TypeNames      Type = "a name or a list of names"
	TypePatterns   Type = "a pattern or a list of patterns"
	TypeAttributes Type = "a map of names to a pattern or a list of patterns"
	TypeExpression Type = "an expression"
	TypeTemplate   Type = "text with ${expressions} inside"
	TypeConf       Type = "a map of anything with ${expressions} inside its text, or one ${expression} that is a map"
	TypeWord       Type = "one of a few words"
	TypeSpan       Type = "a duration such as 90s, 5m or 24h"
	TypeCount      Type = "a whole number of one or more"
	TypeAddress    Type = "an address"
	TypeSwitch     Type = "true or false"
)

// Keys are the keys of a route, in the order of the documentation.
func Keys() []Key { return slices.Clone(keys) }

var keys = []Key{
	{
		Name: "name", Type: TypeName, Required: true, Example: "name: sales-csv",
		Doc:   "What logs, run ids and this file call the route: lower-case letters, digits, _ and -, at most 63. Events in flight start twice when it changes, because run ids are made of it.",
		field: func(s *Spec) any { return &s.Name },
	},
	{
		Name: "on", Type: TypePatterns, Required: true, Example: "on: [object.finalized, object.deleted]",
		Doc:   "The event types, as CloudEvents name them, or short: object.finalized, object.deleted, object.archived, object.metadataUpdated and message.published. A pattern such as com.acme.* is one too.",
		Words: slices.Sorted(maps.Keys(shortTypes)), Open: true,
		field: func(s *Spec) any { return &s.On },
	},
	{
		Name: "bucket", Type: TypePatterns, Example: "bucket: acme-landing",
		Doc:   "The object's bucket, without gs://.",
		field: func(s *Spec) any { return &s.Bucket },
	},
	{
		Name: "object", Type: TypePatterns, Example: "object: sales/{region=*}/{day=*}/*.csv",
		Doc:   "The object's name. * is zero or more characters but /, ** zero or more of any, and {name=*} or {name=**} the same, captured as path.name. A pattern covers the whole name. Of several the first that matches counts, and each wildcard in it, from left to right, takes as much as it can.",
		field: func(s *Spec) any { return &s.Object },
	},
	{
		Name: "topic", Type: TypePatterns, Example: "topic: projects/acme/topics/orders",
		Doc:   "The message's topic. One without / is the topic's own name, in whichever project. A push subscription that you made does not name its topic, unless the address that it pushes to does, as an Eventarc trigger's: there pick by subscription.",
		field: func(s *Spec) any { return &s.Topic },
	},
	{
		Name: "subscription", Type: TypePatterns, Example: "subscription: orders-to-airflow",
		Doc:   "The subscription that the message came by. One without / is the subscription's own name, in whichever project.",
		field: func(s *Spec) any { return &s.Subscription },
	},
	{
		Name: "source", Type: TypePatterns, Example: "source: //pubsub.googleapis.com/**",
		Doc:   "The CloudEvent's source.",
		field: func(s *Spec) any { return &s.Source },
	},
	{
		Name: "subject", Type: TypePatterns, Example: "subject: invoices/*",
		Doc:   "The CloudEvent's subject.",
		field: func(s *Spec) any { return &s.Subject },
	},
	{
		Name: "attributes", Type: TypeAttributes, Example: "attributes: {kind: order, version: [\"1\", \"2\"]}",
		Doc:   "The message's attributes, or the extension attributes of an event that is no message. All of those named must be there and match. A name is matched as it is written, else in whichever case, because an unwrapped push lowers it.",
		field: func(s *Spec) any { return &s.Attributes },
	},
	{
		Name: "skip", Type: TypeNames, Example: "skip: [folders, empty, temporary]",
		Doc:   "Objects to pass over. folders: placeholders of folders, names that end in / or _$folder$. empty: objects of no bytes, such as the first of two writes by gcsfuse. temporary: names that Hadoop, Spark, Beam and Dataflow, gsutil and gcloud give to what they are still writing.",
		Words: presetNames(),
		field: func(s *Spec) any { return &s.Skip },
	},
	{
		Name: "when", Type: TypeExpression, Example: "when: int(object.size) > 0",
		Doc:   "A CEL expression that must be true. Where the event has not a member that it needs, the route does not match; any other error is a permanent failure.",
		field: func(s *Spec) any { return &s.When },
	},
	{
		Name: "dag", Type: TypeTemplate, Required: true, Example: "dag: load_sales",
		Doc:   "The DAG to start.",
		field: func(s *Spec) any { return &s.DAG },
	},
	{
		Name: "dags", Type: TypeNames, Example: "dags: [load_eu, load_us]",
		Doc:   "Where dag is computed, what it may become: anything else is a permanent failure.",
		field: func(s *Spec) any { return &s.DAGs },
	},
	{
		Name: "conf", Type: TypeConf, Example: "conf: {uri: \"gs://${object.bucket}/${object.name}\", size: \"${int(object.size)}\"}",
		Doc:   "The run's conf. A value that is one ${expression} alone keeps its type. Left out: the object resource, the message's JSON object or the event's data.",
		field: func(s *Spec) any { return &s.Conf },
	},
	{
		Name: "run_id", Type: TypeTemplate, Example: "run_id: ${object.bucket}/${object.name}",
		Doc:   "What makes two events the same run. It is hashed, so that any text is safe. Left out: the event's key, so that each event is a separate run. Events in flight start twice when it changes.",
		field: func(s *Spec) any { return &s.RunID },
	},
	{
		Name: "run_id_exact", Type: TypeTemplate, Example: "run_id_exact: ${message.json.run_id}",
		Doc: "The run id as the sender knows it, in place of one that is made of a hash. It is then the deduplication: events with one id " +
			"are one run of the DAG, and an event whose sender gives it another id each time runs each time. A run that anybody else started " +
			"under the id counts as well. Airflow accepts A-Z a-z 0-9 _ . ~ : + and -, at most 250, without .., and not the beginnings of " +
			"Airflow's own runs, such as scheduled__: anything else fails permanently. Not with run_id or every.",
		field: func(s *Spec) any { return &s.RunIDExact },
	},
	{
		Name: "logical_date", Type: TypeTemplate, Example: "logical_date: ${event.time}",
		Doc:   "The run's logical date: a timestamp, or text such as 2026-11-22T00:00:00Z. Left out: none.",
		field: func(s *Spec) any { return &s.LogicalDate },
	},
	{
		Name: "note", Type: TypeTemplate, Example: "note: sales of ${event.subject}",
		Doc:   "A note on the run, for people, of at most 1,000 characters. Left out: what happened, in words. Airflow has notes from 2.5 on.",
		field: func(s *Spec) any { return &s.Note },
	},
	{
		Name: "environment", Type: TypeName, Example: "environment: prod",
		Doc:   "The environment that the DAG is in. Left out where there is only one.",
		field: func(s *Spec) any { return &s.Environment },
	},
	{
		Name: "every", Type: TypeSpan, Example: "every: 5m",
		Doc:   "Makes one run of all events of a window of this length (and of one run_id, where the route has that): hours and days begin as UTC's do. The run starts when the window has ended and the grace is over, and finds the window's begin and end in its conf, under window. Without conf, its conf is the window alone. An object that was written belongs where its updated says, any other event where its time does.",
		field: func(s *Spec) any { return &s.Every },
	},
	{
		Name: "grace", Type: TypeSpan, Example: "grace: 2m",
		Doc:   "With every: how long after its window a run starts, so that events on their way are still in time. Left out: 1m.",
		field: func(s *Spec) any { return &s.Grace },
	},
	{
		Name: "late", Type: TypeWord, Example: "late: ignore", Words: []string{lateRun, lateIgnore},
		Doc:   "With every: what becomes of an event that arrives when its window's run has started. run: a separate run at once, whose window says late: true. ignore: nothing. Left out: run.",
		field: func(s *Spec) any { return &s.Late },
	},
	{
		Name: "max_active", Type: TypeCount, Example: "max_active: 16",
		Doc:   "How many runs of the DAG may be queued or running. While there are as many, events are deferred, so that a DAG that is paused, stuck or slow leaves its backlog where it came from. The count is some seconds old. Pub/Sub slows the whole subscription down, so such a route deserves a separate trigger. Left out: any number.",
		field: func(s *Spec) any { return &s.MaxActive },
	},
	{
		Name: "when_paused", Type: TypeWord, Example: "when_paused: defer", Words: []string{PausedTrigger, PausedUnpause, PausedDefer, PausedFail},
		Doc: "What becomes of an event whose DAG is paused, or draining (Airflow 3.4). trigger: its run is made, and waits until somebody " +
			"unpauses the DAG. unpause: the DAG is unpaused first, permanently and for its schedule as well; the account then needs a role that " +
			"may edit the DAG. defer: the event is redelivered, until somebody unpauses the DAG. fail: it fails permanently. The state is up to " +
			"5 s old. Left out: trigger.",
		field: func(s *Spec) any { return &s.WhenPaused },
	},
	{
		Name: "skip_active", Type: TypeSwitch, Example: "skip_active: true",
		Doc: "true: an event starts no run while a run of the DAG is queued or running. It is acknowledged as unmatched, with that reason, and " +
			"is not started later. A redelivered event whose own run exists is a duplicate. A run that waits in a paused DAG counts. Each " +
			"instance of the function starts such runs one after the other; two instances can each start one at the same moment: for a strict " +
			"bound deploy with one instance, or set the DAG's max_active_runs. Not with max_active or every. Left out: false.",
		field: func(s *Spec) any { return &s.SkipActive },
	},
	{
		Name: "dead_letter", Type: TypeAddress, Example: "dead_letter: gs://acme-dead-letters/sales",
		Doc:   "Where events are kept that failed permanently by this route: pubsub://projects/P/topics/T, gs://BUCKET/PREFIX or file:///FOLDER. Left out: where those of all routes are.",
		field: func(s *Spec) any { return &s.DeadLetter },
	},
	{
		Name: "enabled", Type: TypeSwitch, Example: "enabled: false",
		Doc:   "Whether the route takes part. Left out: true.",
		field: func(s *Spec) any { return &s.Enabled },
	},
}
