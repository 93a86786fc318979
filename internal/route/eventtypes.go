// SPDX-License-Identifier: Apache-2.0

package route

import (
	"strings"

	"example.com/dagtrigger/internal/route/nearest"
)

// meantTypes are the short names of event types, by what other parts of Google Cloud and
// people call them, in lower case and without punctuation.
var meantTypes = map[string]string{
	"objectfinalize": "object.finalized", "finalize": "object.finalized", "finalized": "object.finalized",
	"objectcreate": "object.finalized", "objectcreated": "object.finalized", "create": "object.finalized", "created": "object.finalized",
	"objectchange": "object.finalized", "upload": "object.finalized", "uploaded": "object.finalized", "gcs": "object.finalized",
	"storage": "object.finalized", "storageobjectscreate": "object.finalized", "googlestorageobjectfinalize": "object.finalized",
	"objectdelete": "object.deleted", "delete": "object.deleted", "deleted": "object.deleted", "storageobjectsdelete": "object.deleted",
	"objectarchive": "object.archived", "archive": "object.archived", "archived": "object.archived",
	"objectmetadataupdate": "object.metadataUpdated", "metadataupdate": "object.metadataUpdated", "metadataupdated": "object.metadataUpdated",
	"message": "message.published", "messagepublished": "message.published", "publish": "message.published", "published": "message.published",
	"pubsub": "message.published", "topicpublish": "message.published", "messagepublish": "message.published",
}

// longTypes are the full names of event types that routes are often written for, see
// https://cloud.google.com/eventarc/docs/reference/supported-events.
var longTypes = []string{
	"google.cloud.audit.log.v1.written",
	"google.cloud.firestore.document.v1.created", "google.cloud.firestore.document.v1.deleted",
	"google.cloud.firestore.document.v1.updated", "google.cloud.firestore.document.v1.written",
	"google.cloud.scheduler.job.v1.executed", "google.cloud.tasks.task.v1.dispatched",
}

// meantType is the event type that a name of another service stands for, empty for none.
func meantType(name string) string {
	plain := strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' {
			return c
		}
		return -1
	}, strings.ToLower(name))
	return meantTypes[plain]
}

// isNotification reports whether name is an event type as a bucket's notification
// configuration calls it: https://cloud.google.com/storage/docs/pubsub-notifications#events.
func isNotification(name string) bool { return strings.HasPrefix(name, "OBJECT_") }

// unlikelyType says what is wrong with a type that may exist and surely is not meant.
func unlikelyType(name string) (what, fix string) {
	if _, short := shortTypes[name]; short {
		return "", ""
	}
	family, _, _ := strings.Cut(name, "*")
	switch {
	case family == "object." && family != name:
		return name + " can match nothing: a short name has no wildcard", "write " + storageTypes + "*, or a list of short names"
	case family == "message." && family != name:
		return name + " can match nothing: a short name has no wildcard", "write message.published"
	}
	if meant := meantType(name); meant != "" {
		return name + " is not an event type of Google Cloud", "did you mean " + meant + "?"
	}
	if strings.HasPrefix(name, "google.") && !strings.Contains(name, "*") {
		if near := nearest.Of(name, longTypes...); near != "" && near != name {
			return name + " is not an event type of Google Cloud", "did you mean " + near + "?"
		}
	}
	return "", ""
}
