// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"time"

	"example.com/dagtrigger/internal/operator/delivery"
)

// scene is one event of the demo, with all its deliveries.
type scene struct {
	title string
	what  string // what arrives
	// routes are in force from here on; empty for no change.
	routes string
	// noRun is why the event cannot start a run; empty where it must start one, or
	// as many as due says.
	noRun string
	due   int
	// fault is injected before the first delivery, and ends after it where fixed
	// names that; otherwise it stays.
	fault      fault
	fixed      string
	deliveries []sending
}

// sending is one message about the event. The platform redelivers it until it is
// acknowledged.
type sending struct {
	title string
	as    delivery.Envelope
	event delivery.Event
	// raw is sent in place of an event.
	raw []byte
}

func (t sending) request() (delivery.Request, error) {
	if t.event == nil {
		return delivery.Request{Header: []delivery.Header{{Name: "Content-Type", Value: "application/json"}}, Body: t.raw}, nil
	}
	return t.event.Request(t.as)
}

// runs is how many runs the event must start.
func (s scene) runs() int {
	if s.noRun != "" {
		return 0
	}
	return max(1, s.due)
}

// story is the demo's events for a DAG, with ids from number on, so that the demo
// can run any number of times on one Airflow.
func story(now time.Time, number int64, dagID string) []scene {
	a := &author{now: now, number: number}
	return append(a.firstHalf(), a.secondHalf(dagID)...)
}

// firstHalf are the events of the first half, in which every event starts the DAG.
func (a *author) firstHalf() []scene {
	eu, us := a.upload("sales/eu.csv"), a.upload("sales/us.csv")
	again := us
	again.MessageID = a.id()
	order := a.message(`{"order": 4711}`)
	return []scene{
		{title: "an upload", what: "gs://acme-landing/sales/eu.csv", deliveries: []sending{
			{title: "by an Eventarc trigger", as: delivery.Eventarc, event: eu},
		}},
		{title: "a message, delivered twice", what: `{"order": 4711}`, deliveries: []sending{
			{title: "by a push subscription", as: delivery.Push, event: order},
			{title: "delivered again", as: delivery.Push, event: order},
		}},
		{title: "an upload, notified twice", what: "gs://acme-landing/sales/us.csv", deliveries: []sending{
			{title: "by a notification", as: delivery.Notification, event: us},
			{title: "by another, unwrapped", as: delivery.PushUnwrapped, event: again},
		}},
		{title: "an application's CloudEvent", what: "example.acme.order.v1.paid", deliveries: []sending{
			{title: "in structured mode", as: delivery.Structured, event: a.payment()},
		}},
		{title: "an upload, to an old trigger", what: "gs://acme-landing/sales/asia.csv", deliveries: []sending{
			{title: "as a background event", as: delivery.Background, event: a.upload("sales/asia.csv")},
		}},
		{title: "the response is lost", what: `{"order": 4712}`, fault: answerLost, deliveries: []sending{
			{title: "by an Eventarc trigger", as: delivery.Eventarc, event: a.message(`{"order": 4712}`)},
		}},
		{title: "Airflow is down", what: `{"order": 4713}`, fault: airflowDown, fixed: "Airflow is back", deliveries: []sending{
			{title: "by an unwrapped push", as: delivery.PushUnwrapped, event: a.message(`{"order": 4713}`)},
		}},
		{title: "a request that is not an event", what: `{"hello": "world"}`, noRun: "it has no id", deliveries: []sending{
			{title: "by a client", raw: []byte(`{"hello": "world"}`)},
		}},
		{title: "a conf that Airflow rejects", what: `{"order": 4714, "amount": "much"}`, noRun: "no retry can help",
			fault: confRefused, deliveries: []sending{
				{title: "by a push subscription", as: delivery.Push, event: a.message(`{"order": 4714, "amount": "much"}`)},
			}},
	}
}

// author makes events with unique ids.
type author struct {
	now    time.Time
	number int64
}

func (a *author) id() string { return strconv.FormatInt(a.next(), 10) }

func (a *author) next() int64 {
	a.number++
	return a.number
}

func (a *author) upload(name string) delivery.Object {
	return delivery.Object{
		Bucket: "acme-landing", Name: name, Generation: a.next(), MessageID: a.id(), Time: a.now, Size: 2048,
	}
}

func (a *author) message(data string) delivery.Message {
	return delivery.Message{
		ID: a.id(), Topic: topic("orders"), Subscription: subscription("dagtrigger"), PublishTime: a.now,
		Attributes: map[string]string{"region": "eu"}, Data: []byte(data),
	}
}

func (a *author) payment() delivery.CloudEvent {
	id := a.id()
	return delivery.CloudEvent{
		ID: id, Source: "//acme.example/shop", Type: "example.acme.order.v1.paid", Subject: "orders/4711", Time: a.now,
		ContentType: "application/json", Data: fmt.Appendf(nil, `{"order": 4711, "payment": %q}`, id),
	}
}
