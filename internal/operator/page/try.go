// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/example"
)

// typed is an event as a person typed it.
type typed struct {
	Kind string `json:"kind"` // object, message or event

	Object string `json:"object,omitempty"` // gs://BUCKET/OBJECT
	Change string `json:"change,omitempty"` // empty for finalized
	Size   int64  `json:"size,omitempty"`

	Data       string            `json:"data,omitempty"`
	Topic      string            `json:"topic,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`

	JSON string `json:"json,omitempty"`
	// Number is the event's id and generation, for the same event again; 0 for a new one.
	Number int64 `json:"number,omitempty,string"`
}

// request is the event as Eventarc delivers it, and its number.
func (p *Page) request(t typed) (delivery.Request, int64, error) {
	number := t.Number
	if number == 0 {
		number = p.Number()
	}
	e, err := p.made(t, number)
	if err != nil {
		return delivery.Request{}, 0, err
	}
	as := delivery.Eventarc
	if _, err := e.Request(as); err != nil && t.Kind == "event" {
		for _, other := range delivery.Envelopes() { // the body of a push is sent as it is
			if r, err := e.Request(other); err == nil {
				return r, number, nil
			}
		}
	}
	r, err := e.Request(as)
	return r, number, err
}

func (p *Page) made(t typed, number int64) (delivery.Event, error) {
	id, now := strconv.FormatInt(number, 10), p.Now()
	switch t.Kind {
	case "object":
		bucket, name, ok := strings.Cut(strings.TrimPrefix(t.Object, "gs://"), "/")
		if !ok || !strings.HasPrefix(t.Object, "gs://") || bucket == "" || name == "" {
			return nil, errors.New("write the object as gs://BUCKET/OBJECT")
		}
		return delivery.Object{
			Bucket: bucket, Name: name, Change: delivery.Change(t.Change), Size: t.Size, Generation: number, Time: now, MessageID: id,
			Subscription: delivery.DefaultSubscription,
		}, nil
	case "message":
		return delivery.Message{
			ID: id, Topic: topic(t.Topic), Subscription: delivery.DefaultSubscription, PublishTime: now,
			Attributes: t.Attributes, Data: []byte(t.Data),
		}, nil
	case "event":
		return delivery.Parse([]byte(t.JSON), delivery.Defaults{
			ID: id, Time: now, Topic: delivery.DefaultTopic, Subscription: delivery.DefaultSubscription,
		})
	}
	return nil, fmt.Errorf("kind is %.100q: it is object, message or event", t.Kind)
}

// topic takes a name alone for one in the project "example", as "dagtrigger send" does.
func topic(name string) string {
	switch {
	case name == "":
		return delivery.DefaultTopic
	case strings.Contains(name, "/"):
		return name
	}
	return "projects/example/topics/" + name
}

// explain decides an event, and starts nothing.
func (p *Page) explain(w http.ResponseWriter, r *http.Request) {
	request, number, ok := p.read(w, r)
	if !ok {
		return
	}
	all, err := p.recorder.explain()(r.Context(), request)
	if err != nil && len(all) == 0 {
		fail(w, http.StatusUnprocessableEntity, err)
		return
	}
	answer(w, map[string]any{"events": all, "number": strconv.FormatInt(number, 10)})
}

// read reads a request with a typed event.
func (p *Page) read(w http.ResponseWriter, r *http.Request) (delivery.Request, int64, bool) {
	var t typed
	if !decode(w, r, &t) {
		return delivery.Request{}, 0, false
	}
	request, number, err := p.request(t)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, err)
		return delivery.Request{}, 0, false
	}
	return request, number, true
}

// send delivers an event to the function.
func (p *Page) send(w http.ResponseWriter, r *http.Request) {
	request, _, ok := p.read(w, r)
	if !ok {
		return
	}
	if p.Function == nil {
		fail(w, http.StatusConflict, errors.New(`no function is running here: "dagtrigger serve --page" runs one`))
		return
	}
	response, err := p.deliver(r.Context(), request)
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, map[string]any{"status": response.status, "response": response.body.String()})
}

// deliver has the function serve a request, as if it had come over the network.
func (p *Page) deliver(ctx context.Context, request delivery.Request) (*answerRecorder, error) {
	req, err := request.HTTP(ctx, "http://127.0.0.1/")
	if err != nil {
		return nil, err
	}
	response := &answerRecorder{ResponseWriter: &discard{header: http.Header{}}, status: http.StatusOK}
	p.Function.ServeHTTP(response, req)
	return response, nil
}

// discard takes a response whose body is recorded.
type discard struct{ header http.Header }

// Header implements [http.ResponseWriter].
func (d *discard) Header() http.Header { return d.header }

// Write implements [http.ResponseWriter].
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements [http.ResponseWriter].
func (d *discard) WriteHeader(int) {}

// saved is an event to keep as an example.
type saved struct {
	Name  string `json:"name"`
	Event typed  `json:"event"`
}

// addExample adds an event, and what the routes make of it now, to the file of examples.
func (p *Page) addExample(w http.ResponseWriter, r *http.Request) {
	var s saved
	if !decode(w, r, &s) {
		return
	}
	path := p.Routes.tests()
	file, _ := p.Routes.Current()
	switch {
	case path == "" || file == nil:
		fail(w, http.StatusConflict, errors.New(`there is no routes file, and so no examples: "dagtrigger init" writes both`))
		return
	case strings.TrimSpace(s.Name) == "":
		fail(w, http.StatusUnprocessableEntity, errors.New("an example needs a name: say what it shows"))
		return
	}
	if _, _, err := p.request(s.Event); err != nil {
		fail(w, http.StatusUnprocessableEntity, err)
		return
	}
	fields := append([]example.Field{{Key: "name", Value: s.Name}}, s.Event.fields()...)
	if err := example.Add(r.Context(), path, p.Routes.Path, file.Table, fields); err != nil {
		fail(w, http.StatusUnprocessableEntity, err)
		return
	}
	answer(w, map[string]string{"path": path})
}

// fields are the keys of an example for the event.
func (t typed) fields() (all []example.Field) {
	add := func(key string, value any) { all = append(all, example.Field{Key: key, Value: value}) }
	switch t.Kind {
	case "object":
		key := map[string]string{
			"": "upload", string(delivery.Finalized): "upload", string(delivery.Deleted): "deleted", string(delivery.Archived): "archived",
			string(delivery.MetadataUpdated): "metadata_updated",
		}[t.Change]
		add(key, t.Object)
		add("size", t.Size)
	case "message":
		add("message", messageOf(t.Data))
		if t.Topic != "" {
			add("topic", t.Topic)
		}
		if len(t.Attributes) > 0 {
			add("attributes", t.Attributes)
		}
	default:
		add("event", json.RawMessage(t.JSON))
	}
	return all
}

// messageOf is the data of a message as an example has it: an object of JSON, or text.
func messageOf(data string) any {
	if trimmed := bytes.TrimSpace([]byte(data)); bytes.HasPrefix(trimmed, []byte("{")) && json.Valid(trimmed) && utf8.ValidString(data) {
		return json.RawMessage(trimmed)
	}
	return data
}
