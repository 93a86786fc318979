// SPDX-License-Identifier: Apache-2.0

package document

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/plainjson"
)

// Value is a value of any type.
type Value struct {
	Kind Kind
	// Text is that of a [String], and of a [Literal] the JSON. Lists and maps have
	// but its Position.
	Text
	Members []Value // of [List] and [Object]
	Names   []Text  // of [Object], for each of the members
}

// Kind is the kind of a [Value].
type Kind byte

// The kinds of values. Nothing is the zero Value: it was left out.
const (
	Nothing Kind = iota
	String
	Literal // a number, true, false or null
	List
	Object
)

// Takes implements [Field].
func (*Value) Takes() string { return "anything" }

// Schema implements [Field].
func (*Value) Schema(Entry) *Schema { return &Schema{} }

// Read implements [Field].
func (v *Value) Read(r *Reader, e Entry, node *yaml.Node) { *v = r.Value(e.Name, node) }

// Value reads a value of any type. What names it in errors.
func (r *Reader) Value(what string, node *yaml.Node) (v Value) {
	r.Bounded(what, func() { v = r.value(what, Resolve(node)) })
	return v
}

func (r *Reader) value(what string, node *yaml.Node) Value {
	v := Value{Text: Text{Position: At(node)}}
	if r.depth++; r.depth > maxDepth {
		r.Problem(v.Position, fmt.Sprintf("%s is nested over %d levels", what, maxDepth), "nest it less")
		r.left = 1
	}
	defer func() { r.depth-- }()
	switch {
	case r.left <= 1:
	case IsText(node):
		v.Kind, v.Text = String, TextOf(node)
	case node.Kind == yaml.SequenceNode:
		v.Kind, v.Members = List, make([]Value, 0, len(node.Content))
		for _, item := range node.Content {
			if item, ok := r.Follow(item); ok {
				v.Members = append(v.Members, r.value(what, item))
			}
		}
	case node.Kind == yaml.MappingNode:
		v.Kind, v.Members, v.Names = Object, make([]Value, 0, len(node.Content)/2), make([]Text, 0, len(node.Content)/2)
		r.Members(node, what, func(name, value *yaml.Node) {
			if value, ok := r.Follow(value); ok {
				v.Names = append(v.Names, TextOf(name))
				v.Members = append(v.Members, r.value(what, value))
			}
		})
	default:
		v.Kind, v.Value = Literal, r.literal(node)
	}
	return v
}

// literal writes a number, true, false or null as JSON. What JSON could write the
// same way keeps its text.
func (r *Reader) literal(node *yaml.Node) string {
	switch node.ShortTag() {
	case "!!int", "!!float", "!!bool", "!!null":
		if json.Valid([]byte(node.Value)) {
			return node.Value
		}
		var value any
		if err := node.Decode(&value); err == nil {
			if text, err := json.Marshal(value); err == nil {
				return string(text)
			}
		}
	}
	r.Problem(At(node), node.Value+" is not valid JSON", "quote it, or write a number, true, false or null")
	return "null"
}

// JSON returns a value of any type as JSON: members in their order, numbers in
// their own digits, dates as text. It is nil after an error.
func (r *Reader) JSON(node *yaml.Node) []byte {
	before := len(r.Problems)
	v := r.Value("this", node)
	if len(r.Problems) > before {
		return nil
	}
	return v.JSON()
}

// JSON is the value as JSON.
func (v Value) JSON() []byte {
	var b bytes.Buffer
	v.write(&b)
	return b.Bytes()
}

func (v *Value) write(b *bytes.Buffer) {
	switch v.Kind {
	case Nothing:
		b.WriteString("null")
	case String:
		_ = plainjson.Write(b, v.Value) // of text, into memory: never fails
	case Literal:
		b.WriteString(v.Value)
	case List, Object:
		v.writeMembers(b)
	}
}

func (v *Value) writeMembers(b *bytes.Buffer) {
	ends := "[]"
	if v.Kind == Object {
		ends = "{}"
	}
	b.WriteByte(ends[0])
	for i := range v.Members {
		if i > 0 {
			b.WriteByte(',')
		}
		if v.Kind == Object {
			_ = plainjson.Write(b, v.Names[i].Value) // of text, into memory: never fails
			b.WriteByte(':')
		}
		v.Members[i].write(b)
	}
	b.WriteByte(ends[1])
}
