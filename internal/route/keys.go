// SPDX-License-Identifier: Apache-2.0

package route

import (
	"maps"
	"slices"

	"example.com/dagtrigger/internal/document"
)

// What keys take, in words.
const (
	takesName       = "a name"
	takesNames      = "a name or a list of names"
	takesPatterns   = "a pattern or a list of patterns"
	takesExpression = "an expression"
	takesTemplate   = "text with ${expressions} inside"
	takesConf       = "a map of anything with ${expressions} inside its text, or one ${expression} that is a map"
	takesWord       = "one of a few words"
	takesAsset      = "the URI or the name of an asset"
	takesAddress    = "an address"
)

// CompleteKeys are the keys of complete.
func CompleteKeys() []document.Entry { return document.Entries(completeKeys) }

// completeWays are the keys of complete of which exactly one is given.
var completeWays = []string{"names", "count", "manifest"}

var completeKeys = []document.Key[Complete]{
	{
		Name: "prefix", Takes: takesTemplate, Required: true, Example: "prefix: sales/${path.day}/",
		Doc: "What the names of the set's objects begin with, and what is listed: at most 10,000 objects. What it computes is what the files " +
			"of a set have in common.",
		To: func(c *Complete) any { return &c.Prefix },
	},
	{
		Name: "names", Takes: takesTemplate + ", or a list of it", Example: "names: [eu.csv, us.csv, asia.csv]",
		Doc: "The names of all its objects, behind the prefix.",
		To:  func(c *Complete) any { return &c.Names },
	},
	{
		Name: "count", Example: "count: 12",
		Doc: "How many objects it has at least, of those that object matches and skip does not pass over. complete.files has those that are " +
			"there when the run starts.",
		To: func(c *Complete) any { return &c.Count },
	},
	{
		Name: "manifest", Takes: takesTemplate, Example: "manifest: sales/${path.day}/manifest.json",
		Doc: "The whole name of an object whose JSON lists the names, at most 1 MiB. Until it is there, the set is not complete.",
		To:  func(c *Complete) any { return &c.Manifest },
	},
	{
		Name: "files", Takes: takesTemplate, Example: "files: ${manifest.files}",
		Doc: "With manifest: the list of names in its JSON, which expressions see as manifest. Left out: ${manifest.files}.",
		To:  func(c *Complete) any { return &c.Files },
	},
	{
		Name: "again", Takes: takesWord, Example: "again: changed", Words: []string{againNever, againChanged},
		Doc: "What it means that an object of a complete set is written again. never: nothing, one set is one run for as long as Airflow keeps " +
			"the run. changed: another run; with count, another object is one too. Left out: never.",
		To: func(c *Complete) any { return &c.Again },
	},
}

// Keys are the keys of a route, in the order of the documentation.
func Keys() []document.Entry { return document.Entries(keys) }

// Schema describes a route to editors. The error is about an invalid example.
func Schema() (*document.Schema, error) {
	s, err := document.ObjectSchema(keys)
	if err == nil {
		for _, target := range targets {
			s.OneOf = append(s.OneOf, &document.Schema{Required: []string{target}})
		}
	}
	return s, err
}

// keys is the table of a route's keys: decoding, the JSON Schema, the help and the
// completion follow it. A new key is a row here and, where its value has a new
// form, a [document.Field].
var keys = []document.Key[Spec]{
	{
		Name: "name", Takes: takesName, Required: true, Example: "name: sales-csv", Pattern: NamePattern,
		Doc: "What logs, run ids and this file call the route: lower-case letters, digits, _ and -, at most 63. Events in flight start twice " +
			"when it changes, because run ids are made of it.",
		To: func(s *Spec) any { return &s.Name },
	},
	{
		Name: "on", Takes: takesPatterns, Required: true, Example: "on: [object.finalized, object.deleted]",
		Doc: "The event types, as CloudEvents name them, or short: object.finalized, object.deleted, object.archived, object.metadataUpdated " +
			"and message.published. A pattern such as com.acme.* is one too.",
		Words: slices.Sorted(maps.Keys(shortTypes)), Open: true,
		To: func(s *Spec) any { return &s.On },
	},
	{
		Name: "bucket", Takes: takesPatterns, Vars: true, Example: "bucket: acme-landing",
		Doc: "The object's bucket, without gs://.",
		To:  func(s *Spec) any { return &s.Bucket },
	},
	{
		Name: "object", Takes: takesPatterns, Vars: true, Example: "object: sales/{region=*}/{day=*}/*.csv",
		Doc: "The object's name. * is zero or more characters but /, ** zero or more of any, and {name=*} or {name=**} the same, captured as " +
			"path.name. A pattern covers the whole name, and one that begins with ! excludes. Of several the first that matches counts, " +
			"and each wildcard in it, from left to right, " +
			"takes as much as it can.",
		To: func(s *Spec) any { return &s.Object },
	},
	{
		Name: "topic", Takes: takesPatterns, Vars: true, Example: "topic: projects/acme/topics/orders",
		Doc: "The message's topic. One without / is the topic's own name, in whichever project. A push subscription that you made does not " +
			"name its topic, unless the address that it pushes to does, as an Eventarc trigger's: there pick by subscription.",
		To: func(s *Spec) any { return &s.Topic },
	},
	{
		Name: "subscription", Takes: takesPatterns, Vars: true, Example: "subscription: orders-to-airflow",
		Doc: "The subscription that the message came by. One without / is the subscription's own name, in whichever project.",
		To:  func(s *Spec) any { return &s.Subscription },
	},
	{
		Name: "source", Takes: takesPatterns, Vars: true, Example: "source: //pubsub.googleapis.com/**",
		Doc: "The CloudEvent's source.",
		To:  func(s *Spec) any { return &s.Source },
	},
	{
		Name: "subject", Takes: takesPatterns, Vars: true, Example: "subject: invoices/*",
		Doc: "The CloudEvent's subject.",
		To:  func(s *Spec) any { return &s.Subject },
	},
	{
		Name: "attributes", Vars: true, Example: "attributes: {kind: order, version: [\"1\", \"2\"]}",
		Doc: "The message's attributes, or the extension attributes of an event that is no message, such as servicename and methodname " +
			"of an audit log, by which its trigger filters, too: see deploy/sources.md. All of those named must be there and match. " +
			"A name is matched as it is written, else in whichever case, because an unwrapped push lowers it.",
		Instead: attributesInstead,
		To:      func(s *Spec) any { return &s.Attributes },
	},
	{
		Name: "skip", Takes: takesNames, Example: "skip: [folders, empty, temporary]",
		Doc:   skipDoc(),
		Words: presetNames(), Instead: skipInstead,
		To: func(s *Spec) any { return &s.Skip },
	},
	{
		Name: "when", Takes: takesExpression, Example: "when: int(object.size) > 0",
		Doc: "A CEL expression that must be true. Where the event has not a member that it needs, the route does not match; any other error is " +
			"a permanent failure.",
		Instead: whenInstead,
		To:      func(s *Spec) any { return &s.When },
	},
	{
		Name: "dag", Takes: takesTemplate, Example: "dag: load_sales",
		Doc: "The DAG to start. A route has it, or an asset or reject in its place.",
		To:  func(s *Spec) any { return &s.DAG },
	},
	{
		Name: "dags", Takes: takesPatterns, Vars: true, Example: "dags: [load_eu, load_us]",
		Doc: "Where dag is computed, what it may become: names, patterns such as dag_dq_*, or the values of a table, as " +
			"${vars.tables}. Anything " +
			"else is a permanent failure.",
		To: func(s *Spec) any { return &s.DAGs },
	},
	{
		Name: "reject", Takes: takesTemplate, Example: "reject: \"${object.name} has no date: name it sales_YYYYMMDD.csv\"",
		Doc: "In place of dag: an event of this route fails permanently with these words, of at most 1,000 characters, and is stored as a dead " +
			"letter where there is a store. For what breaks a rule, such as a name that no other route takes.",
		To: func(s *Spec) any { return &s.Reject },
	},
	{
		Name: "vars", Takes: "a map of names to ${expressions}, values or tables",
		Example: "vars: {day: \"${format_date(event.time, '%Y%m%d')}\"}",
		Doc: "Values that the other keys name as vars.NAME. An expression is evaluated once for an event, when it is first needed, " +
			"and may name " +
			"other vars. A map or a list is a table of constants: ${vars.tables[path.table]}. The file's vars can be named as well.",
		To: func(s *Spec) any { return &s.Vars },
	},
	{
		Name: "asset", Takes: takesAsset, Example: "asset: s3://acme/orders",
		Doc: "In place of dag: the asset (Airflow 3; a dataset on 2.9 and later) that the event is about. " +
			"An event of it is published, which starts all DAGs that wait for it. Airflow has no id for such an event: it is looked for before " +
			"it is published, which leaves it published at least once. See deploy/assets.md.",
		To: func(s *Spec) any { return &s.Asset },
	},
	{
		Name: "dataset", Takes: takesAsset, Example: "dataset: s3://acme/orders",
		Doc: "The same as asset, by the word of Airflow 2.",
		To:  func(s *Spec) any { return &s.Dataset },
	},
	{
		Name: "extra", Takes: takesConf, Example: "extra: {uri: \"gs://${object.bucket}/${object.name}\"}",
		Doc: "With asset: the extra of its event, which the DAGs find in triggering_asset_events. Airflow adds from_rest_api, and dagtrigger " +
			"dagtrigger_id, by which it finds the event again. Left out: as conf.",
		To: func(s *Spec) any { return confField{&s.Extra} },
	},
	{
		Name: "materialize", Example: "materialize: true",
		Doc: "With asset: true starts a run of the one DAG that makes the asset, in place of an event. Its run id is the deduplication. Needs " +
			"Airflow 3.2.2. Left out: false.",
		To: func(s *Spec) any { return &s.Materialize },
	},
	{
		Name: "partition_key", Takes: takesTemplate, Example: "partition_key: ${event.subject}",
		Doc: "The part of the data that the run, or the asset's event, is about: at most 250 characters. Needs Airflow 3.2. " +
			"From 3.3 a DAG without partitions refuses it, and an asset's event that has one starts only DAGs with partitions.",
		To: func(s *Spec) any { return &s.PartitionKey },
	},
	{
		Name: "conf", Takes: takesConf, Example: "conf: {uri: \"gs://${object.bucket}/${object.name}\", size: \"${int(object.size)}\"}",
		Doc: "The run's conf. A value that is one ${expression} alone keeps its type. Left out: the object resource, the message's JSON object " +
			"or the event's data.",
		To: func(s *Spec) any { return confField{&s.Conf} },
	},
	{
		Name: "run_id", Takes: takesTemplate, Example: "run_id: ${object.bucket}/${object.name}",
		Doc: "What makes two events the same run. It is hashed, so that any text is safe. Left out: the event's key, so that each event is a " +
			"separate run. Events in flight start twice when it changes.",
		To: func(s *Spec) any { return &s.RunID },
	},
	{
		Name: "run_id_exact", Takes: takesTemplate, Example: "run_id_exact: ${message.json.run_id}",
		Doc: "The run id as the sender knows it, in place of one that is made of a hash. It is then the deduplication: events with one id " +
			"are one run of the DAG, and an event whose sender gives it another id each time runs each time. A run that anybody else started " +
			"under the id counts as well. Airflow accepts A-Z a-z 0-9 _ . ~ : + and -, at most 250, without .., and not the beginnings of " +
			"Airflow's own runs, such as scheduled__: anything else fails permanently. Not with run_id or every.",
		To: func(s *Spec) any { return &s.RunIDExact },
	},
	{
		Name: "logical_date", Takes: takesTemplate, Example: "logical_date: ${event.time}",
		Doc: "The run's logical date: a timestamp, or text such as 2026-11-22T00:00:00Z. Left out: none.",
		To:  func(s *Spec) any { return &s.LogicalDate },
	},
	{
		Name: "note", Takes: takesTemplate, Example: "note: sales of ${event.subject}",
		Doc: "A note on the run, for people, of at most 1,000 characters. Airflow shows it as Markdown: what an event supplies is escaped, " +
			"the text around it is not. Left out: what happened, in words. Airflow has notes from 2.5 on.",
		To: func(s *Spec) any { return &s.Note },
	},
	{
		Name: "environment", Takes: takesName, Vars: true, Example: "environment: prod",
		Doc: "The environment that the DAG is in. Left out where there is only one.",
		To:  func(s *Spec) any { return &s.Environment },
	},
	{
		Name: "every", Example: "every: 5m",
		Doc: "Makes one run of all events of a window of this length (and of one run_id, where the route has that): hours and days begin as " +
			"UTC's do. The run starts when the window has ended and the grace is over, and finds the window's begin and end in its conf, under " +
			"window. Without conf, its conf is the window alone. An object that was written belongs where its updated says, any other event " +
			"where its time does.",
		To: func(s *Spec) any { return &s.Every },
	},
	{
		Name: "grace", Example: "grace: 2m",
		Doc: "With every: how long after its window a run starts, so that events on their way are still in time. Left out: 1m.",
		To:  func(s *Spec) any { return &s.Grace },
	},
	{
		Name: "late", Takes: takesWord, Example: "late: ignore", Words: []string{lateRun, lateIgnore},
		Doc: "With every: what becomes of an event that arrives when its window's run has started. run: a separate run at once, whose window " +
			"says late: true. ignore: nothing. Left out: run.",
		To: func(s *Spec) any { return &s.Late },
	},
	{
		Name: "complete", Example: "complete: {prefix: \"sales/${path.day}/\", names: [eu.csv, us.csv, asia.csv]}",
		Doc: "Starts one run when all files of a set are there: every event looks, by a listing of the bucket. While files are missing " +
			"the event is acknowledged as unmatched, with what is missing; the event of the last file starts the run. conf, or the " +
			"extra of an asset's event, sees the files as complete.files; left out, it has bucket, prefix and files. The files of a set have the " +
			"rendered prefix in common, or the run_id, where the route has one. The function's account needs roles/storage.objectViewer on the " +
			"bucket. when applies to the event alone. Not with every. One of names, count and manifest says when the set is complete.",
		To: func(s *Spec) any { return completeField{&s.Complete} },
	},
	{
		Name: "max_active", Example: "max_active: 16",
		Doc: "How many runs of the DAG may be queued or running. While there are as many, events are deferred, so that a DAG that is paused, " +
			"stuck or slow leaves its backlog where it came from. The count is some seconds old. Pub/Sub slows the whole subscription down, so " +
			"such a route deserves a separate trigger. Left out: any number.",
		To: func(s *Spec) any { return &s.MaxActive },
	},
	{
		Name: "when_paused", Takes: takesWord, Example: "when_paused: defer",
		Words: []string{PausedTrigger, PausedUnpause, PausedDefer, PausedFail},
		Doc: "What becomes of an event whose DAG is paused, or draining (Airflow 3.4). trigger: its run is made, and waits until somebody " +
			"unpauses the DAG. unpause: the DAG is unpaused first, permanently and for its schedule as well; the account then needs a role that " +
			"may edit the DAG. defer: the event is redelivered, until somebody unpauses the DAG. fail: it fails permanently. The state is up to " +
			"5 s old. With asset it is about each DAG that waits for the asset: an event that is published " +
			"while one is paused never starts that DAG. " +
			"Left out: trigger.",
		To: func(s *Spec) any { return &s.WhenPaused },
	},
	{
		Name: "skip_active", Example: "skip_active: true",
		Doc: "true: an event starts no run while a run of the DAG is queued or running. It is acknowledged as unmatched, with that reason, and " +
			"is not started later. A redelivered event whose own run exists is a duplicate. A run that waits in a paused DAG counts. Each " +
			"instance of the function starts such runs one after the other; two instances can each start one at the same moment: for a strict " +
			"bound deploy with one instance, or set the DAG's max_active_runs. Not with max_active or every. Left out: false.",
		To: func(s *Spec) any { return &s.SkipActive },
	},
	{
		Name: "dead_letter", Takes: takesAddress, Vars: true, Example: "dead_letter: gs://acme-dead-letters/sales",
		Doc: "Where events are kept that failed permanently by this route: pubsub://projects/P/topics/T, gs://BUCKET/PREFIX or file:///FOLDER. " +
			"Left out: where those of all routes are.",
		To: func(s *Spec) any { return &s.DeadLetter },
	},
	{
		Name: "shadow", Example: "shadow: true",
		Doc: "true: the route decides and maps beside the live routes, and starts nothing: a line of the log says what it would start, with a " +
			"digest of the conf, or why it would not. Its other keys stay as they will be when it is live; Airflow is not asked, so that " +
			"when_paused, max_active and skip_active do not count, and complete only lists the bucket. Each shadow is judged as if it alone " +
			"were switched on, under match: first behind the live routes above it. \"dagtrigger shadow\" compares. Left out: false.",
		To: func(s *Spec) any { return &s.Shadow },
	},
	{
		Name: "enabled", Example: "enabled: false",
		Doc: "Whether the route takes part. Left out: true.",
		To:  func(s *Spec) any { return &s.Enabled },
	},
}
