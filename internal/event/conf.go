// SPDX-License-Identifier: Apache-2.0

package event

import (
	"unicode/utf8"

	"example.com/dagtrigger/internal/jsonscan"
	"example.com/dagtrigger/internal/plainjson"
)

// JSON is what e carries, where that is JSON, else nil: the object resource of
// a Storage change, the data of a message, a Firestore document's change, or data
// of a JSON content type or of none. JSON is UTF-8. It must not be changed.
func (e *Event) JSON() []byte {
	switch {
	case e.read:
		return e.json
	case e.Object != nil:
		return e.Object.Resource
	case e.IsMessage():
		return e.Message.JSON()
	case !plainjson.IsMediaType(e.ContentType) || jsonscan.Walk(e.Data, maxDepth, nil) != nil:
		return nil
	}
	return e.Data
}

// IsMessage reports whether e is a Pub/Sub message, and not what one carried.
func (e *Event) IsMessage() bool {
	return e.Message != nil && e.Object == nil && (e.Type == messagePublished || e.Type == "")
}

// IsText reports whether e's data is text: its bytes are, and it is not declared
// as anything else.
func (e *Event) IsText() bool {
	if e.IsMessage() {
		return e.Message.IsText()
	}
	return utf8.Valid(e.Data) && (e.ContentType == "" || isTextual(e.ContentType))
}

// Conf is the conf of a run where a route has no mapping: always a JSON object.
// Where e carries one it is that, byte for byte, as Google's samples passed it.
//
// Data that is not an object becomes {"data": value}, with a JSON value, else with
// text, or {"data_base64": …} where it is not UTF-8 or its content type is none of
// text; no data becomes {}. A message's data that is not an object is always text
// or bytes, and its attributes are beside it. The conf must not be changed.
func (e *Event) Conf() []byte {
	value := e.JSON()
	switch {
	case isObject(value):
		return value
	case e.IsMessage():
		return e.Message.conf()
	case value != nil:
		return append(append([]byte(`{"data":`), value...), '}')
	case len(e.Data) == 0:
		return []byte(`{}`)
	case e.IsText():
		return encode(map[string]string{"data": string(e.Data)})
	}
	return encode(map[string][]byte{"data_base64": e.Data})
}

func (m *Message) conf() []byte {
	attributes := m.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	if !m.IsText() {
		return encode(struct {
			Data       []byte            `json:"data_base64"`
			Attributes map[string]string `json:"attributes"`
		}{m.Data, attributes})
	}
	return encode(struct {
		Data       string            `json:"data"`
		Attributes map[string]string `json:"attributes"`
	}{string(m.Data), attributes})
}
