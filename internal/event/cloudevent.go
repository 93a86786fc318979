// SPDX-License-Identifier: Apache-2.0

package event

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	sdk "github.com/cloudevents/sdk-go/v2/event"

	"example.com/dagtrigger/internal/plainjson"
)

// maxAttributes is the most attributes that a CloudEvent in JSON or a message
// may have, so that a hostile body cannot make a map much larger than itself.
// Pub/Sub allows 100 (https://cloud.google.com/pubsub/quotas).
const maxAttributes = 1000

// maxAttribute is the most bytes of an attribute that says which event it is.
// CloudEvents promises a way for 64 KiB in the whole event
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#size-limits).
const maxAttribute = 64 << 10

// maxBatch is the most events in a batch: each costs at least one request to
// Airflow, all within the one request that brought them.
const maxBatch = 1000

// formURLEncoded is the content type that Pub/Sub gives an unwrapped push
// whose message names none. It says nothing about the data.
const formURLEncoded = "application/x-www-form-urlencoded"

func fromBinary(header http.Header, body []byte) (cloudevents.Event, error) {
	contentType := header.Get("Content-Type")
	if header.Get("X-Goog-Pubsub-Message-Id") != "" && mediaType(contentType) == formURLEncoded {
		contentType = ""
	}
	return decode(header, contentType, body)
}

// decode makes the CloudEvent whose attributes header holds under the names of
// the HTTP binding, and whose data is data. All envelopes end here.
func decode(header http.Header, contentType string, data []byte) (cloudevents.Event, error) {
	if header.Get("Ce-Specversion") != cloudevents.VersionV1 {
		return cloudevents.Event{}, noEvent("the CloudEvent's specversion is missing or not 1.0: send a CloudEvent of version 1.0")
	}
	if header["Ce-"] != nil || header["Ce-Data"] != nil { // the SDK panics on the one, and mixes the other up with the data
		return cloudevents.Event{}, noEvent("a CloudEvents attribute has no name, or the name data: give it another, or leave it out")
	}
	for _, name := range []string{"Ce-Id", "Ce-Source", "Ce-Type", "Ce-Subject", "Ce-Dataschema"} {
		// What is no UTF-8 would be another in JSON.
		if value := header[name]; len(value) > 0 && (len(value[0]) > maxAttribute || !utf8.ValidString(value[0])) {
			return cloudevents.Event{}, noEvent("the CloudEvent's id, source, type, subject or dataschema is no UTF-8 or over %d bytes: "+
				"send short attributes, in UTF-8", maxAttribute)
		}
	}
	ce, err := cloudevents.NewEventFromHTTPRequest(&http.Request{Header: header})
	if err != nil { // it may quote a value of the body
		return cloudevents.Event{}, noEvent("an attribute of the CloudEvent cannot be read: id and type must not be blank, " +
			"source must be a URI reference, time RFC 3339, the name of an extension lower-case letters and digits")
	}
	if contentType = strings.ToValidUTF8(contentType, "\uFFFD"); contentType != ce.DataContentType() {
		ce.SetDataContentType(contentType)
	}
	for name, value := range ce.Context.(*cloudevents.EventContextV1).Extensions {
		if text, ok := value.(string); ok && !utf8.ValidString(text) {
			ce.SetExtension(name, strings.ToValidUTF8(text, "\uFFFD"))
		}
	}
	if invalid, ok := errors.AsType[sdk.ValidationError](ce.Validate()); ok {
		return cloudevents.Event{}, noEvent("the CloudEvent's %s: missing or not valid: send a CloudEvent of version 1.0, with id, source and type",
			strings.Join(slices.Sorted(maps.Keys(invalid)), ", "))
	}
	if len(data) > 0 {
		ce.DataEncoded = data
	}
	return *ce, nil
}

// fromStructured makes the CloudEvent that raw is in CloudEvents' JSON format
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md)
// by turning it into binary mode. The SDK's own reader panics on some values of
// data_base64, ends at a member without a name, builds whatever an extension
// nests, and takes data of a +json type for text.
func fromStructured(raw []byte) (cloudevents.Event, error) {
	header := make(http.Header, 8)
	var data, base64, contentType []byte
	scalars := true
	err := walk(raw, maxDepth+envelopeDepth, func(name, value []byte) {
		switch string(name) {
		case "data":
			data = value
		case "data_base64":
			base64 = value
		case "datacontenttype":
			contentType = value
		default:
			scalars = scalars && value[0] != '{' && value[0] != '[' && len(header) < maxAttributes
			if scalars {
				setAttribute(header, string(name), value)
			}
		}
	})
	if err != nil || !isObject(raw) {
		return cloudevents.Event{}, explain(err, noEvent("the body is no CloudEvent in JSON, as its Content-Type says: send a JSON object in UTF-8"))
	}
	if !scalars {
		return cloudevents.Event{}, noEvent("a CloudEvents attribute is an object or an array, or there are over %d: "+
			"send attributes that are text, numbers or booleans, and what has parts as data", maxAttributes)
	}
	payload, bad := payloadOf(data, base64, text(contentType))
	ce, err := decode(header, text(contentType), payload)
	if err == nil && bad != nil {
		// The event has an identity, so that New tells of it.
		ce.FieldErrors = map[string]error{"data": bad}
	}
	return ce, err
}

func setAttribute(header http.Header, name string, value []byte) {
	switch value[0] {
	case 'n': // null is absent
	case '"':
		header.Set("Ce-"+name, text(value))
	default:
		header.Set("Ce-"+name, string(value))
	}
}

// payloadOf tells what the data of a CloudEvent in JSON is, byte for byte.
func payloadOf(data, base64 []byte, contentType string) ([]byte, error) {
	switch {
	case base64 != nil && data != nil:
		return nil, badData("the CloudEvent has both data and data_base64: send one")
	case base64 != nil:
		decoded, ok := decodeBase64(base64)
		if !ok {
			return nil, badData("the CloudEvent's data_base64 is no base64: send RFC 4648 base64, padded")
		}
		return decoded, nil
	case data != nil && data[0] == '"' && !plainjson.IsMediaType(contentType):
		return unquote(data), nil
	}
	return data, nil
}

func fromBatch(raw []byte) ([]cloudevents.Event, error) {
	var elements [][]byte
	count := 0
	err := walk(raw, maxDepth+envelopeDepth, func(_, value []byte) {
		if count++; count <= maxBatch {
			elements = append(elements, value)
		}
	})
	if err != nil || first(raw) != '[' {
		return nil, explain(err, noEvent("the body is no batch of CloudEvents, as its Content-Type says: send a JSON array in UTF-8"))
	}
	if count > maxBatch {
		return nil, &Error{
			Status: http.StatusRequestEntityTooLarge,
			Reason: fmt.Sprintf("the batch is over the limit of %d events: send smaller batches", maxBatch),
		}
	}
	events := make([]cloudevents.Event, len(elements))
	for i, element := range elements {
		if events[i], err = fromStructured(element); err != nil {
			return nil, noEvent("event %d of the batch: %v", i+1, err)
		}
	}
	return events, nil
}
