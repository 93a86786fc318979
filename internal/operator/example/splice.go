// SPDX-License-Identifier: Apache-2.0

package example

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// edit is a key of a map whose value is another now.
type edit struct {
	key, value *yaml.Node
	after      *yaml.Node // the key that it follows, where it is new
	column     int        // of a new key
	flow       bool       // the map stands in braces
}

// splice makes the edits in the text itself, so that all else stays as it is. It
// reports false where a map is not written as a block.
func splice(file []byte, edits []edit) ([]byte, bool) {
	lines := strings.SplitAfter(string(file), "\n")
	if last := len(lines) - 1; lines[last] != "" {
		lines[last] += "\n"
	} else {
		lines = lines[:last]
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.line() - b.line() })
	for _, e := range slices.Backward(edits) { // those above keep their lines
		if e.flow {
			return nil, false
		}
		from, column := e.line()-1, e.column
		to := blockEnd(lines, from, e.anchor().Column-1)
		prefix := strings.Repeat(" ", max(column-1, 0))
		if e.after != nil {
			from = to
		} else {
			column = e.key.Column
			prefix = lines[from][:column-1] // it may hold the - of the list
		}
		block, ok := e.render(strings.Join(lines[from:to], ""), column-1)
		if !ok {
			return nil, false
		}
		lines = slices.Replace(lines, from, to, prefix+block)
	}
	return []byte(strings.Join(lines, "")), true
}

// anchor is the key at or after which the edit is made.
func (e edit) anchor() *yaml.Node {
	if e.after != nil {
		return e.after
	}
	return e.key
}

func (e edit) line() int { return e.anchor().Line }

// blockEnd is the line after the block that begins on line from (from 0) with a
// key that is indented by indent blanks.
func blockEnd(lines []string, from, indent int) int {
	end := from + 1
	for i := end; i < len(lines); i++ {
		rest := strings.TrimLeft(lines[i], " ")
		in := len(lines[i]) - len(rest)
		switch {
		case strings.TrimSpace(rest) == "":
		case in > indent, in == indent && (strings.HasPrefix(rest, "- ") || strings.TrimSpace(rest) == "-"):
			end = i + 1
		case !strings.HasPrefix(rest, "#"):
			return end
		}
	}
	return end
}

// render writes the key and its value, all lines but the first indented. before
// is the block that they replace: comments that do not stand in it stay where
// they are.
func (e edit) render(before string, indent int) (string, bool) {
	block, err := write(own(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{e.key, e.value}}, before))
	if err != nil {
		return "", false
	}
	lines := strings.SplitAfter(string(block), "\n")
	for i := range lines[1:] {
		if strings.TrimSpace(lines[i+1]) != "" {
			lines[i+1] = strings.Repeat(" ", indent) + lines[i+1]
		}
	}
	return strings.Join(lines, ""), true
}

// own is a copy of a node without comments that do not stand in block.
func own(node *yaml.Node, block string) *yaml.Node {
	mine := *node
	for _, comment := range []*string{&mine.HeadComment, &mine.LineComment, &mine.FootComment} {
		if first, _, _ := strings.Cut(*comment, "\n"); !strings.Contains(block, first) {
			*comment = ""
		}
	}
	mine.Content = make([]*yaml.Node, len(node.Content))
	for i, inner := range node.Content {
		mine.Content[i] = own(inner, block)
	}
	return &mine
}
