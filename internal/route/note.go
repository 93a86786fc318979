// SPDX-License-Identifier: Apache-2.0

package route

import (
	"strings"

	"example.com/dagtrigger/internal/event"
)

// maxNote is the most characters that Airflow takes as a run's note: the
// column is String(1000), see DagRunNote in airflow/models/dagrun.py.
const maxNote = 1000

// note says in words what happened, for people who look at the run in Airflow's
// pages, which render it as Markdown.
func note(ev *event.Event) string {
	return shorten(markdown(shorten(whatHappened(ev), maxNote)), maxNote)
}

func whatHappened(ev *event.Event) string {
	switch {
	case ev.Object != nil:
		return "gs://" + ev.Object.Bucket + "/" + ev.Object.Name + ", generation " + ev.Object.Generation + ": " + verb(ev.Type)
	case ev.IsMessage() && ev.Message.Topic != "":
		return "message " + ev.Message.ID + " on " + ev.Message.Topic
	case ev.IsMessage():
		return "message " + ev.Message.ID + " on " + ev.Message.Subscription
	default:
		return ev.Type + ", id " + ev.ID + ", from " + ev.Source
	}
}

// verb is the last part of an event type: google.cloud.storage.object.v1.finalized
// says finalized.
func verb(eventType string) string {
	return eventType[strings.LastIndexByte(eventType, '.')+1:]
}

// shorten cuts s to at most limit characters, the last of which then says so.
func shorten(s string, limit int) string {
	runes, cut := 0, 0
	for i := range s {
		if runes++; runes == limit {
			cut = i
		}
		if runes > limit {
			return s[:cut] + "…"
		}
	}
	return s
}
