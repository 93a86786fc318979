// SPDX-License-Identifier: Apache-2.0

package event

import (
	"unicode/utf8"

	"example.com/dagtrigger/internal/plainjson"
)

// JSON is what e carries, where that is JSON, else nil: the object resource of
// a Storage change, the data of a message, or data of a JSON content type or of
// none. JSON is UTF-8. Nobody may change it.
func (e *Event) JSON() []byte {
	data := e.Data
	switch {
	case e.Object != nil:
		return e.Object.Resource
	case e.Message != nil:
		data = e.Message.Data
	case !plainjson.IsMediaType(e.ContentType):
		return nil
	}
	if walk(data, maxDepth, nil) != nil {
		return nil
	}
	return data
}

// Conf is the conf of a run where a route has no mapping: always a JSON object.
// Where e carries one it is that, byte for byte, as Google's samples passed it.
//
// Data that is no object becomes {"data": value}, with a JSON value, else with
// text, or {"data_base64": …} where it is no UTF-8 or its content type says
// bytes, as Firestore's application/protobuf does; no data becomes {}. A
// message's data that is no object is always text, and its attributes are
// beside it. Nobody may change the conf.
func (e *Event) Conf() []byte {
	value := e.JSON()
	switch {
	case isObject(value):
		return value
	case e.Message != nil:
		return e.Message.conf()
	case value != nil:
		return append(append([]byte(`{"data":`), value...), '}')
	case len(e.Data) == 0:
		return []byte(`{}`)
	case utf8.Valid(e.Data) && !isBytes(e.ContentType):
		return encode(map[string]string{"data": string(e.Data)})
	}
	return encode(map[string][]byte{"data_base64": e.Data})
}

// isBytes tells whether data of a content type is bytes even where all of them
// happen to be text: a DAG must not find its conf in another form for those.
func isBytes(contentType string) bool {
	switch mediaType(contentType) {
	case "application/protobuf", "application/x-protobuf", "application/octet-stream":
		return true
	}
	return false
}

func (m *Message) conf() []byte {
	attributes := m.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	if !utf8.Valid(m.Data) {
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
