// SPDX-License-Identifier: Apache-2.0

package document

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The fields of Go's own types, which keep no place.
type (
	plainText  string
	plainBool  bool
	plainCount int64
	plainSpan  time.Duration
	plainMap   map[string]string
)

func (*plainText) Takes() string          { return "text" }
func (*plainText) Schema(e Entry) *Schema { return textSchema(e) }

func (t *plainText) Read(r *Reader, e Entry, node *yaml.Node) {
	var text Text
	text.Read(r, e, node)
	*t = plainText(text.Value)
}

func (*plainBool) Takes() string        { return "true or false" }
func (*plainBool) Schema(Entry) *Schema { return &Schema{Type: "boolean"} }

func (b *plainBool) Read(r *Reader, e Entry, node *yaml.Node) {
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" || node.Decode((*bool)(b)) != nil {
		fix := "write it as " + e.Example
		switch strings.ToLower(node.Value) {
		case "yes", "y", "on", "true", "1":
			fix = "write " + e.Name + ": true"
		case "no", "n", "off", "false", "0":
			fix = "write " + e.Name + ": false"
		}
		r.Wrong(e, node, fix)
	}
}

func (*plainCount) Takes() string        { return "a whole number" }
func (*plainCount) Schema(Entry) *Schema { return &Schema{Type: "integer"} }

func (c *plainCount) Read(r *Reader, e Entry, node *yaml.Node) {
	if n, ok := r.wholeNumber(e, node, 0); ok {
		*c = plainCount(n)
	}
}

func (*plainSpan) Takes() string          { return "a duration such as 90s or 2d" }
func (*plainSpan) Schema(e Entry) *Schema { return (*Span)(nil).Schema(e) }

func (d *plainSpan) Read(r *Reader, e Entry, node *yaml.Node) {
	var span Span
	span.Read(r, e, node)
	*d = plainSpan(span.Value)
}

func (*plainMap) Takes() string { return "a map of text" }

func (*plainMap) Schema(e Entry) *Schema {
	return &Schema{Type: "object", AdditionalProperties: textSchema(e)}
}

func (m *plainMap) Read(r *Reader, e Entry, node *yaml.Node) {
	*m = map[string]string{}
	r.Members(node, e.Name, func(name, value *yaml.Node) {
		value, ok := r.Follow(value)
		if !ok {
			return
		}
		member := e
		member.Name += "." + name.Value
		member.Takes = "text"
		var text Text
		text.Read(r, member, value)
		(*m)[name.Value] = text.Value
	})
}
