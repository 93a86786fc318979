// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/dagtrigger/internal/plainjson"
)

// EncodeJSON writes ce in CloudEvents' JSON format, such that [DecodeJSON] reads
// all of it again, the data byte for byte, and so does any other reader:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
func (ce CloudEvent) EncodeJSON() []byte {
	b := ce.EncodeAttributes()
	data := ce.AppendData(nil)
	if data == nil {
		return b
	}
	return slices.Concat(b[:len(b)-1], []byte(","), data, []byte("}"))
}

// EncodeAttributes is the JSON object of EncodeJSON without its data.
func (ce CloudEvent) EncodeAttributes() []byte {
	var b bytes.Buffer
	b.WriteString(`{"specversion":"1.0"`)
	for _, a := range ce.Attributes() {
		b.WriteByte(',')
		b.WriteString(stableEscapes.Replace(string(encode(a.Name))))
		b.WriteByte(':')
		b.WriteString(stableEscapes.Replace(string(encode(a.Value))))
	}
	b.WriteByte('}')
	return b.Bytes()
}

// stableEscapes keeps the bytes of attributes in dead letters as the first
// versions wrote them. The first pair passes over escaped backslashes.
var stableEscapes = strings.NewReplacer(
	`\\`, `\\`, `\b`, `\u0008`, `\f`, `\u000c`, `\u2028`, "\u2028", `\u2029`, "\u2029",
)

// Attribute is an attribute of a CloudEvent as text.
type Attribute struct{ Name, Value string }

// Attributes are those that ce has, but for the version, in the order in which
// they are written.
func (ce CloudEvent) Attributes() []Attribute {
	list := []Attribute{{"id", ce.ID}, {"source", ce.Source}, {"type", ce.Type}}
	at := ""
	if !ce.Time.IsZero() {
		at = ce.Time.UTC().Format(time.RFC3339Nano)
	}
	for _, a := range []Attribute{
		{"subject", ce.Subject}, {"datacontenttype", ce.ContentType}, {"dataschema", ce.DataSchema}, {"time", at},
	} {
		if a.Value != "" {
			list = append(list, a)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ce.Extensions)) {
		list = append(list, Attribute{name, ce.Extensions[name]})
	}
	return list
}

// AppendData appends the member that holds the data, nothing where there is none.
// JSON data is written as the bytes that it came as, never formatted again. Data
// that some reader would change, such as JSON with a line end behind it, is
// written as data_base64. No blank is before the data, which some readers take
// for a part of it.
func (ce CloudEvent) AppendData(b []byte) []byte {
	switch {
	case len(ce.Data) == 0:
		return b
	case isPlainJSON(ce.ContentType) && isExact(ce.Data):
		return append(append(b, `"data":`...), ce.Data...)
	case !plainjson.IsMediaType(ce.ContentType) && utf8.Valid(ce.Data):
		return append(append(b, `"data":`...), encode(string(ce.Data))...)
	}
	return append(append(b, `"data_base64":`...), encode(ce.Data)...)
}

// isExact reports whether data, put into JSON, can be cut out of it again byte
// for byte.
func isExact(data []byte) bool {
	const blanks = " \t\r\n"
	return utf8.Valid(data) && json.Valid(data) && len(bytes.Trim(data, blanks)) == len(data)
}

// isPlainJSON reports whether every reader takes a media type for JSON. The Go
// SDK takes the others, such as application/geo+json, for text.
func isPlainJSON(contentType string) bool {
	media, _, _ := bytes.Cut([]byte(contentType), []byte(";"))
	return len(media) == 0 || string(media) == "application/json" || string(media) == "text/json"
}
