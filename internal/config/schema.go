// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/route"
)

// schema is a JSON Schema of draft 7, which editors support best:
// https://json-schema.org/draft-07/json-schema-validation
type schema struct {
	Schema      string `json:"$schema,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Examples    []any  `json:"examples,omitempty"`

	Type    string   `json:"type,omitempty"`
	Enum    []string `json:"enum,omitempty"`
	Pattern string   `json:"pattern,omitempty"`
	Minimum int      `json:"minimum,omitempty"`

	Items    *schema `json:"items,omitempty"`
	MinItems int     `json:"minItems,omitempty"`

	Properties           map[string]*schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	PropertyNames        *schema            `json:"propertyNames,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"` // false or a *schema
	MinProperties        int                `json:"minProperties,omitempty"`

	AnyOf []*schema `json:"anyOf,omitempty"`
	OneOf []*schema `json:"oneOf,omitempty"`
}

// durationPattern is what time.ParseDuration accepts, except signs and zero.
const durationPattern = `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`

// Schema is the JSON Schema of a routes file, generated from the tables that it is
// decoded with. It accepts what [Parse] accepts, and rejects unknown keys, wrong types
// and missing keys; [Parse] also rejects invalid expressions and patterns. The error is
// about an invalid example in the documentation.
func Schema() ([]byte, error) {
	root := &schema{
		Schema: "http://json-schema.org/draft-07/schema#", Title: "dagtrigger routes",
		Type: "object", Properties: map[string]*schema{}, AdditionalProperties: false,
	}
	of := map[string]func() (*schema, error){
		"environments":  environmentsSchema,
		"dead_letter":   func() (*schema, error) { return &schema{Type: "string"}, nil },
		"give_up_after": func() (*schema, error) { return &schema{Type: "string", Pattern: durationPattern}, nil },
		"routes":        routesSchema,
	}
	for _, k := range fileKeys() {
		s, err := of[k.Name]()
		if err != nil {
			return nil, err
		}
		if err := root.add(k.Name, k.Doc, k.Example, k.Required, s); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	err := plainjson.Indent(&b, root)
	return b.Bytes(), err
}

// add adds a property.
func (s *schema) add(name, doc, example string, required bool, property *schema) error {
	var value map[string]any
	if err := yaml.Unmarshal([]byte(example), &value); err != nil {
		return fmt.Errorf("reading the example of %s: %w", name, err)
	}
	property.Description = doc
	property.Examples = []any{value[name]}
	s.Properties[name] = property
	if required {
		s.Required = append(s.Required, name)
	}
	return nil
}

func environmentsSchema() (*schema, error) {
	one := &schema{
		Type: "object", Properties: map[string]*schema{}, AdditionalProperties: false,
		OneOf: []*schema{{Required: []string{environment.FieldComposer}}, {Required: []string{environment.FieldURL}}},
	}
	words := map[string][]string{}
	for _, k := range connection() {
		words[k.field] = k.words
	}
	for _, k := range environmentKeys() {
		property := &schema{Type: "string", Enum: words[k.Name]}
		switch k.To(&environment.Spec{}).(type) {
		case *bool:
			property.Type = "boolean"
		case *int64:
			property.Type = "integer"
		case *time.Duration:
			property.Pattern = durationPattern
		}
		if err := one.add(k.Name, k.Doc, k.Example, k.Required, property); err != nil {
			return nil, err
		}
	}
	return &schema{Type: "object", MinProperties: 1, PropertyNames: &schema{Pattern: namePattern}, AdditionalProperties: one}, nil
}

func routesSchema() (*schema, error) {
	one := &schema{Type: "object", Properties: map[string]*schema{}, AdditionalProperties: false}
	for _, k := range route.Keys() {
		if err := one.add(k.Name, k.Doc, k.Example, k.Required, keySchema(k)); err != nil {
			return nil, err
		}
	}
	return &schema{Type: "array", MinItems: 1, Items: one}, nil
}

// keySchema is the schema of a route's key.
func keySchema(k route.Key) *schema {
	text := &schema{Type: "string", Enum: k.Words}
	if k.Open {
		text = &schema{AnyOf: []*schema{{Enum: k.Words}, {Type: "string"}}}
	}
	oneOrMore := &schema{AnyOf: []*schema{text, {Type: "array", MinItems: 1, Items: text}}}
	switch k.Type {
	case route.TypeNames, route.TypePatterns:
		return oneOrMore
	case route.TypeAttributes:
		return &schema{Type: "object", MinProperties: 1, AdditionalProperties: oneOrMore}
	case route.TypeConf:
		return &schema{AnyOf: []*schema{{Type: "object"}, {Type: "string"}}}
	case route.TypeSwitch:
		return &schema{Type: "boolean"}
	case route.TypeCount:
		return &schema{Type: "integer", Minimum: 1}
	case route.TypeSpan:
		return &schema{Type: "string", Pattern: durationPattern}
	}
	if k.Name == "name" {
		text.Pattern = namePattern
	}
	return text
}
