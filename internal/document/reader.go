// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/route/nearest"
)

// Key is a row of the table by which a map is read into a T.
type Key[T any] struct {
	Name     string
	Doc      string // one or a few sentences
	Example  string // the key with a value, as YAML
	Required bool
	Words    []string // what a text may be; nil for anything
	Secret   bool     // its value stands in no problem
	// To is where the value goes: a *string, *bool, *int64, *time.Duration or
	// *map[string]string, or a func(*Reader, *yaml.Node) that reads it.
	To func(*T) any
}

// Entry is the documentation of a key.
type Entry struct {
	Name, Doc, Example string
	Takes              string // the type in words, empty where Doc says it
	Required           bool
}

// Entries are the documentation of a table.
func Entries[T any](keys []Key[T]) []Entry {
	all := make([]Entry, len(keys))
	for i, k := range keys {
		var into T
		all[i] = Entry{k.Name, k.Doc, k.Example, typeOf(k.To(&into)), k.Required}
	}
	return all
}

// Reader reads nodes and gathers what is wrong with them.
type Reader struct {
	// File is the name that faults begin with.
	File   string
	Faults Faults
}

// Fault adds a problem.
func (r *Reader) Fault(at Position, what, fix string) {
	r.Faults = append(r.Faults, Fault{r.File, at, what, fix})
}

// Resolve returns the node that an alias stands for, and node where it is none.
func Resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// Map reads a map into the T that its keys belong to, and returns where each
// key's value stands. what names it in faults, such as "an environment".
func Map[T any](r *Reader, node *yaml.Node, what string, keys []Key[T], into *T) map[string]Position {
	places := map[string]Position{}
	if !r.Members(node, what, func(name, value *yaml.Node) {
		at := slices.IndexFunc(keys, func(k Key[T]) bool { return k.Name == name.Value })
		if at < 0 {
			r.Fault(At(name), word(name.Value)+" is not a key of "+what, suggestion(name.Value, names(keys)))
			return
		}
		places[name.Value] = At(value)
		k := keys[at]
		r.value(field{k.Name, k.Example, k.Words, k.Secret}, Resolve(value), k.To(into))
	}) {
		return places
	}
	for _, k := range keys {
		if _, ok := places[k.Name]; k.Required && !ok {
			r.Fault(At(Resolve(node)), what+" has no "+k.Name, "add it, such as "+k.Example)
		}
	}
	return places
}

func names[T any](keys []Key[T]) []string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.Name
	}
	return all
}

// word is a name as a problem shows it: in quotes where it is no plain word.
func word(name string) string {
	if name == "" || strings.ContainsFunc(name, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("_-.", c)
	}) {
		return strconv.Quote(name)
	}
	return name
}

// suggestion is the fix of a name that is none of known.
func suggestion(name string, known []string) string {
	if near := nearest.Of(name, known...); near != "" {
		return "did you mean " + near + "?"
	}
	return "use one of " + strings.Join(known, ", ")
}

// Members calls each for the members of a map, but for those whose name is no
// text or stands there twice. It reports false where node is no map.
func (r *Reader) Members(node *yaml.Node, what string, each func(name, value *yaml.Node)) bool {
	node = Resolve(node)
	if node.Kind != yaml.MappingNode {
		r.Fault(At(node), what+" is a map, and this is "+Describe(node), "write it as key: value")
		return false
	}
	first := map[string]Position{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := Resolve(node.Content[i])
		before, twice := first[key.Value]
		switch {
		case key.ShortTag() == "!!merge":
			r.Fault(At(key), "<< merges nothing here", "write the keys out, or use an alias for one value")
		case !IsText(key):
			r.Fault(At(key), "a key is text, and this is "+Describe(key), "write it as key: value, and quote a key that is a number")
		case twice:
			r.Fault(At(key), fmt.Sprintf("%s stands here twice, first on line %d", word(key.Value), before.Line), "remove one of the two")
		default:
			first[key.Value] = At(key)
			each(key, node.Content[i+1])
		}
	}
	return true
}

// List calls each for the items of a list, which may be aliases.
func (r *Reader) List(node *yaml.Node, what, example string, each func(item *yaml.Node)) {
	node = Resolve(node)
	if node.Kind != yaml.SequenceNode {
		r.Fault(At(node), what+" is a list, and this is "+Describe(node), "write it as "+example)
		return
	}
	for _, item := range node.Content {
		each(item)
	}
}

// field is what a problem says of a key.
type field struct {
	name, example string
	words         []string
	secret        bool
}

// value reads the value of a key.
func (r *Reader) value(f field, node *yaml.Node, to any) {
	switch to := to.(type) {
	case func(*Reader, *yaml.Node):
		to(r, node)
	case *string:
		if r.takes(f, node, IsText(node), to) {
			*to = node.Value
			r.choose(f, node)
		}
	case *bool:
		r.takes(f, node, node.Kind == yaml.ScalarNode && node.ShortTag() == "!!bool" && node.Decode(to) == nil, to)
	case *int64:
		n, err := strconv.ParseInt(node.Value, 10, 64)
		if r.takes(f, node, node.Kind == yaml.ScalarNode && node.ShortTag() == "!!int" && err == nil && n >= 0, to) {
			*to = n
		}
	case *time.Duration:
		d, err := time.ParseDuration(node.Value)
		if r.takes(f, node, node.Kind == yaml.ScalarNode && err == nil && d > 0, to) {
			*to = d
		}
	case *map[string]string:
		*to = map[string]string{}
		r.Members(node, f.name, func(name, value *yaml.Node) {
			inner := f
			inner.name += "." + name.Value
			var text string
			r.value(inner, Resolve(value), &text)
			(*to)[name.Value] = text
		})
	}
}

// choose holds a text to the words that it may be.
func (r *Reader) choose(f field, node *yaml.Node) {
	if f.words != nil && !slices.Contains(f.words, node.Value) {
		r.Fault(At(node), fmt.Sprintf("%s is %q", f.name, node.Value), suggestion(node.Value, f.words))
	}
}

// takes reports a value that is not what goes into to.
func (r *Reader) takes(f field, node *yaml.Node, ok bool, to any) bool {
	if ok {
		return true
	}
	fix := "write it as " + f.example
	if _, text := to.(*string); text && node.Kind == yaml.ScalarNode && !isNothing(node) {
		if fix = "quote it"; !f.secret {
			fix = fmt.Sprintf("quote it: %q", node.Value)
		}
	}
	r.Fault(At(node), fmt.Sprintf("%s takes %s, and this is %s", f.name, typeOf(to), Describe(node)), fix)
	return false
}

// typeOf says in words what goes into to, see [Key].
func typeOf(to any) string {
	switch to.(type) {
	case *string:
		return "text"
	case *bool:
		return "true or false"
	case *int64:
		return "a whole number"
	case *time.Duration:
		return "a duration such as 90s"
	case *map[string]string:
		return "a map of text"
	}
	return ""
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
