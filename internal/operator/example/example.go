// SPDX-License-Identifier: Apache-2.0

// Package example implements the examples of a file of routes: an event, and the
// runs that it must start. It reads them, tries them on the routes, reports the
// differences, and writes the actual results into the file.
//
// An event is built as the platform would send it, and read and decided by the
// function's code. The package starts nothing and makes no request.
package example

import (
	"context"
	"errors"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
)

// Suite is a file of examples.
type Suite struct {
	Name     string // as diagnostics begin
	Config   string // the path of the file of routes
	Examples []Example

	text []byte
	root *yaml.Node
}

// Example is an event, and what must come of it.
type Example struct {
	document.Position
	Name  string
	Event delivery.Event
	As    delivery.Envelope
	// Bucket is what routes with complete find.
	Bucket Bucket
	// Starts are the runs that it must start, and Fails the routes that must fail.
	// Where Expects is false, the example names neither.
	Starts  []Start
	Fails   []Failure
	Expects bool

	node *yaml.Node
}

// Start is a run that an event must start, or does start. What an example leaves
// out may be anything.
type Start struct {
	Route       string
	DAG         string
	Asset       string // in place of a DAG; Conf is then the extra of its event, unless the route materializes it
	Partition   string // the partition key
	Environment string
	RunID       string
	RunKey      string // what the run id is made of, see [trigger.RunKey]
	LogicalDate string // in RFC 3339
	Note        string
	Conf        []byte // all of the conf, as JSON
	ConfHas     []byte // members that the conf must have, among others
	// SameRunAs is the name of another example that must start the same run by the route.
	SameRunAs string
}

// Failure is a route that cannot be evaluated for an event.
type Failure struct {
	Route string
	Error string // what it says; of an example, a part of that
	// Lasting is the error without its place in the routes file, which changes with every
	// edit; empty in an example.
	Lasting string
}

// moment is when an event happens that does not say, and number its id and its
// generation: with them a run id is the same every time.
const number = 1

func moment() time.Time { return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) }

// Receive reads the events that a request brings, as the function does: of a batch
// there may be some beside the error.
func Receive(ctx context.Context, r delivery.Request) ([]event.Event, error) {
	request, err := r.HTTP(ctx, "http://127.0.0.1")
	if err != nil {
		return nil, err
	}
	return event.FromRequest(request, event.MaxBody)
}

// ReceiveOne reads the one event that a request brings, with valid data.
func ReceiveOne(ctx context.Context, r delivery.Request) (*event.Event, error) {
	all, err := Receive(ctx, r)
	switch {
	case err != nil:
		return nil, err
	case len(all) != 1:
		return nil, errors.New("a batch cannot be an example: give one event")
	case all[0].Invalid != nil:
		return &all[0], all[0].Invalid
	}
	return &all[0], nil
}
