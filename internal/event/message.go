// SPDX-License-Identifier: Apache-2.0

package event

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

const (
	// messagePublished is the type that Eventarc gives a Pub/Sub message, see
	// https://cloud.google.com/eventarc/docs/event-types#cloud-pubsub.
	messagePublished = "google.cloud.pubsub.topic.v1.messagePublished"
	pubsubService    = "//pubsub.googleapis.com/"
)

// setMessage makes e the message that its data wraps, or what the message
// carries: the change of an object, or a CloudEvent.
func (e *Event) setMessage() error {
	m := &Message{ID: e.ID}
	if resource, ok := strings.CutPrefix(e.Source, pubsubService); ok && strings.Contains(resource, "/topics/") {
		m.Topic = resource
	} else if ok && strings.Contains(resource, "/subscriptions/") {
		m.Subscription = resource
	}
	e.Message = m
	err := m.read(e.Data)
	e.key = []string{"pubsub", cmp.Or(m.Topic, m.Subscription, e.Source), m.ID}
	e.Published = m.PublishTime
	if e.Time.IsZero() {
		e.Time = m.PublishTime
	}
	if err != nil {
		return err
	}
	e.Data, e.ContentType = m.Data, ""
	if n, ok := m.notification(); ok {
		return e.setNotification(n)
	}
	ce, ok, err := m.cloudEvent()
	switch {
	case errors.Is(err, errTooDeep):
		return err
	case err != nil:
		return badData("the message says that it is a CloudEvent, but: %v", err)
	case ok:
		return e.setCarried(ce)
	}
	return e.checkDepth()
}

// setCarried makes e the CloudEvent that its message carries. This cannot go
// on for long: each message in a message is base64 once more, so a quarter
// smaller.
func (e *Event) setCarried(ce cloudevents.Event) error {
	carried, err := New(ce)
	carried.Origin = e.Origin
	carried.Published = e.Published
	if carried.Time.IsZero() {
		carried.Time = e.Time
	}
	*e = carried
	return err
}

// read reads the body of a wrapped push, which is the data of a
// messagePublished too. Where it fails, m has what was read so far.
func (m *Message) read(body []byte) error {
	var message []byte
	err := walk(body, maxDepth, func(name, value []byte) {
		switch string(name) {
		case "message":
			message = value
		case "subscription":
			m.Subscription = cmp.Or(text(value), m.Subscription)
		}
	})
	if err != nil || !isObject(message) {
		return explain(err, badData("the data of the Pub/Sub event has no message: send what Pub/Sub sends, a JSON object with message and subscription"))
	}
	var data, attributes []byte
	_ = walk(message, maxDepth, func(name, value []byte) { // part of what has just been walked
		switch string(name) {
		case "data":
			data = value
		case "attributes":
			attributes = value
		case "messageId", "message_id":
			m.ID = cmp.Or(text(value), m.ID)
		case "publishTime", "publish_time":
			m.PublishTime, _ = time.Parse(time.RFC3339, text(value))
		case "orderingKey", "ordering_key":
			m.OrderingKey = text(value)
		}
	})
	return m.readContent(data, attributes)
}

func (m *Message) readContent(data, attributes []byte) error {
	if !isNull(data) {
		decoded, ok := decodeBase64(data)
		if !ok {
			return badData("the message's data is no base64: send what Pub/Sub sends, RFC 4648 base64, padded")
		}
		m.Data = decoded
	}
	if isNull(attributes) {
		return nil
	}
	sound := isObject(attributes)
	m.Attributes = make(map[string]string)
	_ = walk(attributes, maxDepth, func(name, value []byte) {
		if sound = sound && value[0] == '"' && len(m.Attributes) < maxAttributes; sound {
			m.Attributes[string(name)] = text(value)
		}
	})
	if !sound {
		return badData("the message's attributes are no JSON object of at most %d texts: send what Pub/Sub sends", maxAttributes)
	}
	return nil
}

// attribute looks an attribute up without regard to case, which an unwrapped
// push folds.
func (m *Message) attribute(name string) string {
	if value, ok := m.Attributes[name]; ok {
		return value
	}
	for key, value := range m.Attributes {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// cloudEvent tells the CloudEvent that m carries by the Pub/Sub binding
// (https://github.com/googleapis/google-cloudevents/blob/main/docs/spec/pubsub.md);
// ok is false where it says nothing of one.
func (m *Message) cloudEvent() (ce cloudevents.Event, ok bool, err error) {
	contentType := m.attribute("content-type")
	if mediaType(contentType) == cloudevents.ApplicationCloudEventsJSON {
		ce, err = fromStructured(m.Data)
		return ce, true, err
	}
	if m.attribute("ce-specversion") == "" {
		return ce, false, nil
	}
	header := make(http.Header, len(m.Attributes))
	for name, value := range m.Attributes {
		if len(name) >= 3 && strings.EqualFold(name[:3], "ce-") {
			header.Set(name, value)
		}
	}
	ce, err = decode(header, contentType, m.Data)
	return ce, true, err
}
