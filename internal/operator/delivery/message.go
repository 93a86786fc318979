// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The topic and the subscription where none is named.
const (
	DefaultTopic        = "projects/example/topics/example"
	DefaultSubscription = "projects/example/subscriptions/example"
)

// Message is a Pub/Sub message on its way to a subscriber.
type Message struct {
	ID           string // given by Pub/Sub at publishing; a redelivery keeps it
	Topic        string // projects/P/topics/T
	Subscription string // projects/P/subscriptions/S
	OrderingKey  string
	PublishTime  time.Time
	Attributes   map[string]string
	Data         []byte
}

// Request puts m into an envelope.
func (m Message) Request(as Envelope) (Request, error) {
	if m.ID == "" || m.Topic == "" || m.Subscription == "" {
		return Request{}, &Error{What: "the message lacks an id, a topic or a subscription", Fix: "give it all three: Pub/Sub always does"}
	}
	switch as {
	case Eventarc, Structured:
		e, err := m.cloudEvent()
		if err != nil {
			return Request{}, err
		}
		return e.Request(as)
	case Push:
		return m.push()
	case PushUnwrapped:
		return m.unwrapped()
	case Background:
		return m.background()
	default:
		return Request{}, noEnvelope("a message", as, Eventarc, Structured, Push, PushUnwrapped, Background)
	}
}

// cloudEvent is m as an Eventarc trigger for Pub/Sub delivers it.
func (m Message) cloudEvent() (CloudEvent, error) {
	data, err := m.wrapped()
	if err != nil {
		return CloudEvent{}, err
	}
	return CloudEvent{
		ID: m.ID, Source: "//pubsub.googleapis.com/" + m.Topic,
		Type: "google.cloud.pubsub.topic.v1.messagePublished",
		Time: m.PublishTime, ContentType: "application/json; charset=utf-8", Data: data,
	}, nil
}

// wrapped is the JSON document in which a push brings m. Pub/Sub writes the
// id and the time in both spellings.
func (m Message) wrapped() ([]byte, error) {
	var members []member
	if len(m.Attributes) > 0 {
		members = append(members, member{"attributes", m.Attributes})
	}
	if len(m.Data) > 0 {
		members = append(members, member{"data", m.Data})
	}
	members = append(members, member{"messageId", m.ID}, member{"message_id", m.ID})
	if m.OrderingKey != "" {
		members = append(members, member{"orderingKey", m.OrderingKey})
	}
	if !m.PublishTime.IsZero() {
		at := stamp(m.PublishTime)
		members = append(members, member{"publishTime", at}, member{"publish_time", at})
	}
	message, err := object(members...)
	if err != nil {
		return nil, fmt.Errorf("writing the message: %w", err)
	}
	return object(member{"message", message}, member{"subscription", m.Subscription})
}

func (m Message) push() (Request, error) {
	body, err := m.wrapped()
	if err != nil {
		return Request{}, err
	}
	r := Request{Body: body}
	r.add("Content-Type", "application/json")
	r.add("User-Agent", userAgent)
	return r, nil
}

// unwrapped has each attribute as a header of the same name. Pub/Sub says that
// the body is a form, whatever it is, unless an attribute says something else.
func (m Message) unwrapped() (Request, error) {
	r := Request{Body: m.Data}
	r.add("x-goog-pubsub-subscription-name", m.Subscription)
	r.add("x-goog-pubsub-message-id", m.ID)
	if !m.PublishTime.IsZero() {
		r.add("x-goog-pubsub-publish-time", stamp(m.PublishTime))
	}
	if m.OrderingKey != "" {
		r.add("x-goog-pubsub-ordering-key", m.OrderingKey)
	}
	contentType := "application/x-www-form-urlencoded"
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		if strings.EqualFold(name, "Content-Type") {
			contentType = m.Attributes[name]
			continue
		}
		r.add(name, m.Attributes[name])
	}
	r.add("Content-Type", contentType)
	r.add("User-Agent", userAgent)
	return r, r.check()
}

// background is m as a function of the first generation met it. It has no
// ordering key and no subscription there.
func (m Message) background() (Request, error) {
	const messageType = "type.googleapis.com/google.pubsub.v1.PubsubMessage"
	members := []member{{"@type", messageType}}
	if len(m.Attributes) > 0 {
		members = append(members, member{"attributes", m.Attributes})
	}
	if len(m.Data) > 0 {
		members = append(members, member{"data", m.Data})
	}
	data, err := object(members...)
	if err != nil {
		return Request{}, fmt.Errorf("writing the message: %w", err)
	}
	return background{
		id: m.ID, time: m.PublishTime, eventType: "google.pubsub.topic.publish",
		service: "pubsub.googleapis.com", resource: m.Topic, resourceType: messageType,
		data: data,
	}.request()
}
