// SPDX-License-Identifier: Apache-2.0

package example

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
)

// Update returns the file's text with what is in the place of what was said, for
// each example whose result has differences. The rest stays byte by byte where it
// is written as blocks, one key a line; comments stay in any case. It may be
// called once.
func (s Suite) Update(results []Result) ([]byte, error) {
	var edits []edit
	for i, r := range results {
		if !r.CanUpdate() {
			continue
		}
		item := s.Examples[i].node
		if old := valueOf(item, "starts"); old != nil || len(r.Starts) > 0 || len(r.Fails) == 0 {
			edits = append(edits, s.set(item, "starts", list(old, r.Starts, startNode)))
		}
		if old := valueOf(item, "fails"); old != nil || len(r.Fails) > 0 {
			edits = append(edits, s.set(item, "fails", list(old, r.Fails, failureNode)))
		}
	}
	if text, ok := splice(s.text, edits); ok && s.holds(text, results) {
		return text, nil
	}
	text, err := write(s.root)
	if err == nil && !s.holds(text, results) {
		err = errors.New("what YAML makes of it is something else: write the examples as blocks, one key a line")
	}
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", s.Name, err)
	}
	return text, nil
}

// holds reports whether text is the same examples, with the actual results.
func (s Suite) holds(text []byte, results []Result) bool {
	updated, err := Parse(s.Name, text)
	if err != nil || len(updated.Examples) != len(results) {
		return false
	}
	for i, e := range updated.Examples {
		r := Result{Starts: results[i].Starts, Fails: results[i].Fails}
		r.compare(&e, func(string) string { return "" })
		if len(r.Differences) > 0 && !results[i].Refused || e.Name != s.Examples[i].Name || !reflect.DeepEqual(e.Event, s.Examples[i].Event) {
			return false
		}
	}
	return true
}

func write(node *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err := encoder.Encode(node)
	return b.Bytes(), err
}

// set puts a value under a key of a map, and says how the text changes by it.
func (s Suite) set(item *yaml.Node, key string, value *yaml.Node) edit {
	for i := 0; i+1 < len(item.Content); i += 2 {
		if item.Content[i].Value == key {
			item.Content[i+1] = value
			if value.Style&yaml.FlowStyle == 0 && value.LineComment != "" { // a block has none
				item.Content[i].LineComment, value.LineComment = value.LineComment, ""
			}
			return edit{key: item.Content[i], value: value, flow: item.Style&yaml.FlowStyle != 0}
		}
	}
	name := text(key)
	e := edit{key: name, value: value, column: item.Content[0].Column, flow: item.Style&yaml.FlowStyle != 0}
	for i := 0; i+1 < len(item.Content); i += 2 {
		if item.Content[i].Line > 0 { // else it is new itself
			e.after = item.Content[i]
		}
	}
	item.Content = append(item.Content, name, value)
	return e
}

// valueOf is the value of a key of a map; nil where it is not there.
func valueOf(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return document.Resolve(node.Content[i+1])
		}
	}
	return nil
}

// routed is what stands in a list by its route.
type routed interface{ route() string }

func (s Start) route() string   { return s.Route }
func (f Failure) route() string { return f.Route }

// list is the list old with what is: what is there keeps its place and its
// comments, what is not goes, and what is new comes last.
func list[T routed](old *yaml.Node, are []T, node func(old *yaml.Node, is T) *yaml.Node) *yaml.Node {
	updated := &yaml.Node{Kind: yaml.SequenceNode}
	if old != nil {
		*updated = *old
		updated.Content = nil
		for _, item := range old.Content {
			item = document.Resolve(item)
			name := item.Value
			if route := valueOf(item, "route"); route != nil {
				name = route.Value
			}
			if at := slices.IndexFunc(are, func(is T) bool { return is.route() == name }); at >= 0 {
				updated.Content = append(updated.Content, node(item, are[at]))
				are = slices.Delete(slices.Clone(are), at, at+1)
			}
		}
	}
	for _, is := range are {
		updated.Content = append(updated.Content, node(nil, is))
	}
	if len(updated.Content) > 0 && (old == nil || len(old.Content) == 0) {
		updated.Style = 0 // [] has grown
	}
	return updated
}

// startNode is a run: what was said of old, or else route, DAG and conf.
func startNode(old *yaml.Node, s Start) *yaml.Node {
	if old == nil {
		if s.Asset != "" {
			return mapping("route", text(s.Route), "asset", text(s.Asset), "extra", jsonNode(s.Conf))
		}
		return mapping("route", text(s.Route), "dag", text(s.DAG), "conf", jsonNode(s.Conf))
	}
	for i := 0; i+1 < len(old.Content); i += 2 {
		value := document.Resolve(old.Content[i+1])
		switch old.Content[i].Value {
		case "dag":
			value.Value = s.DAG
		case "asset":
			value.Value = s.Asset
		case "partition_key":
			value.Value = s.Partition
		case "environment":
			value.Value = s.Environment
		case "run_id":
			value.Value = s.RunID
		case "run_key":
			value.Value = s.RunKey
		case "note":
			value.Value = s.Note
		case "logical_date":
			value.Value = s.LogicalDate
		case "conf", "extra":
			old.Content[i+1] = merge(value, jsonNode(s.Conf), false)
		case "conf_has", "extra_has":
			old.Content[i+1] = merge(value, jsonNode(s.Conf), true)
		}
	}
	return old
}

func failureNode(old *yaml.Node, f Failure) *yaml.Node {
	if old == nil {
		return mapping("route", text(f.Route), "error", text(f.Lasting))
	}
	if said := valueOf(old, "error"); said != nil && !f.says(said.Value) {
		said.Value = f.Lasting
	}
	return old
}

// merge is the value old become new. What is the same keeps its comments; of a
// part, what new has besides stays out.
func merge(old, is *yaml.Node, part bool) *yaml.Node {
	switch {
	case old.Kind == yaml.MappingNode && is.Kind == yaml.MappingNode:
		var kept []*yaml.Node
		for i := 0; i+1 < len(old.Content); i += 2 {
			if value := valueOf(is, old.Content[i].Value); value != nil {
				kept = append(kept, old.Content[i], merge(document.Resolve(old.Content[i+1]), value, part))
			}
		}
		for i := 0; i+1 < len(is.Content) && !part; i += 2 {
			if valueOf(old, is.Content[i].Value) == nil {
				kept = append(kept, is.Content[i], is.Content[i+1])
			}
		}
		old.Content = kept
		return old
	case old.Kind == yaml.SequenceNode && is.Kind == yaml.SequenceNode && len(old.Content) == len(is.Content):
		for i := range old.Content {
			old.Content[i] = merge(document.Resolve(old.Content[i]), is.Content[i], part)
		}
		return old
	case old.Kind == yaml.ScalarNode && is.Kind == yaml.ScalarNode && same(scalarOf(old), scalarOf(is)):
		return old
	}
	is.HeadComment, is.LineComment, is.FootComment = old.HeadComment, old.LineComment, old.FootComment
	return is
}

// scalarOf is the value of a scalar as parseJSON has it.
func scalarOf(node *yaml.Node) any {
	var r document.Reader
	return parseJSON(r.JSON(node))
}

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

// mapping is a map of names, each followed by its value.
func mapping(members ...any) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, m := range members {
		if name, ok := m.(string); ok {
			m = text(name)
		}
		node.Content = append(node.Content, m.(*yaml.Node))
	}
	return node
}

// jsonNode is JSON as YAML, members in their order and numbers in their digits.
func jsonNode(value []byte) *yaml.Node {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	return nextNode(decoder)
}

func nextNode(decoder *json.Decoder) *yaml.Node {
	token, err := decoder.Token()
	if err != nil {
		return text("") // a conf is JSON
	}
	node := &yaml.Node{Kind: yaml.ScalarNode}
	switch v := token.(type) {
	case json.Delim:
		node.Kind = yaml.SequenceNode
		if v == '{' {
			node.Kind = yaml.MappingNode
		}
		for decoder.More() { // a member's name is a separate token
			node.Content = append(node.Content, nextNode(decoder))
		}
		_, _ = decoder.Token() // the end
	case string:
		return text(v)
	case nil:
		node.Value = "null"
	default:
		if node.Value = fmt.Sprint(v); node.ShortTag() == "!!str" {
			node.Tag = "!!float" // one that no float64 holds
		}
	}
	return node
}
