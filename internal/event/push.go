// SPDX-License-Identifier: Apache-2.0

package event

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// formURLEncoded is the content type that Pub/Sub gives an unwrapped push
// whose message names none. It says nothing about the data.
const formURLEncoded = "application/x-www-form-urlencoded"

// pushBody is the body of a wrapped push, and the data of Eventarc's
// messagePublished, to be written.
type pushBody struct {
	Message         pushMessage `json:"message"`
	Subscription    string      `json:"subscription,omitempty"`
	DeliveryAttempt int         `json:"deliveryAttempt,omitempty"`
}

type pushMessage struct {
	Data        json.RawMessage `json:"data,omitempty"`
	Bytes       []byte          `json:"-"` // Data, where that is not encoded yet
	Attributes  json.RawMessage `json:"attributes,omitempty"`
	MessageID   string          `json:"messageId"`
	PublishTime string          `json:"publishTime,omitempty"`
	OrderingKey string          `json:"orderingKey,omitempty"`
}

// MarshalJSON encodes the bytes as late as it can.
func (m pushMessage) MarshalJSON() ([]byte, error) {
	if len(m.Bytes) > 0 {
		m.Data = encode(base64.StdEncoding.EncodeToString(m.Bytes))
	}
	type plain pushMessage
	return encode(plain(m)), nil
}

// address is what the address of a push says of its messages: a push itself
// names only its subscription. The parameter is the one by which Cloud Run makes
// a push of Eventarc's a CloudEvent, so that the event is the same whether it did
// or not.
type address struct {
	topic string // projects/P/topics/T, empty for none
	// binding says that each message is a CloudEvent by the Pub/Sub binding, as
	// Eventarc publishes those that do not fit into headers. What such an event says
	// of its topic is then Eventarc's word and not a publisher's.
	binding bool
}

const bindingMode = "CE_PUBSUB_BINDING"

// modeExtension keeps address.binding in a dead letter.
const modeExtension = "gcpcloudeventsmode"

func addressOf(r *http.Request) address {
	if r.URL == nil || r.URL.RawQuery == "" {
		return address{}
	}
	mode := r.URL.Query().Get("__GCP_CloudEventsMode")
	a := address{binding: mode == bindingMode}
	topic, ok := strings.CutPrefix(mode, "CUSTOM_PUBSUB_")
	if parts := strings.Split(topic, "/"); ok && len(parts) == 4 && parts[0] == "projects" && parts[2] == "topics" {
		a.topic = topic
	}
	return a
}

// pushed is the event of a wrapped push that was read, and false where it is none.
func (d *decoder) pushed(body []byte, p *push, at address) (Event, bool) {
	if !p.found || p.message.ID == "" {
		return Event{}, false
	}
	e := delivered(p, at)
	e.origin.Data = body
	d.setMessage(&e, p, at.binding)
	return e, true
}

// delivered is the event of a push before its message is read.
func delivered(p *push, at address) Event {
	path := url.URL{Path: cmp.Or(at.topic, p.message.Subscription)} // a name may have a percent sign
	ce := CloudEvent{
		ID: p.message.ID, Source: pubsubService + path.EscapedPath(), Type: messagePublished,
		Time: p.message.PublishTime, ContentType: "application/json", checked: true,
	}
	if at.binding {
		ce.Extensions = map[string]string{modeExtension: bindingMode}
	}
	if at.topic != "" {
		p.message.Topic = path.EscapedPath()
	}
	return Event{ID: ce.ID, Source: ce.Source, Type: ce.Type, Time: ce.Time, origin: ce}
}

// messageIDHeader is what an unwrapped push has, and no other request.
const messageIDHeader = "X-Goog-Pubsub-Message-Id"

// unwrapped reads a push whose body is the message's data, and whose headers are
// the rest. https://cloud.google.com/pubsub/docs/payload-unwrapping
func (d *decoder) unwrapped(r *http.Request, body []byte) Event {
	p := &push{found: true}
	m := &p.message
	get := func(name string) string { return validText(r.Header.Get(name)) }
	m.ID = get(messageIDHeader)
	m.Subscription = get("X-Goog-Pubsub-Subscription-Name")
	m.OrderingKey = cmp.Or(get("X-Goog-Pubsub-Ordering-Key"), get("X-Goog-Ordering-Key")) // the emulator's name
	m.DeliveryAttempt, _ = strconv.Atoi(get("X-Goog-Pubsub-Delivery-Attempt"))
	published := get("X-Goog-Pubsub-Publish-Time")
	m.PublishTime, _ = parseTime(published)
	m.Attributes = attributesOf(r.Header)
	m.Data = body

	e := delivered(p, addressOf(r))
	e.push = &pushBody{Subscription: m.Subscription, DeliveryAttempt: m.DeliveryAttempt, Message: pushMessage{
		Bytes: body, MessageID: m.ID, PublishTime: published, OrderingKey: m.OrderingKey,
	}}
	if len(m.Attributes) > 0 {
		e.push.Message.Attributes = encode(m.Attributes)
	}
	d.setMessage(&e, p, addressOf(r).binding)
	return e
}

// attributesOf is the attributes of an unwrapped push's message: the headers
// whose names HTTP and the platform do not use, in lower case. An attribute of
// such a name cannot be distinguished from the header, and is lost; wrapping
// keeps it. Content-Type is an attribute unless it is the one that Pub/Sub sends
// where there is none.
func attributesOf(header http.Header) map[string]string {
	attributes, transport := make(map[string]string), TransportHeaders()
	for name, values := range header {
		name = strings.ToLower(name)
		isTransport := slices.ContainsFunc(transport, func(t string) bool {
			prefix, many := strings.CutSuffix(t, "*")
			return name == t || many && strings.HasPrefix(name, prefix)
		})
		value := validText(strings.Join(values, ", "))
		if !isTransport && (name != "content-type" || mediaType(value) != formURLEncoded) && len(attributes) < maxAttributes {
			attributes[name] = value
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
		"content-length", "expect", "forwarded", "from", "host", "keep-alive",
		"pragma", "priority", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "via",
		"function-execution-id", "traceparent", "tracestate", "x-cloud-trace-context",
		"x-appengine-*", "x-forwarded-*", "x-goog-*", "x-google-*",
	}
}
