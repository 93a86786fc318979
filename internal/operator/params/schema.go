// SPDX-License-Identifier: Apache-2.0

package params

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// schema is the part of JSON Schema that Params are written in:
// https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html.
// What is not known here is left to Airflow: nothing is refused for it.
type schema struct {
	Type                 any               `json:"type"` // a name, or a list of names
	Enum                 []any             `json:"enum"`
	Const                *any              `json:"const"`
	Minimum              *float64          `json:"minimum"`
	Maximum              *float64          `json:"maximum"`
	ExclusiveMinimum     *float64          `json:"exclusiveMinimum"`
	ExclusiveMaximum     *float64          `json:"exclusiveMaximum"`
	MinLength            *int              `json:"minLength"`
	MaxLength            *int              `json:"maxLength"`
	Pattern              string            `json:"pattern"`
	MinItems             *int              `json:"minItems"`
	MaxItems             *int              `json:"maxItems"`
	Items                *schema           `json:"items"`
	Properties           map[string]schema `json:"properties"`
	Required             []string          `json:"required"`
	AdditionalProperties any               `json:"additionalProperties"`
}

// complaint says what a schema does not allow about a value, without telling
// the value; empty where nothing is known against it.
func complaint(text, value json.RawMessage) string {
	var s schema
	var v any
	if len(text) == 0 || json.Unmarshal(text, &s) != nil || json.Unmarshal(value, &v) != nil {
		return ""
	}
	return s.complain(v)
}

func (s *schema) complain(v any) string {
	switch {
	case !s.takes(typeOf(v)):
		return fmt.Sprintf("is %s, and has to be %s", typeOf(v), s.types())
	case s.Enum != nil && !slices.ContainsFunc(s.Enum, func(e any) bool { return reflect.DeepEqual(e, v) }):
		return "is none of the values that it may have"
	case s.Const != nil && !reflect.DeepEqual(*s.Const, v):
		return "is not the one value that it may have"
	}
	switch v := v.(type) {
	case float64:
		return s.complainOfNumber(v)
	case string:
		return s.complainOfText(v)
	case []any:
		return s.complainOfList(v)
	case map[string]any:
		return s.complainOfObject(v)
	}
	return ""
}

func (s *schema) complainOfNumber(n float64) string {
	switch {
	case s.Minimum != nil && n < *s.Minimum:
		return fmt.Sprintf("is less than %v", *s.Minimum)
	case s.Maximum != nil && n > *s.Maximum:
		return fmt.Sprintf("is more than %v", *s.Maximum)
	case s.ExclusiveMinimum != nil && n <= *s.ExclusiveMinimum:
		return fmt.Sprintf("is not more than %v", *s.ExclusiveMinimum)
	case s.ExclusiveMaximum != nil && n >= *s.ExclusiveMaximum:
		return fmt.Sprintf("is not less than %v", *s.ExclusiveMaximum)
	}
	return ""
}

func (s *schema) complainOfText(text string) string {
	length := utf8.RuneCountInString(text)
	pattern, err := regexp.Compile(s.Pattern) // Python's has more: what Go's lacks is left to Airflow
	switch {
	case s.MinLength != nil && length < *s.MinLength:
		return fmt.Sprintf("has fewer than %d characters", *s.MinLength)
	case s.MaxLength != nil && length > *s.MaxLength:
		return fmt.Sprintf("has more than %d characters", *s.MaxLength)
	case err == nil && !pattern.MatchString(text):
		return "does not match " + s.Pattern
	}
	return ""
}

func (s *schema) complainOfList(items []any) string {
	switch {
	case s.MinItems != nil && len(items) < *s.MinItems:
		return fmt.Sprintf("has fewer than %d items", *s.MinItems)
	case s.MaxItems != nil && len(items) > *s.MaxItems:
		return fmt.Sprintf("has more than %d items", *s.MaxItems)
	case s.Items == nil:
		return ""
	}
	for i, item := range items {
		if what := s.Items.complain(item); what != "" {
			return fmt.Sprintf("has an item, number %d, that %s", i+1, what)
		}
	}
	return ""
}

func (s *schema) complainOfObject(members map[string]any) string {
	for _, name := range s.Required {
		if _, given := members[name]; !given {
			return "lacks " + name
		}
	}
	for name, value := range members {
		property, declared := s.Properties[name]
		if !declared {
			if s.AdditionalProperties == false {
				return "has " + name + ", which it may not"
			}
			continue
		}
		if what := property.complain(value); what != "" {
			return "has " + name + ", which " + what
		}
	}
	return ""
}

// names are the types that a value may be of; none for any.
func (s *schema) names() []string {
	switch t := s.Type.(type) {
	case string:
		return []string{t}
	case []any:
		var names []string
		for _, name := range t {
			if text, ok := name.(string); ok {
				names = append(names, text)
			}
		}
		return names
	}
	return nil
}

func (s *schema) types() string { return strings.Join(s.names(), " or ") }

// takes reports whether a value of a type may be a value of s.
func (s *schema) takes(is string) bool {
	names := s.names()
	return len(names) == 0 || slices.Contains(names, is) || is == "integer" && slices.Contains(names, "number")
}

// typeOf is a value's type in JSON Schema's words. A number without a fraction
// is an integer.
func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}
