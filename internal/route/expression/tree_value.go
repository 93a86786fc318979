// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// object and array are the values of a tree that CEL computes with. Nothing of
// them is converted before it is used, and a value is not converted as a whole.
type (
	object node
	array  node
)

var (
	_ traits.Mapper = object{}
	_ traits.Lister = array{}
	_ traits.Zeroer = object{}
	_ traits.Zeroer = array{}
)

// value is a node as a value of CEL. Integers are int and other numbers double.
func (n node) value() ref.Val {
	switch n.kind() {
	case '{':
		return object(n)
	case '[':
		return array(n)
	case '"':
		return types.String(n.string(n.at))
	case 't':
		return types.True
	case 'f':
		return types.False
	case 'n':
		return types.NullValue
	}
	return number(n.raw())
}

// Find returns the member with a name.
func (o object) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key), false
	}
	found, ok := node(o).find(string(name))
	if !ok {
		return nil, false
	}
	return found.value(), true
}

// Get returns the member with a name, or an error.
func (o object) Get(key ref.Val) ref.Val {
	value, ok := o.Find(key)
	if !ok {
		return types.ValOrErr(value, "no such key: %v", key)
	}
	return value
}

// Contains reports whether there is a member with a name.
func (o object) Contains(key ref.Val) ref.Val {
	_, ok := o.Find(key)
	return types.Bool(ok)
}

// Size is the number of members.
func (o object) Size() ref.Val { return types.Int(len(node(o).sorted())) }

// IsZeroValue reports whether there are no members.
func (o object) IsZeroValue() bool { return node(o).count() == 0 }

// Iterator goes through the names in order.
func (o object) Iterator() traits.Iterator {
	return &iterator{members: node(o).sorted()}
}

// Equal compares with another map, whatever that is made of.
func (o object) Equal(other ref.Val) ref.Val {
	if same, ok := other.(object); ok && same == o {
		return types.True
	}
	m, ok := other.(traits.Mapper)
	if !ok || o.Size() != m.Size() {
		return types.False
	}
	for _, mine := range node(o).sorted() {
		theirs, ok := m.Find(types.String(mine.name))
		if !ok || types.Equal(node{o.tree, mine.value}.value(), theirs) != types.True {
			return types.False
		}
	}
	return types.True
}

// ConvertToType is for CEL's type(…).
func (o object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return o
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("type conversion error from '%s' to '%s'", types.MapType, t)
}

// ConvertToNative is for functions of the libraries that are written for Go's values.
func (o object) ConvertToNative(t reflect.Type) (any, error) {
	all := map[ref.Val]ref.Val{}
	for _, m := range node(o).sorted() {
		all[types.String(m.name)] = node{o.tree, m.value}.value()
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, all).ConvertToNative(t)
}

// Type is CEL's map.
func (o object) Type() ref.Type { return types.MapType }

// Value is the node.
func (o object) Value() any { return node(o) }

// Get returns the element at an index, or an error.
func (a array) Get(index ref.Val) ref.Val {
	i, err := types.GetOrError(index)
	if err != nil {
		return types.ValOrErr(index, "%v", err)
	}
	found, ok := node(a).index(i)
	if !ok {
		return types.NewErr("index out of bounds: %d", i)
	}
	return found.value()
}

// Contains reports whether an element equals a value.
func (a array) Contains(value ref.Val) ref.Val {
	for at := range node(a).eachElement() {
		if types.Equal(value, node{a.tree, at}.value()) == types.True {
			return types.True
		}
	}
	return types.False
}

// Add returns a list of both. It copies neither's values.
func (a array) Add(other ref.Val) ref.Val {
	if _, ok := other.(traits.Lister); !ok {
		return types.MaybeNoSuchOverloadErr(other)
	}
	return a.list().Add(other)
}

// list is a standard list of CEL's.
func (a array) list() traits.Lister {
	all := make([]ref.Val, 0, node(a).count())
	for at := range node(a).eachElement() {
		all = append(all, node{a.tree, at}.value())
	}
	return types.NewRefValList(types.DefaultTypeAdapter, all)
}

// Size is the number of elements.
func (a array) Size() ref.Val { return types.Int(node(a).count()) }

// IsZeroValue reports whether there are no elements.
func (a array) IsZeroValue() bool { return node(a).count() == 0 }

// Iterator goes through the elements.
func (a array) Iterator() traits.Iterator {
	return &iterator{tree: a.tree, at: a.at + 2, left: node(a).count()}
}

// Equal compares with another list, whatever that is made of.
func (a array) Equal(other ref.Val) ref.Val {
	if same, ok := other.(array); ok && same == a {
		return types.True
	}
	l, ok := other.(traits.Lister)
	if !ok || a.Size() != l.Size() {
		return types.False
	}
	theirs := l.Iterator()
	for at := range node(a).eachElement() {
		if types.Equal(node{a.tree, at}.value(), theirs.Next()) != types.True {
			return types.False
		}
	}
	return types.True
}

// ConvertToType is for CEL's type(…).
func (a array) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.ListType:
		return a
	case types.TypeType:
		return types.ListType
	}
	return types.NewErr("type conversion error from '%s' to '%s'", types.ListType, t)
}

// ConvertToNative is for functions of the libraries that are written for Go's values.
func (a array) ConvertToNative(t reflect.Type) (any, error) { return a.list().ConvertToNative(t) }

// Type is CEL's list.
func (a array) Type() ref.Type { return types.ListType }

// Value is the node.
func (a array) Value() any { return node(a) }

// iterator goes through the names of members, or through elements.
type iterator struct {
	members []member

	tree *tree
	at   int32
	left int
}

// HasNext reports whether Next returns a value.
func (i *iterator) HasNext() ref.Val { return types.Bool(len(i.members) > 0 || i.left > 0) }

// Next returns the next name or element, nil behind the last.
func (i *iterator) Next() ref.Val {
	switch {
	case len(i.members) > 0:
		name := i.members[0].name
		i.members = i.members[1:]
		return types.String(name)
	case i.left > 0:
		n := node{i.tree, i.at}
		i.left--
		i.at = i.tree.after(i.at)
		return n.value()
	}
	return nil
}

// ConvertToNative, ConvertToType, Equal, Type and Value make an iterator a value of CEL, which nothing looks at.
func (i *iterator) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("an iterator is not a value")
}

// ConvertToType always fails.
func (i *iterator) ConvertToType(ref.Type) ref.Val { return types.NewErr("no such overload") }

// Equal always fails.
func (i *iterator) Equal(ref.Val) ref.Val { return types.NewErr("no such overload") }

// Type is CEL's iterator.
func (i *iterator) Type() ref.Type { return types.IteratorType }

// Value is nil.
func (i *iterator) Value() any { return nil }
