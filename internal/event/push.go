// SPDX-License-Identifier: Apache-2.0

package event

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

// pushBody is the body of a wrapped push, and the data of Eventarc's
// messagePublished.
type pushBody struct {
	Message      pushMessage `json:"message"`
	Subscription string      `json:"subscription,omitempty"`
}

type pushMessage struct {
	Data        json.RawMessage `json:"data,omitempty"`
	Attributes  json.RawMessage `json:"attributes,omitempty"`
	MessageID   string          `json:"messageId"`
	PublishTime string          `json:"publishTime,omitempty"`
	OrderingKey string          `json:"orderingKey,omitempty"`
}

// fromPush makes a CloudEvent of a wrapped push. It only reads what makes the
// identity; New reads the message.
func fromPush(body, message []byte, subscription, topic string) (cloudevents.Event, error) {
	var id, published string
	_ = walk(message, maxDepth, func(name, value []byte) { // part of what is JSON already
		switch string(name) {
		case "messageId", "message_id":
			id = cmp.Or(text(value), id)
		case "publishTime", "publish_time":
			published = text(value)
		}
	})
	return delivered(id, published, subscription, topic, body)
}

// fromUnwrapped makes a CloudEvent of an unwrapped push, with the body that a
// wrapped one would have.
func fromUnwrapped(header http.Header, topic string, body []byte) (cloudevents.Event, error) {
	orderingKey := header.Get("X-Goog-Pubsub-Ordering-Key")
	if orderingKey == "" { // the emulator's name for it
		orderingKey = header.Get("X-Goog-Ordering-Key")
	}
	wrapped := pushBody{
		Subscription: header.Get("X-Goog-Pubsub-Subscription-Name"),
		Message: pushMessage{
			MessageID:   header.Get("X-Goog-Pubsub-Message-Id"),
			PublishTime: header.Get("X-Goog-Pubsub-Publish-Time"),
			OrderingKey: orderingKey,
		},
	}
	if len(body) > 0 {
		wrapped.Message.Data = encode(base64.StdEncoding.EncodeToString(body))
	}
	if attributes := attributesOf(header); len(attributes) > 0 {
		wrapped.Message.Attributes = encode(attributes)
	}
	return delivered(wrapped.Message.MessageID, wrapped.Message.PublishTime, wrapped.Subscription, topic, encode(wrapped))
}

func delivered(id, at, subscription, topic string, data []byte) (cloudevents.Event, error) {
	if id == "" || subscription == "" {
		return cloudevents.Event{}, noEvent("the Pub/Sub push lacks messageId or subscription, without which its message has no identity: " +
			"send what Pub/Sub sends, and for a push without wrapping turn writeMetadata on")
	}
	path := url.URL{Path: cmp.Or(topic, subscription)} // a name may have a percent sign
	return announce(announcement{
		id: id, source: pubsubService + path.EscapedPath(), kind: messagePublished, time: at, data: data})
}

// topicOf is the topic that the address of a push names, empty for none: a push
// itself says no more than its subscription. It is the parameter by which Cloud
// Run makes a push of Eventarc's a CloudEvent, so that the event is the same
// whether it did or not.
func topicOf(r *http.Request) string {
	topic, ok := strings.CutPrefix(r.URL.Query().Get("__GCP_CloudEventsMode"), "CUSTOM_PUBSUB_")
	if parts := strings.Split(topic, "/"); !ok || len(parts) != 4 || parts[0] != "projects" || parts[2] != "topics" {
		return ""
	}
	return topic
}

// attributesOf tells the attributes of an unwrapped push's message: the headers
// whose names HTTP and the platform do not use, in lower case. An attribute of
// such a name cannot be told from the header, and is lost; wrapping keeps it.
func attributesOf(header http.Header) map[string]string {
	attributes, transport := make(map[string]string), TransportHeaders()
	for name, values := range header {
		name = strings.ToLower(name)
		isTransport := slices.ContainsFunc(transport, func(t string) bool {
			prefix, many := strings.CutSuffix(t, "*")
			return name == t || many && strings.HasPrefix(name, prefix)
		})
		if !isTransport {
			attributes[name] = strings.Join(values, ", ")
		}
	}
	return attributes
}

// TransportHeaders are the headers, in lower case, that belong to the way of a
// request and not to its message: credentials, which must not get into a conf;
// HTTP's own headers (https://www.iana.org/assignments/http-fields); and what
// Google's front ends, Cloud Run and tracing add. One that ends in * stands for
// all that begin so.
func TransportHeaders() []string {
	return []string{
		"authorization", "cookie", "proxy-authorization", "x-serverless-authorization",
		"accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection",
		"content-encoding", "content-length", "content-type", "expect", "forwarded", "from", "host", "keep-alive",
		"pragma", "priority", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "via",
		"function-execution-id", "traceparent", "tracestate", "x-cloud-trace-context",
		"x-appengine-*", "x-forwarded-*", "x-goog-*", "x-google-*",
	}
}

// announcement is what an envelope that is no CloudEvent says of its event.
type announcement struct {
	id, source, subject, kind, time string
	data                            []byte
}

// announce makes the CloudEvent that Eventarc would send.
func announce(a announcement) (cloudevents.Event, error) {
	header := http.Header{
		"Ce-Specversion": {cloudevents.VersionV1},
		"Ce-Id":          {a.id},
		"Ce-Source":      {a.source},
		"Ce-Type":        {a.kind},
	}
	if a.subject != "" {
		header.Set("Ce-Subject", a.subject)
	}
	if _, err := time.Parse(time.RFC3339, a.time); err == nil {
		header.Set("Ce-Time", a.time)
	}
	return decode(header, cloudevents.ApplicationJSON, a.data)
}
