// SPDX-License-Identifier: Apache-2.0

package document

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// Items reads the items of a list from its text, which begins on the given line of
// the file. The error is one of YAML's: its lines count from the list's first.
//
// It reads one item at a time. The nodes of a whole file weigh more than ten
// times its text, and would be most of the memory that loading takes.
func Items[T any](r *Reader, text []byte, line int, what, example string, read func(*Reader, *yaml.Node) T) ([]T, error) {
	single := Reader{File: r.File, Constants: r.Constants}
	if all, ok := oneByOne(&single, text, line, read); ok {
		r.Problems = append(r.Problems, single.Problems...)
		return all, nil
	}
	var list, rest yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(text))
	if err := documents.Decode(&list); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	shift(&list, line-1)
	if err := documents.Decode(&rest); err == nil {
		shift(&rest, line-1)
		r.Problem(At(&rest), secondDocument, oneDocument)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	var all []T
	r.List(list.Content[0], what, example, func(item *yaml.Node) { all = append(all, read(r, item)) })
	return all, nil
}

// shift moves a node down by lines.
func shift(node *yaml.Node, lines int) {
	node.Line += lines
	for _, child := range node.Content {
		shift(child, lines)
	}
}

// oneByOne decodes a list item by item, and reports whether that was possible: it
// is not where an item uses an anchor of another, or is not indented as the items
// of a block are, or where lines end in what only YAML takes for an end. A line
// of a quoted text or of a {…} may look like an item's first, but then the piece
// before it is not valid YAML.
func oneByOne[T any](r *Reader, text []byte, line int, read func(*Reader, *yaml.Node) T) ([]T, bool) {
	if HasOtherBreaks(text) {
		return nil, false
	}
	var all []T
	above := line - 1
	decode := func(item []byte) bool {
		var document yaml.Node
		if yaml.Unmarshal(item, &document) != nil || document.Kind == 0 {
			return false
		}
		list := document.Content[0]
		if list.Kind != yaml.SequenceNode || len(list.Content) != 1 {
			return false
		}
		shift(list, above)
		all = append(all, read(r, list.Content[0]))
		return true
	}
	indent, begin, at, number := -1, 0, 0, line-1
	for l := range bytes.Lines(text) {
		rest := bytes.TrimLeft(l, " ")
		in := len(l) - len(rest)
		rest = bytes.TrimRight(rest, "\r\n")
		switch {
		case len(rest) == 0 || rest[0] == '#' || indent >= 0 && in > indent:
		case !bytes.HasPrefix(append(rest[:len(rest):len(rest)], ' '), []byte("- ")), in < indent, indent >= 0 && !decode(text[begin:at]):
			return nil, false
		case indent < 0:
			indent = in // what is above the first item is read with it
			all = make([]T, 0, 1+bytes.Count(text[at:], append(append([]byte("\n"), l[:in]...), "- "...)))
		default:
			begin, above = at, number
		}
		at, number = at+len(l), number+1
	}
	return all, indent >= 0 && decode(text[begin:])
}

// HasOtherBreaks reports whether other characters than line feeds end a line, as
// in YAML 1.1: https://yaml.org/spec/1.1/#id871136
func HasOtherBreaks(text []byte) bool {
	return bytes.ContainsAny(text, "\u0085\u2028\u2029") || bytes.Count(text, []byte("\r")) != bytes.Count(text, []byte("\r\n"))
}
