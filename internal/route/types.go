// SPDX-License-Identifier: Apache-2.0

package route

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/route/nearest"
	"example.com/dagtrigger/internal/route/pattern"
)

// The types that Eventarc gives to Storage changes and Pub/Sub messages, see
// https://cloud.google.com/eventarc/docs/event-types. event turns all other
// names of the same into these.
const (
	storageTypes = "google.cloud.storage.object.v1."
	pubsubTypes  = "google.cloud.pubsub.topic.v1."
	published    = pubsubTypes + "messagePublished"
)

// shortTypes are the event types that have a short name.
var shortTypes = map[string]string{
	"object.finalized":       storageTypes + "finalized",
	"object.deleted":         storageTypes + "deleted",
	"object.archived":        storageTypes + "archived",
	"object.metadataUpdated": storageTypes + "metadataUpdated",
	"message.published":      published,
}

// fullType returns the full name of an event type, and the problem of a name
// that looks like one of Google's and is none.
func fullType(name string) (full, what, fix string) {
	if full, ok := shortTypes[name]; ok {
		return full, "", ""
	}
	if strings.Contains(name, ",") {
		list := strings.Join(strings.Fields(strings.ReplaceAll(name, ",", " ")), ", ")
		return name, "an event type holds no comma", "write a list: [" + list + "]"
	}
	looks := isNotification(name) || slices.ContainsFunc(
		[]string{"object.", "message.", "google.cloud.storage.", "google.cloud.pubsub.", "google.storage.", "google.pubsub.", "providers/cloud."},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	known := slices.Collect(maps.Values(shortTypes))
	if !looks || strings.Contains(name, "*") || slices.Contains(known, name) {
		return name, "", ""
	}
	short := slices.Sorted(maps.Keys(shortTypes))
	fix = "use one of " + strings.Join(short, ", ")
	ends := make([]string, len(short))
	for i := range short {
		ends[i] = verb(short[i])
	}
	if meant := cmp.Or(meantType(name), meantType(verb(name))); meant != "" {
		return name, name + " is not an event type", "did you mean " + meant + "?"
	}
	if at := slices.Index(ends, nearest.Of(verb(name), ends...)); at >= 0 {
		fix = "did you mean " + short[at] + "?"
	}
	return name, name + " is not an event type", fix
}

// carries reports whether events of a type that p matches can be Storage
// changes, and whether they can be messages.
func carries(p *pattern.Pattern) (object, message bool) {
	for _, full := range shortTypes {
		if _, ok := p.Match(full); ok {
			object = object || strings.HasPrefix(full, storageTypes)
			message = message || full == published
		}
	}
	return object, message
}
