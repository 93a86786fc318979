// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// steep are the functions of the libraries whose work grows faster than what
// they are given, with what a call costs at the least, in CEL's units. CEL
// counts a call when it has returned, and looks at no deadline meanwhile:
// text.replace("a", text) of a message of 60 kB makes 4 GB.
func steep() map[string]func(args []ref.Val) int {
	return map[string]func([]ref.Val) int{
		"distinct":      func(args []ref.Val) int { return 2 * product(args[0], args[0]) },
		"hasAll":        pairs,
		"hasAny":        pairs,
		"hasExactly":    pairs,
		"hasOnly":       pairs,
		"indexOf":       func(args []ref.Val) int { return pairs(args) / 10 },
		"lastIndexOf":   func(args []ref.Val) int { return pairs(args) / 10 },
		"join":          joined,
		"replace":       replaced,
		"regex.replace": replacedByRegex,
	}
}

// bound has the steep functions refuse what is over the limit of cost before
// they begin. It has to come before env plans anything.
func bound(env *cel.Env) error {
	for name, cost := range steep() {
		function := env.Functions()[name]
		implementations, err := function.Bindings()
		if err != nil {
			return err
		}
		for _, i := range implementations {
			o, ok := overload(function, i.Operator)
			if !ok {
				continue // what chooses among the others
			}
			declare := decls.Overload
			if o.IsMemberFunction() {
				declare = decls.MemberOverload
			}
			// The same again, in the place of what it was.
			if _, err := declare(o.ID(), o.ArgTypes(), o.ResultType(), limited(i, cost))(function); err != nil {
				return err
			}
		}
	}
	return nil
}

func overload(function *decls.FunctionDecl, id string) (*decls.OverloadDecl, bool) {
	all := function.OverloadDecls()
	i := slices.IndexFunc(all, func(o *decls.OverloadDecl) bool { return o.ID() == id })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// limited is an implementation that is not begun where it costs too much.
func limited(i *functions.Overload, cost func(args []ref.Val) int) decls.OverloadOpt {
	check := func(args []ref.Val, call func() ref.Val) ref.Val {
		if cost(args) > costLimit {
			return types.NewErr("operation cancelled: actual cost limit exceeded") // CEL's own words
		}
		return call()
	}
	switch {
	case i.Unary != nil:
		return decls.UnaryBinding(func(a ref.Val) ref.Val {
			return check([]ref.Val{a}, func() ref.Val { return i.Unary(a) })
		})
	case i.Binary != nil:
		return decls.BinaryBinding(func(a, b ref.Val) ref.Val {
			return check([]ref.Val{a, b}, func() ref.Val { return i.Binary(a, b) })
		})
	}
	return decls.FunctionBinding(func(args ...ref.Val) ref.Val {
		return check(args, func() ref.Val { return i.Function(args...) })
	})
}

// sizeOf is how many elements or characters a value has.
func sizeOf(value ref.Val) int {
	switch v := value.(type) {
	case types.String:
		return utf8.RuneCountInString(string(v))
	case traits.Sizer:
		size, _ := v.Size().(types.Int)
		return int(size)
	}
	return 0
}

// product is of lengths, none of which is over 2^31.
func product(a, b ref.Val) int { return sizeOf(a) * sizeOf(b) }

func pairs(args []ref.Val) int { return product(args[0], args[1]) }

// textAt is the text of an argument, empty where there is no such one.
func textAt(args []ref.Val, i int) string {
	if i >= len(args) {
		return ""
	}
	t, _ := args[i].(types.String)
	return string(t)
}

// countAt is how many replacements an argument allows.
func countAt(args []ref.Val, i int) int {
	if i >= len(args) {
		return -1
	}
	n, _ := args[i].(types.Int)
	return int(n)
}

// characters is how many there are in so many bytes, at the least.
func characters(bytes int) int { return bytes / utf8.UTFMax }

// joined is the length of list.join(separator).
func joined(args []ref.Val) int {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return 0
	}
	n := sizeOf(list)
	bytes := max(n-1, 0) * len(textAt(args, 1))
	for i := 0; i < n && characters(bytes) <= costLimit; i++ {
		element, _ := list.Get(types.Int(i)).(types.String)
		bytes += len(element)
	}
	return characters(bytes)
}

// replaced is the length of text.replace(old, new, most).
func replaced(args []ref.Val) int {
	target, old, with := textAt(args, 0), textAt(args, 1), textAt(args, 2)
	n := strings.Count(target, old)
	if limit := countAt(args, 3); limit >= 0 {
		n = min(n, limit)
	}
	return characters(len(target) + n*(len(with)-len(old)))
}

// replacedByRegex is the length of regex.replace(target, pattern, new, most),
// in which \1 is what the first group matched.
func replacedByRegex(args []ref.Val) int {
	target, with := textAt(args, 0), textAt(args, 2)
	pattern, err := regexp.Compile(textAt(args, 1))
	if err != nil {
		return 0 // the function tells what is wrong
	}
	limit := countAt(args, 3)
	if limit < 0 || limit > costLimit/10 {
		limit = costLimit / 10 // each match takes some ten steps
	}
	matches := pattern.FindAllStringSubmatchIndex(target, limit)
	if len(matches) == costLimit/10 {
		return costLimit + 1
	}
	literal, groups := len(with), map[int]int{}
	for rest := with; ; {
		_, after, found := strings.Cut(rest, `\`)
		if !found || after == "" {
			break
		}
		literal -= 2
		groups[int(after[0]-'0')]++
		rest = after[1:]
	}
	bytes := len(target)
	for _, m := range matches {
		bytes += literal - (m[1] - m[0])
		for group, times := range groups {
			if 2*group+1 < len(m) && m[2*group] >= 0 {
				bytes += times * (m[2*group+1] - m[2*group])
			}
		}
	}
	return characters(bytes)
}
