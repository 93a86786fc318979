// SPDX-License-Identifier: Apache-2.0

package route

import (
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// value decodes a value of a conf.
func (d *decoder) value(node *yaml.Node) Value {
	v := Value{Text: Text{Position: d.position(node)}}
	if d.depth++; d.depth > maxDepth {
		d.fault(v.Position, fmt.Sprintf("the conf is nested over %d levels", maxDepth), "nest it less")
		d.left = 1
	}
	defer func() { d.depth-- }()
	switch {
	case d.left <= 1:
	case isText(node):
		v.Kind, v.Text = Template, d.textOf(node)
	case node.Kind == yaml.SequenceNode:
		v.Kind, v.Members = List, make([]Value, 0, len(node.Content))
		for _, item := range node.Content {
			if item, ok := d.follow(item); ok {
				v.Members = append(v.Members, d.value(item))
			}
		}
	case node.Kind == yaml.MappingNode:
		v.Kind, v.Members, v.Names = Map, make([]Value, 0, len(node.Content)/2), make([]Text, 0, len(node.Content)/2)
		d.members(node, "conf", func(name Text, value *yaml.Node) {
			if value, ok := d.follow(value); ok {
				v.Names = append(v.Names, name)
				v.Members = append(v.Members, d.value(value))
			}
		})
	default:
		v.Kind, v.Value = Literal, d.literal(node)
	}
	return v
}

// literal writes a number, true, false or null as JSON. A number that JSON
// could write the same way keeps its text.
func (d *decoder) literal(node *yaml.Node) string {
	var value any
	tag := node.ShortTag()
	if (tag == "!!int" || tag == "!!float") && json.Valid([]byte(node.Value)) {
		return node.Value
	}
	if tag == "!!int" || tag == "!!float" || tag == "!!bool" || tag == "!!null" {
		if err := node.Decode(&value); err == nil {
			if text, err := json.Marshal(value); err == nil {
				return string(text)
			}
		}
	}
	d.fault(d.position(node), fmt.Sprintf("%s is not valid JSON", node.Value), "quote it, or write a number, true, false or null")
	return "null"
}
