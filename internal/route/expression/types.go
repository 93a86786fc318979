// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// catalogue declares the variables' fields to CEL, and turns what a [Scope]
// holds into CEL's values.
type catalogue struct {
	*types.Registry
	fields map[string]map[string]*types.FieldType // by type and name
}

func newCatalogue() (*catalogue, error) {
	c := &catalogue{types.NewEmptyRegistry(), map[string]map[string]*types.FieldType{}}
	for _, v := range variables {
		c.declare(v.Name, v.Fields)
	}
	err := c.RegisterType(types.BoolType, types.BytesType, types.DoubleType, types.DurationType, types.IntType, types.ListType,
		types.MapType, types.NullType, types.StringType, types.TimestampType, types.TypeType, types.UintType)
	return c, err
}

// recordType is the type of a variable or a field that has fields. Its name is
// no identifier, so that no expression can name it.
func recordType(way string) string { return "the fields of " + way }

func (c *catalogue) declare(owner string, fields []Field) {
	all := map[string]*types.FieldType{}
	c.fields[recordType(owner)] = all
	for _, f := range fields {
		all[f.Name] = declared(owner, f.Name, f.celType(owner))
		if f.Type == Resource {
			c.declare(owner+"."+f.Name, f.Fields)
		}
	}
}

func declared(owner, name string, t *cel.Type) *types.FieldType {
	return &types.FieldType{
		Type: t,
		IsSet: func(target any) bool {
			_, ok := pick(target, name)
			return ok
		},
		GetFrom: func(target any) (any, error) {
			if r, ok := target.(record); ok && r.variable == varsVariable {
				return r.scope.variable(name)
			}
			value, ok := pick(target, name)
			if !ok {
				return nil, absent(owner + "." + name)
			}
			return value, nil
		},
	}
}

// pick returns a field of a record or a member of a map.
func pick(target any, name string) (any, bool) {
	switch t := target.(type) {
	case record:
		return t.field(name)
	case node:
		value, ok := t.find(name)
		if !ok {
			return nil, false
		}
		return value.native(), true
	case map[string]string:
		value, ok := t[name]
		return value, ok
	}
	return nil, false
}

// advice is an error that ends in what to do about it.
type advice string

func (a advice) Error() string { return string(a) }

// absent is the error of using what an event does not have.
func absent(name string) error {
	what := "the event"
	if strings.HasPrefix(name, listVariable+".") {
		what = "the manifest"
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || strings.HasSuffix(name, "]") {
		return advice(fmt.Sprintf("%s has no %s: test with in or size(…)", what, name))
	}
	return advice(fmt.Sprintf("%s has no %s: test it with has(%s), or give a default with %s.?%s.orValue(…)",
		what, name, name, name[:dot], name[dot+1:]))
}

// FindStructType finds the type of a variable, or of a field that has fields.
func (c *catalogue) FindStructType(name string) (*types.Type, bool) {
	if _, ok := c.fields[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return c.Registry.FindStructType(name)
}

// FindStructFieldNames lists the declared fields of a type.
func (c *catalogue) FindStructFieldNames(name string) ([]string, bool) {
	if fields, ok := c.fields[name]; ok {
		return keys(fields), true
	}
	return c.Registry.FindStructFieldNames(name)
}

// FindStructFieldType finds a declared field. Any capture is one: whether a
// route's patterns make it is not the language's to know.
func (c *catalogue) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if name == recordType(pathVariable) {
		return declared(pathVariable, field, cel.StringType), true
	}
	if name == recordType(varsVariable) {
		return declared(varsVariable, field, cel.DynType), true
	}
	if fields, ok := c.fields[name]; ok {
		f, ok := fields[field]
		return f, ok
	}
	return c.Registry.FindStructFieldType(name, field)
}

// NativeToValue makes integers int, and all other numbers double. An integer
// that no int can hold is an error rather than another number.
func (c *catalogue) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case record:
		return c.NativeToValue(v.whole())
	case json.Number:
		return number(v.String())
	case node:
		return v.value()
	case map[string]any:
		return types.NewStringInterfaceMap(c, v)
	}
	return c.Registry.NativeToValue(value)
}

// longestNumber is the most characters of a number that is computed with: a
// double never has more than some 800 digits that count.
const longestNumber = 1000

func number(text string) ref.Val {
	if len(text) <= longestNumber && !strings.ContainsAny(text, ".eE") {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return types.Int(i)
		}
		return types.WrapErr(advice(bounded(text) + " is beyond 64 bits: pass it on as it is, as a lone selection"))
	}
	if len(text) <= longestNumber {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return types.Double(f)
		}
	}
	return types.WrapErr(advice(bounded(text) + " is beyond a double: pass it on as it is, as a lone selection"))
}
