// SPDX-License-Identifier: Apache-2.0

package document

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/plainjson"
)

// The bounds of what [Reader.JSON] reads. A few lines of YAML with aliases can
// mean billions of values, or themselves; and Airflow's own parser of JSON gives
// up at about 1,000 levels.
const (
	maxValues = 10_000
	maxDepth  = 200
)

// JSON returns a value of any type as JSON: members in their order, numbers in
// their own digits, dates as text. It is nil after a problem.
func (r *Reader) JSON(node *yaml.Node) []byte {
	w := jsonWriter{Reader: r, left: maxValues}
	before := len(r.Faults)
	w.write(node, 0)
	if len(r.Faults) > before {
		return nil
	}
	return w.Bytes()
}

type jsonWriter struct {
	*Reader
	bytes.Buffer
	left int
}

func (w *jsonWriter) write(node *yaml.Node, depth int) {
	node = Resolve(node)
	if w.left--; w.left < 0 || depth > maxDepth {
		if w.left > -maxValues { // once
			w.Fault(At(node), fmt.Sprintf("this has over %d values, or %d levels", maxValues, maxDepth), "use fewer aliases, or a separate file")
		}
		w.left = -maxValues
		return
	}
	switch node.Kind {
	case yaml.SequenceNode:
		w.WriteByte('[')
		for i, item := range node.Content {
			w.separate(i)
			w.write(item, depth+1)
		}
		w.WriteByte(']')
	case yaml.MappingNode:
		w.WriteByte('{')
		i := 0
		w.Members(node, "this", func(name, value *yaml.Node) {
			w.separate(i)
			w.text(name.Value)
			w.WriteByte(':')
			w.write(value, depth+1)
			i++
		})
		w.WriteByte('}')
	default:
		w.scalar(node)
	}
}

func (w *jsonWriter) separate(i int) {
	if i > 0 {
		w.WriteByte(',')
	}
}

// scalar writes a text, a number, true, false or null. What JSON could write the
// same way keeps its text.
func (w *jsonWriter) scalar(node *yaml.Node) {
	if IsText(node) {
		w.text(node.Value)
		return
	}
	tag := node.ShortTag()
	if known := tag == "!!int" || tag == "!!float" || tag == "!!bool" || tag == "!!null"; known {
		if json.Valid([]byte(node.Value)) {
			w.WriteString(node.Value)
			return
		}
		var value any
		if err := node.Decode(&value); err == nil {
			if text, err := json.Marshal(value); err == nil {
				w.Write(text)
				return
			}
		}
	}
	w.Fault(At(node), node.Value+" is not valid JSON", "quote it, or write a number, true, false or null")
}

func (w *jsonWriter) text(s string) {
	_ = plainjson.Write(&w.Buffer, s) // of text, into memory: never fails
}
