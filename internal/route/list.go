// SPDX-License-Identifier: Apache-2.0

package route

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// DecodeList reads the routes of a file from the text of their list, which
// begins on the given line of the file, and reports all that is wrong with them.
// The error is one of YAML's: its lines count from the list's first.
//
// It reads one item at a time. The nodes of a whole file weigh more than ten
// times its text, and would be most of the memory that loading takes.
func DecodeList(text []byte, line int) ([]Spec, []Fault, error) {
	if specs, faults, ok := decodeItems(text, line); ok {
		return specs, faults, nil
	}
	var list, rest yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(text))
	if err := documents.Decode(&list); errors.Is(err, io.EOF) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	d := &decoder{above: int32(line - 1)}
	if err := documents.Decode(&rest); err == nil {
		d.fault(d.position(&rest), "a second document begins here", "join the two into one")
	} else if !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	node := list.Content[0]
	if node.Kind != yaml.SequenceNode {
		d.fault(d.position(node), "routes is a list, and this is "+described(node), "write each route as an item that begins with -")
		return nil, d.faults, nil
	}
	var specs []Spec
	for _, item := range node.Content {
		specs = append(specs, d.route(item))
	}
	return specs, d.faults, nil
}

// decodeItems decodes a list item by item, and reports whether that was possible:
// it is not where an item uses an anchor of another, or is not indented as the
// items of a block are, or where lines end in what only YAML takes for an end. A line of a quoted text or of a {…} may look like an
// item's first, but then the piece before it is not valid YAML.
func decodeItems(text []byte, line int) ([]Spec, []Fault, bool) {
	if bytes.ContainsAny(text, "\u0085\u2028\u2029") || bytes.Count(text, []byte("\r")) != bytes.Count(text, []byte("\r\n")) {
		return nil, nil, false
	}
	d := &decoder{above: int32(line - 1)}
	var specs []Spec
	decode := func(item []byte) bool {
		var document yaml.Node
		if yaml.Unmarshal(item, &document) != nil || document.Kind == 0 {
			return false
		}
		list := document.Content[0]
		if list.Kind != yaml.SequenceNode || len(list.Content) != 1 {
			return false
		}
		specs = append(specs, d.route(list.Content[0]))
		return true
	}
	indent, begin, at, number := -1, 0, 0, int32(line-1)
	for l := range bytes.Lines(text) {
		rest := bytes.TrimLeft(l, " ")
		in := len(l) - len(rest)
		rest = bytes.TrimRight(rest, "\r\n")
		switch {
		case len(rest) == 0 || rest[0] == '#' || indent >= 0 && in > indent:
		case !bytes.HasPrefix(append(rest[:len(rest):len(rest)], ' '), []byte("- ")), in < indent, indent >= 0 && !decode(text[begin:at]):
			return nil, nil, false
		case indent < 0:
			indent = in // what is above the first item is read with it
			specs = make([]Spec, 0, 1+bytes.Count(text[at:], append(append([]byte("\n"), l[:in]...), "- "...)))
		default:
			begin, d.above = at, number
		}
		at, number = at+len(l), number+1
	}
	return specs, d.faults, indent >= 0 && decode(text[begin:])
}
