// SPDX-License-Identifier: Apache-2.0

package route

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
)

// Decode reads one route, strictly, and leaves all that is wrong in r. It keeps
// nothing of node but text, so that a long file's nodes can be freed one by one.
func Decode(r *document.Reader, node *yaml.Node) Spec {
	spec := Spec{Position: document.At(node)}
	if document.Resolve(node).Kind != yaml.MappingNode {
		spec.invalid = keyNames()
	}
	r.Bounded("the route", func() {
		found := document.Map(r, node, "a route", keys, &spec)
		spec.invalid = append(spec.invalid, found.Invalid...)
		if document.Resolve(node).Kind == yaml.MappingNode {
			outcome(r, spec.Position, found.Places)
		}
	})
	return spec
}

// withoutReject are the keys that say something of a run.
var withoutReject = []string{
	"dag", "dags", "asset", "dataset", "conf", "run_id", "run_id_exact",
	"logical_date", "note", "every", "grace", "late", "max_active", "when_paused",
	"skip_active", "extra", "materialize", "partition_key",
}

// targets are the keys of which a route has one: what it starts, or that it rejects.
var targets = []string{"dag", "reject", "asset", "dataset"}

// outcome reports a route that starts no DAG and rejects nothing, and one that says
// something of a run and rejects.
func outcome(r *document.Reader, at Position, places map[string]Position) {
	if _, rejects := places["reject"]; rejects {
		for _, key := range withoutReject {
			if place, ok := places[key]; ok {
				r.Problem(place, "reject cannot be combined with "+key, "leave one of the two out: a route rejects events, or starts a run")
			}
		}
		return
	}
	if !slices.ContainsFunc(targets, func(key string) bool { _, ok := places[key]; return ok }) {
		r.Problem(at, "a route has no dag", "add it, such as dag: load_sales")
	}
}

// DecodeList reads the routes of a file from the text of their list, which begins
// on the given line of the file. See [document.Items].
func DecodeList(r *document.Reader, text []byte, line int) ([]Spec, error) {
	return document.Items(r, text, line, "routes", "a list, each route an item that begins with -", Decode)
}

func keyNames() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return names
}

// completeField is the set that a route waits for.
type completeField struct{ *Complete }

// Takes implements [document.Field].
func (completeField) Takes() string { return "a map" }

// Schema implements [document.Field].
func (completeField) Schema(document.Entry) *document.Schema {
	s, err := document.ObjectSchema(completeKeys)
	if err != nil {
		return &document.Schema{Type: "object"} // a test rules it out
	}
	for _, name := range completeWays {
		s.OneOf = append(s.OneOf, &document.Schema{Required: []string{name}})
	}
	return s
}

// Read implements [document.Field].
func (c completeField) Read(r *document.Reader, e document.Entry, node *yaml.Node) {
	c.Position = document.At(node)
	document.Map(r, node, e.Name, completeKeys, c.Complete)
}

// Attributes are the names of attributes and the patterns for their values.
type Attributes []Attribute

// Attribute is the name of an attribute and the patterns for its value.
type Attribute struct {
	Name     Text
	Patterns document.Texts
}

// Takes implements [document.Field].
func (*Attributes) Takes() string { return "a map of names to a pattern or a list of patterns" }

// Schema implements [document.Field].
func (*Attributes) Schema(e document.Entry) *document.Schema {
	return &document.Schema{Type: "object", MinProperties: 1, AdditionalProperties: (*document.Texts)(nil).Schema(e)}
}

// Read implements [document.Field].
func (a *Attributes) Read(r *document.Reader, e document.Entry, node *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		r.Wrong(e, node, "write it as "+e.Example)
		return
	}
	if len(node.Content) == 0 {
		r.Problem(document.At(node), e.Name+" is an empty map", "leave "+e.Name+" out, or write it as "+e.Example)
	}
	r.Members(node, e.Name, func(name, value *yaml.Node) {
		if value, ok := r.Follow(value); ok {
			one := Attribute{Name: document.TextOf(name)}
			one.Patterns.Read(r, e, value)
			*a = append(*a, one)
		}
	})
}

// confField is the conf of a run.
type confField struct{ *Value }

// Schema implements [document.Field].
func (confField) Schema(document.Entry) *document.Schema {
	return &document.Schema{AnyOf: []*document.Schema{{Type: "object"}, {Type: "string"}}}
}
