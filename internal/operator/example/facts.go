// SPDX-License-Identifier: Apache-2.0

package example

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/route"
)

// fact is a member of an event that an expression names, and the constant that it is
// compared with, if any.
type fact struct {
	path     string // such as message.json.amount
	operator string // ==, >, >=, <, <= or in; empty without a comparison
	value    any    // a string, a json.Number or a bool
}

// facts are those of a route. They are guessed from the text, to make events that
// are then tried; nothing else depends on them.
type facts []fact

// factPattern matches a member, which may be in int(…) and the like, and what it is
// compared with.
var factPattern = regexp.MustCompile(`\b((?:message|data|object)(?:\.\??[A-Za-z_]\w*)+)(\()?\)?` +
	`(?:\s*(==|>=|<=|>|<|in)\s*\[?\s*("[^"]*"|'[^']*'|-?[0-9]+(?:\.[0-9]+)?|true|false))?`)

// factsOf reads the expressions of a route.
func factsOf(s *route.Spec) (all facts) {
	texts := append(textsOf(&s.Conf), s.When.Value, s.DAG.Value, s.RunID.Value, s.RunIDExact.Value, s.LogicalDate.Value, s.Note.Value)
	for _, text := range texts {
		for _, m := range factPattern.FindAllStringSubmatch(text, -1) {
			path := strings.ReplaceAll(m[1], ".?", ".")
			if m[2] != "" { // a call: the last name is the function's
				path = path[:strings.LastIndexByte(path, '.')]
			}
			all = append(all, fact{path, m[3], constant(m[4])})
		}
	}
	return all
}

// textsOf are the texts of a conf.
func textsOf(v *route.Value) (texts []string) {
	if v.Kind == document.String {
		texts = append(texts, v.Value)
	}
	for i := range v.Members {
		texts = append(texts, textsOf(&v.Members[i])...)
	}
	return texts
}

// constant reads a constant of an expression; nil for none.
func constant(text string) any {
	switch {
	case text == "":
		return nil
	case text == "true" || text == "false":
		return text == "true"
	case text[0] == '"' || text[0] == '\'':
		return text[1 : len(text)-1]
	default:
		return json.Number(text)
	}
}

// meets is a value for which the comparison is true; preset without one.
func (f fact) meets(preset any) any {
	n, isNumber := f.value.(json.Number)
	switch {
	case f.value == nil:
		return preset
	case isNumber && (f.operator == ">" || f.operator == "<"):
		step := map[string]float64{">": 1, "<": -1}[f.operator]
		value, _ := n.Float64() // the pattern matches numbers only
		return json.Number(strconv.FormatFloat(value+step, 'f', -1, 64))
	default:
		return f.value
	}
}

// numbers are the numbers that meet the comparisons of sizes.
func (all facts) numbers() (sizes []int64) {
	for _, f := range all {
		n, ok := f.meets(nil).(json.Number)
		if size, err := n.Int64(); ok && err == nil && f.path == "object.size" {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// text is the text that a member is compared with; empty for none.
func (all facts) text(path string) string {
	for _, f := range all {
		if text, ok := f.value.(string); ok && f.path == path {
			return text
		}
	}
	return ""
}

// members are the members of a map of text, such as message.attributes.
func (all facts) members(of, filler string) map[string]string {
	members := map[string]string{}
	for _, f := range all {
		name, ok := strings.CutPrefix(f.path, of+".")
		if text, isText := f.meets(filler).(string); ok && isText && !strings.Contains(name, ".") {
			members[name] = text
		}
	}
	return members
}

// data are JSON objects with all members of data that are named, as numbers and as
// text where no comparison says which.
func (all facts) data(filler string) []string {
	var texts []string
	for _, preset := range []any{json.Number("4711"), filler} {
		root := map[string]any{}
		for _, f := range all {
			for _, prefix := range []string{"message.json.", "data."} {
				if path, ok := strings.CutPrefix(f.path, prefix); ok {
					put(root, strings.Split(path, "."), f, preset)
				}
			}
		}
		if len(root) == 0 {
			root["order"] = preset
		}
		var b strings.Builder
		_ = plainjson.Encode(&b, root) // maps, texts and numbers have no error
		texts = append(texts, strings.TrimSpace(b.String()))
	}
	return slices.Compact(texts)
}

// put sets a member below root. A comparison wins over a mere mention.
func put(root map[string]any, path []string, f fact, preset any) {
	for _, name := range path[:len(path)-1] {
		below, ok := root[name].(map[string]any)
		if !ok {
			below = map[string]any{}
			root[name] = below
		}
		root = below
	}
	last := path[len(path)-1]
	if _, ok := root[last]; !ok || f.value != nil {
		if _, isMap := root[last].(map[string]any); !isMap {
			root[last] = f.meets(preset)
		}
	}
}
