// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/route/habit"
)

// The bounds of one part of a document, such as a route. A few lines of YAML with
// aliases can mean billions of values, or themselves; and Airflow's own parser of
// JSON gives up at about 1,000 levels.
const (
	maxValues = 10_000
	maxDepth  = 200
)

// Reader reads nodes and collects what is wrong with them.
type Reader struct {
	// File is the name that errors begin with.
	File     string
	Problems Problems
	// Constants are the values of the file's vars.
	Constants Constants

	part        string // what Bounded reads; empty outside of it
	left, depth int    // of the values of the part
}

// Problem adds an error.
func (r *Reader) Problem(at Position, what, fix string) {
	r.Problems = append(r.Problems, Problem{r.File, at, what, fix})
}

// Bounded reads one part of the document, such as "the route", and ends it where
// the part has too many values, aliases followed. Parts within it count as it.
func (r *Reader) Bounded(part string, read func()) {
	if r.part != "" {
		read()
		return
	}
	r.part, r.left = part, maxValues
	read()
	r.part = ""
}

// Follow returns the node that node or its alias stands for, and false where the
// part that is read has too many values: then the reader has reported it, and
// nothing more of the part is to be read.
func (r *Reader) Follow(node *yaml.Node) (*yaml.Node, bool) {
	if r.part != "" {
		if r.left--; r.left == 0 {
			r.Problem(At(node), fmt.Sprintf("%s has over %d values", r.part, maxValues), "use fewer aliases, or split it")
		}
	}
	return Resolve(node), r.part == "" || r.left > 0
}

// Resolve returns the node that an alias stands for, and node where it is none.
func Resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// Members calls each for the members of a map, but for those whose name is no
// text or stands there twice. It reports false where node is no map.
func (r *Reader) Members(node *yaml.Node, what string, each func(name, value *yaml.Node)) bool {
	node = Resolve(node)
	if node.Kind != yaml.MappingNode {
		r.Problem(At(node), what+" is a map, and this is "+Describe(node), "write it as key: value")
		return false
	}
	first := make(map[string]Position, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, ok := r.Follow(node.Content[i])
		if !ok {
			return true
		}
		before, twice := first[key.Value]
		switch {
		case key.ShortTag() == "!!merge":
			r.Problem(At(key), "<< merges nothing here", "write the keys out, or use an alias for one value")
		case !IsText(key):
			r.notKey(key)
		case twice:
			r.Problem(At(key), fmt.Sprintf("%s stands here twice, first on line %d", word(key.Value), before.Line), "remove one of the two")
		default:
			first[key.Value] = At(key)
			each(key, node.Content[i+1])
		}
	}
	return true
}

// notKey reports a key that is not text. Jinja without quotes is a map with a map as its key.
func (r *Reader) notKey(key *yaml.Node) {
	if key.Kind == yaml.MappingNode && key.Style == yaml.FlowStyle && len(key.Content) > 0 {
		jinja := "{{ " + key.Content[0].Value + " }}"
		if found, ok := habit.Text(jinja, habit.Known{Object: true, Message: true}); ok {
			r.Problem(At(key), jinja+" is Jinja, and a map in YAML", found.Fix)
			return
		}
	}
	r.Problem(At(key), "a key is text, and this is "+Describe(key), quoted(key, "write it as key: value"))
}

// List calls each for the items of a list, which may be aliases.
func (r *Reader) List(node *yaml.Node, what, example string, each func(item *yaml.Node)) {
	node = Resolve(node)
	if node.Kind != yaml.SequenceNode {
		r.Problem(At(node), what+" is a list, and this is "+Describe(node), "write it as "+example)
		return
	}
	for _, item := range node.Content {
		if _, ok := r.Follow(item); !ok {
			return
		}
		each(item)
	}
}

// quoted is the fix of a value that has to be text, or other where quotes do not
// make it one.
func quoted(node *yaml.Node, other string) string {
	if node.Kind != yaml.ScalarNode || isNothing(node) {
		return other
	}
	text := node.Value
	if tag := node.Tag; strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") { // as in when: !has(object.metadata)
		text = strings.TrimSpace(tag + " " + text)
	}
	return fmt.Sprintf("quote it: %q", text)
}

func isNothing(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// Describe names what a node is.
func Describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	}
	switch node.ShortTag() {
	case "!!str", "!!timestamp":
		return "text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	}
	return "tagged " + node.ShortTag()
}

// IsText reports whether a node is text. YAML 1.2 has no dates: they are.
func IsText(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && Describe(node) == "text"
}

// lead is how far a text begins behind its node, and -1 where folding,
// indentation or escapes keep its places from being places in the file.
func lead(node *yaml.Node) int32 {
	escaped, lead := "\n", int32(1)
	switch node.Style {
	case yaml.LiteralStyle, yaml.FoldedStyle:
		return -1
	case yaml.SingleQuotedStyle:
		escaped += "'"
	case yaml.DoubleQuotedStyle:
		escaped += "\"\\"
	default:
		lead = 0
	}
	if strings.ContainsAny(node.Value, escaped) {
		return -1
	}
	return lead
}
