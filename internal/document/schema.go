// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Schema is a JSON Schema of draft 7, which editors support best:
// https://json-schema.org/draft-07/json-schema-validation
type Schema struct {
	Schema      string `json:"$schema,omitempty"`
	ID          string `json:"$id,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Examples    []any  `json:"examples,omitempty"`

	Type    string   `json:"type,omitempty"`
	Enum    []string `json:"enum,omitempty"`
	Pattern string   `json:"pattern,omitempty"`
	Minimum int      `json:"minimum,omitempty"`

	Items    *Schema `json:"items,omitempty"`
	MinItems int     `json:"minItems,omitempty"`

	Properties           map[string]*Schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	PropertyNames        *Schema            `json:"propertyNames,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"` // false or a *Schema
	MinProperties        int                `json:"minProperties,omitempty"`

	AnyOf []*Schema `json:"anyOf,omitempty"`
	OneOf []*Schema `json:"oneOf,omitempty"`
}

// ObjectSchema describes a map that is read by keys. The error is about an invalid
// example in their documentation.
func ObjectSchema[T any](keys []Key[T]) (*Schema, error) {
	s := &Schema{Type: "object", Properties: map[string]*Schema{}, AdditionalProperties: false}
	for i := range keys {
		var into T
		f := fieldOf(keys[i].To(&into))
		e := keys[i].entry(f)
		var example map[string]any
		if err := yaml.Unmarshal([]byte(e.Example), &example); err != nil {
			return nil, fmt.Errorf("reading the example of %s: %w", e.Name, err)
		}
		property := *f.Schema(e)
		property.Description, property.Examples = e.Doc, []any{example[e.Name]}
		s.Properties[e.Name] = &property
		if e.Required {
			s.Required = append(s.Required, e.Name)
		}
	}
	return s, nil
}

// textSchema is the schema of a text.
func textSchema(e Entry) *Schema {
	if e.Vars && (e.Words != nil || e.Pattern != "") {
		return &Schema{AnyOf: []*Schema{{Enum: e.Words, Pattern: e.Pattern, Type: "string"}, {Type: "string", Pattern: `\$\{`}}}
	}
	if e.Open {
		return &Schema{AnyOf: []*Schema{{Enum: e.Words}, {Type: "string"}}}
	}
	return &Schema{Type: "string", Enum: e.Words, Pattern: e.Pattern}
}
