// SPDX-License-Identifier: Apache-2.0

package event

import (
	"net/http"
	"strings"

	"example.com/dagtrigger/internal/jsonscan"
)

// What to do is different for each sender; each of these says it for one.
const (
	notScheduled = "the request of Cloud Scheduler has no X-CloudScheduler-ScheduleTime, without which its runs cannot be distinguished: " +
		"give the job a schedule in cron's format, or have it publish to a Pub/Sub topic: " +
		"gcloud scheduler jobs create pubsub JOB --location=LOCATION --schedule='0 2 * * *' --topic=TOPIC --message-body=TEXT"
	notTask = "the request of Cloud Tasks has no X-CloudTasks-QueueName and X-CloudTasks-TaskName: " +
		"send it as an HTTP target task, and let no proxy remove its headers"
	notWrapped = "the Pub/Sub push lacks messageId, without which its message has no identity: " +
		"send what Pub/Sub sends, with messageId and subscription"
	notWritten = "the request looks like a Pub/Sub push without wrapping and without metadata, so that its message has no id: " +
		"turn writeMetadata on: gcloud pubsub subscriptions update SUBSCRIPTION --push-no-wrapper --push-no-wrapper-write-metadata"
	notIdentified = "the JSON has no identity, without which it would start a run again each time it is sent: " +
		"send a header Idempotency-Key with a value that is new for each event, or make it a CloudEvent: " +
		"headers ce-specversion: 1.0, ce-id, ce-source and ce-type"
	notGridSchema = "the event is in Event Grid's own schema: create its subscription with CloudEvents' schema: " +
		"az eventgrid event-subscription create --event-delivery-schema cloudeventschemav1_0"
	notSupported = "CloudEvents in this format are not read: send application/cloudevents+json, or binary mode"
	notPosted    = "the request is not a POST: send events by POST"
	notKnown     = "the request is not an event: it has neither the headers of a CloudEvent (ce-specversion, ce-id, ce-source, ce-type) " +
		"nor a body that is a CloudEvent in JSON, a Pub/Sub push or a background event; " +
		"send one of them, or a header Idempotency-Key with a value that is new for each event"
)

// notAnEvent is the error for a request without identity, in words that fit what
// it shows. a are its CloudEvent headers.
func notAnEvent(r *http.Request, body []byte, a *attributes) error {
	header := r.Header
	agent, media := strings.ToLower(header.Get("User-Agent")), mediaType(header.Get("Content-Type"))
	var m envelopeNames
	isJSON := jsonscan.Walk(body, maxDepth+2, m.visit) == nil
	switch {
	case strings.HasPrefix(media, "application/cloudevents") && media != structuredType && media != batchType:
		return &Error{Status: http.StatusUnsupportedMediaType, Reason: notSupported}
	case a.version != "" || a.ce.ID != "" || a.ce.Source != "" || a.ce.Type != "":
		return lacks(a.missing())
	case header.Get("X-CloudScheduler") != "" || header.Get(schedulerJob) != "" || strings.Contains(agent, "cloud-scheduler"):
		return noEvent(notScheduled)
	case header.Get(tasksQueue) != "" || header.Get(tasksTask) != "" ||
		header.Get("X-AppEngine-QueueName") != "" || strings.Contains(agent, "cloud-tasks"):
		return noEvent(notTask)
	case isJSON && m.message:
		return noEvent(notWrapped)
	case strings.Contains(agent, "cloudpubsub") || header.Get("Eventtype") != "" && header.Get("Bucketid") != "":
		return noEvent(notWritten)
	case r.Method != "" && r.Method != http.MethodPost && r.Method != http.MethodPut:
		return noEvent(notPosted)
	case header.Get("Aeg-Event-Type") != "":
		return noEvent(notGridSchema)
	case media == formURLEncoded && (agent == "" || strings.Contains(agent, "google")):
		return noEvent(notWritten)
	case isJSON && len(body) > 0:
		return noEvent(notIdentified)
	}
	return noEvent(notKnown)
}

// envelopeNames says which members of envelopes a body has.
type envelopeNames struct{ message bool }

func (m *envelopeNames) visit(name, value []byte) {
	if string(name) == "message" {
		m.message = isObject(value)
	}
}
