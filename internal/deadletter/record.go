// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/plainjson"
)

// wire is a record's JSON. Its names are those of the answer and the log.
type wire struct {
	Reason       string          `json:"reason"`
	Route        string          `json:"route"`
	Environment  string          `json:"environment"`
	DAGID        string          `json:"dag_id"`
	RunID        string          `json:"dag_run_id"`
	Attempts     int             `json:"attempts"`
	Time         time.Time       `json:"time"`
	FirstTime    time.Time       `json:"first_time"`
	RoutesDigest string          `json:"routes_digest,omitempty"`
	Event        json.RawMessage `json:"event"`
}

// eventEnd is how the indented record ends: the event is its last member.
const eventEnd = "\n  }\n}\n"

// Encode writes the record as JSON, to be read by people as well: a member a
// line, and last the event in CloudEvents' JSON format, which any tool that
// takes structured CloudEvents can be given as it stands:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
//
// The data in it is what the event had, byte for byte.
func (r Record) Encode() ([]byte, error) {
	if r.Event.ID == "" || r.Event.Source == "" || r.Event.Type == "" {
		return nil, errors.New("writing the dead letter: the event lacks id, source or type")
	}
	var b bytes.Buffer
	b.Grow(len(r.Event.Data)*4/3 + 2048)
	err := plainjson.Indent(&b, wire{
		Reason: r.Reason, Route: r.Route, Environment: r.Environment, DAGID: r.DAGID, RunID: r.RunID,
		Attempts: r.Attempts, Time: r.Time.UTC(), FirstTime: r.FirstTime.UTC(), RoutesDigest: r.RoutesDigest,
		Event: r.Event.EncodeAttributes(),
	})
	if err != nil {
		return nil, fmt.Errorf("writing the dead letter: %w", err)
	}
	if len(r.Event.Data) == 0 {
		return b.Bytes(), nil
	}
	b.Truncate(b.Len() - len(eventEnd))
	b.WriteString(",\n    ")
	b.Write(r.Event.AppendData(b.AvailableBuffer())) // in place where it fits
	b.WriteString(eventEnd)
	return b.Bytes(), nil
}

// Decode reads what [Record.Encode] wrote. Members that it does not know are
// left out: a later version may have more. Data that cannot be used is in the
// record all the same: the event is refused when it is sent again.
func Decode(b []byte) (Record, error) {
	if !utf8.Valid(b) {
		return Record{}, errors.New("it is not UTF-8")
	}
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return Record{}, fmt.Errorf("it is not a JSON record: %w", withoutValue(err))
	}
	ce, err := event.DecodeJSON(w.Event)
	if err != nil {
		return Record{}, fmt.Errorf("reading its event: %w", err)
	}
	if w.Attempts < 1 || w.Time.IsZero() {
		return Record{}, errors.New("it lacks attempts or time")
	}
	return Record{
		Route: w.Route, Environment: w.Environment, DAGID: w.DAGID, RunID: w.RunID, Reason: w.Reason,
		Attempts: w.Attempts, Time: w.Time.UTC(), FirstTime: w.FirstTime.UTC(), RoutesDigest: w.RoutesDigest,
		Event: ce,
	}, nil
}

// withoutValue keeps what the parser repeats of its input out of the error.
func withoutValue(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("byte %d", syntax.Offset)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is of the wrong type", wrong.Field)
	}
	return errors.New("a member cannot be read")
}
