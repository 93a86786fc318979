// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"strings"

	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/pattern"
)

// family are the event types whose triggers are created alike. A new kind of source is a
// row of [families].
type family struct {
	types string   // how the full names of its types begin
	known []string // the rest of those that a pattern of types can mean
	// find finds the sources of a route for a type.
	find func(f *found, r *route.Spec, eventType string)
	// attributes are what a trigger can filter by beside the type; nil for whatever the
	// route names.
	attributes []attribute
	place      place
	// contentType is that of the data, where the trigger has to name it.
	contentType string
	api         API // zero for none beside Eventarc's
	// own says that "gcloud functions deploy" can create such a trigger with all its
	// settings.
	own bool
}

// attribute is one that a trigger can filter by, by the name that Eventarc gives it.
type attribute struct {
	name     string
	required bool
	patterns bool // path patterns as well
}

// place is where a trigger has to be:
// https://cloud.google.com/eventarc/docs/understand-locations.
type place byte

const (
	inRegion   place = iota // where the function is
	inBucket                // where its bucket is
	inDatabase              // where its database is
	global                  // a trigger in a region sees that region's resources alone
	inChannel               // where its channel is
)

// protobuf is the only type of data in which Eventarc delivers the changes of a
// document. The function decodes that of Firestore.
const protobuf = "application/protobuf"

// families are all sources that a plan knows how to watch, the first that fits first:
// https://cloud.google.com/eventarc/docs/reference/supported-events. A function, since
// its rows name functions that look rows up.
func families() []family {
	documents := API{"firestore.googleapis.com", "sends the events of documents"}
	return []family{
		{types: pubsubTypes, known: []string{"messagePublished"}, find: (*found).messages, own: true},
		{
			types: "google.cloud.storage.object.v1.", known: []string{"archived", "deleted", "finalized", "metadataUpdated"},
			find: (*found).changes, place: inBucket, own: true, api: API{"storage.googleapis.com", "sends the events of objects"},
		},
		{
			types: auditTypes, known: []string{"written"}, find: (*found).filtered, place: global,
			attributes: []attribute{{name: "serviceName", required: true}, {name: "methodName", required: true},
				{name: "resourceName", patterns: true}},
		},
		{
			// Every change is sent as written, too: with the other types it would be sent twice.
			types: "google.cloud.firestore.document.v1.", known: []string{"written"}, find: (*found).filtered, place: inDatabase,
			attributes:  []attribute{{name: "database", required: true}, {name: "namespace"}, {name: "document", patterns: true}},
			contentType: protobuf, api: documents,
		},
		{
			types: "google.cloud.datastore.entity.v1.", known: []string{"written"}, find: (*found).filtered, place: inDatabase,
			attributes:  []attribute{{name: "database", required: true}, {name: "namespace"}, {name: "entity", patterns: true}},
			contentType: protobuf, api: documents,
		},
		{types: schedulerTypes, known: []string{"executed"}, find: (*found).scheduled},
		{types: "google.cloud.tasks.", find: (*found).unknown}, // requests, and no events of Eventarc's
		{types: "dagtrigger.", find: (*found).unknown},
		{types: "google.", find: (*found).filtered},
		{
			find: (*found).ofChannel, place: inChannel,
			api: API{"eventarcpublishing.googleapis.com", "takes the events of the channels"},
		},
	}
}

const (
	auditTypes       = "google.cloud.audit.log.v1."
	pubsubTypes      = "google.cloud.pubsub.topic.v1."
	schedulerTypes   = "google.cloud.scheduler.job.v1."
	messagePublished = pubsubTypes + "messagePublished"
)

// familyOf is the family of a type by its full name.
func familyOf(eventType string) family {
	all := families()
	for _, one := range all {
		if strings.HasPrefix(eventType, one.types) {
			return one
		}
	}
	return all[len(all)-1] // the last takes every type
}

// shortTypes are the full names of the types that routes name shorter.
var shortTypes = map[string]string{
	"object.finalized":       "google.cloud.storage.object.v1.finalized",
	"object.deleted":         "google.cloud.storage.object.v1.deleted",
	"object.archived":        "google.cloud.storage.object.v1.archived",
	"object.metadataUpdated": "google.cloud.storage.object.v1.metadataUpdated",
	"message.published":      messagePublished,
}

// matching are the full names of the types that a name, short or full, or a pattern
// means. A pattern that covers several families means objects and messages alone: what
// else there is needs to be named to be watched.
func matching(on string) (full []string) {
	if name, ok := shortTypes[on]; ok {
		return []string{name}
	}
	p, err := pattern.Parse(on)
	if err != nil {
		return nil
	}
	if p.Exact() {
		return []string{on}
	}
	for _, one := range families() {
		if !one.own && (one.types == "" || !strings.HasPrefix(p.Prefix(), one.types)) {
			continue
		}
		for _, name := range one.known {
			if _, ok := p.Match(one.types + name); ok {
				full = append(full, one.types+name)
			}
		}
	}
	return full
}
