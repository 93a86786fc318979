// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	cloudevents "github.com/cloudevents/sdk-go/v2"

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
// JSON data stands as the bytes that it came as, never formatted anew. Data
// that some reader would change, such as JSON with a line end behind it, stands
// as data_base64.
func (r Record) Encode() ([]byte, error) {
	attributes, err := encodeAttributes(r.Event)
	if err != nil {
		return nil, fmt.Errorf("writing the event's attributes: %w", err)
	}
	var b bytes.Buffer
	b.Grow(len(r.Event.Data())*4/3 + 2048)
	err = plainjson.Indent(&b, wire{
		Reason: r.Reason, Route: r.Route, Environment: r.Environment, DAGID: r.DAGID, RunID: r.RunID,
		Attempts: r.Attempts, Time: r.Time.UTC(), FirstTime: r.FirstTime.UTC(), RoutesDigest: r.RoutesDigest,
		Event: attributes,
	})
	if err != nil {
		return nil, fmt.Errorf("writing the dead letter: %w", err)
	}
	data := r.Event.Data()
	if len(data) == 0 {
		return b.Bytes(), nil
	}
	b.Truncate(b.Len() - len(eventEnd))
	writeData(&b, r.Event.DataContentType(), data)
	b.WriteString(eventEnd)
	return b.Bytes(), nil
}

// encodeAttributes is the event in JSON without its data.
func encodeAttributes(e cloudevents.Event) ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	attributes := e.Context.AsV1()
	if _, taken := attributes.Extensions["data"]; taken {
		return nil, errors.New("an extension attribute is named data, which CloudEvents forbids")
	}
	b, err := cloudevents.Event{Context: attributes}.MarshalJSON()
	return bytes.ToValidUTF8(b, []byte("\uFFFD")), err
}

// writeData leaves no blank before the data, which the SDK's reader would take
// for a part of it.
func writeData(b *bytes.Buffer, contentType string, data []byte) {
	switch {
	case isPlainJSON(contentType) && standsAlone(data):
		b.WriteString(",\n    \"data\":")
		b.Write(data)
	case !plainjson.IsMediaType(contentType) && utf8.Valid(data):
		b.WriteString(",\n    \"data\":")
		writeValue(b, string(data))
	default:
		b.WriteString(",\n    \"data_base64\":")
		writeValue(b, data)
	}
}

// writeValue writes a text, or bytes in base64: neither can fail.
func writeValue(b *bytes.Buffer, v any) {
	_ = plainjson.Write(b, v)
}

// standsAlone reports whether data, put into JSON, can be cut out of it again
// byte for byte.
func standsAlone(data []byte) bool {
	const blanks = " \t\r\n"
	return utf8.Valid(data) && json.Valid(data) && len(bytes.Trim(data, blanks)) == len(data)
}

// isPlainJSON holds for the media types that every reader takes for JSON. The
// Go SDK takes the others, such as application/geo+json, for text.
func isPlainJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return media == "" || media == "application/json" || media == "text/json"
}

// Decode reads what [Record.Encode] wrote. Members that it does not know are
// left out: a later version may have more.
func Decode(b []byte) (Record, error) {
	if !utf8.Valid(b) {
		return Record{}, errors.New("it is no UTF-8")
	}
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return Record{}, fmt.Errorf("it is no JSON record: %w", withoutValue(err))
	}
	event, err := decodeEvent(w.Event)
	if err != nil {
		return Record{}, fmt.Errorf("its event: %w", err)
	}
	if w.Attempts < 1 || w.Time.IsZero() {
		return Record{}, errors.New("it lacks attempts or time")
	}
	return Record{
		Route: w.Route, Environment: w.Environment, DAGID: w.DAGID, RunID: w.RunID, Reason: w.Reason,
		Attempts: w.Attempts, Time: w.Time.UTC(), FirstTime: w.FirstTime.UTC(), RoutesDigest: w.RoutesDigest,
		Event: event,
	}, nil
}

// decodeEvent reads a structured event. Its data is cut out here, and only the
// attributes are left to the SDK, whose reader formats some data anew.
func decodeEvent(b []byte) (cloudevents.Event, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return cloudevents.Event{}, fmt.Errorf("it is no JSON object: %w", withoutValue(err))
	}
	data, hasData := members["data"]
	inBase64, hasBase64 := members["data_base64"]
	if hasData && hasBase64 {
		return cloudevents.Event{}, errors.New("it has both data and data_base64")
	}
	delete(members, "data")
	delete(members, "data_base64")
	attributes, err := json.Marshal(members)
	if err != nil {
		return cloudevents.Event{}, errors.New("its attributes cannot be read")
	}
	var e cloudevents.Event
	if err := e.UnmarshalJSON(attributes); err != nil {
		return cloudevents.Event{}, fmt.Errorf("reading its attributes: %w", err)
	}
	if err := e.Validate(); err != nil {
		return cloudevents.Event{}, fmt.Errorf("checking its attributes: %w", err)
	}
	e.DataEncoded, err = decodeData(data, inBase64, e.DataContentType())
	e.DataBase64 = hasBase64
	return e, err
}

func decodeData(data, inBase64 json.RawMessage, contentType string) ([]byte, error) {
	var text string
	switch {
	case inBase64 != nil:
		var decoded []byte
		if json.Unmarshal(inBase64, &decoded) != nil {
			return nil, errors.New("its data_base64 is no base64 text")
		}
		return decoded, nil
	case data == nil || plainjson.IsMediaType(contentType):
		return data, nil
	case json.Unmarshal(data, &text) != nil:
		return nil, fmt.Errorf("its data is no text, as %.100q asks for", contentType)
	default:
		return []byte(text), nil
	}
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
