// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

// MaxBody is the most bytes of a request's body that dagtrigger reads: 16 MiB.
// A Pub/Sub message has at most 10 MB, which are 13.4 MB in base64
// (https://cloud.google.com/pubsub/quotas); an Eventarc event has 512 KB.
const MaxBody = 16 << 20

// firstRead is the most bytes to set aside on the word of Content-Length
// alone: a sender that promises much and stalls holds no more than that.
const firstRead = 64 << 10

// FromRequest undoes the envelope that r is: it reads at most limit bytes of
// the body and returns the CloudEvents in it, each with a valid identity. That
// is one, unless r is a batch, which may be empty.
//
//   - A CloudEvent, binary or structured, and a batch of them
//     (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md).
//     Eventarc delivers in binary mode.
//   - A Pub/Sub push becomes the CloudEvent that Eventarc makes of a message,
//     with the subscription in the source where Eventarc has the topic, unless
//     the address that it is pushed to names the topic, as Eventarc's do. Its
//     data is the body of a wrapped push
//     (https://cloud.google.com/pubsub/docs/push#receive_push), or for an
//     unwrapped one (https://cloud.google.com/pubsub/docs/payload-unwrapping)
//     the body that the wrapped one would have had. An unwrapped push whose
//     message is a CloudEvent is just that CloudEvent in binary mode.
//   - A background event of the first Cloud Functions becomes the CloudEvent
//     that Eventarc sends today.
//
// The order matters: no envelope is told by its Content-Type alone but for
// structured mode, since a push carries the publisher's or a form's.
//
// The error is an [*Error].
func FromRequest(r *http.Request, limit int64) ([]cloudevents.Event, error) {
	body, err := readBody(r, limit)
	if err != nil {
		return nil, err
	}
	var ce cloudevents.Event
	switch media := mediaType(r.Header.Get("Content-Type")); {
	case media == cloudevents.ApplicationCloudEventsBatchJSON:
		return fromBatch(body)
	case media == cloudevents.ApplicationCloudEventsJSON:
		ce, err = fromStructured(body)
	case r.Header.Get("Ce-Specversion") != "":
		ce, err = fromBinary(r.Header, body)
	case r.Header.Get("X-Goog-Pubsub-Message-Id") != "":
		ce, err = fromUnwrapped(r.Header, topicOf(r), body)
	case r.Header.Get("Ce-Id") != "" || r.Header.Get("Ce-Type") != "":
		ce, err = fromBinary(r.Header, body)
	default:
		ce, err = fromBody(body, topicOf(r))
	}
	if err != nil {
		return nil, err
	}
	return []cloudevents.Event{ce}, nil
}

func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	var b bytes.Buffer
	// MinRead more, so that the read that meets the end need not grow b.
	b.Grow(int(min(max(r.ContentLength, 0), firstRead)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(nil, r.Body, limit))
	if over, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(over.Limit)
	}
	if err != nil {
		unread := noEvent("reading the body: %v: send the whole request again", err)
		unread.cause = err
		return nil, unread
	}
	return b.Bytes(), nil
}

// fromBody tells by its members what a JSON body is that no header explains.
func fromBody(body []byte, topic string) (cloudevents.Event, error) {
	var message, subscription, context, data, eventID []byte
	err := walk(body, maxDepth+envelopeDepth, func(name, value []byte) {
		switch string(name) {
		case "message":
			message = value
		case "subscription":
			subscription = value
		case "context":
			context = value
		case "data":
			data = value
		case "eventId":
			eventID = value
		}
	})
	switch {
	case err == nil && message != nil:
		return fromPush(body, message, text(subscription), topic)
	case err == nil && context != nil && data != nil:
		return fromBackground(context, data)
	case err == nil && eventID != nil && data != nil:
		return fromBackground(body, data)
	}
	return cloudevents.Event{}, explain(err, noEvent("the request is no event: it has neither the headers of a CloudEvent "+
		"(ce-specversion, ce-id, ce-source, ce-type) nor a body that is a CloudEvent in JSON, a Pub/Sub push or a background event; "+
		"if it is a Pub/Sub push without wrapping, turn writeMetadata on, without which a message has no id: "+
		"gcloud pubsub subscriptions update SUBSCRIPTION --push-no-wrapper --push-no-wrapper-write-metadata"))
}

// mediaType is contentType without its parameters, in lower case.
func mediaType(contentType string) string {
	name, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(name))
}
