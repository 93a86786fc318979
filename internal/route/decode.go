// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/route/nearest"
)

// maxNodes bounds one route, aliases followed: a few lines of YAML can mean
// billions of values, or themselves.
const maxNodes = 10_000

// maxDepth is the most levels of lists and maps in a conf: event has the same
// bound, and Airflow's own parser gives up at about 1,000.
const maxDepth = 200

// Decode reads one route, strictly, and reports all that is wrong. It keeps
// nothing of node but text, so that the caller can let go of a long file's
// nodes one by one.
func Decode(node *yaml.Node) (Spec, []Fault) {
	d := &decoder{}
	spec := d.route(node)
	return spec, d.faults
}

// route decodes one route.
func (d *decoder) route(node *yaml.Node) Spec {
	d.left, d.depth = maxNodes, 0
	spec := Spec{Position: d.position(node)}
	if node, ok := d.follow(node); ok && node.Kind != yaml.MappingNode {
		spec.invalid = keyNames()
	}
	d.members(node, "a route", func(name Text, value *yaml.Node) {
		at := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name.Value })
		if at < 0 {
			d.fault(name.Position, name.Value+" is not a key of a route", suggestion(name.Value, keyNames()))
			return
		}
		before := len(d.faults)
		if d.key(keys[at], value, &spec); len(d.faults) > before {
			spec.invalid = append(spec.invalid, name.Value)
		}
	})
	return spec
}

func keyNames() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return names
}

// suggestion is the fix of a name that is none of known.
func suggestion(name string, known []string) string {
	if near := nearest.Of(name, known...); near != "" {
		return "did you mean " + near + "?"
	}
	return "use one of " + strings.Join(known, ", ")
}

// decoder gathers what is wrong with routes.
type decoder struct {
	faults []Fault
	above  int32 // lines of the file above the nodes' first
	left   int   // of the nodes that one route may have
	depth  int
}

func (d *decoder) position(node *yaml.Node) Position {
	return Position{d.above + int32(node.Line), int32(node.Column)}
}

func (d *decoder) fault(at Position, what, fix string) {
	d.faults = append(d.faults, Fault{at, what, fix})
}

// follow returns the node that node stands for, and false where there were
// too many.
func (d *decoder) follow(node *yaml.Node) (*yaml.Node, bool) {
	if d.left--; d.left == 0 {
		d.fault(d.position(node), fmt.Sprintf("the route has over %d values", maxNodes), "use fewer aliases, or split the route")
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node, d.left > 0
}

// key decodes the value of a key into its field.
func (d *decoder) key(k Key, node *yaml.Node, spec *Spec) {
	if node, ok := d.follow(node); ok {
		switch field := k.field(spec).(type) {
		case *Text:
			d.text(k, node, field)
		case *[]Text:
			d.texts(k, node, field)
		case *[]Attribute:
			d.attributes(k, node, field)
		case *Value:
			*field = d.value(node)
		case *Span:
			d.span(k, node, field)
		case *Count:
			d.count(k, node, field)
		case *Switch:
			d.toggle(k, node, field)
		}
	}
}

// text decodes text that is one.
func (d *decoder) text(k Key, node *yaml.Node, field *Text) {
	if isText(node) {
		*field = d.textOf(node)
		return
	}
	d.wrong(k, node)
}

// wrong reports a value that is not of the key's type.
func (d *decoder) wrong(k Key, node *yaml.Node) {
	fix := "write it as " + k.Example
	if node.Kind == yaml.ScalarNode && node.ShortTag() != "!!null" && !slices.Contains([]Type{TypeSwitch, TypeSpan, TypeCount}, k.Type) {
		fix = fmt.Sprintf("quote it: %q", node.Value)
	}
	d.fault(d.position(node), fmt.Sprintf("%s takes %s, and this is %s", k.Name, k.Type, described(node)), fix)
}

// described names what a node is.
func described(node *yaml.Node) string {
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

// isText reports whether a node is text. YAML 1.2 has no dates: they are.
func isText(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && described(node) == "text"
}

func (d *decoder) textOf(node *yaml.Node) Text {
	return Text{Value: node.Value, Position: d.position(node), Lead: lead(node)}
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

// texts decodes one text or a list of them.
func (d *decoder) texts(k Key, node *yaml.Node, field *[]Text) {
	if isText(node) {
		*field = []Text{d.textOf(node)}
		return
	}
	if node.Kind != yaml.SequenceNode {
		d.wrong(k, node)
		return
	}
	if len(node.Content) == 0 {
		d.fault(d.position(node), k.Name+" is an empty list", "leave "+k.Name+" out, or write it as "+k.Example)
	}
	for _, item := range node.Content {
		item, ok := d.follow(item)
		switch {
		case !ok:
			return
		case !isText(item):
			d.wrong(k, item)
		default:
			*field = append(*field, d.textOf(item))
		}
	}
}

func (d *decoder) attributes(k Key, node *yaml.Node, field *[]Attribute) {
	if node.Kind != yaml.MappingNode {
		d.wrong(k, node)
		return
	}
	if len(node.Content) == 0 {
		d.fault(d.position(node), k.Name+" is an empty map", "leave "+k.Name+" out, or write it as "+k.Example)
	}
	d.members(node, k.Name, func(name Text, value *yaml.Node) {
		if value, ok := d.follow(value); ok {
			a := Attribute{Name: name}
			d.texts(k, value, &a.Patterns)
			*field = append(*field, a)
		}
	})
}

func (d *decoder) toggle(k Key, node *yaml.Node, field *Switch) {
	var on bool
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" || node.Decode(&on) != nil {
		d.wrong(k, node)
		return
	}
	*field = Switch{d.position(node), !on}
}

func (d *decoder) span(k Key, node *yaml.Node, field *Span) {
	value, err := time.ParseDuration(node.Value)
	if !isText(node) || err != nil || value <= 0 {
		d.wrong(k, node)
		return
	}
	*field = Span{d.position(node), value}
}

func (d *decoder) count(k Key, node *yaml.Node, field *Count) {
	value, err := strconv.Atoi(node.Value)
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!int" || err != nil || value < 1 {
		d.wrong(k, node)
		return
	}
	*field = Count{d.position(node), value}
}

// members calls each for the members of a map, and reports names that are no
// text or stand there twice.
func (d *decoder) members(node *yaml.Node, what string, each func(name Text, value *yaml.Node)) {
	node, ok := d.follow(node)
	if !ok {
		return
	}
	if node.Kind != yaml.MappingNode {
		d.fault(d.position(node), fmt.Sprintf("%s is a map, and this is %s", what, described(node)), "write it as key: value")
		return
	}
	first := map[string]Position{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, ok := d.follow(node.Content[i])
		if !ok {
			return
		}
		at, twice := first[key.Value]
		switch {
		case key.ShortTag() == "!!merge":
			d.fault(d.position(key), "<< merges nothing here", "write the keys out, or use an alias for one value")
		case !isText(key):
			d.fault(d.position(key), fmt.Sprintf("a key is text, and this is %s", described(key)), fmt.Sprintf("quote it: %q", key.Value))
		case twice:
			d.fault(d.position(key), fmt.Sprintf("%s stands here twice, first on line %d", key.Value, at.Line), "remove one of the two")
		default:
			first[key.Value] = d.position(key)
			each(d.textOf(key), node.Content[i+1])
		}
	}
}
