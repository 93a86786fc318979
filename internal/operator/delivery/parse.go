// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/plainjson"
)

// Defaults stand for what the text of an event leaves out.
type Defaults struct {
	ID           string
	Time         time.Time
	Topic        string
	Subscription string
	Change       Change // of an object resource; empty stands for Finalized
}

// Parse reads an event from JSON: a CloudEvent, an object resource of the Cloud
// Storage JSON API, a Pub/Sub message, the record of a dead letter, or any body that
// the function takes without more headers, such as that of a push, of a function
// of the first generation, or a batch of CloudEvents. A list of one stands for its element.
func Parse(text []byte, d Defaults) (Event, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("[")) {
		return parseList(text, d)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, &Error{What: "the event is not a JSON object: " + err.Error(),
			Fix: "write a CloudEvent, an object resource or a Pub/Sub message"}
	}
	has := func(name string) bool { return fields[name] != nil }
	switch {
	case has("specversion"):
		return parseCloudEvent(text, fields, d)
	case has("event") && has("dag_run_id"): // as package deadletter writes it
		e, err := Parse(fields["event"], d)
		return letter{e}, err
	case has("message"):
		m, err := parsePush(text, d)
		if err != nil {
			return nil, err
		}
		return pushed{m}, nil
	case has("bucket") && has("name"):
		return parseResource(text, Object{Change: d.Change, Time: d.Time, MessageID: d.ID, Subscription: d.Subscription})
	case has("messageId") || has("message_id"):
		return parseMessage(text, d)
	}
	as := Structured
	if has("context") || has("eventId") {
		as = Background
	}
	e, refused := parseBody(text, as, d)
	if refused == nil {
		return e, nil
	}
	if as == Background {
		return nil, &Error{What: "the background event cannot be read: " + refused.Error(),
			Fix: "see https://cloud.google.com/functions/1stgendocs/writing/write-event-driven-functions"}
	}
	return nil, &Error{
		What: "the JSON is neither a CloudEvent (no specversion), nor an object resource (no bucket and name), nor a Pub/Sub message " +
			"(no messageId), nor a background event (no context)",
		Fix: "add what is missing; give the data of a message alone with --data",
	}
}

// letter is the event of a dead letter: it is explained as it is replayed, as the
// CloudEvent that the record holds.
type letter struct{ Event }

// verbatim is a body that is sent as it is in the envelope that it is in.
type verbatim struct {
	body   []byte
	as     Envelope
	events []event.CloudEvent
	d      Defaults
}

// Request sends a single event in any envelope, and a batch as a batch.
func (v verbatim) Request(as Envelope) (Request, error) {
	if as != v.as {
		if len(v.events) == 1 {
			return CloudEvent(v.events[0]).content(v.d).Request(as)
		}
		return Request{}, noEnvelope("a batch", as, Batch)
	}
	r := Request{Body: v.body}
	if as == Batch {
		r.add("Content-Type", "application/cloudevents-batch+json")
	} else {
		r.add("Content-Type", "application/json")
	}
	return r, nil
}

// parseBody reads a body as the function does.
func parseBody(text []byte, as Envelope, d Defaults) (Event, error) {
	v := verbatim{body: text, as: as, d: d}
	request, err := v.Request(as)
	if err != nil {
		return nil, err
	}
	posted, err := request.HTTP(context.Background(), "http://127.0.0.1")
	if err != nil {
		return nil, err
	}
	events, err := event.FromRequest(posted, event.MaxBody)
	if len(events) == 0 && err == nil {
		err = &Error{What: "there is no event in it", Fix: "give one or more"}
	}
	if len(events) == 0 {
		return nil, err
	}
	for i := range events {
		v.events = append(v.events, events[i].Origin())
	}
	return v, nil
}

// parseList reads a batch, or a list of one, as gcloud prints what it pulls or describes.
func parseList(text []byte, d Defaults) (Event, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(text, &elements); err != nil {
		return nil, &Error{What: "the batch is not valid JSON: " + err.Error(), Fix: "write a JSON array of CloudEvents"}
	}
	e, refused := parseBody(text, Batch, d)
	if refused == nil {
		return e, nil
	}
	if len(elements) == 1 {
		return Parse(elements[0], d)
	}
	return nil, &Error{What: "the list is not a batch of CloudEvents: " + refused.Error(),
		Fix: "give one event, or a JSON array of CloudEvents"}
}

// pushed is a message from the body of a push.
type pushed struct{ Event }

// DefaultEnvelope is the one that an event came in where its text says so, as the
// body of a push does, else Eventarc: a push and an Eventarc event of one message
// start different runs, because a push names only its subscription.
func DefaultEnvelope(e Event) Envelope {
	switch e := e.(type) {
	case pushed:
		return Push
	case letter:
		return Structured
	case verbatim:
		return e.as
	}
	return Eventarc
}

// parsed is a CloudEvent from a text. It keeps its own attributes where it
// travels as a CloudEvent, and is the change or the message that it is about elsewhere.
type parsed struct {
	CloudEvent
	inner Event
}

func (p parsed) Request(as Envelope) (Request, error) {
	if as == Eventarc || as == Structured {
		return p.CloudEvent.Request(as)
	}
	return p.inner.Request(as)
}

func parseCloudEvent(text []byte, fields map[string]json.RawMessage, d Defaults) (Event, error) {
	var version, at string
	_ = json.Unmarshal(fields["specversion"], &version) // what is not text is not 1.0
	if version != "1.0" {
		return nil, &Error{What: fmt.Sprintf("the CloudEvent has the specversion %q", version), Fix: "write it in version 1.0"}
	}
	_ = json.Unmarshal(fields["time"], &at) // what is not text is dropped, as the function does
	if _, err := timeOr(at, d.Time); err != nil {
		return nil, err
	}
	if fields["id"] == nil && d.ID != "" { // the data must stay as it is written
		id, err := plainjson.Marshal(d.ID)
		if err != nil {
			return nil, err
		}
		at := bytes.IndexByte(text, '{') + 1
		text = slices.Concat(text[:at], []byte(`"id":`), id, []byte{','}, text[at:])
	}
	ce, err := event.DecodeJSON(text)
	if err != nil {
		return nil, &Error{What: "the CloudEvent cannot be read: " + err.Error(),
			Fix: "see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md"}
	}
	if ce.Time.IsZero() {
		ce.Time = d.Time
	}
	return CloudEvent(ce).content(d), nil
}

// content is the change or the message that e is about. One whose data does not
// hold what its type says is sent as it is, to be refused.
func (e CloudEvent) content(d Defaults) Event {
	var inner Event
	var err error
	change, isChange := strings.CutPrefix(e.Type, "google.cloud.storage.object.v1.")
	switch {
	case isChange:
		inner, err = parseResource(e.Data, Object{
			Change: Change(change), Time: e.Time, MessageID: e.ID, Subscription: d.Subscription,
		})
	case e.Type == "google.cloud.pubsub.topic.v1.messagePublished":
		d.ID, d.Time = e.ID, e.Time
		d.Topic = cmp.Or(strings.TrimPrefix(e.Source, "//pubsub.googleapis.com/"), d.Topic)
		inner, err = parsePush(e.Data, d)
	default: // its time is when it happened, which says nothing of its delivery
		m := e.message()
		m.PublishTime = d.Time
		return parsed{e, m}
	}
	if err != nil {
		return e
	}
	return parsed{e, inner}
}

// parseResource completes o by an object resource.
func parseResource(text []byte, o Object) (Event, error) {
	var in struct {
		Bucket, Name               string
		Generation, Metageneration number
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, &Error{What: "the object resource cannot be read: " + err.Error(),
			Fix: "take it from `gcloud storage objects describe --raw`"}
	}
	if in.Generation <= 0 {
		return nil, &Error{What: "the object resource has no generation",
			Fix: "take it from `gcloud storage objects describe --raw`, or give the event as gs://BUCKET/OBJECT"}
	}
	o.Bucket, o.Name, o.Resource = in.Bucket, in.Name, text
	o.Generation, o.Metageneration = int64(in.Generation), int64(in.Metageneration)
	return o, nil
}

// number is a 64-bit number, which Google's APIs write as text, and others as a number.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	i, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	if err != nil {
		return fmt.Errorf("%s is not a whole number of 64 bits", b)
	}
	*n = number(i)
	return nil
}

func parsePush(text []byte, d Defaults) (Event, error) {
	var in struct {
		Message      json.RawMessage
		Subscription string
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, &Error{What: "the push cannot be read: " + err.Error(), Fix: "see https://cloud.google.com/pubsub/docs/push#receive_push"}
	}
	d.Subscription = cmp.Or(in.Subscription, d.Subscription)
	return parseMessage(in.Message, d)
}

func parseMessage(text []byte, d Defaults) (Event, error) {
	var in struct {
		Data         []byte
		Attributes   map[string]string
		MessageID    string
		MessageIDToo string `json:"message_id"`
		PublishTime  string
		OrderingKey  string
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, &Error{What: "the message cannot be read: " + err.Error(),
			Fix: "see https://cloud.google.com/pubsub/docs/reference/rest/v1/PubsubMessage; its data is in base64"}
	}
	at, err := timeOr(in.PublishTime, d.Time)
	if err != nil {
		return nil, err
	}
	return Message{
		ID: cmp.Or(in.MessageID, in.MessageIDToo, d.ID), Topic: d.Topic, Subscription: d.Subscription,
		OrderingKey: in.OrderingKey, PublishTime: at, Attributes: in.Attributes, Data: in.Data,
	}, nil
}

func timeOr(text string, fallback time.Time) (time.Time, error) {
	if text == "" {
		return fallback, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, &Error{What: fmt.Sprintf("%q is not a valid time", text), Fix: "write it as 2006-01-02T15:04:05Z"}
	}
	return t, nil
}
