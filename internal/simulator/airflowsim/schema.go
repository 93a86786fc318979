// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// schema is the part of JSON Schema that Params are checked against here:
// type, enum, minimum, maximum, minLength, maxLength, pattern (Go's RE2, not
// Python's re), required, properties and a boolean additionalProperties.
// The annotations title and examples are carried along.
type schema struct {
	spec       *object
	pattern    *regexp.Regexp
	properties map[string]*schema
}

func compileSchema(spec *object) (*schema, error) {
	s := &schema{spec: spec, properties: map[string]*schema{}}
	for _, keyword := range spec.keys {
		if err := s.compile(keyword, spec.vals[keyword]); err != nil {
			return nil, fmt.Errorf("%s: %w", keyword, err)
		}
	}
	return s, nil
}

// compile checks the shape of a keyword, so that validate need not.
func (s *schema) compile(keyword string, v any) (err error) {
	ok := true
	switch keyword {
	case "type":
		ok = len(wordsOf(v)) > 0
	case "required":
		_, ok = v.([]any)
	case "enum":
		_, ok = v.([]any)
	case "minimum", "maximum", "minLength", "maxLength":
		_, ok = v.(number)
	case "additionalProperties":
		_, ok = v.(bool)
	case "pattern":
		var text string
		if text, ok = v.(string); ok {
			s.pattern, err = regexp.Compile(text)
		}
	case "properties":
		var all *object
		if all, ok = v.(*object); ok {
			err = s.compileProperties(all)
		}
	case "title", "examples":
	default:
		return fmt.Errorf("this keyword of JSON Schema is not simulated; leave it out or teach it to internal/simulator/airflowsim")
	}
	if !ok {
		return fmt.Errorf("%s is no value of this keyword", repr(v))
	}
	return err
}

func (s *schema) compileProperties(all *object) error {
	for _, name := range all.keys {
		spec, ok := all.vals[name].(*object)
		if !ok {
			return fmt.Errorf("%s: want a schema, have %s", name, repr(all.vals[name]))
		}
		var err error
		if s.properties[name], err = compileSchema(spec); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// validate is every complaint of jsonschema.validate, in the schema's order.
func (s *schema) validate(v any, schemaPath, path string) []violation {
	var faults []violation
	for _, keyword := range s.spec.keys {
		if keyword == "properties" {
			faults = append(faults, s.validateProperties(v, schemaPath, path)...)
			continue
		}
		if message := s.complain(keyword, s.spec.vals[keyword], v); message != "" {
			faults = append(faults, violation{
				depth: strings.Count(path, "["), message: message, keyword: keyword,
				schemaPath: schemaPath, path: path, schema: s.spec, instance: v,
			})
		}
	}
	return faults
}

func (s *schema) validateProperties(v any, schemaPath, path string) []violation {
	o, ok := v.(*object)
	if !ok {
		return nil
	}
	var faults []violation
	for _, name := range s.spec.vals["properties"].(*object).keys {
		if o.has(name) {
			key := "[" + reprString(name) + "]"
			faults = append(faults, s.properties[name].validate(o.vals[name], schemaPath+"['properties']"+key, path+key)...)
		}
	}
	return faults
}

// complain is the message of one keyword, in the words of
// jsonschema/_keywords.py, or "" where the value is good.
func (s *schema) complain(keyword string, want, v any) string {
	switch keyword {
	case "type":
		if names := wordsOf(want); !slices.ContainsFunc(names, func(name string) bool { return isType(v, name) }) {
			return repr(v) + " is not of type " + quoted(names)
		}
	case "enum":
		if !slices.ContainsFunc(want.([]any), func(item any) bool { return equal(item, v) }) {
			return repr(v) + " is not one of " + repr(want)
		}
	case "minimum", "maximum":
		if have, ok := v.(number); ok {
			return complainRange(keyword, want.(number), have)
		}
	case "minLength", "maxLength", "pattern":
		if text, ok := v.(string); ok {
			return s.complainText(keyword, want, text)
		}
	case "required", "additionalProperties":
		if o, ok := v.(*object); ok {
			return s.complainKeys(keyword, want, o)
		}
	}
	return ""
}

func complainRange(keyword string, bound, have number) string {
	switch c := compare(have, bound); {
	case keyword == "minimum" && c < 0:
		return fmt.Sprintf("%s is less than the minimum of %s", have, bound)
	case keyword == "maximum" && c > 0:
		return fmt.Sprintf("%s is greater than the maximum of %s", have, bound)
	}
	return ""
}

func (s *schema) complainText(keyword string, want any, text string) string {
	length := number(fmt.Sprint(utf8.RuneCountInString(text)))
	switch bound, _ := want.(number); {
	case keyword == "pattern" && !s.pattern.MatchString(text):
		return repr(text) + " does not match " + repr(want)
	case keyword == "minLength" && compare(length, bound) < 0 && bound == "1":
		return repr(text) + " should be non-empty"
	case keyword == "minLength" && compare(length, bound) < 0:
		return repr(text) + " is too short"
	case keyword == "maxLength" && compare(length, bound) > 0:
		return repr(text) + " is too long"
	}
	return ""
}

func (s *schema) complainKeys(keyword string, want any, o *object) string {
	if keyword == "required" {
		for _, name := range wordsOf(want) {
			if !o.has(name) {
				return repr(name) + " is a required property"
			}
		}
		return ""
	}
	extra := slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(o.keys), func(key string) bool {
		return s.properties[key] != nil
	})))
	switch {
	case want == true || len(extra) == 0:
		return ""
	case len(extra) == 1:
		return "Additional properties are not allowed (" + quoted(extra) + " was unexpected)"
	}
	return "Additional properties are not allowed (" + quoted(extra) + " were unexpected)"
}

// wordsOf is a string, or the strings of a list.
func wordsOf(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var names []string
	for _, item := range list {
		if name, ok := item.(string); ok {
			names = append(names, name)
		}
	}
	return names
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = reprString(name)
	}
	return strings.Join(all, ", ")
}

func isType(v any, name string) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case []any:
		return name == "array"
	case *object:
		return name == "object"
	case number: // 1.0 is an integer to JSON Schema
		return name == "number" || name == "integer" && exact(v).IsInt()
	}
	return false
}

func equal(a, b any) bool {
	x, isNumber := a.(number)
	y, both := b.(number)
	if isNumber && both {
		return compare(x, y) == 0
	}
	return string(flask1Style.encode(a)) == string(flask1Style.encode(b))
}

func compare(a, b number) int { return exact(a).Cmp(exact(b)) }

// exact holds integers of some 150 digits to the last one.
func exact(n number) *big.Float {
	f, _, err := big.ParseFloat(strings.TrimSuffix(string(n), "inity"), 10, 512, big.ToNearestEven)
	if err != nil {
		return new(big.Float)
	}
	return f
}
