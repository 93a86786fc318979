// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"math/bits"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// charge returns what a call costs at most, in units of about 0.1 µs, by the
// actual size of its arguments. It takes no longer than the call.
type charge func(args []ref.Val) int

// What a unit pays for.
const (
	bytesRead   = 100 // bytes that are looked at
	bytesMade   = 10  // bytes of text that are made, some of them several times
	regexSteps  = 20  // steps of a regular expression's program, one for each instruction and byte
	zoneLookup  = 200 // reading a time zone
	maximumCost = 1 << 40
)

// charges are those of all functions of the environment.
var charges = map[string]charge{
	// Planned by CEL, and of constant time.
	operators.LogicalAnd: one, operators.LogicalOr: one, operators.Conditional: one,
	operators.Index: one, operators.OptIndex: one, operators.OptSelect: one, "or": one, "orValue": one,
	operators.NotStrictlyFalse: one, "__not_strictly_false__": one,

	operators.LogicalNot: one, operators.Negate: one,
	operators.Subtract: one, operators.Multiply: one, operators.Divide: one, operators.Modulo: one,
	operators.Add:    added,
	operators.Equals: compared, operators.NotEquals: compared,
	operators.Less: compared, operators.LessEquals: compared, operators.Greater: compared, operators.GreaterEquals: compared,
	operators.In: searchedList, operators.OldIn: searchedList, "in": searchedList,

	"size": read, "type": one, "dyn": one, "bool": read, "int": read, "uint": read, "double": read,
	"duration": read, "timestamp": read, "string": made, "bytes": made,
	"getDate": dated, "getDayOfMonth": dated, "getDayOfWeek": dated, "getDayOfYear": dated, "getFullYear": dated, "getHours": dated,
	"getMilliseconds": dated, "getMinutes": dated, "getMonth": dated, "getSeconds": dated, "strftime": dated, "format_date": dated,
	"date": func(args []ref.Val) int { return read(args[:1]) + dated(args) },

	"hasValue": one, "value": one, "optional.none": one, "optional.of": one, "optional.ofNonZeroValue": one,
	"optional.unwrap": listed, "unwrapOpt": listed,

	"math.@max": listed, "math.@min": listed, "math.abs": one, "math.bitAnd": one, "math.bitNot": one, "math.bitOr": one,
	"math.bitShiftLeft": one, "math.bitShiftRight": one, "math.bitXor": one, "math.ceil": one, "math.floor": one, "math.isFinite": one,
	"math.isInf": one, "math.isNaN": one, "math.round": one, "math.sign": one, "math.sqrt": one, "math.trunc": one,

	"first": one, "last": one, "slice": listed, "lists.range": ranged,
	"flatten":  func(args []ref.Val) int { return 2 * depth(args[0], maximumCost) },
	"distinct": func(args []ref.Val) int { return 2 * crossed(args[0], args[0]) },
	"hasAll":   paired, "hasAny": paired, "hasExactly": paired, "hasOnly": paired,
	"sort": sorted, "@sortByAssociatedKeys": sorted,

	"contains": read, "startsWith": prefixed, "endsWith": prefixed, "charAt": made, "substring": made, "trim": made,
	"indexOf": searchedText, "lastIndexOf": searchedText, "lowerAscii": made, "upperAscii": made, "strings.quote": made,
	"reverse": reversed, "split": split, "join": joined, "replace": replaced, "format": formatted,
	"base64.encode": made, "base64.decode": made,

	"matches": regex, "regex.extract": regex, "regex.extractAll": extracted, "regex.replace": replacedByRegex,
}

func one([]ref.Val) int { return 1 }

// length is the bytes of text or bytes, and the elements of a list or map.
func lengthOf(value ref.Val) int {
	switch v := value.(type) {
	case types.String:
		return len(v)
	case types.Bytes:
		return len(v)
	case object:
		return node(v).count()
	case traits.Sizer:
		size, _ := v.Size().(types.Int)
		return int(size)
	}
	return 0
}

func isText(value ref.Val) bool {
	switch value.(type) {
	case types.String, types.Bytes:
		return true
	}
	return false
}

// depth is what it takes to go through all of a value, at most about limit.
func depth(value ref.Val, limit int) int {
	switch v := value.(type) {
	case object:
		values, bytes := node(v).size()
		return values + bytes/bytesRead
	case array:
		values, bytes := node(v).size()
		return values + bytes/bytesRead
	case traits.Mapper:
		all := 1
		for it := v.Iterator(); it.HasNext() == types.True && all < limit; {
			key := it.Next()
			all += depth(key, limit-all) + depth(v.Get(key), limit-all)
		}
		return all
	case traits.Lister:
		all := 1
		for it := v.Iterator(); it.HasNext() == types.True && all < limit; {
			all += depth(it.Next(), limit-all)
		}
		return all
	}
	return 1 + lengthOf(value)/bytesRead
}

// read is for what looks at all bytes of its arguments.
func read(args []ref.Val) int {
	bytes := 0
	for _, arg := range args {
		if isText(arg) {
			bytes += lengthOf(arg)
		}
	}
	return 1 + bytes/bytesRead
}

// made is for what makes text about as long as its arguments.
func made(args []ref.Val) int { return copied(args...) }

func copied(args ...ref.Val) int {
	cost := 1
	for _, arg := range args {
		if isText(arg) {
			cost += lengthOf(arg) / bytesMade
		} else {
			cost += depth(arg, costLimit)
		}
	}
	return cost
}

// compared is for what stops at the first difference.
func compared(args []ref.Val) int {
	if isText(args[0]) || isText(args[1]) {
		return 1 + min(lengthOf(args[0]), lengthOf(args[1]))/bytesRead
	}
	first := depth(args[0], costLimit)
	return min(first, depth(args[1], first))
}

// added is for what joins text or lists.
func added(args []ref.Val) int {
	switch args[0].(type) {
	case types.String, types.Bytes:
		return 1 + (lengthOf(args[0])+lengthOf(args[1]))/bytesMade
	case traits.MutableLister: // of a macro: it grows in place
		return 1 + lengthOf(args[1])
	case traits.Lister:
		return 1 + lengthOf(args[0]) + lengthOf(args[1])
	}
	return 1
}

// searchedList is for the search of an element or a key.
func searchedList(args []ref.Val) int {
	list, ok := args[1].(traits.Lister)
	if !ok {
		return 2 + lengthOf(args[0])/bytesRead
	}
	n := lengthOf(list)
	switch args[0].(type) {
	case types.String, types.Bytes:
		return 1 + n + n*lengthOf(args[0])/bytesRead
	case traits.Lister, traits.Mapper:
		return 1 + n + min(depth(list, costLimit), n*depth(args[0], costLimit))
	}
	return 1 + n
}

// listed is for what looks at each element, and not into it.
func listed(args []ref.Val) int {
	cost := 1
	for _, arg := range args {
		if _, ok := arg.(traits.Lister); ok {
			cost += lengthOf(arg)
		}
	}
	return cost
}

func ranged(args []ref.Val) int {
	n, _ := args[0].(types.Int)
	return 1 + int(min(max(n, 0), maximumCost))
}

// crossed is for what compares each element of one list with each of another.
func crossed(a, b ref.Val) int {
	return (depth(a, costLimit)*lengthOf(b) + depth(b, costLimit)*lengthOf(a)) / 2
}

func paired(args []ref.Val) int { return 1 + crossed(args[0], args[1]) }

// sorted is for lists of text or numbers.
func sorted(args []ref.Val) int {
	cost := 1
	for _, arg := range args {
		cost += depth(arg, costLimit) * bits.Len(uint(lengthOf(arg)))
	}
	return cost
}

// dated is for parts of a timestamp, in a time zone where there is a second
// argument.
func dated(args []ref.Val) int {
	cost := 1
	for _, arg := range args[min(1, len(args)):] {
		cost += lengthOf(arg) + zoneLookup
	}
	return cost
}

// prefixed is for what compares a beginning or end.
func prefixed(args []ref.Val) int { return 1 + lengthOf(args[1])/bytesRead }

// searchedText is for a search by characters, which starts again at each.
func searchedText(args []ref.Val) int {
	return copied(args[:2]...) + lengthOf(args[0])*lengthOf(args[1])/bytesRead
}

func reversed(args []ref.Val) int {
	if isText(args[0]) {
		return 1 + 4*lengthOf(args[0])/bytesMade
	}
	return listed(args)
}

func textAt(args []ref.Val, i int) string {
	if i >= len(args) {
		return ""
	}
	t, _ := args[i].(types.String)
	return string(t)
}

func countAt(args []ref.Val, i int) int {
	if i >= len(args) {
		return -1
	}
	n, _ := args[i].(types.Int)
	return int(n)
}

func split(args []ref.Val) int {
	parts := strings.Count(textAt(args, 0), textAt(args, 1)) + 1
	if most := countAt(args, 2); most >= 0 {
		parts = min(parts, most)
	}
	return read(args) + parts
}

func joined(args []ref.Val) int {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return 1
	}
	n := lengthOf(list)
	bytes := max(n-1, 0) * len(textAt(args, 1))
	for it := list.Iterator(); it.HasNext() == types.True && bytes/bytesMade <= costLimit; {
		element, _ := it.Next().(types.String)
		bytes += len(element)
	}
	return 1 + n + bytes/bytesMade
}

func replaced(args []ref.Val) int {
	target, old, with := textAt(args, 0), textAt(args, 1), textAt(args, 2)
	n := strings.Count(target, old)
	if most := countAt(args, 3); most >= 0 {
		n = min(n, most)
	}
	return 1 + n + (len(target)+n*max(len(with)-len(old), 0))/bytesMade
}

// formatted is for what writes its arguments, and numbers with as many digits
// as the format asks for.
func formatted(args []ref.Val) int {
	format := textAt(args, 0)
	cost := copied(args...)
	if list, ok := args[1].(traits.Lister); ok {
		for it := list.Iterator(); it.HasNext() == types.True && cost <= costLimit; {
			cost += written(it.Next())
		}
	}
	for {
		_, after, found := strings.Cut(format, "%.")
		if !found {
			return cost
		}
		format = strings.TrimLeft(after, "0123456789")
		digits, err := strconv.Atoi(after[:len(after)-len(format)])
		if err != nil && after != format {
			return maximumCost
		}
		cost += min(digits, maximumCost) / bytesMade
	}
}

// written is for a value that becomes text.
func written(value ref.Val) int {
	switch v := value.(type) {
	case types.String, types.Bytes:
		return 1 + lengthOf(value)/bytesMade
	case object:
		return 1 + len(node(v).raw())
	case array:
		return 1 + len(node(v).raw())
	}
	return depth(value, costLimit) * bytesRead / bytesMade
}
