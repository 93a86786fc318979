// SPDX-License-Identifier: Apache-2.0

package event

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"example.com/dagtrigger/internal/jsonscan"
	"example.com/dagtrigger/internal/plainjson"
)

const (
	structuredType = "application/cloudevents+json"
	batchType      = "application/cloudevents-batch+json"
)

// maxBatch is the most events in a batch: each costs at least one request to
// Airflow, all within the one request that brought them.
const maxBatch = 1000

// DecodeJSON reads a CloudEvent in CloudEvents' JSON format:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
// The error is an [*Error].
func DecodeJSON(raw []byte) (CloudEvent, error) {
	var d decoder
	return d.structured(raw)
}

func (d *decoder) structured(raw []byte) (CloudEvent, error) {
	var m members
	raw = withoutMark(raw)
	err := d.walk(raw, maxDepth+1, m.visit)
	if errors.Is(err, jsonscan.ErrInvalid) || !isObject(raw) {
		return CloudEvent{}, noEvent("the event is not a CloudEvent in JSON: send a JSON object in UTF-8, with id, source and type")
	}
	return d.cloudEvent(&m, errors.Is(err, jsonscan.ErrTooDeep))
}

// members are those of a JSON object that is a CloudEvent.
type members struct {
	attributes
	data, base64 []byte
}

func (m *members) visit(name, value []byte) {
	switch string(name) {
	case "data":
		m.data = value
	case "data_base64":
		m.base64 = value
	default:
		switch value[0] {
		case 'n': // null is absent
		case '"':
			m.set(string(name), jsonscan.Text(value))
		case '{', '[':
			m.drop(string(name), "an attribute is text, a number or a boolean: send what has parts as data")
		default:
			m.set(string(name), string(value))
		}
	}
}

// cloudEvent is the CloudEvent that the members make.
func (d *decoder) cloudEvent(m *members, deep bool) (CloudEvent, error) {
	ce, ok := m.event()
	if !ok {
		return ce, lacks(m.missing())
	}
	var bad *DataError
	ce.Data, bad = d.payload(m)
	switch {
	case ce.invalid != nil:
	case bad != nil:
		ce.invalid = bad
	case deep:
		ce.invalid = tooDeep()
	}
	ce.checked = m.data != nil && plainjson.IsMediaType(ce.ContentType) && ce.invalid == nil && m.coding != "base64"
	return ce, nil
}

// payload is the data of a CloudEvent in JSON, byte for byte.
func (d *decoder) payload(m *members) ([]byte, *DataError) {
	encoded := m.base64
	switch {
	case isNull(encoded) && m.coding == "base64" && jsonscan.First(m.data) == '"': // CloudEvents 0.3
		encoded = m.data
	case !isNull(encoded) && m.data != nil:
		return nil, badData("the CloudEvent has both data and data_base64: send one")
	}
	switch {
	case !isNull(encoded):
		decoded, ok := d.decodeBase64(encoded)
		if !ok {
			return nil, badData("the CloudEvent's data_base64 is not valid base64: send RFC 4648 base64, padded")
		}
		return decoded, nil
	case m.data != nil && m.data[0] == '"' && !plainjson.IsMediaType(m.ce.ContentType):
		return jsonscan.Unquote(m.data), nil
	}
	return m.data, nil
}

// lacks is the error for a CloudEvent without an identity.
func lacks(attributes string) *Error {
	return noEvent("the CloudEvent lacks %s: send a CloudEvent of version 1.0, with id, source and type", attributes)
}

// isTextual reports whether data of a content type is meant to be text. What
// names none may be anything.
func isTextual(contentType string) bool {
	name := mediaType(contentType)
	if _, charset, err := mime.ParseMediaType(contentType); err == nil && charset["charset"] != "" {
		return true
	}
	switch name {
	case formURLEncoded, "application/xml", "application/yaml", "application/x-yaml", "application/toml", "application/sql",
		"application/javascript", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines",
		"application/x-jsonlines", "application/csv", "application/graphql", "application/jwt", "application/x-sh",
		"application/json-seq":
		return true
	}
	return plainjson.IsMediaType(contentType) || strings.HasPrefix(name, "text/") || strings.HasSuffix(name,
		"+xml") || strings.HasSuffix(name, "+yaml")
}

// mediaType is contentType without its parameters, in lower case.
func mediaType(contentType string) string {
	name, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(name))
}

// batch reads a JSON array of CloudEvents. Those that have an identity are
// returned beside the error that says what the others lack.
func (d *decoder) batch(raw []byte) ([]Event, error) {
	var elements [][]byte
	count := 0
	err := d.walk(raw, maxDepth+2, func(_, value []byte) {
		if count++; count <= maxBatch {
			elements = append(elements, value)
		}
	})
	if errors.Is(err, jsonscan.ErrInvalid) || jsonscan.First(raw) != '[' {
		return nil, noEvent("the body is not a batch of CloudEvents: send a JSON array in UTF-8")
	}
	if count > maxBatch {
		return nil, &Error{
			Status: http.StatusRequestEntityTooLarge,
			Reason: fmt.Sprintf("the batch is over the limit of %d events: send smaller batches", maxBatch),
		}
	}
	events := make([]Event, 0, len(elements))
	var refused error
	for i, element := range elements {
		ce, err := d.structured(element)
		if err == nil {
			events = append(events, d.event(ce))
		} else if refused == nil {
			refused = noEvent("event %d of the batch: %v", i+1, err)
		}
	}
	return events, refused
}
